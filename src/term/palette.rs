//! The colours of a pane: those that it is given, and those that its program sets (OSC 4, 10, 11, 12).
//!
//! Not for: the cells' own colours. Invariant: only numbers are held and told, never the program's words.

use std::collections::BTreeMap;

use super::replies::Colours;

/// The three colours that are no number of the palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dynamic {
    /// OSC 10.
    Foreground,
    /// OSC 11.
    Background,
    /// OSC 12.
    Cursor,
}

/// Red, green and blue.
pub(super) type Rgb = [u8; 3];

/// What holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Palette {
    given: Colours,
    indexed: BTreeMap<u8, Rgb>,
    dynamic: BTreeMap<Dynamic, Rgb>,
}

impl Palette {
    pub(super) fn new(given: Colours) -> Self {
        Self { given, ..Self::default() }
    }

    /// The colours that hold where the program set none.
    pub(super) fn give(&mut self, given: Colours) {
        self.given = given;
    }

    /// Forgets what the program set.
    pub(super) fn reset(&mut self) {
        self.indexed.clear();
        self.dynamic.clear();
    }

    pub(super) fn set_index(&mut self, index: u8, colour: Option<Rgb>) {
        match colour {
            Some(colour) => drop(self.indexed.insert(index, colour)),
            None => drop(self.indexed.remove(&index)),
        }
    }

    pub(super) fn reset_indexed(&mut self) {
        self.indexed.clear();
    }

    pub(super) fn set(&mut self, which: Dynamic, colour: Option<Rgb>) {
        match colour {
            Some(colour) => drop(self.dynamic.insert(which, colour)),
            None => drop(self.dynamic.remove(&which)),
        }
    }

    /// What a cell of that number is shown in, if the program said so.
    pub(super) fn own_index(&self, index: u8) -> Option<Rgb> {
        self.indexed.get(&index).copied()
    }

    /// What text or its ground is shown in, if the program said so.
    pub(super) fn own(&self, which: Dynamic) -> Option<Rgb> {
        self.dynamic.get(&which).copied()
    }

    /// Whether the program set any.
    pub(super) fn is_given(&self) -> bool {
        self.indexed.is_empty() && self.dynamic.is_empty()
    }

    pub(super) fn index(&self, index: u8) -> Rgb {
        self.own_index(index).unwrap_or_else(|| self.given.index(index))
    }

    pub(super) fn dynamic(&self, which: Dynamic) -> Rgb {
        self.own(which).unwrap_or(match which {
            Dynamic::Foreground | Dynamic::Cursor => self.given.foreground,
            Dynamic::Background => self.given.background,
        })
    }
}

/// A colour as X names them: `rgb:hh/hh/hh` with one to four digits each, or `#` and three to twelve.
pub(super) fn parse(text: &str) -> Option<Rgb> {
    if let Some(text) = text.strip_prefix("rgb:") {
        let mut parts = text.split('/').map(scaled);
        let colour = [parts.next()??, parts.next()??, parts.next()??];
        return parts.next().is_none().then_some(colour);
    }
    let digits = text.strip_prefix('#')?;
    let each = digits.len() / 3;
    if each == 0 || each > 4 || digits.len() % 3 != 0 || !digits.is_ascii() {
        return None;
    }
    let part = |at: usize| {
        let high = digits.get(at * each..(at * each) + each.min(2))?;
        let value = u8::from_str_radix(high, 16).ok()?;
        Some(if each == 1 { value << 4 } else { value })
    };
    Some([part(0)?, part(1)?, part(2)?])
}

/// One to four hexadecimal digits as a part of 255.
fn scaled(digits: &str) -> Option<u8> {
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let value = u32::from_str_radix(digits, 16).ok()?;
    let most = (1u32 << (4 * digits.len())) - 1;
    u8::try_from(value * 255 / most).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_in_the_forms_that_programs_use() {
        let cases = [
            ("rgb:ff/80/00", Some([0xff, 0x80, 0])),
            ("rgb:f/8/0", Some([0xff, 0x88, 0])),
            ("rgb:ffff/8080/0000", Some([0xff, 0x80, 0])),
            ("#fff", Some([0xf0; 3])),
            ("#ff8000", Some([0xff, 0x80, 0])),
            ("#ffff80800000", Some([0xff, 0x80, 0])),
            ("rgb:ff/80", None),
            ("rgb:ff/80/00/1", None),
            ("rgb:fffff/0/0", None),
            ("#", None),
            ("#ffff", None),
            ("#ééé", None),
            ("red", None),
        ];
        for (text, colour) in cases {
            assert_eq!(parse(text), colour, "{text}");
        }
    }

    #[test]
    fn what_is_set_holds_until_it_is_taken_back() {
        let mut palette = Palette::new(Colours::default());
        palette.set_index(1, Some([1, 2, 3]));
        palette.set(Dynamic::Background, Some([9; 3]));
        assert_eq!((palette.index(1), palette.dynamic(Dynamic::Background)), ([1, 2, 3], [9; 3]));
        palette.reset();
        assert_eq!((palette.index(1), palette.dynamic(Dynamic::Background)), ([0xcd, 0, 0], [0; 3]));
    }
}
