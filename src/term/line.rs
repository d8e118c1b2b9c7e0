//! Styled text in one string: how the history holds its lines, and how they are cut into rows.
//!
//! The form is the one that vt100 writes for a row: characters, and SGR sequences between cells. Not for: text of a
//! program (only what vt100 wrote is ever read here). Invariant: a line starts with the default style, and cutting it at
//! any width loses no cell.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::cell::{Cell, CellStyle, Color};
use super::scan::ESC;

/// The cells of a line, each with the place of its first byte.
#[derive(Debug, Clone)]
pub(super) struct Cells<'a> {
    text: &'a str,
    at: usize,
    style: CellStyle,
}

/// The cells of one row of a line that was cut at a width.
#[derive(Debug, Clone)]
pub(super) struct RowCells<'a> {
    cells: std::iter::Peekable<Cells<'a>>,
    column: u16,
    width: u16,
}

/// How far a line reaches when it is cut at a width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Rows that it takes; an empty line takes one.
    pub(super) rows: u32,
    /// Columns used in the last of them.
    pub(super) column: u16,
}

impl<'a> Cells<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0, style: CellStyle::default() }
    }

    fn read_style(&mut self) {
        while let Some(rest) = self.text.get(self.at..).and_then(|rest| rest.strip_prefix("\x1b[")) {
            let end = rest.find('m').unwrap_or(rest.len());
            apply(&mut self.style, rest.get(..end).unwrap_or_default());
            self.at += 2 + (end + 1).min(rest.len());
        }
    }
}

impl<'a> Iterator for Cells<'a> {
    type Item = (usize, Cell<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.read_style();
        let at = self.at;
        let rest = self.text.get(at..)?;
        let first = *rest.as_bytes().first()?;
        let following = rest.as_bytes().get(1).copied().unwrap_or(b' ');
        // Almost all cells are one byte followed by another of the kind.
        let length = if first < 0x80 && (following < 0x80) { 1 } else { cluster(rest) };
        let text = rest.get(..length)?;
        self.at += length;
        let width = if length == 1 { 1 } else { width_of(text) };
        Some((at, Cell { text, width, style: self.style, link: None }))
    }
}

impl<'a> RowCells<'a> {
    /// The row with this number, counted from the line's first.
    pub(super) fn of(text: &'a str, width: u16, row: u64) -> Self {
        let mut cells = Self { cells: Cells::of(text).peekable(), column: 0, width };
        for _ in 0..row {
            cells.by_ref().for_each(drop);
            cells.column = 0;
        }
        cells
    }
}

impl<'a> Iterator for RowCells<'a> {
    type Item = Cell<'a>;

    fn next(&mut self) -> Option<Cell<'a>> {
        let (column, width) = (self.column, self.width);
        let (_, cell) = self.cells.next_if(|(_, cell)| column + u16::from(cell.width) <= width)?;
        self.column += u16::from(cell.width);
        Some(cell)
    }
}

/// How far the line reaches.
pub(super) fn extent(text: &str, width: u16) -> Extent {
    locate(text, width, u32::MAX)
}

/// Where the cell stands that has `column` columns of its line before it, or where the line ends before that.
pub(super) fn locate(text: &str, width: u16, column: u32) -> Extent {
    let (mut place, mut before) = (Extent { rows: 1, column: 0 }, 0u32);
    for (_, cell) in Cells::of(text) {
        if place.column + u16::from(cell.width) > width {
            place = Extent { rows: place.rows + 1, column: 0 };
        }
        before += u32::from(cell.width);
        if before > column {
            return place;
        }
        place.column += u16::from(cell.width);
    }
    place
}

/// Columns of the line in all.
pub(super) fn columns(text: &str) -> u32 {
    Cells::of(text).map(|(_, cell)| u32::from(cell.width)).sum()
}

/// Columns of the line that stand in the rows before the one with this number.
pub(super) fn columns_before(text: &str, width: u16, row: u64) -> u32 {
    let (mut at, mut column, mut before) = (0, 0, 0);
    for (_, cell) in Cells::of(text) {
        if column + u16::from(cell.width) > width {
            (at, column) = (at + 1, 0);
        }
        if at >= row {
            return before;
        }
        column += u16::from(cell.width);
        before += u32::from(cell.width);
    }
    before
}

/// The line without its styles.
pub(super) fn without_styles(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, sequence)) = rest.split_once(char::from(ESC)) {
        plain.push_str(before);
        rest = sequence.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

/// The beginning of the line that takes at most so many rows.
pub(super) fn first_rows(text: &str, width: u16, rows: u32) -> &str {
    let (mut row, mut column) = (1, 0);
    for (at, cell) in Cells::of(text) {
        if column + u16::from(cell.width) > width {
            (row, column) = (row + 1, 0);
        }
        if row > rows {
            return text.get(..at).unwrap_or(text);
        }
        column += u16::from(cell.width);
    }
    text
}

/// Bytes of the first character with all that takes no column of its own.
fn cluster(text: &str) -> usize {
    let mut chars = text.char_indices();
    chars.next();
    let belongs = |c: char| c != char::from(ESC) && c.width() == Some(0);
    chars.find(|(_, c)| !belongs(*c)).map_or(text.len(), |(at, _)| at)
}

/// As vt100 has it: the first character decides, and VS16 can widen it.
fn width_of(text: &str) -> u8 {
    let wide = if text.contains('\u{fe0f}') {
        text.width() > 1
    } else {
        text.chars().next().and_then(UnicodeWidthChar::width).unwrap_or(1) > 1
    };
    if wide { 2 } else { 1 }
}

/// One SGR sequence of those that vt100 writes.
fn apply(style: &mut CellStyle, parameters: &str) {
    let mut numbers = parameters.split(';').map(|number| number.parse::<u16>().unwrap_or(0));
    while let Some(number) = numbers.next() {
        match number {
            0 => *style = CellStyle::default(),
            1 => (style.bold, style.dim) = (true, false),
            2 => (style.bold, style.dim) = (false, true),
            22 => (style.bold, style.dim) = (false, false),
            3 | 23 => style.italic = number == 3,
            4 | 24 => style.underline = number == 4,
            7 | 27 => style.inverse = number == 7,
            30..=37 => style.fg = Color::Index(low(number - 30)),
            90..=97 => style.fg = Color::Index(low(number - 82)),
            40..=47 => style.bg = Color::Index(low(number - 40)),
            100..=107 => style.bg = Color::Index(low(number - 92)),
            38 => style.fg = colour(&mut numbers),
            48 => style.bg = colour(&mut numbers),
            39 => style.fg = Color::Default,
            49 => style.bg = Color::Default,
            _ => {}
        }
    }
}

fn colour(numbers: &mut impl Iterator<Item = u16>) -> Color {
    let mut next = || low(numbers.next().unwrap_or(0));
    match next() {
        5 => Color::Index(next()),
        2 => Color::Rgb(next(), next(), next()),
        _ => Color::Default,
    }
}

fn low(number: u16) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str, width: u16, row: u64) -> String {
        RowCells::of(text, width, row).map(|cell| cell.text).collect()
    }

    #[test]
    fn a_line_is_cut_between_cells_and_never_through_a_wide_one() {
        let text = "ab漢\x1b[31me\u{301}f字";
        assert_eq!(extent(text, 4), Extent { rows: 2, column: 4 });
        assert_eq!((row(text, 4, 0).as_str(), row(text, 4, 1).as_str()), ("ab漢", "e\u{301}f字"));
        assert_eq!(
            (row(text, 3, 0), row(text, 3, 1), row(text, 3, 2)),
            ("ab".into(), "漢e\u{301}".into(), "f字".into())
        );
        assert_eq!(row(text, 3, 3), "");
        assert_eq!(first_rows(text, 3, 1), "ab");
        assert_eq!(columns(text), 8);
        assert_eq!(extent("", 4), Extent { rows: 1, column: 0 });
        assert_eq!(extent("abcd", 4), Extent { rows: 1, column: 4 });
        assert_eq!(locate(text, 3, 4), Extent { rows: 2, column: 2 });
        assert_eq!([0, 1, 2, 3].map(|row| columns_before(text, 3, row)), [0, 2, 5, 8]);
        assert_eq!(without_styles(text), "ab漢e\u{301}f字");
    }

    #[test]
    fn styles_hold_until_they_change() {
        let text = "a\x1b[31;1mb\x1b[38;2;1;2;3;48;5;9mc\x1b[md";
        let styles: Vec<_> = Cells::of(text).map(|(_, cell)| cell.style).collect();
        assert_eq!(styles[0], CellStyle::default());
        assert_eq!((styles[1].fg, styles[1].bold), (Color::Index(1), true));
        assert_eq!(
            (styles[2].fg, styles[2].bg, styles[2].bold),
            (Color::Rgb(1, 2, 3), Color::Index(9), true)
        );
        assert_eq!(styles[3], CellStyle::default());
    }
}
