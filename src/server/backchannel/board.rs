//! Messages that agents post for people and for each other: a file of the run, which outlives the server.
//!
//! Not for what decides anything. Invariant: neither a talkative agent nor a long run makes it large: a message a second
//! and session, and a limit of the file.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::model::snapshot::SessionView;
use crate::model::{SessionId, TaskId, Timestamp};
use crate::server::clock;

/// The file in a run's folder, a JSON object a line.
const FILE: &str = "messages.jsonl";
/// Bytes that it may have.
const LIMIT: u64 = 1 << 20;
/// Bytes at its end that are read.
const TAIL: u64 = 64 << 10;
/// Messages that are told.
const TOLD: usize = 50;
/// Between two of one session.
const PACE: Duration = Duration::from_secs(1);

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// When.
    pub at: Timestamp,
    /// The session that posted it.
    pub session: SessionId,
    /// Its agent.
    pub agent: String,
    /// Its task.
    pub task: Option<TaskId>,
    /// The message.
    pub text: String,
}

/// When sessions posted and reported last.
#[derive(Debug, Default)]
pub struct Board(Mutex<BTreeMap<(SessionId, bool), Instant>>);

impl Board {
    /// Adds a message; the error is why not.
    pub fn post(&self, run: &Path, session: &SessionView, text: &str) -> Result<(), String> {
        if !self.in_time((session.id.clone(), true), Instant::now()) {
            return Err("too fast: one message a second".to_owned());
        }
        let posted = Posted {
            at: clock::now(),
            session: session.id.clone(),
            agent: session.name.clone(),
            task: session.task.clone(),
            text: text.to_owned(),
        };
        append(&run.join(FILE), &posted)
    }

    /// The latest messages, oldest first.
    pub fn latest(&self, run: &Path) -> Vec<Posted> {
        let text = tail(&run.join(FILE)).unwrap_or_default();
        let mut all: Vec<Posted> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let surplus = all.len().saturating_sub(TOLD);
        all.drain(..surplus);
        all
    }

    /// Whether a session may report now.
    pub fn may_report(&self, session: &SessionId, now: Instant) -> bool {
        self.in_time((session.clone(), false), now)
    }

    fn in_time(&self, who: (SessionId, bool), now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|_, at| now.duration_since(*at) < PACE);
        match last.contains_key(&who) {
            true => false,
            false => last.insert(who, now).is_none(),
        }
    }
}

fn append(path: &Path, posted: &Posted) -> Result<(), String> {
    let io = |error: std::io::Error| format!("it could not be kept: {error}");
    let mut line = serde_json::to_string(posted).map_err(|error| error.to_string())?;
    line.push('\n');
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(io)?;
    }
    let mut file =
        std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    if length + line.len() as u64 > LIMIT {
        return Err("the board of this run is full".to_owned());
    }
    file.write_all(line.as_bytes()).map_err(io)
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    // A first line that is cut is no message.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(text: &str) -> Posted {
        let (at, session) = (Timestamp(1), "s".into());
        Posted { at, session, agent: "claude".to_owned(), task: None, text: text.to_owned() }
    }

    #[test]
    fn the_latest_are_told_and_a_full_board_takes_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        for number in 0..80 {
            append(&path, &posted(&format!("{number} {}", "x".repeat(2000)))).unwrap();
        }
        let latest = Board::default().latest(dir.path());
        let first = latest[0].text.split(' ').next().unwrap().parse::<u32>().unwrap();
        assert!(latest.len() < TOLD && latest.last().unwrap().text.starts_with("79 "), "{}", latest.len());
        assert_eq!(first as usize, 80 - latest.len(), "no message is missing in between");
        let full = (0..1000).find_map(|_| append(&path, &posted(&"y".repeat(4000))).err());
        assert!(full.unwrap().contains("full"));
        assert!(std::fs::metadata(&path).unwrap().len() <= LIMIT);
        assert!(Board::default().latest(&dir.path().join("none")).is_empty());
    }

    #[test]
    fn one_a_second_and_session() {
        let (board, now) = (Board::default(), Instant::now());
        assert!(board.may_report(&"a".into(), now) && board.may_report(&"b".into(), now));
        assert!(!board.may_report(&"a".into(), now + PACE / 2));
        assert!(board.may_report(&"a".into(), now + PACE));
    }
}
