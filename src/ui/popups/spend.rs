//! What was spent, by task, with the budget.

use std::cmp::Reverse;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::{Outcome, Stage, close_hint, step};
use crate::keymap::{Action, List};
use crate::model::{Snapshot, Usage};
use crate::theme::Role;
use crate::ui::look::Look;
use crate::ui::widgets::popup::PopupBox;
use crate::ui::widgets::row::{Row, Rows};

/// The spend.
#[derive(Debug, Default)]
pub struct Spend {
    skip: usize,
    page: usize,
}

impl Spend {
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
        let rows = rows(stage.world.snapshot, look);
        let wanted = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(2);
        let height = wanted.min(screen.height.saturating_sub(2).max(3));
        let hints = close_hint(stage.keymap, look);
        let inner = PopupBox { title: "Spend", hints, columns: 84, rows: height }.draw(screen, buf, look);
        self.page = usize::from(inner.height);
        self.skip = self.skip.min(rows.len().saturating_sub(self.page));
        Rows { rows: &rows, skip: self.skip, mark: look.glyphs.ellipsis }.render(inner, buf);
        None
    }
}

fn rows(snapshot: &Snapshot, look: Look<'_>) -> Vec<Row> {
    let Some(run) = &snapshot.run else { return vec![Row::of("There is no run.", look.style(Role::Dim))] };
    let mut lines: Vec<(String, String, Usage)> = snapshot
        .tasks
        .iter()
        .filter(|task| task.usage != Usage::default())
        .map(|task| (task.id.to_string(), task.title.clone(), task.usage))
        .collect();
    let tasks: Usage = lines.iter().fold(Usage::default(), |sum, (.., usage)| sum.plus(*usage));
    let rest = run.usage.minus(tasks);
    if rest != Usage::default() {
        lines.push(("plan".to_owned(), "the planner".to_owned(), rest));
    }
    lines.sort_by_key(|(_, _, usage)| Reverse((usage.cost_micros, usage.output_tokens)));
    let most = lines.iter().map(|(.., usage)| usage.cost_micros).max().unwrap_or(0).max(1);
    let mut rows: Vec<Row> =
        lines.iter().map(|(id, title, usage)| line(id, title, *usage, most, look)).collect();
    if rows.is_empty() {
        rows.push(Row::of(
            "Nothing was reported yet; not every agent tells what it costs.",
            look.style(Role::Dim),
        ));
    }
    rows.push(Row::new());
    let budget = match run.budget_micros {
        0 => "no budget is set".to_owned(),
        micros => {
            let budget = Usage { cost_micros: micros, ..Usage::default() };
            let part = u128::from(run.usage.cost_micros) * 100 / u128::from(micros);
            format!("of {}, {part}%", budget.dollars())
        }
    };
    rows.push(
        Row::of(" run  ", look.style(Role::Title))
            .left(&format!("{} ", run.usage.dollars()), look.style(Role::Title))
            .left(&budget, look.style(Role::Dim))
            .right(&format!("{} ", tokens(run.usage)), look.style(Role::Dim)),
    );
    rows
}

fn line(id: &str, title: &str, usage: Usage, most: u64, look: Look<'_>) -> Row {
    let cells = usize::try_from(usage.cost_micros.saturating_mul(12).div_ceil(most)).unwrap_or(0).min(12);
    Row::of(&format!(" {id:<5}"), look.style(Role::Accent))
        .left(title, look.style(Role::Text))
        .right(&format!("{} ", look.glyphs.full.repeat(cells)), look.style(Role::Run))
        .right(&" ".repeat(12 - cells), look.style(Role::Dim))
        .right(&format!("{:>8} ", usage.dollars()), look.style(Role::Text))
        .right(&format!("{:>17} ", tokens(usage)), look.style(Role::Dim))
}

/// Tokens as people read them: `1.2M in, 45k out`.
fn tokens(usage: Usage) -> String {
    format!("{} in {} out", short(usage.input_tokens), short(usage.output_tokens))
}

fn short(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{}k", count / 1_000),
        _ => format!("{}.{}M", count / 1_000_000, count % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn tokens_read_well() {
        assert_eq!([0, 999, 45_300, 1_250_000].map(short), ["0", "999", "45k", "1.2M"]);
    }
}
