//! Checks: the files that judge the work (tests, their data, snapshots, CI, scripts of manifests, settings of gates), and
//! what a task's work did to them.

use serde::{Deserialize, Serialize};

use super::Oid;

/// Which files are checks, and what happens when work changes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Globs of checks, relative to the repository. Empty: nothing is guarded.
    pub protect: Vec<String>,
    /// What happens to work that changes one it may not change.
    pub on_change: OnCheckChange,
    /// Roles whose tasks may change every check.
    pub roles: Vec<String>,
    /// Whether a gate that failed on the base commit too may fail.
    pub tolerate_red: bool,
}

/// What happens to work that changes a check it may not change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnCheckChange {
    /// Nothing.
    #[default]
    Allow,
    /// A person approves it before it is merged.
    Person,
    /// It is a finding for the next round.
    Reject,
}

/// Which checks a task may change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Globs of checks.
    pub protect: Vec<String>,
    /// Globs of those that this task may change; `**` is all.
    pub allowed: Vec<String>,
    /// Commands whose own files are checks too.
    pub commands: Vec<GateCommandLine>,
}

/// A gate's command, for the files that it names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateCommandLine {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Where it is run, relative to the top.
    pub cwd: String,
}

/// A check that the work changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckChange {
    /// The file, relative to the repository.
    pub path: String,
    /// What was done to it.
    pub how: HowChanged,
    /// Whether the task may.
    pub allowed: bool,
}

/// What was done to a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HowChanged {
    /// Its content is another.
    Changed,
    /// Lines came to it and none went: what was checked before is put back, and then the whole is run too.
    Extended,
    /// It is gone, or was moved.
    Removed,
    /// It is new, and decides how other checks run.
    Added,
    /// A manifest's scripts or test settings are others; the rest of the file is not a check.
    Scripts,
    /// The file is no check, but holds fewer tests than before, or skips more of them.
    Weakened,
}

impl HowChanged {
    /// In a word or two.
    pub fn name(self) -> &'static str {
        match self {
            HowChanged::Changed => "changed",
            HowChanged::Extended => "extended",
            HowChanged::Removed => "removed",
            HowChanged::Added => "added",
            HowChanged::Scripts => "scripts changed",
            HowChanged::Weakened => "fewer tests",
        }
    }
}

impl CheckChange {
    /// The file and what was done to it.
    pub fn headline(&self) -> String {
        format!("{} ({})", self.path, self.how.name())
    }
}

/// Whose checks a gate is run with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecksOf {
    /// The commit that they are taken from.
    pub at: Oid,
    /// Which ones.
    pub changes: Vec<CheckChange>,
}
