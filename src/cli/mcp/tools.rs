//! The tools of the back channel: their descriptions, and what a call of one asks of the server.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{JsonObject, Tool};
use serde_json::{Value, json};

use crate::model::StepKind;
use crate::prompts;
use crate::protocol::agent::Call;

/// How long a person is waited for if nothing is said.
const WAIT: Duration = Duration::from_secs(600);
/// And at most.
const LONGEST_WAIT: u64 = 3600;

/// Every tool; the result is described as this step wants it.
pub fn list(step: StepKind) -> Vec<Tool> {
    let text = |name: &str, description: &str| {
        json!({ "type": "object", "additionalProperties": false, "required": [name],
            "properties": { name: { "type": "string", "minLength": 1, "description": description } } })
    };
    let nothing = json!({ "type": "object", "additionalProperties": false, "properties": {} });
    let ask = json!({ "type": "object", "additionalProperties": false, "required": ["question"], "properties": {
        "question": { "type": "string", "minLength": 1,
            "description": "The whole question, with the choices that you see and the one that you would take." },
        "timeout_seconds": { "type": "integer", "minimum": 1, "maximum": LONGEST_WAIT,
            "description": "How long to wait; 600 if it is left out." } } });
    let report = json!({ "type": "object", "additionalProperties": false, "required": ["text"], "properties": {
        "text": { "type": "string", "minLength": 1, "description": "What you do now, in a few words." },
        "percent": { "type": "integer", "minimum": 0, "maximum": 100, "description": "How much is done." } } });
    let result = serde_json::from_str(prompts::schema(step)).unwrap_or_else(|_| nothing.clone());
    vec![
        tool(
            "read_task",
            "Read your task: what is asked, what must be true, open findings, gates.",
            nothing.clone(),
        ),
        tool("read_board", "Read how all tasks stand, and the messages that were posted.", nothing),
        tool(
            "post_message",
            "Post a message that people see and the other agents can read. It waits for no answer.",
            text("text", "The message, plain text."),
        ),
        tool(
            "ask_person",
            "Ask the person who supervises this run, and wait for the answer. Your task is held up meanwhile; if nobody \
             answers in time you are told so.",
            ask,
        ),
        tool(
            "report_progress",
            "Say in a few words what you are doing; people see it beside your task.",
            report,
        ),
        tool(
            "hand_in",
            "Hand in the result of your step. It is checked; what is wrong comes back to be corrected. Then end your turn.",
            result,
        ),
    ]
}

/// What a call asks; the error is what is wrong with its arguments. `None` if there is no such tool.
pub fn call(name: &str, arguments: JsonObject) -> Option<Result<Call, String>> {
    let text = |key: &str| {
        let text = arguments.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        text.map(str::to_owned).ok_or_else(|| format!("`{key}` has to be a text"))
    };
    Some(match name {
        "read_task" => Ok(Call::ReadTask),
        "read_board" => Ok(Call::ReadBoard),
        "post_message" => text("text").map(|text| Call::Post { text }),
        "ask_person" => text("question").map(|question| {
            let seconds = arguments.get("timeout_seconds").and_then(Value::as_u64);
            let seconds = seconds.unwrap_or(WAIT.as_secs()).clamp(1, LONGEST_WAIT);
            Call::Ask { question, timeout_ms: seconds * 1000 }
        }),
        "report_progress" => text("text").map(|text| {
            let percent = arguments.get("percent").and_then(Value::as_u64);
            Call::Report { text, percent: percent.map(|percent| u8::try_from(percent).unwrap_or(100)) }
        }),
        "hand_in" => Ok(Call::HandIn { result: Value::Object(arguments) }),
        _ => return None,
    })
}

fn tool(name: &'static str, description: &'static str, schema: Value) -> Tool {
    let schema = match schema {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    };
    Tool::new(name, description, Arc::new(schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(value: Value) -> JsonObject {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn every_tool_can_be_called_and_describes_an_object() {
        for tool in list(StepKind::Review) {
            assert_eq!(tool.input_schema.get("type"), Some(&json!("object")), "{}", tool.name);
            assert!(call(&tool.name, JsonObject::new()).is_some(), "{}", tool.name);
        }
        assert!(call("rm_rf", JsonObject::new()).is_none());
        let hand_in = list(StepKind::Review).pop().unwrap();
        assert!(hand_in.input_schema["properties"].get("verdict").is_some());
    }

    #[test]
    fn arguments_are_checked_and_bounded() {
        assert!(call("post_message", arguments(json!({ "text": " " }))).unwrap().is_err());
        let ask = call("ask_person", arguments(json!({ "question": "?", "timeout_seconds": 999_999 })));
        assert_eq!(ask, Some(Ok(Call::Ask { question: "?".to_owned(), timeout_ms: 3_600_000 })));
        let report = call("report_progress", arguments(json!({ "text": "x", "percent": 400 })));
        assert_eq!(report, Some(Ok(Call::Report { text: "x".to_owned(), percent: Some(100) })));
    }
}
