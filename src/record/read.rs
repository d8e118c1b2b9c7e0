//! Reading recordings: ours, and those of asciinema (versions 2 and 3).
//!
//! Not for: following a live one (the keeper sends what comes). Invariant: no content of a file can do more than end the
//! reading; a line that is torn or foreign is left out.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

use super::{RecordError, rotated};

/// A line longer than this is not read as an event: no writer makes one.
const MAX_LINE: usize = 64 * 1024 * 1024;

/// The widest and highest terminal, in cells.
pub(super) const MAX_SIDE: u16 = 10_000;
/// A header as it should be.
const EXAMPLE: &str = r#"{"version": 2, "width": 80, "height": 24}"#;

/// The first line of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// 2 or 3.
    pub version: u64,
    /// Width of the terminal in cells.
    pub cols: u16,
    /// Height of the terminal in cells.
    pub rows: u16,
    /// Seconds since 1970 at the beginning, if it says so.
    pub timestamp: Option<u64>,
    /// The title, if it has one.
    pub title: Option<String>,
    /// After how many seconds a player may skip what it waits for, if it says so.
    pub idle_limit: Option<f64>,
    /// Bytes of output that were recorded before this file.
    pub offset: u64,
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bytes that the program wrote.
    Output,
    /// Bytes that were typed.
    Input,
    /// A new size, as `COLSxROWS`.
    Resize,
    /// A mark that someone set.
    Marker,
    /// Something that this version doesn't know.
    Other,
}

/// One line of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Seconds since the beginning.
    pub time: f64,
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub data: String,
}

/// Something that a screen is rebuilt from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The terminal has this size from now on.
    Size {
        /// Width in cells.
        cols: u16,
        /// Height in cells.
        rows: u16,
    },
    /// The program wrote this.
    Output {
        /// Bytes of output before it.
        offset: u64,
        /// The bytes.
        data: String,
    },
}

/// The events of a recording, in order, as they are read.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    version: u64,
    time: f64,
    line: Vec<u8>,
}

/// Opens a recording.
pub fn read(path: &Path) -> Result<(Header, Reader<BufReader<File>>), RecordError> {
    let (header, from) = open(path)?;
    let version = header.version;
    Ok((header, Reader { from, version, time: 0.0, line: Vec::new() }))
}

/// Opens a recording and reads its first line.
pub(super) fn open(path: &Path) -> Result<(Header, BufReader<File>), RecordError> {
    let io = |source| RecordError::Io { action: "read the recording", path: path.to_owned(), source };
    let mut from = BufReader::with_capacity(64 * 1024, File::open(path).map_err(io)?);
    let mut line = Vec::new();
    std::io::Read::take(&mut from, MAX_LINE as u64).read_until(b'\n', &mut line).map_err(io)?;
    let header =
        parse_header(&line).map_err(|reason| RecordError::NoHeader { path: path.to_owned(), reason })?;
    Ok((header, from))
}

/// What a screen is rebuilt from: sizes, and the output from offset `from` up to offset `to`, of the rotated file and the
/// newest one together. Output that neither file has any more is left out; the offsets show it.
pub fn replay(path: &Path, from: u64, to: u64) -> Result<impl Iterator<Item = Piece>, RecordError> {
    let mut files = VecDeque::new();
    if let Ok(older) = read(&rotated(path)) {
        files.push_back(older);
    }
    match read(path) {
        Ok(newest) => files.push_back(newest),
        Err(error) if files.is_empty() => return Err(error),
        // The newest was only just begun, and its header isn't there yet: the rotated one has all there is.
        Err(_) => {}
    }
    let mut next = from;
    Ok(files.into_iter().flat_map(pieces).filter_map(move |piece| {
        // A rotation between the two openings would show one file twice.
        let piece = cut(piece, next, to)?;
        if let Piece::Output { offset, data } = &piece {
            next = offset + data.len() as u64;
        }
        Some(piece)
    }))
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            self.line.clear();
            let got = std::io::Read::take(&mut self.from, MAX_LINE as u64).read_until(b'\n', &mut self.line);
            if got.ok()? == 0 {
                return None;
            }
            if let Some((time, kind, data)) = parse_event(&self.line) {
                self.time = if self.version >= 3 { self.time + time } else { time };
                return Some(Event { time: self.time, kind, data });
            }
        }
    }
}

fn pieces((header, events): (Header, Reader<BufReader<File>>)) -> impl Iterator<Item = Piece> {
    let mut offset = header.offset;
    let rest = events.filter_map(move |event| match event.kind {
        Kind::Output => {
            let at = offset;
            offset += event.data.len() as u64;
            Some(Piece::Output { offset: at, data: event.data })
        }
        Kind::Resize => parse_size(&event.data).map(|(cols, rows)| Piece::Size { cols, rows }),
        Kind::Input | Kind::Marker | Kind::Other => None,
    });
    std::iter::once(Piece::Size { cols: header.cols, rows: header.rows }).chain(rest)
}

fn cut(piece: Piece, from: u64, to: u64) -> Option<Piece> {
    let Piece::Output { offset, data } = piece else { return Some(piece) };
    let end = offset + data.len() as u64;
    if offset >= from && end <= to {
        return Some(Piece::Output { offset, data });
    }
    let place =
        |at: u64| usize::try_from(at.saturating_sub(offset)).map_or(data.len(), |at| at.min(data.len()));
    // Offsets of a peer are between characters; others lose the character that they cut.
    let first = (place(from)..=data.len()).find(|at| data.is_char_boundary(*at))?;
    let last = (0..=place(to)).rev().find(|at| data.is_char_boundary(*at))?;
    let kept = data.get(first..last).filter(|kept| !kept.is_empty())?.to_owned();
    Some(Piece::Output { offset: offset + first as u64, data: kept })
}

/// The header in a line, or why it is none.
fn parse_header(line: &[u8]) -> Result<Header, String> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Err(format!("it does not start with an asciicast header, {EXAMPLE}, but is empty"));
    }
    let value: Value = serde_json::from_slice(line)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| format!("it does not start with an asciicast header, {EXAMPLE}"))?;
    let version = match value.get("version").map(|version| (version, version.as_u64())) {
        Some((_, Some(version @ (2 | 3)))) => version,
        Some((version, _)) => {
            return Err(format!(
                "its version is {version}, and 2 and 3 can be read; `asciinema convert` makes one of the other"
            ));
        }
        None => return Err(format!("its header names no version, as in {EXAMPLE}")),
    };
    let (place, cols, rows) = if version == 2 { ("", "width", "height") } else { ("/term", "cols", "rows") };
    let side = |name: &str| {
        let value = value.pointer(place).and_then(|size| size.get(name));
        let value = value.ok_or_else(|| format!("its header names no {name}: {}", example(version)))?;
        let side = value.as_u64().and_then(|side| u16::try_from(side).ok()).filter(|side| *side <= MAX_SIDE);
        side.ok_or_else(|| format!("its {name}, {value}, is no number from 1 to {MAX_SIDE}"))
    };
    Ok(Header {
        version,
        cols: side(cols)?,
        rows: side(rows)?,
        timestamp: value.get("timestamp").and_then(Value::as_u64),
        title: value.get("title").and_then(Value::as_str).map(str::to_owned),
        idle_limit: value.get("idle_time_limit").and_then(Value::as_f64).filter(|limit| *limit >= 0.0),
        offset: value.pointer("/loopmon/offset").and_then(Value::as_u64).unwrap_or(0),
    })
}

/// A header of that version as it should be.
fn example(version: u64) -> &'static str {
    if version == 2 { EXAMPLE } else { r#"{"version": 3, "term": {"cols": 80, "rows": 24}}"# }
}

pub(super) fn parse_event(line: &[u8]) -> Option<(f64, Kind, String)> {
    let (time, kind, data): (f64, String, String) = serde_json::from_slice(line).ok()?;
    let kind = match kind.as_str() {
        "o" => Kind::Output,
        "i" => Kind::Input,
        "r" => Kind::Resize,
        "m" => Kind::Marker,
        _ => Kind::Other,
    };
    Some((time, kind, data))
}

pub(super) fn parse_size(data: &str) -> Option<(u16, u16)> {
    let (cols, rows) = data.split_once('x')?;
    Some((cols.parse().ok()?, rows.parse().ok()?))
}
