//! A question before what can't be undone, naming the thing.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::{Outcome, Stage, hints};
use crate::keymap::{Action, Context, List};
use crate::theme::Role;
use crate::ui::contract::Request;
use crate::ui::look::Look;
use crate::ui::text;
use crate::ui::widgets::popup::PopupBox;
use crate::ui::widgets::row::{Row, Rows};

/// The question.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// What is asked, naming the thing.
    pub question: String,
    /// What happens then.
    pub consequence: String,
    /// What is sent after yes.
    pub requests: Vec<Request>,
}

impl Confirm {
    /// Takes an action.
    pub fn key(&mut self, action: Option<Action>) -> Outcome {
        match action {
            Some(Action::List(List::Choose)) => Outcome::Send(std::mem::take(&mut self.requests)),
            Some(Action::List(List::Close)) => Outcome::Close,
            _ => Outcome::Stay,
        }
    }

    /// Draws it.
    pub fn draw(&self, screen: Rect, buf: &mut Buffer, stage: Stage<'_>, look: Look<'_>) -> Option<Position> {
        let columns = 66.min(screen.width);
        let inside = usize::from(columns.saturating_sub(4));
        let mut rows = vec![];
        rows.extend(
            text::wrap(&self.question, inside).iter().map(|line| Row::of(line, look.style(Role::Title))),
        );
        rows.push(Row::new());
        rows.extend(
            text::wrap(&self.consequence, inside).iter().map(|line| Row::of(line, look.style(Role::Text))),
        );
        let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(2);
        let hints = hints(stage.keymap, Context::Confirm, look);
        let inner = PopupBox { title: "Sure?", hints, columns, rows: height }.draw(screen, buf, look);
        Rows { rows: &rows, skip: 0, mark: look.glyphs.ellipsis }.render(inner, buf);
        None
    }
}
