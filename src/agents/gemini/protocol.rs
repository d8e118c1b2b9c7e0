//! What the lines of `gemini -o stream-json` mean.
//!
//! The answer is no part of the result: it is what was said after the last tool. There is no cost in the stream.

use serde_json::Value;

use crate::agents::event::ExitInfo;
use crate::agents::stream::{INTERRUPTED, Log, Protocol, failed, success, without_result};
use crate::agents::transcript::{
    added, aside, call, ended, failed as failure_line, field, header, output, removed, says, subject, warning,
};
use crate::agents::{failure, text};
use crate::model::{AgentState, FailureKind, StepKind, StepOutcome, Usage};

/// Follows one process of Gemini CLI.
pub(in crate::agents) struct Gemini {
    step: StepKind,
    /// What it said since its last tool.
    said: String,
    /// What of that was not shown yet: it comes in pieces of lines.
    unshown: String,
    result: Option<Value>,
}

impl Protocol for Gemini {
    fn message(&mut self, message: &Value, log: &mut Log) {
        let kind = field(message, "type");
        if !(kind == "message" && field(message, "role") == "assistant") {
            self.show(log);
        }
        match kind {
            "init" => {
                log.session(field(message, "session_id"));
                log.model(field(message, "model"));
                log.status(AgentState::Working, "");
                log.show(&[header("Gemini CLI", &[field(message, "model"), field(message, "session_id")])]);
            }
            "message" if field(message, "role") == "assistant" => {
                log.progress();
                log.status(AgentState::Working, "");
                self.said.push_str(field(message, "content"));
                self.unshown.push_str(field(message, "content"));
            }
            "message" => {}
            "tool_use" => self.tool_use(message, log),
            "tool_result" => {
                log.progress();
                log.show(&output(field(message, "output"), field(message, "status") == "error"));
            }
            "error" => {
                let words = failure::words(field(message, "message"));
                log.show(&[warning(&words)]);
            }
            "result" => self.result(message, log),
            other => log.show(&[aside(other)]),
        }
    }

    fn session_is_gone(&self, log: &Log) -> bool {
        log.noise().contains("Error resuming session") || log.noise().contains("Invalid session identifier")
    }

    fn outcome(&mut self, exit: ExitInfo, result_file: Option<&str>, log: &mut Log) -> StepOutcome {
        match &self.result {
            Some(result) if field(result, "status") == "error" => {
                let words = error_words(result);
                // The status of HTTP is the exit code, as far as a byte holds it.
                let status = exit.code.and_then(|code| u64::try_from(code).ok()).and_then(status_of);
                failed(failure::kind(status, &words), &words)
            }
            Some(_) => success(self.step, &self.said, result_file),
            None => without_end(exit, log),
        }
    }
}

impl Gemini {
    pub(in crate::agents) fn new(step: StepKind) -> Self {
        Self { step, said: String::new(), unshown: String::new(), result: None }
    }

    fn show(&mut self, log: &mut Log) {
        let text = std::mem::take(&mut self.unshown);
        log.show(&says(&text));
    }

    fn tool_use(&mut self, message: &Value, log: &mut Log) {
        self.said.clear();
        log.progress();
        let (name, parameters) = (field(message, "tool_name"), message.get("parameters"));
        let about = parameters.and_then(subject).unwrap_or_default();
        log.status(AgentState::Working, &format!("{name} {about}"));
        log.show(&[call(name, &about)]);
        if let Some(parameters) = parameters {
            log.show(&removed(field(parameters, "old_string")));
            log.show(&added(field(parameters, "new_string")));
            log.show(&added(field(parameters, "content")));
        }
    }

    fn result(&mut self, message: &Value, log: &mut Log) {
        log.progress();
        let number = |key: &str| {
            message.get("stats").and_then(|stats| stats.get(key)).and_then(Value::as_u64).unwrap_or(0)
        };
        let usage = Usage {
            input_tokens: number("input_tokens"),
            cached_tokens: number("cached"),
            output_tokens: number("output_tokens"),
            ..Usage::default()
        };
        log.used_up_to(usage);
        if field(message, "status") == "error" {
            let words = error_words(message);
            log.status(AgentState::Error, &words);
            log.show(&[failure_line(&words)]);
        } else {
            log.status(AgentState::Done, "");
            let seconds = format!("{} s", number("duration_ms") / 1000);
            let tokens = format!("{} tokens in, {} out", usage.input_tokens, usage.output_tokens);
            log.show(&[ended(&[seconds, format!("{} tools", number("tool_calls")), tokens])]);
        }
        self.result = Some(message.clone());
    }
}

fn error_words(result: &Value) -> String {
    let message = result.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
    let message = failure::words(message.trim_start_matches("[API Error: ").trim_end_matches(']'));
    if message.is_empty() { "it failed without a word".to_owned() } else { message }
}

/// The status of HTTP that this exit code is the last byte of.
fn status_of(code: u64) -> Option<u64> {
    [400, 401, 403, 404, 413, 429, 500, 502, 503, 504, 529].into_iter().find(|status| status % 256 == code)
}

/// The outcome of a process that ended and told nothing of its turn.
pub(in crate::agents) fn without_end(exit: ExitInfo, log: &Log) -> StepOutcome {
    let tail = || text::tail(log.noise(), 4, 800);
    match exit.code {
        Some(41) => failed(FailureKind::Authentication, &format!("Gemini is not logged in: {}", tail())),
        Some(53) => failed(FailureKind::Infrastructure, "its limit of turns was reached"),
        Some(1) if log.noise().contains("Unknown argument") => {
            let line = log.noise().lines().find(|line| line.contains("Unknown argument")).unwrap_or_default();
            failed(FailureKind::Configuration, line)
        }
        Some(42 | 52 | 55) => failed(FailureKind::Configuration, &tail()),
        // It ends so when it is told to end.
        Some(0) => failed(FailureKind::Infrastructure, INTERRUPTED),
        Some(code) => match u64::try_from(code).ok().and_then(status_of) {
            Some(status) => failed(failure::kind(Some(status), log.noise()), &tail()),
            None => without_result("gemini", exit, log, false),
        },
        None => without_result("gemini", exit, log, false),
    }
}
