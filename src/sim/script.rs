//! Scripts: what a simulated agent does in which turn. TOML, checked when it is read.

use std::path::Path;

use serde::Deserialize;
use thiserror::Error;

use super::turn::Turn;
use crate::model::{Severity, StepKind, Vote};

/// A script: turns, each with its actions.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    #[serde(default, rename = "turn")]
    turns: Vec<ScriptedTurn>,
}

/// What is done in the turns that it matches. What it leaves out matches everything.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptedTurn {
    task: Option<String>,
    step: Option<StepKind>,
    round: Option<u32>,
    slot: Option<u32>,
    attempt: Option<u32>,
    #[serde(rename = "do")]
    actions: Vec<Action>,
}

/// One thing that it does.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Action {
    /// Says something.
    Say(String),
    /// Thinks for so many seconds.
    Think(f64),
    /// Shows a call of a tool that changes nothing, with what it gave.
    Tool { name: String, on: String, output: Option<String> },
    /// Writes a file.
    Write { path: String, text: String },
    /// Replaces the one place of a file where the text stands.
    Patch { path: String, find: String, replace: String },
    /// Adds to the end of a file.
    Append { path: String, text: String },
    /// Deletes a file.
    Delete { path: String },
    /// Replaces each conflict of a file by this text; by both sides, if there is none.
    Resolve { path: String, with: Option<String> },
    /// Runs a command with `sh -c`.
    Run(String),
    /// Asks for leave to run a command, runs it if it is given, and does something else if not.
    Ask { run: String, why: String, denied: Vec<Action> },
    /// Says nothing any more until it is spoken to.
    GoSilent,
    /// Its verdict.
    Verdict {
        vote: Vote,
        summary: String,
        #[serde(default)]
        findings: Vec<ScriptedFinding>,
    },
    /// Its account of the work.
    Result(String),
    /// Text that is handed in as it is.
    Answer(String),
    /// What it says it used.
    Usage { cost_usd: f64, input_tokens: u64, output_tokens: u64 },
    /// Ends at once with this code.
    Exit(i32),
}

/// A finding of a scripted verdict.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScriptedFinding {
    pub(super) severity: Severity,
    #[serde(default)]
    pub(super) file: String,
    /// Text whose line in the file is the finding's line.
    #[serde(default)]
    pub(super) at: String,
    pub(super) description: String,
    #[serde(default)]
    pub(super) suggestion: String,
}

/// Why a script cannot be used.
#[derive(Debug, Error)]
pub(super) enum ScriptError {
    #[error("open it")]
    Io(#[from] std::io::Error),
    #[error("understand it")]
    Toml(#[from] toml::de::Error),
}

impl Script {
    pub(super) fn read(path: &Path) -> Result<Self, ScriptError> {
        Self::parse(&std::fs::read_to_string(path)?)
    }

    pub(super) fn parse(text: &str) -> Result<Self, ScriptError> {
        Ok(toml::from_str(text)?)
    }

    /// The actions of a turn: of the entry that says most about it, the first of equals.
    pub(super) fn actions(&self, turn: &Turn) -> Option<&[Action]> {
        let matching = self.turns.iter().filter(|scripted| scripted.matches(turn));
        // `max_by_key` gives the last of equals, so the entries are read backwards.
        matching.rev().max_by_key(|scripted| scripted.weight()).map(|scripted| scripted.actions.as_slice())
    }
}

impl ScriptedTurn {
    fn matches(&self, turn: &Turn) -> bool {
        fn fits<T: PartialEq>(wanted: &Option<T>, actual: &T) -> bool {
            wanted.as_ref().is_none_or(|wanted| wanted == actual)
        }
        fits(&self.task, &turn.task)
            && fits(&self.step, &turn.step)
            && fits(&self.round, &turn.round)
            && fits(&self.slot, &turn.slot)
            && fits(&self.attempt, &turn.attempt)
    }

    fn weight(&self) -> usize {
        [
            self.task.is_some(),
            self.step.is_some(),
            self.round.is_some(),
            self.slot.is_some(),
            self.attempt.is_some(),
        ]
        .iter()
        .filter(|given| **given)
        .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_that_says_most_wins() {
        let script = Script::parse(
            r#"
            [[turn]]
            step = "implement"
            do = [{ say = "any" }]
            [[turn]]
            task = "T1"
            step = "implement"
            do = [{ say = "T1" }]
            [[turn]]
            task = "T1"
            step = "implement"
            round = 2
            do = [{ say = "T1 again" }, "go_silent"]
            "#,
        )
        .unwrap();
        let first = |task, step, round| {
            script.actions(&Turn::of(task, step, round, 0)).and_then(|actions| actions.first().cloned())
        };
        let say = |text: &str| Some(Action::Say(text.to_owned()));
        assert_eq!(first("T9", StepKind::Implement, 1), say("any"));
        assert_eq!(first("T1", StepKind::Implement, 1), say("T1"));
        assert_eq!(first("T1", StepKind::Implement, 2), say("T1 again"));
        assert_eq!(first("T1", StepKind::Fix, 1), None);
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for bad in ["[[turn]]\ndo = [{ sya = 'x' }]", "[[turn]]\ntaks = 'x'\ndo = []", "[[trun]]", "[[turn]]"]
        {
            let error = Script::parse(bad).unwrap_err();
            let ScriptError::Toml(error) = error else { panic!("{error}") };
            assert!(error.to_string().contains("line "), "{error}");
        }
    }
}
