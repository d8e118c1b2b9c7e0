//! Calls of tools as they are told over the protocol: what each is about, and what came of it.
//!
//! Gemini CLI tells one when it begins, or only when it ends; opencode tells each in three steps, of which the first knows
//! nothing of it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::agents::stream::Log;
use crate::agents::transcript::{added, call, field, output, removed, subject};

/// Calls that are under way, by their ids; whether each was shown.
#[derive(Debug, Default)]
pub(super) struct Tools {
    shown: BTreeMap<String, bool>,
}

impl Tools {
    /// A call has begun, goes on or has ended; what it is about, if that is new.
    pub(super) fn told(&mut self, update: &Value, log: &mut Log) -> Option<String> {
        let (id, status) = (field(update, "toolCallId"), field(update, "status"));
        let shown = self.shown.entry(id.to_owned()).or_default();
        let over = matches!(status, "completed" | "failed");
        // Before it begins, opencode knows only its name.
        let mut news = None;
        if !*shown && (over || status == "in_progress") {
            *shown = true;
            let about = about(update);
            let (name, rest) = about.split_once(' ').unwrap_or((&about, ""));
            log.show(&[call(name, rest)]);
            news = Some(about);
        }
        if over {
            self.shown.remove(id);
            log.show(&came_of(update, status == "failed"));
        }
        news
    }
}

/// What a call is about: what it does, and to what.
pub(super) fn about(update: &Value) -> String {
    let verb = match field(update, "kind") {
        "execute" => "Run",
        "edit" => "Edit",
        "read" => "Read",
        "search" => "Search",
        "fetch" => "Fetch",
        "delete" => "Delete",
        "move" => "Move",
        "think" => "Think",
        _ => "Call",
    };
    let place = update.pointer("/locations/0/path").and_then(Value::as_str);
    let input = update.get("rawInput").and_then(subject);
    let what = match field(update, "kind") {
        "execute" => input.or_else(|| Some(field(update, "title").to_owned())),
        _ => place.map(str::to_owned).or(input),
    };
    let what = what.filter(|text| !text.is_empty()).unwrap_or_else(|| field(update, "title").to_owned());
    format!("{verb} {what}")
}

fn came_of(update: &Value, failed: bool) -> Vec<String> {
    let list = update.get("content").and_then(Value::as_array);
    let mut lines = Vec::new();
    for content in list.into_iter().flatten() {
        match field(content, "type") {
            "diff" => {
                let (old, new) = differing(field(content, "oldText"), field(content, "newText"));
                lines.extend(removed(&old));
                lines.extend(added(&new));
            }
            _ => {
                let text = content.pointer("/content/text").and_then(Value::as_str).unwrap_or_default();
                lines.extend(output(text, failed));
            }
        }
    }
    lines
}

/// The lines of two whole texts between what both begin and end with.
fn differing(old: &str, new: &str) -> (String, String) {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let before = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = |lines: &[&str]| lines.len().saturating_sub(before);
    let most = rest(&old).min(rest(&new));
    let after = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(old, new)| old == new).count();
    let middle = |lines: &[&str]| lines.get(before..lines.len() - after).unwrap_or_default().join("\n");
    (middle(&old), middle(&new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_differ_are_shown() {
        let both = |old: &str, new: &str| differing(old, new);
        assert_eq!(both("a\nb\nc", "a\nx\nc"), ("b".to_owned(), "x".to_owned()));
        assert_eq!(both("", "a\nb"), (String::new(), "a\nb".to_owned()));
        assert_eq!(both("a\na", "a\na\na"), (String::new(), "a".to_owned()));
        assert_eq!(both("a", "a"), (String::new(), String::new()));
    }
}
