//! Framing of all conversations over Unix sockets: `[u32 little-endian length][u8 tag][payload]`.
//!
//! Not for: what a tag means (each conversation has its own file). Invariant: a length beyond [`MAX_FRAME`] is an error
//! before anything is allocated for it, and after an error a [`Decoder`] yields nothing more.

use std::io::{self, Read, Write};

/// The most bytes that tag and payload of one frame may have: 16 MiB.
pub const MAX_FRAME: usize = 16 * 1024 * 1024;

const HEADER: usize = 4;

/// One message: what it is, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Which message of the conversation this is.
    pub tag: u8,
    /// The message's content, in the form that the tag says.
    pub payload: Vec<u8>,
}

/// Why a frame can't be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The length is beyond [`MAX_FRAME`]: the peer speaks something else.
    #[error("read a frame of {0} bytes (the limit is {MAX_FRAME})")]
    TooLong(usize),
    /// A frame without even its tag.
    #[error("read an empty frame")]
    Empty,
    /// The socket failed.
    #[error("read from or write to the socket: {0}")]
    Io(#[from] io::Error),
}

/// The bytes of one frame. A payload beyond the limit is cut by the caller; here it is only framed.
#[must_use]
pub fn encode(tag: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + 1 + payload.len());
    encode_into(&mut out, tag, &[payload]);
    out
}

/// Appends one frame whose payload is the given parts one after the other.
pub fn encode_into(out: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    let length = 1 + parts.iter().map(|part| part.len()).sum::<usize>();
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    out.push(tag);
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Writes one frame in one go.
pub fn write_frame(to: &mut impl Write, tag: u8, payload: &[u8]) -> Result<(), FrameError> {
    Ok(to.write_all(&encode(tag, payload))?)
}

/// Reads one frame, or `None` if the peer closed between two frames.
pub fn read_frame(from: &mut impl Read) -> Result<Option<Frame>, FrameError> {
    let mut header = [0u8; HEADER];
    if !read_header(from, &mut header)? {
        return Ok(None);
    }
    let (mut tag, mut payload) = ([0u8; 1], vec![0u8; checked_length(header)? - 1]);
    from.read_exact(&mut tag)?;
    from.read_exact(&mut payload)?;
    Ok(Some(Frame { tag: u8::from_le_bytes(tag), payload }))
}

/// Takes bytes as they come and gives whole frames; for readers that may not block.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Bytes at the front of `buffer` that were handed out already.
    taken: usize,
    broken: bool,
}

impl Decoder {
    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken > 0 && (self.taken == self.buffer.len() || self.taken >= 64 * 1024) {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, or `None` until more bytes come.
    #[expect(clippy::should_implement_trait, reason = "it is fallible, and ends only for now")]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let Some((header, body)) = rest.split_first_chunk::<HEADER>().filter(|_| !self.broken) else {
            return Ok(None);
        };
        let length = checked_length(*header).inspect_err(|_| self.broken = true)?;
        let Some(body) = body.get(..length) else { return Ok(None) };
        let frame = body.split_first().map(|(tag, payload)| Frame { tag: *tag, payload: payload.to_vec() });
        self.taken += HEADER + length;
        Ok(frame)
    }

    /// How many bytes wait for the rest of their frame.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.taken
    }
}

/// Whether a header was there: a close before its first byte is an ordinary end.
fn read_header(from: &mut impl Read, header: &mut [u8; HEADER]) -> io::Result<bool> {
    let (first, rest) = header.split_at_mut(1);
    loop {
        match from.read(first) {
            Ok(0) => return Ok(false),
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    from.read_exact(rest).map(|()| true)
}

fn checked_length(header: [u8; HEADER]) -> Result<usize, FrameError> {
    match u32::from_le_bytes(header) as usize {
        0 => Err(FrameError::Empty),
        length if length > MAX_FRAME => Err(FrameError::TooLong(length)),
        length => Ok(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_frame_written_is_the_frame_read() {
        let mut wire = Vec::new();
        write_frame(&mut wire, 7, b"hello").unwrap();
        write_frame(&mut wire, 8, b"").unwrap();
        let mut from = wire.as_slice();
        assert_eq!(read_frame(&mut from).unwrap(), Some(Frame { tag: 7, payload: b"hello".to_vec() }));
        assert_eq!(read_frame(&mut from).unwrap(), Some(Frame { tag: 8, payload: vec![] }));
        assert_eq!(read_frame(&mut from).unwrap(), None);
    }

    #[test]
    fn a_peer_that_dies_in_a_frame_is_an_error_not_an_end() {
        let wire = encode(1, b"cut short");
        assert!(read_frame(&mut &wire[..6]).is_err());
        assert!(read_frame(&mut &wire[..2]).is_err());
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_it_is_allocated() {
        let wire = [0xff, 0xff, 0xff, 0xff, 1];
        assert!(matches!(read_frame(&mut wire.as_slice()), Err(FrameError::TooLong(_))));
        let mut decoder = Decoder::default();
        decoder.push(&wire);
        assert!(matches!(decoder.next(), Err(FrameError::TooLong(_))));
        decoder.push(&encode(1, b"after the error"));
        assert!(decoder.next().unwrap().is_none(), "nothing is believed after an error");
    }

    proptest! {
        #[test]
        fn any_split_of_the_stream_gives_the_same_frames(
            frames in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..300)), 0..8),
            step in 1usize..50,
        ) {
            let wire: Vec<u8> = frames.iter().flat_map(|(tag, payload)| encode(*tag, payload)).collect();
            let mut decoder = Decoder::default();
            let mut got = Vec::new();
            for piece in wire.chunks(step) {
                decoder.push(piece);
                while let Some(frame) = decoder.next().unwrap() {
                    got.push((frame.tag, frame.payload));
                }
            }
            prop_assert_eq!(got, frames);
            prop_assert_eq!(decoder.pending(), 0);
        }
    }
}
