//! What the lines of `codex exec --json` mean.
//!
//! Usage is told for the whole thread, so a resumed one is told from where it stood. There is no cost in the stream.

use serde_json::Value;

use crate::agents::event::ExitInfo;
use crate::agents::failure;
use crate::agents::stream::{Log, Protocol, failed, success, without_result};
use crate::agents::text;
use crate::agents::transcript::{
    added, aside, call, ended, failed as failure_line, field, header, output, says, thinks, warning,
};
use crate::model::{AgentState, FailureKind, StepKind, StepOutcome, Usage};

/// Follows one process of `codex exec`.
pub(in crate::agents) struct Codex {
    step: StepKind,
    /// What the resumed thread had used before.
    resumed: Usage,
    /// The last message of the agent: its answer.
    answer: String,
    ended: Option<End>,
    warnings: usize,
}

/// How the turn ended.
enum End {
    Completed,
    Failed { kind: FailureKind, text: String },
}

impl Protocol for Codex {
    fn message(&mut self, message: &Value, log: &mut Log) {
        match field(message, "type") {
            "thread.started" => {
                log.session(field(message, "thread_id"));
                log.show(&[header("Codex", &["thread", field(message, "thread_id")])]);
            }
            "turn.started" => log.status(AgentState::Working, ""),
            "item.started" => started(item(message), log),
            "item.updated" => log.progress(),
            "item.completed" => self.completed(item(message), log),
            // Not the end: it goes on trying.
            "error" => {
                let text = field(message, "message");
                log.status(AgentState::Working, text);
                log.show(&[warning(&format!("⟳ {text}"))]);
            }
            "turn.completed" => self.turn_completed(message, log),
            "turn.failed" => {
                let told = message.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
                let text = failure::words(told);
                log.progress();
                log.status(AgentState::Error, &text);
                log.show(&[failure_line(&text)]);
                self.ended = Some(End::Failed { kind: failure::kind(None, told), text });
            }
            other => log.show(&[aside(other)]),
        }
    }

    fn session_is_gone(&self, log: &Log) -> bool {
        let noise = log.noise();
        noise.contains("no rollout found for thread id") || noise.contains("thread not found")
    }

    fn outcome(&mut self, exit: ExitInfo, result_file: Option<&str>, log: &mut Log) -> StepOutcome {
        match &self.ended {
            Some(End::Completed) => success(self.step, &self.answer, result_file),
            Some(End::Failed { kind, text }) => failed(*kind, text),
            None => self.without_end(exit, log),
        }
    }
}

impl Codex {
    pub(in crate::agents) fn new(step: StepKind, resumed: Usage) -> Self {
        Self { step, resumed, answer: String::new(), ended: None, warnings: 0 }
    }

    fn completed(&mut self, item: &Value, log: &mut Log) {
        log.progress();
        match field(item, "type") {
            "agent_message" => {
                field(item, "text").clone_into(&mut self.answer);
                log.show(&says(field(item, "text")));
            }
            "reasoning" => log.show(&thinks(field(item, "text"))),
            "command_execution" => {
                let code = item.get("exit_code").and_then(Value::as_i64).unwrap_or(0);
                log.show(&output(field(item, "aggregated_output"), code != 0));
            }
            "file_change" => log.show(&changes(item)),
            "mcp_tool_call" => {
                let name = format!("{}.{}", field(item, "server"), field(item, "tool"));
                let error = item.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
                log.show(&[call(&name, "")]);
                log.show(&output(error, true));
            }
            "web_search" => log.show(&[call("Search", field(item, "query"))]),
            "todo_list" => log.show(&todos(item)),
            "error" => {
                self.warnings += 1;
                log.show(&[warning(field(item, "message"))]);
            }
            other => log.show(&[aside(other)]),
        }
    }

    fn turn_completed(&mut self, message: &Value, log: &mut Log) {
        log.progress();
        let number = |key: &str| {
            message.get("usage").and_then(|usage| usage.get(key)).and_then(Value::as_u64).unwrap_or(0)
        };
        let (input, output) = (number("input_tokens"), number("output_tokens"));
        // A smaller total is one that began anew.
        let since = |total: u64, before: u64| total.checked_sub(before).unwrap_or(total);
        log.used_up_to(Usage {
            input_tokens: since(input, self.resumed.input_tokens),
            cached_tokens: since(number("cached_input_tokens"), self.resumed.cached_tokens),
            output_tokens: since(output, self.resumed.output_tokens),
            ..Usage::default()
        });
        log.status(AgentState::Done, "");
        log.show(&[ended(&[format!("{input} tokens in, {output} out")])]);
        self.ended = Some(End::Completed);
    }

    fn without_end(&self, exit: ExitInfo, log: &Log) -> StepOutcome {
        let noise = log.noise();
        if noise.contains("Missing environment variable") || noise.contains("Not logged in") {
            return failed(FailureKind::Authentication, &text::tail(noise, 3, 600));
        }
        let usage = exit.code == Some(2) || noise.contains("Not inside a trusted directory");
        without_result("codex", exit, log, usage)
    }
}

fn item(message: &Value) -> &Value {
    message.get("item").unwrap_or(&Value::Null)
}

fn started(item: &Value, log: &mut Log) {
    log.progress();
    if field(item, "type") == "command_execution" {
        let command = field(item, "command");
        log.status(AgentState::Working, command);
        log.show(&[call("Run", command)]);
    }
}

fn changes(item: &Value) -> Vec<String> {
    let list = item.get("changes").and_then(Value::as_array);
    let mut lines = Vec::new();
    for change in list.into_iter().flatten() {
        lines.push(call(&format!("File {}", field(change, "kind")), field(change, "path")));
        lines.extend(added(field(change, "diff")));
    }
    if field(item, "status") == "failed" {
        lines.push(warning("the change was not made"));
    }
    lines
}

fn todos(item: &Value) -> Vec<String> {
    let list = item.get("items").and_then(Value::as_array);
    let line = |todo: &Value| {
        let done = todo.get("completed").and_then(Value::as_bool).unwrap_or(false);
        format!("{} {}", if done { "✓" } else { "○" }, field(todo, "text"))
    };
    list.map(|list| output(&list.iter().map(line).collect::<Vec<_>>().join("\n"), false)).unwrap_or_default()
}
