//! What is asked of a person over the protocol, and what their answer looks like.

use serde_json::{Value, json};

use super::tools;
use crate::agents::rpc;
use crate::agents::text::one_line;
use crate::agents::transcript::field;

/// A request for leave.
pub(super) struct Ask {
    /// Its id.
    pub(super) id: Value,
    /// The call that waits for it.
    pub(super) call: String,
    /// What it is about, for people.
    pub(super) about: String,
    allow: Option<String>,
    reject: Option<String>,
}

impl Ask {
    pub(super) fn of(id: &Value, params: &Value) -> Ask {
        let call = params.get("toolCall").unwrap_or(&Value::Null);
        Ask {
            id: id.clone(),
            call: field(call, "toolCallId").to_owned(),
            about: one_line(&tools::about(call), 200),
            allow: option(params, "allow"),
            reject: option(params, "reject"),
        }
    }

    /// The answer: the option of its that allows or refuses this time only, or gives the request up if it has none.
    pub(super) fn answer(&self, allow: bool) -> Value {
        match if allow { &self.allow } else { &self.reject } {
            Some(option) => {
                rpc::response(&self.id, json!({"outcome": {"outcome": "selected", "optionId": option}}))
            }
            None => self.give_up(),
        }
    }

    /// What it is told if the turn is over.
    pub(super) fn give_up(&self) -> Value {
        rpc::response(&self.id, json!({"outcome": {"outcome": "cancelled"}}))
    }
}

/// The option for this once, else the one for always.
fn option(params: &Value, word: &str) -> Option<String> {
    let options = params.get("options").and_then(Value::as_array)?;
    let of = |span: &str| {
        let kind = format!("{word}_{span}");
        options.iter().find(|option| field(option, "kind") == kind)
    };
    of("once").or_else(|| of("always")).map(|option| field(option, "optionId").to_owned())
}
