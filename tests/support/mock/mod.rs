//! A mock of the models that agents talk to, on loopback: enough of each API for the real command lines to work through
//! a script.
//!
//! One server speaks all of them: Anthropic Messages, OpenAI Responses and Chat Completions, Gemini. Not a model: it
//! answers the requests that offer tools with the next turn of the script, whatever they say, and side requests (titles
//! and the like) with a word. Every request is kept, to be looked at.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "these are tests, and each uses its part"
)]

mod anthropic;
mod gemini;
mod http;
mod openai;

use std::collections::VecDeque;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use http::Request;

/// Stands for the folder that a request names as its working directory.
const HERE: &str = "{here}";

/// What the mock answers to one request.
#[derive(Clone, Debug)]
pub enum Turn {
    /// A message of these blocks.
    Message(Vec<Block>),
    /// An error of this status.
    Error(u16, &'static str),
    /// Too many requests: try again after so many seconds.
    Limited(u32),
    /// What was paid for is used up until this moment, in seconds.
    UsedUp(u64),
    /// The turn after this wait.
    After(Duration, Box<Turn>),
    /// The turn once as many requests have come here as are to meet.
    Meet(Arc<Meeting>, Box<Turn>),
    /// The message's events with this pause before each.
    Slow(Duration, Vec<Block>),
    /// The message's stream breaks off in the middle.
    Cut(Vec<Block>),
}

/// Requests that wait for each other.
#[derive(Debug)]
pub struct Meeting {
    open: AtomicUsize,
}

impl Meeting {
    /// One of so many.
    pub fn of(count: usize) -> Arc<Meeting> {
        Arc::new(Meeting { open: AtomicUsize::new(count) })
    }

    /// Waits for the others; a minute at most, so that a test says what is missing instead of hanging.
    fn attend(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
        let give_up = Instant::now() + Duration::from_secs(60);
        while self.open.load(Ordering::SeqCst) > 0 && Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A block of a message.
#[derive(Clone, Debug)]
pub enum Block {
    /// Text.
    Text(String),
    /// A call of a tool.
    Tool(&'static str, Value),
}

impl Turn {
    /// A message of one text, which ends the turn.
    pub fn text(text: &str) -> Self {
        Self::Message(vec![Block::Text(text.to_owned())])
    }

    /// A message that calls one tool.
    pub fn tool(name: &'static str, input: Value) -> Self {
        Self::Message(vec![Block::Tool(name, input)])
    }

    /// The call of an agent's own tool that writes a new file.
    pub fn write(agent: &str, path: &Path, text: &str) -> Self {
        match agent {
            "codex" => {
                let lines: String = text.lines().map(|line| format!("+{line}\n")).collect();
                let file = path.display();
                Self::tool(
                    "apply_patch",
                    json!(format!("*** Begin Patch\n*** Add File: {file}\n{lines}*** End Patch\n")),
                )
            }
            "gemini" => Self::tool("write_file", json!({"file_path": path, "content": text})),
            "opencode" => Self::tool("write", json!({"filePath": path, "content": text})),
            _ => Self::tool("Write", json!({"file_path": path, "content": text})),
        }
    }

    /// As `write`, in the folder that the request says it works in.
    pub fn write_here(agent: &str, name: &str, text: &str) -> Self {
        Self::write(agent, &Path::new(HERE).join(name), text)
    }

    /// The call of Claude Code's tool that hands in an answer of a schema.
    pub fn structured(answer: Value) -> Self {
        Self::tool("StructuredOutput", answer)
    }
}

/// A running mock; it ends when it is dropped.
pub struct Mock {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    script: Mutex<VecDeque<Turn>>,
    /// Scripts of conversations that begin with these words.
    beside: Mutex<Vec<(String, VecDeque<Turn>)>>,
    /// Words that a request has to hold before the script goes on.
    awaited: Mutex<Option<String>>,
    requests: Mutex<Vec<Value>>,
    keys: Mutex<Vec<String>>,
    messages: AtomicUsize,
    takes_all: AtomicBool,
    ended: AtomicBool,
}

/// One of the APIs.
pub trait Api {
    /// Whether this body asks for a turn of work, not for a title or the like.
    fn offers_tools(&self, body: &Value) -> bool;
    /// The events of a message that streams, as they are written; `number` is the message's own.
    fn events(&self, number: usize, body: &Value, blocks: &[Block]) -> Vec<String>;
    /// The body of an error.
    fn error(&self, status: u16, message: &str) -> Value;
    /// The headers and the body of an answer that says that what was paid for is used up until this moment, as the
    /// providers say it to people with a subscription.
    fn used_up(&self, until: u64) -> (Vec<(&'static str, String)>, Value) {
        let wait = until.saturating_sub(now());
        (vec![("retry-after", wait.to_string())], self.error(429, "Too many requests."))
    }
}

impl Mock {
    /// Starts on a free port of loopback. A script that is used up answers with an error that says so.
    pub fn start(script: impl IntoIterator<Item = Turn>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on loopback");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared {
            script: Mutex::new(script.into_iter().collect()),
            beside: Mutex::default(),
            awaited: Mutex::default(),
            requests: Mutex::default(),
            keys: Mutex::default(),
            messages: AtomicUsize::new(0),
            takes_all: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || accept(&listener, &for_thread));
        Self { port, shared, thread: Some(thread) }
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on, requests without tools are answered from the script too.
    pub fn take_all(&self) {
        self.shared.takes_all.store(true, Ordering::Relaxed);
    }

    /// Adds to the script.
    pub fn push(&self, turns: impl IntoIterator<Item = Turn>) {
        self.shared.script.lock().unwrap().extend(turns);
    }

    /// A script of its own for the conversation whose first message holds these words.
    pub fn push_for(&self, words: &str, turns: impl IntoIterator<Item = Turn>) {
        self.shared.beside.lock().unwrap().push((words.to_owned(), turns.into_iter().collect()));
    }

    /// The script goes on with the first request that holds these words; those before it are refused. So turns that
    /// belong to a prompt are not taken by what a program tries again of the one before.
    pub fn wait_for_words(&self, words: &str) {
        *self.shared.awaited.lock().unwrap() = Some(words.to_owned());
    }

    /// The bodies of the requests that offered tools, oldest first.
    pub fn requests(&self) -> Vec<Value> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The API keys that came, each once.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = self.shared.keys.lock().unwrap().clone();
        keys.sort();
        keys.dedup();
        keys
    }

    /// Turns of the script that nobody has asked for.
    pub fn left(&self) -> usize {
        self.shared.script.lock().unwrap().len()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // A connection of our own wakes the thread from its accept.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Seconds since the epoch.
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.ended.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        // A client that hangs up in the middle is its own business.
        std::thread::spawn(move || drop(serve(stream, &shared)));
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let (mut reader, mut stream) = http::open(stream)?;
    while let Some(request) = http::read(&mut reader)? {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if request.path.contains("count_tokens") || request.path.contains("countTokens") {
            http::respond(&mut stream, 200, &[], r#"{"input_tokens":100,"totalTokens":100}"#)?;
            continue;
        }
        let Some(api) = api(&request) else {
            http::respond(&mut stream, 404, &[], "{}")?;
            continue;
        };
        let turn = next_turn(shared, api, request.key, &body);
        return answer(&mut stream, shared, api, &body, turn);
    }
    Ok(())
}

fn api(request: &Request) -> Option<&'static dyn Api> {
    let path = request.path.split('?').next().unwrap_or_default();
    match request.method.as_str() {
        "POST" if path.ends_with("/v1/messages") => Some(&anthropic::Messages),
        "POST" if path.ends_with("/responses") => Some(&openai::Responses),
        "POST" if path.ends_with("/chat/completions") => Some(&openai::Chat),
        "POST" if path.contains("enerateContent") => Some(&gemini::Contents),
        _ => None,
    }
}

fn next_turn(shared: &Shared, api: &dyn Api, key: Option<String>, body: &Value) -> Turn {
    shared.keys.lock().unwrap().extend(key);
    if !api.offers_tools(body) && !shared.takes_all.load(Ordering::Relaxed) {
        return Turn::text("ok");
    }
    shared.requests.lock().unwrap().push(body.clone());
    let first = body.pointer("/messages/0").map(Value::to_string).unwrap_or_default();
    let mut beside = shared.beside.lock().unwrap();
    if let Some((_, script)) = beside.iter_mut().find(|(words, _)| first.contains(words.as_str())) {
        return script.pop_front().unwrap_or(Turn::Error(400, "the script beside is used up"));
    }
    drop(beside);
    let mut awaited = shared.awaited.lock().unwrap();
    if awaited.as_ref().is_some_and(|words| !body.to_string().contains(words.as_str())) {
        return Turn::Error(400, "the script of the mock waits for other words");
    }
    *awaited = None;
    drop(awaited);
    let next = shared.script.lock().unwrap().pop_front();
    next.unwrap_or(Turn::Error(400, "the script of the mock is used up"))
}

fn answer(
    stream: &mut TcpStream,
    shared: &Shared,
    api: &dyn Api,
    body: &Value,
    turn: Turn,
) -> io::Result<()> {
    let number = || shared.messages.fetch_add(1, Ordering::Relaxed);
    match turn {
        Turn::After(wait, turn) => {
            std::thread::sleep(wait);
            answer(stream, shared, api, body, *turn)
        }
        Turn::Meet(meeting, turn) => {
            meeting.attend();
            answer(stream, shared, api, body, *turn)
        }
        Turn::Error(status, message) => {
            http::respond(stream, status, &[], &api.error(status, message).to_string())
        }
        Turn::Limited(seconds) => {
            let headers = [("retry-after", seconds.to_string())];
            http::respond(stream, 429, &headers, &api.error(429, "Too many requests.").to_string())
        }
        Turn::UsedUp(until) => {
            let (headers, body) = api.used_up(until);
            http::respond(stream, 429, &headers, &body.to_string())
        }
        Turn::Message(blocks) => http::stream(stream, &api.events(number(), body, &blocks), Duration::ZERO),
        Turn::Slow(pause, blocks) => http::stream(stream, &api.events(number(), body, &blocks), pause),
        Turn::Cut(blocks) => http::cut(stream, &api.events(number(), body, &blocks)),
    }
}

/// A tool's input as text, with the working directory in its place.
fn input(input: &Value, body: &Value) -> String {
    in_place(&input.to_string(), body)
}

/// A text, with the working directory in its place, and its name in the place of `@FOLDER@`.
fn in_place(text: &str, body: &Value) -> String {
    let directory = working_directory(body);
    let name = directory.rsplit('/').next().unwrap_or_default().to_owned();
    text.replace(HERE, &directory).replace("@FOLDER@", &name)
}

/// The folder that the client says it works in; the last that it names, for a resumed session may have moved.
fn working_directory(body: &Value) -> String {
    let text = body.to_string();
    let places = ["orking directory: ", "<cwd>", "Workspace Directories:**\\n  - "];
    let found = places.iter().filter_map(|place| Some((text.rfind(place)? + place.len(), ()))).max();
    let after = found.and_then(|(at, ())| text.get(at..)).unwrap_or_default();
    after.split(['\\', '"', '\n', '<']).next().unwrap_or_default().to_owned()
}

/// What a request tells the model before the conversation begins.
pub fn system_prompt(request: &Value) -> String {
    let messages = ["messages", "input"].iter().filter_map(|list| request[*list].as_array()).flatten();
    let before = messages.filter(|message| matches!(message["role"].as_str(), Some("system" | "developer")));
    let parts =
        before.map(|message| &message["content"]).chain([&request["system"], &request["instructions"]]);
    let text = |part: &Value| part.as_str().or(part["text"].as_str()).unwrap_or_default().to_owned();
    parts
        .flat_map(|part| part.as_array().map_or(vec![text(part)], |list| list.iter().map(text).collect()))
        .collect()
}
