//! The links on the screen: each with its text and where it really leads, opened one at a time.
//!
//! Invariant: nothing is opened whose target was not shown whole.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::{Listed, Outcome, Stage, hints, push_hint, step};
use crate::keymap::{Action, Context, List};
use crate::model::SessionId;
use crate::theme::Role;
use crate::ui::contract::Request;
use crate::ui::links::Link;
use crate::ui::look::Look;
use crate::ui::text;
use crate::ui::views::board::first_row;
use crate::ui::widgets::popup::PopupBox;
use crate::ui::widgets::row::{Row, Rows};

/// Columns of the box.
const COLUMNS: u16 = 90;

/// The list.
#[derive(Debug)]
pub struct Links {
    session: SessionId,
    links: Vec<Link>,
    at: usize,
    page: usize,
    /// Whether the whole target of the selected one was drawn.
    is_whole: bool,
    listed: Listed,
}

impl Links {
    /// Those of a session's terminal.
    pub fn new(session: SessionId, links: Vec<Link>) -> Self {
        Self { session, links, at: 0, page: 10, is_whole: false, listed: Listed::default() }
    }

    /// Takes an action.
    pub fn key(&mut self, action: Option<Action>) -> Outcome {
        match action {
            Some(Action::Move(motion)) => {
                self.at = step(self.at, motion, self.links.len(), self.page);
                // It is drawn before anything else is asked of it.
                self.is_whole = false;
                Outcome::Stay
            }
            Some(Action::List(List::Choose)) => self.open(),
            Some(Action::List(List::Copy)) => {
                let target = self.links.get(self.at).map(|link| Request::Copy(link.target.clone()));
                Outcome::Send(target.into_iter().collect())
            }
            Some(Action::List(List::Close)) => Outcome::Close,
            _ => Outcome::Stay,
        }
    }

    fn open(&mut self) -> Outcome {
        let Some(link) = self.links.get(self.at) else { return Outcome::Close };
        if !self.is_whole {
            return Outcome::Say(
                "where it leads is too long to be shown here: copy it and read it".to_owned(),
            );
        }
        let (session, target) = (self.session.clone(), link.target.clone());
        Outcome::Send(vec![Request::OpenLink { session, target }])
    }

    /// The button went down on it.
    pub fn click(&mut self, at: Position) -> Outcome {
        match self.listed.row(at).filter(|row| *row < self.links.len()) {
            Some(row) if row == self.at => self.open(),
            Some(row) => {
                (self.at, self.is_whole) = (row, false);
                Outcome::Stay
            }
            None => Outcome::Stay,
        }
    }

    /// Where the selected one leads, in full.
    fn target(&self, columns: usize, look: Look<'_>) -> Vec<Row> {
        let Some(link) = self.links.get(self.at) else { return Vec::new() };
        let mut rows =
            vec![Row::of("leads to ", look.style(Role::Dim)).left(link.host(), look.style(Role::Title))];
        if let Some(warning) = link.warning() {
            let words = format!("{} {warning}", look.glyphs.need);
            rows.extend(text::wrap(&words, columns).iter().map(|line| Row::of(line, look.style(Role::Need))));
        }
        let target = text::wrap(&link.target, columns);
        rows.extend(target.iter().map(|line| Row::of(line, look.style(Role::Link))));
        rows
    }

    /// Draws it.
    pub fn draw(
        &mut self,
        screen: Rect,
        buf: &mut Buffer,
        stage: Stage<'_>,
        look: Look<'_>,
    ) -> Option<Position> {
        let columns = usize::from(COLUMNS.min(screen.width).saturating_sub(4));
        let target = self.target(columns, look);
        let below = u16::try_from(target.len()).unwrap_or(u16::MAX).saturating_add(1);
        let list = u16::try_from(self.links.len()).unwrap_or(u16::MAX);
        let room = screen.height.saturating_sub(4);
        let list = list.min(room.saturating_sub(below).max(1)).min(12);
        let rows = list.saturating_add(below).saturating_add(2).min(screen.height);
        let title = if self.links.len() == 1 { "Open this link?" } else { "Links on the screen" };
        let mut hints = hints(stage.keymap, Context::List, look);
        let copy = stage.keymap.binding(Context::List, Action::List(List::Copy));
        if let Some(key) = copy.and_then(|binding| binding.keys.first()) {
            push_hint(&mut hints, *key, "copy", look);
        }
        let inner = PopupBox { title, hints, columns: COLUMNS, rows }.draw(screen, buf, look);
        let above = Rect { height: list.min(inner.height), ..inner };
        self.page = usize::from(above.height);
        let skip = first_row(Some(self.at), self.links.len(), self.page);
        self.listed = Listed { area: above, first: skip };
        let shown: Vec<Row> =
            self.links.iter().enumerate().map(|(at, link)| self.row(at, link, look)).collect();
        Rows { rows: &shown, skip, mark: look.glyphs.ellipsis }.render(above, buf);
        let under =
            Rect { y: above.bottom() + 1, height: inner.height.saturating_sub(above.height + 1), ..inner };
        self.is_whole = usize::from(under.height) >= target.len() && usize::from(under.width) >= columns;
        Rows { rows: &target, skip: 0, mark: look.glyphs.ellipsis }.render(under, buf);
        None
    }

    fn row(&self, at: usize, link: &Link, look: Look<'_>) -> Row {
        let row = Row::of(&format!(" {}", link.text), look.style(Role::Text));
        let row = if link.text == link.target {
            row
        } else {
            row.right(&format!("{} ", link.host()), look.style(Role::Dim))
        };
        if at == self.at { row.ground(look.style(Role::Selection)) } else { row }
    }
}
