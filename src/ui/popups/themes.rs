//! The themes, each seen on the whole screen as one moves.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::{Listed, Outcome, Stage, hints, step};
use crate::keymap::{Action, Context, List};
use crate::theme::{Role, Theme};
use crate::ui::look::Look;
use crate::ui::views::board::first_row;
use crate::ui::widgets::popup::PopupBox;
use crate::ui::widgets::row::{Row, Rows};

/// The chooser.
#[derive(Debug)]
pub struct ThemeList {
    themes: Vec<Theme>,
    at: usize,
    page: usize,
    listed: Listed,
}

impl ThemeList {
    /// Over these themes, beginning at the one in use.
    pub fn new(themes: Vec<Theme>, current: &str) -> Self {
        let at = themes.iter().position(|theme| theme.name() == current).unwrap_or(0);
        Self { themes, at, page: 10, listed: Listed::default() }
    }

    /// Takes an action.
    pub fn key(&mut self, action: Option<Action>) -> Outcome {
        let theme = |list: &Self| list.themes.get(list.at).cloned().map(Box::new);
        match action {
            Some(Action::Move(motion)) => {
                self.at = step(self.at, motion, self.themes.len(), self.page);
                theme(self).map_or(Outcome::Stay, Outcome::Preview)
            }
            Some(Action::List(List::Choose)) => theme(self).map_or(Outcome::Close, Outcome::Choose),
            Some(Action::List(List::Close)) => Outcome::Close,
            _ => Outcome::Stay,
        }
    }

    /// The button went down on it.
    pub fn click(&mut self, at: Position) -> Outcome {
        match self.listed.row(at).filter(|row| *row < self.themes.len()) {
            Some(row) if row == self.at => self.key(Some(Action::List(List::Choose))),
            Some(row) => {
                self.at = row;
                self.themes.get(row).map_or(Outcome::Stay, |theme| Outcome::Preview(Box::new(theme.clone())))
            }
            None => Outcome::Stay,
        }
    }

    /// Draws it.
    pub fn draw(
        &mut self,
        screen: Rect,
        buf: &mut Buffer,
        stage: Stage<'_>,
        look: Look<'_>,
    ) -> Option<Position> {
        let rows: Vec<Row> = self
            .themes
            .iter()
            .enumerate()
            .map(|(at, theme)| {
                let row = Row::of(&format!(" {:<18}", theme.name()), look.style(Role::Accent))
                    .left(theme.about(), look.style(Role::Dim));
                if at == self.at { row.ground(look.style(Role::Selection)) } else { row }
            })
            .collect();
        let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(2);
        let hints = hints(stage.keymap, Context::List, look);
        let inner = PopupBox { title: "Themes", hints, columns: 64, rows: height.min(screen.height) }
            .draw(screen, buf, look);
        self.page = usize::from(inner.height);
        let skip = first_row(Some(self.at), rows.len(), self.page);
        self.listed = Listed { area: inner, first: skip };
        Rows { rows: &rows, skip, mark: look.glyphs.ellipsis }.render(inner, buf);
        None
    }
}
