//! `loopmon hook`: what an agent's program tells of itself while it runs, passed on to the server.
//!
//! Invariant: it never fails, answers nothing and is soon over: a program goes on as if it had no hook, whatever happens
//! here.

use std::io::{BufReader, Read};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::Outcome;
use super::mcp::Channel;
use crate::agents::hooks::{self, Transcripts};
use crate::client;
use crate::protocol::agent::Call;

/// Bytes of an event that are read.
const LONGEST: u64 = 4 << 20;
/// Files of sub-agents that are read.
const MOST: usize = 2_000;
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

fn tell(channel: &Channel, mut event: Value) -> std::io::Result<()> {
    let files = files(&hooks::transcripts(&event)).into_iter();
    let files = files.filter_map(|path| std::fs::File::open(path).ok()).map(BufReader::new);
    let account = hooks::usage(&event, files);
    if let (Some(account), Some(event)) = (&account, event.as_object_mut()) {
        let model = account.model.clone().map(|model| ("model", Value::from(model)));
        let resets_at = account.resets_at.map(|at| ("resets_at", Value::from(at)));
        event.extend(model.into_iter().chain(resets_at).map(|(name, value)| (name.to_owned(), value)));
    }
    let call = Call::Hook { event: hooks::condense(event), usage: account.map(|account| account.usage) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = async {
        let _late = tokio::time::timeout(LIMIT, client::call(&channel.socket, &channel.session, call)).await;
    };
    runtime.block_on(told);
    runtime.shutdown_background();
    Ok(())
}
