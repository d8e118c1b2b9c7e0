//! A program that is no agent (a gate, a line of the setup): run under a keeper, followed to its end.
//!
//! Not for what its end means. Invariant: one that ran already, or runs, is never started again; one that is to end
//! before it could begin does not begin.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::controls::{self, GRACE_MS};
use super::steps::FIRST_SIZE;
use super::{Facts, with_returns};
use crate::agents;
use crate::model::{Event, SessionId};
use crate::process::SESSION_MARKER;
use crate::protocol::keeper::{Exit, KeeperSpec, Mode, Signal};
use crate::server::live::LiveSession;
use crate::server::panes::Pane;
use crate::server::sessions::{self, Follower, Standing};
use crate::server::shared::Shared;
use crate::server::{clock, environment};
use crate::term::Emulator;

/// Lines of an output that are quoted.
const TAIL_LINES: usize = 80;
/// Bytes of it at most.
const TAIL_BYTES: usize = 8 * 1024;
/// Why there is no result of a program that was ended.
const ENDED: &str = "it was ended on request";

/// What is to be run.
pub(super) struct Program {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The recording's title.
    pub title: String,
    /// It is ended after this long.
    pub limit: Duration,
    /// What tells that its process runs.
    pub spawned: Event,
}

/// How it ended.
pub(super) struct Ran {
    /// By itself or by a signal.
    pub exit: Exit,
    /// Whether its time limit ended it.
    pub timed_out: bool,
    /// Milliseconds since it was asked for.
    pub duration_ms: u64,
    /// The end of its output.
    pub tail: Tail,
}

impl Program {
    /// Runs it, or goes on with it. `place` makes the folder that it runs in, and blocks. The error says why there is
    /// no result.
    pub async fn run(
        self,
        shared: &Arc<Shared>,
        facts: &Facts,
        place: impl FnOnce() -> Result<PathBuf, String> + Send + 'static,
    ) -> Result<Ran, String> {
        let Some(live) = shared.sessions.get(facts.effect) else { return Err(ENDED.to_owned()) };
        let dir = shared.places.session(&facts.run, &live.id);
        let recording = shared.places.recording(&facts.run, &live.id);
        let (limit, spawned) = (self.limit, self.spawned.clone());
        let standing = self.start(shared, facts, Arc::clone(&live), place).await?;
        let (cols, rows) = FIRST_SIZE;
        let emulator = Emulator::new(cols, rows, shared.project().colours());
        let (pane, outbox) = shared.panes.open(&live.id, emulator, false);
        controls::catch_up(&live, &pane);
        if facts.status.is_none() {
            shared.report(spawned);
        }
        let spent = Duration::from_millis(clock::now().since(facts.started));
        let follower = Watch {
            tail: Tail::default(),
            ends_at: Instant::now() + limit.saturating_sub(spent),
            timed_out: false,
            live: Arc::clone(&live),
        };
        let readers = &shared.readers;
        let (exit, follower) =
            sessions::follow(standing, &dir, &recording, &pane, outbox, follower, readers).await;
        match exit.map_err(|error| error.to_string())? {
            _ if live.is_ending() => Err(ENDED.to_owned()),
            None => Err("its process is gone and left no exit code".to_owned()),
            Some(exit) => {
                let started = u64::try_from(facts.started.0).unwrap_or(0);
                let duration_ms = exit.at_ms.saturating_sub(started);
                Ok(Ran { exit, timed_out: follower.timed_out, duration_ms, tail: follower.tail })
            }
        }
    }

    async fn start(
        self,
        shared: &Arc<Shared>,
        facts: &Facts,
        live: Arc<LiveSession>,
        place: impl FnOnce() -> Result<PathBuf, String> + Send + 'static,
    ) -> Result<Standing, String> {
        let (shared, run) = (Arc::clone(shared), facts.run.clone());
        let started = tokio::task::spawn_blocking(move || {
            let dir = shared.places.session(&run, &live.id);
            if let Some(standing) = sessions::standing(&dir).map_err(|error| error.to_string())? {
                return Ok(standing);
            }
            let cwd = place()?;
            if live.is_ending() {
                return Err(ENDED.to_owned());
            }
            let recording = shared.places.recording(&run, &live.id);
            let spec = || self.spec(&shared, &live.id, recording, cwd);
            sessions::start(&shared.exe, &dir, spec).map_err(|error| error.to_string())
        });
        started.await.map_err(|error| error.to_string())?
    }

    fn spec(self, shared: &Shared, session: &SessionId, recording: PathBuf, cwd: PathBuf) -> KeeperSpec {
        let mut env = agents::gate_environment(&environment::of_this_process());
        env.push((SESSION_MARKER.to_owned(), shared.places.marker(session)));
        KeeperSpec {
            version: crate::protocol::keeper::VERSION,
            session: session.to_string(),
            argv: self.argv,
            env,
            cwd,
            mode: Mode::Pipes,
            stdin_file: None,
            stdin_open: false,
            recording,
            recording_limit: shared.project().recording_limit,
            title: self.title,
            socket: shared.places.keeper_socket(session),
        }
    }
}

struct Watch {
    tail: Tail,
    ends_at: Instant,
    timed_out: bool,
    live: Arc<LiveSession>,
}

impl Watch {
    /// No time limit counts the time in which it was paused.
    fn end(&self) -> Instant {
        self.ends_at + self.live.stood_still()
    }
}

impl Follower for Watch {
    fn output(&mut self, pane: &Pane, bytes: &[u8], _live: bool) {
        self.tail.push(bytes);
        drop(pane.feed(&with_returns(bytes)));
        if let Some(line) = self.tail.last_line() {
            pane.set_last_action(line);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        (!self.timed_out && !self.live.stands_still()).then(|| self.end())
    }

    fn wake(&mut self, pane: &Pane) {
        if !self.live.stands_still() && Instant::now() >= self.end() {
            self.timed_out = true;
            let _ended = pane.signal(Signal::Terminate { grace_ms: GRACE_MS });
        }
    }
}

/// The last bytes of an output.
#[derive(Default)]
pub(super) struct Tail(Vec<u8>);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        if self.0.len() > TAIL_BYTES * 2 {
            let surplus = self.0.len() - TAIL_BYTES;
            self.0.drain(..surplus);
        }
    }

    /// The last lines, without escape sequences and control characters.
    pub fn text(&self) -> String {
        let text = agents::plain_text(&String::from_utf8_lossy(&self.0));
        let mut tail = last_lines(&text, TAIL_LINES);
        while tail.len() > TAIL_BYTES {
            tail = tail.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        }
        tail
    }

    fn last_line(&self) -> Option<String> {
        let text = self.text();
        text.lines().rev().find(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned())
    }
}

/// The last lines of a text.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_end_without_escapes() {
        let mut tail = Tail::default();
        for number in 0..5_000 {
            tail.push(format!("\x1b[31mline {number}\x1b[0m\n").as_bytes());
        }
        let text = tail.text();
        assert!(text.ends_with("line 4999") && !text.contains('\x1b'), "{text}");
        assert!(text.lines().count() <= TAIL_LINES && text.len() <= TAIL_BYTES);
        assert_eq!(tail.last_line().unwrap(), "line 4999");
    }
}
