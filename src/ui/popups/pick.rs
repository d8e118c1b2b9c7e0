//! One of several things of a task to choose: a finding, another task, a round.
//!
//! Not for doing anything: what is chosen opens words or a question. Invariant: the selected one is told in full.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::confirm::Confirm;
use super::words::{Words, WordsFor};
use super::{Listed, Outcome, Popup, Stage, hints, step};
use crate::keymap::{Action, Context, List};
use crate::theme::Role;
use crate::ui::look::Look;
use crate::ui::text;
use crate::ui::views::board::first_row;
use crate::ui::widgets::popup::PopupBox;
use crate::ui::widgets::row::{Row, Rows};

/// Columns of the box.
const COLUMNS: u16 = 80;
/// Rows of what is told of the selected one at most.
const TOLD: usize = 6;

/// Something that can be chosen.
#[derive(Clone, Debug)]
pub struct Choice {
    /// In its row.
    pub text: String,
    /// At the end of its row.
    pub right: String,
    /// Below the list while it is selected.
    pub told: String,
    /// What it leads to.
    pub next: Next,
}

/// What follows a choice.
#[derive(Clone, Debug)]
pub enum Next {
    /// Words to write, with what they answer.
    Words(WordsFor, String),
    /// A question.
    Sure(Confirm),
}

/// The list.
#[derive(Debug)]
pub struct Pick {
    title: String,
    choices: Vec<Choice>,
    at: usize,
    page: usize,
    listed: Listed,
}

impl Pick {
    /// Nothing but these.
    pub fn new(title: String, choices: Vec<Choice>) -> Self {
        Self { title, choices, at: 0, page: 10, listed: Listed::default() }
    }

    /// Takes an action.
    pub fn key(&mut self, action: Option<Action>) -> Outcome {
        match action {
            Some(Action::Move(motion)) => {
                self.at = step(self.at, motion, self.choices.len(), self.page);
                Outcome::Stay
            }
            Some(Action::List(List::Choose)) => self.choose(),
            Some(Action::List(List::Close)) => Outcome::Close,
            _ => Outcome::Stay,
        }
    }

    fn choose(&self) -> Outcome {
        match self.choices.get(self.at).map(|choice| choice.next.clone()) {
            None => Outcome::Close,
            Some(Next::Sure(question)) => Outcome::Become(Popup::Confirm(question)),
            Some(Next::Words(purpose, context)) => {
                Outcome::Become(Popup::Words(Box::new(Words::new(purpose, &context))))
            }
        }
    }

    /// The button went down on it.
    pub fn click(&mut self, at: Position) -> Outcome {
        match self.listed.row(at).filter(|row| *row < self.choices.len()) {
            Some(row) if row == self.at => self.choose(),
            Some(row) => {
                self.at = row;
                Outcome::Stay
            }
            None => Outcome::Stay,
        }
    }

    fn told(&self, columns: usize, look: Look<'_>) -> Vec<Row> {
        let told = self.choices.get(self.at).map_or("", |choice| choice.told.as_str());
        let lines = text::wrap(told, columns);
        lines.iter().take(TOLD).map(|line| Row::of(line, look.style(Role::Text))).collect()
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
        let told = self.told(columns, look);
        // As high for every choice, so that the list stays where it is.
        let below = u16::try_from(TOLD).unwrap_or(u16::MAX).saturating_add(1);
        let room = screen.height.saturating_sub(4);
        let list = u16::try_from(self.choices.len()).unwrap_or(u16::MAX);
        let list = list.min(room.saturating_sub(below).max(1)).min(12);
        let rows = list.saturating_add(below).saturating_add(2).min(screen.height);
        let hints = hints(stage.keymap, Context::List, look);
        let inner = PopupBox { title: &self.title, hints, columns: COLUMNS, rows }.draw(screen, buf, look);
        let above = Rect { height: list.min(inner.height), ..inner };
        self.page = usize::from(above.height);
        let skip = first_row(Some(self.at), self.choices.len(), self.page);
        self.listed = Listed { area: above, first: skip };
        let shown: Vec<Row> =
            self.choices.iter().enumerate().map(|(at, choice)| self.row(at, choice, look)).collect();
        Rows { rows: &shown, skip, mark: look.glyphs.ellipsis }.render(above, buf);
        let height = inner.height.saturating_sub(above.height + 1);
        let under = Rect { y: (above.bottom() + 1).min(inner.bottom()), height, ..inner };
        Rows { rows: &told, skip: 0, mark: look.glyphs.ellipsis }.render(under, buf);
        None
    }

    fn row(&self, at: usize, choice: &Choice, look: Look<'_>) -> Row {
        let row = Row::of(&format!(" {}", choice.text), look.style(Role::Text));
        let row = row.right(&format!("{} ", choice.right), look.style(Role::Dim));
        if at == self.at { row.ground(look.style(Role::Selection)) } else { row }
    }
}
