//! `loopmon status`: how everything stands, for people and for scripts.

use std::path::Path;

use super::args::StatusArgs;
use super::out::{say, say_words};
use super::project::{self, Project};
use super::{Outcome, shown};
use crate::model::snapshot::{AttentionRow, RunPhase, Snapshot, TaskView};
use crate::model::time::human_span;
use crate::model::{Hold, Phase, Timestamp};
use crate::server::clock;
use crate::server::scripts::is_at_rest;

/// Prints it.
pub fn status(dir: &Path, args: &StatusArgs) -> Outcome {
    let Project { places, .. } = project::open(dir)?;
    let (snapshot, served) = project::standing(&places)?;
    if args.json {
        let mut value = serde_json::to_value(&snapshot)?;
        if let Some(object) = value.as_object_mut() {
            object.insert("served".to_owned(), served.into());
        }
        say!("{}", serde_json::to_string_pretty(&value)?);
        return Ok(0);
    }
    say_words!("{}", text(&snapshot, clock::now()));
    if places.latest_reviews().exists() {
        say!("what was said of each task: .loopmon/reviews/");
    }
    if !served && !is_at_rest(&snapshot) {
        say!("no server runs: this is what was last recorded; `loopmon` goes on with the run");
    }
    Ok(0)
}

/// The snapshot in lines.
pub fn text(snapshot: &Snapshot, now: Timestamp) -> String {
    let Some(run) = &snapshot.run else {
        return format!("{}: no run yet; start one with `loopmon run \"<goal>\"`\n", snapshot.project);
    };
    let counts = snapshot.counts();
    let phase = match run.phase {
        RunPhase::Planning => "planning",
        RunPhase::Proposed => "the plan waits for you",
        RunPhase::Working if run.paused => "paused",
        RunPhase::Working => "working",
        RunPhase::Complete => "all done",
        RunPhase::Incomplete => "over, not all done",
        RunPhase::Stopped => "stopped",
    };
    let goal = shown(run.goal.lines().next().unwrap_or_default());
    let mut out = format!("{} run {}: {goal}\n", snapshot.project, run.id);
    out.push_str(&format!(
        "{phase} · {} done, {} run, {} wait, {}{} failed · {} need you · {} · {}\n",
        counts.done,
        counts.run,
        counts.wait,
        if counts.stopped > 0 { format!("{} stopped, ", counts.stopped) } else { String::new() },
        counts.failed,
        counts.need,
        run.usage.dollars(),
        run.integration,
    ));
    if let Some(left) = run.left_ms {
        let chain: Vec<&str> = run.critical.iter().map(|id| id.as_str()).collect();
        let chain = shown(&chain.join(" → "));
        out.push_str(&format!(
            "about {} of agents' work left, the longest chain is {chain}\n",
            human_span(left)
        ));
    }
    for row in &snapshot.attention {
        out.push_str(&attention_line(row, now));
    }
    for notice in snapshot.notices.iter().filter(|notice| notice.bad) {
        out.push_str(&shown(&format!("  note     {}\n", notice.text.replace('\n', "\n           "))));
    }
    for task in &snapshot.tasks {
        out.push_str(&task_line(task, snapshot.is_stopped(task)));
    }
    out
}

/// One row of what needs a person.
pub fn attention_line(row: &AttentionRow, now: Timestamp) -> String {
    let task = row.task.as_ref().map_or("run", |task| task.as_str());
    let age = human_span(now.since(row.since));
    let mut lines = row.text.lines();
    let first = lines.next().unwrap_or_default();
    let mut out = format!("! {task:<8} {:<10} {first}  ({age})\n", row.source);
    // The rest is a program's last words, set off from the rows.
    out.extend(lines.map(|line| format!("             | {line}\n")));
    shown(&out)
}

fn task_line(task: &TaskView, stopped: bool) -> String {
    let indent = "  ".repeat(usize::from(task.depth));
    let title = shown(&task.title);
    let rounds = if task.round == 0 { String::new() } else { format!(" {}/{}", task.round, task.max_rounds) };
    format!(
        "{} {indent}{:<8} {title:<40} {}{rounds}  {}\n",
        if stopped { '■' } else { sign(task) },
        task.id,
        if stopped { "stopped" } else { task.phase.name() },
        shown(&task.explanation.why)
    )
}

fn sign(task: &TaskView) -> char {
    match (&task.hold, task.phase) {
        (Some(Hold::NeedsAttention(_)), _) | (_, Phase::AwaitingHuman) => '!',
        (_, Phase::Done) => '✓',
        (_, Phase::Exhausted | Phase::Failed | Phase::Cancelled) => '✗',
        (Some(_), _) | (_, Phase::Blocked | Phase::Ready | Phase::MergeQueued) => '○',
        _ => '●',
    }
}
