//! Writing a recording: one line an event, each written in one go, rotated at a size.
//!
//! Not for: reading back (`read`). Invariant: [`Recorder::offset`] moves on with the output even while the disk refuses
//! it; the next file that can be written says in its header where it starts.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::RecordError;
use super::utf8::Utf8Stream;

/// What a recording's header says beside its offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Width of the terminal in cells.
    pub cols: u16,
    /// Height of the terminal in cells.
    pub rows: u16,
    /// A title for players.
    pub title: String,
    /// Seconds since 1970 at the beginning.
    pub timestamp: u64,
}

/// Appends to a recording.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    /// `None` after a write failed, until a new file could be begun.
    file: Option<File>,
    written: u64,
    /// Bytes of the present file's header.
    header: u64,
    /// Bytes that both files may have together; 0 is any number.
    limit: u64,
    start: Start,
    began: Instant,
    offset: u64,
    utf8: Utf8Stream,
    text: String,
    line: Vec<u8>,
    lost: u64,
}

#[derive(Serialize)]
struct HeaderLine<'a> {
    version: u8,
    width: u16,
    height: u16,
    timestamp: u64,
    title: &'a str,
    loopmon: Extra,
}

#[derive(Serialize)]
struct Extra {
    offset: u64,
}

/// The file that a recording is moved to when it reached its limit: `x.cast` becomes `x.1.cast`.
#[must_use]
pub fn rotated(path: &Path) -> PathBuf {
    let extension = path.extension().unwrap_or_default();
    let mut last = std::ffi::OsString::from("1.");
    last.push(extension);
    if extension.is_empty() { path.with_extension("1") } else { path.with_extension(last) }
}

impl Recorder {
    /// Begins a recording, in a new file that only its owner may read. `limit` is in bytes, for the newest file and the
    /// one before it together; 0 is none.
    pub fn create(path: &Path, limit: u64, start: Start) -> Result<Self, RecordError> {
        let mut recorder = Self {
            path: path.to_owned(),
            file: None,
            written: 0,
            header: 0,
            limit,
            start,
            began: Instant::now(),
            offset: 0,
            utf8: Utf8Stream::default(),
            text: String::new(),
            line: Vec::new(),
            lost: 0,
        };
        recorder.begin_file().map_err(|source| RecordError::Io {
            action: "begin the recording",
            path: path.to_owned(),
            source,
        })?;
        Ok(recorder)
    }

    /// Recorded bytes of output until now.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of output that no file has, because the disk refused them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Records a chunk of output and gives the text that was recorded: it is what a peer is to be sent, and starts at
    /// the offset from before this call.
    pub fn output(&mut self, bytes: &[u8]) -> &str {
        self.text.clear();
        self.utf8.push(bytes, &mut self.text);
        self.record_text()
    }

    /// Records what was held back of a cut character at the very end, and gives it.
    pub fn finish(&mut self) -> &str {
        self.text.clear();
        self.utf8.finish(&mut self.text);
        self.record_text()
    }

    /// Records a change of size.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        (self.start.cols, self.start.rows) = (cols, rows);
        if !self.event('r', &format!("{cols}x{rows}")) {
            tracing::warn!(path = %self.path.display(), "a change of size could not be recorded");
        }
    }

    fn record_text(&mut self) -> &str {
        if self.text.is_empty() {
            return "";
        }
        let text = std::mem::take(&mut self.text);
        if !self.event('o', &text) {
            self.lost += text.len() as u64;
        }
        self.offset += text.len() as u64;
        self.text = text;
        &self.text
    }

    /// Whether the event was written whole.
    fn event(&mut self, kind: char, data: &str) -> bool {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let time = self.began.elapsed().as_micros();
        let done = write!(line, "[{}.{:06},\"{kind}\",", time / 1_000_000, time % 1_000_000)
            .and_then(|()| serde_json::to_writer(&mut line, data).map_err(io::Error::from))
            .and_then(|()| line.write_all(b"]\n"))
            .and_then(|()| self.make_room(line.len()))
            .and_then(|()| self.append(&line));
        // A line longer than this is rare, and would be held for the session's whole life.
        line.shrink_to(512 * 1024);
        self.line = line;
        done.is_ok()
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotConnected.into()) };
        match file.write_all(bytes) {
            Ok(()) => {
                self.written += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // What was torn is cut off if it can be; a reader leaves a torn line out in any case.
                let _ = file.set_len(self.written);
                self.file = None;
                Err(error)
            }
        }
    }

    /// Sees to it that there is a file, and that both files together stay within the limit.
    fn make_room(&mut self, bytes: usize) -> io::Result<()> {
        let is_full = self.limit > 0 && self.written + bytes as u64 > self.limit / 2;
        // A line that is longer than a file may be gets one of its own.
        let has_events = self.written > self.header;
        if self.file.is_none() || (is_full && has_events) { self.begin_file() } else { Ok(()) }
    }

    /// Moves what is there out of the way and begins a new file at the current offset. The time goes on from the
    /// first file's, so that both can be played one after the other.
    fn begin_file(&mut self) -> io::Result<()> {
        self.file = None;
        if std::mem::take(&mut self.written) > 0 {
            std::fs::rename(&self.path, rotated(&self.path))?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.custom_flags(nofollow()).open(&self.path)?;
        // A file that lay there may have been open to others.
        file.set_permissions(Permissions::from_mode(0o600))?;
        self.file = Some(file);
        let mut header = serde_json::to_vec(&HeaderLine {
            version: 2,
            width: self.start.cols,
            height: self.start.rows,
            timestamp: self.start.timestamp,
            title: &self.start.title,
            loopmon: Extra { offset: self.offset },
        })?;
        header.push(b'\n');
        self.header = header.len() as u64;
        self.append(&header)
    }
}

fn nofollow() -> i32 {
    rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()
}

#[cfg(test)]
impl Recorder {
    pub(super) fn fail_from_now_on(&mut self, refusing: File) {
        self.file = Some(refusing);
    }
}
