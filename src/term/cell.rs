//! Cells as the ui sees them.
//!
//! Not for: storing them (`vt100` and `history` do). Invariant: a cell's text is never empty and may be written to a
//! terminal as it is.

/// A colour that a program asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Color {
    /// The theme's own.
    #[default]
    Default,
    /// One of the 256 of the palette.
    Index(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// How a cell looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CellStyle {
    /// The text's colour.
    pub fg: Color,
    /// The colour behind it.
    pub bg: Color,
    /// SGR 1.
    pub bold: bool,
    /// SGR 2.
    pub dim: bool,
    /// SGR 3.
    pub italic: bool,
    /// SGR 4, of any kind.
    pub underline: bool,
    /// SGR 7.
    pub inverse: bool,
}

/// One character with what combines with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a> {
    /// The character; a blank for an empty cell.
    pub text: &'a str,
    /// Columns that it takes: 1 or 2.
    pub width: u8,
    /// How it looks.
    pub style: CellStyle,
}

impl From<vt100::Color> for Color {
    fn from(color: vt100::Color) -> Self {
        match color {
            vt100::Color::Default => Self::Default,
            vt100::Color::Idx(index) => Self::Index(index),
            vt100::Color::Rgb(r, g, b) => Self::Rgb(r, g, b),
        }
    }
}

impl From<&vt100::Cell> for CellStyle {
    fn from(cell: &vt100::Cell) -> Self {
        Self {
            fg: cell.fgcolor().into(),
            bg: cell.bgcolor().into(),
            bold: cell.bold(),
            dim: cell.dim(),
            italic: cell.italic(),
            underline: cell.underline(),
            inverse: cell.inverse(),
        }
    }
}
