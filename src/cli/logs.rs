//! `loopmon logs`: what sessions printed, as readable text, from their recordings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::LogsArgs;
use super::out::{say, say_words};
use super::project::{self, Project};
use super::{Failure, Outcome};
use crate::model::{SessionId, Snapshot};
use crate::record::{self, Piece};
use crate::term;
use crate::watch::Watcher;

/// How long the end of a run may go unnoticed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Prints them; with `--follow` until the run is over.
pub fn logs(dir: &Path, args: &LogsArgs) -> Outcome {
    let Project { places, .. } = project::open(dir)?;
    let mut printer = Printer { json: args.json, several: false, printed: BTreeMap::new(), last: None };
    let snapshot = project::snapshot(&places)?;
    let run = snapshot.run.as_ref().ok_or_else(|| Failure::new("there is no run yet"))?.id.clone();
    let sessions = wanted(&snapshot, args.of.as_deref())?;
    printer.several = sessions.len() > 1 || args.of.is_none();
    for session in &sessions {
        printer.print(session, &places.recording(&run, session))?;
    }
    if !args.follow {
        return Ok(0);
    }
    let folder = places.run(&run).join("recordings");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut watcher = Watcher::new(&[folder.join("*.cast")])?;
        loop {
            let snapshot = project::snapshot(&places)?;
            for session in wanted(&snapshot, args.of.as_deref())? {
                printer.print(&session, &places.recording(&run, &session))?;
            }
            let over = snapshot.run.as_ref().is_none_or(|run| run.ended.is_some());
            if over && !snapshot.sessions.iter().any(|session| session.is_live()) {
                return Ok(0);
            }
            // The run's end changes no recording: it is looked for now and then.
            if let Ok(None) = tokio::time::timeout(LOOK_AGAIN, watcher.changed()).await {
                return Ok(0);
            }
        }
    })
}

/// The sessions that are asked for, oldest first.
fn wanted(snapshot: &Snapshot, of: Option<&str>) -> Result<Vec<SessionId>, Failure> {
    let matches = |session: &&crate::model::snapshot::SessionView| match of {
        None => true,
        Some(of) => {
            session.id.as_str() == of || session.task.as_ref().is_some_and(|task| task.as_str() == of)
        }
    };
    let mut found: Vec<_> = snapshot.sessions.iter().filter(matches).collect();
    found.sort_by_key(|session| session.effect);
    let known = of.is_none_or(|of| !found.is_empty() || snapshot.task(&of.into()).is_some());
    if !known {
        return Err(Failure::new(format!("there is no task or session {}", of.unwrap_or_default())));
    }
    Ok(found.into_iter().map(|session| session.id.clone()).collect())
}

struct Printer {
    json: bool,
    several: bool,
    /// Bytes of each session's output that were printed.
    printed: BTreeMap<PathBuf, u64>,
    last: Option<SessionId>,
}

impl Printer {
    fn print(&mut self, session: &SessionId, path: &Path) -> Result<(), Failure> {
        if !path.exists() {
            return Ok(());
        }
        let from = self.printed.get(path).copied().unwrap_or(0);
        let mut end = from;
        let mut text = String::new();
        for piece in record::replay(path, from, u64::MAX)? {
            if let Piece::Output { offset, data } = piece {
                end = offset + data.len() as u64;
                text.push_str(&data);
            }
        }
        self.printed.insert(path.to_owned(), end);
        if text.is_empty() {
            return Ok(());
        }
        if self.json {
            let line = serde_json::json!({ "session": session, "offset": from, "text": text });
            say!("{line}");
            return Ok(());
        }
        if self.several && self.last.as_ref() != Some(session) {
            say!("── {session}");
            self.last = Some(session.clone());
        }
        say_words!("{}", readable(&text));
        Ok(())
    }
}

/// Output without escape sequences: lines as they scrolled by, not what redraws left behind.
fn readable(text: &str) -> String {
    let mut emulator = term::Emulator::new(200, 50, term::Colours::default());
    emulator.feed(text.replace('\n', "\r\n").as_bytes());
    let mut out = String::new();
    for row in 0..emulator.history_len() {
        let line: String = emulator.history_row(row).map(|cell| cell.text.to_owned()).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out.push_str(emulator.text().trim_end());
    out.push('\n');
    out
}
