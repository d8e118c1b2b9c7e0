//! Finding the end of an escape sequence.
//!
//! Not for: what it means (`translate`). Invariant: the answer depends on the bytes alone, not on how they were cut into
//! chunks: a sequence that isn't whole is reported as such, and one beyond its limit is ignored to its end.

use memchr::{memchr, memchr3};

/// The beginning of every sequence.
pub(super) const ESC: u8 = 0x1b;
/// The longest control sequence that is read; real ones have some dozens of bytes.
const MAX_CSI: usize = 256;
/// The longest OSC, DCS or other string that is read: a status report may have 4096 bytes.
const MAX_STRING: usize = 8 * 1024;
/// The same for text on its way to the clipboard, which is as long as what someone copied.
pub(super) const MAX_CLIPBOARD: usize = 1024 * 1024;
/// How that begins, behind `ESC ]`.
pub(super) const CLIPBOARD: &[u8] = b"52;";
/// Bytes between `ESC` and its final byte; no known sequence has more than two.
const MAX_ESCAPE: usize = 8;

const BEL: u8 = 0x07;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;

/// What stands at the beginning of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan<'a> {
    /// Its end isn't there yet.
    Incomplete,
    /// Its end isn't there yet, and it is too long to be read: all up to its end is to be skipped.
    TooLong(Skip),
    /// It takes so many bytes.
    Complete(usize, Sequence<'a>),
}

/// A whole sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sequence<'a> {
    /// What stands after `ESC [`, with the final byte.
    Csi(&'a [u8]),
    /// What stands after `ESC`.
    Escape(&'a [u8]),
    /// What stands between `ESC ]` and the end, and whether that was BEL.
    Osc(&'a [u8], bool),
    /// What stands between `ESC P` and the end.
    Dcs(&'a [u8]),
    /// Strings that nobody reads, and what was broken off or too long.
    Ignored,
}

/// What a skipped sequence ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skip {
    /// A final byte.
    Csi,
    /// BEL or ST.
    Osc,
    /// ST.
    String,
}

/// Reads the sequence at the beginning of `bytes`, which start with `ESC`.
pub(super) fn scan(bytes: &[u8]) -> Scan<'_> {
    match bytes.get(1) {
        None => Scan::Incomplete,
        Some(b'[') => scan_csi(bytes),
        Some(b']') => scan_string(bytes, Skip::Osc),
        Some(b'P' | b'X' | b'^' | b'_') => scan_string(bytes, Skip::String),
        Some(_) => scan_escape(bytes),
    }
}

/// How many bytes of a sequence that is being skipped are at the beginning of `bytes`, and whether it is over then.
pub(super) fn skip(bytes: &[u8], skip: Skip) -> (usize, bool) {
    match skip {
        Skip::Csi => csi_end(bytes).map_or((bytes.len(), false), |(end, _)| (end, true)),
        Skip::Osc | Skip::String => match string_end(bytes, skip) {
            StringEnd::At { next, .. } => (next, true),
            // An ESC at the very end may be the first half of ST.
            StringEnd::Unknown if bytes.last() == Some(&ESC) => (bytes.len() - 1, false),
            StringEnd::Unknown => (bytes.len(), false),
        },
    }
}

fn scan_csi(bytes: &[u8]) -> Scan<'_> {
    let body = bytes.get(2..).unwrap_or_default();
    match csi_end(body) {
        None if body.len() > MAX_CSI => Scan::TooLong(Skip::Csi),
        None => Scan::Incomplete,
        Some((end, true)) if end <= MAX_CSI => {
            Scan::Complete(end + 2, Sequence::Csi(body.get(..end).unwrap_or_default()))
        }
        Some((end, _)) => Scan::Complete(end + 2, Sequence::Ignored),
    }
}

/// Where a control sequence is over, and whether it ended properly.
fn csi_end(body: &[u8]) -> Option<(usize, bool)> {
    let (at, byte) =
        body.iter().enumerate().find(|(_, byte)| matches!(**byte, 0x40..=0x7e | CAN | SUB | ESC))?;
    Some(match *byte {
        // The next sequence begins in the middle of this one.
        ESC => (at, false),
        CAN | SUB => (at + 1, false),
        _ => (at + 1, true),
    })
}

fn scan_escape(bytes: &[u8]) -> Scan<'_> {
    let body = bytes.get(1..).unwrap_or_default();
    let end = body.iter().position(|byte| !matches!(byte, 0x20..=0x2f));
    match end {
        None if body.len() > MAX_ESCAPE => Scan::Complete(bytes.len().min(MAX_ESCAPE + 1), Sequence::Ignored),
        None => Scan::Incomplete,
        Some(end) if end > MAX_ESCAPE => Scan::Complete(MAX_ESCAPE + 1, Sequence::Ignored),
        Some(end) => match body.get(end) {
            Some(0x30..=0x7e) => {
                Scan::Complete(end + 2, Sequence::Escape(body.get(..=end).unwrap_or_default()))
            }
            // What can't end a sequence breaks it off, and is read again as what it is.
            _ => Scan::Complete(end + 1, Sequence::Ignored),
        },
    }
}

fn scan_string(bytes: &[u8], kind: Skip) -> Scan<'_> {
    let body = bytes.get(2..).unwrap_or_default();
    match string_end(body, kind) {
        // An ESC at the very end may be the first half of its end, and no part of it.
        StringEnd::Unknown if body.len() - usize::from(body.last() == Some(&ESC)) > MAX_STRING => {
            Scan::TooLong(kind)
        }
        StringEnd::Unknown => Scan::Incomplete,
        StringEnd::At { text, next, proper, bell } => {
            let text = body.get(..text).filter(|text| proper && text.len() <= limit(text, kind));
            let sequence = match (text, bytes.get(1)) {
                (Some(text), Some(b']')) => Sequence::Osc(text, bell),
                (Some(text), Some(b'P')) => Sequence::Dcs(text),
                _ => Sequence::Ignored,
            };
            Scan::Complete(next + 2, sequence)
        }
    }
}

/// The longest of its kind that is read.
fn limit(body: &[u8], kind: Skip) -> usize {
    if kind == Skip::Osc && body.starts_with(CLIPBOARD) { MAX_CLIPBOARD } else { MAX_STRING }
}

enum StringEnd {
    Unknown,
    At { text: usize, next: usize, proper: bool, bell: bool },
}

fn string_end(body: &[u8], kind: Skip) -> StringEnd {
    let mut from = 0;
    while let Some(rest) = body.get(from..) {
        // BEL ends only an OSC; in other strings it is a byte like any other.
        let cancel = memchr3(ESC, CAN, SUB, rest);
        let bell = if kind == Skip::Osc {
            memchr(BEL, rest.get(..cancel.unwrap_or(rest.len())).unwrap_or_default())
        } else {
            None
        };
        let Some(at) = bell.or(cancel).map(|at| from + at) else { return StringEnd::Unknown };
        match (body.get(at), body.get(at + 1)) {
            (Some(&BEL), _) => return StringEnd::At { text: at, next: at + 1, proper: true, bell: true },
            (Some(&ESC), None) => return StringEnd::Unknown,
            (Some(&ESC), Some(b'\\')) => {
                return StringEnd::At { text: at, next: at + 2, proper: true, bell: false };
            }
            // Another sequence begins: this one is broken off before it.
            (Some(&ESC), Some(_)) => return StringEnd::At { text: at, next: at, proper: false, bell: false },
            (Some(_), _) => return StringEnd::At { text: at, next: at + 1, proper: false, bell: false },
            (None, _) => from = at + 1,
        }
    }
    StringEnd::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_found_with_its_end() {
        let cases: [(&[u8], Scan<'_>); 13] = [
            (b"\x1b[1;2Hx", Scan::Complete(6, Sequence::Csi(b"1;2H"))),
            (b"\x1b[1;2", Scan::Incomplete),
            (b"\x1b[1\x1b[m", Scan::Complete(3, Sequence::Ignored)),
            (b"\x1b[1\x18m", Scan::Complete(4, Sequence::Ignored)),
            (b"\x1b(Bx", Scan::Complete(3, Sequence::Escape(b"(B"))),
            (b"\x1b7", Scan::Complete(2, Sequence::Escape(b"7"))),
            (b"\x1b", Scan::Incomplete),
            (b"\x1b\x1b[m", Scan::Complete(1, Sequence::Ignored)),
            (b"\x1b]0;a\x07x", Scan::Complete(6, Sequence::Osc(b"0;a", true))),
            (b"\x1b]0;a\x1b\\x", Scan::Complete(7, Sequence::Osc(b"0;a", false))),
            (b"\x1b]0;a\x1b", Scan::Incomplete),
            (b"\x1b]0;a\x1b[m", Scan::Complete(5, Sequence::Ignored)),
            (b"\x1bP+q\x07\x1b\\", Scan::Complete(7, Sequence::Dcs(b"+q\x07"))),
        ];
        for (bytes, expected) in cases {
            assert_eq!(scan(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_is_too_long_is_ignored_to_its_end() {
        let long = [b"\x1b]0;".as_slice(), &[b'a'; MAX_STRING + 1]].concat();
        assert_eq!(scan(&long), Scan::TooLong(Skip::Osc));
        let ended = [long.as_slice(), b"\x07z"].concat();
        assert_eq!(scan(&ended), Scan::Complete(ended.len() - 1, Sequence::Ignored));
        let longest = [b"\x1bP".as_slice(), &[b'a'; MAX_STRING]].concat();
        assert_eq!(
            scan(&[longest.as_slice(), b"\x1b"].concat()),
            Scan::Incomplete,
            "its end may be half there"
        );
        let whole = [longest.as_slice(), b"\x1b\\"].concat();
        assert!(matches!(scan(&whole), Scan::Complete(_, Sequence::Dcs(_))));
        assert_eq!(skip(b"aaa\x07z", Skip::Osc), (4, true));
        assert_eq!(skip(b"aaa\x1b", Skip::Osc), (3, false));
        assert_eq!(skip(b"\x1b\\z", Skip::Osc), (2, true));
        assert_eq!(skip(b"aaa\x07", Skip::String), (4, false));
        assert_eq!(skip(b"11;1mz", Skip::Csi), (5, true));
    }
}
