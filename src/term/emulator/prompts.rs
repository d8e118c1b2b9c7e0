//! Output cut behind the sequences that mark prompts (OSC 133), so that it is known where on the screen each stands.
//!
//! Not for reading them (`osc` does). Invariant: the pieces are the output, whole and in its order, however it came.

use memchr::memmem;

/// How each of them begins.
const BEGIN: &[u8] = b"\x1b]133;";
const BEL: u8 = 7;
const ESC: u8 = 0x1b;

/// How far such a sequence has come at the end of what was cut last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Cutter {
    /// There is none.
    #[default]
    Outside,
    /// So many bytes of its beginning.
    Begun(usize),
    /// Its beginning, and part of what follows.
    Inside,
    /// The first half of its end too.
    Ending,
}

impl Cutter {
    /// The output up to the next end of such a sequence, the rest, and whether there was one.
    pub(super) fn cut<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8], bool) {
        let body = self.body(bytes);
        let end = body.and_then(|body| self.end(bytes, body));
        match end {
            Some((at, is_whole)) => {
                *self = Cutter::Outside;
                let (piece, rest) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
                (piece, rest, is_whole)
            }
            None => (bytes, &[], false),
        }
    }

    /// Where the body of a sequence goes on.
    fn body(&mut self, bytes: &[u8]) -> Option<usize> {
        match *self {
            Cutter::Inside | Cutter::Ending => return Some(0),
            Cutter::Begun(count) => {
                let wanted = BEGIN.get(count..).unwrap_or_default();
                if bytes.starts_with(wanted) {
                    *self = Cutter::Inside;
                    return Some(wanted.len());
                }
                if wanted.starts_with(bytes) {
                    *self = Cutter::Begun(count + bytes.len());
                    return None;
                }
            }
            Cutter::Outside => {}
        }
        if let Some(at) = memmem::find(bytes, BEGIN) {
            *self = Cutter::Inside;
            return Some(at + BEGIN.len());
        }
        let begun =
            (1..BEGIN.len()).rev().find(|count| bytes.ends_with(BEGIN.get(..*count).unwrap_or(BEGIN)));
        *self = begun.map_or(Cutter::Outside, Cutter::Begun);
        None
    }

    /// Behind its last byte; or where it breaks off, which is no end.
    fn end(&mut self, bytes: &[u8], body: usize) -> Option<(usize, bool)> {
        if *self == Cutter::Ending {
            return Some(if bytes.first() == Some(&b'\\') { (1, true) } else { (0, false) });
        }
        let rest = bytes.get(body..)?;
        let at = memchr::memchr2(BEL, ESC, rest)?;
        match (rest.get(at), rest.get(at + 1)) {
            (Some(&BEL), _) => Some((body + at + 1, true)),
            (_, Some(b'\\')) => Some((body + at + 2, true)),
            (_, Some(_)) => Some((body + at, false)),
            (_, None) => {
                *self = Cutter::Ending;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces, `|` behind each whole sequence, of output that comes so many bytes at a time.
    fn cut(output: &str, size: usize) -> String {
        let mut cutter = Cutter::default();
        let mut out = Vec::new();
        for chunk in output.as_bytes().chunks(size) {
            let mut rest = chunk;
            while !rest.is_empty() {
                let (piece, after, is_whole) = cutter.cut(rest);
                out.extend_from_slice(piece);
                out.extend(is_whole.then_some(b'|'));
                rest = after;
            }
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn output_is_cut_behind_each_mark_in_whatever_pieces_it_comes() {
        let output =
            "a\x1b]133;A\x07$ \x1b]133;B\x1b\\ls\x1b]13\x1b]133;C;\x1b[1m\x1b]133;D;0\x1b\\\x1b]133;A";
        let wanted =
            "a\x1b]133;A\x07|$ \x1b]133;B\x1b\\|ls\x1b]13\x1b]133;C;\x1b[1m\x1b]133;D;0\x1b\\|\x1b]133;A";
        for size in 1..=output.len() {
            assert_eq!(cut(output, size), wanted, "{size} bytes at a time");
        }
    }
}
