//! What Codex does, as lines of the transcript: the same items in both of its streams, named in snake_case by `codex exec`
//! and in camelCase by `codex app-server`.

use serde_json::Value;

use crate::agents::stream::Log;
use crate::agents::transcript::{added, aside, call, field, output, says, thinks, todos, warning};
use crate::model::AgentState;

/// An item has begun.
pub(super) fn started(item: &Value, log: &mut Log) {
    log.progress();
    if kind(item) == "command_execution" {
        let command = field(item, "command");
        log.status(AgentState::Working, command);
        log.show(&[call("Run", command)]);
    }
}

/// An item has come to its end; what the agent says is given back, for the last of it is its answer.
pub(super) fn completed<'a>(item: &'a Value, log: &mut Log) -> Option<&'a str> {
    log.progress();
    match kind(item).as_str() {
        "agent_message" => {
            log.show(&says(field(item, "text")));
            return Some(field(item, "text"));
        }
        "reasoning" => log.show(&thinks(&reasoning(item))),
        "command_execution" => {
            let code = either(item, "exit_code", "exitCode").as_i64().unwrap_or(0);
            let text = either(item, "aggregated_output", "aggregatedOutput").as_str().unwrap_or_default();
            log.show(&output(text, code != 0));
            if field(item, "status") == "declined" {
                log.show(&[warning("the command was refused")]);
            }
        }
        "file_change" => log.show(&changes(item)),
        "mcp_tool_call" => {
            let name = format!("{}.{}", field(item, "server"), field(item, "tool"));
            let error = item.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
            log.show(&[call(&name, "")]);
            log.show(&output(error, true));
        }
        "web_search" => log.show(&[call("Search", field(item, "query"))]),
        "todo_list" => log.show(&todos(item.get("items"))),
        "error" => log.show(&[warning(field(item, "message"))]),
        other => log.show(&[aside(other)]),
    }
    None
}

/// The files that a change is about.
pub(super) fn paths(item: &Value) -> Vec<&str> {
    let list = item.get("changes").and_then(Value::as_array);
    list.into_iter().flatten().map(|change| field(change, "path")).collect()
}

/// The kind of an item, in snake_case.
pub(super) fn kind(item: &Value) -> String {
    let mut kind = String::new();
    for c in field(item, "type").chars() {
        if c.is_ascii_uppercase() {
            kind.push('_');
        }
        kind.push(c.to_ascii_lowercase());
    }
    kind
}

fn either<'a>(item: &'a Value, snake: &str, camel: &str) -> &'a Value {
    item.get(snake).or_else(|| item.get(camel)).unwrap_or(&Value::Null)
}

fn reasoning(item: &Value) -> String {
    let listed = item.get("summary").and_then(Value::as_array);
    let listed: Vec<&str> = listed.into_iter().flatten().filter_map(Value::as_str).collect();
    if listed.is_empty() { field(item, "text").to_owned() } else { listed.join("\n") }
}

fn changes(item: &Value) -> Vec<String> {
    let list = item.get("changes").and_then(Value::as_array);
    let mut lines = Vec::new();
    for change in list.into_iter().flatten() {
        let kind = change.get("kind").unwrap_or(&Value::Null);
        let kind = kind.as_str().unwrap_or_else(|| field(kind, "type"));
        lines.push(call(&format!("File {kind}"), field(change, "path")));
        lines.extend(added(field(change, "diff")));
    }
    if matches!(field(item, "status"), "failed" | "declined") {
        lines.push(warning("the change was not made"));
    }
    lines
}
