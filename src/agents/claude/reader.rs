//! What the lines of Claude Code mean: session id, usage, status, progress, transcript, and what the outcome is made of.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::outcome::{Seen, outcome};
use super::transcript;
use crate::agents::answer::micros;
use crate::agents::event::ExitInfo;
use crate::agents::hooks;
use crate::agents::stream::{GO_ON, Log, Protocol, STOPPED};
use crate::agents::transcript::{field, subject, told, warning};
use crate::model::{AgentState, BlockedKind, StepKind, StepOutcome, Timestamp, Usage, counted};

/// Follows one process of Claude Code.
pub(in crate::agents) struct Claude {
    step: StepKind,
    /// What the resumed session had cost before: its totals go on from there.
    resumed: Usage,
    /// Tokens of the turns that are over.
    before: Usage,
    /// Tokens of this one by message id, as far as they are known before its result.
    by_message: BTreeMap<String, Usage>,
    seen: Seen,
    /// What it waits for leave for, the oldest first.
    asks: VecDeque<Request>,
    /// It is spoken to while it works.
    talks: bool,
    /// Words that it was given and has not taken up yet: it says them again when it does, in this turn or in the next.
    unheard: Vec<String>,
    /// Words that came when its turn was over.
    late: Vec<String>,
    heard: bool,
    /// Its agents at work in the background: the end of its turn is not its end.
    background: usize,
    working: bool,
    interrupted: bool,
    /// Requests of ours, by what was sent and what was answered.
    requests: u64,
}

/// A request for leave.
struct Request {
    id: Value,
    input: Value,
    /// The call that it is for; empty if it was not said.
    call: String,
    about: String,
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
        let replays = message.get("isReplay").and_then(Value::as_bool) == Some(true);
        if matches!(kind, "assistant" | "user" | "result") && !replays {
            self.goes_on(message, kind == "result", log);
        }
        match kind {
            "control_request" => self.request(message, log),
            "control_cancel_request" => {
                let id = message.get("request_id").unwrap_or(&Value::Null);
                self.drop_asks(|ask| ask.id == *id, log);
            }
            "control_response" => self.requests += 1,
            "system" => self.system(message, log),
            "assistant" => self.assistant(message, log),
            "user" if replays => self.hears(message, log),
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

    fn open(&mut self, prompt: String, _resume: Option<String>) {
        self.unheard = vec![prompt];
    }

    fn rests(&self) -> bool {
        !self.working && !self.interrupted
    }

    fn interrupt(&mut self) -> Option<Value> {
        if !self.working {
            return None;
        }
        self.requests += 1;
        let id = format!("interrupt-{}", self.requests);
        Some(json!({"type": "control_request", "request_id": id, "request": {"subtype": "interrupt"}}))
    }

    fn answer(&mut self, allow: bool, words: &str, log: &mut Log) -> Option<Value> {
        let has_words = !words.trim().is_empty();
        let Some(Request { id, input, .. }) = self.asks.pop_front() else {
            return match (self.interrupted, allow, has_words) {
                (true, _, true) => self.say(words),
                (true, true, false) => self.say(GO_ON),
                (true, false, false) => {
                    self.interrupted = false;
                    log.input_ends();
                    None
                }
                (false, _, _) => None,
            };
        };
        let words = if has_words { words } else { "The person who was asked said no." };
        let response = match allow {
            true => json!({"behavior": "allow", "updatedInput": input}),
            false => json!({"behavior": "deny", "message": words}),
        };
        let response = json!({"subtype": "success", "request_id": id, "response": response});
        self.show_next(log);
        Some(json!({"type": "control_response", "response": response}))
    }

    fn say(&mut self, words: &str) -> Option<Value> {
        if self.rests() && self.unheard.is_empty() && self.background == 0 {
            self.late.push(words.to_owned());
            return None;
        }
        self.interrupted = false;
        self.unheard.push(words.to_owned());
        Some(super::user_message(words))
    }

    fn take_unsaid(&mut self) -> Vec<String> {
        // Of a program that does not say again what it was told, nobody knows what it has heard.
        let unheard = std::mem::take(&mut self.unheard).into_iter().filter(|_| self.heard);
        unheard.chain(std::mem::take(&mut self.late)).collect()
    }

    fn session_is_gone(&self, log: &Log) -> bool {
        self.seen.session_is_gone(log.noise())
    }

    fn outcome(&mut self, exit: ExitInfo, result_file: Option<&str>, log: &mut Log) -> StepOutcome {
        outcome(self.step, exit, &self.seen, log, result_file)
    }
}

impl Claude {
    pub(in crate::agents) fn new(step: StepKind, resumed: Usage, talks: bool) -> Self {
        Self {
            step,
            resumed,
            before: Usage::default(),
            by_message: BTreeMap::new(),
            seen: Seen::default(),
            asks: VecDeque::new(),
            talks,
            unheard: Vec::new(),
            late: Vec::new(),
            background: 0,
            heard: false,
            working: false,
            interrupted: false,
            requests: 0,
        }
    }

    fn system(&mut self, message: &Value, log: &mut Log) {
        // It says so at the beginning of each turn.
        if message.get("subtype").and_then(Value::as_str) == Some("init") {
            (self.working, self.interrupted) = (true, false);
        }
        if message.get("subtype").and_then(Value::as_str) == Some("background_tasks_changed") {
            self.background = agents_in(message);
        }
        system(message, log);
    }

    /// It goes on, so what this is the result of was answered; without a word of that, all of it.
    fn goes_on(&mut self, message: &Value, turn_ended: bool, log: &mut Log) {
        let blocks = message.pointer("/message/content").and_then(Value::as_array);
        let results: Vec<&str> =
            blocks.into_iter().flatten().map(|block| field(block, "tool_use_id")).collect();
        let ended = |ask: &Request| turn_ended || ask.call.is_empty() || results.contains(&ask.call.as_str());
        self.drop_asks(ended, log);
    }

    fn drop_asks(&mut self, is_over: impl Fn(&Request) -> bool, log: &mut Log) {
        let first = self.asks.front().map(|ask| ask.id.clone());
        self.asks.retain(|ask| !is_over(ask));
        if first.is_some() && first.as_ref() != self.asks.front().map(|ask| &ask.id) {
            self.show_next(log);
        }
    }

    /// What is asked next is told as something new.
    fn show_next(&self, log: &mut Log) {
        if let Some(ask) = self.asks.front() {
            log.status(AgentState::Working, "");
            log.status(AgentState::Blocked(BlockedKind::Permission), &ask.about);
        }
    }

    /// It takes up words: several that waited may come as one.
    fn hears(&mut self, message: &Value, log: &mut Log) {
        log.progress();
        let words = transcript::words(message);
        let before = self.unheard.len();
        let whole = format!("\n{words}\n");
        self.unheard.retain(|one| !whole.contains(&format!("\n{one}\n")));
        if self.unheard.len() == before && before > 0 {
            self.unheard.remove(0);
        }
        if std::mem::replace(&mut self.heard, true) {
            log.show(&told(&words));
        }
    }

    fn request(&mut self, message: &Value, log: &mut Log) {
        let Some(request) = message.get("request").filter(|request| request["subtype"] == "can_use_tool")
        else {
            return;
        };
        let input = request.get("input").cloned().unwrap_or_default();
        let tool = request.get("tool_name").and_then(Value::as_str).unwrap_or("something");
        let about = format!("{tool} {}", subject(&input).unwrap_or_default());
        let call = field(request, "tool_use_id").to_owned();
        let id = message.get("request_id").cloned().unwrap_or_default();
        log.progress();
        if self.asks.is_empty() {
            log.status(AgentState::Blocked(BlockedKind::Permission), &about);
        }
        log.show(&[warning(&format!("? {about}: waits for leave"))]);
        self.asks.push_back(Request { id, input, call, about });
    }

    fn assistant(&mut self, message: &Value, log: &mut Log) {
        log.progress();
        if self.asks.is_empty() {
            log.status(AgentState::Working, &transcript::activity(message).unwrap_or_default());
        }
        let Some(body) = message.get("message") else { return };
        let Some(id) = body.get("id").and_then(Value::as_str) else { return };
        let Some(usage) = body.get("usage").map(tokens) else { return };
        // The blocks of one message come on lines of their own, each with the usage of the whole.
        self.by_message.insert(id.to_owned(), usage);
        let total = self.by_message.values().fold(self.before, |sum, usage| sum.plus(*usage));
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
        log.used_up_to(Usage { cost_micros: cost, ..self.before.plus(used) });
        self.before = Usage { cost_micros: 0, ..log.used() };
        self.by_message.clear();
        self.turn_ended(message, log);
        self.seen.result = Some(message.clone());
    }

    /// Goes on with what was said meanwhile; else there is nothing more to say to it, unless a person stopped it.
    fn turn_ended(&mut self, message: &Value, log: &mut Log) {
        self.working = false;
        // A program that does not say again what it was told has taken all of it up.
        if !self.heard {
            self.unheard.clear();
        }
        let failed = message.get("is_error").and_then(Value::as_bool).unwrap_or(false);
        if !self.unheard.is_empty() {
            log.status(AgentState::Working, "");
        } else if self.background > 0 && !failed {
            // They wake it, and it takes up what they found in a turn of its own.
            let waits = format!("waits for {}", counted(self.background, "sub-agent"));
            log.status(AgentState::Working, &waits);
        } else if self.talks && super::outcome::was_interrupted(message) {
            self.interrupted = true;
            log.status(AgentState::Blocked(BlockedKind::Question), STOPPED);
        } else {
            let state = if failed { AgentState::Error } else { AgentState::Done };
            let text = if failed { super::outcome::error_text(message) } else { String::new() };
            log.status(state, &text);
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

/// Agents among the work in the background; what else runs there (a shell, a watcher) wakes nobody for sure.
fn agents_in(message: &Value) -> usize {
    let tasks = message.get("tasks").and_then(Value::as_array);
    let is_ambient = |task: &&Value| task.get("ambient").and_then(Value::as_bool) == Some(true);
    let is_agent = |task: &&Value| hooks::is_agent(field(task, "task_type"));
    tasks.into_iter().flatten().filter(|task| !is_ambient(task) && is_agent(task)).count()
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
