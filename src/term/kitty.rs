//! Keys in the form of the kitty keyboard protocol, for programs that asked for it, and of modifyOtherKeys.
//!
//! Source: "Comprehensive keyboard handling in terminals" of kitty's documentation, and xterm's ctlseqs. Not for: keys
//! whose old form is right under the flags in force (`input` has those). Invariant: with no flag set nothing is encoded
//! here.

use crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyEventState, KeyModifiers, MediaKeyCode, ModifierKeyCode,
};

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

/// What a terminal told beside a key, as far as the event does not say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyParts {
    /// What the key makes without modifiers, if the event's character is another.
    pub plain: Option<char>,
    /// What it makes with shift.
    pub shifted: Option<char>,
    /// What the key in its place makes on a US keyboard.
    pub base: Option<char>,
    /// The text that it made now.
    pub text: String,
}

/// The flags that a terminal has to be asked for, so that a program with these modes gets what it asked for. Keys that
/// mean the same as a control are told apart in any case; text comes beside keys that are all told, or it would be lost.
#[must_use]
pub fn host_flags(modes: &Modes) -> u16 {
    let text = if modes.keyboard & EVERYTHING != 0 { TEXT } else { 0 };
    modes.keyboard | DISAMBIGUATE | text
}

/// How a key is written: its number and its last byte.
struct Form {
    number: u32,
    last: char,
    /// A key of old, whose plain form has no number.
    bare: bool,
}

/// The key's bytes; `None` if its old form is right.
pub(super) fn encode(key: &KeyEvent, parts: &KeyParts, modes: &Modes) -> Option<Vec<u8>> {
    let (flags, released) = (modes.keyboard, key.kind == KeyEventKind::Release);
    if flags & EVERYTHING == 0 && !released && makes_text(key, parts) {
        // The event has one character alone.
        return Some(parts.text.clone().into_bytes());
    }
    if flags == 0 {
        return if modes.other_keys > 0 { other_keys(key, modes.other_keys) } else { None };
    }
    if released && flags & EVENTS == 0 {
        return Some(Vec::new());
    }
    if keeps_its_old_form(key, parts, flags) {
        return None;
    }
    if released && flags & EVERYTHING == 0 && has_no_release(key) {
        return Some(Vec::new());
    }
    let form = form(key, parts, flags)?;
    Some(write(key, parts, &form, flags))
}

/// Whether text comes of it as it is.
fn makes_text(key: &KeyEvent, parts: &KeyParts) -> bool {
    !parts.text.is_empty() && held(key) & !1 == 0
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

/// The locks that are on, as the modifiers' number has them.
fn locks(key: &KeyEvent) -> u8 {
    let bit = |lock, bit| if key.state.contains(lock) { bit } else { 0 };
    bit(KeyEventState::CAPS_LOCK, 64) + bit(KeyEventState::NUM_LOCK, 128)
}

fn is_on_keypad(key: &KeyEvent) -> bool {
    key.state.contains(KeyEventState::KEYPAD)
}

/// So that a shell whose editor crashed can still be typed into, and modifiers by themselves say nothing.
fn has_no_release(key: &KeyEvent) -> bool {
    let types = matches!(key.code, KeyCode::Enter | KeyCode::Tab | KeyCode::Backspace);
    types && !is_on_keypad(key) && held(key) == 0 || matches!(key.code, KeyCode::Modifier(_))
}

/// Whether the flags in force leave this key as it always was.
fn keeps_its_old_form(key: &KeyEvent, parts: &KeyParts, flags: u16) -> bool {
    if flags & EVERYTHING != 0 || key.kind == KeyEventKind::Release {
        return false;
    }
    let told = key.kind == KeyEventKind::Repeat && flags & EVENTS != 0
        || flags & ALTERNATES != 0 && !alternates(key, parts).is_empty();
    match key.code {
        KeyCode::Char(_) if held(key) & !1 == 0 => true,
        KeyCode::Modifier(_) => true,
        KeyCode::Enter | KeyCode::Tab | KeyCode::Backspace if held(key) == 0 => {
            !is_on_keypad(key) || flags & DISAMBIGUATE == 0
        }
        KeyCode::Esc if held(key) == 0 => flags & (DISAMBIGUATE | EVENTS) == 0,
        // What can be mistaken stays so, unless there is something to tell.
        _ => flags & DISAMBIGUATE == 0 && !told,
    }
}

/// The other characters of a key: `: shifted : on a US keyboard`, as far as there is something to say.
fn alternates(key: &KeyEvent, parts: &KeyParts) -> String {
    let KeyCode::Char(c) = key.code else { return String::new() };
    let plain = plain(c, parts);
    let shifted = parts.shifted.or((c != plain).then_some(c)).filter(|_| held(key) & 1 != 0);
    let number = |c: Option<char>| c.map(|c| u32::from(c).to_string()).unwrap_or_default();
    let base = parts.base.map(|base| format!(":{}", u32::from(base))).unwrap_or_default();
    let both = format!("{}{base}", number(shifted));
    if both.is_empty() { both } else { format!(":{both}") }
}

/// What a key makes without modifiers.
fn plain(c: char, parts: &KeyParts) -> char {
    parts.plain.unwrap_or_else(|| c.to_lowercase().next().unwrap_or(c))
}

fn form(key: &KeyEvent, parts: &KeyParts, flags: u16) -> Option<Form> {
    let unicode = |number| Some(Form { number, last: 'u', bare: false });
    let letter = |last| Some(Form { number: 1, last, bare: true });
    let tilde = |number| Some(Form { number, last: '~', bare: false });
    if let Some(number) = keypad_number(key).filter(|_| flags & DISAMBIGUATE != 0) {
        return unicode(number);
    }
    match key.code {
        KeyCode::Char(c) => unicode(u32::from(plain(c, parts))),
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
        KeyCode::Media(media) => unicode(media_number(media)),
        KeyCode::F(_) => None,
    }
}

/// A key's own number if it stands on the keypad.
fn keypad_number(key: &KeyEvent) -> Option<u32> {
    if !is_on_keypad(key) {
        return None;
    }
    Some(match key.code {
        KeyCode::Char(c @ '0'..='9') => 57399 + u32::from(c) - u32::from('0'),
        KeyCode::Char('.') => 57409,
        KeyCode::Char('/') => 57410,
        KeyCode::Char('*') => 57411,
        KeyCode::Char('-') => 57412,
        KeyCode::Char('+') => 57413,
        KeyCode::Enter => 57414,
        KeyCode::Char('=') => 57415,
        KeyCode::Char(',') => 57416,
        KeyCode::Left => 57417,
        KeyCode::Right => 57418,
        KeyCode::Up => 57419,
        KeyCode::Down => 57420,
        KeyCode::PageUp => 57421,
        KeyCode::PageDown => 57422,
        KeyCode::Home => 57423,
        KeyCode::End => 57424,
        KeyCode::Insert => 57425,
        KeyCode::Delete => 57426,
        KeyCode::KeypadBegin => 57427,
        _ => return None,
    })
}

fn media_number(media: MediaKeyCode) -> u32 {
    match media {
        MediaKeyCode::Play => 57428,
        MediaKeyCode::Pause => 57429,
        MediaKeyCode::PlayPause => 57430,
        MediaKeyCode::Reverse => 57431,
        MediaKeyCode::Stop => 57432,
        MediaKeyCode::FastForward => 57433,
        MediaKeyCode::Rewind => 57434,
        MediaKeyCode::TrackNext => 57435,
        MediaKeyCode::TrackPrevious => 57436,
        MediaKeyCode::Record => 57437,
        MediaKeyCode::LowerVolume => 57438,
        MediaKeyCode::RaiseVolume => 57439,
        MediaKeyCode::MuteVolume => 57440,
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
fn write(key: &KeyEvent, parts: &KeyParts, form: &Form, flags: u16) -> Vec<u8> {
    let held = u16::from(held(key)) + u16::from(locks(key));
    let event = match key.kind {
        KeyEventKind::Repeat if flags & EVENTS != 0 => 2,
        KeyEventKind::Release if flags & EVENTS != 0 => 3,
        KeyEventKind::Press | KeyEventKind::Repeat | KeyEventKind::Release => 1,
    };
    let mut number = form.number.to_string();
    if flags & ALTERNATES != 0 && !(is_on_keypad(key) && flags & DISAMBIGUATE != 0) {
        number.push_str(&alternates(key, parts));
    }
    let mut modifiers = String::new();
    if held > 0 || event > 1 {
        modifiers = (held + 1).to_string();
    }
    if event > 1 {
        modifiers.push_str(&format!(":{event}"));
    }
    let tells_text = flags & TEXT != 0 && flags & EVERYTHING != 0 && event < 3;
    let text = if tells_text { text(key, parts) } else { String::new() };
    let body = match (modifiers.is_empty(), text.is_empty()) {
        (true, true) if form.bare => String::new(),
        (true, true) => number,
        (false, true) => format!("{number};{modifiers}"),
        (_, false) => format!("{number};{modifiers};{text}"),
    };
    format!("\x1b[{body}{}", form.last).into_bytes()
}

/// The numbers of the characters that a key makes.
fn text(key: &KeyEvent, parts: &KeyParts) -> String {
    let own = if let KeyCode::Char(c) = key.code { Some(c) } else { None };
    let own = own.filter(|_| parts.text.is_empty() && held(key) & !1 == 0);
    let numbers = parts.text.chars().chain(own).map(|c| u32::from(c).to_string());
    numbers.collect::<Vec<_>>().join(":")
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
        encode(&KeyEvent::new_with_kind(code, held, kind), &KeyParts::default(), &modes)
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
            (a, NONE, Release, 3, Some("\x1b[97;1:3u")),
            (a, NONE, Release, 1, Some("")),
            (a, NONE, Repeat, 3, None),
            (KeyCode::Enter, NONE, Release, 3, Some("")),
            (KeyCode::Enter, NONE, Release, 11, Some("\x1b[13;1:3u")),
            (KeyCode::Modifier(ModifierKeyCode::LeftShift), NONE, Release, 3, Some("")),
            (a, CTRL, Press, 2, None),
            (a, CTRL, Release, 2, Some("\x1b[97;5:3u")),
            (KeyCode::Media(MediaKeyCode::Play), NONE, Press, 1, Some("\x1b[57428u")),
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
    fn keypads_locks_and_what_else_a_terminal_told_are_told() {
        let told = |key: KeyEvent, parts: &KeyParts, flags| {
            let modes = Modes { keyboard: flags, ..Modes::default() };
            encode(&key, parts, &modes).map(|bytes| String::from_utf8(bytes).unwrap())
        };
        let none = KeyParts::default();
        let state = |code, state| KeyEvent { state, ..KeyEvent::from(code) };
        let (keypad, num_lock) = (KeyEventState::KEYPAD, KeyEventState::NUM_LOCK);
        let five = state(KeyCode::Char('5'), keypad | num_lock);
        assert_eq!(told(five, &none, 1), None, "it is text");
        assert_eq!(told(five, &none, 25).as_deref(), Some("\x1b[57404;129;53u"));
        assert_eq!(told(five, &none, 8).as_deref(), Some("\x1b[53;129u"));
        assert_eq!(told(state(KeyCode::Left, keypad), &none, 1).as_deref(), Some("\x1b[57417u"));
        assert_eq!(told(state(KeyCode::Enter, keypad), &none, 1).as_deref(), Some("\x1b[57414u"));
        assert_eq!(told(state(KeyCode::Up, num_lock), &none, 1).as_deref(), Some("\x1b[1;129A"));
        assert_eq!(told(state(KeyCode::Enter, num_lock), &none, 1), None);
        let sign = KeyEvent::new(KeyCode::Char('!'), SHIFT);
        let parts = KeyParts { plain: Some('1'), shifted: Some('!'), text: "!".to_owned(), base: None };
        assert_eq!(told(sign, &parts, 31).as_deref(), Some("\x1b[49:33;2;33u"));
        assert_eq!(told(sign, &parts, 9).as_deref(), Some("\x1b[49;2u"));
        assert_eq!(told(sign, &parts, 7).as_deref(), Some("!"));
        assert_eq!(told(sign, &parts, 0).as_deref(), Some("!"));
        let composed = KeyParts { text: "漢字".to_owned(), ..KeyParts::default() };
        assert_eq!(told(KeyEvent::from(KeyCode::Char('漢')), &composed, 0).as_deref(), Some("漢字"));
        let cyrillic = KeyEvent::new(KeyCode::Char('с'), CTRL);
        let base = KeyParts { base: Some('c'), ..KeyParts::default() };
        assert_eq!(told(cyrillic, &base, 5).as_deref(), Some("\x1b[1089::99;5u"));
        assert_eq!(told(cyrillic, &base, 1).as_deref(), Some("\x1b[1089;5u"));
    }

    #[test]
    fn a_terminal_is_asked_for_what_the_program_needs() {
        let of = |keyboard| host_flags(&Modes { keyboard, ..Modes::default() });
        assert_eq!([of(0), of(1), of(2), of(7), of(8), of(31)], [1, 1, 3, 7, 25, 31]);
    }

    #[test]
    fn other_keys_are_modified_as_xterm_does() {
        let told = |code, held, level| {
            let modes = Modes { other_keys: level, ..Modes::default() };
            encode(&KeyEvent::new(code, held), &KeyParts::default(), &modes)
                .map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(told(KeyCode::Enter, SHIFT, 1).as_deref(), Some("\x1b[27;2;13~"));
        assert_eq!(told(KeyCode::Char('a'), CTRL, 1), None);
        assert_eq!(told(KeyCode::Char('a'), CTRL, 2).as_deref(), Some("\x1b[27;5;97~"));
        assert_eq!(told(KeyCode::Char(','), CTRL, 1).as_deref(), Some("\x1b[27;5;44~"));
        assert_eq!(told(KeyCode::Char('a'), NONE, 2), None);
    }
}
