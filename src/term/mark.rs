//! What vt100's cells have no place for: attributes, links, and characters of several parts.
//!
//! It is interned here, and its number travels in the cell's own text, as two invisible characters behind the base
//! character: so it moves with the cell, whatever vt100 does with that. Not for: a program's own variation selectors of
//! that range (they become part of an interned cluster). Invariants: numbers are never used for anything else later, and
//! the table is bounded: when it is full, new text is shown without what it would need a number for.

use std::collections::HashMap;
use std::sync::Arc;

use super::cell::Color;

/// The first of the 240 characters that are digits of a number (variation selector 17).
const FIRST: u32 = 0xe0100;
/// How many there are.
const BASE: u32 = 240;
/// The first byte of each in UTF-8; nothing else that is common begins so.
const LEAD: u8 = 0xf3;
/// The largest table: all numbers of two digits.
const MAX_ENTRIES: usize = (BASE * BASE) as usize;
/// Bytes of clusters and links that are kept.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// How a line under text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Underline {
    /// Straight, or none.
    #[default]
    Plain,
    /// Two lines.
    Double,
    /// A wave.
    Curly,
    /// Dots.
    Dotted,
    /// Dashes.
    Dashed,
}

/// Attributes that vt100 does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Extra {
    pub(super) blink: bool,
    pub(super) conceal: bool,
    pub(super) strike: bool,
    pub(super) overline: bool,
    /// Selective erase leaves it alone (DECSCA).
    pub(super) protected: bool,
    /// Faint as well as bold: vt100 holds one of the two.
    pub(super) faint: bool,
    pub(super) underline: Underline,
    pub(super) underline_colour: Color,
    pub(super) link: Option<Arc<str>>,
}

/// What one number stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Entry {
    extra: Extra,
    /// The whole character, where it is more than the base in the cell.
    cluster: Option<Box<str>>,
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Marks {
    entries: Vec<Entry>,
    numbers: HashMap<Entry, u32>,
    bytes: usize,
}

impl Marks {
    /// The two characters that stand for this; nothing if nothing is needed, or the table is full.
    pub(super) fn mark(&mut self, extra: &Extra, cluster: Option<&str>) -> Option<[char; 2]> {
        if cluster.is_none() && *extra == Extra::default() {
            return None;
        }
        let entry = Entry { extra: extra.clone(), cluster: cluster.map(Box::from) };
        let number = match self.numbers.get(&entry) {
            Some(number) => *number,
            None => self.add(entry)?,
        };
        Some([digit(number / BASE)?, digit(number % BASE)?])
    }

    fn add(&mut self, entry: Entry) -> Option<u32> {
        let cost = entry.cluster.as_ref().map_or(0, |text| text.len())
            + entry.extra.link.as_ref().map_or(0, |link| link.len());
        if self.entries.len() >= MAX_ENTRIES || self.bytes + cost > MAX_BYTES {
            return None;
        }
        self.bytes += cost;
        let number = u32::try_from(self.entries.len()).ok()?;
        self.entries.push(entry.clone());
        self.numbers.insert(entry, number);
        Some(number)
    }

    /// The character of a cell with these contents, and what its mark says.
    pub(super) fn read<'a>(&'a self, contents: &'a str) -> (&'a str, Option<&'a Extra>) {
        let Some(at) = find(contents) else { return (contents, None) };
        let (base, marks) = contents.split_at(at);
        // The last whole one counts: a character that goes on in the next piece of output is marked again.
        let digits: Vec<u32> = marks.chars().filter_map(value).collect();
        let last =
            digits.chunks_exact(2).last().map(|pair| pair.iter().fold(0, |sum, digit| sum * BASE + digit));
        let entry = last.and_then(|number| self.entries.get(usize::try_from(number).ok()?));
        match entry {
            Some(entry) => (entry.cluster.as_deref().unwrap_or(base), Some(&entry.extra)),
            None => (base, None),
        }
    }
}

/// Where the first mark stands.
fn find(contents: &str) -> Option<usize> {
    if contents.len() < 4 {
        return None;
    }
    memchr::memchr_iter(LEAD, contents.as_bytes())
        .find(|at| contents.get(*at..).and_then(|rest| rest.chars().next()).and_then(value).is_some())
}

/// Whether the text holds such characters itself.
pub(super) fn is_used_in(text: &str) -> bool {
    find(text).is_some()
}

fn digit(value: u32) -> Option<char> {
    char::from_u32(FIRST + value)
}

fn value(c: char) -> Option<u32> {
    u32::from(c).checked_sub(FIRST).filter(|value| *value < BASE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_read_back_and_the_last_mark_counts() {
        let mut marks = Marks::default();
        let strike = Extra { strike: true, ..Extra::default() };
        assert_eq!(marks.mark(&Extra::default(), None), None, "nothing to say");
        let first: String = marks.mark(&strike, None).unwrap().iter().collect();
        let second: String = marks.mark(&Extra::default(), Some("👨‍👩‍👧")).unwrap().iter().collect();
        assert_ne!(first, second);
        assert_eq!(marks.mark(&strike, None).unwrap().iter().collect::<String>(), first, "the same again");
        assert_eq!(marks.read(&format!("x{first}")), ("x", Some(&strike)));
        assert_eq!(marks.read(&format!("👨{first}{second}")).0, "👨‍👩‍👧");
        assert_eq!(marks.read("x"), ("x", None));
        assert_eq!(marks.read("e\u{301}"), ("e\u{301}", None));
        // Half a mark, and one of a number that nobody gave out.
        assert_eq!(marks.read("x\u{e0100}"), ("x", None));
        assert_eq!(marks.read("x\u{e01ef}\u{e01ef}"), ("x", None));
    }

    #[test]
    fn who_makes_marks_without_end_comes_to_an_end() {
        let mut marks = Marks::default();
        for number in 0..100_000 {
            marks.mark(
                &Extra { link: Some(format!("https://host/{number}").into()), ..Extra::default() },
                None,
            );
        }
        assert!(marks.entries.len() <= MAX_ENTRIES && marks.bytes <= MAX_BYTES);
        assert_eq!(marks.mark(&Extra { blink: true, ..Extra::default() }, None), None);
    }
}
