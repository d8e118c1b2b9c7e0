//! Keys as programs asked to be told of them, and what the terminal is asked for them.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, ModifierKeyCode};

use super::*;
use crate::term::KeyParts;
use crate::ui::KeysWanted;

/// The terminal of T14, entered, after its program printed this.
fn entered(bytes: &str) -> (Bench, Vec<Request>) {
    let mut bench = Bench::new(busy());
    bench.ui.view.select(Some("T14".into()));
    bench.draw();
    let pane = bench.panes.pane(&"r-14".into()).unwrap();
    pane.lock().unwrap().feed(bytes.as_bytes());
    let requests = bench.press("enter");
    (bench, requests)
}

fn asked(flags: u16, keypad: bool) -> Request {
    Request::Keyboard(KeysWanted { flags, keypad })
}

fn to(bytes: &str) -> Request {
    Request::ToPane { session: "r-14".into(), bytes: bytes.as_bytes().to_vec() }
}

fn key(code: KeyCode, kind: KeyEventKind) -> Input {
    Input::Key(KeyEvent::new_with_kind(code, KeyModifiers::NONE, kind))
}

#[test]
fn the_terminal_is_asked_for_what_the_program_that_is_typed_into_wants_and_only_then() {
    let (mut bench, requests) = entered("\x1b[>7u");
    assert_eq!(requests, [asked(7, false)]);
    assert_eq!(bench.input(key(KeyCode::Char('a'), KeyEventKind::Press)), [to("a")], "once is enough");
    let pane = bench.panes.pane(&"r-14".into()).unwrap();
    pane.lock().unwrap().feed(b"\x1b[>8u\x1b=");
    assert_eq!(bench.with(|ui, world| ui.listen(world)), [asked(25, true)], "text comes along");
    assert_eq!(bench.input(Input::Resize(120, 36)), [asked(25, true)], "it may have been lent");
    assert_eq!(bench.press("ctrl-q"), [asked(1, false)]);
    let (mut plain, requests) = entered("");
    assert_eq!((requests, plain.press("ctrl-q")), (Vec::new(), Vec::new()));
}

#[test]
fn keys_that_go_up_reach_who_asked_and_nobody_else() {
    use KeyEventKind::{Press, Release, Repeat};
    let (mut bench, _) = entered("\x1b[>3u");
    assert_eq!(bench.input(key(KeyCode::Enter, Release)), [], "it was pressed for the board");
    assert_eq!(bench.input(key(KeyCode::Up, Press)), [to("\x1b[A")]);
    assert_eq!(bench.input(key(KeyCode::Up, Repeat)), [to("\x1b[1;1:2A")]);
    assert_eq!(bench.input(key(KeyCode::Up, Release)), [to("\x1b[1;1:3A")]);
    assert_eq!(bench.input(key(KeyCode::Char('a'), Release)), [to("\x1b[97;1:3u")]);
    let shift = KeyCode::Modifier(ModifierKeyCode::LeftShift);
    assert_eq!(bench.input(key(shift, Press)), [], "it did not ask for those");
    bench.press("ctrl-q");
    assert_eq!(bench.input(key(KeyCode::Char('q'), Release)), []);
    assert_eq!(bench.input(key(KeyCode::Char('a'), Release)), [], "the board approves nothing for it");
    let (mut plain, _) = entered("");
    assert_eq!(plain.input(key(KeyCode::Up, Release)), []);
}

#[test]
fn what_the_terminal_told_beside_a_key_reaches_the_program() {
    let (mut bench, requests) = entered("\x1b[>31u");
    assert_eq!(requests, [asked(31, false)]);
    let sign = KeyEvent::new(KeyCode::Char('!'), KeyModifiers::SHIFT);
    let parts = KeyParts { plain: Some('1'), shifted: Some('!'), text: "!".to_owned(), base: None };
    assert_eq!(bench.input(Input::Stroke(sign, parts.clone())), [to("\x1b[49:33;2;33u")]);
    let shift = KeyCode::Modifier(ModifierKeyCode::LeftShift);
    assert_eq!(bench.input(key(shift, KeyEventKind::Press)), [to("\x1b[57441u")]);
    bench.press("ctrl-q");
    assert_eq!(bench.input(Input::Stroke(sign, parts)), [], "on the board it is the character");
    let help = KeyEvent::new(KeyCode::Char('?'), KeyModifiers::SHIFT);
    let parts = KeyParts { plain: Some('ß'), ..KeyParts::default() };
    bench.input(Input::Stroke(help, parts));
    assert_eq!(bench.ui.popups.len(), 1, "whatever the keyboard, ? is help");
    assert_eq!(bench.input(key(shift, KeyEventKind::Press)), []);
    assert_eq!(bench.ui.popups.len(), 1);
}
