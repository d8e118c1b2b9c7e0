//! What is handed in: the JSON result, written where `LOOPMON_RESULT` says or printed as the last thing.

use std::path::Path;

use serde_json::{Value, json};

use super::script::ScriptedFinding;
use super::turn::Turn;
use crate::model::{StepKind, Vote};

/// What a turn has come to so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    pub(super) summary: Option<String>,
    pub(super) verdict: Option<Value>,
    pub(super) answer: Option<String>,
    pub(super) usage: Option<Value>,
}

impl Outcome {
    /// The text of the result. What the script left out gets a plain sentence.
    pub(super) fn text(&self, turn: &Turn) -> String {
        if let Some(answer) = &self.answer {
            return answer.clone();
        }
        let mut object = match (turn.step, &self.verdict) {
            (StepKind::Review, Some(verdict)) => verdict.clone(),
            (StepKind::Review, None) => {
                json!({"verdict": "approve", "summary": "Read the change and its tests; nothing stands against it.", "findings": []})
            }
            (StepKind::Plan, _) => default_plan(),
            _ => json!({"summary": self.summary.clone().unwrap_or_else(|| "Done as asked.".to_owned())}),
        };
        if let (Some(map), Some(usage)) = (object.as_object_mut(), &self.usage) {
            map.insert("usage".to_owned(), usage.clone());
        }
        object.to_string()
    }
}

/// A verdict with the lines of its findings looked up in the files.
pub(super) fn verdict(root: &Path, vote: Vote, summary: &str, findings: &[ScriptedFinding]) -> Value {
    let findings: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({"severity": finding.severity, "file": finding.file, "line": line_of(root, finding),
                "description": finding.description, "suggestion": finding.suggestion})
        })
        .collect();
    json!({"verdict": vote, "summary": summary, "findings": findings})
}

/// Writes the result to a temporary name and renames it, so that no reader sees half of it.
pub(super) fn hand_in(path: &Path, text: &str) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, text)?;
    std::fs::rename(&partial, path)
}

fn line_of(root: &Path, finding: &ScriptedFinding) -> usize {
    if finding.at.is_empty() {
        return 0;
    }
    let text = std::fs::read_to_string(root.join(&finding.file)).unwrap_or_default();
    text.lines().position(|line| line.contains(&finding.at)).map_or(0, |at| at + 1)
}

fn default_plan() -> Value {
    json!({"tasks": [{
        "id": "T1",
        "title": "Do what was asked",
        "description": "A simulated planner does not think: do the goal as one task.",
        "acceptance": ["The goal is reached"],
        "depends_on": [],
    }]})
}
