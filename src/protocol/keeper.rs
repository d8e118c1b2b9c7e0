//! What a keeper is told, what it tells, and the files in its directory.
//!
//! Not for: doing any of it (`keeper` does, `process` starts it). Invariant: `spec.json`, `keeper.json`, `exit.json` and
//! the first message of either side carry [`VERSION`], so that a newer server can tell an older keeper from a broken one.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::protocol::frame::{self, Frame};

/// The version of the files and of the conversation.
pub const VERSION: u32 = 1;
/// What to run; written by who starts a keeper, into the keeper's directory.
pub const SPEC_FILE: &str = "spec.json";
/// Who runs; written by the keeper once its child was started.
pub const KEEPER_FILE: &str = "keeper.json";
/// How it ended; written by the keeper last of all, or instead of [`KEEPER_FILE`] when the launch failed.
pub const EXIT_FILE: &str = "exit.json";
/// The file in a session's directory that its keeper holds locked.
pub const CLAIM_FILE: &str = "keeper.lock";
/// Bytes of input that a keeper holds for a child that doesn't read: 16 MiB.
pub const INPUT_LIMIT: usize = 16 * 1024 * 1024;
/// The exit code of a session whose program could not be started (as shells have it).
pub const LAUNCH_FAILED: i32 = 127;

/// What a keeper runs, and where it puts what comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeeperSpec {
    /// [`VERSION`] of who wrote it.
    pub version: u32,
    /// The session's id.
    pub session: String,
    /// The program and its arguments; no shell is put between.
    pub argv: Vec<String>,
    /// The child's whole environment; nothing is inherited.
    pub env: Vec<(String, String)>,
    /// The child's working directory.
    pub cwd: PathBuf,
    /// A terminal, or pipes.
    pub mode: Mode,
    /// With pipes: a file to be the child's standard input; `/dev/null` without one.
    #[serde(default)]
    pub stdin_file: Option<PathBuf>,
    /// With pipes: standard input is a pipe that gets the file's bytes and stays open for input after them.
    #[serde(default)]
    pub stdin_open: bool,
    /// The asciicast that gets every byte of output.
    pub recording: PathBuf,
    /// Bytes after which the recording is rotated; 0 is no limit.
    pub recording_limit: u64,
    /// The recording's title.
    pub title: String,
    /// Where the keeper listens: a short path in the runtime directory.
    pub socket: PathBuf,
}

/// How the child is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A pseudo-terminal of this size, as its controlling terminal.
    Pty {
        /// Width in cells.
        cols: u16,
        /// Height in cells.
        rows: u16,
    },
    /// Standard output and standard error on one pipe.
    Pipes,
}

/// A process that can't be taken for a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessRef {
    /// The process number.
    pub pid: i32,
    /// Its start time in clock ticks after boot (`/proc/<pid>/stat`, field 22).
    pub start_time: u64,
}

/// The content of [`KEEPER_FILE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeeperFile {
    /// [`VERSION`] of the keeper.
    pub version: u32,
    /// The session's id.
    pub session: String,
    /// The keeper itself.
    pub keeper: ProcessRef,
    /// What it keeps.
    pub child: ProcessRef,
    /// Where it listens.
    pub socket: PathBuf,
}

/// The content of [`EXIT_FILE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitFile {
    /// [`VERSION`] of the keeper.
    pub version: u32,
    /// The session's id.
    pub session: String,
    /// How it ended.
    pub exit: Exit,
    /// Bytes of recorded output in all.
    pub offset: u64,
    /// Why the program could not be started, if it couldn't.
    #[serde(default)]
    pub message: Option<String>,
    /// Processes that were still there when the keeper gave up killing them; empty but for uninterruptible ones.
    #[serde(default)]
    pub survivors: Vec<ProcessRef>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The exit code, if it exited by itself.
    pub code: Option<i32>,
    /// The signal, if one killed it.
    pub signal: Option<i32>,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

impl Exit {
    /// Whether the process said that all went well.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

/// What the keeper is asked to do to its processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// SIGINT to the foreground process group.
    Interrupt,
    /// SIGTERM to the whole tree, and SIGKILL to what is left of it later.
    Terminate {
        /// Milliseconds between the two.
        grace_ms: u64,
    },
    /// SIGKILL to the whole tree until nothing is left.
    Kill,
    /// SIGSTOP to the whole tree.
    Pause,
    /// SIGCONT to the whole tree, and a change of size there and back so that it repaints.
    Continue,
}

/// A message to a keeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToKeeper {
    /// The first message: only after it the connection counts, and replaces the one before.
    Hello {
        /// The peer's [`VERSION`].
        version: u32,
    },
    /// Bytes for the child. What it doesn't read waits in the keeper, up to [`INPUT_LIMIT`]; a message beyond that is
    /// refused ([`FromKeeper::InputRefused`]), so that control messages behind it are still heard.
    Input(Vec<u8>),
    /// There is no more input for a child on pipes: what waits is still given to it.
    CloseInput,
    /// A new size of the terminal.
    Resize {
        /// Width in cells.
        cols: u16,
        /// Height in cells.
        rows: u16,
    },
    /// A signal.
    Signal(Signal),
}

/// A message of a keeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromKeeper {
    /// The answer to the peer's hello.
    Hello(Greeting),
    /// Output of the child, in the very bytes that were recorded.
    Output {
        /// Recorded bytes before these.
        offset: u64,
        /// UTF-8; a character is never cut.
        bytes: Vec<u8>,
    },
    /// The child reads too slowly: a message of input was dropped whole, because the queue before it is full.
    InputRefused {
        /// Its bytes.
        bytes: u64,
    },
    /// The child and its whole tree have ended, and all output was sent.
    Exited(Exit),
}

/// What a keeper says of itself to a new peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// The keeper's [`VERSION`].
    pub version: u32,
    /// The keeper's process.
    pub keeper_pid: i32,
    /// The child's process.
    pub child_pid: i32,
    /// The child's start time, as in [`ProcessRef`].
    pub child_start: u64,
    /// Bytes recorded until now: the first output message starts here.
    pub offset: u64,
    /// How the child ended, if it did.
    pub exited: Option<Exit>,
}

/// Why a frame is no message of this conversation.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// No message has this tag.
    #[error("understand a message with tag {0}")]
    UnknownTag(u8),
    /// The payload isn't what the tag says.
    #[error("understand a message with tag {tag}: {source}")]
    BadPayload {
        /// The message's tag.
        tag: u8,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The payload ends too early.
    #[error("understand a message with tag {0}: it is too short")]
    TooShort(u8),
}

const HELLO: u8 = 1;
const INPUT: u8 = 2;
const RESIZE: u8 = 3;
const SIGNAL: u8 = 4;
const CLOSE: u8 = 5;
const GREETING: u8 = 129;
const OUTPUT: u8 = 130;
const EXITED: u8 = 131;
const REFUSED: u8 = 132;

impl ToKeeper {
    /// The message as one frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Hello { version } => frame::encode(HELLO, &version.to_le_bytes()),
            Self::Input(bytes) => frame::encode(INPUT, bytes),
            Self::Resize { cols, rows } => {
                let mut out = Vec::new();
                frame::encode_into(&mut out, RESIZE, &[&cols.to_le_bytes(), &rows.to_le_bytes()]);
                out
            }
            Self::Signal(signal) => encode_json(SIGNAL, signal),
            Self::CloseInput => frame::encode(CLOSE, &[]),
        }
    }

    /// The message in a frame.
    pub fn decode(frame: Frame) -> Result<Self, MessageError> {
        let short = MessageError::TooShort(frame.tag);
        match frame.tag {
            HELLO => Ok(Self::Hello { version: u32::from_le_bytes(exact(&frame.payload).ok_or(short)?) }),
            INPUT => Ok(Self::Input(frame.payload)),
            RESIZE => {
                let [c0, c1, r0, r1] = exact(&frame.payload).ok_or(short)?;
                Ok(Self::Resize { cols: u16::from_le_bytes([c0, c1]), rows: u16::from_le_bytes([r0, r1]) })
            }
            SIGNAL => decode_json(&frame).map(Self::Signal),
            CLOSE => Ok(Self::CloseInput),
            tag => Err(MessageError::UnknownTag(tag)),
        }
    }
}

impl FromKeeper {
    /// The message as one frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Hello(greeting) => encode_json(GREETING, greeting),
            Self::Output { offset, bytes } => {
                let mut out = Vec::with_capacity(bytes.len() + 16);
                encode_output(&mut out, *offset, bytes);
                out
            }
            Self::InputRefused { bytes } => frame::encode(REFUSED, &bytes.to_le_bytes()),
            Self::Exited(exit) => encode_json(EXITED, exit),
        }
    }

    /// The message in a frame.
    pub fn decode(mut frame: Frame) -> Result<Self, MessageError> {
        match frame.tag {
            GREETING => decode_json(&frame).map(Self::Hello),
            OUTPUT => {
                let offset = frame.payload.first_chunk::<8>().ok_or(MessageError::TooShort(OUTPUT))?;
                let offset = u64::from_le_bytes(*offset);
                frame.payload.drain(..8);
                Ok(Self::Output { offset, bytes: frame.payload })
            }
            REFUSED => {
                let bytes = exact(&frame.payload).ok_or(MessageError::TooShort(REFUSED))?;
                Ok(Self::InputRefused { bytes: u64::from_le_bytes(bytes) })
            }
            EXITED => decode_json(&frame).map(Self::Exited),
            tag => Err(MessageError::UnknownTag(tag)),
        }
    }
}

/// Appends an output message without an owned copy of its bytes.
pub fn encode_output(out: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    frame::encode_into(out, OUTPUT, &[&offset.to_le_bytes(), bytes]);
}

fn exact<const N: usize>(payload: &[u8]) -> Option<[u8; N]> {
    payload.try_into().ok()
}

fn encode_json(tag: u8, value: &impl Serialize) -> Vec<u8> {
    // Plain structs and enums of numbers have no way to fail here.
    frame::encode(tag, &serde_json::to_vec(value).unwrap_or_default())
}

fn decode_json<T: for<'de> Deserialize<'de>>(frame: &Frame) -> Result<T, MessageError> {
    serde_json::from_slice(&frame.payload)
        .map_err(|source| MessageError::BadPayload { tag: frame.tag, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::frame::read_frame;

    fn through(bytes: &[u8]) -> Frame {
        read_frame(&mut &*bytes).unwrap().unwrap()
    }

    #[test]
    fn every_message_survives_the_wire() {
        let told = [
            ToKeeper::Hello { version: VERSION },
            ToKeeper::Input(b"\x1b[200~hi".to_vec()),
            ToKeeper::Resize { cols: 120, rows: 36 },
            ToKeeper::Signal(Signal::Terminate { grace_ms: 1500 }),
            ToKeeper::Signal(Signal::Continue),
        ];
        for message in told {
            assert_eq!(ToKeeper::decode(through(&message.encode())).unwrap(), message);
        }
        let exit = Exit { code: None, signal: Some(9), at_ms: 12 };
        let greeting = Greeting {
            version: VERSION,
            keeper_pid: 10,
            child_pid: 11,
            child_start: 12,
            offset: 13,
            exited: Some(exit),
        };
        let tells = [
            FromKeeper::Hello(greeting),
            FromKeeper::Output { offset: u64::MAX - 1, bytes: "grün".into() },
            FromKeeper::InputRefused { bytes: 1 << 40 },
            FromKeeper::Exited(exit),
        ];
        for message in tells {
            assert_eq!(FromKeeper::decode(through(&message.encode())).unwrap(), message);
        }
    }

    #[test]
    fn foreign_frames_are_refused() {
        for (tag, payload) in [(200, vec![]), (HELLO, vec![1]), (RESIZE, vec![0; 5]), (SIGNAL, b"{".to_vec())]
        {
            assert!(ToKeeper::decode(Frame { tag, payload }).is_err());
        }
        assert!(FromKeeper::decode(Frame { tag: OUTPUT, payload: vec![0; 7] }).is_err());
    }

    #[test]
    fn a_spec_reads_back_and_unknown_fields_are_errors() {
        let spec = KeeperSpec {
            version: VERSION,
            session: "s1".into(),
            argv: vec!["sh".into()],
            env: vec![("A".into(), "1".into())],
            cwd: "/".into(),
            mode: Mode::Pty { cols: 80, rows: 24 },
            stdin_file: None,
            stdin_open: false,
            recording: "/r.cast".into(),
            recording_limit: 1,
            title: "t".into(),
            socket: "/s".into(),
        };
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<KeeperSpec>(&text).unwrap(), spec);
        assert!(serde_json::from_str::<KeeperSpec>(&text.replace("title", "titel")).is_err());
    }
}
