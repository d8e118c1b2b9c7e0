//! What the terminal sends, read: keys, the mouse, pastes, focus.
//!
//! crossterm's own reader takes Shift-F3 for a report of the cursor and drops what kitty's protocol tells beside a key,
//! so it is not used for a session's screen. Not for what a key means. Invariants: bytes never fail, what is no input is
//! left out; a sequence that came in pieces is the same as one that came whole.

mod csi;
mod mouse;

use std::time::Duration;

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyEventState, KeyModifiers};

use crate::protocol::client::{KeyParts, ToServer};

/// How long the rest of a sequence is waited for: then ESC was a key.
const SEQUENCE: Duration = Duration::from_millis(30);
/// How long the rest of a paste is waited for.
const PASTE: Duration = Duration::from_secs(3);
/// Bytes of the longest sequence.
const LONGEST: usize = 256;
/// Begins and ends a paste.
const BRACKETS: [&[u8]; 2] = [b"\x1b[200~", b"\x1b[201~"];

/// Reads input that comes in pieces.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// Bytes of a paste that its end was looked for in.
    searched: usize,
}

/// What the first bytes are.
#[derive(Debug, PartialEq)]
enum Taken {
    /// The beginning of something.
    Part,
    /// So many bytes that say nothing here.
    Nothing(usize),
    /// So many bytes that are input.
    Input(usize, ToServer),
}

impl Decoder {
    /// Takes bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How long the rest of what has begun is waited for; none if nothing has.
    pub fn patience(&self) -> Option<Duration> {
        let is_paste = self.bytes.starts_with(BRACKETS[0]);
        (!self.bytes.is_empty()).then_some(if is_paste { PASTE } else { SEQUENCE })
    }

    /// The next input that is there as a whole.
    pub fn next(&mut self) -> Option<ToServer> {
        self.take(false)
    }

    /// The next input, its rest not being waited for any more.
    pub fn next_as_it_is(&mut self) -> Option<ToServer> {
        self.take(true)
    }

    fn take(&mut self, ends: bool) -> Option<ToServer> {
        while !self.bytes.is_empty() {
            let taken =
                if self.bytes.starts_with(BRACKETS[0]) { self.paste(ends) } else { read(&self.bytes, ends) };
            match taken {
                Taken::Part => return None,
                Taken::Nothing(count) => self.forget(count),
                Taken::Input(count, input) => {
                    self.forget(count);
                    return Some(input);
                }
            }
        }
        None
    }

    fn forget(&mut self, count: usize) {
        self.bytes.drain(..count.clamp(1, self.bytes.len()));
        self.searched = 0;
    }

    fn paste(&mut self, ends: bool) -> Taken {
        let [begin, end] = BRACKETS;
        let from = self.searched.max(begin.len());
        let rest = self.bytes.get(from..).unwrap_or_default();
        let found = rest.windows(end.len()).position(|window| window == end).map(|at| from + at);
        let (until, count) = match found {
            Some(at) => (at, at + end.len()),
            None if ends => (self.bytes.len(), self.bytes.len()),
            None => {
                self.searched = self.bytes.len().saturating_sub(end.len());
                return Taken::Part;
            }
        };
        let text = String::from_utf8_lossy(self.bytes.get(begin.len()..until).unwrap_or_default());
        Taken::Input(count, ToServer::Terminal(TerminalEvent::Paste(text.into_owned())))
    }
}

/// Reads what the bytes begin with; `ends` says that no more will come of it.
fn read(bytes: &[u8], ends: bool) -> Taken {
    match bytes {
        [0x1b] if !ends => Taken::Part,
        [0x1b] => key(1, KeyCode::Esc, KeyModifiers::NONE),
        [0x1b, b'[', ..] => csi(bytes, ends),
        [0x1b, b'O', ..] => single_shift(bytes, ends),
        // With alt held, older terminals put an ESC before whatever the key is.
        [0x1b, rest @ ..] => match read(rest, ends) {
            Taken::Input(count, input) => Taken::Input(count + 1, with_alt(input)),
            Taken::Nothing(count) => Taken::Nothing(count + 1),
            Taken::Part => Taken::Part,
        },
        [byte @ (0..=0x1f | 0x7f), ..] => control(*byte),
        _ => character(bytes, ends),
    }
}

fn key(count: usize, code: KeyCode, held: KeyModifiers) -> Taken {
    Taken::Input(count, plain(KeyEvent::new(code, held)))
}

fn plain(event: KeyEvent) -> ToServer {
    ToServer::Terminal(TerminalEvent::Key(event))
}

/// A key with what is told beside it, if that says more than the event.
fn told(event: KeyEvent, parts: KeyParts) -> ToServer {
    if parts == KeyParts::default() { plain(event) } else { ToServer::Key { event, parts } }
}

fn with_alt(input: ToServer) -> ToServer {
    match input {
        ToServer::Terminal(TerminalEvent::Key(event)) => {
            plain(KeyEvent { modifiers: event.modifiers | KeyModifiers::ALT, ..event })
        }
        other => other,
    }
}

fn control(byte: u8) -> Taken {
    let (code, held) = match byte {
        b'\r' => (KeyCode::Enter, KeyModifiers::NONE),
        b'\t' => (KeyCode::Tab, KeyModifiers::NONE),
        0x7f => (KeyCode::Backspace, KeyModifiers::NONE),
        0 => (KeyCode::Char(' '), KeyModifiers::CONTROL),
        1..=0x1a => (KeyCode::Char(char::from(byte - 1 + b'a')), KeyModifiers::CONTROL),
        _ => (KeyCode::Char(char::from(byte.wrapping_sub(0x1c) + b'4')), KeyModifiers::CONTROL),
    };
    key(1, code, held)
}

fn character(bytes: &[u8], ends: bool) -> Taken {
    let chunk = bytes.get(..4).unwrap_or(bytes);
    let text = match std::str::from_utf8(chunk) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => {
            std::str::from_utf8(chunk.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(error) if error.error_len().is_none() && !ends => return Taken::Part,
        Err(error) => return Taken::Nothing(error.error_len().unwrap_or(chunk.len())),
    };
    let Some(c) = text.chars().next() else { return Taken::Nothing(1) };
    key(c.len_utf8(), KeyCode::Char(c), shift_of(c))
}

/// A capital says that shift is held.
fn shift_of(c: char) -> KeyModifiers {
    if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE }
}

/// `ESC O`: cursor and function keys, and those of the keypad in its application mode.
fn single_shift(bytes: &[u8], ends: bool) -> Taken {
    let rest = bytes.get(2..).unwrap_or_default();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let Some(last) = rest.get(digits).filter(|_| digits <= 3) else {
        // Alone it is the letter with alt.
        let alt = key(2, KeyCode::Char('O'), KeyModifiers::ALT | KeyModifiers::SHIFT);
        return if ends || digits > 3 { alt } else { Taken::Part };
    };
    let count = 2 + digits + 1;
    let number = std::str::from_utf8(rest.get(..digits).unwrap_or_default()).ok();
    let held = csi::modifiers(number.and_then(|number| number.parse().ok()).unwrap_or(1)).0;
    if let Some(code) = csi::letter(*last) {
        return key(count, code, held);
    }
    match keypad(*last) {
        Some(code) => {
            Taken::Input(count, plain(KeyEvent { state: KeyEventState::KEYPAD, ..KeyEvent::new(code, held) }))
        }
        None => Taken::Nothing(count),
    }
}

fn keypad(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'M' => KeyCode::Enter,
        b'I' => KeyCode::Tab,
        b' ' => KeyCode::Char(' '),
        b'X' => KeyCode::Char('='),
        b'j'..=b'y' => KeyCode::Char(char::from(last - b'j' + b'*')),
        _ => return None,
    })
}

fn csi(bytes: &[u8], ends: bool) -> Taken {
    match bytes {
        [_, _] if ends => return key(2, KeyCode::Char('['), KeyModifiers::ALT),
        // The console of Linux.
        [_, _, b'[', last, ..] => {
            let number = last.checked_sub(b'A').filter(|number| *number < 5);
            return number.map_or(Taken::Nothing(4), |n| key(4, KeyCode::F(n + 1), KeyModifiers::NONE));
        }
        [_, _, b'[', ..] => return if ends { Taken::Nothing(bytes.len()) } else { Taken::Part },
        [_, _, b'M', rest @ ..] => {
            return match rest.first_chunk::<3>() {
                Some(numbers) => input(6, mouse::of_bytes(*numbers)),
                None if ends => Taken::Nothing(bytes.len()),
                None => Taken::Part,
            };
        }
        _ => {}
    }
    let body = bytes.get(2..).unwrap_or_default();
    let is_inner = |byte: &u8| (0x20..0x40).contains(byte);
    let inner = body.iter().take(LONGEST).take_while(|byte| is_inner(byte)).count();
    match body.get(inner) {
        Some(last @ 0x40..=0x7e) => {
            let numbers = std::str::from_utf8(body.get(..inner).unwrap_or_default()).unwrap_or_default();
            input(2 + inner + 1, csi::read(numbers, *last))
        }
        // It was cut off by something else, or never ends.
        Some(_) => Taken::Nothing(2 + inner),
        None if ends => Taken::Nothing(bytes.len()),
        None => Taken::Part,
    }
}

fn input(count: usize, input: Option<ToServer>) -> Taken {
    input.map_or(Taken::Nothing(count), |input| Taken::Input(count, input))
}

#[cfg(test)]
mod tests;
