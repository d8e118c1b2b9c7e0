//! What was proven of a task and what was said against it: gates with their output, votes, findings.

use crate::model::finding::{Finding, FindingState, Severity};
use crate::model::snapshot::{GateState, GateView, ReviewView, TaskView};
use crate::theme::Role;
use crate::ui::look::Look;
use crate::ui::text;
use crate::ui::views::{detail, signs};
use crate::ui::widgets::row::Row;

/// The rows of a task's evidence, in so many columns.
pub fn rows(task: &TaskView, look: Look<'_>, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let tip = task.tip.as_ref().map_or("no commit yet", |tip| tip.short());
    rows.push(heading("Gates", &format!("on {tip}; a new commit voids them"), look));
    if task.gates.is_empty() {
        rows.push(quiet("none configured: the reviewers alone decide", look));
    }
    for gate in &task.gates {
        gate_rows(gate, look, columns, &mut rows);
    }
    rows.push(Row::new());
    rows.push(heading("Reviews", &format!("round {}", task.round), look));
    if task.reviews.is_empty() {
        rows.push(quiet("not asked yet", look));
    }
    for review in &task.reviews {
        review_rows(review, look, columns, &mut rows);
    }
    rows.push(Row::new());
    let open = task.findings.iter().filter(|finding| finding.is_open()).count();
    rows.push(heading(
        "Findings",
        &format!("{open} open of {}; all rounds are in .loopmon/reviews/{}.md", task.findings.len(), task.id),
        look,
    ));
    if task.findings.is_empty() {
        rows.push(quiet("none", look));
    }
    for finding in &task.findings {
        finding_rows(finding, look, columns, &mut rows);
    }
    rows
}

fn heading(name: &str, note: &str, look: Look<'_>) -> Row {
    Row::of(&format!(" {name}"), look.style(Role::Title)).left(&format!("  {note}"), look.style(Role::Dim))
}

fn quiet(words: &str, look: Look<'_>) -> Row {
    Row::of(&format!("   {words}"), look.style(Role::Dim))
}

fn gate_rows(gate: &GateView, look: Look<'_>, columns: usize, rows: &mut Vec<Row>) {
    let sign = signs::gate(gate, look);
    let took = match gate.state {
        GateState::Todo | GateState::Running => String::new(),
        GateState::Passed | GateState::Failed => format!("{:.1}s", gate.duration_ms as f64 / 1000.0),
    };
    rows.push(
        Row::of(&format!("   {} ", sign.glyph), look.style(sign.role))
            .left(&format!("{:<16} ", gate.name), look.style(Role::Text))
            .left(&format!("{} {took}", sign.word), look.style(Role::Dim)),
    );
    if gate.state == GateState::Failed {
        for line in gate.tail.lines() {
            for part in text::wrap(line, columns.saturating_sub(8)) {
                rows.push(
                    Row::of(&format!("     {} ", look.glyphs.bar), look.style(Role::Border))
                        .left(&part, look.style(Role::Text)),
                );
            }
        }
    }
}

fn review_rows(review: &ReviewView, look: Look<'_>, columns: usize, rows: &mut Vec<Row>) {
    let sign = signs::review(review, look);
    rows.push(
        Row::of(&format!("   {} ", sign.glyph), look.style(sign.role))
            .left(&format!("{:<16} ", review.agent), look.style(Role::Text))
            .left(&sign.word, look.style(Role::Dim)),
    );
    for line in text::wrap(&review.summary, columns.saturating_sub(7)).iter().filter(|line| !line.is_empty())
    {
        rows.push(Row::of(&format!("     {line}"), look.style(Role::Text)));
    }
}

fn finding_rows(finding: &Finding, look: Look<'_>, columns: usize, rows: &mut Vec<Row>) {
    let (glyph, role, state) = match &finding.state {
        FindingState::Raised => (look.glyphs.wait, Role::Accent, "open".to_owned()),
        FindingState::Reopened => (look.glyphs.wait, Role::Accent, "open again".to_owned()),
        FindingState::Fixed(oid) => (look.glyphs.ok, Role::Ok, format!("fixed in {}", oid.short())),
        FindingState::Dismissed => (look.glyphs.gone, Role::Dim, "dismissed".to_owned()),
        FindingState::Deferred => (look.glyphs.gone, Role::Dim, "kept for later".to_owned()),
    };
    let severity = match finding.severity {
        Severity::Critical => "P0 critical",
        Severity::Major => "P1 major",
        Severity::Minor => "P2 minor",
        Severity::Nit => "P3 nit",
    };
    let place = detail::place(finding);
    rows.push(
        Row::of(&format!("   {glyph} "), look.style(role))
            .left(&format!("{} ", finding.number), look.style(Role::Dim))
            .left(&format!("{severity}  "), look.style(Role::Accent))
            .left(&place, look.style(Role::Text))
            .right(
                &format!("{}, {}, round {} ", finding.source, state, finding.round),
                look.style(Role::Dim),
            ),
    );
    for line in text::wrap(&finding.description, columns.saturating_sub(7)) {
        rows.push(Row::of(&format!("     {line}"), look.style(Role::Text)));
    }
    for line in
        text::wrap(&finding.suggestion, columns.saturating_sub(9)).iter().filter(|line| !line.is_empty())
    {
        rows.push(Row::of(&format!("     {} {line}", look.glyphs.pointer), look.style(Role::Dim)));
    }
}
