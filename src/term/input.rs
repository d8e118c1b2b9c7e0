//! Keys, mouse, pastes and focus, encoded for the program in the terminal.
//!
//! The encodings are xterm's; those of newer protocols are in `kitty`. Not for: deciding who gets them. Invariant: a paste can't end
//! its own bracket, and holds no control but line breaks and tabs.

use crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyEventState, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use super::kitty::{self, KeyParts};
use super::modes::{Modes, MouseEncoding, MouseMode};

/// The bytes of a key, as the program asked for it; none for what has no encoding in its mode.
#[must_use]
pub fn encode_key(key: &KeyEvent, modes: &Modes) -> Vec<u8> {
    encode_stroke(key, &KeyParts::default(), modes)
}

/// The same of a key of which the terminal told more.
#[must_use]
pub fn encode_stroke(key: &KeyEvent, parts: &KeyParts, modes: &Modes) -> Vec<u8> {
    if let Some(bytes) = kitty::encode(key, parts, modes) {
        return bytes;
    }
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    if let Some(last) = keypad(key).filter(|_| modes.application_keypad) {
        return format!("\x1bO{last}").into_bytes();
    }
    let held = key.modifiers;
    match key.code {
        KeyCode::Char(c) => with_alt(held, character(c, held)),
        KeyCode::Enter if held.intersects(KeyModifiers::SHIFT | KeyModifiers::ALT) => b"\x1b\r".to_vec(),
        KeyCode::Enter => b"\r".to_vec(),
        KeyCode::BackTab => b"\x1b[Z".to_vec(),
        KeyCode::Tab if held.contains(KeyModifiers::SHIFT) => b"\x1b[Z".to_vec(),
        KeyCode::Tab => with_alt(held, b"\t".to_vec()),
        KeyCode::Backspace => {
            with_alt(held, if held.contains(KeyModifiers::CONTROL) { b"\x08" } else { b"\x7f" }.to_vec())
        }
        KeyCode::Esc => with_alt(held, b"\x1b".to_vec()),
        KeyCode::Null => with_alt(held, b"\0".to_vec()),
        KeyCode::Up => cursor_key('A', held, modes),
        KeyCode::Down => cursor_key('B', held, modes),
        KeyCode::Right => cursor_key('C', held, modes),
        KeyCode::Left => cursor_key('D', held, modes),
        KeyCode::KeypadBegin => cursor_key('E', held, modes),
        KeyCode::End => cursor_key('F', held, modes),
        KeyCode::Home => cursor_key('H', held, modes),
        KeyCode::Insert => numbered(2, held),
        KeyCode::Delete => numbered(3, held),
        KeyCode::PageUp => numbered(5, held),
        KeyCode::PageDown => numbered(6, held),
        KeyCode::F(number) => function_key(number, held),
        KeyCode::CapsLock
        | KeyCode::ScrollLock
        | KeyCode::NumLock
        | KeyCode::PrintScreen
        | KeyCode::Pause
        | KeyCode::Menu
        | KeyCode::Media(_)
        | KeyCode::Modifier(_) => Vec::new(),
    }
}

/// A paste: bracketed if the program asked for it. Line breaks become CR, which is what terminals send; other controls,
/// and so every escape sequence, are taken out.
#[must_use]
pub fn encode_paste(text: &str, modes: &Modes) -> Vec<u8> {
    let text = text.replace("\r\n", "\n").replace("\x1b[201~", "").replace("\x1b[200~", "");
    let kept: String = text
        .chars()
        .map(|c| if c == '\n' { '\r' } else { c })
        .filter(|c| !c.is_control() || matches!(c, '\r' | '\t'))
        .collect();
    if modes.bracketed_paste { format!("\x1b[200~{kept}\x1b[201~").into_bytes() } else { kept.into_bytes() }
}

/// A mouse event at a cell of the terminal, counted from zero; `None` if the program doesn't want it, or has no way to
/// be told of a place so far out.
#[must_use]
pub fn encode_mouse(event: &MouseEvent, col: u16, row: u16, modes: &Modes) -> Option<Vec<u8>> {
    let (code, released) = mouse_code(event.kind, modes.mouse)?;
    let held = if modes.mouse == MouseMode::Press { 0 } else { mouse_modifiers(event.modifiers) };
    let (x, y) = (u32::from(col) + 1, u32::from(row) + 1);
    if modes.mouse_encoding == MouseEncoding::Sgr {
        let last = if released { 'm' } else { 'M' };
        return Some(format!("\x1b[<{};{x};{y}{last}", code + held).into_bytes());
    }
    // Without SGR nobody is told which button went up.
    let code = if released { 3 } else { code };
    let mut out = b"\x1b[M".to_vec();
    for number in [code + held, x, y] {
        match modes.mouse_encoding {
            MouseEncoding::Utf8 => {
                let c = char::from_u32(number + 32).filter(|_| number <= 2015)?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            MouseEncoding::X10 | MouseEncoding::Sgr => out.push(u8::try_from(number + 32).ok()?),
        }
    }
    Some(out)
}

/// Gaining or losing the focus; `None` if the program doesn't want to know.
#[must_use]
pub fn encode_focus(gained: bool, modes: &Modes) -> Option<&'static [u8]> {
    modes.focus.then_some(if gained { b"\x1b[I" } else { b"\x1b[O" })
}

/// The last byte of a keypad's key in its application mode: those that make text, and Enter. With NumLock, or another key
/// held, they are what they are elsewhere, as in xterm.
fn keypad(key: &KeyEvent) -> Option<char> {
    let applies = key.state.contains(KeyEventState::KEYPAD) && !key.state.contains(KeyEventState::NUM_LOCK);
    if !applies || !key.modifiers.is_empty() {
        return None;
    }
    match key.code {
        KeyCode::Enter => Some('M'),
        KeyCode::Char('=') => Some('X'),
        KeyCode::Char(c @ '*'..='9') => char::from_u32(u32::from(c) - u32::from('*') + u32::from('j')),
        _ => None,
    }
}

fn with_alt(held: KeyModifiers, mut bytes: Vec<u8>) -> Vec<u8> {
    if held.contains(KeyModifiers::ALT) && !bytes.is_empty() {
        bytes.insert(0, 0x1b);
    }
    bytes
}

fn character(c: char, held: KeyModifiers) -> Vec<u8> {
    if held.contains(KeyModifiers::CONTROL)
        && let Some(control) = control(c)
    {
        return vec![control];
    }
    let c = if held.contains(KeyModifiers::SHIFT) { c.to_ascii_uppercase() } else { c };
    c.encode_utf8(&mut [0; 4]).as_bytes().to_vec()
}

/// The controls that terminals have had on these keys for ever.
fn control(c: char) -> Option<u8> {
    match c.to_ascii_lowercase() {
        letter @ 'a'..='z' => u8::try_from(letter).ok().map(|letter| letter & 0x1f),
        ' ' | '@' | '2' | '`' => Some(0),
        '[' | '3' => Some(0x1b),
        '\\' | '4' => Some(0x1c),
        ']' | '5' => Some(0x1d),
        '^' | '~' | '6' => Some(0x1e),
        '_' | '/' | '-' | '7' => Some(0x1f),
        '?' | '8' => Some(0x7f),
        _ => None,
    }
}

/// xterm's parameter for the modifiers, if there are any.
fn modifier(held: KeyModifiers) -> Option<u8> {
    let bit = |modifier, value| if held.contains(modifier) { value } else { 0 };
    let sum = bit(KeyModifiers::SHIFT, 1) + bit(KeyModifiers::ALT, 2) + bit(KeyModifiers::CONTROL, 4);
    (sum > 0).then_some(sum + 1)
}

fn cursor_key(last: char, held: KeyModifiers, modes: &Modes) -> Vec<u8> {
    match modifier(held) {
        Some(modifier) => format!("\x1b[1;{modifier}{last}"),
        None if modes.application_cursor => format!("\x1bO{last}"),
        None => format!("\x1b[{last}"),
    }
    .into_bytes()
}

fn numbered(number: u8, held: KeyModifiers) -> Vec<u8> {
    match modifier(held) {
        Some(modifier) => format!("\x1b[{number};{modifier}~"),
        None => format!("\x1b[{number}~"),
    }
    .into_bytes()
}

fn function_key(number: u8, held: KeyModifiers) -> Vec<u8> {
    match number {
        1..=4 => {
            let last = char::from(b'O' + number);
            match modifier(held) {
                Some(modifier) => format!("\x1b[1;{modifier}{last}"),
                None => format!("\x1bO{last}"),
            }
            .into_bytes()
        }
        5 => numbered(15, held),
        6..=10 => numbered(number + 11, held),
        11..=14 => numbered(number + 12, held),
        15..=16 => numbered(number + 13, held),
        17..=20 => numbered(number + 14, held),
        _ => Vec::new(),
    }
}

/// The event's number without modifiers, and whether it is a release.
fn mouse_code(kind: MouseEventKind, wanted: MouseMode) -> Option<(u32, bool)> {
    let (code, released, least) = match kind {
        MouseEventKind::Down(button) => (mouse_button(button), false, MouseMode::Press),
        MouseEventKind::Up(button) => (mouse_button(button), true, MouseMode::PressRelease),
        MouseEventKind::Drag(button) => (mouse_button(button) + 32, false, MouseMode::Drag),
        MouseEventKind::Moved => (35, false, MouseMode::Motion),
        MouseEventKind::ScrollUp => (64, false, MouseMode::PressRelease),
        MouseEventKind::ScrollDown => (65, false, MouseMode::PressRelease),
        MouseEventKind::ScrollLeft => (66, false, MouseMode::PressRelease),
        MouseEventKind::ScrollRight => (67, false, MouseMode::PressRelease),
    };
    (wanted != MouseMode::Off && wanted >= least).then_some((code, released))
}

fn mouse_button(button: MouseButton) -> u32 {
    match button {
        MouseButton::Left => 0,
        MouseButton::Middle => 1,
        MouseButton::Right => 2,
    }
}

fn mouse_modifiers(held: KeyModifiers) -> u32 {
    let bit = |modifier, value| if held.contains(modifier) { value } else { 0 };
    bit(KeyModifiers::SHIFT, 4) + bit(KeyModifiers::ALT, 8) + bit(KeyModifiers::CONTROL, 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: KeyModifiers = KeyModifiers::NONE;
    const SHIFT: KeyModifiers = KeyModifiers::SHIFT;
    const ALT: KeyModifiers = KeyModifiers::ALT;
    const CTRL: KeyModifiers = KeyModifiers::CONTROL;

    #[test]
    fn keys_are_encoded_as_xterm_does() {
        let cases: [(KeyCode, KeyModifiers, &str); 36] = [
            (KeyCode::Char('a'), NONE, "a"),
            (KeyCode::Char('A'), SHIFT, "A"),
            (KeyCode::Char('ä'), ALT, "\x1bä"),
            (KeyCode::Char('c'), CTRL, "\x03"),
            (KeyCode::Char('C'), CTRL | SHIFT, "\x03"),
            (KeyCode::Char('x'), CTRL | ALT, "\x1b\x18"),
            (KeyCode::Char(' '), CTRL, "\0"),
            (KeyCode::Char('7'), CTRL, "\x1f"),
            (KeyCode::Char('漢'), CTRL, "漢"),
            (KeyCode::Enter, NONE, "\r"),
            (KeyCode::Enter, SHIFT, "\x1b\r"),
            (KeyCode::Enter, ALT, "\x1b\r"),
            (KeyCode::Tab, NONE, "\t"),
            (KeyCode::BackTab, SHIFT, "\x1b[Z"),
            (KeyCode::Backspace, NONE, "\x7f"),
            (KeyCode::Backspace, ALT, "\x1b\x7f"),
            (KeyCode::Backspace, CTRL, "\x08"),
            (KeyCode::Esc, NONE, "\x1b"),
            (KeyCode::Up, NONE, "\x1b[A"),
            (KeyCode::Left, CTRL, "\x1b[1;5D"),
            (KeyCode::Right, SHIFT | ALT, "\x1b[1;4C"),
            (KeyCode::Home, NONE, "\x1b[H"),
            (KeyCode::End, SHIFT | ALT | CTRL, "\x1b[1;8F"),
            (KeyCode::Insert, NONE, "\x1b[2~"),
            (KeyCode::Delete, CTRL, "\x1b[3;5~"),
            (KeyCode::PageUp, NONE, "\x1b[5~"),
            (KeyCode::PageDown, ALT, "\x1b[6;3~"),
            (KeyCode::F(1), NONE, "\x1bOP"),
            (KeyCode::F(4), SHIFT, "\x1b[1;2S"),
            (KeyCode::F(5), NONE, "\x1b[15~"),
            (KeyCode::F(6), NONE, "\x1b[17~"),
            (KeyCode::F(10), NONE, "\x1b[21~"),
            (KeyCode::F(11), NONE, "\x1b[23~"),
            (KeyCode::F(12), CTRL, "\x1b[24;5~"),
            (KeyCode::F(20), NONE, "\x1b[34~"),
            (KeyCode::CapsLock, NONE, ""),
        ];
        for (code, held, expected) in cases {
            let got = encode_key(&KeyEvent::new(code, held), &Modes::default());
            assert_eq!(String::from_utf8(got).unwrap(), expected, "{code:?} {held:?}");
        }
    }

    #[test]
    fn application_mode_changes_plain_cursor_keys_only() {
        let modes = Modes { application_cursor: true, ..Modes::default() };
        assert_eq!(encode_key(&KeyEvent::new(KeyCode::Up, NONE), &modes), b"\x1bOA");
        assert_eq!(encode_key(&KeyEvent::new(KeyCode::Home, NONE), &modes), b"\x1bOH");
        assert_eq!(encode_key(&KeyEvent::new(KeyCode::Up, CTRL), &modes), b"\x1b[1;5A");
        let released = KeyEvent::new_with_kind(KeyCode::Up, NONE, KeyEventKind::Release);
        assert_eq!(encode_key(&released, &modes), b"");
    }

    #[test]
    fn the_keypad_sends_its_own_codes_to_who_asked_for_them() {
        let keypad = |code| KeyEvent { state: KeyEventState::KEYPAD, ..KeyEvent::from(code) };
        let asked = Modes { application_keypad: true, ..Modes::default() };
        for (code, wanted) in [
            (KeyCode::Char('0'), "\x1bOp"),
            (KeyCode::Char('9'), "\x1bOy"),
            (KeyCode::Char('*'), "\x1bOj"),
            (KeyCode::Char('+'), "\x1bOk"),
            (KeyCode::Char(','), "\x1bOl"),
            (KeyCode::Char('-'), "\x1bOm"),
            (KeyCode::Char('.'), "\x1bOn"),
            (KeyCode::Char('/'), "\x1bOo"),
            (KeyCode::Char('='), "\x1bOX"),
            (KeyCode::Enter, "\x1bOM"),
            (KeyCode::Left, "\x1b[D"),
        ] {
            assert_eq!(encode_key(&keypad(code), &asked), wanted.as_bytes(), "{code:?}");
        }
        assert_eq!(encode_key(&keypad(KeyCode::Char('5')), &Modes::default()), b"5");
        assert_eq!(
            encode_key(&KeyEvent::from(KeyCode::Char('5')), &asked),
            b"5",
            "that is not of the keypad"
        );
        let mut locked = keypad(KeyCode::Char('5'));
        locked.state |= KeyEventState::NUM_LOCK;
        assert_eq!(encode_key(&locked, &asked), b"5");
        let kitty = Modes { keyboard: 1, ..asked };
        assert_eq!(encode_key(&keypad(KeyCode::Enter), &kitty), b"\x1b[57414u");
    }

    #[test]
    fn a_paste_cannot_leave_its_brackets() {
        let bracketed = Modes { bracketed_paste: true, ..Modes::default() };
        let hostile = "a\x1b[201~\r\nrm -rf\n\x1b[20\x1b[201~1~\tb\u{9b}c\x03";
        let pasted = String::from_utf8(encode_paste(hostile, &bracketed)).unwrap();
        assert_eq!(pasted, "\x1b[200~a\rrm -rf\r[201~\tbc\x1b[201~");
        assert_eq!(pasted.matches('\x1b').count(), 2);
        assert_eq!(encode_paste("a\nb", &Modes::default()), b"a\rb");
    }

    #[test]
    fn the_mouse_is_told_as_asked_and_no_more() {
        let at = |kind, modifiers| MouseEvent { kind, column: 0, row: 0, modifiers };
        let down = at(MouseEventKind::Down(MouseButton::Right), CTRL);
        let up = at(MouseEventKind::Up(MouseButton::Left), NONE);
        let (moved, drag) =
            (at(MouseEventKind::Moved, NONE), at(MouseEventKind::Drag(MouseButton::Left), NONE));
        let wheel = at(MouseEventKind::ScrollDown, NONE);
        let sgr = |mouse| Modes { mouse, mouse_encoding: MouseEncoding::Sgr, ..Modes::default() };
        assert_eq!(encode_mouse(&down, 4, 9, &sgr(MouseMode::PressRelease)).unwrap(), b"\x1b[<18;5;10M");
        assert_eq!(encode_mouse(&up, 4, 9, &sgr(MouseMode::PressRelease)).unwrap(), b"\x1b[<0;5;10m");
        assert_eq!(encode_mouse(&wheel, 0, 0, &sgr(MouseMode::Drag)).unwrap(), b"\x1b[<65;1;1M");
        assert_eq!(encode_mouse(&drag, 0, 0, &sgr(MouseMode::Drag)).unwrap(), b"\x1b[<32;1;1M");
        assert_eq!(encode_mouse(&moved, 0, 0, &sgr(MouseMode::Motion)).unwrap(), b"\x1b[<35;1;1M");
        assert_eq!(encode_mouse(&moved, 0, 0, &sgr(MouseMode::Drag)), None);
        assert_eq!(encode_mouse(&up, 0, 0, &sgr(MouseMode::Press)), None);
        assert_eq!(encode_mouse(&down, 0, 0, &sgr(MouseMode::Off)), None);
        let x10 = Modes { mouse: MouseMode::PressRelease, ..Modes::default() };
        assert_eq!(encode_mouse(&up, 1, 2, &x10).unwrap(), b"\x1b[M\x23\x22\x23");
        assert_eq!(encode_mouse(&up, 300, 2, &x10), None, "there is no byte for it");
        let utf8 = Modes { mouse_encoding: MouseEncoding::Utf8, ..x10 };
        assert_eq!(encode_mouse(&up, 300, 2, &utf8).unwrap(), "\x1b[M\x23\u{14d}\x23".as_bytes());
    }

    #[test]
    fn focus_is_told_only_to_who_asked() {
        assert_eq!(encode_focus(true, &Modes::default()), None);
        let modes = Modes { focus: true, ..Modes::default() };
        assert_eq!(
            (encode_focus(true, &modes), encode_focus(false, &modes)),
            (Some(&b"\x1b[I"[..]), Some(&b"\x1b[O"[..]))
        );
    }
}
