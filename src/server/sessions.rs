//! A session followed from its start to its end: started under a keeper or attached to again, its output taken to the
//! pane and to whoever reads it, its end awaited.
//!
//! The recording is read up to the offset that the keeper names, then its live output is followed: nothing is lost or
//! doubled, whichever server looks. Invariant: a session's processes are proven gone before its end is reported.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::panes::{Outgoing, Pane};
use super::readers::take_turns;
use crate::process::{self, Identity, KeeperHandle, SpawnError};
use crate::protocol::frame::Decoder;
use crate::protocol::keeper::{Exit, FromKeeper, KeeperSpec, ToKeeper, VERSION};
use crate::record;

/// How long a keeper may take to start its program.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long the processes of a lost session may take to die.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// Output of one read.
const READ_SIZE: usize = 64 * 1024;
/// Output that is parsed before other sessions have their turn: a fraction of a millisecond's work.
const TURN: usize = 8 * 1024;
/// The same where no sequence is in it: most of that only passes through the screen.
const PLAIN_TURN: usize = 64 * 1024;

/// How a session stands when somebody wants to follow it.
#[derive(Debug)]
pub enum Standing {
    /// Its keeper runs and listens there.
    Live {
        /// The keeper's socket.
        socket: PathBuf,
        /// The program's process.
        pid: u32,
        /// The keeper, if this server started it: its end has to be taken note of.
        keeper: Option<Box<KeeperHandle>>,
    },
    /// It has ended, and its exit is known.
    Ended(Exit),
    /// It ran once, and left no exit behind; nothing of it lives any more.
    Lost,
}

/// Why a session can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No keeper could be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Its files can't be read or written.
    #[error("{path} can't be used: {source}")]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Processes of an earlier try can't be ended.
    #[error("processes of an earlier try live on: {0:?}")]
    Undead(Vec<i32>),
}

/// Whoever is told what a session does.
pub trait Follower {
    /// Output, in order; answers what is to be shown for it (itself, if it is a terminal's).
    fn output(&mut self, pane: &Pane, bytes: &[u8], live: bool);
    /// The recording was read: what comes from now on is news.
    fn caught_up(&mut self, _pane: &Pane) {}
    /// Somebody spoke to the child.
    fn spoken_to(&mut self) {}
    /// The moment at which it wants to be woken, if any.
    fn deadline(&self) -> Option<tokio::time::Instant>;
    /// That moment has come.
    fn wake(&mut self, pane: &Pane);
}

/// Starts a session unless it was started before.
pub fn start(exe: &Path, dir: &Path, spec: impl FnOnce() -> KeeperSpec) -> Result<Standing, SessionError> {
    if let Some(standing) = standing(dir)? {
        return Ok(standing);
    }
    let spec = spec();
    let io = |source| SessionError::Io { path: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(io)?;
    if let Some(parent) = spec.recording.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    process::write_spec(dir, &spec).map_err(io)?;
    match process::spawn_keeper(exe, dir, &spec.env, START_LIMIT) {
        Ok(handle) => Ok(Standing::Live {
            socket: handle.socket.clone(),
            pid: u32::try_from(handle.child.pid).unwrap_or(0),
            keeper: Some(Box::new(handle)),
        }),
        Err(SpawnError::Launch { .. }) => match process::read_exit(dir).map_err(io)? {
            Some(file) => Ok(Standing::Ended(file.exit)),
            None => Ok(Standing::Lost),
        },
        Err(error) => Err(error.into()),
    }
}

/// How a session stands that may have been started before; `None` if it never was.
pub fn standing(dir: &Path) -> Result<Option<Standing>, SessionError> {
    let io = |source| SessionError::Io { path: dir.to_owned(), source };
    if !dir.join(crate::protocol::keeper::SPEC_FILE).exists() {
        return Ok(None);
    }
    process::wait_for_claimant(dir, START_LIMIT);
    let kept = process::read_keeper(dir).map_err(io)?;
    if let Some(file) = &kept {
        let keeper = Identity { pid: file.keeper.pid, start_time: file.keeper.start_time };
        if keeper.is_alive() {
            let pid = u32::try_from(file.child.pid).unwrap_or(0);
            return Ok(Some(Standing::Live { socket: file.socket.clone(), pid, keeper: None }));
        }
    }
    if let Some(file) = process::read_exit(dir).map_err(io)? {
        return Ok(Some(Standing::Ended(file.exit)));
    }
    // The keeper is gone without a word: whatever it kept must be gone too before anything is started again.
    let spec = process::read_spec(dir).map_err(io)?;
    let marker = spec.env.iter().find(|(name, _)| name == process::SESSION_MARKER);
    let left = marker.map(|(_, value)| process::kill_orphans(value, KILL_LIMIT)).unwrap_or_default();
    if !left.is_empty() {
        return Err(SessionError::Undead(left.iter().map(|process| process.pid).collect()));
    }
    Ok(if kept.is_some() { Some(Standing::Lost) } else { None })
}

/// Follows a session to its end.
pub async fn follow(
    standing: Standing,
    dir: &Path,
    recording: &Path,
    pane: &Arc<Pane>,
    outbox: mpsc::Receiver<Outgoing>,
    follower: &mut (impl Follower + Send),
) -> Result<Option<Exit>, SessionError> {
    let (exit, seen) = match standing {
        Standing::Live { socket, keeper, .. } => {
            let heard = match UnixStream::connect(&socket).await {
                Ok(stream) => Conversation::new(stream, recording).follow(pane, outbox, follower).await,
                // A short program's keeper may be gone before anybody could ask.
                Err(error) => {
                    tracing::debug!(%error, socket = %socket.display(), "a keeper does not answer");
                    (None, 0)
                }
            };
            reap(keeper).await;
            heard
        }
        Standing::Ended(exit) => (Some(exit), 0),
        Standing::Lost => (None, 0),
    };
    let exit = match exit {
        Some(exit) => Some(exit),
        None => settle(dir).await?,
    };
    // What the conversation did not bring is in the recording.
    replay(recording, seen, u64::MAX, pane, follower);
    pane.end();
    Ok(exit)
}

/// Takes note of a keeper's end, so that it does not stay in the process table.
async fn reap(keeper: Option<Box<KeeperHandle>>) {
    let Some(mut keeper) = keeper else { return };
    let reaped = tokio::task::spawn_blocking(move || {
        let deadline = std::time::Instant::now() + KILL_LIMIT;
        while !keeper.reap() && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let _panicked = reaped.await;
}

/// The conversation with the keeper broke off: its files tell how it ended, once it has.
async fn settle(dir: &Path) -> Result<Option<Exit>, SessionError> {
    let dir = dir.to_owned();
    let look = move || -> Result<Option<Exit>, SessionError> {
        let deadline = std::time::Instant::now() + KILL_LIMIT;
        loop {
            match standing(&dir)? {
                Some(Standing::Ended(exit)) => return Ok(Some(exit)),
                Some(Standing::Lost) | None => return Ok(None),
                Some(Standing::Live { .. }) if std::time::Instant::now() > deadline => {
                    return Err(SessionError::Undead(Vec::new()));
                }
                // It is on its way out: its last act is to write how its program ended.
                Some(Standing::Live { .. }) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    };
    tokio::task::spawn_blocking(look).await.unwrap_or(Ok(None))
}

/// Takes what was recorded to the pane and the follower.
fn replay(recording: &Path, from: u64, to: u64, pane: &Pane, follower: &mut impl Follower) {
    match record::replay(recording, from, to) {
        Ok(pieces) => {
            for piece in pieces {
                match piece {
                    record::Piece::Size { cols, rows } => pane.emulator().resize(cols, rows),
                    record::Piece::Output { data, .. } => follower.output(pane, data.as_bytes(), false),
                }
            }
        }
        Err(error) => tracing::warn!(%error, "a recording can't be read"),
    }
}

/// Shows an ended session's recording in a pane of its own.
pub fn replay_ended(recording: &Path, pane: &Pane, follower: &mut impl Follower) {
    replay(recording, 0, u64::MAX, pane, follower);
    pane.end();
}

struct Conversation<'a> {
    /// Bytes of the output that the follower has.
    seen: u64,
    from: OwnedReadHalf,
    to: Option<OwnedWriteHalf>,
    spoken: Arc<Spoken>,
    recording: &'a Path,
    decoder: Decoder,
}

impl<'a> Conversation<'a> {
    fn new(stream: UnixStream, recording: &'a Path) -> Conversation<'a> {
        let (from, to) = stream.into_split();
        Conversation {
            seen: 0,
            from,
            to: Some(to),
            spoken: Arc::default(),
            recording,
            decoder: Decoder::default(),
        }
    }

    /// Until the exit, or until the keeper is gone (`None`); and up to which byte the output came.
    async fn follow(
        mut self,
        pane: &Arc<Pane>,
        outbox: mpsc::Receiver<Outgoing>,
        follower: &mut (impl Follower + Send),
    ) -> (Option<Exit>, u64) {
        let exit = self.hear(pane, outbox, follower).await;
        (exit, self.seen)
    }

    async fn hear(
        &mut self,
        pane: &Arc<Pane>,
        outbox: mpsc::Receiver<Outgoing>,
        follower: &mut (impl Follower + Send),
    ) -> Option<Exit> {
        let mut to = self.to.take()?;
        to.write_all(&ToKeeper::Hello { version: VERSION }.encode()).await.ok()?;
        // Keys do not wait for the parsing of output: they go their own way.
        let mut input = JoinSet::new();
        pane.spawn_input(&mut input, send_all(to, outbox, Arc::clone(&self.spoken)));
        let mut buffer = vec![0; READ_SIZE];
        loop {
            let deadline = follower.deadline();
            tokio::select! {
                read = self.from.read(&mut buffer) => {
                    let count = read.ok().filter(|count| *count > 0)?;
                    self.decoder.push(buffer.get(..count).unwrap_or_default());
                    if let Some(exit) = self.take_messages(pane, follower).await? {
                        return Some(exit);
                    }
                }
                () = self.spoken.notify.notified() => self.spoken.tell(follower),
                () = pane.nudged() => follower.wake(pane),
                () = sleep_until(deadline) => follower.wake(pane),
            }
        }
    }

    /// `None` if the keeper speaks nonsense; the exit once it has come.
    async fn take_messages(
        &mut self,
        pane: &Arc<Pane>,
        follower: &mut (impl Follower + Send),
    ) -> Option<Option<Exit>> {
        loop {
            let frame = match self.decoder.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => return Some(None),
                Err(error) => {
                    tracing::error!(%error, "a keeper's message can't be read");
                    return None;
                }
            };
            match FromKeeper::decode(frame) {
                Ok(FromKeeper::Hello(greeting)) => {
                    replay(self.recording, 0, greeting.offset, pane, follower);
                    self.seen = greeting.offset;
                    follower.caught_up(pane);
                    if let Some(exit) = greeting.exited {
                        return Some(Some(exit));
                    }
                }
                Ok(FromKeeper::Output { offset, bytes }) => {
                    let mut rest = bytes.as_slice();
                    while !rest.is_empty() {
                        let (turn, later) = rest.split_at(turn_of(rest));
                        // What answers a person comes after the person's words.
                        self.spoken.tell(follower);
                        follower.output(pane, turn, true);
                        rest = later;
                        take_turns().await;
                    }
                    self.seen = offset + bytes.len() as u64;
                }
                Ok(FromKeeper::InputRefused { bytes }) => {
                    tracing::warn!(session = %pane.session, bytes, "input was refused: the agent does not read");
                }
                Ok(FromKeeper::Exited(exit)) => return Some(Some(exit)),
                Err(error) => {
                    tracing::error!(%error, "a keeper's message can't be understood");
                    return None;
                }
            }
        }
    }
}

/// Sends what is for the keeper until nobody sends any more, or the keeper is gone; says when the child was spoken to.
async fn send_all(mut to: OwnedWriteHalf, mut outbox: mpsc::Receiver<Outgoing>, spoken: Arc<Spoken>) {
    while let Some(outgoing) = outbox.recv().await {
        if outgoing.speaks {
            spoken.note();
        }
        if to.write_all(&outgoing.message.encode()).await.is_err() {
            return;
        }
        if outgoing.speaks {
            spoken.notify.notify_one();
        }
    }
}

/// That somebody spoke to the child. It is noted before the child hears it, so that it is known before any answer; who
/// waits for it is woken later, which is nothing that a key should wait for.
#[derive(Debug, Default)]
struct Spoken {
    pending: AtomicBool,
    notify: Notify,
}

impl Spoken {
    fn note(&self) {
        self.pending.store(true, Ordering::Release);
    }

    fn tell(&self, follower: &mut impl Follower) {
        if self.pending.swap(false, Ordering::AcqRel) {
            follower.spoken_to();
        }
    }
}

/// How many bytes at the beginning are one turn's work: no character is cut.
fn turn_of(bytes: &[u8]) -> usize {
    let plain = memchr::memchr(b'\x1b', bytes).unwrap_or(bytes.len());
    let turn = plain.clamp(TURN, PLAIN_TURN);
    let is_inside = |at: &usize| bytes.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let end = (turn.saturating_sub(4)..=turn).rev().find(|at| !is_inside(at)).unwrap_or(turn);
    end.min(bytes.len())
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_short_but_for_text_and_cuts_no_character() {
        let text = "漢".repeat(40_000);
        let turn = turn_of(text.as_bytes());
        assert!(turn > PLAIN_TURN - 4 && text.is_char_boundary(turn));
        let coloured = format!("\x1b[m{text}");
        let turn = turn_of(coloured.as_bytes());
        assert!((TURN - 4..=TURN).contains(&turn) && coloured.is_char_boundary(turn));
        let noise = [b"\x1b".as_slice(), &[0x80; 2 * TURN]].concat();
        assert_eq!((turn_of(b"short"), turn_of(&noise)), (5, TURN));
    }
}
