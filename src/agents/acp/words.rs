//! Words of a person's that wait for the end of a turn, and what has to be noted so that another server says them too.
//!
//! Invariant: words are said once. What is to be sent is noted before it is, and what was noted as sent is not sent again.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::agents::transcript::field;

/// The words of a session.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Turns that are over: reading the recording again counts the same.
    turns: u64,
    /// What was said, and in which turn.
    said: Vec<(u64, String)>,
    /// The turns after which words were sent.
    sent: BTreeSet<u64>,
    notes: Vec<Value>,
}

/// Words whose time has come.
#[derive(Debug, PartialEq)]
pub(super) struct Due {
    pub(super) words: String,
    /// An earlier server has sent them.
    pub(super) was_sent: bool,
}

impl Words {
    /// A person says something that has to wait.
    pub(super) fn wait(&mut self, words: &str) {
        self.notes.push(json!({"said": words, "turn": self.turns}));
        self.said.push((self.turns, words.to_owned()));
    }

    pub(super) fn turn_ended(&mut self) {
        self.turns += 1;
    }

    /// What is to be said in the next turn.
    pub(super) fn next(&mut self) -> Option<Due> {
        let turns = self.turns;
        let due: Vec<String> =
            self.said.extract_if(.., |(turn, _)| *turn < turns).map(|(_, words)| words).collect();
        let was_sent = self.sent.contains(&turns);
        (!due.is_empty()).then(|| Due { words: due.join("\n\n"), was_sent })
    }

    /// They are sent now.
    pub(super) fn sends(&mut self) {
        // The first turn's are the prompt's.
        if self.turns > 0 && self.sent.insert(self.turns) {
            self.notes.push(json!({"sent": self.turns}));
        }
    }

    /// What was not said.
    pub(super) fn take_all(&mut self) -> Vec<String> {
        self.said.drain(..).map(|(_, words)| words).collect()
    }

    pub(super) fn take_notes(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.notes)
    }

    /// What an earlier server noted.
    pub(super) fn recall(&mut self, notes: &[Value]) {
        for note in notes {
            if let Some(turn) = note.get("sent").and_then(Value::as_u64) {
                self.sent.insert(turn);
            } else if let Some(turn) = note.get("turn").and_then(Value::as_u64) {
                self.said.push((turn, field(note, "said").to_owned()));
            }
        }
    }
}
