//! Recordings of sessions: asciicast v2, written, rotated and read back.
//!
//! Not for: what the bytes mean (the emulator in `term`). Invariant: the offset of a byte of output is the count of
//! recorded UTF-8 bytes before it since the session began; it is the same for the recording, for its reader and for the
//! keeper's peer, and never goes back, not even when files are rotated or a disk was full for a while.

mod read;
mod tape;
mod utf8;
mod write;

pub use read::{Event, Header, Kind, Piece, Reader, read, replay};
pub use tape::{Broken, Moment, Tape, What};
pub use utf8::Utf8Stream;
pub use write::{Recorder, Start, rotated};

/// Why a recording can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file system refused.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The first line is no header of an asciicast that can be read.
    #[error("read {path}:1: {reason}")]
    NoHeader {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it, and what may help.
        reason: String,
    },
    /// No line is an event: the first that is none.
    #[error("read {path}:{line}: {reason}")]
    Broken {
        /// The file.
        path: std::path::PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

#[cfg(test)]
mod tests;
