//! One session under a keeper, followed from this process: its output, its limits, its end.
//!
//! Not for what the output means. Invariant: whether by its own end, the limit of time or a signal to this process, the
//! keeper says that the whole tree is gone before this returns, or is told to kill it.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::cli::Failure;
use crate::process::{self, KeeperHandle};
use crate::protocol::frame::Decoder;
use crate::protocol::keeper::{Exit, FromKeeper, Signal, ToKeeper, VERSION};
use crate::record::{self, Piece};
use crate::term::{Colours, Emulator, encode_paste};

/// Size of the terminal of an interactive agent.
pub const SIZE: (u16, u16) = (100, 30);
/// Between two looks at the clock and at signals.
const TICK: Duration = Duration::from_millis(100);
/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(3);
/// How long a keeper may take to end what was told to end.
const END_LIMIT: Duration = Duration::from_secs(15);
/// How long a keeper that hung up may take to write how it ended.
const EXIT_LIMIT: Duration = Duration::from_secs(2);
/// A screen that has not changed for so long waits for input.
const REST: Duration = Duration::from_millis(600);
/// Between a paste and its Enter.
const PASTE_PAUSE: Duration = Duration::from_millis(250);

/// How a turn was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Own,
    /// It took too long.
    Limit,
    /// Who asked for it does not want it any more.
    Interrupt,
}

/// A session under way.
pub struct Turn {
    /// The line to the keeper; none if that has done its work already.
    stream: Option<UnixStream>,
    /// Bytes of the output that were taken.
    seen: u64,
    decoder: Decoder,
    end: End,
    /// When its processes were told to end.
    told: Option<Instant>,
    /// Of an interactive agent.
    terminal: Option<Terminal>,
}

struct Terminal {
    emulator: Emulator,
    /// The prompt, until it was pasted.
    paste: Option<String>,
    changed: Option<Instant>,
}

impl Turn {
    /// Follows what a keeper keeps. An interactive agent gets `paste` once its screen rests.
    pub fn open(handle: &KeeperHandle, interactive: bool, paste: Option<String>) -> Result<Turn, Failure> {
        // A short program's keeper may be gone before anybody could ask.
        let stream = UnixStream::connect(&handle.socket).ok();
        if let Some(mut stream) = stream.as_ref() {
            stream.set_read_timeout(Some(TICK))?;
            let _gone = stream.write_all(&ToKeeper::Hello { version: VERSION }.encode());
        }
        let (cols, rows) = SIZE;
        let emulator = Emulator::new(cols, rows, Colours::default());
        let terminal = interactive.then_some(Terminal { emulator, paste, changed: None });
        Ok(Turn { stream, seen: 0, decoder: Decoder::default(), end: End::Own, told: None, terminal })
    }

    /// Hands every byte of output to `take` until the end; how the process ended, and why.
    pub fn follow(
        mut self,
        dir: &Path,
        recording: &Path,
        limit: Duration,
        interrupted: &Arc<AtomicBool>,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(Option<Exit>, End, Option<String>), Failure> {
        let deadline = Instant::now() + limit;
        let mut buffer = vec![0; 64 * 1024];
        let mut exit = None;
        while exit.is_none() {
            let Some(mut stream) = self.stream.as_ref() else { break };
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => self.decoder.push(buffer.get(..count).unwrap_or_default()),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
            exit = self.messages(recording, &mut take)?;
            self.paste();
            if !self.watch(deadline, interrupted.load(Ordering::Relaxed)) {
                break;
            }
        }
        let exit = match exit {
            Some(exit) => Some(exit),
            None => wait_for_exit(dir)?,
        };
        // What the conversation did not bring is in the recording.
        self.replay(recording, u64::MAX, &mut take)?;
        let screen = self.terminal.map(|terminal| terminal.emulator.text());
        Ok((exit, self.end, screen))
    }

    fn messages(&mut self, recording: &Path, take: &mut impl FnMut(&[u8])) -> Result<Option<Exit>, Failure> {
        while let Some(frame) = self.decoder.next()? {
            match FromKeeper::decode(frame)? {
                FromKeeper::Hello(greeting) => {
                    self.replay(recording, greeting.offset, take)?;
                    if greeting.exited.is_some() {
                        return Ok(greeting.exited);
                    }
                }
                FromKeeper::Output { offset, bytes } => {
                    self.output(&bytes, take);
                    self.seen = offset + bytes.len() as u64;
                }
                FromKeeper::InputRefused { .. } => {}
                FromKeeper::Exited(exit) => return Ok(Some(exit)),
            }
        }
        Ok(None)
    }

    /// Takes what was recorded and not seen yet.
    fn replay(&mut self, recording: &Path, to: u64, take: &mut impl FnMut(&[u8])) -> Result<(), Failure> {
        if !recording.exists() {
            return Ok(());
        }
        for piece in record::replay(recording, self.seen, to)? {
            if let Piece::Output { offset, data } = piece {
                self.output(data.as_bytes(), take);
                self.seen = offset + data.len() as u64;
            }
        }
        Ok(())
    }

    fn output(&mut self, bytes: &[u8], take: &mut impl FnMut(&[u8])) {
        if let Some(terminal) = &mut self.terminal {
            terminal.emulator.feed(bytes);
            terminal.changed = Some(Instant::now());
            let replies = terminal.emulator.take_replies();
            if !replies.is_empty() {
                self.tell(&ToKeeper::Input(replies));
            }
        }
        take(bytes);
    }

    /// Gives an interactive agent its prompt once its screen has come up and rests.
    fn paste(&mut self) {
        let Some(terminal) = &mut self.terminal else { return };
        if terminal.changed.is_none_or(|changed| changed.elapsed() < REST) {
            return;
        }
        let Some(text) = terminal.paste.take() else { return };
        let bytes = encode_paste(&text, &terminal.emulator.modes());
        self.tell(&ToKeeper::Input(bytes));
        std::thread::sleep(PASTE_PAUSE);
        self.tell(&ToKeeper::Input(b"\r".to_vec()));
    }

    /// Ends what takes too long or is not wanted any more; false once nothing more is to be waited for.
    fn watch(&mut self, deadline: Instant, interrupted: bool) -> bool {
        let end = if interrupted { End::Interrupt } else { End::Limit };
        match self.told {
            None if interrupted || Instant::now() >= deadline => {
                self.end = end;
                self.told = Some(Instant::now());
                let grace_ms = u64::try_from(GRACE.as_millis()).unwrap_or(u64::MAX);
                self.tell(&ToKeeper::Signal(Signal::Terminate { grace_ms }));
            }
            Some(told) if told.elapsed() >= END_LIMIT => {
                self.tell(&ToKeeper::Signal(Signal::Kill));
                return false;
            }
            _ => {}
        }
        true
    }

    /// A keeper that is gone is noticed when it is read from.
    fn tell(&mut self, message: &ToKeeper) {
        if let Some(mut stream) = self.stream.as_ref() {
            let _gone = stream.write_all(&message.encode());
        }
    }
}

/// How it ended, by what its keeper writes last of all.
fn wait_for_exit(dir: &Path) -> Result<Option<Exit>, Failure> {
    let give_up = Instant::now() + EXIT_LIMIT;
    loop {
        match process::read_exit(dir)? {
            Some(file) => return Ok(Some(file.exit)),
            None if Instant::now() < give_up => std::thread::sleep(Duration::from_millis(10)),
            None => return Ok(None),
        }
    }
}
