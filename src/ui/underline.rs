//! What a terminal's cell has and ratatui's has no place for: lines under text that are not straight (double, curly,
//! dotted, dashed), a line over it, and that it leads somewhere.
//!
//! It travels in bits of a cell's modifiers that ratatui leaves alone, from the drawing to whoever writes the cells to a
//! terminal; where a cell leads stands beside the picture (`LinkRun`). Not for the colour of the line, which ratatui has
//! a place for. Invariant: a cell without `UNDERLINED` has no kind of line.

use std::sync::Arc;

use ratatui::style::{Modifier, Style};

use crate::term::Underline;

/// Where the kind's number begins among the bits; ratatui's own end below.
const SHIFT: u16 = 12;
/// The bits of the kind.
const BITS: u16 = 0b111 << SHIFT;

/// A line over the text.
pub const OVERLINE: Modifier = Modifier::from_bits_retain(1 << 15);
/// The cell leads somewhere.
pub const LINKED: Modifier = Modifier::from_bits_retain(1 << 11);

/// Cells of one row that lead to one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRun {
    /// The row.
    pub y: u16,
    /// The first column.
    pub from: u16,
    /// The column behind the last.
    pub to: u16,
    /// Where they lead.
    pub target: Arc<str>,
}

/// Where a cell leads; runs are in the order of the screen.
pub fn link_at(runs: &[LinkRun], x: u16, y: u16) -> Option<&str> {
    let before = runs.partition_point(|run| (run.y, run.from) <= (y, x));
    let run = runs.get(before.checked_sub(1)?)?;
    (run.y == y && x < run.to).then_some(&run.target)
}

/// The style with a line of that kind under its text.
pub(super) fn with(style: Style, kind: Underline) -> Style {
    let number = match kind {
        Underline::Plain => 0,
        Underline::Double => 2,
        Underline::Curly => 3,
        Underline::Dotted => 4,
        Underline::Dashed => 5,
    };
    style.add_modifier(Modifier::UNDERLINED | Modifier::from_bits_retain(number << SHIFT))
}

/// The number of a cell's line as SGR tells it (`4:3` is a curly one); none for a straight one or no line at all.
pub fn kind_of(modifier: Modifier) -> Option<u16> {
    let number = (modifier.bits() & BITS) >> SHIFT;
    (number > 0 && modifier.contains(Modifier::UNDERLINED)).then_some(number)
}

/// The modifiers without a line.
pub fn without(modifier: Modifier) -> Modifier {
    Modifier::from_bits_retain(modifier.bits() & !BITS).difference(Modifier::UNDERLINED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_told_beside_everything_else_that_is_set() {
        let style = with(Style::new().add_modifier(Modifier::BOLD), Underline::Curly);
        assert_eq!(kind_of(style.add_modifier), Some(3));
        assert_eq!(without(style.add_modifier), Modifier::BOLD);
        assert_eq!(kind_of(with(Style::new(), Underline::Plain).add_modifier), None);
        let own = BITS | OVERLINE.bits() | LINKED.bits();
        assert_eq!(Modifier::all().bits() & own, 0, "ratatui has taken the bits for something else");
        assert_eq!((BITS & OVERLINE.bits(), BITS & LINKED.bits()), (0, 0));
    }

    #[test]
    fn a_cell_leads_where_its_run_does_and_nowhere_beside_it() {
        let run = |y, from, to, target: &str| LinkRun { y, from, to, target: target.into() };
        let runs = [run(1, 2, 4, "a"), run(1, 4, 5, "b"), run(3, 0, 9, "c")];
        let at = |x, y| link_at(&runs, x, y);
        assert_eq!(
            [at(1, 1), at(2, 1), at(3, 1), at(4, 1), at(5, 1)],
            [None, Some("a"), Some("a"), Some("b"), None]
        );
        assert_eq!(
            [at(2, 0), at(2, 2), at(0, 3), at(8, 3), at(9, 3)],
            [None, None, Some("c"), Some("c"), None]
        );
    }
}
