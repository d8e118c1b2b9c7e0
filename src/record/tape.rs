//! A whole recording for a player: everything in order, and what of it could not be read.
//!
//! Not for the server, which takes what it can get of a recording (`read`). Invariants: times never go back and never
//! exceed [`LONGEST`]; a line that is no event is left out and counted, but for the last one, which may still be under
//! way; a file of such lines alone is an error.

use std::io::BufRead;
use std::path::Path;

use super::read::{self, Header, Kind};
use super::{RecordError, rotated};

/// The longest recording, in seconds: ten years.
pub const LONGEST: f64 = 10.0 * 366.0 * 86_400.0;
/// The smallest and largest size that an event may tell.
const SIZES: std::ops::RangeInclusive<u16> = 1..=read::MAX_SIDE;

/// A recording as a player needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tape {
    /// What the first file says of itself.
    pub header: Header,
    /// What happened, by time.
    pub moments: Vec<Moment>,
    /// Bytes of output that no file has: rotated away, or refused by a full disk.
    pub missing: u64,
    /// Lines that could not be read.
    pub broken: Broken,
}

/// Lines that are no events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Broken {
    /// How many.
    pub count: usize,
    /// The first of them, from 1, and what is wrong with it.
    pub first: Option<(usize, String)>,
}

/// Something at its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// Seconds since the beginning.
    pub time: f64,
    /// What happened.
    pub what: What,
}

/// What a player shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The program wrote this.
    Output(String),
    /// The terminal has this size from now on: columns and rows.
    Size(u16, u16),
    /// Somebody set a mark.
    Mark(String),
}

impl Tape {
    /// Reads a recording, the file that it was rotated to included.
    pub fn load(path: &Path) -> Result<Tape, RecordError> {
        let newest = Tape::load_one(path)?;
        let older = rotated(path);
        if !older.exists() {
            return Ok(newest.with_what_is_gone());
        }
        let older = Tape::load_one(&older)?;
        // A rotation between the two readings would show one file twice; and a foreign file may only be called so.
        if older.header.offset >= newest.header.offset {
            return Ok(newest.with_what_is_gone());
        }
        Ok(older.with_what_is_gone().followed_by(newest))
    }

    /// Seconds from the beginning to the last thing that happened.
    #[must_use]
    pub fn length(&self) -> f64 {
        self.moments.last().map_or(0.0, |moment| moment.time)
    }

    fn load_one(path: &Path) -> Result<Tape, RecordError> {
        let (header, mut from) = read::open(path)?;
        for (name, side) in [("width", header.cols), ("height", header.rows)] {
            if !SIZES.contains(&side) {
                let reason = format!("its {name}, {side}, is no number from 1 to {}", read::MAX_SIDE);
                return Err(RecordError::NoHeader { path: path.to_owned(), reason });
            }
        }
        let mut tape = Tape { header, moments: Vec::new(), missing: 0, broken: Broken::default() };
        let (mut line, mut number) = (Vec::new(), 1);
        loop {
            line.clear();
            number += 1;
            let count = from.read_until(b'\n', &mut line).map_err(|source| RecordError::Io {
                action: "read the recording",
                path: path.to_owned(),
                source,
            })?;
            if count == 0 {
                return tape.if_readable(path);
            }
            if line.first() == Some(&b'#') || line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match tape.add(&line) {
                Ok(()) => {}
                // Whoever writes it was cut off there, or writes on.
                Err(_) if line.last() != Some(&b'\n') => return tape.if_readable(path),
                Err(reason) => tape.broken.add(number, reason),
            }
        }
    }

    /// Itself, unless nothing of it could be read.
    fn if_readable(mut self, path: &Path) -> Result<Tape, RecordError> {
        match self.broken.first.take_if(|_| self.moments.is_empty()) {
            Some((line, reason)) => Err(RecordError::Broken { path: path.to_owned(), line, reason }),
            None => Ok(self),
        }
    }

    fn add(&mut self, line: &[u8]) -> Result<(), String> {
        let (time, kind, data) = read::parse_event(line)
            .ok_or_else(|| "it is no event such as [1.5, \"o\", \"text\"]".to_owned())?;
        let before = self.length();
        let time = if self.header.version >= 3 { before + time } else { time };
        if !(0.0..=LONGEST).contains(&time) {
            return Err(format!("its time, {time}, can't be"));
        }
        let what = match kind {
            Kind::Output => What::Output(data),
            Kind::Resize => {
                let size = read::parse_size(&data);
                match size.filter(|(cols, rows)| SIZES.contains(cols) && SIZES.contains(rows)) {
                    Some((cols, rows)) => What::Size(cols, rows),
                    None => return Err(format!("{data:?} is no size such as 80x24")),
                }
            }
            Kind::Marker => What::Mark(data),
            // A time of its own counts in version 3, where the next one is told from it.
            Kind::Input | Kind::Other => What::Output(String::new()),
        };
        self.moments.push(Moment { time: time.max(before), what });
        Ok(())
    }

    fn with_what_is_gone(mut self) -> Tape {
        self.missing = self.header.offset;
        self
    }

    fn followed_by(mut self, newest: Tape) -> Tape {
        let output =
            |moment: &Moment| if let What::Output(text) = &moment.what { text.len() as u64 } else { 0 };
        let end = self.header.offset + self.moments.iter().map(output).sum::<u64>();
        self.broken.count += newest.broken.count;
        self.broken.first = self.broken.first.or(newest.broken.first);
        self.missing += newest.header.offset.saturating_sub(end);
        let begun = self.length();
        let (cols, rows) = (newest.header.cols, newest.header.rows);
        let time = newest.moments.first().map_or(begun, |first| first.time.max(begun));
        self.moments.push(Moment { time, what: What::Size(cols, rows) });
        self.moments.extend(
            newest.moments.into_iter().map(|moment| Moment { time: moment.time.max(begun), ..moment }),
        );
        self
    }
}

impl Broken {
    fn add(&mut self, line: usize, reason: String) {
        self.count += 1;
        self.first.get_or_insert((line, reason));
    }
}
