//! The selected task: where it is and why, its change, gates, reviewers, rounds, money, open findings.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::keymap::{Action, Context, Keymap, TaskAct};
use crate::model::event::Change;
use crate::model::snapshot::TaskView;
use crate::model::{Phase, Snapshot, Usage, counted};
use crate::theme::Role;
use crate::ui::look::Look;
use crate::ui::text;
use crate::ui::views::signs;
use crate::ui::widgets::row::{Row, Rows};

/// Columns from which more than one key has room.
const ROOMY: usize = 48;

/// The detail of a task.
pub struct Detail<'a> {
    /// The task.
    pub task: &'a TaskView,
    /// Its run.
    pub snapshot: &'a Snapshot,
    /// The keys that it names.
    pub keymap: &'a Keymap,
    /// How to draw.
    pub look: Look<'a>,
}

impl Detail<'_> {
    /// Its rows, the most important first, in so many columns.
    pub fn rows(&self, columns: usize) -> Vec<Row> {
        let (task, look) = (self.task, self.look);
        let sign = signs::task(task, self.snapshot, look);
        let wanted = self.snapshot.attention.iter().find(|row| row.task.as_ref() == Some(&task.id));
        let (word, since) = wanted.map_or((self.state_word(), task.since), |row| ("needs you", row.since));
        let over = wanted.is_none() && (task.phase.is_terminal() || self.snapshot.is_stopped(task));
        let since = if over { String::new() } else { format!(" {}", look.ages.since(since)) };
        let state = format!("{} {word}{since} ", sign.glyph);
        let mut rows = vec![
            Row::of(&format!(" {}", task.title), look.style(Role::Title))
                .right(&state, look.style(sign.role)),
        ];
        for line in text::wrap(&task.explanation.why, columns.saturating_sub(2)).iter().take(2) {
            if !line.is_empty() {
                rows.push(Row::of(&format!(" {line}"), look.style(Role::Dim)));
            }
        }
        rows.push(self.base());
        rows.extend(self.gates(columns));
        rows.extend(self.checks());
        rows.extend(self.reviews(columns));
        rows.push(self.rounds());
        rows.extend(self.findings(columns));
        rows.extend(self.acceptance(columns));
        rows
    }

    fn state_word(&self) -> &'static str {
        match &self.task.hold {
            _ if self.snapshot.is_stopped(self.task) => "stopped",
            Some(crate::model::Hold::Paused) => "paused",
            Some(crate::model::Hold::Waiting { .. }) => "waiting",
            Some(crate::model::Hold::NeedsAttention(_)) => "needs you",
            None => self.task.phase.name(),
        }
    }

    fn label(&self, name: &str) -> Row {
        Row::of(&format!(" {name:<7}"), self.look.style(Role::Dim))
    }

    fn base(&self) -> Row {
        let (task, look) = (self.task, self.look);
        let row = self.label("base");
        let Some(base) = &task.base else {
            return row.left("no worktree yet", look.style(Role::Dim));
        };
        let branch = self.snapshot.run.as_ref().and_then(|run| run.branch.as_deref()).unwrap_or("base");
        let change = task.change;
        let row =
            row.left(&format!("{branch}@{}", base.short().get(..6).unwrap_or("")), look.style(Role::Text));
        if change == Change::default() {
            return row.left(" nothing committed yet", look.style(Role::Dim));
        }
        row.left(&format!(" +{}", change.added), look.style(Role::DiffAdd))
            .left(&format!(" -{}", change.removed), look.style(Role::DiffRemove))
            .left(&format!("  {}", counted(change.files, "file")), look.style(Role::Dim))
    }

    /// Signs behind names, as many on a line as there is room for.
    fn flow(&self, label: &str, items: Vec<(String, signs::Sign)>, columns: usize) -> Vec<Row> {
        let mut rows = vec![self.label(label)];
        for (name, sign) in items {
            let wide = text::width(&name) + text::width(sign.glyph) + 3;
            let full =
                rows.last().is_some_and(|row| row.left_width() > 8 && row.left_width() + wide > columns + 1);
            if full {
                rows.push(self.label(""));
            }
            if let Some(row) = rows.last_mut() {
                row.push(&format!("{name} "), self.look.style(Role::Text));
                row.push(&format!("{}  ", sign.glyph), self.look.style(sign.role));
            }
        }
        rows
    }

    fn gates(&self, columns: usize) -> Vec<Row> {
        if self.task.gates.is_empty() {
            return vec![self.label("gates").left("none configured", self.look.style(Role::Dim))];
        }
        let gates = self.task.gates.iter().map(|gate| (gate.name.clone(), signs::gate(gate, self.look)));
        self.flow("gates", gates.collect(), columns)
    }

    /// Checks that the work changed: those that it may not stand out.
    fn checks(&self) -> Vec<Row> {
        const SHOWN: usize = 3;
        let checks = &self.task.checks;
        let mut rows: Vec<Row> = Vec::new();
        for change in checks.iter().take(SHOWN) {
            let row = self.label(if rows.is_empty() { "checks" } else { "" });
            let role = if change.allowed { Role::Dim } else { Role::Accent };
            let row = row.left(&change.path, self.look.style(Role::Text));
            rows.push(row.left(&format!("  {}", change.how.name()), self.look.style(role)));
        }
        if checks.len() > SHOWN {
            let more = format!("and {} more", checks.len() - SHOWN);
            rows.push(self.label("").left(&more, self.look.style(Role::Dim)));
        }
        rows
    }

    fn reviews(&self, columns: usize) -> Vec<Row> {
        let reviews = self.task.reviews.iter();
        let mut items: Vec<_> =
            reviews.map(|review| (review.agent.to_string(), signs::review(review, self.look))).collect();
        if self.task.human {
            items.push(("you".to_owned(), self.human()));
        }
        if items.is_empty() { Vec::new() } else { self.flow("review", items, columns) }
    }

    fn human(&self) -> signs::Sign {
        let (glyph, role) = match self.task.phase {
            _ if self.snapshot.is_stopped(self.task) => (self.look.glyphs.stopped, Role::Dim),
            Phase::AwaitingHuman => (self.look.glyphs.need, Role::Need),
            Phase::MergeQueued | Phase::Merging | Phase::Done => (self.look.glyphs.ok, Role::Ok),
            _ => (self.look.glyphs.wait, Role::Dim),
        };
        signs::Sign { glyph, role, word: String::new() }
    }

    fn rounds(&self) -> Row {
        let (task, look) = (self.task, self.look);
        let (full, empty) = bar(task.round, task.max_rounds, 8);
        let row = self
            .label("loop")
            .left(&look.glyphs.full.repeat(full), look.style(Role::Run))
            .left(&look.glyphs.empty.repeat(empty), look.style(Role::Border))
            .left(&format!(" {}/{}", task.round, task.max_rounds), look.style(Role::Text));
        if task.usage == Usage::default() {
            return row;
        }
        row.right(&format!("{} ", task.usage.dollars()), look.style(Role::Dim))
    }

    fn findings(&self, columns: usize) -> Vec<Row> {
        let look = self.look;
        let open: Vec<_> = self.task.findings.iter().filter(|finding| finding.is_open()).collect();
        if open.is_empty() {
            return Vec::new();
        }
        let words = counted(open.len(), "finding");
        let key = |act, word: &str| match self.keymap.key_of(Context::Main, Action::Task(act)) {
            key if key.is_empty() => String::new(),
            key => format!(" {key} {word} "),
        };
        let mut keys = key(TaskAct::Findings, "dismiss");
        if columns >= ROOMY {
            keys.insert_str(0, &key(TaskAct::Comment, "comment"));
        }
        let head = self.label("open").left(&words, look.style(Role::Accent));
        let mut rows = vec![head.right(&keys, look.style(Role::Dim))];
        for finding in open {
            let place = if finding.file.is_empty() { finding.source.clone() } else { place(finding) };
            rows.push(
                Row::of(&format!("   {} ", look.glyphs.dot), look.style(Role::Dim))
                    .left(&format!("{place} "), look.style(Role::Accent))
                    .left(&finding.description, look.style(Role::Text)),
            );
        }
        rows
    }

    fn acceptance(&self, columns: usize) -> Vec<Row> {
        let look = self.look;
        let mut rows = Vec::new();
        for (at, wish) in self.task.acceptance.iter().enumerate() {
            let label = if at == 0 { "wanted" } else { "" };
            for (line_at, line) in text::wrap(wish, columns.saturating_sub(9)).into_iter().enumerate() {
                let label = if line_at == 0 { label } else { "" };
                rows.push(self.label(label).left(&line, look.style(Role::Text)));
            }
        }
        rows
    }
}

impl Widget for Detail<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let rows = self.rows(usize::from(area.width));
        Rows { rows: &rows, skip: 0, mark: self.look.glyphs.ellipsis }.render(area, buf);
    }
}

/// Where a finding is.
pub fn place(finding: &crate::model::Finding) -> String {
    match finding.line {
        0 => finding.file.clone(),
        line => format!("{}:{line}", finding.file),
    }
}

/// Full and empty cells of a bar of `cells`.
fn bar(value: u32, limit: u32, cells: u32) -> (usize, usize) {
    let full = if limit == 0 { 0 } else { value.min(limit).saturating_mul(cells).div_ceil(limit).min(cells) };
    (full as usize, (cells - full) as usize)
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn a_bar_is_full_only_at_the_limit() {
        assert_eq!(bar(0, 3, 8), (0, 8));
        assert_eq!(bar(1, 3, 8), (3, 5));
        assert_eq!(bar(3, 3, 8), (8, 0));
        assert_eq!(bar(9, 3, 8), (8, 0));
        assert_eq!(bar(1, 0, 8), (0, 8));
    }
}
