//! Keys as they come, and what the terminal is asked to tell of them.
//!
//! Not for what a key means. Invariants: nothing is asked of the terminal but for the program that is typed into; of a
//! key that was pressed for this screen no program hears.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};

use super::super::Ui;
use super::super::contract::{KeysWanted, Request, World};
use super::{modes, pass_key};
use crate::model::SessionId;
use crate::term::{self, KeyParts};

impl Ui {
    /// A key that goes down, is held or goes up.
    pub(super) fn stroke(&mut self, key: &KeyEvent, parts: &KeyParts, world: &World<'_>) -> Vec<Request> {
        let is_silent = key.kind == KeyEventKind::Release || matches!(key.code, KeyCode::Modifier(_));
        if is_silent {
            return self.silent_key(key, parts, world);
        }
        self.seen.own_key = Some(same(key, parts));
        self.key(key, parts, world)
    }

    /// What means nothing but to a program that asked for it: the end of a key, and keys that modify others.
    fn silent_key(&mut self, key: &KeyEvent, parts: &KeyParts, world: &World<'_>) -> Vec<Request> {
        if key.kind == KeyEventKind::Release && self.seen.own_key == Some(same(key, parts)) {
            self.seen.own_key = None;
            return Vec::new();
        }
        match self.typed_into(world) {
            Some(session) => pass_key(session, key, parts, world),
            None => Vec::new(),
        }
    }

    /// The live session that has the keys: its terminal is entered and nothing lies over it.
    fn typed_into(&self, world: &World<'_>) -> Option<SessionId> {
        if self.popups.is_empty() { self.entered(world) } else { None }
    }

    /// Asks the terminal for what the program that is typed into wants to know of keys, if that has changed.
    pub(in crate::ui) fn want_keys(&mut self, world: &World<'_>) -> Option<Request> {
        let modes = self.typed_into(world).and_then(|session| modes(&session, world)).unwrap_or_default();
        let wanted = KeysWanted { flags: term::host_flags(&modes), keypad: modes.application_keypad };
        if wanted == self.seen.keyboard {
            return None;
        }
        self.seen.keyboard = wanted;
        Some(Request::Keyboard(wanted))
    }
}

/// What tells that a key that goes up is one that went down, whatever is held beside it then.
fn same(key: &KeyEvent, parts: &KeyParts) -> KeyCode {
    match key.code {
        KeyCode::Char(c) => KeyCode::Char(parts.plain.unwrap_or(c.to_lowercase().next().unwrap_or(c))),
        KeyCode::BackTab => KeyCode::Tab,
        code => code,
    }
}
