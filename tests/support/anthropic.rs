//! A mock of Anthropic's Messages API on loopback: enough of it for the real Claude Code to work through a script.
//!
//! Not a model: it answers the requests that offer tools with the next turn of the script, whatever they say, and side
//! requests (titles and the like) with a word. Every request is kept, to be looked at.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

/// Stands for the folder that a request names as its working directory.
const HERE: &str = "{here}";

/// What the mock answers to one request.
#[derive(Clone, Debug)]
pub enum Turn {
    /// A message of these blocks.
    Message(Vec<Block>),
    /// An error of this status.
    Error(u16, &'static str),
    /// The turn after this wait.
    After(Duration, Box<Turn>),
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

    /// The tool calls that write a file.
    pub fn write(path: &std::path::Path, text: &str) -> Self {
        Self::tool("Write", json!({"file_path": path, "content": text}))
    }

    /// As `write`, in the folder that the request says it works in.
    pub fn write_here(name: &str, text: &str) -> Self {
        Self::tool("Write", json!({"file_path": format!("{HERE}/{name}"), "content": text}))
    }

    /// The tool call that hands in an answer of a schema.
    pub fn structured(answer: Value) -> Self {
        Self::tool("StructuredOutput", answer)
    }
}

/// A running mock; it ends when it is dropped.
pub struct Anthropic {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    script: Mutex<VecDeque<Turn>>,
    requests: Mutex<Vec<Value>>,
    keys: Mutex<Vec<String>>,
    messages: AtomicUsize,
    ended: AtomicBool,
}

impl Anthropic {
    /// Starts on a free port of loopback. A script that is used up answers with an error that says so.
    pub fn start(script: impl IntoIterator<Item = Turn>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on loopback");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared {
            script: Mutex::new(script.into_iter().collect()),
            requests: Mutex::default(),
            keys: Mutex::default(),
            messages: AtomicUsize::new(0),
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

    /// Adds to the script.
    pub fn push(&self, turns: impl IntoIterator<Item = Turn>) {
        self.shared.script.lock().unwrap().extend(turns);
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

impl Drop for Anthropic {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // A connection of our own wakes the thread from its accept.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
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
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    while let Some(request) = read_request(&mut reader)? {
        if !(request.method == "POST" && request.path.starts_with("/v1/messages")) {
            respond(&mut stream, 404, "{}")?;
            continue;
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if request.path.contains("count_tokens") {
            respond(&mut stream, 200, r#"{"input_tokens":100}"#)?;
            continue;
        }
        let turn = next_turn(shared, request.key, &body);
        return answer(&mut stream, shared, &body, turn);
    }
    Ok(())
}

fn next_turn(shared: &Shared, key: Option<String>, body: &Value) -> Turn {
    shared.keys.lock().unwrap().extend(key);
    let offers_tools = body.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty());
    if !offers_tools {
        return Turn::text("ok");
    }
    shared.requests.lock().unwrap().push(body.clone());
    let next = shared.script.lock().unwrap().pop_front();
    next.unwrap_or(Turn::Error(400, "the script of the mock is used up"))
}

fn answer(stream: &mut TcpStream, shared: &Shared, body: &Value, turn: Turn) -> io::Result<()> {
    match turn {
        Turn::After(wait, turn) => {
            std::thread::sleep(wait);
            answer(stream, shared, body, *turn)
        }
        Turn::Error(status, message) => {
            let kind = match status {
                401 => "authentication_error",
                429 => "rate_limit_error",
                400..=499 => "invalid_request_error",
                _ => "api_error",
            };
            let error = json!({"type": "error", "error": {"type": kind, "message": message}});
            respond(stream, status, &error.to_string())
        }
        Turn::Message(blocks) => {
            let number = shared.messages.fetch_add(1, Ordering::Relaxed);
            let message = events(number, body, &blocks);
            let text: String = message
                .iter()
                .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()))
                .collect();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}",
                text.len()
            )
        }
    }
}

fn events(number: usize, body: &Value, blocks: &[Block]) -> Vec<Value> {
    let usage = json!({"input_tokens": 100, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0});
    let message = json!({"id": format!("msg_{number}"), "type": "message", "role": "assistant", "model": body["model"],
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage});
    let mut events = vec![json!({"type": "message_start", "message": message})];
    for (index, block) in blocks.iter().enumerate() {
        let (start, delta) = match block {
            Block::Text(text) => {
                (json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": text}))
            }
            Block::Tool(name, input) => (
                json!({"type": "tool_use", "id": format!("toolu_{number}_{index}"), "name": name, "input": {}}),
                json!({"type": "input_json_delta", "partial_json": input.to_string().replace(HERE, &working_directory(body))}),
            ),
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
        events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    let calls = blocks.iter().any(|block| matches!(block, Block::Tool(..)));
    let stop = if calls { "tool_use" } else { "end_turn" };
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null},
        "usage": {"output_tokens": 20}}));
    events.push(json!({"type": "message_stop"}));
    events
}

/// The folder that the client says it works in; the last that it names, for a resumed session may have moved.
fn working_directory(body: &Value) -> String {
    let text = body.to_string();
    let after = text.rsplit_once("orking directory: ").map(|(_, after)| after).unwrap_or_default();
    after.split(['\\', '"', '\n']).next().unwrap_or_default().to_owned()
}

struct Request {
    method: String,
    path: String,
    key: Option<String>,
    body: Vec<u8>,
}

/// The next request of a connection; none at its end.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut length, mut chunked, mut key) = (0, false, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "transfer-encoding" => chunked = value.contains("chunked"),
            "x-api-key" => key = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    if chunked {
        body = read_chunks(reader)?;
    } else {
        reader.read_exact(&mut body)?;
    }
    Ok(Some(Request { method, path, key, body }))
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

fn respond(stream: &mut TcpStream, status: u16, body: &str) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} Mock\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
