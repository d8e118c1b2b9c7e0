//! Follows the stream: session id, usage, status, progress, transcript, and what the outcome is made of.

use std::collections::BTreeMap;

use serde_json::Value;

use super::lines::Lines;
use super::outcome::{Seen, outcome};
use super::{is_session_id, transcript};
use crate::agents::answer::micros;
use crate::agents::event::{AgentEvent, ExitInfo, Reader};
use crate::agents::text;
use crate::model::{AgentState, AgentStatus, StatusSource, StepKind, Timestamp, Usage};

/// Bytes of lines outside the protocol (standard error) that are kept for messages.
const NOISE_KEPT: usize = 16 * 1024;

/// Follows one process of Claude Code.
pub(in crate::agents) struct ClaudeReader {
    step: StepKind,
    /// What the resumed session had cost before: its totals go on from there.
    resumed: Usage,
    lines: Lines,
    session: Option<String>,
    status: Option<AgentStatus>,
    /// Tokens by message id, as far as they are known before the result.
    by_message: BTreeMap<String, Usage>,
    emitted: Usage,
    seen: Seen,
}

impl ClaudeReader {
    pub(in crate::agents) fn new(step: StepKind, resumed: Usage) -> Self {
        Self {
            step,
            resumed,
            lines: Lines::default(),
            session: None,
            status: None,
            by_message: BTreeMap::new(),
            emitted: Usage::default(),
            seen: Seen::default(),
        }
    }

    fn line(&mut self, line: &str, events: &mut Vec<AgentEvent>) {
        let message = serde_json::from_str::<Value>(line).ok().filter(|value| value.get("type").is_some());
        let Some(message) = message else { return self.noise(line, events) };
        self.see_session(&message, events);
        match message.get("type").and_then(Value::as_str).unwrap_or_default() {
            "system" => self.system(&message, events),
            "assistant" => self.assistant(&message, events),
            "user" => events.push(AgentEvent::Progress),
            "stream_event" if is_delta(&message) => events.push(AgentEvent::Progress),
            "rate_limit_event" => self.rate_limit(&message),
            "result" => self.result(&message, events),
            _ => {}
        }
        if let Some(text) = transcript::of(&message) {
            events.push(AgentEvent::Transcript(text.into_bytes()));
        }
    }

    fn noise(&mut self, line: &str, events: &mut Vec<AgentEvent>) {
        let line = text::plain(line);
        self.seen.noise.push_str(&line);
        self.seen.noise.push('\n');
        if self.seen.noise.len() > 2 * NOISE_KEPT {
            self.seen.noise = text::last_bytes(&self.seen.noise, NOISE_KEPT).to_owned();
        }
        events.push(AgentEvent::Transcript(transcript::noise(&line).into_bytes()));
    }

    fn see_session(&mut self, message: &Value, events: &mut Vec<AgentEvent>) {
        // A failed resume reports an id of its own that nothing can resume.
        if super::outcome::session_is_gone(message) {
            return;
        }
        let Some(id) = message.get("session_id").and_then(Value::as_str).filter(|id| is_session_id(id))
        else {
            return;
        };
        if self.session.as_deref() != Some(id) {
            self.session = Some(id.to_owned());
            events.push(AgentEvent::SessionSeen(id.to_owned()));
        }
    }

    fn system(&mut self, message: &Value, events: &mut Vec<AgentEvent>) {
        match message.get("subtype").and_then(Value::as_str) {
            Some("init") => self.set_status(AgentState::Working, "", events),
            Some("api_retry") => {
                let number = |key: &str| message.get(key).and_then(Value::as_u64).unwrap_or(0);
                let (attempt, most, status) =
                    (number("attempt"), number("max_retries"), number("error_status"));
                let cause = if status == 0 { "no connection".to_owned() } else { format!("status {status}") };
                let text = format!("retrying {attempt} of {most} after {cause}");
                self.set_status(AgentState::Working, &text, events);
            }
            _ => {}
        }
    }

    fn assistant(&mut self, message: &Value, events: &mut Vec<AgentEvent>) {
        events.push(AgentEvent::Progress);
        self.set_status(AgentState::Working, &transcript::activity(message).unwrap_or_default(), events);
        let Some(body) = message.get("message") else { return };
        let Some(id) = body.get("id").and_then(Value::as_str) else { return };
        let Some(usage) = body.get("usage").map(tokens) else { return };
        // The blocks of one message come on lines of their own, each with the usage of the whole.
        self.by_message.insert(id.to_owned(), usage);
        let total = self.by_message.values().fold(Usage::default(), |sum, usage| sum.plus(*usage));
        self.emit_up_to(Usage { cost_micros: self.emitted.cost_micros, ..total }, events);
    }

    fn rate_limit(&mut self, message: &Value) {
        let Some(info) = message.get("rate_limit_info") else { return };
        if info.get("status").and_then(Value::as_str) == Some("rejected") {
            let seconds = info.get("resetsAt").and_then(Value::as_i64);
            self.seen.quota_until = seconds.map(|seconds| Timestamp(seconds.saturating_mul(1000)));
        }
    }

    fn result(&mut self, message: &Value, events: &mut Vec<AgentEvent>) {
        events.push(AgentEvent::Progress);
        let total = micros(message.get("total_cost_usd").and_then(Value::as_f64).unwrap_or(0.0));
        // On resume the cost counts from the session's beginning; a smaller total is one that began anew.
        let cost = total.checked_sub(self.resumed.cost_micros).unwrap_or(total);
        let used = message.get("usage").map(tokens).unwrap_or_default();
        self.emit_up_to(Usage { cost_micros: cost, ..used }, events);
        let failed = message.get("is_error").and_then(Value::as_bool).unwrap_or(false);
        let state = if failed { AgentState::Error } else { AgentState::Done };
        let text = if failed { super::outcome::error_text(message) } else { String::new() };
        self.set_status(state, &text, events);
        self.seen.result = Some(message.clone());
    }

    fn emit_up_to(&mut self, total: Usage, events: &mut Vec<AgentEvent>) {
        let more = Usage {
            cost_micros: total.cost_micros.saturating_sub(self.emitted.cost_micros),
            input_tokens: total.input_tokens.saturating_sub(self.emitted.input_tokens),
            output_tokens: total.output_tokens.saturating_sub(self.emitted.output_tokens),
        };
        if more != Usage::default() {
            self.emitted = self.emitted.plus(more);
            events.push(AgentEvent::Used(more));
        }
    }

    fn set_status(&mut self, state: AgentState, message: &str, events: &mut Vec<AgentEvent>) {
        let status =
            AgentStatus { state, message: text::one_line(message, 200), source: StatusSource::Stream };
        if self.status.as_ref() != Some(&status) {
            self.status = Some(status.clone());
            events.push(AgentEvent::Status(status));
        }
    }
}

impl Reader for ClaudeReader {
    fn feed(&mut self, bytes: &[u8]) -> Vec<AgentEvent> {
        let mut events = Vec::new();
        for line in self.lines.feed(bytes) {
            self.line(&line, &mut events);
        }
        events
    }

    fn finish(&mut self, exit: ExitInfo, result_file: Option<String>) -> Vec<AgentEvent> {
        let mut events = Vec::new();
        if let Some(line) = self.lines.take() {
            self.line(&line, &mut events);
        }
        if self.seen.session_is_gone() {
            events.push(AgentEvent::SessionGone);
        }
        events.push(AgentEvent::Outcome(outcome(self.step, exit, &self.seen, result_file.as_deref())));
        events
    }
}

fn is_delta(message: &Value) -> bool {
    message.pointer("/event/type").and_then(Value::as_str) == Some("content_block_delta")
}

/// Tokens of the API's usage object; those read from and written to caches went in as well.
fn tokens(usage: &Value) -> Usage {
    let number = |key: &str| usage.get(key).and_then(Value::as_u64).unwrap_or(0);
    Usage {
        cost_micros: 0,
        input_tokens: number("input_tokens")
            .saturating_add(number("cache_creation_input_tokens"))
            .saturating_add(number("cache_read_input_tokens")),
        output_tokens: number("output_tokens"),
    }
}
