//! Findings: what reviewers, gates and people say is wrong, each with its state.

use serde::{Deserialize, Serialize};

use super::Oid;

/// Something to fix, or shown not to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Number within the task, from 1.
    pub number: u32,
    /// The round it was raised in.
    pub round: u32,
    /// Who raised it: an agent, `gate <name>`, `merge` or `person`.
    pub source: String,
    /// How bad.
    pub severity: Severity,
    /// File, relative to the repository; empty if it concerns no one file.
    pub file: String,
    /// Line in that file, from 1; 0 if none.
    pub line: u32,
    /// What is wrong.
    pub description: String,
    /// How to put it right, if the source said.
    pub suggestion: String,
    /// Why it was dismissed or deferred, if somebody said.
    #[serde(default)]
    pub why: String,
    /// Where it stands.
    pub state: FindingState,
}

/// How bad a finding is: P0 to P3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// P0: must not ship.
    Critical,
    /// P1: wrong.
    Major,
    /// P2: should be better.
    Minor,
    /// P3: taste.
    Nit,
}

/// The life of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingState {
    /// Not yet fixed.
    Raised,
    /// A fix was made in this commit; the next review decides whether it holds.
    Fixed(Oid),
    /// Raised again after a fix.
    Reopened,
    /// Shown not to be so, or not wanted.
    Dismissed,
    /// Kept for later: a nit of an approval.
    Deferred,
}

impl Finding {
    /// Same file, same words but for case, digits and spacing: the same finding.
    pub fn fingerprint(&self) -> String {
        let words = self.description.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase);
        format!("{}:{}", self.file, words.take(120).collect::<String>())
    }

    /// Whether a person can still say that it is not so.
    pub fn can_be_dismissed(&self) -> bool {
        !matches!(self.state, FindingState::Dismissed | FindingState::Fixed(_))
    }

    /// Whether the next fix has to see it.
    pub fn is_open(&self) -> bool {
        matches!(self.state, FindingState::Raised | FindingState::Reopened)
    }
}

/// What is said of a place: `src/a.rs:7: what`.
pub fn placed(text: &str) -> Option<(&str, u32, &str)> {
    let (place, what) = text.split_once(": ")?;
    let (file, line) = place.trim_matches('`').rsplit_once(':')?;
    let line = line.parse().ok().filter(|line| *line > 0)?;
    let is_path = !file.is_empty() && !file.contains(char::is_whitespace);
    is_path.then(|| (file.trim_start_matches("./"), line, what.trim()))
}

/// Where something is, as people write it: `src/a.rs:7`, `src/a.rs`, `the work`.
pub fn place(file: &str, line: u32) -> String {
    match (file, line) {
        ("", _) => "the work".to_owned(),
        (file, 0) => file.to_owned(),
        (file, line) => format!("{file}:{line}"),
    }
}
