//! Input as terminals send it, whole and in pieces.

use crossterm::event::{KeyEventKind, MouseButton, MouseEventKind};

use super::*;

const NONE: KeyModifiers = KeyModifiers::NONE;
const SHIFT: KeyModifiers = KeyModifiers::SHIFT;
const ALT: KeyModifiers = KeyModifiers::ALT;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;

fn all(bytes: &[u8]) -> Vec<ToServer> {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    let mut found: Vec<_> = std::iter::from_fn(|| decoder.next()).collect();
    found.extend(std::iter::from_fn(|| decoder.next_as_it_is()));
    assert_eq!(decoder.patience(), None, "nothing is left");
    found
}

fn one(bytes: &str) -> KeyEvent {
    match all(bytes.as_bytes()).as_slice() {
        [ToServer::Terminal(TerminalEvent::Key(event)) | ToServer::Key { event, .. }] => *event,
        other => panic!("{bytes:?} is {other:?}"),
    }
}

#[test]
fn keys_of_old_terminals_are_read() {
    for (bytes, code, held) in [
        ("a", KeyCode::Char('a'), NONE),
        ("Ä", KeyCode::Char('Ä'), SHIFT),
        ("漢", KeyCode::Char('漢'), NONE),
        ("\r", KeyCode::Enter, NONE),
        ("\n", KeyCode::Char('j'), CTRL),
        ("\t", KeyCode::Tab, NONE),
        ("\x7f", KeyCode::Backspace, NONE),
        ("\0", KeyCode::Char(' '), CTRL),
        ("\x11", KeyCode::Char('q'), CTRL),
        ("\x1c", KeyCode::Char('4'), CTRL),
        ("\x1b", KeyCode::Esc, NONE),
        ("\x1bx", KeyCode::Char('x'), ALT),
        ("\x1bX", KeyCode::Char('X'), ALT | SHIFT),
        ("\x1b\r", KeyCode::Enter, ALT),
        ("\x1b\x1b", KeyCode::Esc, ALT),
        ("\x1b[", KeyCode::Char('['), ALT),
        ("\x1bO", KeyCode::Char('O'), ALT | SHIFT),
        ("\x1b]", KeyCode::Char(']'), ALT),
        ("\x1b[A", KeyCode::Up, NONE),
        ("\x1bOA", KeyCode::Up, NONE),
        ("\x1b\x1b[A", KeyCode::Up, ALT),
        ("\x1b[1;5D", KeyCode::Left, CTRL),
        ("\x1bO5C", KeyCode::Right, CTRL),
        ("\x1b[Z", KeyCode::BackTab, SHIFT),
        ("\x1bOP", KeyCode::F(1), NONE),
        ("\x1b[[C", KeyCode::F(3), NONE),
        ("\x1b[15;2~", KeyCode::F(5), SHIFT),
        ("\x1b[24~", KeyCode::F(12), NONE),
        ("\x1b[3;5~", KeyCode::Delete, CTRL),
        ("\x1b[7~", KeyCode::Home, NONE),
        ("\x1b[27;5;44~", KeyCode::Char(','), CTRL),
        ("\x1b[27;2;13~", KeyCode::Enter, SHIFT),
    ] {
        assert_eq!(one(bytes), KeyEvent::new(code, held), "{bytes:?}");
    }
}

#[test]
fn f3_with_a_modifier_is_a_key_and_no_place_of_the_cursor() {
    assert_eq!(one("\x1b[1;2R"), KeyEvent::new(KeyCode::F(3), SHIFT));
    assert_eq!(one("\x1b[1;5R"), KeyEvent::new(KeyCode::F(3), CTRL));
    assert_eq!(one("\x1b[13;2~"), KeyEvent::new(KeyCode::F(3), SHIFT));
    assert_eq!(one("\x1bOR"), KeyEvent::new(KeyCode::F(3), NONE));
}

#[test]
fn the_keypad_is_told_apart() {
    let keypad = |code, held| KeyEvent { state: KeyEventState::KEYPAD, ..KeyEvent::new(code, held) };
    for (bytes, code) in [
        ("\x1bOp", KeyCode::Char('0')),
        ("\x1bOy", KeyCode::Char('9')),
        ("\x1bOj", KeyCode::Char('*')),
        ("\x1bOk", KeyCode::Char('+')),
        ("\x1bOm", KeyCode::Char('-')),
        ("\x1bOn", KeyCode::Char('.')),
        ("\x1bOo", KeyCode::Char('/')),
        ("\x1bOM", KeyCode::Enter),
        ("\x1b[57414u", KeyCode::Enter),
        ("\x1b[57404u", KeyCode::Char('5')),
        ("\x1b[57417u", KeyCode::Left),
        ("\x1b[57427u", KeyCode::KeypadBegin),
    ] {
        assert_eq!(one(bytes), keypad(code, NONE), "{bytes:?}");
    }
    assert_eq!(one("\x1b[57414;5u"), keypad(KeyCode::Enter, CTRL));
    let locked = one("\x1b[57404;129;53u");
    assert_eq!((locked.code, locked.modifiers), (KeyCode::Char('5'), NONE));
    assert_eq!(locked.state, KeyEventState::KEYPAD | KeyEventState::NUM_LOCK);
}

#[test]
fn what_kittys_protocol_tells_beside_a_key_is_kept() {
    let told = |bytes: &str| match all(bytes.as_bytes()).as_slice() {
        [ToServer::Key { event, parts }] => (*event, parts.clone()),
        other => panic!("{bytes:?} is {other:?}"),
    };
    let parts = |plain, shifted, base, text: &str| KeyParts { plain, shifted, base, text: text.to_owned() };
    let a = KeyEvent::new(KeyCode::Char('A'), SHIFT);
    assert_eq!(told("\x1b[97:65;2;65u"), (a, parts(Some('a'), Some('A'), None, "A")));
    let sign = KeyEvent::new(KeyCode::Char('!'), SHIFT);
    assert_eq!(told("\x1b[49:33;2;33u"), (sign, parts(Some('1'), Some('!'), None, "!")));
    let at = KeyEvent::new(KeyCode::Char('@'), NONE);
    assert_eq!(told("\x1b[113;;64u"), (at, parts(Some('q'), None, None, "@")));
    let cyrillic = KeyEvent::new(KeyCode::Char('с'), CTRL);
    assert_eq!(told("\x1b[1089::99;5u"), (cyrillic, parts(None, None, Some('c'), "")));
    let composed = KeyEvent::new(KeyCode::Char('漢'), NONE);
    assert_eq!(told("\x1b[0;;28450:23383u"), (composed, parts(None, None, None, "漢字")));
}

#[test]
fn releases_repeats_and_locks_are_told() {
    let kind = |bytes| one(bytes).kind;
    assert_eq!(kind("\x1b[97;1:3u"), KeyEventKind::Release);
    assert_eq!(kind("\x1b[1;1:2A"), KeyEventKind::Repeat);
    assert_eq!(kind("\x1b[3;5:3~"), KeyEventKind::Release);
    assert_eq!(one("\x1b[1;129A").state, KeyEventState::NUM_LOCK);
    assert_eq!(one("\x1b[97;65;65u").code, KeyCode::Char('A'), "caps lock makes a capital");
    assert_eq!(one("\x1b[9;2u").code, KeyCode::BackTab);
    assert_eq!(one("\x1b[57441;2u").code, KeyCode::Modifier(crossterm::event::ModifierKeyCode::LeftShift));
}

#[test]
fn the_mouse_the_focus_and_pastes_are_read() {
    let mouse = |bytes: &[u8]| match all(bytes).as_slice() {
        [ToServer::Terminal(TerminalEvent::Mouse(event))] => {
            (event.kind, event.column, event.row, event.modifiers)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(mouse(b"\x1b[<0;5;10M"), (MouseEventKind::Down(MouseButton::Left), 4, 9, NONE));
    assert_eq!(mouse(b"\x1b[<18;1;1m"), (MouseEventKind::Up(MouseButton::Right), 0, 0, CTRL));
    assert_eq!(mouse(b"\x1b[<32;300;2M"), (MouseEventKind::Drag(MouseButton::Left), 299, 1, NONE));
    assert_eq!(mouse(b"\x1b[<35;1;1M").0, MouseEventKind::Moved);
    assert_eq!(mouse(b"\x1b[<69;1;1M"), (MouseEventKind::ScrollDown, 0, 0, SHIFT));
    assert_eq!(mouse(b"\x1b[M !!").0, MouseEventKind::Down(MouseButton::Left));
    assert_eq!(mouse(b"\x1b[M#!!").0, MouseEventKind::Up(MouseButton::Left));
    assert_eq!(mouse(b"\x1b[M`!!").0, MouseEventKind::ScrollUp);
    assert_eq!(
        all(b"\x1b[I\x1b[O"),
        [TerminalEvent::FocusGained, TerminalEvent::FocusLost].map(ToServer::Terminal)
    );
    let pasted = "a\x1b[A\r\n漢";
    let found = all(format!("\x1b[200~{pasted}\x1b[201~x").as_bytes());
    assert_eq!(found[0], ToServer::Terminal(TerminalEvent::Paste(pasted.to_owned())));
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn input_in_pieces_is_the_same_as_input_as_a_whole() {
    let bytes = "aÄ漢\x1b[1;2R\x1b[200~x\x1b[20y\x1b[201~\x1bOp\x1b[<0;5;10M\x1b[97:65;2;65u\x1b[M !!\x1bx\x1b[[A\x1b[?1u";
    let whole = all(bytes.as_bytes());
    assert_eq!(whole.len(), 11);
    let mut decoder = Decoder::default();
    let mut pieces = Vec::new();
    for byte in bytes.as_bytes() {
        decoder.push(&[*byte]);
        pieces.extend(std::iter::from_fn(|| decoder.next()));
    }
    assert_eq!(pieces, whole);
}

#[test]
fn what_is_no_input_says_nothing_and_what_follows_it_is_read() {
    for bytes in [
        &b"\x1b[?62;c"[..],
        b"\x1b[>1;2c",
        b"\x1b[?1u",
        b"\xff\xfe",
        b"\x1b[99999999999999999999u",
        b"\x1b[1;2;3;4t",
        b"\x1b[<9;9M",
        b"\x1bOz",
        b"\x1b[12\x1b[;",
        b"\xe6\xbc",
        b"\x1b[0u",
    ] {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        assert_eq!(decoder.next_as_it_is(), None, "{bytes:?}");
        decoder.push(b"k");
        assert_eq!(decoder.next(), Some(plain(KeyEvent::from(KeyCode::Char('k')))), "{bytes:?}");
    }
    let mut endless = b"\x1b[".to_vec();
    endless.extend(std::iter::repeat_n(b'1', 100_000));
    assert!(all(&endless).len() < 100_000, "a sequence that never ends is given up");
}

#[test]
fn only_what_may_go_on_is_waited_for() {
    let mut decoder = Decoder::default();
    assert_eq!(decoder.patience(), None);
    decoder.push(b"\x1b");
    assert_eq!((decoder.next(), decoder.patience()), (None, Some(SEQUENCE)));
    decoder.push(b"[200~text");
    assert_eq!((decoder.next(), decoder.patience()), (None, Some(PASTE)));
    let cut_off = ToServer::Terminal(TerminalEvent::Paste("text".to_owned()));
    assert_eq!(decoder.next_as_it_is(), Some(cut_off));
}

proptest::proptest! {
    #[test]
    fn no_bytes_fail_and_none_are_kept(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        all(&bytes);
    }
}
