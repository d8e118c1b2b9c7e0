//! The conversation with a keeper: its output taken to the pane and to whoever reads it, input sent to it.
//!
//! Little output is taken where clients are served, so that an echo waits for nobody; what comes in masses is taken on
//! the threads for that (`readers`), and nothing here is woken for more of it meanwhile. Invariant: output reaches the
//! follower in order and once, whoever takes it.

use std::io::{ErrorKind, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::UnixStream as Watched;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::panes::{Outgoing, Pane};
use super::readers::Readers;
use super::sessions::{Follower, replay};
use crate::protocol::frame::Decoder;
use crate::protocol::keeper::{Exit, FromKeeper, ToKeeper, VERSION};

/// Output of one read.
const READ_SIZE: usize = 64 * 1024;
/// Output that is taken where clients are served, in each window: more would keep them waiting.
const LIGHT: usize = 16 * 1024;
/// That window.
const WINDOW: Duration = Duration::from_millis(64);
/// Output that is parsed while the emulator is locked: a fraction of a millisecond's work.
const TURN: usize = 8 * 1024;
/// The same where no sequence is in it: most of that only passes through the screen.
const PLAIN_TURN: usize = 64 * 1024;
/// What one session may have parsed before others that print much have their turn.
const SHARE: usize = 128 * 1024;

/// How a conversation ended.
pub struct Heard<F> {
    /// The exit; none if the keeper is gone without having told it.
    pub exit: Option<Exit>,
    /// Bytes of the output that came.
    pub seen: u64,
    /// Whoever was told.
    pub follower: F,
}

/// Talks to the keeper that listens at `socket`, until its program's exit or until it is gone.
pub async fn hear<F: Follower + Send + 'static>(
    socket: &Path,
    recording: &Path,
    pane: &Arc<Pane>,
    outbox: mpsc::Receiver<Outgoing>,
    follower: F,
    readers: &Readers,
) -> Heard<F> {
    let spoken = Arc::default();
    // Ends with the conversation.
    let mut input = JoinSet::new();
    let stream = match begin(socket).await {
        Ok((stream, to)) => {
            // Keys do not wait for the parsing of output: they go their own way.
            pane.spawn_input(&mut input, send_all(to, outbox, Arc::clone(&spoken)));
            stream
        }
        // A short program's keeper may be gone before anybody could ask.
        Err(error) => {
            tracing::debug!(%error, socket = %socket.display(), "a keeper does not answer");
            return Heard { exit: None, seen: 0, follower };
        }
    };
    let taker = Taker {
        seen: 0,
        is_greeted: false,
        load: Load::default(),
        decoder: Decoder::default(),
        buffer: vec![0; READ_SIZE],
        spoken,
        recording: recording.to_owned(),
        pane: Arc::clone(pane),
        follower,
    };
    taker.follow(stream, readers).await
}

/// Says hello; both directions, of which neither blocks.
async fn begin(socket: &Path) -> std::io::Result<(UnixStream, UnixStream)> {
    let stream = Watched::connect(socket).await?.into_std()?;
    (&stream).write_all(&ToKeeper::Hello { version: VERSION }.encode())?;
    let to = stream.try_clone()?;
    Ok((stream, to))
}

/// Takes what a keeper says.
struct Taker<F> {
    /// Bytes of the output that the follower has.
    seen: u64,
    /// The keeper has said hello, and the follower knows what was recorded before.
    is_greeted: bool,
    load: Load,
    decoder: Decoder,
    buffer: Vec<u8>,
    spoken: Arc<Spoken>,
    recording: PathBuf,
    pane: Arc<Pane>,
    follower: F,
}

/// What was found at the end of some work.
enum Found {
    /// Nothing more for now.
    Dry,
    /// There is more, or may be.
    More,
    /// The conversation is over: the exit, if it was told.
    Over(Option<Exit>),
}

impl<F: Follower + Send + 'static> Taker<F> {
    async fn follow(mut self, mut stream: UnixStream, readers: &Readers) -> Heard<F> {
        let mut found = Found::Dry;
        loop {
            match found {
                Found::Dry => {
                    // Deregistered when it was listened: what comes later wakes nobody.
                    let Ok(mut watched) = Watched::from_std(stream) else { return self.heard(None) };
                    found = self.listen(&mut watched).await;
                    let Ok(unwatched) = watched.into_std() else { return self.heard(None) };
                    stream = unwatched;
                }
                Found::More => {
                    self.attend().await;
                    let work = move || {
                        let found = self.plough(&stream);
                        (self, stream, found)
                    };
                    (self, stream, found) = readers.work(work).await;
                }
                Found::Over(exit) => return self.heard(exit),
            }
        }
    }

    fn heard(self, exit: Option<Exit>) -> Heard<F> {
        Heard { exit, seen: self.seen, follower: self.follower }
    }

    /// Takes what comes as long as that is little.
    async fn listen(&mut self, stream: &mut Watched) -> Found {
        loop {
            let deadline = self.follower.deadline();
            tokio::select! {
                read = stream.read(&mut self.buffer) => {
                    let Ok(count @ 1..) = read else { return Found::Over(None) };
                    let much = self.take(count);
                    // A greeting has the recording read.
                    if much || !self.is_greeted {
                        return Found::More;
                    }
                    if let ControlFlow::Break(exit) = self.take_messages() {
                        return Found::Over(exit);
                    }
                }
                () = self.spoken.notify.notified() => self.spoken.tell(&mut self.follower),
                () = self.pane.nudged() => self.follower.wake(&self.pane),
                () = sleep_until(deadline) => self.follower.wake(&self.pane),
            }
        }
    }

    /// What would have been told while it was listened, if there is any of it now.
    async fn attend(&mut self) {
        tokio::select! {
            biased;
            () = self.pane.nudged() => self.follower.wake(&self.pane),
            () = sleep_until(self.follower.deadline()) => self.follower.wake(&self.pane),
            () = std::future::ready(()) => {}
        }
    }

    /// Takes a share of what is there.
    fn plough(&mut self, mut stream: &UnixStream) -> Found {
        let mut taken = 0;
        loop {
            if let ControlFlow::Break(exit) = self.take_messages() {
                return Found::Over(exit);
            }
            if taken >= SHARE {
                return Found::More;
            }
            match stream.read(&mut self.buffer) {
                Ok(0) => return Found::Over(None),
                Ok(count) => {
                    self.take(count);
                    taken += count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Found::Dry,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Found::Over(None),
            }
        }
    }

    /// Takes so many bytes from the buffer; whether much has come of late.
    fn take(&mut self, count: usize) -> bool {
        self.decoder.push(self.buffer.get(..count).unwrap_or_default());
        self.load.is_much(count, Instant::now())
    }

    /// Breaks with the exit once that has come, and without one if the keeper speaks nonsense.
    fn take_messages(&mut self) -> ControlFlow<Option<Exit>> {
        loop {
            let frame = match self.decoder.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => return ControlFlow::Continue(()),
                Err(error) => {
                    tracing::error!(%error, "a keeper's message can't be read");
                    return ControlFlow::Break(None);
                }
            };
            match FromKeeper::decode(frame) {
                Ok(message) => self.take_message(message)?,
                Err(error) => {
                    tracing::error!(%error, "a keeper's message can't be understood");
                    return ControlFlow::Break(None);
                }
            }
        }
    }

    fn take_message(&mut self, message: FromKeeper) -> ControlFlow<Option<Exit>> {
        match message {
            FromKeeper::Hello(greeting) => {
                replay(&self.recording, 0, greeting.offset, &self.pane, &mut self.follower);
                (self.seen, self.is_greeted) = (greeting.offset, true);
                self.follower.caught_up(&self.pane);
                if greeting.exited.is_some() {
                    return ControlFlow::Break(greeting.exited);
                }
            }
            FromKeeper::Output { offset, bytes } => {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let (turn, later) = rest.split_at(turn_of(rest));
                    // What answers a person comes after the person's words.
                    self.spoken.tell(&mut self.follower);
                    self.follower.output(&self.pane, turn, true);
                    rest = later;
                }
                self.seen = offset + bytes.len() as u64;
            }
            FromKeeper::InputRefused { bytes } => {
                tracing::warn!(session = %self.pane.session, bytes, "input was refused: the agent does not read");
            }
            FromKeeper::Exited(exit) => return ControlFlow::Break(Some(exit)),
        }
        ControlFlow::Continue(())
    }
}

/// How much has come of late.
#[derive(Debug, Default)]
struct Load {
    window: Option<Instant>,
    bytes: usize,
}

impl Load {
    /// Counts so many bytes; whether it is more than is taken where clients are served.
    fn is_much(&mut self, bytes: usize, now: Instant) -> bool {
        if self.window.is_none_or(|begin| now.duration_since(begin) >= WINDOW) {
            (self.window, self.bytes) = (Some(now), 0);
        }
        self.bytes += bytes;
        self.bytes > LIGHT
    }
}

/// Sends what is for the keeper until nobody sends any more, or the keeper is gone; says when the child was spoken to.
async fn send_all(to: UnixStream, mut outbox: mpsc::Receiver<Outgoing>, spoken: Arc<Spoken>) {
    while let Some(outgoing) = outbox.recv().await {
        if outgoing.speaks {
            spoken.note();
        }
        if send(&to, &outgoing.message.encode()).await.is_err() {
            return;
        }
        if outgoing.speaks {
            spoken.notify.notify_one();
        }
    }
}

/// Sends bytes. It is hardly ever waited for, and so not registered before: output that comes would wake it.
async fn send(mut to: &UnixStream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                Watched::from_std(to.try_clone()?)?.writable().await?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
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
    fn who_prints_much_is_known_until_it_has_rested() {
        let (mut load, begin) = (Load::default(), Instant::now());
        assert!(!load.is_much(LIGHT, begin));
        assert!(load.is_much(1, begin + WINDOW / 2));
        assert!(load.is_much(1, begin + WINDOW * 3 / 4), "little that follows much is no rest");
        assert!(!load.is_much(1, begin + WINDOW));
    }

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
