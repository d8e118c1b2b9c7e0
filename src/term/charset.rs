//! The character sets of old: line drawing and the British pound, chosen by escape sequences and shifts.
//!
//! Not for: anything beyond ASCII, which is UTF-8 always.

/// What a byte below 0x80 means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Charset {
    /// Itself.
    #[default]
    Ascii,
    /// DEC special graphics: lines and corners for lower-case letters.
    Lines,
    /// `#` is a pound sign.
    British,
}

/// The four sets that are designated, and which one is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Charsets {
    sets: [Charset; 4],
    shift: usize,
    /// For one character (SS2, SS3).
    single: Option<usize>,
}

/// DEC special graphics from 0x5f to 0x7e.
const LINES: [char; 32] = [
    '\u{a0}', '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼', '⎺', '⎻', '─', '⎼',
    '⎽', '├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
];

impl Charsets {
    /// Whether every byte means itself.
    pub(super) fn is_plain(&self) -> bool {
        self.single.is_none() && self.current() == Charset::Ascii
    }

    fn current(&self) -> Charset {
        self.sets.get(self.shift).copied().unwrap_or_default()
    }

    /// `ESC ( B` and its like: which set it is by its place, and what it becomes.
    pub(super) fn designate(&mut self, intermediate: u8, last: &[u8]) {
        let slot = match intermediate {
            b'(' => 0,
            b')' | b'-' => 1,
            b'*' | b'.' => 2,
            b'+' | b'/' => 3,
            _ => return,
        };
        self.sets[slot] = match last {
            b"0" | b"2" => Charset::Lines,
            b"A" => Charset::British,
            _ => Charset::Ascii,
        };
    }

    /// SO, SI, LS2, LS3.
    pub(super) fn shift(&mut self, set: usize) {
        self.shift = set.min(3);
    }

    /// SS2, SS3.
    pub(super) fn shift_once(&mut self, set: usize) {
        self.single = Some(set.min(3));
    }

    /// What a character is shown as.
    pub(super) fn shown(&mut self, c: char) -> char {
        let set = match self.single.take() {
            Some(single) => self.sets.get(single).copied().unwrap_or_default(),
            None => self.current(),
        };
        match (set, c) {
            (Charset::Lines, '_'..='~') => LINES.get((u32::from(c) - 0x5f) as usize).copied().unwrap_or(c),
            (Charset::British, '#') => '£',
            _ => c,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_lines_while_the_set_is_in_use() {
        let mut sets = Charsets::default();
        sets.designate(b'(', b"0");
        assert!(!sets.is_plain());
        let box_: String = "lqkxmj~A".chars().map(|c| sets.shown(c)).collect();
        assert_eq!(box_, "┌─┐│└┘·A");
        sets.designate(b'(', b"B");
        sets.designate(b')', b"A");
        sets.shift_once(1);
        assert_eq!((sets.shown('#'), sets.shown('#')), ('£', '#'));
        sets.shift(1);
        assert_eq!(sets.shown('#'), '£');
    }
}
