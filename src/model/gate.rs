//! Gates: commands that must pass, and what they said. And the lines that make a worktree ready for them.

use serde::{Deserialize, Serialize};

use super::Oid;

/// A command that must pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateSpec {
    /// Unique in the run.
    pub name: String,
    /// Program and arguments; a shell line is `["sh", "-c", line]`.
    pub argv: Vec<String>,
    /// Where to run it, relative to the tree's root; empty is the root.
    pub cwd: String,
    /// It is ended, and has failed, after this many milliseconds.
    pub timeout_ms: u64,
    /// Whether it may run beside the gates next to it that say so too.
    #[serde(default)]
    pub parallel: bool,
    /// Whether it is run for tasks that name it, and for no others.
    #[serde(default)]
    pub on_request: bool,
    /// Whether it is run again on a tree that it has passed already.
    #[serde(default)]
    pub always: bool,
    /// The repository of a workspace that it belongs to: it is run for work that changes that one.
    #[serde(default)]
    pub repository: Option<String>,
}

/// A line of the setup: it must end well before anybody works in the worktree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupLine {
    /// For `sh -c`.
    pub line: String,
    /// It is ended, and has failed, after this many milliseconds.
    pub timeout_ms: u64,
}

/// Characters of a line that is named in a sentence.
const HEADLINE: usize = 60;

impl SetupLine {
    /// The line as it is named in a sentence.
    pub fn headline(&self) -> String {
        let mut words = self.line.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = words.char_indices().nth(HEADLINE) {
            words.truncate(end);
            words.push('…');
        }
        words
    }

    /// The program that it begins with, without its folder.
    pub fn program(&self) -> String {
        let first = self.line.split_whitespace().next().unwrap_or("setup");
        let name = first.rsplit('/').find(|part| !part.is_empty()).unwrap_or("setup");
        name.chars().filter(|c| !c.is_control()).take(20).collect()
    }
}

/// Evidence: what a gate said of one commit. A new commit voids it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateResult {
    /// The gate's name.
    pub gate: String,
    /// The commit whose tree it ran on.
    pub oid: Oid,
    /// Exit code; none if it was ended by a signal or the time limit.
    pub code: Option<i32>,
    /// Whether the time limit ended it.
    pub timed_out: bool,
    /// How long it ran, milliseconds.
    pub duration_ms: u64,
    /// The recording of its whole output.
    pub log: String,
    /// The last lines of its output, without control characters, as the next prompt quotes them.
    pub tail: String,
    /// The commit whose checks were used, where the work had changed them.
    #[serde(default)]
    pub checks_of: Option<Oid>,
    /// The commit of the same tree that it was run on, if not on this one.
    #[serde(default)]
    pub reused_from: Option<Oid>,
    /// Whether it failed on the base commit too; none if nobody looked.
    #[serde(default)]
    pub failed_before: Option<bool>,
}

impl GateResult {
    /// Only exit code 0 passes.
    pub fn passed(&self) -> bool {
        self.code == Some(0) && !self.timed_out
    }
}
