//! A configuration that was read and is not yet in use: its values, its mistakes so far, and where names stand that
//! other rooms know.
//!
//! Not for knowing those names. Invariant: [`Reading::finish`] gives a configuration only if nobody reported a mistake,
//! and else every mistake, file by file in the order of their places.

use super::apply::Draft;
use super::check;
use super::problem::{Problem, Problems};
use super::reader::Place;
use super::{AGENTS, Config, EXAMPLE, Source};

/// What the embedded defaults are called in errors.
const DEFAULTS: &str = "the built-in defaults";

/// A configuration before its last checks.
pub struct Reading {
    draft: Draft,
    files: Vec<String>,
}

/// A name in a configuration that another room knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot<'a> {
    /// The theme's, in `[ui]`.
    Theme,
    /// The key that leaves a terminal, in `[ui]`.
    LeaveKey,
    /// An action's, in `[keys]`.
    Action(&'a str),
    /// One of an action's keys, from 0.
    Key(&'a str, usize),
}

impl Reading {
    /// These files on top of the defaults, the last one winning key by key.
    pub fn of(layers: &[Source<'_>]) -> Reading {
        let mut draft = Draft::default();
        let example = Source { file: DEFAULTS, text: EXAMPLE };
        for source in AGENTS.iter().chain([&example]).chain(layers) {
            draft.apply(source);
        }
        check::check(&mut draft);
        Reading { draft, files: layers.iter().map(|source| source.file.to_owned()).collect() }
    }

    /// The values as they are, wrong names among them.
    pub fn config(&self) -> &Config {
        &self.draft.config
    }

    /// The file and the line of a name; `None` if no file has it.
    pub fn line(&self, spot: Spot<'_>) -> Option<(&str, usize)> {
        self.place(spot).map(|place| (place.file.as_str(), place.line))
    }

    /// Adds a mistake at a name.
    pub fn report(&mut self, spot: Spot<'_>, message: impl Into<String>, hint: Option<String>) {
        let problem = match self.place(spot) {
            Some(place) => place.problem(message, hint),
            None => Problem { hint, ..Problem::whole_file(DEFAULTS, message.into()) },
        };
        self.add(problem);
    }

    /// Adds a mistake, of this or of another file.
    pub fn add(&mut self, problem: Problem) {
        self.draft.problems.push(problem);
    }

    /// The configuration, or everything that is wrong.
    pub fn finish(self) -> Result<Config, Problems> {
        let Reading { draft, files } = self;
        if draft.problems.is_empty() {
            return Ok(draft.config);
        }
        let mut list = draft.problems;
        let file = |problem: &Problem| {
            let at = files.iter().position(|file| *file == problem.file);
            (at.unwrap_or(files.len()), problem.file.clone())
        };
        list.sort_by_cached_key(|problem| (file(problem), problem.line, problem.column));
        Err(Problems { list })
    }

    fn place(&self, spot: Spot<'_>) -> Option<&Place> {
        match spot {
            Spot::Theme => self.draft.theme_place.as_ref(),
            Spot::LeaveKey => self.draft.leave_key_place.as_ref(),
            Spot::Action(name) => self.draft.key_places.get(name).map(|(place, _)| place),
            Spot::Key(name, nth) => self.draft.key_places.get(name)?.1.get(nth),
        }
    }
}
