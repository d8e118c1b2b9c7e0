//! A readable transcript of the stream, as text for the pane.
//!
//! Invariant: the only escape sequences in it are the colours of this file; what the agent wrote is made plain first.

use serde_json::Value;

use crate::agents::text::{one_line, plain};

const RESET: &str = "\x1b[0m";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const THINKING: &str = "\x1b[2;3m";
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";

/// Lines of a tool's result and of an edit that are shown.
const RESULT_LINES: usize = 6;
const EDIT_LINES: usize = 12;

/// The message as text; none if there is nothing to show.
pub(super) fn of(message: &Value) -> Option<String> {
    let lines = match field(message, "type") {
        "system" => system(message),
        "assistant" => assistant(message),
        "user" => tool_results(message),
        "result" => result(message),
        "stream_event" | "rate_limit_event" | "tool_progress" | "control_request" | "control_response" => {
            Vec::new()
        }
        "" => Vec::new(),
        // A line that a later version invented: shown, so that nothing happens unseen.
        other => vec![format!("{DIM}· {}{RESET}", one_line(other, 60))],
    };
    let indent = if message.get("parent_tool_use_id").is_some_and(Value::is_string) { "    " } else { "" };
    (!lines.is_empty()).then(|| lines.iter().map(|line| format!("{indent}{line}\r\n")).collect())
}

/// A line from outside the protocol.
pub(super) fn noise(line: &str) -> String {
    format!("{YELLOW}{}{RESET}\r\n", one_line(line, 2000))
}

/// What the agent is doing, from the last tool that it called.
pub(super) fn activity(message: &Value) -> Option<String> {
    let mut calls = content(message).into_iter().filter(|block| field(block, "type") == "tool_use");
    calls.next_back().map(call_name)
}

/// What a tool's input is about: the file, the command, the pattern.
pub(super) fn subject(input: &Value) -> Option<String> {
    const KEYS: [&str; 8] =
        ["command", "file_path", "path", "pattern", "url", "query", "description", "prompt"];
    KEYS.iter().find_map(|key| input.get(key).and_then(Value::as_str)).map(|text| one_line(text, 100))
}

fn system(message: &Value) -> Vec<String> {
    match field(message, "subtype") {
        "init" => {
            let version = one_line(field(message, "claude_code_version"), 20);
            let (model, cwd) = (one_line(field(message, "model"), 40), one_line(field(message, "cwd"), 120));
            vec![format!("{BOLD}Claude Code{RESET} {DIM}{version} · {model} · {cwd}{RESET}")]
        }
        "api_retry" => {
            let number = |key: &str| message.get(key).and_then(Value::as_u64).unwrap_or(0);
            let (attempt, most, status) = (number("attempt"), number("max_retries"), number("error_status"));
            vec![format!("{YELLOW}⟳ retrying {attempt} of {most} (status {status}){RESET}")]
        }
        _ => Vec::new(),
    }
}

fn assistant(message: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for block in content(message) {
        match field(block, "type") {
            "text" => lines.extend(bulleted(field(block, "text"), "●", "")),
            "thinking" => lines.extend(bulleted(field(block, "thinking"), "✻", THINKING)),
            "tool_use" => lines.extend(tool_use(block)),
            _ => {}
        }
    }
    lines
}

fn bulleted(text: &str, bullet: &str, style: &str) -> Vec<String> {
    let text = plain(text);
    let text = text.trim();
    if text.is_empty() {
        return Vec::new();
    }
    let lead = std::iter::once(bullet).chain(std::iter::repeat(" "));
    lead.zip(text.lines()).map(|(lead, line)| format!("{style}{lead} {line}{RESET}")).collect()
}

fn call_name(block: &Value) -> String {
    let subject = block.get("input").and_then(subject).unwrap_or_default();
    format!("{} {subject}", one_line(field(block, "name"), 60)).trim_end().to_owned()
}

fn tool_use(block: &Value) -> Vec<String> {
    let name = one_line(field(block, "name"), 60);
    let input = block.get("input");
    if name == "StructuredOutput" {
        return vec![format!("{GREEN}●{RESET} {BOLD}hands in its answer{RESET}")];
    }
    let subject = input.and_then(subject).unwrap_or_default();
    let mut lines = vec![format!("{GREEN}●{RESET} {BOLD}{name}{RESET} {subject}")];
    if let Some(input) = input {
        lines.extend(edit(field(input, "old_string"), "-", RED));
        lines.extend(edit(field(input, "new_string"), "+", GREEN));
        lines.extend(edit(field(input, "content"), "+", GREEN));
    }
    lines
}

fn edit(text: &str, sign: &str, colour: &str) -> Vec<String> {
    let text = plain(text);
    let count = text.lines().count();
    let shown = text.lines().take(EDIT_LINES).map(|line| format!("    {colour}{sign} {line}{RESET}"));
    let more = (count > EDIT_LINES).then(|| format!("    {DIM}… {} more lines{RESET}", count - EDIT_LINES));
    shown.chain(more).collect()
}

fn tool_results(message: &Value) -> Vec<String> {
    let results = content(message).into_iter().filter(|block| field(block, "type") == "tool_result");
    results.flat_map(tool_result).collect()
}

fn tool_result(block: &Value) -> Vec<String> {
    let text = plain(&result_text(block.get("content")));
    let style = if block.get("is_error").and_then(Value::as_bool).unwrap_or(false) { RED } else { DIM };
    let kept: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let lead = std::iter::once("⎿ ").chain(std::iter::repeat("  "));
    let shown = lead
        .zip(kept.iter().take(RESULT_LINES))
        .map(|(lead, line)| format!("  {style}{lead} {}{RESET}", one_line(line, 400)));
    let more = kept.len().saturating_sub(RESULT_LINES);
    let more = (more > 0).then(|| format!("  {DIM}   … {more} more lines{RESET}"));
    shown.chain(more).collect()
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
    if message.get("is_error").and_then(Value::as_bool).unwrap_or(false) {
        return vec![format!("{RED}✗ {}{RESET}", one_line(&super::outcome::error_text(message), 600))];
    }
    let seconds = number("duration_ms") / 1000;
    let turns = number("num_turns");
    vec![format!("{GREEN}✓{RESET} {DIM}turn ended after {seconds} s · {turns} turns · ${cost:.4}{RESET}")]
}

fn content(message: &Value) -> Vec<&Value> {
    let list = message.pointer("/message/content").and_then(Value::as_array);
    list.into_iter().flatten().collect()
}

fn field<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
