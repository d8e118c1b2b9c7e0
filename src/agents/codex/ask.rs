//! What `codex app-server` asks of a person, and what their answer looks like.

use serde_json::{Map, Value, json};

use crate::agents::rpc;
use crate::agents::text::one_line;
use crate::agents::transcript::field;
use crate::model::BlockedKind;

/// A request of its that waits for a person.
pub(super) struct Ask {
    /// Its id.
    pub(super) id: Value,
    /// What it is about, for people.
    pub(super) about: String,
    kind: Kind,
}

enum Kind {
    /// Leave to run a command or to change files.
    Decision,
    /// Leave for what this profile says.
    Permissions(Value),
    /// A server of tools wants to know whether it may.
    Elicitation,
    /// Questions, by their ids.
    Questions(Vec<String>),
}

impl Ask {
    /// The request as one that a person can answer; `files` are those that it wants to change.
    pub(super) fn of(id: &Value, method: &str, params: &Value, files: &str) -> Option<Ask> {
        let reason = field(params, "reason");
        let (about, kind) = match method {
            "item/commandExecution/requestApproval" => {
                (with_reason("Run", field(params, "command"), reason), Kind::Decision)
            }
            "item/fileChange/requestApproval" => {
                let about = if files.is_empty() { field(params, "grantRoot") } else { files };
                (with_reason("Change", about, reason), Kind::Decision)
            }
            "item/permissions/requestApproval" => {
                let wanted = params.get("permissions").cloned().unwrap_or_else(|| json!({}));
                let about = with_reason("More permissions", &one_line(&wanted.to_string(), 100), reason);
                (about, Kind::Permissions(wanted))
            }
            "mcpServer/elicitation/request" if !wants_a_form(params) => {
                let server = field(params, "serverName");
                (format!("{server}: {}", field(params, "message")), Kind::Elicitation)
            }
            "item/tool/requestUserInput" => questions(params)?,
            _ => return None,
        };
        Some(Ask { id: id.clone(), about: one_line(&about, 200), kind })
    }

    /// What it is told of a request that no person can answer here.
    pub(super) fn refusal(id: &Value, method: &str) -> Value {
        match method {
            "mcpServer/elicitation/request" => {
                rpc::response(id, json!({"action": "decline", "content": null}))
            }
            _ => rpc::refusal(id, method),
        }
    }

    /// Whether a person's words are the answer.
    pub(super) fn takes_words(&self) -> bool {
        matches!(self.kind, Kind::Questions(_))
    }

    pub(super) fn blocked(&self) -> BlockedKind {
        if self.takes_words() { BlockedKind::Question } else { BlockedKind::Permission }
    }

    pub(super) fn for_what(&self) -> &'static str {
        if self.takes_words() { "an answer" } else { "leave" }
    }

    /// The answer as it takes it.
    pub(super) fn answer(&self, allow: bool, words: &str) -> Value {
        let result = match &self.kind {
            Kind::Decision => json!({"decision": if allow { "accept" } else { "decline" }}),
            Kind::Permissions(wanted) => {
                json!({"permissions": if allow { wanted.clone() } else { json!({}) }, "scope": "turn"})
            }
            Kind::Elicitation if allow => json!({"action": "accept", "content": {}}),
            Kind::Elicitation => json!({"action": "decline", "content": null}),
            Kind::Questions(ids) => {
                let usual = if allow { "Yes." } else { "No." };
                let words = if words.trim().is_empty() { usual } else { words };
                let answers: Map<String, Value> =
                    ids.iter().map(|id| (id.clone(), json!({"answers": [words]}))).collect();
                json!({"answers": answers})
            }
        };
        rpc::response(&self.id, result)
    }
}

fn with_reason(what: &str, about: &str, reason: &str) -> String {
    let told = format!("{what} {about}");
    if reason.is_empty() { told } else { format!("{told} ({reason})") }
}

/// Whether it wants more than a yes.
fn wants_a_form(params: &Value) -> bool {
    let required = params.pointer("/requestedSchema/required").and_then(Value::as_array);
    field(params, "mode") == "url" || required.is_some_and(|required| !required.is_empty())
}

fn questions(params: &Value) -> Option<(String, Kind)> {
    let list = params.get("questions").and_then(Value::as_array)?;
    let ids = list.iter().map(|question| field(question, "id").to_owned()).collect();
    let texts = list.iter().map(|question| {
        let options = question.get("options").and_then(Value::as_array);
        let options: Vec<&str> = options.into_iter().flatten().map(|option| field(option, "label")).collect();
        let text = field(question, "question");
        if options.is_empty() { text.to_owned() } else { format!("{text} ({})", options.join(" · ")) }
    });
    Some((texts.collect::<Vec<_>>().join(" "), Kind::Questions(ids)))
}
