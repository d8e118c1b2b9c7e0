//! Keys in the form of the kitty keyboard protocol, for programs that asked for it, and of modifyOtherKeys.
//!
//! Source: "Comprehensive keyboard handling in terminals" of kitty's documentation, and xterm's ctlseqs. Not for: keys
//! whose old form is right under the flags in force (`input` has those). Invariant: with no flag set nothing is encoded
//! here.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, ModifierKeyCode};

use super::modes::Modes;

/// Keys that mean the same as a control character are told apart.
const DISAMBIGUATE: u16 = 1;
/// Releases and repeats are told.
const EVENTS: u16 = 2;
/// The shifted key is told beside the plain one.
const ALTERNATES: u16 = 4;
/// Text too comes as escape codes.
const EVERYTHING: u16 = 8;
/// With the text that it makes.
const TEXT: u16 = 16;

/// How a key is written: its number and its last byte.
struct Form {
    number: u32,
    last: char,
    /// A key of old, whose plain form has no number.
    bare: bool,
}

/// The key's bytes; `None` if its old form is right.
pub(super) fn encode(key: &KeyEvent, modes: &Modes) -> Option<Vec<u8>> {
    let flags = modes.keyboard;
    if flags == 0 {
        return if modes.other_keys > 0 { other_keys(key, modes.other_keys) } else { None };
    }
    if key.kind == KeyEventKind::Release && flags & EVENTS == 0 {
        return Some(Vec::new());
    }
    if keeps_its_old_form(key, flags) {
        // What has an old form has no release.
        return if key.kind == KeyEventKind::Release { Some(Vec::new()) } else { None };
    }
    let form = form(key)?;
    Some(write(key, &form, flags))
}

fn held(key: &KeyEvent) -> u8 {
    let bits = [
        (KeyModifiers::SHIFT, 1),
        (KeyModifiers::ALT, 2),
        (KeyModifiers::CONTROL, 4),
        (KeyModifiers::SUPER, 8),
        (KeyModifiers::HYPER, 16),
        (KeyModifiers::META, 32),
    ];
    let shift = if key.code == KeyCode::BackTab { 1 } else { 0 };
    bits.iter().filter(|(modifier, _)| key.modifiers.contains(*modifier)).map(|(_, bit)| bit).sum::<u8>()
        | shift
}

/// Whether the flags in force leave this key as it always was.
fn keeps_its_old_form(key: &KeyEvent, flags: u16) -> bool {
    if flags & EVERYTHING != 0 {
        return false;
    }
    let plain = held(key) == 0;
    match key.code {
        KeyCode::Char(_) => held(key) & !1 == 0,
        // So that a shell whose editor crashed can still be typed into.
        KeyCode::Enter | KeyCode::Tab | KeyCode::Backspace => plain,
        KeyCode::Esc => flags & (DISAMBIGUATE | EVENTS) == 0,
        KeyCode::Modifier(_) => true,
        _ => false,
    }
}

fn form(key: &KeyEvent) -> Option<Form> {
    let unicode = |number| Some(Form { number, last: 'u', bare: false });
    let letter = |last| Some(Form { number: 1, last, bare: true });
    let tilde = |number| Some(Form { number, last: '~', bare: false });
    match key.code {
        // The number is that of the key without shift.
        KeyCode::Char(c) => unicode(u32::from(c.to_lowercase().next().unwrap_or(c))),
        KeyCode::Enter => unicode(13),
        KeyCode::Tab | KeyCode::BackTab => unicode(9),
        KeyCode::Backspace => unicode(127),
        KeyCode::Esc => unicode(27),
        KeyCode::Null => unicode(32),
        KeyCode::Up => letter('A'),
        KeyCode::Down => letter('B'),
        KeyCode::Right => letter('C'),
        KeyCode::Left => letter('D'),
        KeyCode::KeypadBegin => letter('E'),
        KeyCode::End => letter('F'),
        KeyCode::Home => letter('H'),
        KeyCode::Insert => tilde(2),
        KeyCode::Delete => tilde(3),
        KeyCode::PageUp => tilde(5),
        KeyCode::PageDown => tilde(6),
        KeyCode::F(1) => letter('P'),
        KeyCode::F(2) => letter('Q'),
        KeyCode::F(3) => tilde(13),
        KeyCode::F(4) => letter('S'),
        KeyCode::F(5) => tilde(15),
        KeyCode::F(number @ 6..=10) => tilde(u32::from(number) + 11),
        KeyCode::F(number @ 11..=12) => tilde(u32::from(number) + 12),
        KeyCode::F(number @ 13..=35) => unicode(u32::from(number) - 13 + 57376),
        KeyCode::CapsLock => unicode(57358),
        KeyCode::ScrollLock => unicode(57359),
        KeyCode::NumLock => unicode(57360),
        KeyCode::PrintScreen => unicode(57361),
        KeyCode::Pause => unicode(57362),
        KeyCode::Menu => unicode(57363),
        KeyCode::Modifier(modifier) => unicode(modifier_number(modifier)),
        KeyCode::F(_) | KeyCode::Media(_) => None,
    }
}

fn modifier_number(modifier: ModifierKeyCode) -> u32 {
    match modifier {
        ModifierKeyCode::LeftShift => 57441,
        ModifierKeyCode::LeftControl => 57442,
        ModifierKeyCode::LeftAlt => 57443,
        ModifierKeyCode::LeftSuper => 57444,
        ModifierKeyCode::LeftHyper => 57445,
        ModifierKeyCode::LeftMeta => 57446,
        ModifierKeyCode::RightShift => 57447,
        ModifierKeyCode::RightControl => 57448,
        ModifierKeyCode::RightAlt => 57449,
        ModifierKeyCode::RightSuper => 57450,
        ModifierKeyCode::RightHyper => 57451,
        ModifierKeyCode::RightMeta => 57452,
        ModifierKeyCode::IsoLevel3Shift => 57453,
        ModifierKeyCode::IsoLevel5Shift => 57454,
    }
}

/// `CSI number : shifted ; modifiers : event ; text last`, from the end on without what says nothing.
fn write(key: &KeyEvent, form: &Form, flags: u16) -> Vec<u8> {
    let held = held(key);
    let event = match key.kind {
        KeyEventKind::Press => 1,
        KeyEventKind::Repeat => 2,
        KeyEventKind::Release => 3,
    };
    let event = if flags & EVENTS == 0 { 1 } else { event };
    let c = if let KeyCode::Char(c) = key.code { Some(c) } else { None };
    let mut number = form.number.to_string();
    if let Some(c) = c.filter(|c| flags & ALTERNATES != 0 && held & 1 != 0 && u32::from(*c) != form.number) {
        number.push_str(&format!(":{}", u32::from(c)));
    }
    let mut modifiers = String::new();
    if held > 0 || event > 1 {
        modifiers = (held + 1).to_string();
    }
    if event > 1 {
        modifiers.push_str(&format!(":{event}"));
    }
    let makes_text = flags & TEXT != 0 && flags & EVERYTHING != 0 && held & !1 == 0 && event < 3;
    let text = c.filter(|_| makes_text).map(|c| u32::from(c).to_string()).unwrap_or_default();
    let body = match (modifiers.is_empty(), text.is_empty()) {
        (true, true) if form.bare => String::new(),
        (true, true) => number,
        (false, true) => format!("{number};{modifiers}"),
        (_, false) => format!("{number};{modifiers};{text}"),
    };
    format!("\x1b[{body}{}", form.last).into_bytes()
}

/// xterm's modifyOtherKeys: keys that have no form of their own with these modifiers.
fn other_keys(key: &KeyEvent, level: u16) -> Option<Vec<u8>> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let held = held(key) & 7;
    let code = match key.code {
        KeyCode::Char(c) if held & !1 != 0 => {
            // At the first level what has a control character of old keeps it.
            let of_old =
                held & !3 == 4 && held & 1 == 0 && (c.is_ascii_lowercase() || " @[\\]^_?".contains(c));
            if level < 2 && (of_old || held & 4 == 0) {
                return None;
            }
            u32::from(c)
        }
        KeyCode::Enter if held > 0 => 13,
        KeyCode::Tab if held > 1 => 9,
        KeyCode::Backspace if held > 0 && level > 1 => 127,
        KeyCode::Esc if held > 0 && level > 1 => 27,
        _ => return None,
    };
    Some(format!("\x1b[27;{};{code}~", held + 1).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: KeyModifiers = KeyModifiers::NONE;
    const SHIFT: KeyModifiers = KeyModifiers::SHIFT;
    const ALT: KeyModifiers = KeyModifiers::ALT;
    const CTRL: KeyModifiers = KeyModifiers::CONTROL;

    fn told(code: KeyCode, held: KeyModifiers, kind: KeyEventKind, flags: u16) -> Option<String> {
        let modes = Modes { keyboard: flags, ..Modes::default() };
        encode(&KeyEvent::new_with_kind(code, held, kind), &modes)
            .map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn keys_are_told_as_the_flags_ask() {
        use KeyEventKind::{Press, Release, Repeat};
        let a = KeyCode::Char('a');
        let cases = [
            (a, NONE, Press, 1, None),
            (KeyCode::Char('A'), SHIFT, Press, 1, None),
            (a, CTRL, Press, 1, Some("\x1b[97;5u")),
            (a, ALT, Press, 1, Some("\x1b[97;3u")),
            (KeyCode::Char('A'), CTRL | SHIFT, Press, 1, Some("\x1b[97;6u")),
            (KeyCode::Char('A'), CTRL | SHIFT, Press, 5, Some("\x1b[97:65;6u")),
            (KeyCode::Esc, NONE, Press, 1, Some("\x1b[27u")),
            (KeyCode::Enter, NONE, Press, 1, None),
            (KeyCode::Enter, SHIFT, Press, 1, Some("\x1b[13;2u")),
            (KeyCode::Tab, CTRL, Press, 1, Some("\x1b[9;5u")),
            (KeyCode::BackTab, SHIFT, Press, 1, Some("\x1b[9;2u")),
            (KeyCode::Up, NONE, Press, 1, Some("\x1b[A")),
            (KeyCode::Up, CTRL, Press, 1, Some("\x1b[1;5A")),
            (KeyCode::F(3), NONE, Press, 1, Some("\x1b[13~")),
            (KeyCode::F(13), NONE, Press, 1, Some("\x1b[57376u")),
            (KeyCode::Delete, SHIFT, Press, 1, Some("\x1b[3;2~")),
            (a, CTRL, Release, 1, Some("")),
            (a, CTRL, Release, 3, Some("\x1b[97;5:3u")),
            (KeyCode::Up, NONE, Repeat, 3, Some("\x1b[1;1:2A")),
            (a, NONE, Release, 3, Some("")),
            (a, NONE, Press, 9, Some("\x1b[97u")),
            (a, NONE, Release, 11, Some("\x1b[97;1:3u")),
            (KeyCode::Char('A'), SHIFT, Press, 31, Some("\x1b[97:65;2;65u")),
            (a, NONE, Press, 25, Some("\x1b[97;;97u")),
            (KeyCode::Modifier(ModifierKeyCode::LeftShift), SHIFT, Press, 9, Some("\x1b[57441;2u")),
            (a, CTRL, Press, 0, None),
        ];
        for (code, held, kind, flags, wanted) in cases {
            assert_eq!(
                told(code, held, kind, flags).as_deref(),
                wanted,
                "{code:?} {held:?} {kind:?} {flags}"
            );
        }
    }

    #[test]
    fn other_keys_are_modified_as_xterm_does() {
        let told = |code, held, level| {
            let modes = Modes { other_keys: level, ..Modes::default() };
            encode(&KeyEvent::new(code, held), &modes).map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(told(KeyCode::Enter, SHIFT, 1).as_deref(), Some("\x1b[27;2;13~"));
        assert_eq!(told(KeyCode::Char('a'), CTRL, 1), None);
        assert_eq!(told(KeyCode::Char('a'), CTRL, 2).as_deref(), Some("\x1b[27;5;97~"));
        assert_eq!(told(KeyCode::Char(','), CTRL, 1).as_deref(), Some("\x1b[27;5;44~"));
        assert_eq!(told(KeyCode::Char('a'), NONE, 2), None);
    }
}
