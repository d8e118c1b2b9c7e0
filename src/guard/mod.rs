//! The guard of checks: what of a change touches what judges it.
//!
//! Paths and texts come in, changes to checks come out; nothing is read or run here. Not for what follows from a change:
//! that is the engine's. Invariant: a new test is no change to a check; everything that could make an old one pass
//! without the code being right is.

mod manifest;
mod steer;
mod weaken;

use glob::{MatchOptions, Pattern};

use crate::model::{CheckChange, Guard, HowChanged};

pub use manifest::{is_manifest, with_scripts_of};

/// A file that differs between two trees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Its path, relative to the repository.
    pub path: String,
    /// Whether it was there before.
    pub before: bool,
    /// Whether it is there now.
    pub after: bool,
    /// Of a manifest its text before and now.
    pub texts: Option<(String, String)>,
}

/// The changes to checks among the files that differ; `diff` is the unified diff of them all.
pub fn changes(guard: &Guard, files: &[Touched], diff: &str) -> Vec<CheckChange> {
    if guard.protect.is_empty() && guard.commands.is_empty() {
        return Vec::new();
    }
    let (protect, allowed) = (Globs::of(&guard.protect), Globs::of(&guard.allowed));
    let is_check = |path: &str| protect.matches(path) || steer::is_named(guard, path);
    let lines = weaken::Lines::of(diff);
    let mut found: Vec<CheckChange> = Vec::new();
    for file in files {
        if let Some(mut how) = how(guard, file, is_check(&file.path)) {
            if how == HowChanged::Changed && !steer::steers(guard, &file.path) && lines.only_added(&file.path)
            {
                how = HowChanged::Extended;
            }
            let allowed = allowed.matches(&file.path);
            found.push(CheckChange { path: file.path.clone(), how, allowed });
        }
    }
    for path in lines.weakened() {
        if !found.iter().any(|change| change.path == path) && !is_check(&path) {
            let allowed = allowed.matches(&path);
            found.push(CheckChange { path, how: HowChanged::Weakened, allowed });
        }
    }
    found
}

fn how(guard: &Guard, file: &Touched, is_check: bool) -> Option<HowChanged> {
    match (file.before, file.after) {
        (false, true) => steer::steers(guard, &file.path).then_some(HowChanged::Added),
        (true, false) => (is_check || is_manifest(&file.path)).then_some(HowChanged::Removed),
        _ if is_check => Some(HowChanged::Changed),
        _ => {
            let (before, after) = file.texts.as_ref()?;
            manifest::scripts_differ(&file.path, before, after).then_some(HowChanged::Scripts)
        }
    }
}

/// Why a glob can't be used; none if it can.
pub fn glob_problem(glob: &str) -> Option<String> {
    Pattern::new(glob).err().map(|error| error.msg.to_owned())
}

struct Globs(Vec<Pattern>);

impl Globs {
    /// Globs that are none were told of when the configuration was read.
    fn of(globs: &[String]) -> Globs {
        Globs(globs.iter().filter_map(|glob| Pattern::new(glob).ok()).collect())
    }

    fn matches(&self, path: &str) -> bool {
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
        self.0.iter().any(|glob| glob.matches_with(path, options))
    }
}

#[cfg(test)]
mod tests;
