//! Text on its way to the grid: what vt100 would put into the wrong cells, or not at all, is put right here.
//!
//! Characters of several parts (flags, joined and toned emoji) are one cell pair; charsets, insert mode, no wrapping, own
//! tab stops and marked attributes are done by what vt100 has. Not for: sequences (`control`). Invariant: text that needs
//! none of this goes to vt100 in one piece and uncopied.

use std::borrow::Cow;

use memchr::memmem::Finder;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::charset::Charsets;
use super::flood;
use super::grid::Grid;
use super::mark::{Extra, Marks};
use super::run::Pen;
use super::scan::{ESC, Scan, scan};
use super::tabs::Tabs;
use super::unit::{self, JOINER, REPLACEMENT, SELECTOR, is_joined, units};

/// The base under a cluster that is two columns wide and begins with something that isn't.
const WIDE: char = '\u{3000}';
/// The same for one column.
const NARROW: char = '\u{b7}';
const BACKSPACE: u8 = 0x08;
const SHIFT_OUT: u8 = 0x0e;
const SHIFT_IN: u8 = 0x0f;
/// Bytes of a character that fit into a cell of vt100 with a mark behind them.
const FITTING: usize = 14;

/// What text meets on its way.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) charsets: Charsets,
    pub(super) tabs: Tabs,
    pub(super) marks: Marks,
    /// IRM: text pushes what stands there to the right.
    pub(super) insert: bool,
    /// DECAWM: text goes on in the next row.
    pub(super) wrap: bool,
    /// LNM: a line feed is a return too.
    pub(super) newline: bool,
    pen: Extra,
    /// The pen's mark, as text.
    ink: String,
    /// vt100's pen.
    grid_pen: Pen,
    /// The last row of the scroll region: what comes in there has the background.
    pub(super) bottom: u16,
    /// What stands last: it may go on in what comes.
    last: Last,
    joiner: Finder<'static>,
    replacement: Finder<'static>,
}

/// The last character that was written, or nothing.
#[derive(Debug, Default)]
struct Last {
    text: String,
    /// Where the cursor stood behind it.
    cursor: (u16, u16),
}

impl Last {
    /// Whether it may go on with this text.
    fn goes_on(&self, text: &str) -> bool {
        !self.text.is_empty()
            && (self.text.ends_with(JOINER) || text.chars().next().is_some_and(unit::extends))
    }

    fn forget(&mut self) {
        self.text.clear();
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            charsets: Charsets::default(),
            tabs: Tabs::default(),
            marks: Marks::default(),
            insert: false,
            wrap: true,
            newline: false,
            pen: Extra::default(),
            ink: String::new(),
            grid_pen: Pen::Bare,
            bottom: 0,
            last: Last::default(),
            joiner: Finder::new("\u{200d}"),
            replacement: Finder::new("\u{fffd}"),
        }
    }
}

impl Writer {
    /// As after a reset; what is on the screen keeps its marks.
    pub(super) fn reset(&mut self) {
        *self = Self { marks: std::mem::take(&mut self.marks), ..Self::default() };
    }

    /// The attributes that vt100 does not hold.
    pub(super) fn pen(&self) -> &Extra {
        &self.pen
    }

    /// Their mark, as text.
    pub(super) fn ink(&self) -> &str {
        &self.ink
    }

    /// Changes them.
    pub(super) fn set_pen(&mut self, pen: Extra) {
        if pen != self.pen {
            self.ink = self.marks.mark(&pen, None).map(String::from_iter).unwrap_or_default();
            self.pen = pen;
        }
    }

    /// As DECSTR leaves it.
    pub(super) fn soft_reset(&mut self) {
        (self.insert, self.wrap, self.charsets) = (false, true, Charsets::default());
        self.set_pen(Extra { link: self.pen.link.clone(), ..Extra::default() });
    }

    /// Whether all that vt100 does not hold is off: then it may read attributes by itself.
    pub(super) fn has_plain_pen(&self) -> bool {
        self.ink.is_empty() && self.pen == Extra::default()
    }

    /// The grid's pen, as it was noted.
    pub(super) fn grid_pen(&self) -> Pen {
        self.grid_pen
    }

    /// Takes note of the grid's pen: if it has a background, rows that come in have it too.
    pub(super) fn note_pen(&mut self, grid: &Grid) {
        self.grid_pen = grid.pen();
    }

    fn has_background(&self) -> bool {
        self.grid_pen == Pen::Coloured
    }

    /// A character with the pen's mark.
    pub(super) fn inked(&self, c: char) -> String {
        format!("{c}{}", self.ink)
    }

    /// The same for text and sequences that bring no row in while the pen has a background. The pen is to be noted anew.
    pub(super) fn write_run(&mut self, bytes: &[u8], grid: &mut Grid) {
        self.grid_pen = Pen::Other;
        self.write(bytes, grid);
    }

    /// Text, with sequences in it that vt100 reads right.
    pub(super) fn write(&mut self, bytes: &[u8], grid: &mut Grid) {
        if self.is_plain() && !self.needs_care(bytes) {
            grid.process(bytes);
            self.remember(bytes, grid);
            return;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = memchr::memchr(ESC, rest).unwrap_or(rest.len());
            let (text, after) = rest.split_at(end);
            self.write_text(text, grid);
            let length = match scan(after) {
                Scan::Complete(length, _) => length,
                Scan::Incomplete | Scan::TooLong(_) => after.len(),
            };
            let (sequence, after) = after.split_at(length);
            if !sequence.is_empty() {
                self.last.forget();
                grid.process(sequence);
            }
            rest = after;
        }
    }

    /// Much text without sequences, where all rows scroll.
    pub(super) fn write_flood(&mut self, text: &[u8], grid: &mut Grid) {
        if self.is_plain() && grid.pen() == Pen::Bare && !self.needs_care(text) {
            flood::write(text, grid);
            self.remember(text, grid);
        } else {
            self.write(text, grid);
        }
    }

    /// Writes the last character so many times more (REP); nothing if something else came after it.
    pub(super) fn repeat(&mut self, count: u16, grid: &mut Grid) {
        let last = std::mem::take(&mut self.last);
        if last.text.is_empty() || last.cursor != grid.screen().cursor_position() {
            return;
        }
        for _ in 0..count {
            self.write_unit(&last.text, grid);
        }
        self.remember_text(&last.text, grid);
    }

    fn is_plain(&self) -> bool {
        self.wrap
            && !self.has_background()
            && !self.insert
            && !self.newline
            && self.tabs.are_usual()
            && self.ink.is_empty()
            && self.charsets.is_plain()
    }

    /// Whether there is something in it that vt100 would do wrong.
    fn needs_care(&self, bytes: &[u8]) -> bool {
        if bytes.is_ascii() {
            return memchr::memchr3(BACKSPACE, SHIFT_OUT, SHIFT_IN, bytes).is_some();
        }
        let Ok(text) = std::str::from_utf8(bytes) else { return true };
        if self.last.goes_on(text) {
            return true;
        }
        self.joiner.find(bytes).is_some()
            || self.replacement.find(bytes).is_some()
            || memchr::memchr3(BACKSPACE, SHIFT_OUT, SHIFT_IN, bytes).is_some()
            || memchr::memchr2_iter(0xf0, 0xf3, bytes).any(|at| {
                let four = bytes.get(at..at + 4);
                matches!(
                    four,
                    Some([0xf0, 0x9f, 0x87, _] | [0xf0, 0x9f, 0x8f, 0xbb..=0xbf] | [0xf3, 0xa0, _, _])
                )
            })
            || text.contains('\u{fe0e}')
    }

    /// Notes what the next piece of output may go on with.
    fn remember(&mut self, bytes: &[u8], grid: &Grid) {
        self.last.forget();
        let text = match memchr::memrchr(ESC, bytes) {
            Some(at) => match scan(bytes.get(at..).unwrap_or_default()) {
                Scan::Complete(length, _) => bytes.get(at + length..).unwrap_or_default(),
                Scan::Incomplete | Scan::TooLong(_) => return,
            },
            None => bytes,
        };
        let tail = text.get(text.len().saturating_sub(unit::LONGEST)..).unwrap_or_default();
        // A character that was cut in two at the front is not the last one.
        let text = String::from_utf8_lossy(tail);
        self.remember_text(unit::last(&text), grid);
    }

    fn remember_text(&mut self, unit: &str, grid: &Grid) {
        self.last.forget();
        // Nothing belongs to what is no character, or has no cell of its own.
        if unit.chars().next().is_some_and(|c| c != REPLACEMENT && c.width() > Some(0)) {
            self.last.text.push_str(unit);
            self.last.cursor = grid.screen().cursor_position();
        }
    }

    /// Text without escape sequences.
    fn write_text(&mut self, bytes: &[u8], grid: &mut Grid) {
        let text: Cow<'_, str> = String::from_utf8_lossy(bytes);
        let mut rest: &str = &text;
        while !rest.is_empty() {
            let end = rest.find(|c: char| c < ' ').unwrap_or(rest.len());
            let (shown, after) = rest.split_at(end);
            self.write_shown(shown, grid);
            let mut chars = after.chars();
            if let Some(control) = chars.next() {
                self.control(control, grid);
            }
            rest = chars.as_str();
        }
    }

    fn control(&mut self, control: char, grid: &mut Grid) {
        self.last.forget();
        let scrolls = self.has_background() && grid.screen().cursor_position().0 == self.bottom;
        match control {
            '\n' | '\u{b}' | '\u{c}' if scrolls => {
                grid.process(if self.newline { b"\r\n\x1b[2K" } else { b"\n\x1b[2K" });
            }
            '\u{e}' => self.charsets.shift(1),
            '\u{f}' => self.charsets.shift(0),
            '\n' | '\u{b}' | '\u{c}' if self.newline => grid.process(b"\r\n"),
            // A cursor that is about to wrap counts as being in the last column, which vt100 has not.
            '\u{8}' if grid.screen().cursor_position().1 >= grid.size().1 => grid.process(b"\x08\x08"),
            '\t' if !self.tabs.are_usual() => self.tab(1, grid),
            _ => grid.process(control.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }

    /// To the stop that many stops to the right.
    pub(super) fn tab(&mut self, count: u16, grid: &mut Grid) {
        let (columns, column) = (grid.size().1, grid.screen().cursor_position().1);
        if column < columns {
            let stop = self.tabs.after(column, count, columns);
            grid.process(format!("\x1b[{}G", stop + 1).as_bytes());
        }
    }

    /// Text without controls.
    fn write_shown(&mut self, text: &str, grid: &mut Grid) {
        let text = self.as_shown(text);
        let rest = self.go_on(&text, grid);
        let by_cell = self.insert || !self.wrap || self.may_scroll(rest, grid);
        let mut out = String::with_capacity(rest.len());
        let mut last = "";
        for unit in units(rest) {
            if by_cell || unit::grows(unit) || unit::shrinks(unit) {
                grid.process(out.as_bytes());
                out.clear();
                self.write_unit(unit, grid);
            } else {
                self.put(unit, &mut out);
            }
            last = unit;
        }
        grid.process(out.as_bytes());
        if !last.is_empty() {
            self.remember_text(last, grid);
        }
    }

    /// The text in its charset.
    fn as_shown<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        if self.charsets.is_plain() {
            return Cow::Borrowed(text);
        }
        let mut shown = |c: char| if c.is_ascii() { self.charsets.shown(c) } else { c };
        text.chars().map(&mut shown).collect::<String>().into()
    }

    /// The rest of the text, after what belongs to the character before it.
    fn go_on<'t>(&mut self, text: &'t str, grid: &mut Grid) -> &'t str {
        if text.is_empty() {
            return text;
        }
        let last = std::mem::take(&mut self.last);
        if !last.goes_on(text) || last.cursor != grid.screen().cursor_position() {
            return text;
        }
        let next = text.get(..text.floor_char_boundary(2 * unit::LONGEST)).unwrap_or(text);
        let joined = format!("{}{next}", last.text);
        let unit = units(&joined).next().unwrap_or_default();
        let Some(more) = unit.get(last.text.len()..).filter(|more| !more.is_empty()) else { return text };
        // What a joiner at the end joins is still to come.
        let shown = unit.trim_end_matches(JOINER);
        let written = last.text.trim_end_matches(JOINER).len();
        if shown.len() <= written {
            // Nothing new to see.
        } else if is_joined(shown) || !self.ink.is_empty() {
            // Behind a mark nothing more can be put.
            self.write_again(shown, last.cursor, grid);
        } else {
            if self.insert && last.text.width() < 2 && unit.width() > 1 && last.cursor.1 < grid.size().1 {
                // It becomes wide: that takes room too.
                grid.process(b"\x1b[@");
            }
            grid.process(shown.get(written..).unwrap_or_default().as_bytes());
        }
        self.remember_text(unit, grid);
        text.get(more.len()..).unwrap_or_default()
    }

    /// Puts a character in the place of the one before the cursor, which was its beginning.
    fn write_again(&mut self, unit: &str, cursor: (u16, u16), grid: &mut Grid) {
        let (row, column) = cursor;
        let before = column.checked_sub(1).and_then(|before| grid.screen().cell(row, before));
        let Some(before) = before else { return };
        let width = if before.is_wide_continuation() { 2 } else { 1 };
        grid.process(format!("\x1b[{}G", column.saturating_sub(width) + 1).as_bytes());
        if self.insert {
            grid.process(format!("\x1b[{width}P").as_bytes());
        }
        self.place(unit, grid);
    }

    /// One character after the one before it.
    fn write_unit(&mut self, unit: &str, grid: &mut Grid) {
        if unit::shrinks(unit) || (unit::grows(unit) && is_joined(unit)) {
            // It goes where its beginning went, which may have come alone.
            let base = unit.ceil_char_boundary(1);
            let selector = unit.get(base..).is_some_and(|rest| rest.starts_with(SELECTOR));
            let beginning = base + if selector { SELECTOR.len_utf8() } else { 0 };
            self.place(unit.get(..beginning).unwrap_or_default(), grid);
            self.write_again(unit, grid.screen().cursor_position(), grid);
        } else {
            self.place(unit, grid);
        }
    }

    /// One character at the cursor, with what has to happen before and after it.
    fn place(&mut self, unit: &str, grid: &mut Grid) {
        // What a joiner at the end joins is still to come.
        let unit = unit.trim_end_matches(JOINER);
        let mut cell = String::new();
        let width = self.put(unit, &mut cell);
        let (column, last) = (grid.screen().cursor_position().1, grid.size().1 - 1);
        let is_last = column == last || (column > last && !self.wrap);
        let width = match width {
            // Where its beginning may have stood already, nothing else is left when it goes to the next row.
            2 if is_last && unit::grows(unit) && is_joined(unit) => {
                grid.process(b"\x1b[X");
                2
            }
            // In the last column, none becomes wide by its selector.
            2 if is_last && unit::grows(unit) => 1,
            width => width,
        };
        let scrolls = self.make_room(width, grid);
        grid.process(cell.as_bytes());
        if scrolls {
            grid.process(b"\x1b[K");
        }
    }

    /// One character as vt100 is to have it; its columns.
    fn put(&mut self, unit: &str, out: &mut String) -> u16 {
        // What a joiner at the end joins is still to come.
        let unit = unit.trim_end_matches(JOINER);
        let mut chars = unit.chars();
        let Some(first) = chars.next() else { return 0 };
        let parts = chars.as_str();
        if is_joined(unit) && first.width() == Some(0) {
            // It would be read as a mark, and there is nothing that it could belong to.
            return 0;
        }
        if first == REPLACEMENT || is_joined(unit) {
            return self.put_joined(unit, first, out);
        }
        if parts.is_empty() && ('\u{7f}'..'\u{a0}').contains(&first) {
            return 0;
        }
        out.push(first);
        let width = first.width().unwrap_or(0);
        if self.ink.is_empty() || width == 0 {
            out.push_str(parts);
        } else {
            let room = FITTING.saturating_sub(first.len_utf8());
            out.push_str(parts.get(..parts.floor_char_boundary(room)).unwrap_or_default());
            out.push_str(&self.ink);
        }
        let wide = parts.contains(SELECTOR) && unit.width() > 1;
        if wide { 2 } else { u16::try_from(width).unwrap_or(1) }
    }

    fn put_joined(&mut self, cluster: &str, first: char, out: &mut String) -> u16 {
        let width = cluster.width().clamp(1, 2);
        let Some(mark) = self.marks.mark(&self.pen, Some(cluster)) else {
            out.push(if first == REPLACEMENT { '?' } else { first });
            return u16::try_from(first.width().unwrap_or(1)).unwrap_or(1);
        };
        out.push(match (first.width() == Some(width) && first != REPLACEMENT, width) {
            (true, _) => first,
            (false, 2) => WIDE,
            (false, _) => NARROW,
        });
        out.extend(mark);
        if width == 2 { 2 } else { 1 }
    }

    /// Whether this text may bring a row in whose background is to be the pen's.
    fn may_scroll(&self, text: &str, grid: &Grid) -> bool {
        let (row, column) = grid.screen().cursor_position();
        let Some(rows) = self.bottom.checked_sub(row) else { return false };
        let room = (usize::from(rows) + 1) * usize::from(grid.size().1);
        // A character has at least as many bytes as columns, and a row may end one column early before a wide one.
        self.has_background() && usize::from(column) + 2 * text.len() > room
    }

    /// Before a character in insert mode, where text does not wrap, or where its wrapping brings a row in with a
    /// background: whether it does the last.
    fn make_room(&self, width: u16, grid: &mut Grid) -> bool {
        let (row, column) = grid.screen().cursor_position();
        let columns = grid.size().1;
        if width == 0 {
            return false;
        }
        let over = column + width > columns;
        if over && !self.wrap {
            grid.process(format!("\x1b[{}G", columns.saturating_sub(width) + 1).as_bytes());
        } else if over && self.insert {
            grid.process(b"\r\n");
        }
        if self.insert {
            grid.process(format!("\x1b[{width}@").as_bytes());
        }
        over && self.wrap && self.has_background() && row == self.bottom
    }
}
