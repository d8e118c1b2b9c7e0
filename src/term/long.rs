//! A sequence that is too long to be held in one piece: skipped to its end, or gathered if it is text for the clipboard.
//!
//! Not for: finding its end (`scan`). Invariant: what is gathered has a limit, and each byte is looked at once.

use super::scan::{CLIPBOARD, MAX_CLIPBOARD, Skip, skip};

const BEL: u8 = 0x07;

/// A sequence whose end hasn't come yet.
#[derive(Debug)]
pub(super) struct Long {
    kind: Skip,
    /// What was gathered so far, if it is worth it.
    gathered: Option<Vec<u8>>,
}

/// How far the next bytes brought it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// So many bytes belong to it, and more will come.
    GoesOn(usize),
    /// It is over after so many; what was gathered, and whether it ended with BEL.
    Over(usize, Option<(Vec<u8>, bool)>),
}

impl Long {
    /// One whose text begins with these bytes.
    pub(super) fn new(kind: Skip, body: &[u8]) -> Self {
        let is_text = kind == Skip::Osc && body.starts_with(CLIPBOARD);
        Self { kind, gathered: is_text.then(Vec::new) }
    }

    /// Takes what comes next.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Progress {
        let (length, over) = skip(bytes, self.kind);
        let taken = bytes.get(..length).unwrap_or_default();
        if let Some(gathered) = &mut self.gathered {
            gathered.extend_from_slice(taken);
        }
        // Its end is not part of it.
        self.gathered.take_if(|gathered| gathered.len() > MAX_CLIPBOARD + 2);
        if over {
            Progress::Over(length, self.gathered.take().and_then(whole))
        } else {
            Progress::GoesOn(length)
        }
    }
}

/// The text without its end; nothing if it was broken off.
fn whole(mut gathered: Vec<u8>) -> Option<(Vec<u8>, bool)> {
    let (end, bell) = match gathered.as_slice() {
        [.., BEL] => (1, true),
        [.., 0x1b, b'\\'] => (2, false),
        _ => return None,
    };
    gathered.truncate(gathered.len() - end);
    (gathered.len() <= MAX_CLIPBOARD).then_some((gathered, bell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_for_the_clipboard_is_gathered_and_all_else_is_not() {
        let mut long = Long::new(Skip::Osc, b"52;c;YW");
        assert_eq!(long.take(b"52;c;YW"), Progress::GoesOn(7));
        assert_eq!(long.take(b"Jj\x1b"), Progress::GoesOn(2));
        assert_eq!(long.take(b"\x1b\\x"), Progress::Over(2, Some((b"52;c;YWJj".to_vec(), false))));
        for (kind, begin, end) in [
            (Skip::Osc, b"0;".as_slice(), b"\x07".as_slice()),
            (Skip::Osc, b"52;c;", b"\x18"),
            (Skip::Osc, b"52;c;", b"\x1b[m"),
            (Skip::String, b"52;c;", b"\x1b\\"),
        ] {
            let mut long = Long::new(kind, begin);
            long.take(begin);
            assert!(matches!(long.take(end), Progress::Over(_, None)), "{begin:?} {end:?}");
        }
        let mut long = Long::new(Skip::Osc, b"52;");
        long.take(&[b"52;".as_slice(), &vec![b'a'; MAX_CLIPBOARD]].concat());
        assert_eq!(long.take(b"\x07"), Progress::Over(1, None), "bounded");
    }
}
