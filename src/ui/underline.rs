//! Lines under text that are not straight: double, curly, dotted, dashed.
//!
//! ratatui knows one kind. Which other it is travels in bits of a cell's modifiers that it leaves alone, from the drawing
//! to whoever writes the cells to a terminal. Not for the colour of the line, which ratatui has a place for. Invariant: a
//! cell without `UNDERLINED` has none of these bits.

use ratatui::style::{Modifier, Style};

use crate::term::Underline;

/// Where the kind's number begins among the bits; ratatui's own end below.
const SHIFT: u16 = 12;
/// The bits.
const BITS: u16 = 0b111 << SHIFT;

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
        assert_eq!(Modifier::all().bits() & BITS, 0, "ratatui has taken the bits for something else");
    }
}
