//! What stands over the screen: a stack, of which the uppermost gets every key until it closes.
//!
//! Not for the main screen. Invariant: a popup changes nothing but itself; what it wants done it answers.

pub mod confirm;
pub mod explain;
pub mod form;
pub mod help;
pub mod links;
pub mod notices;
pub mod palette;
pub mod pick;
pub mod plan;
pub mod spend;
pub mod themes;
pub mod words;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::contract::{Purpose, Request, World};
use super::look::Look;
use super::state::ViewState;
use super::text;
use super::widgets::row::Row;
use crate::keymap::{Action, App, Context, Key, Keymap, List, Motion};
use crate::theme::{Role, Theme};

/// A popup.
#[derive(Debug)]
pub enum Popup {
    /// Every key.
    Help(help::Help),
    /// Every action.
    Palette(palette::Palette),
    /// Words to write.
    Words(Box<words::Words>),
    /// A new task.
    Form(Box<form::Form>),
    /// A question.
    Confirm(confirm::Confirm),
    /// Why a task is where it is.
    Explain(explain::Explain),
    /// The themes.
    Themes(themes::ThemeList),
    /// The plan that waits.
    Plan(Box<plan::PlanReview>),
    /// What was spent.
    Spend(spend::Spend),
    /// What happened meanwhile.
    Notices(notices::Notices),
    /// The links in a terminal.
    Links(Box<links::Links>),
    /// One of several things.
    Pick(Box<pick::Pick>),
}

/// What a popup sees of the rest.
#[derive(Clone, Copy)]
pub struct Stage<'a> {
    /// What is shown.
    pub world: &'a World<'a>,
    /// What this client looks at.
    pub view: &'a ViewState,
    /// The keys.
    pub keymap: &'a Keymap,
}

/// What a popup wants after an input.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing more.
    Stay,
    /// To be closed.
    Close,
    /// To be closed, and this sent.
    Send(Vec<Request>),
    /// This sent, and to stay.
    Ask(Vec<Request>),
    /// To be closed, and this done.
    Act(Action),
    /// Another one over it.
    Open(Popup),
    /// To be closed for another one.
    Become(Popup),
    /// To see the screen in this theme.
    Preview(Box<Theme>),
    /// To be closed, and this theme used.
    Choose(Box<Theme>),
    /// To tell a person something.
    Say(String),
}

impl Popup {
    /// The context whose keys hold here.
    pub fn context(&self) -> Context {
        match self {
            Popup::Words(_) | Popup::Form(_) => Context::Input,
            Popup::Confirm(_) => Context::Confirm,
            Popup::Plan(_) => Context::Plan,
            Popup::Help(_)
            | Popup::Palette(_)
            | Popup::Explain(_)
            | Popup::Themes(_)
            | Popup::Spend(_)
            | Popup::Notices(_)
            | Popup::Links(_)
            | Popup::Pick(_) => Context::List,
        }
    }

    /// The word at the left of the hints.
    pub fn mode(&self) -> &'static str {
        match self {
            Popup::Help(_) => "HELP",
            Popup::Palette(_) => "COMMANDS",
            Popup::Words(_) | Popup::Form(_) => "WRITE",
            Popup::Confirm(_) => "SURE?",
            Popup::Explain(_) => "EXPLAIN",
            Popup::Themes(_) => "THEMES",
            Popup::Plan(_) => "PLAN",
            Popup::Spend(_) => "SPEND",
            Popup::Notices(_) => "NEWS",
            Popup::Links(_) => "LINKS",
            Popup::Pick(_) => "CHOOSE",
        }
    }

    /// What a key means here. Where letters write nothing they move and close, as they do in a view.
    fn action(&self, key: &KeyEvent, keymap: &Keymap) -> Option<Action> {
        let found = keymap.lookup(self.context(), key).map(|hit| hit.action);
        let writes = matches!(self, Popup::Help(_) | Popup::Palette(_));
        if found.is_some() || writes || self.context() != Context::List {
            return found;
        }
        match keymap.lookup(Context::View, key)?.action {
            Action::App(App::Back) => Some(Action::List(List::Close)),
            action @ Action::Move(_) => Some(action),
            _ => None,
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: &KeyEvent, stage: Stage<'_>) -> Outcome {
        let action = self.action(key, stage.keymap);
        match self {
            Popup::Help(popup) => popup.key(key, action),
            Popup::Palette(popup) => popup.key(key, action, stage),
            Popup::Words(popup) => popup.key(key, action),
            Popup::Form(popup) => popup.key(key, action, stage),
            Popup::Confirm(popup) => popup.key(action),
            Popup::Explain(popup) => popup.key(action),
            Popup::Themes(popup) => popup.key(action),
            Popup::Plan(popup) => popup.key(action, stage),
            Popup::Spend(popup) => popup.key(action),
            Popup::Notices(popup) => popup.key(action),
            Popup::Links(popup) => popup.key(action),
            Popup::Pick(popup) => popup.key(action),
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        match self {
            Popup::Help(popup) => popup.paste(text),
            Popup::Palette(popup) => popup.paste(text),
            Popup::Words(popup) => popup.editor.insert(text),
            Popup::Form(popup) => popup.paste(text),
            Popup::Confirm(_)
            | Popup::Explain(_)
            | Popup::Themes(_)
            | Popup::Plan(_)
            | Popup::Spend(_)
            | Popup::Notices(_)
            | Popup::Links(_)
            | Popup::Pick(_) => {}
        }
    }

    /// Text comes back from the person's editor.
    pub fn edited(&mut self, purpose: &Purpose, text: &str) {
        match (self, purpose) {
            (Popup::Words(popup), Purpose::Words) => popup.editor.set(text.trim_end()),
            (Popup::Form(popup), Purpose::Words) => popup.edited(text.trim_end()),
            _ => {}
        }
    }

    /// The wheel was turned over it.
    pub fn wheel(&mut self, down: bool, stage: Stage<'_>) -> Outcome {
        let action = Action::Move(if down { Motion::Down } else { Motion::Up });
        match self {
            Popup::Help(popup) => popup.act(action),
            Popup::Palette(popup) => popup.act(action, stage),
            Popup::Explain(popup) => popup.key(Some(action)),
            Popup::Themes(popup) => popup.key(Some(action)),
            Popup::Plan(popup) => popup.key(Some(action), stage),
            Popup::Spend(popup) => popup.key(Some(action)),
            Popup::Notices(popup) => popup.key(Some(action)),
            Popup::Links(popup) => popup.key(Some(action)),
            Popup::Pick(popup) => popup.key(Some(action)),
            Popup::Words(_) | Popup::Form(_) | Popup::Confirm(_) => Outcome::Stay,
        }
    }

    /// The button went down: on a row it selects, on the selected row it chooses; what is only read, it closes.
    pub fn click(&mut self, at: Position, stage: Stage<'_>) -> Outcome {
        match self {
            Popup::Palette(popup) => popup.click(at, stage),
            Popup::Themes(popup) => popup.click(at),
            Popup::Plan(popup) => popup.click(at),
            Popup::Links(popup) => popup.click(at),
            Popup::Pick(popup) => popup.click(at),
            Popup::Help(_) | Popup::Explain(_) | Popup::Spend(_) | Popup::Notices(_) => Outcome::Close,
            Popup::Words(_) | Popup::Form(_) | Popup::Confirm(_) => Outcome::Stay,
        }
    }

    /// Draws it and answers where the cursor belongs. What it scrolled too far comes back.
    pub fn draw(
        &mut self,
        screen: Rect,
        buf: &mut Buffer,
        stage: Stage<'_>,
        look: Look<'_>,
    ) -> Option<Position> {
        match self {
            Popup::Help(popup) => popup.draw(screen, buf, stage, look),
            Popup::Palette(popup) => popup.draw(screen, buf, stage, look),
            Popup::Words(popup) => popup.draw(screen, buf, stage, look),
            Popup::Form(popup) => popup.draw(screen, buf, stage, look),
            Popup::Confirm(popup) => popup.draw(screen, buf, stage, look),
            Popup::Explain(popup) => popup.draw(screen, buf, stage, look),
            Popup::Themes(popup) => popup.draw(screen, buf, stage, look),
            Popup::Plan(popup) => popup.draw(screen, buf, stage, look),
            Popup::Spend(popup) => popup.draw(screen, buf, stage, look),
            Popup::Notices(popup) => popup.draw(screen, buf, stage, look),
            Popup::Links(popup) => popup.draw(screen, buf, stage, look),
            Popup::Pick(popup) => popup.draw(screen, buf, stage, look),
        }
    }
}

/// Rows of a popup as they were drawn: where, and which of them was the first.
#[derive(Clone, Copy, Debug, Default)]
struct Listed {
    area: Rect,
    first: usize,
}

impl Listed {
    /// The row at a place.
    fn row(self, at: Position) -> Option<usize> {
        self.area.contains(at).then(|| self.first + usize::from(at.y - self.area.y))
    }
}

/// Where a motion leads among `count` rows, `page` of which are seen.
fn step(at: usize, motion: Motion, count: usize, page: usize) -> usize {
    let last = count.saturating_sub(1);
    match motion {
        Motion::Up => at.saturating_sub(1),
        Motion::Down => at.saturating_add(1).min(last),
        Motion::Top => 0,
        Motion::Bottom => last,
        Motion::PageUp => at.saturating_sub(page.max(1)),
        Motion::PageDown => at.saturating_add(page.max(1)).min(last),
        Motion::HalfUp => at.saturating_sub((page / 2).max(1)),
        Motion::HalfDown => at.saturating_add((page / 2).max(1)).min(last),
        Motion::PreviousPart
        | Motion::NextPart
        | Motion::Jump
        | Motion::NextAttention
        | Motion::NextSession
        | Motion::PreviousSession => at,
    }
}

/// The hint of a popup that is only read.
fn close_hint(keymap: &Keymap, look: Look<'_>) -> Row {
    let mut row = Row::new();
    let binding = keymap.binding(Context::List, Action::List(List::Close));
    if let Some(key) = binding.and_then(|binding| binding.keys.first()) {
        push_hint(&mut row, *key, "close", look);
    }
    row
}

/// The hints of a context: those of its bindings that have a word and a key.
fn hints(keymap: &Keymap, context: Context, look: Look<'_>) -> Row {
    let mut row = Row::new();
    for binding in keymap.of(context).filter(|binding| !binding.entry.hint.is_empty()) {
        if let Some(key) = binding.keys.first() {
            push_hint(&mut row, *key, &binding.entry.hint, look);
        }
    }
    row
}

/// A key with its word, to be read and to be pressed.
fn push_hint(row: &mut Row, key: Key, word: &str, look: Look<'_>) {
    let (key_text, word) = (format!(" {key}"), format!(" {word} "));
    row.push(&key_text, look.style(Role::Key));
    row.push(&word, look.style(Role::Dim));
    row.press_left(key, text::width(&key_text) + text::width(&word));
}
