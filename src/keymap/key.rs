//! A key as people write it: `a`, `A`, `space`, `ctrl-q`, `alt-enter`, `shift-tab`, `f1`.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with its modifiers, in one form however the terminal reported it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// Why a key can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key")]
pub struct KeyError(
    /// As written.
    pub String,
);

impl KeyError {
    /// The nearest key, or how keys are written.
    pub fn hint(&self) -> String {
        match nearest(&self.0) {
            Some(key) => format!("did you mean `{key}`?"),
            None => "write it as `a`, `A`, `space`, `ctrl-q`, `alt-enter`, `shift-tab` or `f1`".to_owned(),
        }
    }
}

/// The key that was meant: written as other programs do (`Ctrl+Q`, `<C-q>`), or each part most like a right one.
fn nearest(wrong: &str) -> Option<Key> {
    let wrong = wrong.trim().trim_start_matches('<').trim_end_matches('>').replace(['+', ' ', '_'], "-");
    if let Ok(key) = wrong.parse() {
        return Some(key);
    }
    if let Some(whole) = like(&wrong, NAMES.iter().map(|(name, _)| *name)) {
        return whole.parse().ok();
    }
    let (modifiers, name) = wrong.rsplit_once('-').unwrap_or(("", &wrong));
    let mut parts = Vec::new();
    for part in modifiers.split('-').filter(|part| !part.is_empty()) {
        parts.push(like(part, ["ctrl", "alt", "shift", "super"].into_iter())?);
    }
    let known = code_of(name).map(|_| name);
    parts.push(known.or_else(|| like(name, NAMES.iter().map(|(name, _)| *name)))?);
    parts.join("-").parse().ok()
}

fn like(part: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let part = part.to_ascii_lowercase();
    let rated = known.map(|name| (strsim::damerau_levenshtein(&part, name), name));
    rated.filter(|(distance, name)| *distance <= 1 + name.len() / 4).min().map(|(_, name)| name)
}

/// Names of the keys that are no characters.
const NAMES: [(&str, KeyCode); 17] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("space", KeyCode::Char(' ')),
    ("minus", KeyCode::Char('-')),
    ("menu", KeyCode::Menu),
];

impl Key {
    /// A character carries its own shift; `shift-tab` comes under two names.
    fn new(code: KeyCode, modifiers: KeyModifiers) -> Key {
        let known = modifiers
            & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT | KeyModifiers::SUPER);
        match code {
            KeyCode::Char(c) => {
                let shifted = known.contains(KeyModifiers::SHIFT) && c.is_ascii_lowercase();
                let c = if shifted { c.to_ascii_uppercase() } else { c };
                // With ctrl, terminals disagree on the case, and shift can't be told apart on most.
                let c = if known.contains(KeyModifiers::CONTROL) { c.to_ascii_lowercase() } else { c };
                Key { code: KeyCode::Char(c), modifiers: known - KeyModifiers::SHIFT }
            }
            KeyCode::BackTab => Key { code: KeyCode::Tab, modifiers: known | KeyModifiers::SHIFT },
            code => Key { code, modifiers: known },
        }
    }

    /// A letter, digit or sign without modifiers.
    pub fn plain(c: char) -> Key {
        Key::new(KeyCode::Char(c), KeyModifiers::NONE)
    }
}

impl From<&KeyEvent> for Key {
    fn from(event: &KeyEvent) -> Self {
        Key::new(event.code, event.modifiers)
    }
}

impl From<Key> for KeyEvent {
    fn from(key: Key) -> KeyEvent {
        KeyEvent::new(key.code, key.modifiers)
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rest = text;
        let mut modifiers = KeyModifiers::NONE;
        while let Some((name, tail)) = rest.split_once('-').filter(|(_, tail)| !tail.is_empty()) {
            modifiers |= match name.to_ascii_lowercase().as_str() {
                "ctrl" | "control" | "c" => KeyModifiers::CONTROL,
                "alt" | "meta" | "a" | "m" => KeyModifiers::ALT,
                "shift" | "s" => KeyModifiers::SHIFT,
                "super" | "cmd" => KeyModifiers::SUPER,
                _ => return Err(KeyError(text.to_owned())),
            };
            rest = tail;
        }
        let code = code_of(rest).ok_or_else(|| KeyError(text.to_owned()))?;
        Ok(Key::new(code, modifiers))
    }
}

fn code_of(name: &str) -> Option<KeyCode> {
    let mut chars = name.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return (!c.is_control()).then_some(KeyCode::Char(c));
    }
    let lower = name.to_ascii_lowercase();
    if let Some(number) = lower.strip_prefix('f').and_then(|digits| digits.parse::<u8>().ok()) {
        return (1..=24).contains(&number).then_some(KeyCode::F(number));
    }
    let alias = match lower.as_str() {
        "return" => "enter",
        "escape" => "esc",
        "del" => "delete",
        "pgup" => "pageup",
        "pgdn" | "pgdown" => "pagedown",
        other => other,
    };
    NAMES.iter().find(|(known, _)| *known == alias).map(|(_, code)| *code)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, modifier) in [
            ("ctrl-", KeyModifiers::CONTROL),
            ("alt-", KeyModifiers::ALT),
            ("shift-", KeyModifiers::SHIFT),
            ("super-", KeyModifiers::SUPER),
        ] {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        if let Some((name, _)) = NAMES.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(number) => write!(f, "f{number}"),
            other => write!(f, "{other}"),
        }
    }
}
