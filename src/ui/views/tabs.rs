//! The pages of the narrow screen: `[1 Tasks] 2 Agent 3 Diff 4 Log 5 Evidence`, and what the page shows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::theme::Role;
use crate::ui::look::Look;
use crate::ui::state::{PAGES, Tab};
use crate::ui::text;
use crate::ui::widgets::row::Row;

/// The pages' names.
pub struct Tabs<'a> {
    /// The page; none is the tasks.
    pub page: Option<Tab>,
    /// What stands at the right end.
    pub note: &'a Row,
    /// How to draw.
    pub look: Look<'a>,
}

fn names() -> impl Iterator<Item = (Option<Tab>, String)> {
    PAGES
        .into_iter()
        .zip(1..)
        .map(|(page, number)| (page, format!("{number} {}", page.map_or("Tasks", Tab::name))))
}

/// The page whose name is at a column.
pub fn page_at(column: u16) -> Option<Option<Tab>> {
    let mut from = 0;
    for (page, name) in names() {
        let to = from + text::width(&name) + 2;
        if (from..to).contains(&usize::from(column)) {
            return Some(page);
        }
        from = to;
    }
    None
}

impl Widget for Tabs<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let look = self.look;
        let mut row = Row::new();
        for (page, name) in names() {
            if page == self.page {
                row.push(&format!("[{name}]"), look.style(Role::Focus));
            } else {
                row.push(&format!(" {name} "), look.style(Role::Dim));
            }
        }
        let used = u16::try_from(row.left_width()).unwrap_or(u16::MAX);
        row.draw(area, buf, look.glyphs.ellipsis);
        let rest = area.width.saturating_sub(used + 2);
        let wanted = u16::try_from(self.note.width()).unwrap_or(u16::MAX).min(rest);
        if wanted > 0 {
            let at = Rect { x: area.right() - wanted, width: wanted, height: 1, ..area };
            self.note.draw(at, buf, look.glyphs.ellipsis);
        }
    }
}
