//! vt100, with its history behind it and its one known way to panic closed.
//!
//! Not for: sequences that it misreads (`translate` rewrites them first). Invariant: it is given whole sequences only, so
//! that between two calls its own parser is always at rest.

use std::num::NonZeroU16;

use memchr::memmem::Finder;
use vt100::capture::RowContents;

use super::history::History;
use super::run::Pen;

/// The variation selector that makes a character wide. With it in the last column vt100 loses its place, and panics
/// when that place is drawn over.
const VS16: &[u8] = "\u{fe0f}".as_bytes();

/// The screen.
pub(super) struct Grid {
    parser: vt100::Parser<Behind>,
    vs16: Finder<'static>,
}

/// What vt100 calls back.
pub(super) struct Behind {
    pub(super) history: History,
    pub(super) bells: u32,
    /// Rows that leave the screen next and belong to nothing.
    blanks: u16,
}

impl vt100::Callbacks for Behind {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.bells = self.bells.saturating_add(1);
    }

    fn visual_bell(&mut self, _: &mut vt100::Screen) {
        self.bells = self.bells.saturating_add(1);
    }

    fn on_scroll(&mut self, contents: RowContents<'_>, alternate_screen: bool) {
        if self.blanks > 0 {
            self.blanks -= 1;
        } else if !alternate_screen {
            self.history.push(&contents);
        }
    }
}

impl Grid {
    pub(super) fn new(rows: u16, cols: u16, history: History) -> Self {
        let behind = Behind { history, bells: 0, blanks: 0 };
        let parser = vt100::Parser::new_with_callbacks(at_least_one(rows), at_least_one(cols), 0, behind);
        Self { parser, vs16: Finder::new(VS16) }
    }

    /// A new screen that has this one's history.
    pub(super) fn rebuild(&mut self, rows: u16, cols: u16) {
        let history = std::mem::replace(&mut self.behind().history, History::new(0, cols));
        *self = Self::new(rows, cols, history);
    }

    /// Text and whole sequences that vt100 reads right.
    pub(super) fn process(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(at) = self.vs16.find(rest) {
            let (before, after) = rest.split_at(at);
            self.parser.process(before);
            let selector = after.get(..VS16.len()).unwrap_or_default();
            if self.screen().cursor_position().1 < self.size().1 {
                self.parser.process(selector);
            }
            rest = after.get(VS16.len()..).unwrap_or_default();
        }
        self.parser.process(rest);
    }

    /// What is written with.
    pub(super) fn pen(&self) -> Pen {
        let screen = self.screen();
        let others = [screen.bold(), screen.dim(), screen.italic(), screen.underline(), screen.inverse()];
        match (screen.fgcolor(), screen.bgcolor()) {
            (vt100::Color::Default, vt100::Color::Default) if others == [false; 5] => Pen::Bare,
            (_, vt100::Color::Default) => Pen::Other,
            _ => Pen::Coloured,
        }
    }

    /// Has all rows but the last one leave the screen for the history; whether that could be. The cursor must stand in
    /// the first column of the last row, and that must be empty.
    pub(super) fn scroll_off(&mut self) -> bool {
        let above = self.size().0 - 1;
        // A line that goes on in the last row can't be taken apart.
        let may = self.screen().cursor_position() == (above, 0)
            && above.checked_sub(1).is_some_and(|row| !self.screen().row_wrapped(row));
        if may {
            self.parser.process(format!("\x1b[{above}S").as_bytes());
        }
        may
    }

    /// Text for a screen from which all has scrolled off; it has at least a line feed for each row but one.
    pub(super) fn fill(&mut self, text: &[u8]) {
        self.behind().blanks = self.size().0 - 1;
        self.process(text);
        self.behind().blanks = 0;
    }

    pub(super) fn set_size(&mut self, rows: u16, cols: u16) {
        self.parser.set_size(at_least_one(rows), at_least_one(cols));
    }

    pub(super) fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    pub(super) fn screen_mut(&mut self) -> &mut vt100::Screen {
        self.parser.screen_mut()
    }

    /// Rows and columns.
    pub(super) fn size(&self) -> (u16, u16) {
        let (rows, cols) = self.screen().size();
        (rows.get(), cols.get())
    }

    pub(super) fn behind(&mut self) -> &mut Behind {
        self.parser.callbacks_mut()
    }

    pub(super) fn history(&self) -> &History {
        &self.parser.callbacks().history
    }
}

fn at_least_one(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap_or(NonZeroU16::MIN)
}
