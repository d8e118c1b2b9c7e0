//! Readable lines of a transcript, the same for every provider, as text for the pane.
//!
//! Invariant: the only escape sequences in it are the colours of this file; what an agent wrote is made plain first.

use serde_json::Value;

use super::text::{one_line, plain};

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

/// Whose transcript it is: the program, then what is known of it.
pub(super) fn header(program: &str, facts: &[&str]) -> String {
    let facts: Vec<String> =
        facts.iter().map(|fact| one_line(fact, 120)).filter(|fact| !fact.is_empty()).collect();
    format!("{BOLD}{program}{RESET} {DIM}{}{RESET}", facts.join(" · "))
}

/// What it says.
pub(super) fn says(text: &str) -> Vec<String> {
    bulleted(text, "●", "")
}

/// What it thinks.
pub(super) fn thinks(text: &str) -> Vec<String> {
    bulleted(text, "✻", THINKING)
}

/// What a person said to it while it worked.
pub(super) fn told(text: &str) -> Vec<String> {
    bulleted(text, "›", BOLD)
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

/// A tool that it calls, and what that is about.
pub(super) fn call(name: &str, subject: &str) -> String {
    format!("{GREEN}●{RESET} {BOLD}{}{RESET} {}", one_line(name, 60), one_line(subject, 100))
}

/// It hands its answer in.
pub(super) fn hands_in() -> String {
    format!("{GREEN}●{RESET} {BOLD}hands in its answer{RESET}")
}

/// Text that goes away.
pub(super) fn removed(text: &str) -> Vec<String> {
    edit(text, "-", RED)
}

/// Text that comes in.
pub(super) fn added(text: &str) -> Vec<String> {
    edit(text, "+", GREEN)
}

fn edit(text: &str, sign: &str, colour: &str) -> Vec<String> {
    let text = plain(text);
    let count = text.lines().count();
    let shown = text.lines().take(EDIT_LINES).map(|line| format!("    {colour}{sign} {line}{RESET}"));
    let more = (count > EDIT_LINES).then(|| format!("    {DIM}… {} more lines{RESET}", count - EDIT_LINES));
    shown.chain(more).collect()
}

/// What a tool answered.
pub(super) fn output(text: &str, failed: bool) -> Vec<String> {
    let text = plain(text);
    let style = if failed { RED } else { DIM };
    let kept: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let lead = std::iter::once("⎿ ").chain(std::iter::repeat("  "));
    let shown = lead
        .zip(kept.iter().take(RESULT_LINES))
        .map(|(lead, line)| format!("  {style}{lead} {}{RESET}", one_line(line, 400)));
    let more = kept.len().saturating_sub(RESULT_LINES);
    let more = (more > 0).then(|| format!("  {DIM}   … {more} more lines{RESET}"));
    shown.chain(more).collect()
}

/// A list of what is to be done, with what each provider calls the text of an entry.
pub(super) fn todos(list: Option<&Value>) -> Vec<String> {
    let line = |todo: &Value| {
        let done = todo.get("completed").and_then(Value::as_bool).unwrap_or(false);
        let text: String = ["text", "step", "content"].map(|key| field(todo, key)).concat();
        format!("{} {text}", if done || field(todo, "status") == "completed" { "✓" } else { "○" })
    };
    let lines: Vec<String> = list.and_then(Value::as_array).into_iter().flatten().map(line).collect();
    output(&lines.join("\n"), false)
}

/// Something that a person should see.
pub(super) fn warning(text: &str) -> String {
    format!("{YELLOW}{}{RESET}", one_line(text, 2000))
}

/// Something on the side: a line that nobody knows yet, so that nothing happens unseen.
pub(super) fn aside(text: &str) -> String {
    format!("{DIM}· {}{RESET}", one_line(text, 60))
}

/// The turn has failed.
pub(super) fn failed(text: &str) -> String {
    format!("{RED}✗ {}{RESET}", one_line(text, 600))
}

/// The turn has ended well.
pub(super) fn ended(facts: &[String]) -> String {
    format!(
        "{GREEN}✓{RESET} {DIM}turn ended{}{RESET}",
        facts.iter().map(|fact| format!(" · {fact}")).collect::<String>()
    )
}

/// Lines as the pane takes them.
pub(super) fn joined(lines: &[String], indent: &str) -> String {
    lines.iter().map(|line| format!("{indent}{line}\r\n")).collect()
}

/// What a tool's input is about: the file, the command, the pattern.
pub(super) fn subject(input: &Value) -> Option<String> {
    const KEYS: [&str; 11] = [
        "command",
        "cmd",
        "file_path",
        "filePath",
        "path",
        "pattern",
        "url",
        "query",
        "description",
        "prompt",
        "dir_path",
    ];
    KEYS.iter().find_map(|key| input.get(key).and_then(Value::as_str)).map(|text| one_line(text, 100))
}

/// A text of an object; empty if there is none.
pub(super) fn field<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
