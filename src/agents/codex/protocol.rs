//! What the lines of `codex exec --json` mean.
//!
//! Usage is told for the whole thread, so a resumed one is told from where it stood. There is no cost in the stream.

use serde_json::Value;

use super::items;
use crate::agents::event::ExitInfo;
use crate::agents::failure;
use crate::agents::stream::{Log, Protocol, failed, success, without_result};
use crate::agents::text;
use crate::agents::transcript::{aside, ended, failed as failure_line, field, header, warning};
use crate::model::{AgentState, FailureKind, StepKind, StepOutcome, Usage};

/// Follows one process of `codex exec`.
pub(in crate::agents) struct Codex {
    step: StepKind,
    /// What the resumed thread had used before.
    resumed: Usage,
    /// The last message of the agent: its answer.
    answer: String,
    ended: Option<End>,
}

/// How the turn ended.
pub(super) enum End {
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
            "item.started" => items::started(item(message), log),
            "item.updated" => log.progress(),
            "item.completed" => {
                if let Some(said) = items::completed(item(message), log) {
                    said.clone_into(&mut self.answer);
                }
            }
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
        says_that_it_is_gone(log.noise())
    }

    fn outcome(&mut self, exit: ExitInfo, result_file: Option<&str>, log: &mut Log) -> StepOutcome {
        match &self.ended {
            Some(End::Completed) => success(self.step, &self.answer, result_file),
            Some(End::Failed { kind, text }) => failed(*kind, text),
            None => without_end(exit, log),
        }
    }
}

impl Codex {
    pub(in crate::agents) fn new(step: StepKind, resumed: Usage) -> Self {
        Self { step, resumed, answer: String::new(), ended: None }
    }

    fn turn_completed(&mut self, message: &Value, log: &mut Log) {
        log.progress();
        let number = |key: &str| {
            message.get("usage").and_then(|usage| usage.get(key)).and_then(Value::as_u64).unwrap_or(0)
        };
        let (input, output) = (number("input_tokens"), number("output_tokens"));
        let total = Usage {
            input_tokens: input,
            cached_tokens: number("cached_input_tokens"),
            output_tokens: output,
            ..Usage::default()
        };
        log.used_up_to(since(total, self.resumed));
        log.status(AgentState::Done, "");
        log.show(&[ended(&[format!("{input} tokens in, {output} out")])]);
        self.ended = Some(End::Completed);
    }
}

/// Tokens of a thread since it was resumed. A smaller total is one that began anew.
pub(super) fn since(total: Usage, resumed: Usage) -> Usage {
    let since = |total: u64, before: u64| total.checked_sub(before).unwrap_or(total);
    Usage {
        input_tokens: since(total.input_tokens, resumed.input_tokens),
        cached_tokens: since(total.cached_tokens, resumed.cached_tokens),
        output_tokens: since(total.output_tokens, resumed.output_tokens),
        ..Usage::default()
    }
}

/// The outcome of a process that ended and told nothing of its turn.
pub(super) fn without_end(exit: ExitInfo, log: &Log) -> StepOutcome {
    let noise = log.noise();
    if needs_login(noise) {
        return failed(FailureKind::Authentication, &text::tail(noise, 3, 600));
    }
    let usage = exit.code == Some(2) || noise.contains("Not inside a trusted directory");
    without_result("codex", exit, log, usage)
}

/// Whether these words ask for a login.
pub(super) fn needs_login(words: &str) -> bool {
    words.contains("Missing environment variable") || words.contains("Not logged in")
}

/// Whether these words say that there is no such thread.
pub(super) fn says_that_it_is_gone(words: &str) -> bool {
    words.contains("no rollout found for thread id") || words.contains("thread not found")
}

fn item(message: &Value) -> &Value {
    message.get("item").unwrap_or(&Value::Null)
}
