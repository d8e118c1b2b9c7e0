//! `loopmon hook`: what an agent's program tells of itself while it runs, passed on to the server.
//!
//! Invariant: it never fails, answers nothing and is soon over: a program goes on as if it had no hook, whatever happens
//! here.

use std::io::{BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::Outcome;
use super::mcp::Channel;
use crate::agents::hooks::{self, Transcripts};
use crate::client;
use crate::model::Usage;
use crate::protocol::agent::{Call, TOLD_FILE};

/// Bytes of an event that are read.
const LONGEST: u64 = 4 << 20;
/// Files of sub-agents that are read.
const MOST: usize = 2_000;
/// Bytes that may be left for the next server.
const LEFT: u64 = 4 << 20;
/// How long the server may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Passes on the event on standard input.
pub fn hook() -> Outcome {
    // Whoever runs it outside a session, or gives it something else, is told nothing.
    if let (Ok(channel), Some(event)) = (Channel::of_environment(), event()) {
        let _away = tell(&channel, event);
    }
    Ok(0)
}

fn event() -> Option<Value> {
    let mut text = Vec::new();
    std::io::stdin().take(LONGEST).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// The files that say what was used, each once, the session's own last.
fn files(transcripts: &Transcripts) -> Vec<PathBuf> {
    let folder = transcripts.folder.as_ref().and_then(|folder| std::fs::read_dir(folder).ok());
    let found = folder.into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = found
        .filter(|path| path.extension().is_some_and(|name| name == "jsonl"))
        .chain(transcripts.ended.clone())
        .take(MOST)
        .collect();
    files.sort();
    files.dedup();
    files.extend(transcripts.own.clone());
    files
}

/// What it does first, then what was used: reading that takes a while.
fn tell(channel: &Channel, event: Value) -> std::io::Result<()> {
    let transcripts = hooks::transcripts(&event);
    let at_once = transcripts.own.is_some() && !hooks::needs_account(&event);
    if at_once {
        send(channel, event.clone(), None)?;
    }
    let files = files(&transcripts).into_iter();
    let files = files.filter_map(|path| std::fs::File::open(path).ok()).map(BufReader::new);
    let account = hooks::usage(&event, files);
    let mut rest = if at_once { hooks::account_of(&event) } else { event };
    if let (Some(account), Some(rest)) = (&account, rest.as_object_mut()) {
        let model = account.model.clone().map(|model| ("model", Value::from(model)));
        let resets_at = account.resets_at.map(|at| ("resets_at", Value::from(at)));
        rest.extend(model.into_iter().chain(resets_at).map(|(name, value)| (name.to_owned(), value)));
    }
    match account.map(|account| account.usage) {
        None if at_once => Ok(()),
        usage => send(channel, rest, usage),
    }
}

/// To the server; where that is away, to the file that the next one reads.
fn send(channel: &Channel, event: Value, usage: Option<Usage>) -> std::io::Result<()> {
    let mut event = hooks::condense(event);
    if let Some(event) = event.as_object_mut() {
        event.insert(hooks::TOLD_AT.to_owned(), Value::from(now()));
    }
    let call = Call::Hook { event, usage };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = async {
        let call = client::call(&channel.socket, &channel.session, call.clone());
        matches!(tokio::time::timeout(LIMIT, call).await, Ok(Ok(_)))
    };
    let arrived = runtime.block_on(told);
    runtime.shutdown_background();
    if arrived { Ok(()) } else { leave(&call) }
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Beside the session's result, where the next server looks.
fn leave(call: &Call) -> std::io::Result<()> {
    let Some(result) = std::env::var_os("LOOPMON_RESULT") else { return Ok(()) };
    let file = std::path::Path::new(&result).with_file_name(TOLD_FILE);
    let mut file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    // Two hooks at once leave two lines, and none while the server reads.
    file.lock()?;
    if file.metadata()?.len() > LEFT {
        return Ok(());
    }
    file.write_all(format!("{}\n", serde_json::to_string(call)?).as_bytes())
}
