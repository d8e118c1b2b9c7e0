//! A terminal's text, history and screen together, as lines: places that stay on their text, and what is cut out.
//!
//! Rows that one line was wrapped into are one line here. A line has a number that it keeps while it scrolls into the
//! history and when it is wrapped anew; the lines of the alternate screen have numbers of their own. Not for drawing.
//! Invariant: a place names its text or nothing, never another one: unless the program writes over it.

use std::ops::RangeInclusive;

use super::Emulator;
use crate::term::cell::{Cell, CellStyle};
use crate::term::line::{Cells, columns};

/// The number of the alternate screen's first line.
const ALTERNATE: u64 = 1 << 63;

/// A place in a terminal's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line's number.
    pub line: u64,
    /// Columns of the line that stand before it.
    pub column: u32,
}

/// What text is selected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// Characters.
    #[default]
    Char,
    /// Words.
    Word,
    /// Whole lines, wrapped or not.
    Line,
    /// The columns between the two, in each row.
    Block,
}

/// A stretch of text, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first cell; of a block, one corner.
    pub from: Place,
    /// The last; of a block, the other corner.
    pub to: Place,
    /// Whether it is a block of columns.
    pub block: bool,
}

/// Where a row of the screen stands in its line.
#[derive(Debug, Clone, Copy)]
struct ScreenRow {
    start: Place,
    /// Columns that are used; of a row that ends its line, all.
    used: u32,
    ends_line: bool,
}

impl Emulator {
    /// The place of a cell. Rows are counted from the oldest of the history, those of the screen follow; beyond the last
    /// row is the last.
    pub fn place_at(&mut self, row: usize, column: u16) -> Place {
        let (history, (cols, rows)) = (self.history_len(), self.size());
        let row = row.min(history + usize::from(rows) - 1);
        let column = u32::from(column.min(cols - 1));
        let Some(on_screen) = row.checked_sub(history) else { return self.place_in_history(row, column) };
        let Some(found) = self.screen_rows().get(on_screen).copied() else {
            return Place { line: 0, column: 0 };
        };
        let column = if found.ends_line { column } else { column.min(found.used.saturating_sub(1)) };
        let second_half = (u16::try_from(on_screen).ok().zip(u16::try_from(column).ok()))
            .and_then(|(row, column)| self.grid.screen().cell(row, column))
            .is_some_and(vt100::Cell::is_wide_continuation);
        Place { column: found.start.column + column - u32::from(second_half), ..found.start }
    }

    fn place_in_history(&mut self, row: usize, column: u32) -> Place {
        let (line, start) = self.grid.behind().history.start_of(row);
        let mut at = 0;
        let mut last = 0;
        for cell in self.grid.behind().history.row(row) {
            last = at;
            at += u32::from(cell.width);
            if at > column {
                return Place { line, column: start + last };
            }
        }
        // Behind the text of a row that goes on the next row begins.
        let beyond = Place { line, column: start + column };
        let stays = self.position_of(beyond).is_some_and(|(found, _)| found == row);
        if stays { beyond } else { Place { line, column: start + last } }
    }

    /// The row and column where a place is now; `None` if its text is gone, or is not on the screen that is shown.
    pub fn position_of(&mut self, place: Place) -> Option<(usize, u16)> {
        let alternate = self.grid.screen().alternate_screen();
        let history = &mut self.grid.behind().history;
        let next = history.next_line();
        let in_history = place.line < next
            || (place.line == next
                && history.line(next).is_some_and(|text| alternate || place.column < columns(text)));
        if in_history {
            return history.position(place.line, place.column);
        }
        let (above, (cols, _)) = (history.rows(), self.size());
        let rows = self.screen_rows();
        let row = rows.iter().rposition(|row| {
            row.start.line == place.line && (row.start.column <= place.column || row.start.column == 0)
        })?;
        let column = place.column.saturating_sub(rows.get(row)?.start.column).min(u32::from(cols) - 1);
        Some((above + row, u16::try_from(column).ok()?))
    }

    /// The numbers of the first and the last line there is.
    #[must_use]
    pub fn line_range(&self) -> RangeInclusive<u64> {
        let last = self.screen_rows().last().map_or(0, |row| row.start.line);
        self.grid.history().oldest_line()..=last
    }

    /// The line of the nearest prompt before (or after) this line.
    #[must_use]
    pub fn prompt_from(&self, line: u64, after: bool) -> Option<u64> {
        let range = self.line_range();
        let mut prompts =
            self.grid.history().prompts().iter().copied().filter(|prompt| range.contains(prompt));
        if after { prompts.find(|prompt| *prompt > line) } else { prompts.rfind(|prompt| *prompt < line) }
    }

    /// Whether any prompt is marked.
    #[must_use]
    pub fn has_prompts(&self) -> bool {
        !self.grid.history().prompts().is_empty()
    }

    /// What is selected from one place to another.
    #[must_use]
    pub fn stretch(&self, unit: Unit, one: Place, other: Place) -> Stretch {
        let (first, last) = (one.min(other), one.max(other));
        match unit {
            Unit::Char => Stretch { from: first, to: last, block: false },
            Unit::Block => Stretch { from: one, to: other, block: true },
            Unit::Line => Stretch {
                from: Place { column: 0, ..first },
                to: Place { column: u32::MAX, ..last },
                block: false,
            },
            Unit::Word => Stretch { from: self.word(first).0, to: self.word(last).1, block: false },
        }
    }

    /// The first and the last cell of the word there; of blanks and signs, only the cell.
    fn word(&self, place: Place) -> (Place, Place) {
        let mut cells = Vec::new();
        self.each_cell(place.line, &mut |text, _, column| cells.push((column, is_of_word(text))));
        let at = cells.partition_point(|(column, _)| *column <= place.column).saturating_sub(1);
        if !cells.get(at).is_some_and(|(_, is_word)| *is_word) {
            return (place, place);
        }
        let begin = cells.get(..at).unwrap_or_default().iter().rposition(|(_, is_word)| !is_word);
        let end = cells.get(at..).unwrap_or_default().iter().position(|(_, is_word)| !is_word);
        let column = |at: usize| cells.get(at).map_or(place.column, |(column, _)| *column);
        let first = column(begin.map_or(0, |before| before + 1));
        let last = column(end.map_or(cells.len(), |after| at + after) - 1);
        (Place { column: first, ..place }, Place { column: last, ..place })
    }

    /// The text of a stretch: lines end where the program ended them, without blanks at their ends. A block has a line
    /// for each row, and keeps its columns.
    pub fn text_of(&mut self, stretch: Stretch) -> String {
        if stretch.block {
            return self.text_of_block(stretch);
        }
        let lines = self.lines_within(stretch.from.line..=stretch.to.line).map(|line| {
            let from = if line == stretch.from.line { stretch.from.column } else { 0 };
            let to = if line == stretch.to.line { stretch.to.column } else { u32::MAX };
            let mut text = String::new();
            self.each_cell(line, &mut |cell, _, column| {
                if (from..=to).contains(&column) {
                    text.push_str(cell);
                }
            });
            text.truncate(text.trim_end().len());
            text
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn text_of_block(&mut self, stretch: Stretch) -> String {
        let Some((rows, columns)) = self.block(stretch) else { return String::new() };
        let history = self.history_len();
        let mut lines = Vec::new();
        for row in rows {
            let line = match row.checked_sub(history) {
                None => cut(self.history_row(row), &columns),
                Some(row) => cut(self.row(u16::try_from(row).unwrap_or(u16::MAX)), &columns),
            };
            lines.push(line);
        }
        lines.join("\n")
    }

    /// The rows and columns of a block.
    pub fn block(&mut self, stretch: Stretch) -> Option<(RangeInclusive<usize>, RangeInclusive<u16>)> {
        let (one, other) = (self.position_of(stretch.from)?, self.position_of(stretch.to)?);
        Some((one.0.min(other.0)..=one.0.max(other.0), one.1.min(other.1)..=one.1.max(other.1)))
    }

    /// All text, history and screen, as lines; empty ones at the end are left out.
    pub fn whole_text(&mut self) -> String {
        let lines = self.line_range();
        let from = Place { line: *lines.start(), column: 0 };
        let to = Place { line: *lines.end(), column: u32::MAX };
        let text = self.text_of(Stretch { from, to, block: false });
        let end = text.trim_end_matches('\n').len();
        let mut text = text;
        text.truncate(end);
        text + "\n"
    }

    /// The column of a line's last character that is no blank.
    #[must_use]
    pub fn last_column(&self, line: u64) -> u32 {
        let mut last = 0;
        self.each_cell(line, &mut |cell, _, column| {
            if !cell.trim().is_empty() {
                last = column;
            }
        });
        last
    }

    /// The numbers of those lines that there are.
    pub(super) fn lines_within(&self, wanted: RangeInclusive<u64>) -> impl Iterator<Item = u64> + use<> {
        let history = self.grid.history();
        let first_on_screen = self.screen_rows().first().map_or(0, |row| row.start.line);
        let above = history.oldest_line().max(*wanted.start())
            ..history.next_line().min(wanted.end().saturating_add(1));
        let last = *self.line_range().end();
        let on_screen = first_on_screen.max(*wanted.start())..=last.min(*wanted.end());
        above.chain(on_screen)
    }

    /// The cells of a line: text, width, and columns before.
    pub(super) fn each_cell(&self, line: u64, take: &mut dyn FnMut(&str, u8, u32)) {
        let marks = &self.translator.writer.marks;
        let mut column = 0;
        if let Some(text) = self.grid.history().line(line) {
            for (_, cell) in Cells::of(text) {
                take(Cell::of(cell.text, cell.width, cell.style, marks).text, cell.width, column);
                column += u32::from(cell.width);
            }
        }
        for (row, place) in (0..).zip(self.screen_rows()).filter(|(_, row)| row.start.line == line) {
            let mut at = 0;
            for cell in self.row(row) {
                if at >= place.used && !place.ends_line {
                    break;
                }
                take(cell.text, cell.width, place.start.column + at);
                at += u32::from(cell.width);
            }
        }
    }

    /// The line and column that a row of the screen begins with, for each row of the one that is shown.
    fn screen_rows(&self) -> Vec<ScreenRow> {
        let (screen, (cols, rows)) = (self.grid.screen(), self.size());
        let mut start = if screen.alternate_screen() {
            Place { line: ALTERNATE, column: 0 }
        } else {
            let line = self.grid.history().next_line();
            Place { line, column: self.grid.history().line(line).map_or(0, columns) }
        };
        let place = |row| {
            let ends_line = !screen.row_wrapped(row) || row + 1 == rows;
            let used = if ends_line { u32::from(cols) } else { used_columns(screen, row, cols) };
            let here = ScreenRow { start, used, ends_line };
            start = if ends_line {
                Place { line: start.line + 1, column: 0 }
            } else {
                Place { column: start.column + used, ..start }
            };
            here
        };
        (0..rows).map(place).collect()
    }

    /// Remembers that a prompt begins where the cursor is.
    pub(super) fn note_prompt(&mut self) {
        let screen = self.grid.screen();
        if screen.alternate_screen() {
            return;
        }
        let (row, _) = screen.cursor_position();
        let Some(line) = self.screen_rows().get(usize::from(row)).map(|row| row.start.line) else { return };
        self.grid.behind().history.note_prompt(line);
    }
}

/// Columns up to the last cell that was written.
fn used_columns(screen: &vt100::Screen, row: u16, cols: u16) -> u32 {
    let is_written = |column: &u16| {
        screen.cell(row, *column).is_some_and(|cell| {
            cell.has_contents()
                || cell.is_wide_continuation()
                || CellStyle::from(cell) != CellStyle::default()
        })
    };
    (0..cols).rev().find(is_written).map_or(0, |last| u32::from(last) + 1)
}

/// What stands in these columns. Of a wide character whose first half is outside, a blank stays.
fn cut<'c>(cells: impl Iterator<Item = Cell<'c>>, columns: &RangeInclusive<u16>) -> String {
    let mut column: u16 = 0;
    let mut text = String::new();
    for cell in cells {
        if columns.contains(&column) {
            text.push_str(cell.text);
        } else if cell.width > 1 && columns.contains(&(column + 1)) {
            text.push(' ');
        }
        column = column.saturating_add(u16::from(cell.width.max(1)));
    }
    text.truncate(text.trim_end().len());
    text
}

/// Whether a double click takes it along: letters, digits, and what paths and addresses are made of.
fn is_of_word(text: &str) -> bool {
    text.chars().next().is_some_and(|c| c.is_alphanumeric() || "_-./~:@%+=?&#$".contains(c))
}
