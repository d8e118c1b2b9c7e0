//! The configuration file and the plan file: text in, checked values out.
//!
//! Not for finding files or programs, and not for the graph of a plan (the engine checks that). Apart from [`load`]
//! nothing here touches a disk.
//!
//! Invariants: the defaults are the embedded `config.example.toml`; a [`Config`] has passed every check; an error
//! names file, line, column, the wrong key and, where there is one, the right one.

mod agent;
mod apply;
mod check;
pub mod plan;
mod problem;
mod reader;
mod settings;
mod template;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use agent::{Agent, AgentKind, Mode, Permission, PromptDelivery};
pub use problem::{Problem, Problems};
pub use settings::{
    AfterFix, Defaults, Gate, GateCommand, HumanGate, OnMax, Quorum, Recording, Review, Role, Run, Ui,
    Worktrees,
};
pub use template::{Placeholder, Template};

use std::collections::BTreeMap;

/// The embedded defaults, which document every key.
pub const EXAMPLE: &str = include_str!("../../config.example.toml");

/// A whole configuration, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// How a run goes.
    pub run: Run,
    /// Which agent does what, where nothing else says so.
    pub defaults: Defaults,
    /// How work is reviewed.
    pub review: Review,
    /// Disciplines, by name.
    pub roles: BTreeMap<String, Role>,
    /// What must pass, in order.
    pub gates: Vec<Gate>,
    /// The agents, in order of preference: the project's, the user's, the built-in ones.
    pub agents: Vec<Agent>,
    /// Where work happens.
    pub worktrees: Worktrees,
    /// The screen.
    pub ui: Ui,
    /// Keys of actions that differ from the defaults; names are checked by the keymap.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Recorded output.
    pub recording: Recording,
}

/// The text of a configuration file and what to call it in errors.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its name, as people know it.
    pub file: &'a str,
    /// Its content.
    pub text: &'a str,
}

/// Checks one file on top of the defaults.
pub fn validate(text: &str, file: &str) -> Result<Config, Problems> {
    Config::layered(&[Source { file, text }])
}

/// Reads and checks one file on top of the defaults. A file that cannot be read is a problem like others.
pub fn load(path: &Path) -> Result<Config, Problems> {
    let file = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => validate(&text, &file),
        Err(error) => Err(Problems::of(Problem::whole_file(&file, format!("could not be read: {error}")))),
    }
}

impl Config {
    /// The user's file and the project's on top of the defaults; the project's wins, key by key.
    pub fn merged(user: Option<Source<'_>>, project: Option<Source<'_>>) -> Result<Self, Problems> {
        let layers: Vec<Source<'_>> = user.into_iter().chain(project).collect();
        Self::layered(&layers)
    }

    /// The agent of this name.
    pub fn agent(&self, name: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.name == name)
    }

    fn layered(layers: &[Source<'_>]) -> Result<Self, Problems> {
        let defaults = Source { file: "the built-in defaults", text: EXAMPLE };
        let mut draft = apply::Draft::default();
        for source in std::iter::once(&defaults).chain(layers) {
            draft.apply(source);
        }
        draft.finish()
    }
}
