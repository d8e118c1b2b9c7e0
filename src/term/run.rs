//! A run of text and sequences that goes to vt100 in one piece.
//!
//! While the pen has a background, rows that come in at the bottom must get it, which vt100 does not do: text that could
//! bring one in does not join the run. Not for: finding sequences (`scan`). Invariant: what is in a run brings no row in
//! while the pen has a background; where that, or anything else, can't be known without the grid, the answer is no.

use super::sgr::Ground;

const TAB: u8 = 0x09;
const FORM_FEED: u8 = 0x0c;

/// What is known of the grid's pen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Pen {
    /// It has no attributes.
    #[default]
    Bare,
    /// It has some, and no background.
    Other,
    /// It has a background.
    Coloured,
}

/// What was looked at and was not sent yet.
#[derive(Debug)]
pub(super) struct Run {
    /// Its first byte.
    pub(super) start: usize,
    /// Columns at least that are free behind the cursor at its end, if that is known.
    room: Option<usize>,
    /// The pen has a background at its end.
    coloured: bool,
    /// The pen has no attributes at its end.
    bare: bool,
}

impl Run {
    /// An empty run.
    pub(super) fn new(start: usize, pen: Pen) -> Self {
        Self { start, room: None, coloured: pen == Pen::Coloured, bare: pen == Pen::Bare }
    }

    /// Whether the pen has a background at its end.
    pub(super) fn is_coloured(&self) -> bool {
        self.coloured
    }

    /// What is known for sure: so many columns are free behind the cursor.
    pub(super) fn set_room(&mut self, columns: usize) {
        self.room = Some(columns);
    }

    /// Takes text in, unless it might bring a row in that needs a background.
    pub(super) fn takes(&mut self, text: &[u8], columns: usize) -> bool {
        if !self.coloured {
            self.room = room_after(text, self.room, columns);
            return true;
        }
        // A character has at least as many bytes as columns, a tab aside.
        let left = self.room.and_then(|room| room.checked_sub(text.len()));
        let stays = left.is_some() && !text.iter().any(|byte| (TAB..=FORM_FEED).contains(byte));
        if stays {
            self.room = left;
        }
        stays
    }

    /// The cursor has moved to another column: one that leaves so many free, if that is known.
    pub(super) fn moves(&mut self, room: Option<usize>) {
        self.room = room;
    }

    /// Whether the cursor is on a cell, and what is erased there is as empty as what was never written.
    pub(super) fn leaves_nothing(&self) -> bool {
        self.bare && self.room.is_some_and(|room| room > 0)
    }

    /// The pen has changed, by attributes with these parameters.
    pub(super) fn paints(&mut self, ground: Ground, parameters: &[u8]) {
        self.bare = matches!(parameters, b"" | b"0");
        match ground {
            Ground::Same => {}
            Ground::Coloured => self.coloured = true,
            Ground::Usual => self.coloured = false,
        }
    }
}

/// Columns that are free behind the cursor after text that may do anything.
fn room_after(text: &[u8], room: Option<usize>, columns: usize) -> Option<usize> {
    let (line, room) = match memchr::memrchr(b'\r', text) {
        Some(at) => (text.get(at + 1..).unwrap_or_default(), Some(columns)),
        None => (text, room),
    };
    room?.checked_sub(line.len()).filter(|_| memchr::memchr(TAB, line).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coloured_text_joins_only_where_it_can_bring_no_row_in() {
        let mut run = Run::new(0, Pen::Coloured);
        assert!(!run.takes(b"x", 10), "nobody knows where the cursor is");
        run.set_room(4);
        assert!(run.takes(b"abc", 10));
        assert!(!run.takes(b"de", 10), "it could wrap");
        assert!(!run.takes(b"\n", 10) && !run.takes(b"\t", 10));
        assert!(run.takes(b"d", 10));
        run.paints(Ground::Usual, b"49");
        assert!(run.takes(b"anything\nat all\r\nabcd", 10));
        run.paints(Ground::Coloured, b"41");
        assert!(run.takes(b"efghi", 10) && !run.takes(b"k", 10));
        run.paints(Ground::Usual, b"49");
        assert!(run.takes(b"\r\ta", 10));
        run.paints(Ground::Coloured, b"41");
        assert!(!run.takes(b"k", 10), "a tab is wider than its byte");
        run.set_room(10);
        run.moves(None);
        assert!(!run.takes(b"k", 10));
        run.moves(Some(1));
        assert!(run.takes(b"k", 10) && !run.takes(b"k", 10));
    }

    #[test]
    fn blanks_are_as_if_never_written_only_where_the_pen_and_the_column_are_known() {
        let mut run = Run::new(0, Pen::Bare);
        assert!(!run.leaves_nothing(), "the cursor may be behind the last column");
        run.moves(Some(2));
        assert!(run.leaves_nothing());
        run.paints(Ground::Same, b"31");
        assert!(!run.leaves_nothing());
        run.paints(Ground::Usual, b"0");
        assert!(run.leaves_nothing() && run.takes(b"ab", 10));
        assert!(!run.leaves_nothing(), "it is about to wrap");
    }
}
