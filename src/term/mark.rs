//! What vt100's cells have no place for: attributes, links, and characters of several parts.
//!
//! It is interned here, and its number travels in the cell's own text, as two invisible characters behind the base
//! character: so it moves with the cell, whatever vt100 does with that. Not for: a program's own variation selectors of
//! that range (they become part of an interned cluster). Invariants: a number is used for something else only when
//! nothing that can be shown has it any more (`sweep`), and the table is bounded: when it is full of what is shown, new
//! text is shown without what it would need a number for.

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
/// What an entry counts for beside its text, so that both limits are reached by the same sum.
const ENTRY_COST: usize = MAX_BYTES / MAX_ENTRIES;

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
    /// By number; nothing where a number is free.
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    numbers: HashMap<Entry, u32>,
    bytes: usize,
    /// What was added since the last sweep, and what found no room.
    since: usize,
}

/// Numbers that something has.
#[derive(Debug)]
pub(super) struct Used(Vec<bool>);

impl Used {
    /// Those in a text.
    pub(super) fn note(&mut self, text: &str) {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(find) {
            from += at;
            let mut digits = text.get(from..).unwrap_or_default().chars();
            while let Some(high) = digits.next().and_then(value) {
                from += char::len_utf8('\u{e0100}');
                let Some(low) = digits.next().and_then(value) else { break };
                from += char::len_utf8('\u{e0100}');
                let slot = usize::try_from(high * BASE + low).ok().and_then(|number| self.0.get_mut(number));
                slot.into_iter().for_each(|slot| *slot = true);
            }
        }
    }
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
        let cost = cost(&entry);
        self.since += cost + ENTRY_COST;
        if self.numbers.len() >= MAX_ENTRIES || self.bytes + cost > MAX_BYTES {
            return None;
        }
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.entries.push(None);
                u32::try_from(self.entries.len() - 1).ok()?
            }
        };
        *self.entries.get_mut(usize::try_from(number).ok()?)? = Some(entry.clone());
        self.bytes += cost;
        self.numbers.insert(entry, number);
        Some(number)
    }

    /// Whether a sweep is due: little room is left, and enough came since the last one to be worth another.
    pub(super) fn is_crowded(&self) -> bool {
        let full = (self.bytes + self.numbers.len() * ENTRY_COST) / 3 * 4 > MAX_BYTES;
        full && self.since > MAX_BYTES / 16
    }

    /// None used yet; to be told of all that is.
    pub(super) fn unused(&self) -> Used {
        Used(vec![false; self.entries.len()])
    }

    /// Frees the numbers that nothing has.
    pub(super) fn sweep(&mut self, used: &Used) {
        self.since = 0;
        for ((number, entry), used) in (0..).zip(&mut self.entries).zip(&used.0) {
            if let Some(entry) = if *used { None } else { entry.take() } {
                self.bytes -= cost(&entry);
                self.numbers.remove(&entry);
                self.free.push(number);
            }
        }
    }

    /// The character of a cell with these contents, and what its mark says.
    pub(super) fn read<'a>(&'a self, contents: &'a str) -> (&'a str, Option<&'a Extra>) {
        let Some(at) = find(contents) else { return (contents, None) };
        let (base, marks) = contents.split_at(at);
        // The last whole one counts: a character that goes on in the next piece of output is marked again.
        let digits: Vec<u32> = marks.chars().filter_map(value).collect();
        let last =
            digits.chunks_exact(2).last().map(|pair| pair.iter().fold(0, |sum, digit| sum * BASE + digit));
        let entry = last.and_then(|number| self.entries.get(usize::try_from(number).ok()?)?.as_ref());
        match entry {
            Some(entry) => (entry.cluster.as_deref().unwrap_or(base), Some(&entry.extra)),
            None => (base, None),
        }
    }
}

/// Bytes of text that it holds.
fn cost(entry: &Entry) -> usize {
    entry.cluster.as_ref().map_or(0, |text| text.len())
        + entry.extra.link.as_ref().map_or(0, |link| link.len())
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
        let blink = Extra { blink: true, ..Extra::default() };
        let before = marks.mark(&blink, None);
        marks.mark(&Extra { link: Some("x".repeat(MAX_BYTES).into()), ..Extra::default() }, None);
        assert!(marks.is_crowded());
        let kept = Extra { link: Some("https://host/7".into()), ..Extra::default() };
        let number = marks.mark(&kept, None).unwrap();
        let mut used = marks.unused();
        used.note(&format!("a\u{1b}[1mb{}{}c", number[0], number[1]));
        marks.sweep(&used);
        assert!(!marks.is_crowded());
        assert_eq!(marks.numbers.len(), 1, "{before:?}");
        assert_eq!(marks.mark(&kept, None), Some(number), "what is shown keeps its number");
        assert_ne!(marks.mark(&blink, None).unwrap(), number);
    }
}
