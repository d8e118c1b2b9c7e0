//! What programs in terminals put into the clipboard (OSC 52): taken, offered or left, as the person's settings say.
//!
//! Not for what a person copies themselves. Invariants: only a client that shows a program's terminal at that moment gets
//! what it writes; whatever reaches the clipboard is told; nothing is ever read from it.

use std::sync::Arc;

use super::Ui;
use super::contract::{COPY_LIMIT, Request, World};
use super::popups::Popup;
use super::popups::confirm::Confirm;
use super::state::Focus;
use crate::config::Clipboard;
use crate::keymap::{Action, App, Context};
use crate::model::{SessionId, Timestamp, counted};

/// Between two writes at least, milliseconds: a program that writes without end costs no more.
pub(super) const PACE: u64 = 500;
/// Characters of an offer that are shown before it is taken.
const SHOWN: usize = 600;
/// Lines of it.
const LINES: usize = 10;

/// What this client knows of programs' texts for the clipboard.
#[derive(Debug, Default)]
pub(super) struct Clips {
    /// The session that is shown, and its last one that was heard of.
    heard: Option<(SessionId, u64)>,
    /// When something was last done.
    last: Option<Timestamp>,
    /// Whether there is one whose time has not come.
    waits: bool,
}

/// A text that a program would like in the clipboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who, and on which task.
    who: String,
    text: Arc<str>,
}

impl Clips {
    /// Whether the clock has to call for one.
    pub fn waits(&self) -> bool {
        self.waits
    }
}

impl Ui {
    /// Looks whether the program that is shown has put something into the clipboard.
    pub(super) fn clip(&mut self, world: &World<'_>) -> Vec<Request> {
        self.clips.waits = false;
        let Some((session, heard)) = self.clips.heard.clone() else { return Vec::new() };
        let Some(clip) = world.panes.clip(&session).filter(|clip| clip.number > heard) else {
            return Vec::new();
        };
        if self.clips.last.is_some_and(|last| world.now.since(last) < PACE) {
            self.clips.waits = true;
            return Vec::new();
        }
        self.clips.heard = Some((session.clone(), clip.number));
        self.clips.last = Some(world.now);
        self.take_clip(&session, clip.text, world)
    }

    /// A session's terminal is drawn, or none. What its program wrote before it was shown was not for this person.
    pub(super) fn hear_clips_of(&mut self, session: Option<&SessionId>, world: &World<'_>) {
        let heard = self.clips.heard.as_ref().map(|(of, _)| of);
        if heard != session {
            let number = |id: &SessionId| world.panes.clip(id).map_or(0, |clip| clip.number);
            self.clips.heard = session.map(|id| (id.clone(), number(id)));
        }
    }

    fn take_clip(&mut self, session: &SessionId, text: Arc<str>, world: &World<'_>) -> Vec<Request> {
        let policy = self.settings.clipboard;
        if policy == Clipboard::Deny || text.is_empty() {
            return Vec::new();
        }
        let who = match world.snapshot.session(session) {
            Some(view) => match &view.task {
                Some(task) => format!("{} {task}", view.name),
                None => view.name.clone(),
            },
            None => session.to_string(),
        };
        let size = counted(text.chars().count(), "character");
        if text.len() > COPY_LIMIT {
            self.say(format!("{who} wanted {size} in your clipboard: too much"), true, world.now);
            return Vec::new();
        }
        let typed = self.view.focus == Focus::Terminal && self.seen.focused != Some(false);
        if policy == Clipboard::Allow || (policy == Clipboard::Focused && typed) {
            self.say(format!("{who} put {size} into your clipboard"), false, world.now);
            return vec![Request::Copy(text.to_string())];
        }
        let key = self.settings.keymap.key_of(Context::Main, Action::App(App::Clipboard));
        self.say(
            format!("{who} offers {size} for your clipboard: {key} on the board looks at it"),
            false,
            world.now,
        );
        self.view.offer = Some(Offer { who, text });
        Vec::new()
    }

    /// Shows what is offered; yes takes it.
    pub(super) fn show_clip(&mut self) {
        let Some(Offer { who, text }) = self.view.offer.take() else { return };
        let size = counted(text.chars().count(), "character");
        let lines: Vec<&str> = text.lines().take(LINES).collect();
        let mut shown: String = lines.join("\n").chars().take(SHOWN).collect();
        if shown.len() < text.trim_end().len() {
            shown.push('…');
        }
        self.popups.push(Popup::Confirm(Confirm {
            question: format!("Put {size} from {who} into your clipboard?"),
            consequence: shown,
            requests: vec![Request::Copy(text.to_string())],
        }));
    }
}
