//! What scrolled off the screen, compactly.
//!
//! Not for: what is older than the limit (the recording has it). Invariant: rows that one line was wrapped into are held
//! as that line, so it can be cut again at any width; and the bytes held never exceed the limit by more than one line.

use std::collections::VecDeque;
use std::fmt;

use vt100::capture::{BasicFormattedCaptureState, RowContents};

use super::cell::Cell;
use super::line::{RowCells, columns, columns_before, extent, locate};

/// A line longer than this is ended: nobody writes that, but something may print it.
const MAX_LINE: usize = 64 * 1024;
/// What a line costs beside its text.
const LINE_COST: usize = 48;

/// The lines above the screen.
#[derive(Debug)]
pub(super) struct History {
    lines: VecDeque<Line>,
    /// The line that goes on in the next row, or what is left of the memory for one.
    open: Open,
    bytes: usize,
    limit: usize,
    width: u16,
    /// How many lines from the front have the right `first` for this width.
    indexed: usize,
    /// The number of the oldest line. Numbers go up by one and stay with their lines.
    oldest: u64,
    /// Numbers of lines that a prompt begins on, in order; some of them may still be on the screen.
    prompts: VecDeque<u64>,
    /// Whether lines were given up for want of room.
    forgot: bool,
}

#[derive(Debug)]
struct Line {
    text: Box<str>,
    /// Number of its first row at the current width, counted from a zero of no meaning.
    first: u64,
}

#[derive(Debug, Default)]
struct Open {
    text: String,
    state: BasicFormattedCaptureState,
    goes_on: bool,
}

impl History {
    /// An empty history that holds at most so many bytes.
    pub(super) fn new(limit: usize, width: u16) -> Self {
        Self {
            lines: VecDeque::new(),
            open: Open::default(),
            bytes: 0,
            limit,
            width,
            indexed: 0,
            oldest: 0,
            prompts: VecDeque::new(),
            forgot: false,
        }
    }

    /// Adds the row that left the screen at its top.
    pub(super) fn push(&mut self, row: &RowContents<'_>) {
        let open = &mut self.open;
        if !open.goes_on {
            open.text.clear();
            open.state = BasicFormattedCaptureState::new();
        }
        // Neither of the two can fail: the one writes to a string, the other is meant to.
        let _ = row.write_formatted_basic(&mut CellByCell(&mut open.text), &mut open.state);
        open.goes_on = open.text.len() < MAX_LINE && goes_on(row, &open.state);
        if !open.goes_on {
            // The text's memory is used for the next line again; this one gets what it needs and no more.
            let line = Box::from(open.text.as_str());
            open.text.shrink_to(MAX_LINE / 16);
            self.close(line);
        }
    }

    /// Adds a whole line in the default style that never stood on the screen; none may be open.
    pub(super) fn push_plain(&mut self, line: &str) {
        self.close(Box::from(line));
    }

    /// Sets the width at which rows are counted.
    pub(super) fn set_width(&mut self, width: u16) {
        if self.width != width {
            (self.width, self.indexed) = (width, 0);
        }
    }

    /// Takes the newest line away, and says whether it went on on the screen.
    pub(super) fn pop(&mut self) -> Option<(Box<str>, bool)> {
        if std::mem::take(&mut self.open.goes_on) {
            return Some((Box::from(self.open.text.as_str()), true));
        }
        let line = self.lines.pop_back()?;
        self.bytes -= line.text.len() + LINE_COST;
        self.indexed = self.indexed.min(self.lines.len());
        Some((line.text, false))
    }

    /// Whether the newest line goes on on the screen.
    pub(super) fn is_open(&self) -> bool {
        self.open.goes_on
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.open_text().map_or(0, str::len)
    }

    /// Forgets everything; numbers go on.
    pub(super) fn clear(&mut self) {
        let oldest = self.next_line();
        *self = Self { oldest, ..Self::new(self.limit, self.width) };
    }

    /// Holds at most so many bytes from now on; the oldest lines go first.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.keep(limit);
    }

    /// Forgets the oldest lines until at most so many bytes are held; later ones may be more again.
    pub(super) fn keep(&mut self, bytes: usize) {
        while self.bytes > bytes && self.drop_oldest() {}
        self.lines.shrink_to(self.lines.len() * 2);
    }

    /// Whether lines were given up since it was last cleared.
    pub(super) fn has_forgotten(&self) -> bool {
        self.forgot
    }

    /// The number of the oldest line.
    pub(super) fn oldest_line(&self) -> u64 {
        self.oldest
    }

    /// The number of the line that goes on on the screen, or of the first that begins there.
    pub(super) fn next_line(&self) -> u64 {
        self.oldest + self.lines.len() as u64
    }

    /// A line by its number, the one that goes on on the screen too.
    pub(super) fn line(&self, number: u64) -> Option<&str> {
        let index = usize::try_from(number.checked_sub(self.oldest)?).ok()?;
        match self.lines.get(index) {
            Some(line) => Some(&line.text),
            None => self.open_text().filter(|_| index == self.lines.len()),
        }
    }

    /// All that is held, as text.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|line| &*line.text).chain(self.open_text())
    }

    /// The line that a row belongs to, and the columns of it that stand in rows before; the oldest row is 0.
    pub(super) fn start_of(&mut self, row: usize) -> (u64, u32) {
        let width = self.width;
        let (number, text, nth) = self.line_of(row);
        (number, columns_before(text, width, nth))
    }

    /// The row of a line's column, and the column within it.
    pub(super) fn position(&mut self, number: u64, column: u32) -> Option<(usize, u16)> {
        self.index();
        let index = usize::try_from(number.checked_sub(self.oldest)?).ok()?;
        let first = self.lines.get(index).map_or_else(|| self.end(), |line| line.first);
        let text = self.line(number)?;
        let place = locate(text, self.width, column);
        let beyond = column.saturating_sub(columns(text));
        let column = (u32::from(place.column) + beyond).min(u32::from(self.width).saturating_sub(1));
        let row = usize::try_from(first - self.start()).ok()? + place.rows as usize - 1;
        Some((row, u16::try_from(column).ok()?))
    }

    /// A prompt begins on the line of this number. What was marked from there on has been written over.
    pub(super) fn note_prompt(&mut self, number: u64) {
        while self.prompts.back().is_some_and(|last| *last >= number) {
            self.prompts.pop_back();
        }
        self.prompts.push_back(number);
    }

    /// Numbers of the lines that a prompt begins on, in order.
    pub(super) fn prompts(&self) -> &VecDeque<u64> {
        &self.prompts
    }

    /// Rows at the current width.
    pub(super) fn rows(&mut self) -> usize {
        self.index();
        let open = self.open_text().map_or(0, |text| u64::from(extent(text, self.width).rows));
        usize::try_from(self.end() - self.start() + open).unwrap_or(usize::MAX)
    }

    /// The cells of a row, the oldest being 0.
    pub(super) fn row(&mut self, row: usize) -> impl Iterator<Item = Cell<'_>> {
        let width = self.width;
        let (_, text, nth) = self.line_of(row);
        RowCells::of(text, width, nth)
    }

    /// The number and text of the line that a row belongs to, and which of its rows that is.
    fn line_of(&mut self, row: usize) -> (u64, &str, u64) {
        self.index();
        let wanted = self.start() + row as u64;
        if wanted >= self.end() {
            return (self.next_line(), self.open_text().unwrap_or_default(), wanted - self.end());
        }
        let index = self.lines.partition_point(|line| line.first <= wanted).saturating_sub(1);
        let number = self.oldest + index as u64;
        self.lines.get(index).map_or((number, "", 0), |line| (number, &*line.text, wanted - line.first))
    }

    fn open_text(&self) -> Option<&str> {
        self.open.goes_on.then_some(self.open.text.as_str())
    }

    fn close(&mut self, text: Box<str>) {
        self.bytes += text.len() + LINE_COST;
        self.lines.push_back(Line { text, first: 0 });
        while self.bytes > self.limit && self.lines.len() > 1 {
            self.drop_oldest();
        }
    }

    /// Whether there was one to forget.
    fn drop_oldest(&mut self) -> bool {
        let Some(line) = self.lines.pop_front() else { return false };
        self.bytes -= line.text.len() + LINE_COST;
        self.indexed = self.indexed.saturating_sub(1);
        self.oldest += 1;
        self.forgot = true;
        while self.prompts.front().is_some_and(|first| *first < self.oldest) {
            self.prompts.pop_front();
        }
        true
    }

    /// Counts the rows of lines that weren't counted at this width yet. Only who looks at the history pays for it.
    fn index(&mut self) {
        if self.indexed == self.lines.len() {
            return;
        }
        let mut next = match self.indexed.checked_sub(1).and_then(|last| self.lines.get(last)) {
            Some(line) => line.first + u64::from(extent(&line.text, self.width).rows),
            None => 0,
        };
        for line in self.lines.range_mut(self.indexed..) {
            line.first = next;
            next += u64::from(extent(&line.text, self.width).rows);
        }
        self.indexed = self.lines.len();
    }

    fn start(&self) -> u64 {
        self.lines.front().map_or(0, |line| line.first)
    }

    fn end(&self) -> u64 {
        self.lines.back().map_or(0, |line| line.first + u64::from(extent(&line.text, self.width).rows))
    }
}

/// Whether the row that was just written is continued in the next one. vt100 tells it only by what it would write
/// first: a line break, or not.
fn goes_on(row: &RowContents<'_>, state: &BasicFormattedCaptureState) -> bool {
    let mut probe = Probe { line_break: false };
    let _ = row.write_formatted_basic(&mut probe, &mut state.clone());
    !probe.line_break
}

/// Takes a row as it is written: mostly one byte at a time.
struct CellByCell<'a>(&'a mut String);

impl fmt::Write for CellByCell<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match text.as_bytes() {
            [byte @ ..0x80] => self.0.push(char::from(*byte)),
            _ => self.0.push_str(text),
        }
        Ok(())
    }

    fn write_char(&mut self, c: char) -> fmt::Result {
        self.0.push(c);
        Ok(())
    }
}

/// Sees what is written first, and refuses it.
struct Probe {
    line_break: bool,
}

impl fmt::Write for Probe {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.line_break = text.starts_with('\n');
        Err(fmt::Error)
    }

    fn write_char(&mut self, c: char) -> fmt::Result {
        self.line_break = c == '\n';
        Err(fmt::Error)
    }
}
