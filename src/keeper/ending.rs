//! Signals to the tree, and what happens after the child's end.
//!
//! Not for: when (the server decides, or the child). Invariant: the exit file is written after the last byte was
//! recorded and after nothing of the tree was left, or with the names of what the kernel would not let go.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal as Os;

use super::pump::Pump;
use super::{KeeperError, file, now_ms};
use crate::process::{Identity, descendants, kill_all, kill_until_none, signal_all, stop_tree, write_atomic};
use crate::protocol::keeper::{EXIT_FILE, Exit, ExitFile, FromKeeper, Signal, VERSION};

/// How long the kernel gets to let go of killed processes.
pub(super) const KILL_LIMIT: Duration = Duration::from_secs(10);
/// How long a tree gets to stand still.
const STOP_LIMIT: Duration = Duration::from_millis(200);
/// How long output of a dead tree is waited for; a pipe that a stranger holds open never ends.
const DRAIN_LIMIT: Duration = Duration::from_millis(500);
/// How long a peer gets to take the last messages; everything is in the recording as well.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);
/// How long the terminal has a wrong size so that its program notices.
const WIGGLE: Duration = Duration::from_millis(60);
/// Between two walks of a tree that doesn't die.
const KILL_AGAIN: Duration = Duration::from_millis(10);
/// Output read of a child that ended before the rest of its tree is killed.
const LAST_WORDS: usize = 4 * 1024 * 1024;

impl Pump {
    pub(super) fn signal(&mut self, signal: Signal) {
        match signal {
            Signal::Interrupt => {
                if let Some(group) = self.line.foreground() {
                    let _ = rustix::process::kill_process_group(group, Os::INT);
                }
            }
            Signal::Terminate { grace_ms } => self.terminate(Duration::from_millis(grace_ms)),
            Signal::Kill => self.kill(),
            Signal::Pause => {
                stop_tree(self.keeper.pid, STOP_LIMIT);
            }
            Signal::Continue => self.resume(),
        }
    }

    /// Asks the whole tree to end, and kills what is left of it after the time.
    pub(super) fn terminate(&mut self, grace: Duration) {
        let tree = descendants(self.keeper.pid);
        signal_all(&tree, Os::TERM);
        // What was paused can't hear it otherwise.
        signal_all(&tree, Os::CONT);
        let at = Instant::now() + grace;
        self.deadlines.kill = Some(self.deadlines.kill.map_or(at, |before| before.min(at)));
    }

    pub(super) fn resize(&mut self, cols: u16, rows: u16) {
        if !self.line.is_pty() {
            return;
        }
        self.size = (cols, rows);
        self.deadlines.restore_size = None;
        self.recorder.resize(cols, rows);
        let _ = self.line.resize(cols, rows);
    }

    pub(super) fn act_on_time(&mut self) {
        let now = Instant::now();
        if self.deadlines.restore_size.is_some_and(|at| at <= now) {
            self.deadlines.restore_size = None;
            let _ = self.line.resize(self.size.0, self.size.1);
        }
        if self.exit.is_none() && self.deadlines.kill.is_some_and(|at| at <= now) {
            self.kill();
        }
    }

    /// Brings the session to its end: nothing is left, all is recorded, the file is written, the peer knows.
    pub(super) fn end(mut self, dir: &Path) -> Result<(), KeeperError> {
        self.read_output(LAST_WORDS);
        let own = self.keeper.pid;
        // The subreaper of a tree without a child of its own has no tree any more: nothing has to be looked for.
        let left = kill_until_none(KILL_LIMIT, || match self.reap() {
            true => Vec::new(),
            false => descendants(own),
        });
        self.reap();
        self.drain();
        let exit = self.exit.unwrap_or(Exit { code: None, signal: None, at_ms: now_ms() });
        let written = self.write_exit(dir, exit, &left);
        self.say_goodbye(exit);
        written
    }

    fn kill(&mut self) {
        kill_all(&descendants(self.keeper.pid));
        // The child's end is heard of as ever; until then what was forked meanwhile is killed too.
        self.deadlines.kill = Some(Instant::now() + KILL_AGAIN);
    }

    /// Lets the tree go on. A program on a terminal repaints only if it sees another size.
    fn resume(&mut self) {
        signal_all(&descendants(self.keeper.pid), Os::CONT);
        if self.line.is_pty() && self.line.resize(self.size.0, self.size.1.saturating_sub(1).max(1)).is_ok() {
            self.deadlines.restore_size = Some(Instant::now() + WIGGLE);
        }
    }

    /// Reads what the tree left behind, up to the end of the line.
    fn drain(&mut self) {
        let give_up = Instant::now() + DRAIN_LIMIT;
        while self.line_open && Instant::now() < give_up {
            self.read_output(usize::MAX);
            if self.line_open {
                wait_for(&self.line, PollFlags::IN, give_up);
            }
        }
        let offset = self.recorder.offset();
        let rest = self.recorder.finish();
        if let Some(peer) = self.peer.as_mut().filter(|_| !rest.is_empty()) {
            peer.send_output(offset, rest.as_bytes());
        }
    }

    fn write_exit(&self, dir: &Path, exit: Exit, left: &[Identity]) -> Result<(), KeeperError> {
        let path = dir.join(EXIT_FILE);
        let content = ExitFile {
            version: VERSION,
            session: self.spec.session.clone(),
            exit,
            offset: self.recorder.offset(),
            message: None,
            survivors: left.iter().map(|process| (*process).into()).collect(),
        };
        write_atomic(&path, &content).map_err(|source| file("write", &path, source))
    }

    fn say_goodbye(&mut self, exit: Exit) {
        let give_up = Instant::now() + FAREWELL_LIMIT;
        self.peer.iter_mut().for_each(|peer| peer.send(&FromKeeper::Exited(exit)));
        self.flush_peer();
        while let Some(peer) = self.peer.as_ref().filter(|peer| peer.has_output()) {
            if Instant::now() >= give_up {
                return;
            }
            wait_for(peer, PollFlags::OUT, give_up);
            self.flush_peer();
        }
    }
}

fn wait_for(fd: &impl AsFd, flags: PollFlags, until: Instant) {
    let timeout = Timespec::try_from(until.saturating_duration_since(Instant::now())).ok();
    let _ = poll(&mut [PollFd::from_borrowed_fd(fd.as_fd(), flags)], timeout.as_ref());
}
