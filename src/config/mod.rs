//! The configuration file and the plan file: text in, checked values out.
//!
//! Not for finding or reading files, not for the graph of a plan (the engine checks that), and not for the names of
//! themes, actions and keys: a [`Reading`] tells where they stand, so that whoever knows them can report at their place.
//!
//! Invariants: the defaults are the embedded `config.example.toml`; a [`Config`] has passed every check; an error
//! names file, line, column, the wrong key and, where there is one, the right one.

mod agent;
mod apply;
mod check;
mod edit;
pub mod plan;
mod problem;
mod reader;
mod reading;
mod settings;
mod template;
#[cfg(test)]
mod tests;

pub use agent::{Agent, AgentKind, Mode, PromptDelivery, ReviewTools};
pub use edit::{EditError, with_env};
pub use problem::{Problem, Problems};
pub use reading::{Reading, Spot};
pub use settings::{
    AfterFix, Checks, Clipboard, Defaults, Gate, GateCommand, HumanGate, Limits, OnCheckChange, OnMax,
    Pattern, Price, Promotion, Quorum, Recording, Review, Role, Run, Ui, Worktrees,
};
pub use template::{Placeholder, Template};

use std::collections::BTreeMap;

/// The embedded defaults, which document every key.
pub const EXAMPLE: &str = include_str!("../../config.example.toml");

/// The built-in agents; those that come last are preferred.
const AGENTS: [Source<'_>; 4] = [
    Source { file: "opencode.toml", text: include_str!("../../assets/agents/opencode.toml") },
    Source { file: "gemini.toml", text: include_str!("../../assets/agents/gemini.toml") },
    Source { file: "codex.toml", text: include_str!("../../assets/agents/codex.toml") },
    Source { file: "claude.toml", text: include_str!("../../assets/agents/claude.toml") },
];

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
    /// The files that judge the work.
    pub checks: Checks,
    /// What may be used.
    pub limits: Limits,
    /// When reviewers go on from task to task.
    pub promotion: Promotion,
    /// The agents, in order of preference: the project's, the user's, the built-in ones.
    pub agents: Vec<Agent>,
    /// Repositories that are worked on together: the path of each by its name. None: the one around the file.
    pub repositories: BTreeMap<String, String>,
    /// Where work happens.
    pub worktrees: Worktrees,
    /// The screen.
    pub ui: Ui,
    /// Keys of actions that differ from the defaults; names are checked by the keymap.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Recorded output.
    pub recording: Recording,
    /// What models' tokens cost, where the list that comes with the program is wrong or silent.
    pub prices: BTreeMap<String, Price>,
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
    Reading::of(&[Source { file, text }]).finish()
}

/// The repositories that a file names, whatever else is wrong with it.
pub fn repositories(text: &str, file: &str) -> BTreeMap<String, String> {
    Reading::of(&[Source { file, text }]).config().repositories.clone()
}

impl Config {
    /// The agent of this name.
    pub fn agent(&self, name: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.name == name)
    }
}
