//! Running a gate: a fresh checkout of the commit, the command under a keeper, its exit code as evidence.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::controls::session_id;
use super::steps::FIRST_SIZE;
use super::{Facts, failure, git::describe};
use crate::agents;
use crate::engine::{EffectKind, GateTree};
use crate::model::event::GateEvent;
use crate::model::{Event, GateResult, GateSpec, Oid, SessionId, TaskId};
use crate::process::SESSION_MARKER;
use crate::protocol::keeper::{Exit, KeeperSpec, Mode, Signal};
use crate::server::live::{AnswerKeys, LiveSession};
use crate::server::panes::Pane;
use crate::server::sessions::{self, Follower, Standing};
use crate::server::shared::Shared;
use crate::server::{clock, environment};
use crate::term::Emulator;

/// Lines of a gate's output that a prompt quotes.
const TAIL_LINES: usize = 80;
/// Bytes of it at most.
const TAIL_BYTES: usize = 8 * 1024;

/// Runs it, or goes on with it; reports what it said.
pub(super) async fn run(shared: Arc<Shared>, facts: Facts, kind: EffectKind) {
    let EffectKind::RunGate { task, gate, oid, on } = &kind else { return };
    let order = Order { session: session_id(&facts.run, facts.effect), task, gate, oid, on: *on };
    let event = match order.run(&shared, &facts).await {
        Ok(event) => event,
        Err(error) => failure(facts.effect, &kind, error),
    };
    shared.sessions.remove(facts.effect);
    shared.report(event);
}

struct Order<'a> {
    session: SessionId,
    task: &'a TaskId,
    gate: &'a GateSpec,
    oid: &'a Oid,
    on: GateTree,
}

impl Order<'_> {
    async fn run(&self, shared: &Arc<Shared>, facts: &Facts) -> Result<Event, String> {
        let dir = shared.places.session(&facts.run, &self.session);
        let recording = shared.places.recording(&facts.run, &self.session);
        let standing = self.start(shared, facts, &dir).await?;
        let (cols, rows) = FIRST_SIZE;
        let emulator = Emulator::new(cols, rows, shared.project().colours());
        let (pane, outbox) = shared.panes.open(&self.session, emulator, false);
        let live =
            shared.sessions.add(facts.effect, LiveSession::new(self.session.clone(), AnswerKeys::default()));
        let effect = facts.effect;
        if facts.status.is_none() {
            shared.report(Event::Gate(GateEvent::Spawned { effect, session: self.session.clone() }));
        }
        let timeout = Duration::from_millis(self.gate.timeout_ms);
        let spent = Duration::from_millis(clock::now().since(facts.started));
        let mut follower = GateFollower {
            tail: Tail::default(),
            ends_at: Instant::now() + timeout.saturating_sub(spent),
            timed_out: false,
        };
        let exit = sessions::follow(standing, &dir, &recording, &pane, outbox, &mut follower)
            .await
            .map_err(|error| error.to_string())?;
        match exit {
            _ if live.is_ending() => Err("it was ended on request".to_owned()),
            None => Err("its process is gone and left no exit code".to_owned()),
            Some(exit) => {
                Ok(Event::Gate(GateEvent::Finished { effect, result: self.result(facts, exit, &follower) }))
            }
        }
    }

    fn result(&self, facts: &Facts, exit: Exit, follower: &GateFollower) -> GateResult {
        let started = u64::try_from(facts.started.0).unwrap_or(0);
        GateResult {
            gate: self.gate.name.clone(),
            oid: self.oid.clone(),
            code: exit.code,
            timed_out: follower.timed_out,
            duration_ms: exit.at_ms.saturating_sub(started),
            log: self.session.to_string(),
            tail: follower.tail.text(),
        }
    }

    async fn start(
        &self,
        shared: &Arc<Shared>,
        facts: &Facts,
        dir: &std::path::Path,
    ) -> Result<Standing, String> {
        if let Some(standing) = sessions::standing(dir).map_err(|error| error.to_string())? {
            return Ok(standing);
        }
        let purpose = match self.on {
            GateTree::Work => "gates",
            GateTree::Merge => "merge",
        };
        let path = shared.places.checkout(&facts.run, self.task.as_str(), purpose);
        let (worker, oid) = (Arc::clone(shared), self.oid.clone());
        let checkout = tokio::task::spawn_blocking(move || {
            let worktree = worker.repository.add_detached_worktree(&path, oid.as_str())?;
            worker.repository.reset_detached(&worktree, oid.as_str())?;
            Ok::<_, crate::git::GitError>(worktree)
        });
        let checkout =
            checkout.await.map_err(|error| error.to_string())?.map_err(|error| describe(&error))?;
        let spec = self.spec(shared, facts, checkout.path.join(&self.gate.cwd));
        let (exe, dir) = (shared.exe.clone(), dir.to_owned());
        tokio::task::spawn_blocking(move || sessions::start(&exe, &dir, || spec))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }

    fn spec(&self, shared: &Shared, facts: &Facts, cwd: std::path::PathBuf) -> KeeperSpec {
        let project = shared.project();
        let mut env = agents::gate_environment(&environment::of_this_process(), &project.gate_env);
        env.push((SESSION_MARKER.to_owned(), shared.places.marker(&self.session)));
        KeeperSpec {
            version: crate::protocol::keeper::VERSION,
            session: self.session.to_string(),
            argv: self.gate.argv.clone(),
            env,
            cwd,
            mode: Mode::Pipes,
            stdin_file: None,
            recording: shared.places.recording(&facts.run, &self.session),
            recording_limit: project.recording_limit,
            title: format!("gate {} {}", self.gate.name, self.task),
            socket: shared.places.keeper_socket(&self.session),
        }
    }
}

/// A pipe has no line discipline: a line feed alone would go straight down.
pub(in crate::server) fn with_returns(bytes: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(bytes.len() + 64);
    for &byte in bytes {
        if byte == b'\n' {
            shown.push(b'\r');
        }
        shown.push(byte);
    }
    shown
}

struct GateFollower {
    tail: Tail,
    ends_at: Instant,
    timed_out: bool,
}

impl Follower for GateFollower {
    fn output(&mut self, pane: &Pane, bytes: &[u8], _live: bool) {
        self.tail.push(bytes);
        drop(pane.feed(&with_returns(bytes)));
        if let Some(line) = self.tail.last_line() {
            pane.set_last_action(line);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        (!self.timed_out).then_some(self.ends_at)
    }

    fn wake(&mut self, pane: &Pane) {
        if Instant::now() >= self.ends_at {
            self.timed_out = true;
            let _ended = pane.signal(Signal::Kill);
        }
    }
}

/// The last bytes of an output.
#[derive(Default)]
struct Tail(Vec<u8>);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        if self.0.len() > TAIL_BYTES * 2 {
            let surplus = self.0.len() - TAIL_BYTES;
            self.0.drain(..surplus);
        }
    }

    /// The last lines, without escape sequences and control characters.
    fn text(&self) -> String {
        let text = agents::plain_text(&String::from_utf8_lossy(&self.0));
        let lines: Vec<&str> = text.lines().collect();
        let skipped = lines.len().saturating_sub(TAIL_LINES);
        let mut tail = lines.get(skipped..).unwrap_or_default().join("\n");
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
