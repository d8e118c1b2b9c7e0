//! One connection to a keeper.
//!
//! Not for: acting on messages (`pump`). Invariant: nothing here blocks, and a connection that failed in any way is only
//! ever dropped, never repaired.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use super::queue::Queue;
use crate::process;
use crate::protocol::frame::Decoder;
use crate::protocol::keeper::{FromKeeper, ToKeeper, encode_output};

/// Output that may wait for a peer before the child is no longer read.
const OUTPUT_LIMIT: usize = 1024 * 1024;
/// The same while somebody types: what answers a key comes behind all of it.
const TYPING_LIMIT: usize = 128 * 1024;
/// Who has typed so recently goes on typing.
const TYPING: Duration = Duration::from_secs(2);

/// Input of one read: little, for it stands on the stack of every keeper.
const READ_SIZE: usize = 8 * 1024;

/// A connection, of which every message is read whole.
#[derive(Debug)]
pub(super) struct Conn {
    stream: UnixStream,
    decoder: Decoder,
    out: Queue,
    /// When input came last.
    typed: Option<Instant>,
}

/// The connection is over, or the other side speaks something else.
#[derive(Debug)]
pub(super) struct Gone;

impl Conn {
    /// Takes the next connection of this user's, if there is one.
    pub(super) fn accept(listener: &UnixListener) -> Option<Self> {
        let (stream, _) = listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        let peer = process::peer(&stream).ok()?;
        process::is_own_user(&peer).then(|| Self {
            stream,
            decoder: Decoder::default(),
            out: Queue::default(),
            typed: None,
        })
    }

    pub(super) fn send(&mut self, message: &FromKeeper) {
        self.out.push(&message.encode());
    }

    pub(super) fn send_output(&mut self, offset: u64, bytes: &[u8]) {
        encode_output(self.out.tail(), offset, bytes);
    }

    pub(super) fn has_output(&self) -> bool {
        !self.out.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        let types = self.typed.is_some_and(|typed| typed.elapsed() < TYPING);
        self.out.len() >= if types { TYPING_LIMIT } else { OUTPUT_LIMIT }
    }

    /// Writes what the socket takes.
    pub(super) fn flush(&mut self) -> Result<(), Gone> {
        self.out.drain_to(|bytes| (&self.stream).write(bytes)).map_err(|_| Gone)
    }

    /// Reads what has come; the messages that are whole. What came before the end is returned before it.
    pub(super) fn receive(&mut self) -> Result<Vec<ToKeeper>, Gone> {
        let mut buffer = [0u8; READ_SIZE];
        match (&self.stream).read(&mut buffer) {
            Ok(0) => return Err(Gone),
            Ok(read) => self.decoder.push(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(Gone),
        }
        let mut messages = Vec::new();
        while let Some(frame) = self.decoder.next().map_err(|_| Gone)? {
            messages.push(ToKeeper::decode(frame).map_err(|_| Gone)?);
        }
        if messages.iter().any(|message| matches!(message, ToKeeper::Input(_))) {
            self.typed = Some(Instant::now());
        }
        Ok(messages)
    }
}

impl AsFd for Conn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
