//! What input means: from a key or the mouse to an action, from an action to requests.
//!
//! Not for drawing. Invariant: input goes to the uppermost popup, else to the filter being written, else to the terminal
//! that is entered, else to the keymap; never to two of them.

mod act;
mod change;
mod keys;
mod mouse;
mod news;
mod run;
mod scroll;

use crossterm::event::KeyEvent;

use super::contract::{Input, KeysWanted, Reply, Request, World};
use super::popups::{Outcome, Popup, Stage};
use super::state::{Focus, Tab};
use super::{Pending, Ui};
use crate::keymap::{Action, Compose, Context, List, Motion, SessionAct};
use crate::model::{SessionId, Verb, counted};
use crate::term::{self, KeyParts};

impl Ui {
    /// Takes input; what follows from a new snapshot comes after it.
    pub(super) fn input(&mut self, input: Input, world: &World<'_>) -> Vec<Request> {
        self.view.repair(world.snapshot);
        if matches!(input, Input::Key(_) | Input::Stroke(..) | Input::Paste(_))
            && self.seen.focused == Some(false)
        {
            // Whoever types is there, whatever the terminal last said.
            self.seen.focused = Some(true);
        }
        match input {
            Input::Key(key) => self.stroke(&key, &KeyParts::default(), world),
            Input::Stroke(key, parts) => self.stroke(&key, &parts, world),
            Input::Mouse(event) => self.mouse(event, world),
            Input::Paste(text) => self.paste(&text, world),
            Input::Resize(..) => {
                // Whoever lent the terminal to another program says so too, and that one may have changed it.
                self.seen.keyboard = KeysWanted::default();
                Vec::new()
            }
            Input::Focus(focused) => self.terminal_focus(focused, world),
        }
    }

    /// A key that goes down, or is held.
    fn key(&mut self, key: &KeyEvent, parts: &KeyParts, world: &World<'_>) -> Vec<Request> {
        if let Some(popup) = self.popups.last_mut() {
            let stage = Stage { world, view: &self.view, keymap: &self.settings.keymap };
            let outcome = popup.key(key, stage);
            return self.after_popup(outcome, world);
        }
        let context = self.view.context(world.snapshot);
        if context != Context::Scroll {
            // What the mouse selected is marked until a key is pressed.
            self.view.reading.leave_selection();
        }
        if self.view.filtering {
            return self.filter_key(key, world);
        }
        if context == Context::Scroll && self.view.reading.asking.is_some() {
            return self.search_key(key, world);
        }
        match self.settings.keymap.lookup(context, key) {
            Some(hit) => self.perform(hit.action, hit.nth, world),
            None if context == Context::Terminal => self.type_key(key, parts, world),
            None => Vec::new(),
        }
    }

    /// Does what a popup wants.
    fn after_popup(&mut self, outcome: Outcome, world: &World<'_>) -> Vec<Request> {
        match outcome {
            Outcome::Stay => Vec::new(),
            Outcome::Close => {
                self.close();
                Vec::new()
            }
            Outcome::Send(requests) => {
                self.close();
                self.send(requests, world)
            }
            Outcome::Ask(requests) => requests,
            Outcome::Act(action) => {
                self.close();
                self.perform(action, 0, world)
            }
            Outcome::Open(popup) => {
                self.popups.push(popup);
                Vec::new()
            }
            Outcome::Become(popup) => {
                self.close();
                self.popups.push(popup);
                Vec::new()
            }
            Outcome::Preview(theme) => {
                self.preview = Some(theme.at(self.settings.depth));
                Vec::new()
            }
            Outcome::Choose(theme) => {
                self.popups.pop();
                self.preview = Some(theme.at(self.settings.depth));
                vec![Request::SetTheme(theme.name().to_owned())]
            }
            Outcome::Say(text) => {
                self.say(text, false, world.now);
                Vec::new()
            }
        }
    }

    fn close(&mut self) {
        if matches!(self.popups.pop(), Some(Popup::Themes(_))) {
            self.preview = None;
        }
    }

    /// Notes commands as pending: they are done when the answer says so.
    fn send(&mut self, requests: Vec<Request>, world: &World<'_>) -> Vec<Request> {
        for request in &requests {
            if let Request::Command(command) = request {
                let target = run::target(command, world.snapshot);
                self.pending.push(Pending { verb: command.verb(), target, since: world.now });
            }
            if let Request::Copy(text) = request {
                let size = counted(text.chars().count(), "character");
                self.say(format!("{size} copied"), false, world.now);
            }
        }
        requests
    }

    fn filter_key(&mut self, key: &KeyEvent, world: &World<'_>) -> Vec<Request> {
        let action = self.settings.keymap.lookup(Context::Input, key).map(|hit| hit.action);
        let list = self.settings.keymap.lookup(Context::List, key).map(|hit| hit.action);
        match (action, list) {
            (Some(Action::Compose(Compose::Submit)), _) => self.view.filtering = false,
            (Some(Action::Compose(Compose::Cancel)), _) | (_, Some(Action::List(List::Close))) => {
                self.view.filtering = false;
                self.view.filter.set("");
            }
            (_, Some(Action::Move(motion @ (Motion::Up | Motion::Down)))) => {
                self.select_by(motion, world);
            }
            _ => {
                self.view.filter.key(key);
            }
        }
        let tasks = self.view.tasks(world.snapshot);
        if !tasks.iter().any(|task| Some(&task.id) == self.view.task.as_ref()) {
            let first = tasks.first().map(|task| task.id.clone());
            self.view.select(first);
        }
        Vec::new()
    }

    /// A key for the agent whose terminal is entered. If that has ended, the key goes nowhere: it must not become a
    /// command by surprise.
    fn type_key(&mut self, key: &KeyEvent, parts: &KeyParts, world: &World<'_>) -> Vec<Request> {
        let Some(session) = self.entered(world) else {
            let leave = self.settings.keymap.key_of(Context::Terminal, Action::Session(SessionAct::Leave));
            self.say(format!("the session has ended; {leave} goes back to the board"), false, world.now);
            return Vec::new();
        };
        self.view.back = 0;
        self.seen.own_key = None;
        pass_key(session, key, parts, world)
    }

    /// The live session whose terminal is entered.
    fn entered(&self, world: &World<'_>) -> Option<SessionId> {
        if self.view.focus != Focus::Terminal {
            return None;
        }
        let session = self.view.shown(world.snapshot).filter(|session| session.is_live());
        session.map(|session| session.id.clone())
    }

    fn paste(&mut self, text: &str, world: &World<'_>) -> Vec<Request> {
        if let Some(popup) = self.popups.last_mut() {
            popup.paste(text);
        } else if let Some(asking) = &mut self.view.reading.asking {
            asking.editor.insert(text.lines().next().unwrap_or(""));
            self.look_for_words();
        } else if self.view.filtering {
            self.view.filter.insert(text.lines().next().unwrap_or(""));
        } else if let Some(session) = self.entered(world) {
            let bytes =
                modes(&session, world).map(|modes| term::encode_paste(text, &modes)).unwrap_or_default();
            return to_pane(session, bytes);
        } else {
            self.say("enter a terminal to paste into it", false, world.now);
        }
        Vec::new()
    }

    fn terminal_focus(&mut self, focused: bool, world: &World<'_>) -> Vec<Request> {
        self.seen.focused = Some(focused);
        let Some(session) = self.entered(world) else { return Vec::new() };
        let bytes = modes(&session, world).and_then(|modes| term::encode_focus(focused, &modes));
        to_pane(session, bytes.map(<[u8]>::to_vec).unwrap_or_default())
    }

    /// Shows a view of the selected task, as a page where there is no room beside the board.
    fn show(&mut self, tab: Tab) {
        if self.view.tab != tab {
            self.view.scroll = 0;
            self.view.back = 0;
            self.unpin();
            self.view.reading.leave();
        }
        self.view.tab = tab;
        self.view.page = true;
    }

    /// Takes the answer to a request.
    pub(super) fn answered(&mut self, reply: Reply, world: &World<'_>) -> Vec<Request> {
        match reply {
            Reply::Done { verb } => {
                if let Some(pending) = self.settle_pending(verb) {
                    self.say(run::done(verb, &pending.target), false, world.now);
                }
            }
            Reply::Refused { verb, reason } => {
                let target = self.settle_pending(verb).map(|pending| pending.target).unwrap_or_default();
                self.say(format!("not possible: {} {target}: {reason}", asking(verb)), true, world.now);
            }
            Reply::Diff { task, text } => self.loaded.diff_came(task, &text),
            Reply::Events { task, lines } => self.loaded.events_came(task, lines),
            Reply::Edited { purpose, text } => {
                if let Some(popup) = self.popups.last_mut() {
                    popup.edited(&purpose, &text);
                }
            }
            Reply::PlanEdited(plan) => {
                let review = self.popups.iter_mut().find_map(|popup| match popup {
                    Popup::Plan(review) => Some(review),
                    _ => None,
                });
                if let Some(review) = review {
                    review.edited(plan);
                }
            }
            Reply::Themes(themes) => {
                let current = self.settings.theme.name().to_owned();
                let list = super::popups::themes::ThemeList::new(themes, &current);
                self.popups.push(Popup::Themes(list));
            }
            Reply::PastProgress { session, percent } => self.past_progress(&session, percent),
            Reply::Past { session, found } => self.past_came(&session, found, world),
            Reply::Notice { text, bad } => self.say(text, bad, world.now),
        }
        Vec::new()
    }

    fn settle_pending(&mut self, verb: Verb) -> Option<Pending> {
        let at = self.pending.iter().position(|pending| pending.verb == verb)?;
        Some(self.pending.remove(at))
    }
}

pub(super) use run::asking;

/// The modes of a session's terminal.
fn modes(session: &SessionId, world: &World<'_>) -> Option<term::Modes> {
    let pane = world.panes.pane(session)?;
    let modes = pane.lock().unwrap_or_else(std::sync::PoisonError::into_inner).modes();
    Some(modes)
}

fn pass_key(session: SessionId, key: &KeyEvent, parts: &KeyParts, world: &World<'_>) -> Vec<Request> {
    let bytes = modes(&session, world).map(|modes| term::encode_stroke(key, parts, &modes));
    to_pane(session, bytes.unwrap_or_default())
}

fn to_pane(session: SessionId, bytes: Vec<u8>) -> Vec<Request> {
    if bytes.is_empty() { Vec::new() } else { vec![Request::ToPane { session, bytes }] }
}
