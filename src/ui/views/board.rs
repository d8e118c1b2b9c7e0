//! The tasks as a tree of what depends on what.
//!
//! Invariant: the selected row is always among those that are drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::widgets::Widget;

use crate::model::snapshot::TaskView;
use crate::model::{Phase, Snapshot, TaskId};
use crate::theme::Role;
use crate::ui::look::{Glyphs, Look};
use crate::ui::views::signs;
use crate::ui::widgets::row::Row;

/// The board.
pub struct Board<'a> {
    /// What to list, in order.
    pub tasks: &'a [&'a TaskView],
    /// The run they belong to.
    pub snapshot: &'a Snapshot,
    /// The selected one.
    pub selected: Option<&'a TaskId>,
    /// Whether keys move it.
    pub focused: bool,
    /// Whether to draw the tree; a filtered list is flat.
    pub tree: bool,
    /// How to draw.
    pub look: Look<'a>,
}

/// The first of `count` rows to draw, so that row `at` stands in the middle where it can.
pub fn first_row(at: Option<usize>, count: usize, height: usize) -> usize {
    at.unwrap_or(0).saturating_sub(height / 2).min(count.saturating_sub(height))
}

impl Board<'_> {
    /// The first row that is drawn in so many.
    pub fn first(&self, height: usize) -> usize {
        let at = self.tasks.iter().position(|task| Some(&task.id) == self.selected);
        first_row(at, self.tasks.len(), height)
    }

    fn row(&self, at: usize, task: &TaskView, columns: usize) -> Row {
        let look = self.look;
        let sign = signs::task(task, self.snapshot, look);
        let selected = Some(&task.id) == self.selected;
        let quiet = matches!(task.phase, Phase::Done | Phase::Cancelled);
        let words = look.style(if quiet { Role::Dim } else { Role::Text });
        let mut row = Row::of(" ", words);
        if self.tree {
            row.push(&branches(self.tasks, at, columns / 6, look.glyphs), look.style(Role::Border));
        }
        row.push(task.id.as_str(), look.style(if selected { Role::Focus } else { Role::Accent }));
        row.push(&format!(" {} ", sign.glyph), look.style(sign.role));
        row.push(&task.title, words);
        row = match sign.word.strip_prefix(task.agent.as_str()).filter(|rest| rest.starts_with(' ')) {
            Some(round) => {
                let agent = look.style(signs::agent(task.agent.as_str(), self.snapshot));
                row.right(task.agent.as_str(), agent).right(round, look.style(Role::Dim))
            }
            None => row.right(&sign.word, look.style(Role::Dim)),
        };
        let row = row.right(" ", words);
        match (selected, self.focused) {
            (true, true) => row.ground(look.style(Role::Selection)),
            (true, false) => row.ground(Style::new().add_modifier(Modifier::BOLD)),
            (false, _) => row,
        }
    }
}

impl Widget for Board<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let first = self.first(usize::from(area.height));
        let columns = usize::from(area.width);
        for ((at, task), y) in self.tasks.iter().enumerate().skip(first).zip(area.y..area.bottom()) {
            self.row(at, task, columns).draw(Rect { y, height: 1, ..area }, buf, self.look.glyphs.ellipsis);
        }
    }
}

/// The lines before a task's id, at most `levels` of them; of a deeper tree the innermost are shown.
fn branches(tasks: &[&TaskView], at: usize, levels: usize, glyphs: &Glyphs) -> String {
    let depth = tasks.get(at).map_or(0, |task| usize::from(task.depth));
    let goes_on = |level: usize| {
        let below = tasks.iter().skip(at + 1).map(|task| usize::from(task.depth));
        below.take_while(|depth| *depth >= level).any(|depth| depth == level)
    };
    let skipped = depth.saturating_sub(levels.max(1));
    let mut text = String::new();
    for level in 1 + skipped..=depth {
        text.push_str(match (level == depth, goes_on(level)) {
            (true, true) => glyphs.branch,
            (true, false) => glyphs.last,
            (false, true) => glyphs.trunk,
            (false, false) => "  ",
        });
    }
    text
}
