//! A task's events, one line each, the newest last.

use crate::theme::Role;
use crate::ui::look::Look;
use crate::ui::text;
use crate::ui::widgets::row::Row;

/// The rows of a log, in so many columns. The first word of a line is its time.
pub fn rows(lines: &[String], look: Look<'_>, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in lines {
        let (time, rest) = line.split_once(' ').unwrap_or(("", line));
        let indent = text::width(time) + 2;
        for (at, part) in text::wrap(rest, columns.saturating_sub(indent + 1)).iter().enumerate() {
            let head = if at == 0 { format!(" {time} ") } else { " ".repeat(indent) };
            rows.push(Row::of(&head, look.style(Role::Dim)).left(part, look.style(Role::Text)));
        }
    }
    rows
}
