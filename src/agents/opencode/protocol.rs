//! What the lines of `opencode run --format json` mean.
//!
//! Tokens and cost are told for each step, and summed here. A turn has ended when a step stops for another reason than
//! its tools, and when the process ends.

use serde_json::Value;

use super::lines::{self, Line};
use crate::agents::answer::micros;
use crate::agents::event::ExitInfo;
use crate::agents::failure;
use crate::agents::limit::Limit;
use crate::agents::stream::{Log, Protocol, failed, success, without_result};
use crate::agents::transcript::{
    added, aside, call, ended, failed as failure_line, field, header, output, removed, says, subject, thinks,
    warning,
};
use crate::model::{AgentState, FailureKind, StepKind, StepOutcome, Usage};

/// Follows one process of `opencode run`.
pub(in crate::agents) struct Opencode {
    step: StepKind,
    greeted: bool,
    /// What it said since its last tool.
    said: String,
    used: Usage,
    /// A step ended that was the last.
    stopped: bool,
    /// What went wrong, with the status of HTTP if there was one.
    error: Option<(Option<u64>, String)>,
    /// The limit that it waits for the end of.
    limit: Option<Limit>,
}

impl Protocol for Opencode {
    fn is_message(&self, value: &Value) -> bool {
        lines::is_ours(value) || value.get("type").is_some()
    }

    fn message(&mut self, message: &Value, log: &mut Log) {
        if lines::is_ours(message) {
            return self.line(message, log);
        }
        let session = field(message, "sessionID");
        log.session(session);
        if !std::mem::replace(&mut self.greeted, true) {
            log.show(&[header("opencode", &[session])]);
        }
        log.progress();
        let part = message.get("part").unwrap_or(&Value::Null);
        match field(message, "type") {
            "step_start" => log.status(AgentState::Working, ""),
            "text" => {
                self.said.push_str(field(part, "text"));
                self.said.push('\n');
                log.show(&says(field(part, "text")));
            }
            "reasoning" => log.show(&thinks(field(part, "text"))),
            "tool_use" => self.tool_use(part, log),
            "step_finish" => self.step_finish(part, log),
            "error" => self.error(message, log),
            other => log.show(&[aside(other)]),
        }
    }

    fn session_is_gone(&self, log: &Log) -> bool {
        log.noise().contains("Session not found")
            || self.error.as_ref().is_some_and(|(_, words)| words.contains("Session not found"))
    }

    fn outcome(&mut self, exit: ExitInfo, result_file: Option<&str>, log: &mut Log) -> StepOutcome {
        if let Some(Limit { words, until }) = &self.limit {
            return failed(FailureKind::Quota { until: *until }, words);
        }
        match &self.error {
            Some((status, words)) => failed(failure::kind(*status, words), words),
            None if self.stopped && exit.code == Some(0) => {
                log.status(AgentState::Done, "");
                success(self.step, &self.said, result_file)
            }
            None => without_end(exit, log),
        }
    }
}

/// The outcome of a process that ended and told nothing of its turn.
pub(in crate::agents) fn without_end(exit: ExitInfo, log: &Log) -> StepOutcome {
    let helps = ["opencode run [message..]", "opencode acp"].iter().any(|help| log.noise().contains(help));
    // It answers a flag that it does not know with its help.
    if exit.code == Some(1) && helps {
        return failed(FailureKind::Configuration, "it does not know one of its arguments; see `extra_args`");
    }
    without_result("opencode", exit, log, false)
}

impl Opencode {
    pub(in crate::agents) fn new(step: StepKind) -> Self {
        Self {
            step,
            greeted: false,
            said: String::new(),
            used: Usage::default(),
            stopped: false,
            error: None,
            limit: None,
        }
    }

    /// What it waits with: nobody else would see that. The rest of these lines its own ones tell.
    fn line(&mut self, message: &Value, log: &mut Log) {
        match lines::line(message) {
            Some(Line::Retries(words)) => {
                log.progress();
                log.status(AgentState::Working, &words);
                log.show(&[warning(&format!("⟳ {words}"))]);
            }
            Some(Line::Waits(limit)) => {
                log.status(AgentState::Error, &limit.words);
                log.show(&[failure_line(&limit.words)]);
                self.limit = Some(limit);
                log.input_ends();
            }
            Some(Line::Step(_) | Line::Failed(_)) | None => {}
        }
    }

    fn tool_use(&mut self, part: &Value, log: &mut Log) {
        self.said.clear();
        let state = part.get("state").unwrap_or(&Value::Null);
        let input = state.get("input").unwrap_or(&Value::Null);
        let about = subject(input).unwrap_or_default();
        log.status(AgentState::Working, &format!("{} {about}", field(part, "tool")));
        log.show(&[call(field(part, "tool"), &about)]);
        log.show(&removed(field(input, "oldString")));
        log.show(&added(field(input, "newString")));
        log.show(&added(field(input, "content")));
        match field(state, "status") {
            "error" => log.show(&output(field(state, "error"), true)),
            _ => log.show(&output(field(state, "output"), false)),
        }
    }

    fn step_finish(&mut self, part: &Value, log: &mut Log) {
        let number = |place: &str| part.pointer(place).and_then(Value::as_u64).unwrap_or(0);
        let cost = micros(part.get("cost").and_then(Value::as_f64).unwrap_or(0.0));
        let input = number("/tokens/input") + number("/tokens/cache/read") + number("/tokens/cache/write");
        let output = number("/tokens/output") + number("/tokens/reasoning");
        self.used = self.used.plus(Usage {
            cost_micros: cost,
            input_tokens: input,
            output_tokens: output,
            ..Usage::default()
        });
        log.used_up_to(self.used);
        self.stopped = field(part, "reason") != "tool-calls";
        if self.stopped {
            let tokens = format!("{} tokens in, {} out", self.used.input_tokens, self.used.output_tokens);
            log.show(&[ended(&[tokens, self.used.dollars()])]);
        }
    }

    fn error(&mut self, message: &Value, log: &mut Log) {
        let error = message.get("error").unwrap_or(&Value::Null);
        let told = error.pointer("/data/message").and_then(Value::as_str).unwrap_or(field(error, "name"));
        let words = failure::words(told);
        let status = error.pointer("/data/statusCode").and_then(Value::as_u64);
        log.status(AgentState::Error, &words);
        log.show(&[failure_line(&words)]);
        self.error = Some((status, words));
    }
}
