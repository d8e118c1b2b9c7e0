//! What a repository is made of: its gates, and the agents on this machine.
//!
//! Not for running gates or agents: the only programs started here are agents asked for their version. Nothing of
//! the repository is executed to look at it. Invariant: what [`render_config`] writes passes `config::validate`.

mod agents;
mod logins;
mod render;
mod stacks;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use agents::{Machine, find_agents};
pub use logins::{FoundLogin, Surroundings};
pub use render::render_config;
pub use stacks::repositories_below;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Repositories right below the top, where that is none itself: they can be worked on together.
    pub repositories: Vec<String>,
    /// Languages and build tools, by the file that shows them: "Rust (Cargo.toml)".
    pub stacks: Vec<String>,
    /// Commands that ought to pass, cheapest first.
    pub gates: Vec<FoundGate>,
    /// Commands that make a fresh worktree usable.
    pub setup: Vec<String>,
    /// Files that a fresh worktree lacks because git doesn't hold them.
    pub copy: Vec<String>,
    /// Agents on this machine.
    pub agents: Vec<FoundAgent>,
    /// What could not be read, and the like.
    pub notes: Vec<String>,
}

/// A command that ought to pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundGate {
    /// Its name.
    pub name: String,
    /// A line for `sh -c`.
    pub command: String,
    /// The folder to run it in, relative to the top; "." for the top.
    pub cwd: String,
    /// What it was concluded from.
    pub because: String,
}

/// An agent's program on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundAgent {
    /// The name of the program.
    pub name: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// What it said to `--version`; none if it said nothing in time.
    pub version: Option<String>,
}

/// Looks at a repository and at this machine. Takes up to 5 s if an agent doesn't answer.
pub fn look(root: &Path, machine: &Machine) -> Found {
    let mut found = stacks::look(root);
    found.agents = find_agents(machine);
    found
}
