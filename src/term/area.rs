//! Rectangles of the screen: filled, erased, copied, summed up; and blanks in the pen's background where vt100 leaves
//! them without.
//!
//! Not for: reading the sequences (`control`). Invariant: cursor, pen and origin are afterwards as they were.

use super::grid::Grid;
use super::mark::Marks;

/// Rows and columns from 0, the last ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) top: u16,
    pub(super) left: u16,
    pub(super) bottom: u16,
    pub(super) right: u16,
}

/// Where the cursor and the origin were, to be put back.
pub(super) struct Rest {
    cursor: (u16, u16),
    attributes: String,
    /// The first row of the scroll region, if rows are counted from there.
    origin: Option<u16>,
}

impl Rest {
    /// Makes rows count from the screen's first one.
    pub(super) fn take(grid: &mut Grid, origin: Option<u16>) -> Rest {
        let screen = grid.screen();
        let rest =
            Rest { cursor: screen.cursor_position(), attributes: screen.attributes_formatted(), origin };
        if origin.is_some() {
            grid.process(b"\x1b[?6l");
        }
        rest
    }

    /// Puts everything back. A wrap that was about to happen is kept only if the cursor was not moved.
    pub(super) fn put_back(self, grid: &mut Grid) {
        grid.process(self.attributes.as_bytes());
        let columns = grid.size().1;
        let (row, column) = self.cursor;
        if self.origin.is_some() {
            grid.process(b"\x1b[?6h");
        }
        if grid.screen().cursor_position() != self.cursor {
            let row = row.saturating_sub(self.origin.unwrap_or(0));
            go(grid, row, column.min(columns - 1));
        }
    }
}

impl Area {
    fn rows(self) -> impl Iterator<Item = u16> {
        self.top..=self.bottom
    }

    /// How many cells it has.
    pub(super) fn cells(self) -> usize {
        usize::from(self.bottom - self.top + 1) * usize::from(self.width())
    }

    fn width(self) -> u16 {
        self.right - self.left + 1
    }
}

/// Puts the cursor there.
pub(super) fn go(grid: &mut Grid, row: u16, column: u16) {
    grid.process(format!("\x1b[{};{}H", u32::from(row) + 1, u32::from(column) + 1).as_bytes());
}

/// Erases with the pen's background.
pub(super) fn erase(grid: &mut Grid, area: Area) {
    for row in area.rows() {
        go(grid, row, area.left);
        grid.process(format!("\x1b[{}X", area.width()).as_bytes());
    }
}

/// Erases what is not protected, and leaves attributes as they are.
pub(super) fn erase_unprotected(grid: &mut Grid, marks: &Marks, area: Area) {
    for row in area.rows() {
        for column in area.left..=area.right {
            let Some(cell) = grid.screen().cell(row, column) else { continue };
            let protected = marks.read(cell.contents()).1.is_some_and(|extra| extra.protected);
            if !protected && cell.has_contents() {
                let attributes = attributes(cell);
                go(grid, row, column);
                grid.process(format!("{attributes}\x1b[X").as_bytes());
            }
        }
    }
}

/// Fills with a character.
pub(super) fn fill(grid: &mut Grid, area: Area, text: &str) {
    for row in area.rows() {
        go(grid, row, area.left);
        grid.process(text.repeat(usize::from(area.width())).as_bytes());
    }
}

/// The cells of an area as text that draws them again, row by row.
pub(super) fn read(grid: &Grid, area: Area) -> Vec<String> {
    area.rows()
        .map(|row| {
            let cells = (area.left..=area.right).filter_map(|column| grid.screen().cell(row, column));
            cells.filter(|cell| !cell.is_wide_continuation()).map(drawn).collect()
        })
        .collect()
}

/// Draws rows that were read, from a corner on, inside of an area.
pub(super) fn draw(grid: &mut Grid, top: u16, left: u16, rows: &[String]) {
    for (row, cells) in (top..).zip(rows) {
        if row >= grid.size().0 {
            return;
        }
        go(grid, row, left);
        grid.process(cells.as_bytes());
    }
}

/// The sum of the characters of an area, as DECRQCRA has it: negated, blanks as spaces, attributes left out.
pub(super) fn checksum(grid: &Grid, marks: &Marks, area: Area) -> u16 {
    let cells = area.rows().flat_map(|row| (area.left..=area.right).map(move |column| (row, column)));
    let sum = cells.filter_map(|(row, column)| grid.screen().cell(row, column)).fold(0u16, |sum, cell| {
        let (text, _) = marks.read(cell.contents());
        let code = text.chars().next().map_or(32, u32::from);
        sum.wrapping_add(u16::try_from(code & 0xffff).unwrap_or(0))
    });
    0u16.wrapping_sub(sum)
}

/// A cell with its attributes, as it would be written.
fn drawn(cell: &vt100::Cell) -> String {
    let attributes = attributes(cell);
    if cell.has_contents() {
        format!("{attributes}{}", cell.contents())
    } else {
        format!("{attributes}\x1b[X\x1b[C")
    }
}

fn attributes(cell: &vt100::Cell) -> String {
    let mut out = String::from("\x1b[0");
    for (on, number) in
        [(cell.bold(), 1), (cell.dim(), 2), (cell.italic(), 3), (cell.underline(), 4), (cell.inverse(), 7)]
    {
        if on {
            out.push_str(&format!(";{number}"));
        }
    }
    for (colour, ground) in [(cell.fgcolor(), 38), (cell.bgcolor(), 48)] {
        match colour {
            vt100::Color::Default => {}
            vt100::Color::Idx(index) => out.push_str(&format!(";{ground};5;{index}")),
            vt100::Color::Rgb(r, g, b) => out.push_str(&format!(";{ground};2;{r};{g};{b}")),
        }
    }
    out.push('m');
    out
}
