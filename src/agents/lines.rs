//! Lines out of bytes that are split anywhere.
//!
//! Invariant: memory is bounded. A line beyond the limit is passed over up to its end.

/// Bytes of one line at most. A tool result with a large file is some megabytes.
const LINE_LIMIT: usize = 32 * 1024 * 1024;

/// Cuts bytes into lines; invalid UTF-8 becomes U+FFFD.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    overlong: bool,
}

impl Lines {
    /// The lines that these bytes complete, without their ends.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut pieces = bytes.split(|byte| *byte == b'\n');
        if let Some(first) = pieces.next() {
            self.push(first);
        }
        for piece in pieces {
            lines.extend(self.take());
            self.push(piece);
        }
        lines
    }

    /// The last line, if it has no end.
    pub(super) fn take(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.partial);
        if std::mem::take(&mut self.overlong) {
            return Some(format!("(a line of more than {LINE_LIMIT} bytes was passed over)"));
        }
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end_matches('\r');
        (!line.trim().is_empty()).then(|| line.to_owned())
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.overlong || self.partial.len() + bytes.len() > LINE_LIMIT {
            self.overlong = true;
            self.partial = Vec::new();
            return;
        }
        self.partial.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_split_gives_the_same_lines() {
        let bytes = "{\"a\":\"ä\"}\r\n\n  \nplain 漢字\nend".as_bytes();
        for size in 1..bytes.len() {
            let mut lines = Lines::default();
            let mut got: Vec<String> = bytes.chunks(size).flat_map(|chunk| lines.feed(chunk)).collect();
            got.extend(lines.take());
            assert_eq!(got, ["{\"a\":\"ä\"}", "plain 漢字", "end"], "chunks of {size}");
        }
    }

    #[test]
    fn an_endless_line_takes_no_endless_memory() {
        let mut lines = Lines::default();
        for _ in 0..40 {
            assert!(lines.feed(&[b'x'; 1024 * 1024]).is_empty());
        }
        assert!(lines.partial.capacity() <= LINE_LIMIT);
        let after = lines.feed(b"\nnext\n");
        assert!(after[0].contains("passed over") && after[1] == "next", "{after:?}");
    }
}
