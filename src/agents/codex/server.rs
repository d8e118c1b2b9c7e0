//! What the lines of `codex app-server` mean, and what it is told: a turn that a person can be asked in, spoken into and
//! take back.
//!
//! Invariants: what is to be sent follows from what was read, so that another server goes on from the recording; every
//! request of its is answered, by a person or with a refusal.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::ask::Ask;
use super::items;
use super::protocol::{End, needs_login, says_that_it_is_gone, since, without_end};
use crate::agents::event::ExitInfo;
use crate::agents::failure;
use crate::agents::rpc::{self, Calls, Incoming, error_words};
use crate::agents::stream::{GO_ON, INTERRUPTED, Log, Protocol, STOPPED, failed, success};
use crate::agents::transcript::{aside, ended, failed as failure_line, field, header, todos, told, warning};
use crate::model::{AgentState, BlockedKind, FailureKind, StepKind, StepOutcome, Timestamp, Usage};

/// What tells nothing that a person wants to read.
const QUIET: [&str; 11] = [
    "thread/",
    "account/",
    "mcpServer/",
    "skills/",
    "app/",
    "fs/",
    "remoteControl/",
    "hook/",
    "item/",
    "turn/",
    "rawResponse",
];

/// Follows one process of `codex app-server`, with one thread.
pub(in crate::agents) struct Server {
    step: StepKind,
    /// What the resumed thread had used before.
    resumed: Usage,
    prompt: String,
    thread: String,
    /// The turn that is under way.
    turn: Option<String>,
    /// Whether the prompt was shown back to us: what comes after are a person's words.
    heard_prompt: bool,
    calls: Calls<Call>,
    asks: VecDeque<Ask>,
    /// The change of files that began last: its item, and its paths. A request for leave names only the item.
    change: (String, String),
    /// Words for the next turn.
    waiting: Vec<String>,
    /// Its last message: its answer.
    answer: String,
    /// What each thread has used; a sub-agent has its own.
    used: BTreeMap<String, Usage>,
    ended: Option<End>,
    interrupted: bool,
    is_gone: bool,
    /// When the limit that is reached ends.
    resets: Option<Timestamp>,
}

/// What a request of ours is for.
enum Call {
    Turn,
    /// Words for the turn that is under way.
    Steer(String),
    Interrupt,
}

/// The lines that open a conversation, written down by the launch.
pub(super) fn opening(resume: Option<&str>, sandbox: &str, model: Option<&str>) -> String {
    let about = json!({"name": "loopmon", "title": "loopmon", "version": env!("CARGO_PKG_VERSION")});
    // The whole difference of a worktree after every edit would be told again and again.
    let capabilities = json!({"experimentalApi": false, "requestAttestation": false,
        "optOutNotificationMethods": ["turn/diff/updated", "item/fileChange/outputDelta"]});
    let hello =
        rpc::request(rpc::HELLO, "initialize", json!({"clientInfo": about, "capabilities": capabilities}));
    let mut open = json!({"approvalPolicy": "on-request", "sandbox": sandbox});
    if let Some(model) = model {
        open["model"] = json!(model);
    }
    let method = match resume {
        Some(id) => {
            open["threadId"] = json!(id);
            open["excludeTurns"] = json!(true);
            "thread/resume"
        }
        None => "thread/start",
    };
    let ready = rpc::notification("initialized", json!({}));
    format!("{hello}\n{ready}\n{}\n", rpc::request(rpc::OPEN, method, open))
}

impl Protocol for Server {
    fn is_message(&self, value: &Value) -> bool {
        rpc::incoming(value).is_some()
    }

    fn open(&mut self, prompt: String, _resume: Option<String>) {
        self.prompt = prompt;
    }

    fn message(&mut self, message: &Value, log: &mut Log) {
        match rpc::incoming(message) {
            Some(Incoming::Response { id, result }) => self.response(id, result, log),
            Some(Incoming::Request { id, method, params }) => self.asked(id, method, params, log),
            Some(Incoming::Notification { method, params }) => self.told(method, params, log),
            None => {}
        }
    }

    fn take_due(&mut self) -> Vec<Value> {
        self.calls.take_due()
    }

    fn rests(&self) -> bool {
        self.turn.is_none() && self.calls.is_quiet() && !self.interrupted
    }

    fn interrupt(&mut self) -> Option<Value> {
        let params = json!({"threadId": self.thread, "turnId": self.turn.as_ref()?});
        Some(self.calls.ask("turn/interrupt", params, Call::Interrupt))
    }

    fn answer(&mut self, allow: bool, words: &str, log: &mut Log) -> Option<Value> {
        let has_words = !words.trim().is_empty();
        let Some(ask) = self.asks.pop_front() else {
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
        // Its refusal has no room for words: they are said beside it.
        if has_words && !ask.takes_words() {
            let words = self.say(words);
            words.into_iter().for_each(|words| self.calls.send(words));
        }
        Some(ask.answer(allow, words))
    }

    fn say(&mut self, words: &str) -> Option<Value> {
        if let Some(at) = self.asks.iter().position(Ask::takes_words) {
            return self.asks.remove(at).map(|ask| ask.answer(true, words));
        }
        match &self.turn {
            Some(turn) => {
                let params = json!({"threadId": self.thread, "expectedTurnId": turn, "input": input(words)});
                Some(self.calls.ask("turn/steer", params, Call::Steer(words.to_owned())))
            }
            None if self.interrupted => {
                self.interrupted = false;
                Some(self.calls.ask("turn/start", self.turn_of(words), Call::Turn))
            }
            None => {
                self.waiting.push(words.to_owned());
                None
            }
        }
    }

    fn take_unsaid(&mut self) -> Vec<String> {
        std::mem::take(&mut self.waiting)
    }

    fn session_is_gone(&self, _log: &Log) -> bool {
        self.is_gone
    }

    fn outcome(&mut self, exit: ExitInfo, result_file: Option<&str>, log: &mut Log) -> StepOutcome {
        match &self.ended {
            Some(End::Completed) if self.turn.is_none() => success(self.step, &self.answer, result_file),
            Some(End::Failed { kind, text }) => failed(*kind, text),
            Some(End::Completed) | None => without_end(exit, log),
        }
    }
}

impl Server {
    pub(in crate::agents) fn new(step: StepKind, resumed: Usage) -> Self {
        Self {
            step,
            resumed,
            prompt: String::new(),
            thread: String::new(),
            turn: None,
            heard_prompt: false,
            calls: Calls::default(),
            asks: VecDeque::new(),
            change: Default::default(),
            waiting: Vec::new(),
            answer: String::new(),
            used: BTreeMap::new(),
            ended: None,
            interrupted: false,
            is_gone: false,
            resets: None,
        }
    }

    fn turn_of(&self, words: &str) -> Value {
        json!({"threadId": self.thread, "input": input(words)})
    }

    fn response(&mut self, id: u64, result: Result<&Value, &Value>, log: &mut Log) {
        match (id, result) {
            (rpc::HELLO, Ok(_)) => {}
            (rpc::OPEN, Ok(result)) => self.opened(result, log),
            (rpc::HELLO | rpc::OPEN, Err(error)) => {
                self.is_gone = says_that_it_is_gone(&error_words(error));
                self.fail(&error_words(error), None, log);
            }
            (id, result) => match (self.calls.answered(id), result) {
                // It was over before the words came.
                (Some(Call::Steer(words)), Err(_)) => self.waiting.push(words),
                (Some(Call::Turn), Err(error)) => self.fail(&error_words(error), None, log),
                (Some(Call::Turn), Ok(result)) => {
                    let turn = result.pointer("/turn/id").and_then(Value::as_str).unwrap_or_default();
                    self.turn_began(turn);
                }
                (Some(Call::Steer(_) | Call::Interrupt) | None, _) => {}
            },
        }
        self.settle(log);
    }

    fn opened(&mut self, result: &Value, log: &mut Log) {
        let thread = result.pointer("/thread/id").and_then(Value::as_str).unwrap_or_default();
        thread.clone_into(&mut self.thread);
        log.session(thread);
        log.status(AgentState::Working, "");
        log.model(field(result, "model"));
        log.show(&[header("Codex", &[field(result, "model"), "thread", thread])]);
        let first = self.turn_of(&self.prompt);
        self.calls.ask_once("turn/start", first, Call::Turn);
    }

    /// Something went wrong for good; there is nothing more to say to it.
    fn fail(&mut self, words: &str, error: Option<&Value>, log: &mut Log) {
        let text = failure::words(words);
        log.status(AgentState::Error, &text);
        log.show(&[failure_line(&text)]);
        self.ended = Some(End::Failed { kind: self.kind_of(words, error), text });
        log.input_ends();
    }

    fn kind_of(&self, words: &str, error: Option<&Value>) -> FailureKind {
        let info = error.and_then(|error| error.get("codexErrorInfo")).unwrap_or(&Value::Null);
        let inner = info.as_object().and_then(|info| info.values().next());
        let status = inner.and_then(|inner| inner.get("httpStatusCode")).and_then(Value::as_u64);
        let kind = match info.as_str() {
            _ if needs_login(words) => FailureKind::Authentication,
            Some("unauthorized") => FailureKind::Authentication,
            Some("usageLimitExceeded" | "rateLimitExceeded") => {
                FailureKind::Quota { until: failure::reset(words) }
            }
            Some("badRequest" | "modelNotFound") => FailureKind::Configuration,
            _ => failure::kind(status, words),
        };
        match kind {
            FailureKind::Quota { until: None } => FailureKind::Quota { until: self.resets },
            kind => kind,
        }
    }

    fn asked(&mut self, id: &Value, method: &str, params: &Value, log: &mut Log) {
        log.progress();
        let (item, paths) = &self.change;
        let files = if item == field(params, "itemId") { paths.as_str() } else { "" };
        let Some(ask) = Ask::of(id, method, params, files) else {
            self.calls.send(Ask::refusal(id, method));
            log.show(&[aside(method)]);
            return;
        };
        log.show(&[warning(&format!("? {}: waits for {}", ask.about, ask.for_what()))]);
        self.asks.push_back(ask);
        self.show_state(log);
    }

    /// What it waits for, or that it works.
    fn show_state(&self, log: &mut Log) {
        match self.asks.front() {
            Some(ask) => log.status(AgentState::Blocked(ask.blocked()), &ask.about),
            None => log.status(AgentState::Working, ""),
        }
    }

    fn told(&mut self, method: &str, params: &Value, log: &mut Log) {
        let is_ours = params.get("threadId").is_none_or(|id| *id == self.thread.as_str());
        let item = params.get("item").unwrap_or(&Value::Null);
        match method {
            "turn/started" if is_ours => {
                let turn = params.pointer("/turn/id").and_then(Value::as_str).unwrap_or_default();
                self.turn_began(turn);
                log.progress();
                log.status(AgentState::Working, "");
            }
            "turn/completed" if is_ours => self.turn_completed(params, log),
            "item/started" => {
                if items::kind(item) == "file_change" {
                    self.change = (field(item, "id").to_owned(), items::paths(item).join(" "));
                }
                items::started(item, log);
            }
            "item/completed" => self.completed(item, is_ours, log),
            "turn/plan/updated" => {
                log.progress();
                log.show(&todos(params.get("plan")));
            }
            "serverRequest/resolved" => {
                self.asks.retain(|ask| Some(&ask.id) != params.get("requestId"));
                self.show_state(log);
            }
            "thread/tokenUsage/updated" => self.used(params, log),
            "account/rateLimits/updated" => self.limits(params),
            // Not the end: the turn says that it ended.
            "error" => {
                let text = params.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
                log.status(AgentState::Working, text);
                log.show(&[warning(&format!("⟳ {text}"))]);
            }
            "warning" | "guardianWarning" => log.show(&[warning(field(params, "message"))]),
            "configWarning" | "deprecationNotice" => log.show(&[warning(field(params, "summary"))]),
            _ if method.contains("Delta") || method.ends_with("/delta") => log.progress(),
            _ if QUIET.iter().any(|quiet| method.starts_with(quiet)) => {}
            other => log.show(&[aside(other)]),
        }
    }

    fn turn_began(&mut self, turn: &str) {
        self.turn = Some(turn.to_owned());
        self.ended = None;
        self.interrupted = false;
    }

    fn completed(&mut self, item: &Value, is_ours: bool, log: &mut Log) {
        if items::kind(item) == "user_message" {
            let parts = item.get("content").and_then(Value::as_array);
            let said: Vec<&str> = parts.into_iter().flatten().map(|part| field(part, "text")).collect();
            if is_ours && std::mem::replace(&mut self.heard_prompt, true) {
                log.show(&told(&said.join("\n")));
            }
        } else if let Some(said) = items::completed(item, log).filter(|_| is_ours) {
            said.clone_into(&mut self.answer);
        }
    }

    fn turn_completed(&mut self, params: &Value, log: &mut Log) {
        log.progress();
        self.turn = None;
        self.asks.clear();
        let turn = params.get("turn").unwrap_or(&Value::Null);
        match field(turn, "status") {
            "completed" => {
                let used = log.used();
                let tokens = format!("{} tokens in, {} out", used.input_tokens, used.output_tokens);
                log.status(AgentState::Done, "");
                log.show(&[ended(&[tokens])]);
                self.ended = Some(End::Completed);
            }
            "interrupted" => {
                log.show(&[warning("the turn was interrupted")]);
                self.ended =
                    Some(End::Failed { kind: FailureKind::Infrastructure, text: INTERRUPTED.to_owned() });
                self.interrupted = true;
            }
            _ => {
                let error = turn.get("error").unwrap_or(&Value::Null);
                self.fail(&error_words(error), Some(error), log);
            }
        }
        self.settle(log);
    }

    /// Goes on with what was said meanwhile; else there is nothing more to say to it, unless a person stopped it.
    fn settle(&mut self, log: &mut Log) {
        if self.turn.is_some() || self.ended.is_none() || !self.calls.is_quiet() {
            return;
        }
        let failed = matches!(self.ended, Some(End::Failed { .. })) && !self.interrupted;
        if !self.waiting.is_empty() && !failed {
            let words = std::mem::take(&mut self.waiting).join("\n\n");
            let next = self.turn_of(&words);
            self.interrupted = false;
            self.calls.ask_once("turn/start", next, Call::Turn);
        } else if self.interrupted {
            log.status(AgentState::Blocked(BlockedKind::Question), STOPPED);
        } else {
            log.input_ends();
        }
    }

    fn used(&mut self, params: &Value, log: &mut Log) {
        let total = params.pointer("/tokenUsage/total").unwrap_or(&Value::Null);
        let number = |key: &str| total.get(key).and_then(Value::as_u64).unwrap_or(0);
        let thread = field(params, "threadId");
        let before = if thread == self.thread { self.resumed } else { Usage::default() };
        let total = Usage {
            input_tokens: number("inputTokens"),
            cached_tokens: number("cachedInputTokens"),
            output_tokens: number("outputTokens"),
            ..Usage::default()
        };
        let used = since(total, before);
        self.used.insert(thread.to_owned(), used);
        log.used_up_to(self.used.values().fold(Usage::default(), |sum, used| sum.plus(*used)));
    }

    /// Windows of a limit that are used up tell when they end.
    fn limits(&mut self, params: &Value) {
        let windows = ["/rateLimits/primary", "/rateLimits/secondary"].map(|place| params.pointer(place));
        let full = windows.into_iter().flatten().filter(|window| {
            window.get("usedPercent").and_then(Value::as_f64).is_some_and(|percent| percent >= 100.0)
        });
        let seconds = full.filter_map(|window| window.get("resetsAt").and_then(Value::as_i64)).max();
        self.resets = seconds.map(|seconds| Timestamp(seconds.saturating_mul(1000)));
    }
}

fn input(words: &str) -> Value {
    json!([{"type": "text", "text": words}])
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
