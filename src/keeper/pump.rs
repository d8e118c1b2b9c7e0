//! The keeper's loop: one `poll`, and what follows from it.
//!
//! Not for: what comes after the child's end (`ending`). Invariants: output goes to the recording first; a full peer
//! stops the reading of output, a peer that is gone doesn't; input never blocks; control messages are always heard.

use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::now_ms;
use super::peer::Conn;
use super::queue::Queue;
use super::signals::Signals;
use crate::process::{Identity, descendants};
use crate::protocol::keeper::{Exit, FromKeeper, Greeting, INPUT_LIMIT, KeeperSpec, ToKeeper, VERSION};
use crate::pty::Line;
use crate::record::Recorder;

/// Connections that may wait to say hello; more would be somebody's mistake.
const CANDIDATES: usize = 8;
/// Output read before anything else gets its turn.
const BATCH: usize = 64 * 1024;

/// A session under way.
#[derive(Debug)]
pub(super) struct Pump {
    pub(super) spec: KeeperSpec,
    pub(super) line: Line,
    pub(super) recorder: Recorder,
    listener: UnixListener,
    signals: Signals,
    pub(super) child: Identity,
    pub(super) keeper: Identity,
    pub(super) peer: Option<Conn>,
    candidates: Vec<Conn>,
    input: Queue,
    /// No more input comes: it ends with what waits.
    input_ends: bool,
    /// False after the end of the output: every user of the terminal or pipe is gone.
    pub(super) line_open: bool,
    pub(super) exit: Option<Exit>,
    pub(super) size: (u16, u16),
    pub(super) deadlines: Deadlines,
    batch: Vec<u8>,
}

/// What is to happen at a time; all empty in a quiet keeper, so that it doesn't wake up.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// When what is left of the tree is killed.
    pub(super) kill: Option<Instant>,
    /// When the terminal gets its right size back.
    pub(super) restore_size: Option<Instant>,
}

/// What `poll` found.
#[derive(Debug, Default)]
struct Ready {
    output: bool,
    input: bool,
    connection: bool,
    signal: bool,
    peer: bool,
    candidates: Vec<usize>,
}

impl Pump {
    pub(super) fn new(
        spec: KeeperSpec,
        line: Line,
        recorder: Recorder,
        listener: UnixListener,
        signals: Signals,
        child: Identity,
        keeper: Identity,
    ) -> Self {
        let size = match spec.mode {
            crate::protocol::keeper::Mode::Pty { cols, rows } => (cols, rows),
            crate::protocol::keeper::Mode::Pipes => (0, 0),
        };
        Self {
            spec,
            line,
            recorder,
            listener,
            signals,
            child,
            keeper,
            peer: None,
            candidates: Vec::new(),
            input: Queue::default(),
            input_ends: false,
            line_open: true,
            exit: None,
            size,
            deadlines: Deadlines::default(),
            batch: Vec::with_capacity(BATCH),
        }
    }

    /// Returns when the child has ended; or, if the tree was asked to end, when all of it has or its time is over.
    pub(super) fn run_until_the_child_ends(&mut self) {
        self.reap();
        while self.exit.is_none() || self.is_tree_ending() {
            let ready = self.wait();
            self.act(&ready);
            self.act_on_time();
        }
    }

    /// Reads output until nothing is there or `limit` bytes were read; it is recorded, and queued for the peer.
    pub(super) fn read_output(&mut self, limit: usize) {
        let mut batch = std::mem::take(&mut self.batch);
        let mut read = 0;
        while self.line_open && read < limit {
            batch.resize(BATCH, 0);
            let got = self.fill(&mut batch);
            if got == 0 {
                break;
            }
            read += got;
            self.record(batch.get(..got).unwrap_or_default());
        }
        self.batch = batch;
    }

    /// Records bytes and queues them for the peer.
    fn record(&mut self, bytes: &[u8]) {
        let offset = self.recorder.offset();
        let text = self.recorder.output(bytes);
        if let Some(peer) = self.peer.as_mut().filter(|_| !text.is_empty()) {
            peer.send_output(offset, text.as_bytes());
        }
    }

    /// Takes the status of every child that ended: the session's, and those that were left to this process. Whether
    /// none is left, for certain.
    pub(super) fn reap(&mut self) -> bool {
        loop {
            match rustix::process::wait(rustix::process::WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid.as_raw_nonzero().get() == self.child.pid => {
                    let (code, signal) = (status.exit_status(), status.terminating_signal());
                    self.exit = Some(Exit { code, signal, at_ms: now_ms() });
                }
                Ok(Some(_)) => {}
                Ok(None) => return false,
                Err(error) => return error == rustix::io::Errno::CHILD,
            }
        }
    }

    /// Sends what the peer takes; a peer that failed is forgotten.
    pub(super) fn flush_peer(&mut self) {
        if self.peer.as_mut().is_some_and(|peer| peer.flush().is_err()) {
            self.peer = None;
        }
    }

    fn is_tree_ending(&self) -> bool {
        self.deadlines.kill.is_some_and(|at| at > Instant::now()) && !descendants(self.keeper.pid).is_empty()
    }

    fn wait(&self) -> Ready {
        let mut fds =
            vec![PollFd::new(&self.signals, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
        fds.extend(self.candidates.iter().map(|conn| PollFd::new(conn, PollFlags::IN)));
        let peer_at = fds.len();
        if let Some(peer) = &self.peer {
            fds.push(PollFd::new(peer, wanted(true, peer.has_output())));
        }
        let line_at = fds.len();
        let writes = !self.input.is_empty();
        let own_end = self.line.input();
        let line_wanted = wanted(!self.peer.as_ref().is_some_and(Conn::is_full), writes && own_end.is_none());
        // A terminal without users reports its end for ever, even if nothing is asked of it.
        if self.line_open && !line_wanted.is_empty() {
            fds.push(PollFd::from_borrowed_fd(self.line.as_fd(), line_wanted));
        }
        let input_at = fds.len();
        if let Some(end) = own_end.filter(|_| writes) {
            fds.push(PollFd::from_borrowed_fd(end, PollFlags::OUT));
        }
        if poll(&mut fds, self.timeout().as_ref()).is_err() {
            return Ready::default();
        }
        let hit = |index: usize| fds.get(index).map_or(PollFlags::empty(), PollFd::revents);
        Ready {
            signal: !hit(0).is_empty(),
            connection: !hit(1).is_empty(),
            candidates: (0..self.candidates.len()).filter(|index| !hit(2 + index).is_empty()).collect(),
            peer: peer_at < line_at && !hit(peer_at).is_empty(),
            output: line_at < input_at
                && hit(line_at).intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR),
            input: hit(line_at).contains(PollFlags::OUT) || !hit(input_at).is_empty(),
        }
    }

    fn timeout(&self) -> Option<Timespec> {
        let next = [self.deadlines.kill, self.deadlines.restore_size].into_iter().flatten().min()?;
        let left = next.saturating_duration_since(Instant::now());
        // Rounded up, so that a wake-up is never just before its time.
        Timespec::try_from(left + Duration::from_millis(1)).ok()
    }

    fn act(&mut self, ready: &Ready) {
        if ready.signal {
            if self.signals.drain() {
                self.terminate(Duration::from_secs(2));
            }
            self.reap();
        }
        if ready.input {
            self.write_input();
        }
        if ready.output && !self.peer.as_ref().is_some_and(Conn::is_full) {
            self.read_output(BATCH);
        }
        if ready.peer {
            self.hear_peer();
        }
        if !ready.candidates.is_empty() {
            self.hear_candidates(&ready.candidates);
        }
        if ready.connection {
            self.accept();
        }
        self.flush_peer();
    }

    /// Reads into the whole of `batch`, so that a flood makes few large events; how much there was.
    fn fill(&mut self, batch: &mut [u8]) -> usize {
        let mut filled = 0;
        while let Some(rest) = batch.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.line.read(rest) {
                Ok(0) => self.line_open = false,
                Ok(read) => {
                    filled += read;
                    continue;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => self.line_open = false,
            }
            break;
        }
        filled
    }

    fn write_input(&mut self) {
        if self.input.drain_to(|bytes| self.line.write(bytes)).is_err() {
            self.input.clear();
            // On pipes, nobody reads there any more.
            self.line.close_input();
        }
        if self.input_ends && self.input.is_empty() {
            self.line.close_input();
        }
    }

    /// Gives the child this before anything that a peer sends.
    pub(super) fn queue_input(&mut self, bytes: &[u8]) {
        self.input.push(bytes);
        self.write_input();
    }

    fn accept(&mut self) {
        while let Some(conn) = Conn::accept(&self.listener) {
            if self.candidates.len() >= CANDIDATES {
                self.candidates.remove(0);
            }
            self.candidates.push(conn);
        }
    }

    fn hear_peer(&mut self) {
        let Some(peer) = &mut self.peer else { return };
        match peer.receive() {
            Ok(messages) => self.obey(messages),
            Err(_) => self.peer = None,
        }
    }

    fn hear_candidates(&mut self, ready: &[usize]) {
        for (index, conn) in std::mem::take(&mut self.candidates).into_iter().enumerate() {
            let kept = if ready.contains(&index) { self.hear_candidate(conn) } else { Some(conn) };
            self.candidates.extend(kept);
        }
    }

    /// A connection that says hello takes the place of the one before; one that said nothing yet is given back.
    fn hear_candidate(&mut self, mut conn: Conn) -> Option<Conn> {
        let mut messages = conn.receive().ok()?.into_iter();
        let Some(first) = messages.next() else { return Some(conn) };
        conn.send(&FromKeeper::Hello(self.greeting()));
        if first == (ToKeeper::Hello { version: VERSION }) {
            self.peer = Some(conn);
            self.obey(messages.collect());
        } else {
            // It is told our version, and then left alone.
            let _ = conn.flush();
        }
        None
    }

    fn greeting(&self) -> Greeting {
        Greeting {
            version: VERSION,
            keeper_pid: self.keeper.pid,
            child_pid: self.child.pid,
            child_start: self.child.start_time,
            offset: self.recorder.offset(),
            exited: self.exit,
        }
    }

    fn obey(&mut self, messages: Vec<ToKeeper>) {
        for message in messages {
            match message {
                ToKeeper::Hello { .. } => {}
                ToKeeper::Input(bytes) => self.take_input(&bytes),
                ToKeeper::CloseInput => {
                    self.input_ends = true;
                    self.write_input();
                }
                ToKeeper::Resize { cols, rows } => self.resize(cols.max(1), rows.max(1)),
                ToKeeper::Signal(signal) => self.signal(signal),
            }
        }
    }

    fn take_input(&mut self, bytes: &[u8]) {
        let room = INPUT_LIMIT.saturating_sub(self.input.len());
        if !self.line.takes_input() || !self.line_open || bytes.len() > room {
            let refused = FromKeeper::InputRefused { bytes: bytes.len() as u64 };
            self.peer.iter_mut().for_each(|peer| peer.send(&refused));
            return;
        }
        self.input.push(bytes);
        self.write_input();
    }
}

fn wanted(read: bool, write: bool) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, read);
    flags.set(PollFlags::OUT, write);
    flags
}
