//! Cells as the ui sees them.
//!
//! Not for: storing them (`vt100` and `history` do). Invariant: a cell's text is never empty and may be written to a
//! terminal as it is.

use super::clean::clean_cell;
use super::mark::{Marks, Underline};
use super::palette::{Dynamic, Palette};

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
    /// How that looks: SGR 4 with a kind, and 21.
    pub underline_kind: Underline,
    /// Its colour: SGR 58.
    pub underline_colour: Color,
    /// SGR 5 and 6.
    pub blink: bool,
    /// SGR 7.
    pub inverse: bool,
    /// SGR 8.
    pub conceal: bool,
    /// SGR 9.
    pub strike: bool,
    /// SGR 53.
    pub overline: bool,
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
    /// Where it leads (OSC 8); http, https and file only.
    pub link: Option<&'a str>,
}

impl<'a> Cell<'a> {
    /// A cell of text that may hold a mark.
    pub(super) fn of(contents: &'a str, width: u8, style: CellStyle, marks: &'a Marks) -> Cell<'a> {
        if contents.len() <= 3 {
            return Cell { text: clean_cell(contents), width, style, link: None };
        }
        let (text, extra) = marks.read(contents);
        let text = clean_cell(text);
        let Some(extra) = extra else { return Cell { text, width, style, link: None } };
        let style = CellStyle {
            dim: style.dim || extra.faint,
            underline_kind: extra.underline,
            underline_colour: extra.underline_colour,
            blink: extra.blink,
            conceal: extra.conceal,
            strike: extra.strike,
            overline: extra.overline,
            ..style
        };
        Cell { text, width, style, link: extra.link.as_deref() }
    }

    /// The same in the colours that the program gave to numbers, text and ground.
    pub(super) fn in_colours(self, palette: &Palette) -> Cell<'a> {
        let rgb = |[r, g, b]: [u8; 3]| Color::Rgb(r, g, b);
        let own = |colour: Color, default: Dynamic| match colour {
            Color::Default => palette.own(default).map_or(colour, rgb),
            Color::Index(index) => palette.own_index(index).map_or(colour, rgb),
            Color::Rgb(..) => colour,
        };
        let style = CellStyle {
            fg: own(self.style.fg, Dynamic::Foreground),
            bg: own(self.style.bg, Dynamic::Background),
            ..self.style
        };
        Cell { style, ..self }
    }
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
            ..Self::default()
        }
    }
}
