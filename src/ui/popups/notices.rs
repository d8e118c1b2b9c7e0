//! What happened meanwhile and needs nobody, the newest first.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::{Outcome, Stage, close_hint, step};
use crate::keymap::{Action, List};
use crate::theme::Role;
use crate::ui::look::Look;
use crate::ui::text;
use crate::ui::widgets::popup::PopupBox;
use crate::ui::widgets::row::{Row, Rows};

/// The notices.
#[derive(Debug, Default)]
pub struct Notices {
    skip: usize,
    page: usize,
}

impl Notices {
    /// Takes an action.
    pub fn key(&mut self, action: Option<Action>) -> Outcome {
        match action {
            Some(Action::Move(motion)) => self.skip = step(self.skip, motion, usize::MAX, self.page),
            Some(Action::List(List::Close | List::Choose)) => return Outcome::Close,
            _ => {}
        }
        Outcome::Stay
    }

    /// Draws it.
    pub fn draw(
        &mut self,
        screen: Rect,
        buf: &mut Buffer,
        stage: Stage<'_>,
        look: Look<'_>,
    ) -> Option<Position> {
        let columns = 88.min(screen.width);
        let mut rows = Vec::new();
        for notice in stage.world.snapshot.notices.iter().rev() {
            let role = if notice.bad { Role::Accent } else { Role::Text };
            let age = look.ages.since(notice.at);
            for (at, line) in
                text::wrap(&notice.text, usize::from(columns.saturating_sub(12))).iter().enumerate()
            {
                let age = if at == 0 { age.as_str() } else { "" };
                rows.push(
                    Row::of(&format!("{age:>6}  "), look.style(Role::Dim)).left(line, look.style(role)),
                );
            }
        }
        if rows.is_empty() {
            rows.push(Row::of("Nothing to tell.", look.style(Role::Dim)));
        }
        let wanted = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(2);
        let height = wanted.min(screen.height.saturating_sub(2).max(3));
        let hints = close_hint(stage.keymap, look);
        let inner = PopupBox { title: "Meanwhile", hints, columns, rows: height }.draw(screen, buf, look);
        self.page = usize::from(inner.height);
        self.skip = self.skip.min(rows.len().saturating_sub(self.page));
        Rows { rows: &rows, skip: self.skip, mark: look.glyphs.ellipsis }.render(inner, buf);
        None
    }
}
