//! What the agent of a session asks of the server, over a connection of its own for each call.
//!
//! Not for what a call may say or change (the server judges that). Invariant: a call names no session: the connection's
//! hello does, and the server checks by the processes that it is the caller's own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Usage;

/// The file beside a session's result in which hooks are left that found no server, a call on each line.
pub const TOLD_FILE: &str = "told.jsonl";

/// A call of an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// What is its task?
    ReadTask,
    /// How do all tasks stand, and what was posted?
    ReadBoard,
    /// Post a message for people and other agents.
    Post {
        /// The message.
        text: String,
    },
    /// Ask a person, and wait for the answer; hanging up withdraws the question.
    Ask {
        /// The question.
        question: String,
        /// Milliseconds to wait at most.
        timeout_ms: u64,
    },
    /// Say how far it is.
    Report {
        /// What it does.
        text: String,
        /// How much of it is done.
        percent: Option<u8>,
    },
    /// Hand in the step's result.
    HandIn {
        /// The result, by the step's schema.
        result: Value,
    },
    /// A hook of the agent's program ran.
    Hook {
        /// Its event, as that program says it.
        event: Value,
        /// What the provider's session has used in all, if the program keeps an account of it.
        usage: Option<Usage>,
    },
}
