//! What text is made of for the grid: a character with what belongs to it.
//!
//! A unit is what one cell (or a wide pair) holds: a base with its accents, or several characters that people see as one
//! (flags, joined and toned emoji). Not for: putting units anywhere (`writer`). Invariant: a text is cut into the same units
//! wherever its pieces are cut, as long as a piece is joined with the unit before it.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::mark::is_used_in;

/// Bytes of a unit; no real one has as many.
pub(super) const LONGEST: usize = 128;
/// Zero width joiner.
pub(super) const JOINER: char = '\u{200d}';
/// Stands for bytes that are no character.
pub(super) const REPLACEMENT: char = '\u{fffd}';
/// Variation selector 16: the character before it is shown as a picture, two columns wide.
pub(super) const SELECTOR: char = '\u{fe0f}';

/// The units of a text without controls.
pub(super) fn units(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        // Not all of it: a text may be one cluster from its beginning to its end.
        let next = text.get(..text.floor_char_boundary(2 * LONGEST))?;
        let cluster = next.graphemes(true).next()?;
        let (unit, rest) = text.split_at(length(cluster));
        text = rest;
        Some(unit)
    })
}

/// The last unit of a text, which may have controls before it; empty if it ends with one.
pub(super) fn last(text: &str) -> &str {
    let shown = text.rsplit(char::is_control).next().unwrap_or_default();
    shown.graphemes(true).next_back().and_then(|cluster| units(cluster).last()).unwrap_or_default()
}

/// How much of a cluster is one unit: what can be told from what stands before each part.
fn length(cluster: &str) -> usize {
    let mut chars = cluster.char_indices();
    let Some((_, first)) = chars.next() else { return 0 };
    if first == REPLACEMENT || first.width() == Some(0) {
        return first.len_utf8();
    }
    let mut before = first;
    let end = chars.find(|(at, c)| {
        let joins =
            extends(*c) || before == JOINER || (is_flag(*c) && *at == first.len_utf8() && is_flag(first));
        before = *c;
        !joins || at + c.len_utf8() > LONGEST
    });
    end.map_or(cluster.len(), |(at, _)| at)
}

/// Whether a character can belong to the one before it.
pub(super) fn extends(c: char) -> bool {
    c.width() == Some(0) || is_tone(c)
}

/// Whether it is one character to people and several to vt100, or is not as wide as vt100 thinks.
pub(super) fn is_joined(cluster: &str) -> bool {
    if cluster.len() < 4 {
        return false;
    }
    let mut chars = cluster.chars();
    let first = chars.next().unwrap_or_default();
    let rest = chars.as_str();
    (is_flag(first) && rest.starts_with(is_flag))
        || rest.contains(|c| is_tone(c) || matches!(c, '\u{e0020}'..='\u{e007f}'))
        || (rest.contains(JOINER) && !first.is_alphabetic())
        || (rest.starts_with('\u{fe0e}') && Some(cluster.width()) != first.width())
        || is_used_in(cluster)
}

/// Whether it is wider than what it begins with.
pub(super) fn grows(unit: &str) -> bool {
    let mut chars = unit.chars();
    let first = chars.next().and_then(UnicodeWidthChar::width);
    !chars.as_str().is_empty() && first == Some(1) && unit.width() > 1
}

/// Whether it is narrower than what it begins with.
pub(super) fn shrinks(unit: &str) -> bool {
    let mut chars = unit.chars();
    let first = chars.next().and_then(UnicodeWidthChar::width);
    !chars.as_str().is_empty() && first > Some(1) && unit.width() < 2
}

/// A letter of a flag.
fn is_flag(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

fn is_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_what_one_cell_holds() {
        let cut = |text| units(text).collect::<Vec<_>>();
        assert_eq!(cut("ae\u{301}x"), ["a", "e\u{301}", "x"]);
        assert_eq!(
            cut("👨\u{200d}👩\u{200d}👧🇩🇪👍🏽⚠\u{fe0f}"),
            ["👨\u{200d}👩\u{200d}👧", "🇩🇪", "👍🏽", "⚠\u{fe0f}"]
        );
        // One cluster to Unicode, but both take a column.
        assert_eq!(cut("ก\u{e33}"), ["ก", "\u{e33}"]);
        assert_eq!(
            cut("\u{fffd}\u{301}\u{fffd}"),
            ["\u{fffd}", "\u{301}", "\u{fffd}"],
            "nothing belongs to what is no character"
        );
        let long = format!("e{}", "\u{301}".repeat(100));
        assert_eq!(cut(&long).first().map(|unit| unit.len()), Some(127), "bounded");
        assert_eq!(last("ab\ne\u{301}"), "e\u{301}");
        assert_eq!(last("ab\n"), "");
    }
}
