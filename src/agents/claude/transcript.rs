//! A readable transcript of the stream, as text for the pane.

use serde_json::Value;

use crate::agents::text::one_line;
use crate::agents::transcript::{
    added, aside, call, ended, failed, field, hands_in, header, joined, output, removed, says, subject,
    thinks, warning,
};

/// The message as text; none if there is nothing to show.
pub(super) fn of(message: &Value) -> Option<String> {
    let lines = match field(message, "type") {
        "system" => system(message),
        "assistant" => assistant(message),
        "user" => tool_results(message),
        "result" => result(message),
        "stream_event" | "rate_limit_event" | "tool_progress" => Vec::new(),
        "control_request" | "control_response" | "control_cancel_request" => Vec::new(),
        "" => Vec::new(),
        other => vec![aside(other)],
    };
    let indent = if message.get("parent_tool_use_id").is_some_and(Value::is_string) { "    " } else { "" };
    (!lines.is_empty()).then(|| joined(&lines, indent))
}

/// The words of a person's message.
pub(super) fn words(message: &Value) -> String {
    result_text(message.pointer("/message/content"))
}

/// What the agent is doing, from the last tool that it called.
pub(super) fn activity(message: &Value) -> Option<String> {
    let mut calls = content(message).into_iter().filter(|block| field(block, "type") == "tool_use");
    calls.next_back().map(call_name)
}

fn system(message: &Value) -> Vec<String> {
    match field(message, "subtype") {
        "init" => {
            let facts = ["claude_code_version", "model", "cwd"].map(|key| field(message, key));
            vec![header("Claude Code", &facts)]
        }
        "api_retry" => {
            let number = |key: &str| message.get(key).and_then(Value::as_u64).unwrap_or(0);
            let (attempt, most, status) = (number("attempt"), number("max_retries"), number("error_status"));
            vec![warning(&format!("⟳ retrying {attempt} of {most} (status {status})"))]
        }
        _ => Vec::new(),
    }
}

fn assistant(message: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for block in content(message) {
        match field(block, "type") {
            "text" => lines.extend(says(field(block, "text"))),
            "thinking" => lines.extend(thinks(field(block, "thinking"))),
            "tool_use" => lines.extend(tool_use(block)),
            _ => {}
        }
    }
    lines
}

fn call_name(block: &Value) -> String {
    let subject = block.get("input").and_then(subject).unwrap_or_default();
    format!("{} {subject}", one_line(field(block, "name"), 60)).trim_end().to_owned()
}

fn tool_use(block: &Value) -> Vec<String> {
    let name = field(block, "name");
    if name == "StructuredOutput" {
        return vec![hands_in()];
    }
    let input = block.get("input");
    let mut lines = vec![call(name, &input.and_then(subject).unwrap_or_default())];
    if let Some(input) = input {
        lines.extend(removed(field(input, "old_string")));
        lines.extend(added(field(input, "new_string")));
        lines.extend(added(field(input, "content")));
    }
    lines
}

fn tool_results(message: &Value) -> Vec<String> {
    let results = content(message).into_iter().filter(|block| field(block, "type") == "tool_result");
    results.flat_map(tool_result).collect()
}

fn tool_result(block: &Value) -> Vec<String> {
    let failed = block.get("is_error").and_then(Value::as_bool).unwrap_or(false);
    output(&result_text(block.get("content")), failed)
}

fn result_text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(blocks)) => {
            blocks.iter().map(|block| field(block, "text")).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn result(message: &Value) -> Vec<String> {
    let number = |key: &str| message.get(key).and_then(Value::as_u64).unwrap_or(0);
    let cost = message.get("total_cost_usd").and_then(Value::as_f64).unwrap_or(0.0);
    if super::outcome::was_interrupted(message) {
        return vec![warning("the turn was interrupted")];
    }
    if message.get("is_error").and_then(Value::as_bool).unwrap_or(false) {
        return vec![failed(&super::outcome::error_text(message))];
    }
    let seconds = format!("{} s", number("duration_ms") / 1000);
    vec![ended(&[seconds, format!("{} turns", number("num_turns")), format!("${cost:.4}")])]
}

fn content(message: &Value) -> Vec<&Value> {
    let list = message.pointer("/message/content").and_then(Value::as_array);
    list.into_iter().flatten().collect()
}
