//! What the lines of Claude Code mean: session id, usage, status, progress, transcript, and what the outcome is made of.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::outcome::{Seen, outcome};
use super::transcript;
use crate::agents::answer::micros;
use crate::agents::event::ExitInfo;
use crate::agents::stream::{Log, Protocol};
use crate::agents::transcript::{subject, warning};
use crate::model::{AgentState, BlockedKind, StepKind, StepOutcome, Timestamp, Usage};

/// Follows one process of Claude Code.
pub(in crate::agents) struct Claude {
    step: StepKind,
    /// What the resumed session had cost before: its totals go on from there.
    resumed: Usage,
    /// Tokens by message id, as far as they are known before the result.
    by_message: BTreeMap<String, Usage>,
    seen: Seen,
    /// What it waits for leave for.
    asks: Option<Request>,
    /// Messages that it was given and has not ended its turn for.
    owed: u32,
}

/// A request for leave.
struct Request {
    id: Value,
    input: Value,
}

impl Protocol for Claude {
    fn message(&mut self, message: &Value, log: &mut Log) {
        // A failed resume reports an id of its own that nothing can resume.
        if !super::outcome::session_is_gone(message)
            && let Some(id) = message.get("session_id").and_then(Value::as_str)
        {
            log.session(id);
        }
        let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
        if matches!(kind, "assistant" | "user" | "result") {
            // It goes on, so it was answered.
            self.asks = None;
        }
        match kind {
            "control_request" => self.request(message, log),
            "system" => system(message, log),
            "assistant" => self.assistant(message, log),
            "user" => log.progress(),
            "stream_event" if is_delta(message) => log.progress(),
            "rate_limit_event" => self.rate_limit(message),
            "result" => self.result(message, log),
            _ => {}
        }
        if let Some(text) = transcript::of(message) {
            log.show_text(text);
        }
    }

    fn answer(&mut self, allow: bool, words: &str, _log: &mut Log) -> Option<Value> {
        let Request { id, input } = self.asks.take()?;
        let words = if words.trim().is_empty() { "The person who was asked said no." } else { words };
        let response = match allow {
            true => json!({"behavior": "allow", "updatedInput": input}),
            false => json!({"behavior": "deny", "message": words}),
        };
        let response = json!({"subtype": "success", "request_id": id, "response": response});
        Some(json!({"type": "control_response", "response": response}))
    }

    fn say(&mut self, words: &str) -> Option<Value> {
        if self.owed == 0 {
            return None;
        }
        self.owed += 1;
        Some(super::user_message(words))
    }

    fn session_is_gone(&self, log: &Log) -> bool {
        self.seen.session_is_gone(log.noise())
    }

    fn outcome(&mut self, exit: ExitInfo, result_file: Option<&str>, log: &mut Log) -> StepOutcome {
        outcome(self.step, exit, &self.seen, log, result_file)
    }
}

impl Claude {
    pub(in crate::agents) fn new(step: StepKind, resumed: Usage) -> Self {
        Self { step, resumed, by_message: BTreeMap::new(), seen: Seen::default(), asks: None, owed: 1 }
    }

    fn request(&mut self, message: &Value, log: &mut Log) {
        let Some(request) = message.get("request").filter(|request| request["subtype"] == "can_use_tool")
        else {
            return;
        };
        let input = request.get("input").cloned().unwrap_or_default();
        let tool = request.get("tool_name").and_then(Value::as_str).unwrap_or("something");
        let about = subject(&input).unwrap_or_default();
        self.asks = Some(Request { id: message.get("request_id").cloned().unwrap_or_default(), input });
        log.progress();
        log.status(AgentState::Blocked(BlockedKind::Permission), &format!("{tool} {about}"));
        log.show(&[warning(&format!("? {tool} {about}: waits for leave"))]);
    }

    fn assistant(&mut self, message: &Value, log: &mut Log) {
        log.progress();
        log.status(AgentState::Working, &transcript::activity(message).unwrap_or_default());
        let Some(body) = message.get("message") else { return };
        let Some(id) = body.get("id").and_then(Value::as_str) else { return };
        let Some(usage) = body.get("usage").map(tokens) else { return };
        // The blocks of one message come on lines of their own, each with the usage of the whole.
        self.by_message.insert(id.to_owned(), usage);
        let total = self.by_message.values().fold(Usage::default(), |sum, usage| sum.plus(*usage));
        log.used_up_to(Usage { cost_micros: log.used().cost_micros, ..total });
    }

    fn rate_limit(&mut self, message: &Value) {
        let Some(info) = message.get("rate_limit_info") else { return };
        if info.get("status").and_then(Value::as_str) == Some("rejected") {
            let seconds = info.get("resetsAt").and_then(Value::as_i64);
            self.seen.quota_until = seconds.map(|seconds| Timestamp(seconds.saturating_mul(1000)));
        }
    }

    fn result(&mut self, message: &Value, log: &mut Log) {
        log.progress();
        let total = micros(message.get("total_cost_usd").and_then(Value::as_f64).unwrap_or(0.0));
        // On resume the cost counts from the session's beginning; a smaller total is one that began anew.
        let cost = total.checked_sub(self.resumed.cost_micros).unwrap_or(total);
        let used = message.get("usage").map(tokens).unwrap_or_default();
        log.used_up_to(Usage { cost_micros: cost, ..used });
        let failed = message.get("is_error").and_then(Value::as_bool).unwrap_or(false);
        let state = if failed { AgentState::Error } else { AgentState::Done };
        let text = if failed { super::outcome::error_text(message) } else { String::new() };
        log.status(state, &text);
        self.seen.result = Some(message.clone());
        self.owed = self.owed.saturating_sub(1);
        if self.owed == 0 {
            log.input_ends();
        }
    }
}

fn system(message: &Value, log: &mut Log) {
    match message.get("subtype").and_then(Value::as_str) {
        Some("init") => log.status(AgentState::Working, ""),
        Some("api_retry") => {
            let number = |key: &str| message.get(key).and_then(Value::as_u64).unwrap_or(0);
            let (attempt, most, status) = (number("attempt"), number("max_retries"), number("error_status"));
            let cause = if status == 0 { "no connection".to_owned() } else { format!("status {status}") };
            log.status(AgentState::Working, &format!("retrying {attempt} of {most} after {cause}"));
        }
        _ => {}
    }
}

fn is_delta(message: &Value) -> bool {
    message.pointer("/event/type").and_then(Value::as_str) == Some("content_block_delta")
}

/// Tokens of the API's usage object; those read from and written to caches went in as well.
fn tokens(usage: &Value) -> Usage {
    let number = |key: &str| usage.get(key).and_then(Value::as_u64).unwrap_or(0);
    Usage {
        input_tokens: number("input_tokens")
            .saturating_add(number("cache_creation_input_tokens"))
            .saturating_add(number("cache_read_input_tokens")),
        cached_tokens: number("cache_read_input_tokens"),
        output_tokens: number("output_tokens"),
        ..Usage::default()
    }
}
