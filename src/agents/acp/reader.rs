//! What the lines mean, and what the program is told.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::ask::Ask;
use super::tools::Tools;
use super::words::Words;
use crate::agents::event::ExitInfo;
use crate::agents::limit::Limit;
use crate::agents::opencode::lines::{self, Line};
use crate::agents::rpc::{self, Calls, Incoming, error_words};
use crate::agents::stream::{GO_ON, INTERRUPTED, Log, Protocol, STOPPED, failed, success};
use crate::agents::transcript::{
    aside, ended, failed as failure_line, field, header, says, thinks, todos, told, warning,
};
use crate::agents::{failure, gemini, opencode};
use crate::model::agent::AgentKind;
use crate::model::{AgentState, BlockedKind, FailureKind, StepKind, StepOutcome, Usage};

/// The method that begins a turn.
const PROMPT: &str = "session/prompt";
/// The error of a program that is not logged in.
const NO_LOGIN: i64 = -32000;
/// What says that there is no such session.
const GONE: [&str; 4] =
    ["Invalid session identifier", "No previous sessions", "Session not found", "OpenCode service failure"];
/// Updates that tell nothing that a person wants to read.
const QUIET: [&str; 5] = [
    "current_mode_update",
    "config_option_update",
    "session_info_update",
    "usage_update",
    "available_commands_update",
];

/// Follows one process with one session.
pub(in crate::agents) struct Acp {
    kind: AgentKind,
    step: StepKind,
    prompt: String,
    /// The session to go on with.
    resume: Option<String>,
    session: String,
    /// It tells what was said in the session before.
    replays: bool,
    working: bool,
    calls: Calls<()>,
    asks: VecDeque<Ask>,
    /// Words for the next turn.
    waiting: Words,
    tools: Tools,
    /// What it said since its last tool, and what of that was not shown yet: it comes in pieces of lines.
    said: String,
    unshown: String,
    thought: String,
    /// What it told of its turns, and what was told of their requests: the first may be less.
    by_turns: Usage,
    by_steps: Usage,
    ended: Option<End>,
    interrupted: bool,
    is_gone: bool,
    /// The status of HTTP of the request that failed last.
    status: Option<u64>,
}

/// How the turn ended.
enum End {
    Completed,
    Failed {
        code: i64,
        words: String,
    },
    Stopped(String),
    /// Its provider has no more for it before a moment: nobody waits for that in here.
    Limited(Limit),
}

impl Protocol for Acp {
    fn is_message(&self, value: &Value) -> bool {
        lines::is_ours(value) || value.get("jsonrpc").is_some() && rpc::incoming(value).is_some()
    }

    fn open(&mut self, prompt: String, resume: Option<String>) {
        (self.prompt, self.resume) = (prompt, resume);
    }

    fn message(&mut self, message: &Value, log: &mut Log) {
        match lines::line(message) {
            Some(Line::Step(usage)) => {
                self.by_steps = self.by_steps.plus(usage);
                self.count(log);
                return;
            }
            Some(Line::Failed(status)) => {
                self.status = status;
                return;
            }
            Some(Line::Retries(words)) => {
                log.progress();
                log.status(AgentState::Working, &words);
                log.show(&[warning(&format!("⟳ {words}"))]);
                return;
            }
            Some(Line::Waits(limit)) => {
                self.limited(limit, log);
                return;
            }
            None => {}
        }
        match rpc::incoming(message) {
            Some(Incoming::Response { id, result }) => self.response(id, result, log),
            Some(Incoming::Request { id, method: "session/request_permission", params }) => {
                self.asked(Ask::of(id, params), log);
            }
            Some(Incoming::Request { id, method, .. }) => {
                log.progress();
                log.show(&[aside(method)]);
                self.calls.send(rpc::refusal(id, method));
            }
            Some(Incoming::Notification { method: "session/update", params }) => self.updated(params, log),
            Some(Incoming::Notification { method, .. }) => log.show(&[aside(method)]),
            None => {}
        }
    }

    fn take_due(&mut self) -> Vec<Value> {
        let due = self.calls.take_due();
        if due.iter().any(|message| field(message, "method") == PROMPT) {
            self.waiting.sends();
        }
        due
    }

    fn take_notes(&mut self) -> Vec<Value> {
        self.waiting.take_notes()
    }

    fn recall(&mut self, notes: &[Value]) {
        self.waiting.recall(notes);
    }

    fn rests(&self) -> bool {
        !self.working && self.calls.is_quiet() && !self.interrupted
    }

    fn interrupt(&mut self) -> Option<Value> {
        if !self.working {
            return None;
        }
        let asks = std::mem::take(&mut self.asks);
        asks.iter().for_each(|ask| self.calls.send(ask.give_up()));
        Some(rpc::notification("session/cancel", json!({"sessionId": self.session})))
    }

    fn answer(&mut self, allow: bool, words: &str, log: &mut Log) -> Option<Value> {
        let has_words = !words.trim().is_empty();
        if let Some(ask) = self.asks.pop_front() {
            // Its answer has no room for words: they are said as soon as it listens.
            if has_words {
                self.waiting.wait(words);
            }
            // Its receipt.
            self.calls.ask_once(super::HELLO, super::hello(), ());
            return Some(ask.answer(allow));
        }
        match (self.interrupted, allow, has_words) {
            (true, _, true) => self.say(words),
            (true, true, false) => self.say(GO_ON),
            (true, false, false) => {
                self.interrupted = false;
                log.input_ends();
                None
            }
            (false, _, _) => None,
        }
    }

    fn say(&mut self, words: &str) -> Option<Value> {
        if self.interrupted {
            let params = self.turn_of(words);
            self.turn_begins();
            return Some(self.calls.ask(PROMPT, params, ()));
        }
        self.waiting.wait(words);
        None
    }

    fn take_unsaid(&mut self) -> Vec<String> {
        self.waiting.take_all()
    }

    fn session_is_gone(&self, _log: &Log) -> bool {
        self.is_gone
    }

    fn outcome(&mut self, exit: ExitInfo, result_file: Option<&str>, log: &mut Log) -> StepOutcome {
        match &self.ended {
            Some(End::Completed) if !self.working => success(self.step, &self.said, result_file),
            Some(End::Failed { code, words }) => failed(self.kind_of(*code, words), &failure::words(words)),
            Some(End::Limited(Limit { words, until })) => failed(FailureKind::Quota { until: *until }, words),
            Some(End::Stopped(words)) => failed(FailureKind::Infrastructure, words),
            Some(End::Completed) | None => match self.kind {
                AgentKind::Gemini => gemini::without_end(exit, log),
                _ => opencode::without_end(exit, log),
            },
        }
    }
}

impl Acp {
    pub(in crate::agents) fn new(kind: AgentKind, step: StepKind) -> Self {
        Self {
            kind,
            step,
            prompt: String::new(),
            resume: None,
            session: String::new(),
            replays: true,
            working: false,
            calls: Calls::default(),
            asks: VecDeque::new(),
            waiting: Words::default(),
            tools: Tools::default(),
            said: String::new(),
            unshown: String::new(),
            thought: String::new(),
            by_turns: Usage::default(),
            by_steps: Usage::default(),
            ended: None,
            interrupted: false,
            is_gone: false,
            status: None,
        }
    }

    fn turn_of(&self, words: &str) -> Value {
        json!({"sessionId": self.session, "prompt": [{"type": "text", "text": words}]})
    }

    /// Begins a turn, which is answered only when it ends: the second request is the receipt that the first has come.
    fn begin(&mut self, turn: Value, was_sent: bool) {
        if was_sent {
            // Only their numbers are taken: their answers come.
            let _sent = [self.calls.ask(PROMPT, turn, ()), self.calls.ask(super::HELLO, super::hello(), ())];
        } else {
            self.calls.ask_once(PROMPT, turn, ());
            self.calls.ask_once(super::HELLO, super::hello(), ());
        }
    }

    fn turn_begins(&mut self) {
        self.working = true;
        self.interrupted = false;
        self.ended = None;
        self.status = None;
    }

    fn response(&mut self, id: u64, result: Result<&Value, &Value>, log: &mut Log) {
        match (id, result) {
            (rpc::HELLO, Ok(_)) => {}
            (rpc::OPEN, Ok(result)) => self.opened(result, log),
            (rpc::HELLO | rpc::OPEN, Err(error)) => {
                let words = error_words(error);
                self.is_gone = self.resume.is_some() && GONE.iter().any(|gone| words.contains(gone));
                self.fail(error, log);
            }
            (id, result) => {
                let known = self.calls.answered(id);
                if result.is_ok_and(|result| result.get("stopReason").is_none()) {
                    self.received(known.is_some(), log);
                    return;
                }
                self.show(log);
                self.working = false;
                self.waiting.turn_ended();
                self.replays = false;
                match result {
                    Ok(result) => self.turn_ended(result, log),
                    Err(error) => self.fail(error, log),
                }
            }
        }
    }

    /// It has read what was sent before: the prompt, or an answer, which an earlier server gave if it was none of ours.
    fn received(&mut self, is_ours: bool, log: &mut Log) {
        if !is_ours {
            self.asks.pop_front();
        }
        if self.working {
            self.show_state(log);
        }
    }

    fn opened(&mut self, result: &Value, log: &mut Log) {
        let session = match (field(result, "sessionId"), &self.resume) {
            ("", Some(resume)) => resume.clone(),
            (named, _) => named.to_owned(),
        };
        log.session(&session);
        let (name, model) = match self.kind {
            AgentKind::Gemini => ("Gemini CLI", result.pointer("/models/currentModelId")),
            _ => ("opencode", result.pointer("/configOptions/0/currentValue")),
        };
        let model = model.and_then(Value::as_str).unwrap_or_default();
        log.model(model);
        log.show(&[header(name, &[model, &session])]);
        log.status(AgentState::Working, "");
        self.session = session;
        // Gemini CLI answers first, and tells what was said before only then.
        self.replays = self.resume.is_some() && self.kind == AgentKind::Gemini;
        self.said.clear();
        let first = self.turn_of(&self.prompt);
        self.turn_begins();
        self.begin(first, false);
    }

    fn turn_ended(&mut self, result: &Value, log: &mut Log) {
        log.progress();
        self.asks.clear();
        let number = |places: [&str; 2]| {
            places.iter().find_map(|place| result.pointer(place)).and_then(Value::as_u64).unwrap_or(0)
        };
        self.by_turns = self.by_turns.plus(Usage {
            input_tokens: number(["/_meta/quota/token_count/input_tokens", "/usage/inputTokens"]),
            output_tokens: number(["/_meta/quota/token_count/output_tokens", "/usage/outputTokens"]),
            ..Usage::default()
        });
        self.count(log);
        match field(result, "stopReason") {
            "end_turn" => {
                log.status(AgentState::Done, "");
                let used = log.used();
                let tokens = format!("{} tokens in, {} out", used.input_tokens, used.output_tokens);
                log.show(&[ended(&[tokens])]);
                self.ended = Some(End::Completed);
            }
            "cancelled" => {
                log.show(&[warning("the turn was interrupted")]);
                self.interrupted = true;
                self.ended = Some(End::Stopped(INTERRUPTED.to_owned()));
            }
            other => {
                let words = format!("the turn was given up ({})", other.replace('_', " "));
                log.status(AgentState::Error, &words);
                log.show(&[failure_line(&words)]);
                self.ended = Some(End::Stopped(words));
                log.input_ends();
                return;
            }
        }
        self.settle(log);
    }

    /// Goes on with what was said meanwhile; else there is nothing more to say to it, unless a person stopped it.
    fn settle(&mut self, log: &mut Log) {
        if let Some(due) = self.waiting.next() {
            log.show(&told(&due.words));
            let next = self.turn_of(&due.words);
            self.turn_begins();
            self.begin(next, due.was_sent);
        } else if self.interrupted {
            log.status(AgentState::Blocked(BlockedKind::Question), STOPPED);
        } else {
            log.input_ends();
        }
    }

    /// Something went wrong for good; there is nothing more to say to it.
    fn fail(&mut self, error: &Value, log: &mut Log) {
        let (code, words) = (error.get("code").and_then(Value::as_i64).unwrap_or(0), error_words(error));
        let text = failure::words(&words);
        log.progress();
        log.status(AgentState::Error, &text);
        log.show(&[failure_line(&text)]);
        self.ended = Some(End::Failed { code, words });
        log.input_ends();
    }

    /// It would wait for minutes or hours, and others can work meanwhile: its session goes on then.
    fn limited(&mut self, limit: Limit, log: &mut Log) {
        log.status(AgentState::Error, &limit.words);
        log.show(&[failure_line(&limit.words)]);
        self.ended = Some(End::Limited(limit));
        self.working = false;
        log.input_ends();
    }

    /// Gemini CLI has the status of HTTP for a code.
    fn kind_of(&self, code: i64, words: &str) -> FailureKind {
        if code == NO_LOGIN {
            return FailureKind::Authentication;
        }
        let told = u64::try_from(code).ok().filter(|code| (400..600).contains(code));
        failure::kind(told.or(self.status), words)
    }

    fn asked(&mut self, ask: Ask, log: &mut Log) {
        self.show(log);
        self.goes_on();
        log.progress();
        log.show(&[warning(&format!("? {}: waits for leave", ask.about))]);
        self.asks.push_back(ask);
        self.show_state(log);
    }

    fn show_state(&self, log: &mut Log) {
        match self.asks.front() {
            Some(ask) => log.status(AgentState::Blocked(BlockedKind::Permission), &ask.about),
            None => log.status(AgentState::Working, ""),
        }
    }

    /// What comes is of a turn: of ours, or of one that an earlier server began.
    fn goes_on(&mut self) {
        self.replays = false;
        if !self.working {
            self.turn_begins();
        }
    }

    fn updated(&mut self, params: &Value, log: &mut Log) {
        let update = params.get("update").unwrap_or(&Value::Null);
        let kind = field(update, "sessionUpdate");
        if self.replays {
            self.replayed(kind, update);
            return;
        }
        let text = || update.pointer("/content/text").and_then(Value::as_str).unwrap_or_default();
        if QUIET.contains(&kind) || kind == "user_message_chunk" {
            return;
        }
        log.progress();
        self.goes_on();
        match kind {
            "agent_message_chunk" => {
                self.show_thought(log);
                self.works("", log);
                self.said.push_str(text());
                self.unshown.push_str(text());
            }
            "agent_thought_chunk" => {
                self.show_said(log);
                self.thought.push_str(text());
            }
            "tool_call" | "tool_call_update" => self.tool(update, log),
            "plan" => log.show(&todos(update.get("entries"))),
            other => log.show(&[aside(other)]),
        }
    }

    /// What was said in the session before is no news; its last words are kept should it never say that this is over.
    fn replayed(&mut self, kind: &str, update: &Value) {
        match kind {
            "agent_message_chunk" => {
                let text = update.pointer("/content/text").and_then(Value::as_str);
                self.said.push_str(text.unwrap_or_default());
            }
            "user_message_chunk" => self.said.clear(),
            // It comes last.
            "available_commands_update" if self.working => {
                self.replays = false;
                self.said.clear();
            }
            _ => {}
        }
    }

    fn tool(&mut self, update: &Value, log: &mut Log) {
        self.show(log);
        self.said.clear();
        // opencode may tell that a call has begun when it waits for leave.
        let over = matches!(field(update, "status"), "completed" | "failed");
        let id = field(update, "toolCallId");
        if over && self.asks.iter().any(|ask| ask.call == id) {
            self.asks.retain(|ask| ask.call != id);
            self.show_state(log);
        }
        if let Some(about) = self.tools.told(update, log) {
            self.works(&about, log);
        }
    }

    /// It works, unless it waits for leave with something else.
    fn works(&self, at: &str, log: &mut Log) {
        if self.asks.is_empty() {
            log.status(AgentState::Working, at);
        }
    }

    fn show(&mut self, log: &mut Log) {
        self.show_thought(log);
        self.show_said(log);
    }

    fn show_said(&mut self, log: &mut Log) {
        let text = std::mem::take(&mut self.unshown);
        log.show(&says(&text));
    }

    fn show_thought(&mut self, log: &mut Log) {
        let text = std::mem::take(&mut self.thought);
        log.show(&thinks(&text));
    }

    fn count(&self, log: &mut Log) {
        log.used_up_to(Usage {
            cost_micros: self.by_steps.cost_micros,
            input_tokens: self.by_turns.input_tokens.max(self.by_steps.input_tokens),
            output_tokens: self.by_turns.output_tokens.max(self.by_steps.output_tokens),
            ..Usage::default()
        });
    }
}
