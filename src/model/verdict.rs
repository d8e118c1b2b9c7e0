//! A reviewer's structured answer.

use serde::{Deserialize, Serialize};

use super::Severity;

/// What one reviewer said of one tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// For or against.
    pub vote: Vote,
    /// A few sentences.
    pub summary: String,
    /// What is wrong, or could be better.
    pub remarks: Vec<Remark>,
}

/// For or against; anything else is no vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// May be merged.
    Approve,
    /// Must be changed first.
    RequestChanges,
}

/// One remark of a verdict, before it becomes a finding of the task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// How bad.
    pub severity: Severity,
    /// File, relative to the repository; empty if it concerns no one file.
    #[serde(default)]
    pub file: String,
    /// Line in that file, from 1; 0 if none.
    #[serde(default)]
    pub line: u32,
    /// What is wrong.
    pub description: String,
    /// How to put it right.
    #[serde(default)]
    pub suggestion: String,
}
