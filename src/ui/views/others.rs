//! The sessions that are not shown, one line each with what they did last.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::model::Snapshot;
use crate::model::snapshot::SessionView;
use crate::theme::Role;
use crate::ui::contract::Panes;
use crate::ui::look::Look;
use crate::ui::text;
use crate::ui::views::signs;
use crate::ui::widgets::row::Row;

/// Sessions with their numbers.
pub struct Others<'a> {
    /// The sessions; those that have ended have no number.
    pub sessions: &'a [(Option<usize>, &'a SessionView)],
    /// Their run.
    pub snapshot: &'a Snapshot,
    /// Where their last action is known from.
    pub panes: &'a dyn Panes,
    /// How to draw.
    pub look: Look<'a>,
}

impl Others<'_> {
    fn row(&self, number: Option<usize>, session: &SessionView, columns: usize) -> Row {
        let look = self.look;
        let sign = signs::session(session, self.snapshot, look);
        let live = session.is_live();
        let words = look.style(if live { Role::Text } else { Role::Dim });
        let number = number.filter(|n| *n < 10).map_or_else(|| "  ".to_owned(), |n| format!("{n} "));
        let agent = if live { signs::agent(&session.name, self.snapshot) } else { Role::Dim };
        let task = session.task.as_ref().map_or("", |id| id.as_str());
        let mut row = Row::of(&format!(" {number}"), look.style(Role::Key))
            .left(&format!("{} ", sign.glyph), look.style(sign.role))
            .left(&format!("{:<9} ", session.name), look.style(agent))
            .left(&format!("{task:<4} "), look.style(if live { Role::Accent } else { Role::Dim }));
        if columns >= 70 {
            let title =
                session.task.as_ref().and_then(|id| self.snapshot.task(id)).map_or("", |task| &task.title);
            let room = (columns - 62).min(40);
            let title = text::fit(title, room, look.glyphs.ellipsis).into_owned();
            let blank = " ".repeat(room.saturating_sub(text::width(&title)) + 1);
            row = row.left(&title, words).left(&blank, words);
        }
        let round =
            if session.round > 0 && columns >= 90 { format!(" {}", session.round) } else { String::new() };
        row.push(&format!("{:<10}", format!("{}{round}", signs::purpose(session))), look.style(Role::Dim));
        self.doing(row, session, &sign)
    }

    /// What it does at the right end, with the time it has done so; nothing moves any more of what has ended.
    fn doing(&self, row: Row, session: &SessionView, sign: &signs::Sign) -> Row {
        let look = self.look;
        if !session.is_live() {
            return row.right(&format!("{} ", sign.word), look.style(Role::Dim));
        }
        let last = self.panes.last_action(&session.id).filter(|action| !action.is_empty());
        let said = Some(session.status.message.clone()).filter(|message| !message.is_empty());
        let doing = last.or(said).unwrap_or_else(|| sign.word.clone());
        let doing = text::fit(&doing, 40, look.glyphs.ellipsis).into_owned();
        let age = look.ages.fine(session.status_since);
        row.right(&doing, look.style(Role::Text)).right(&format!(" ({age}) "), look.style(Role::Dim))
    }
}

impl Widget for Others<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let columns = usize::from(area.width);
        for ((number, session), y) in self.sessions.iter().zip(area.y..area.bottom()) {
            let row = self.row(*number, session, columns);
            row.draw(Rect { y, height: 1, ..area }, buf, self.look.glyphs.ellipsis);
        }
    }
}
