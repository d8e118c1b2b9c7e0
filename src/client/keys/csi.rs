//! Control sequences of keys: those of old terminals, of xterm, and of kitty's protocol.
//!
//! Sources: xterm's ctlseqs, and "Comprehensive keyboard handling in terminals" of kitty's documentation. Not for
//! finding where a sequence ends. Invariant: nobody asks a terminal where its cursor stands, so that `CSI 1 ; 2 R` is a
//! key.

use crossterm::event::{
    Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, KeyEventState, KeyModifiers, MediaKeyCode,
    ModifierKeyCode,
};

use super::{mouse, plain, shift_of, told};
use crate::protocol::client::{KeyParts, ToServer};

/// A sequence by what stands between `CSI` and its last byte.
pub(super) fn read(numbers: &str, last: u8) -> Option<ToServer> {
    if let Some(numbers) = numbers.strip_prefix('<') {
        return mouse::of_numbers(numbers, last);
    }
    // Answers to questions that nobody asked.
    if numbers.starts_with(['?', '>', '='])
        || !numbers.bytes().all(|b| b.is_ascii_digit() || b";:".contains(&b))
    {
        return None;
    }
    let mut fields = numbers.split(';');
    let (first, second, third) = (fields.next()?, fields.next().unwrap_or(""), fields.next().unwrap_or(""));
    match last {
        b'I' => Some(ToServer::Terminal(TerminalEvent::FocusGained)),
        b'O' => Some(ToServer::Terminal(TerminalEvent::FocusLost)),
        b'u' => of_unicode(first, second, third),
        // xterm's modifyOtherKeys.
        b'~' if first == "27" && !third.is_empty() => of_unicode(third, second, ""),
        b'~' => Some(plain(event(numbered(first.parse().ok()?)?, second))),
        b'Z' => Some(plain(event(KeyCode::BackTab, "2"))),
        last => Some(plain(event(letter(last)?, second))),
    }
}

/// The modifiers' number of xterm and kitty, and the locks that kitty adds.
pub(super) fn modifiers(number: u16) -> (KeyModifiers, KeyEventState) {
    let bits = number.saturating_sub(1);
    let held = [
        (1, KeyModifiers::SHIFT),
        (2, KeyModifiers::ALT),
        (4, KeyModifiers::CONTROL),
        (8, KeyModifiers::SUPER),
        (16, KeyModifiers::HYPER),
        (32, KeyModifiers::META),
    ];
    let locks = [(64, KeyEventState::CAPS_LOCK), (128, KeyEventState::NUM_LOCK)];
    (
        held.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, held)| held).collect(),
        locks.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, lock)| lock).collect(),
    )
}

/// Keys of old, by the last byte.
pub(super) fn letter(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'E' => KeyCode::KeypadBegin,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        _ => return None,
    })
}

/// A key with the field of its modifiers and of what happens to it.
fn event(code: KeyCode, field: &str) -> KeyEvent {
    let mut parts = field.split(':');
    let (modifiers, state) = modifiers(parts.next().and_then(|number| number.parse().ok()).unwrap_or(1));
    let kind = match parts.next() {
        Some("2") => KeyEventKind::Repeat,
        Some("3") => KeyEventKind::Release,
        _ => KeyEventKind::Press,
    };
    KeyEvent { code, modifiers, kind, state }
}

/// `CSI number ~`
fn numbered(number: u8) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(number - 10),
        17..=21 => KeyCode::F(number - 11),
        23..=26 => KeyCode::F(number - 12),
        28 | 29 => KeyCode::F(number - 13),
        31..=34 => KeyCode::F(number - 14),
        _ => return None,
    })
}

/// `CSI number : shifted : on a US keyboard ; modifiers : event ; text u`
fn of_unicode(key: &str, field: &str, text: &str) -> Option<ToServer> {
    let character = |number: &str| number.parse().ok().and_then(char::from_u32).filter(|c| !c.is_control());
    let mut numbers = key.split(':');
    let number: u32 = numbers.next()?.parse().ok()?;
    let (shifted, base) = (numbers.next().and_then(character), numbers.next().and_then(character));
    let text: String = text.split(':').filter_map(character).collect();
    if let Some((code, state)) = functional(number) {
        let event = event(code, field);
        let is_back = code == KeyCode::Tab && event.modifiers.contains(KeyModifiers::SHIFT);
        let code = if is_back { KeyCode::BackTab } else { code };
        let event = KeyEvent { code, state: event.state | state, ..event };
        return Some(told(event, KeyParts { text, ..KeyParts::default() }));
    }
    // Text that no key makes, as an input method composes it, has the number 0.
    let key = char::from_u32(number).filter(|c| !c.is_control()).or_else(|| text.chars().next())?;
    let event = event(KeyCode::Char(key), field);
    let shift = event.modifiers.contains(KeyModifiers::SHIFT);
    let made = text.chars().next().or(shifted.filter(|_| shift)).unwrap_or(key);
    let modifiers = event.modifiers | shift_of(made);
    let plain = (made != key && number > 0).then_some(key);
    let parts = KeyParts { plain, shifted, base, text };
    Some(told(KeyEvent { code: KeyCode::Char(made), modifiers, ..event }, parts))
}

/// Keys that make no text of their own, by their number, and whether they stand on the keypad.
fn functional(number: u32) -> Option<(KeyCode, KeyEventState)> {
    let code = match number {
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        8 | 127 => KeyCode::Backspace,
        57358 => KeyCode::CapsLock,
        57359 => KeyCode::ScrollLock,
        57360 => KeyCode::NumLock,
        57361 => KeyCode::PrintScreen,
        57362 => KeyCode::Pause,
        57363 => KeyCode::Menu,
        57376..=57398 => KeyCode::F(u8::try_from(number - 57376).ok()? + 13),
        57428..=57440 => KeyCode::Media(media(number)?),
        57441..=57454 => KeyCode::Modifier(modifier(number)?),
        _ => return keypad(number).map(|code| (code, KeyEventState::KEYPAD)),
    };
    Some((code, KeyEventState::NONE))
}

fn keypad(number: u32) -> Option<KeyCode> {
    Some(match number {
        57399..=57408 => KeyCode::Char(char::from_digit(number - 57399, 10)?),
        57409 => KeyCode::Char('.'),
        57410 => KeyCode::Char('/'),
        57411 => KeyCode::Char('*'),
        57412 => KeyCode::Char('-'),
        57413 => KeyCode::Char('+'),
        57414 => KeyCode::Enter,
        57415 => KeyCode::Char('='),
        57416 => KeyCode::Char(','),
        57417 => KeyCode::Left,
        57418 => KeyCode::Right,
        57419 => KeyCode::Up,
        57420 => KeyCode::Down,
        57421 => KeyCode::PageUp,
        57422 => KeyCode::PageDown,
        57423 => KeyCode::Home,
        57424 => KeyCode::End,
        57425 => KeyCode::Insert,
        57426 => KeyCode::Delete,
        57427 => KeyCode::KeypadBegin,
        _ => return None,
    })
}

fn media(number: u32) -> Option<MediaKeyCode> {
    Some(match number {
        57428 => MediaKeyCode::Play,
        57429 => MediaKeyCode::Pause,
        57430 => MediaKeyCode::PlayPause,
        57431 => MediaKeyCode::Reverse,
        57432 => MediaKeyCode::Stop,
        57433 => MediaKeyCode::FastForward,
        57434 => MediaKeyCode::Rewind,
        57435 => MediaKeyCode::TrackNext,
        57436 => MediaKeyCode::TrackPrevious,
        57437 => MediaKeyCode::Record,
        57438 => MediaKeyCode::LowerVolume,
        57439 => MediaKeyCode::RaiseVolume,
        57440 => MediaKeyCode::MuteVolume,
        _ => return None,
    })
}

fn modifier(number: u32) -> Option<ModifierKeyCode> {
    Some(match number {
        57441 => ModifierKeyCode::LeftShift,
        57442 => ModifierKeyCode::LeftControl,
        57443 => ModifierKeyCode::LeftAlt,
        57444 => ModifierKeyCode::LeftSuper,
        57445 => ModifierKeyCode::LeftHyper,
        57446 => ModifierKeyCode::LeftMeta,
        57447 => ModifierKeyCode::RightShift,
        57448 => ModifierKeyCode::RightControl,
        57449 => ModifierKeyCode::RightAlt,
        57450 => ModifierKeyCode::RightSuper,
        57451 => ModifierKeyCode::RightHyper,
        57452 => ModifierKeyCode::RightMeta,
        57453 => ModifierKeyCode::IsoLevel3Shift,
        57454 => ModifierKeyCode::IsoLevel5Shift,
        _ => return None,
    })
}
