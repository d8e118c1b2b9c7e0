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

/// How wide names and tasks are drawn, so that what follows stands in one column.
#[derive(Clone, Copy)]
struct Widths {
    area: usize,
    name: usize,
    task: usize,
}

const NAME: std::ops::RangeInclusive<usize> = 9..=16;
const TASK: std::ops::RangeInclusive<usize> = 4..=12;

impl Others<'_> {
    fn widths(&self, area: Rect) -> Widths {
        let shown = || self.sessions.iter().take(usize::from(area.height)).map(|(_, session)| session);
        let name = shown().map(|session| text::width(&session.name)).max().unwrap_or(0);
        let task = shown().map(|session| text::width(task_of(session))).max().unwrap_or(0);
        Widths {
            area: usize::from(area.width),
            name: name.clamp(*NAME.start(), *NAME.end()),
            task: task.clamp(*TASK.start(), *TASK.end()),
        }
    }

    /// Cut or filled up to a width, and a blank.
    fn cell(&self, content: &str, width: usize) -> String {
        let fitted = text::fit(content, width, self.look.glyphs.ellipsis);
        format!("{fitted}{} ", " ".repeat(width.saturating_sub(text::width(&fitted))))
    }

    fn row(&self, number: Option<usize>, session: &SessionView, widths: Widths) -> Row {
        let columns = widths.area;
        let look = self.look;
        let sign = signs::session(session, self.snapshot, look);
        let live = session.is_live();
        let words = look.style(if live { Role::Text } else { Role::Dim });
        let number = number.filter(|n| *n < 10).map_or_else(|| "  ".to_owned(), |n| format!("{n} "));
        let agent = if live { signs::agent(&session.name, self.snapshot) } else { Role::Dim };
        let mut row = Row::of(&format!(" {number}"), look.style(Role::Key))
            .left(&format!("{} ", sign.glyph), look.style(sign.role))
            .left(&self.cell(&session.name, widths.name), look.style(agent))
            .left(
                &self.cell(task_of(session), widths.task),
                look.style(if live { Role::Accent } else { Role::Dim }),
            );
        if columns >= 70 {
            let title =
                session.task.as_ref().and_then(|id| self.snapshot.task(id)).map_or("", |task| &task.title);
            let wider = widths.name + widths.task - NAME.start() - TASK.start();
            row = row.left(&self.cell(title, (columns - 62).min(40).saturating_sub(wider)), words);
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

fn task_of(session: &SessionView) -> &str {
    session.task.as_ref().map_or("", |id| id.as_str())
}

impl Widget for Others<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let widths = self.widths(area);
        for ((number, session), y) in self.sessions.iter().zip(area.y..area.bottom()) {
            let row = self.row(*number, session, widths);
            row.draw(Rect { y, height: 1, ..area }, buf, self.look.glyphs.ellipsis);
        }
    }
}
