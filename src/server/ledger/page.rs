//! A task's page of the ledger, as Markdown.
//!
//! Invariant: words of agents and programs are text on the page: they open no heading and hold no control characters.

use super::book::Entry;
use crate::agents::plain_text;
use crate::engine::State;
use crate::engine::state::Task;
use crate::model::finding::place;
use crate::model::{Finding, FindingState, Timestamp};

/// The page.
pub fn page(state: &State, task: &Task, entries: &[Entry]) -> String {
    let spec = &task.spec;
    let mut page = format!("# {}: {}\n\n", spec.id, quoted(&spec.title));
    let rounds = format!("round {} of {}", task.round, state.round_limit(task));
    let tip = task.work.tip.as_ref().map_or_else(String::new, |tip| format!(" at `{}`", tip.short()));
    let branch = state.task_branch(&spec.id);
    page.push_str(&format!(
        "{} · {rounds} · branch `{branch}`{tip} · run {}\n\n",
        task.phase.name(),
        state.run.id
    ));
    let open = task.findings.iter().filter(|finding| finding.is_open()).count();
    page.push_str(&format!("## Findings: {open} open of {}\n\n", task.findings.len()));
    for finding in &task.findings {
        page.push_str(&finding_lines(finding));
    }
    if task.findings.is_empty() {
        page.push_str("None.\n");
    }
    let mut round = None;
    for entry in entries {
        if round != Some(entry.round) {
            round = Some(entry.round);
            page.push_str(&match entry.round {
                0 => "\n## Before it began\n\n".to_owned(),
                number => format!("\n## Round {number}\n\n"),
            });
        }
        page.push_str(&format!("- {} {}\n", moment(entry.at), below(&entry.text)));
    }
    page
}

/// A finding as an item of a list, with its state.
pub fn finding_lines(finding: &Finding) -> String {
    let why = |word: &str| match finding.why.as_str() {
        "" => word.to_owned(),
        why => format!("{word} ({})", quoted(why)),
    };
    let state = match &finding.state {
        FindingState::Raised => "**open**".to_owned(),
        FindingState::Reopened => "**open again**".to_owned(),
        FindingState::Fixed(oid) => format!("fixed in `{}`", oid.short()),
        FindingState::Dismissed => why("dismissed"),
        FindingState::Deferred => why("deferred"),
    };
    let severity = format!("{:?}", finding.severity).to_lowercase();
    let head = format!(
        "{}. {state} · {severity} · {} · {}, round {}",
        finding.number,
        quoted(&place(&finding.file, finding.line)),
        quoted(&finding.source),
        finding.round
    );
    let mut lines = format!("{head}\n   {}\n", below(&finding.description));
    if !finding.suggestion.trim().is_empty() {
        lines.push_str(&format!("   Suggested: {}\n", below(&finding.suggestion)));
    }
    lines
}

/// Foreign words on one line.
pub fn quoted(text: &str) -> String {
    plain_text(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Foreign words that belong to an item of a list: set in, so that none of their lines begins anything.
fn below(text: &str) -> String {
    let text = plain_text(text);
    let lines: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
    lines.join("\n   ")
}

fn moment(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
