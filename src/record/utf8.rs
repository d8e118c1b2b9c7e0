//! Bytes as they come from a child, made into UTF-8 as they are recorded.
//!
//! Not for: cleaning controls (a recording keeps them). Invariant: how the bytes were cut into chunks changes nothing in
//! the text that comes out in all.

/// Makes text of chunks of bytes: a character cut by a chunk's end waits for the next one, and what can't become a
/// character is U+FFFD.
#[derive(Debug, Default)]
pub struct Utf8Stream {
    /// The beginning of a character, at most three bytes.
    held: Vec<u8>,
}

impl Utf8Stream {
    /// Appends the text of this chunk to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut String) {
        if self.held.is_empty() {
            self.take(bytes, out);
        } else {
            let mut joined = std::mem::take(&mut self.held);
            joined.extend_from_slice(bytes);
            self.take(&joined, out);
        }
    }

    /// Appends what was held back: no more bytes will come.
    pub fn finish(&mut self, out: &mut String) {
        if !std::mem::take(&mut self.held).is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }

    fn take(&mut self, bytes: &[u8], out: &mut String) {
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            out.push_str(chunk.valid());
            if chunk.invalid().is_empty() {
                continue;
            }
            if chunks.peek().is_none() && is_unfinished(chunk.invalid()) {
                self.held = chunk.invalid().to_vec();
            } else {
                out.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }
}

/// Whether more bytes could make a character of these.
fn is_unfinished(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
