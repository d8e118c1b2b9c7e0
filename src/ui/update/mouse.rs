//! The mouse: a click selects, focuses and presses, the wheel scrolls what is under it, a drag selects text.
//!
//! Invariant: an agent gets the mouse only if it asked for it and its terminal is entered (the wheel: if it asked).

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::super::Ui;
use super::super::contract::{Request, World};
use super::super::layout::{Screen, Shape};
use super::super::popups::links::Links;
use super::super::popups::{Popup, Stage};
use super::super::reading::Selection;
use super::super::state::{Focus, Tab};
use super::super::views::board::first_row;
use super::super::views::{strip, tabs};
use crate::keymap::{Key, Motion};
use crate::model::snapshot::SessionView;
use crate::term::{self, KeyParts, MouseMode, Place, Unit};

/// Rows that a turn of the wheel scrolls.
const WHEEL: usize = 3;

impl Ui {
    /// Takes an event of the mouse.
    pub(super) fn mouse(&mut self, event: MouseEvent, world: &World<'_>) -> Vec<Request> {
        let at = Position { x: event.column, y: event.row };
        let wheel = match event.kind {
            MouseEventKind::ScrollUp => Some(false),
            MouseEventKind::ScrollDown => Some(true),
            _ => None,
        };
        let pressed = matches!(event.kind, MouseEventKind::Down(MouseButton::Left));
        if let Some(key) = self.key_at(at).filter(|_| pressed) {
            return self.press_key(key, at, world);
        }
        if let Some(popup) = self.popups.last_mut() {
            let stage = Stage { world, view: &self.view, keymap: &self.settings.keymap };
            let outcome = match (wheel, event.kind) {
                (Some(down), _) => popup.wheel(down, stage),
                (None, MouseEventKind::Down(MouseButton::Left)) => popup.click(at, stage),
                (None, _) => return Vec::new(),
            };
            return self.after_popup(outcome, world);
        }
        if pressed && event.modifiers.contains(KeyModifiers::CONTROL) && self.press_link(at, world) {
            return Vec::new();
        }
        if let Some(requests) = self.forward(event, at, world) {
            return requests;
        }
        match (event.kind, wheel) {
            (_, Some(down)) => self.wheel(down, at, world),
            (MouseEventKind::Down(MouseButton::Left), _) => {
                return self.press(at, event.modifiers.contains(KeyModifiers::ALT), world);
            }
            (MouseEventKind::Drag(MouseButton::Left), _) => self.drag(at, world),
            (MouseEventKind::Up(MouseButton::Left), _) => return self.release(world),
            _ => {}
        }
        Vec::new()
    }

    /// The key that is drawn there.
    fn key_at(&self, at: Position) -> Option<Key> {
        self.drawn.presses.iter().find(|(area, _)| area.contains(at)).map(|(_, key)| *key)
    }

    /// A key that is drawn somewhere was pressed there: it is the same as on the keyboard, but one that answers a row
    /// of what needs a person answers that row.
    fn press_key(&mut self, key: Key, at: Position, world: &World<'_>) -> Vec<Request> {
        let screen = self.drawn.screen;
        if self.popups.is_empty() && screen.strip.inner.contains(at) {
            self.press_strip(&screen, at, world);
            if !self.popups.is_empty() {
                // The plan came up: it is read before it is answered.
                return Vec::new();
            }
        }
        self.key(&key.into(), &KeyParts::default(), world)
    }

    /// The link under the pointer comes up, to be looked at and opened; whether there is one.
    fn press_link(&mut self, at: Position, world: &World<'_>) -> bool {
        if self.view.tab != Tab::Terminal || !self.drawn.screen.view.inner.contains(at) {
            return false;
        }
        let link = self.sight(world, |sight| sight.link_under(at)).flatten();
        let session = self.view.shown(world.snapshot).map(|session| session.id.clone());
        let Some((link, session)) = link.zip(session) else { return false };
        self.popups.push(Popup::Links(Box::new(Links::new(session, vec![link]))));
        true
    }

    /// What the agent under the pointer asked for; none if it did not.
    fn forward(&self, event: MouseEvent, at: Position, world: &World<'_>) -> Option<Vec<Request>> {
        let (session, area) = self.drawn.terminal.as_ref().filter(|(_, area)| area.contains(at))?;
        let modes = super::modes(session, world)?;
        let wheel = matches!(event.kind, MouseEventKind::ScrollUp | MouseEventKind::ScrollDown);
        let meant = self.view.focus == Focus::Terminal || wheel;
        let own = event.modifiers.contains(KeyModifiers::SHIFT)
            || self.view.back > 0
            || self.view.reading.past.is_some();
        if wheel && !own && modes.mouse == MouseMode::Off && modes.alternate_screen && modes.alternate_scroll
        {
            let code = if event.kind == MouseEventKind::ScrollUp { KeyCode::Up } else { KeyCode::Down };
            let key = term::encode_key(&KeyEvent::new(code, KeyModifiers::NONE), &modes);
            return Some(super::to_pane(session.clone(), key.repeat(WHEEL)));
        }
        if modes.mouse == MouseMode::Off || !meant || own {
            return None;
        }
        let bytes = term::encode_mouse(&event, at.x - area.x, at.y - area.y, &modes).unwrap_or_default();
        Some(super::to_pane(session.clone(), bytes))
    }

    fn wheel(&mut self, down: bool, at: Position, world: &World<'_>) {
        let motion = if down { Motion::Down } else { Motion::Up };
        let screen = self.drawn.screen;
        if screen.board.outer.contains(at) {
            self.select_by(motion, world);
        } else if screen.view.outer.contains(at) {
            self.wheel_by(down, WHEEL, world);
        }
    }

    fn press(&mut self, at: Position, block: bool, world: &World<'_>) -> Vec<Request> {
        self.view.reading.selection = None;
        let zone = self.drawn.zones.iter().find(|(area, _)| area.contains(at)).map(|(_, action)| *action);
        if let Some(action) = zone {
            return self.perform(action, 0, world);
        }
        let screen = self.drawn.screen;
        if screen.tabs.contains(at) {
            if let Some(page) = tabs::page_at(at.x - screen.tabs.x) {
                self.page(page);
            }
        } else if screen.strip.inner.contains(at) {
            self.press_strip(&screen, at, world);
        } else if screen.board.inner.contains(at) {
            self.press_board(screen.board.inner, at, world);
        } else if screen.others.inner.contains(at) {
            let row = usize::from(at.y - screen.others.inner.y);
            let session = self.others(world.snapshot).get(row).map(|(_, session)| *session);
            if let Some(session) = session {
                self.look_at(session);
            }
        } else if screen.view.inner.contains(at) && screen.shape != Shape::Welcome {
            self.press_view(at, block, world);
        }
        Vec::new()
    }

    fn press_strip(&mut self, screen: &Screen, at: Position, world: &World<'_>) {
        let snapshot = world.snapshot;
        let current = self.view.row(snapshot);
        let inner = screen.strip.inner;
        let first = strip::first_row(snapshot.rows(), current, usize::from(inner.height));
        let only = if inner.height == 1 { current.or(snapshot.rows().next()) } else { None };
        let row = only.or_else(|| snapshot.rows().nth(first + usize::from(at.y - inner.y)));
        if let Some(row) = row {
            self.visit(row, world);
        }
    }

    fn press_board(&mut self, area: Rect, at: Position, world: &World<'_>) {
        let tasks = self.view.tasks(world.snapshot);
        let selected = tasks.iter().position(|task| Some(&task.id) == self.view.task.as_ref());
        let first = first_row(selected, tasks.len(), usize::from(area.height));
        let task = tasks.get(first + usize::from(at.y - area.y)).map(|task| task.id.clone());
        self.view.focus = Focus::Board;
        if task.is_some() {
            self.view.select(task);
        }
    }

    /// A click into a view gives it the keys; into a live terminal, when the button comes up without having moved. Two
    /// clicks select a word, three a line; a drag with alt selects a block.
    fn press_view(&mut self, at: Position, block: bool, world: &World<'_>) {
        if self.view.tab != Tab::Terminal {
            self.view.focus = Focus::View;
            return;
        }
        self.pin(world);
        let Some(place) = self.sight(world, |sight| sight.place_under(at)) else { return };
        let unit = match self.view.reading.count_press(at, world.now) {
            2 => Unit::Word,
            3 => Unit::Line,
            _ if block => Unit::Block,
            _ => Unit::Char,
        };
        self.view.reading.selection = Some(Selection { unit, from: place, to: place });
    }

    fn drag(&mut self, at: Position, world: &World<'_>) {
        let area = self.drawn.screen.view.inner;
        if self.view.reading.selection.is_none() || area.is_empty() || self.view.tab != Tab::Terminal {
            return;
        }
        // Beyond the edge the history scrolls along.
        if at.y < area.y || at.y >= area.bottom() {
            self.wheel_by(at.y >= area.bottom(), 1, world);
        }
        let place = self.sight(world, |sight| sight.place_under(at));
        if let (Some(selection), Some(place)) = (&mut self.view.reading.selection, place) {
            selection.to = place;
        }
    }

    fn release(&mut self, world: &World<'_>) -> Vec<Request> {
        let Some(selection) = self.view.reading.selection.filter(|_| self.view.tab == Tab::Terminal) else {
            return Vec::new();
        };
        let single = matches!(selection.unit, Unit::Char | Unit::Block);
        if single && selection.from == selection.to {
            self.click_view(selection.to, world);
            return Vec::new();
        }
        let text = self.sight(world, |sight| sight.selected_text()).flatten().unwrap_or_default();
        if self.view.back == 0 && self.view.focus == Focus::Board {
            self.unpin();
        }
        self.copy_text(text, world)
    }

    /// A click puts the cursor of scroll mode there, or enters the terminal.
    fn click_view(&mut self, place: Place, world: &World<'_>) {
        self.view.reading.selection = None;
        if self.view.back == 0 && self.view.focus == Focus::Board {
            self.unpin();
        }
        if self.view.focus == Focus::View {
            self.view.reading.cursor = Some(place);
        } else if self.view.back == 0 && self.view.shown(world.snapshot).is_some_and(SessionView::is_live) {
            self.enter(world);
        }
    }
}
