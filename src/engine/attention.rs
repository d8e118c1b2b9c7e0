//! What needs a person: one list, derived from the state, the most urgent first.
//!
//! Order: by kind, then by how many tasks wait for the answer, then by age.

use super::graph;
use super::state::{Session, Stage, State, Task};
use crate::model::snapshot::{AttentionKind, AttentionRow};
use crate::model::{
    AgentState, AttentionReason, BlockedKind, CheckChange, EffectId, Hold, OnMax, Phase, TaskId, Verb, Vote,
    counted,
};

/// Every row, in order.
pub fn rows(state: &State) -> Vec<AttentionRow> {
    let mut rows: Vec<AttentionRow> = run_rows(state);
    if state.run.stage != Stage::Stopped {
        let live = state.sessions.iter().filter(|(_, session)| session.ended.is_none());
        rows.extend(live.filter_map(|(effect, session)| session_row(*effect, session)));
        rows.extend(state.tasks.values().filter_map(|task| task_row(state, task)));
    }
    for row in &mut rows {
        let waiting = row.task.as_ref().map(|task| graph::dependents(&state.dependents, task));
        row.unblocks = waiting.map_or(0, |tasks| u32::try_from(tasks.len()).unwrap_or(u32::MAX));
    }
    rows.sort_by(|a, b| {
        (a.kind, std::cmp::Reverse(a.unblocks), a.since, &a.task).cmp(&(
            b.kind,
            std::cmp::Reverse(b.unblocks),
            b.since,
            &b.task,
        ))
    });
    rows
}

fn run_rows(state: &State) -> Vec<AttentionRow> {
    let run = &state.run;
    let row = |kind, text: String, verbs: &[Verb]| AttentionRow {
        kind,
        task: None,
        session: None,
        effect: None,
        source: "run".to_owned(),
        text,
        since: run.started,
        unblocks: 0,
        verbs: verbs.to_vec(),
    };
    let mut rows = Vec::new();
    if run.stage == Stage::Proposed {
        let tasks = run.planning.proposal.as_ref().map_or(0, |plan| plan.tasks.len());
        let text = if run.planning.problems.is_empty() {
            format!("the plan with {} waits for your go", counted(tasks, "task"))
        } else {
            format!("the plan can't be worked on: {}", run.planning.problems.join("; "))
        };
        rows.push(row(AttentionKind::Question, text, &[Verb::AcceptPlan, Verb::RejectPlan]));
    }
    if run.planning.failed {
        let text = format!("no plan came of it: {}", run.planning.problems.join("; "));
        rows.push(row(AttentionKind::Stuck, text, &[Verb::ResumeRun, Verb::RejectPlan]));
    }
    if let Some(trouble) = &run.trouble {
        rows.push(row(AttentionKind::Stuck, trouble.clone(), &[Verb::ResumeRun]));
    }
    if let Some(reached) = state.spent_limit().filter(|_| !state.is_complete()) {
        let verbs =
            if run.out_of_time { [Verb::ResumeRun, Verb::Stop] } else { [Verb::SetBudget, Verb::Stop] };
        rows.push(row(AttentionKind::Budget, format!("{reached}: nothing more is started"), &verbs));
    }
    rows
}

fn session_row(effect: EffectId, session: &Session) -> Option<AttentionRow> {
    let step = session.step?;
    let row = |kind, text: String, verbs: &[Verb]| AttentionRow {
        kind,
        task: session.task.clone(),
        session: session.id.clone(),
        effect: Some(effect),
        source: session.name.clone(),
        text,
        since: session.status_since,
        unblocks: 0,
        verbs: verbs.to_vec(),
    };
    let message = &session.status.message;
    match session.status.state {
        AgentState::Blocked(BlockedKind::Permission) => {
            let text = if message.is_empty() { "asks for leave".to_owned() } else { message.clone() };
            Some(row(AttentionKind::Approval, text, &[Verb::Approve, Verb::Reject]))
        }
        AgentState::Blocked(BlockedKind::Question) => {
            let text = if message.is_empty() { "asks a question".to_owned() } else { message.clone() };
            Some(row(AttentionKind::Question, text, &[Verb::Prompt, Verb::Approve, Verb::Reject]))
        }
        AgentState::Blocked(BlockedKind::Auth) => {
            Some(row(AttentionKind::Stuck, format!("wants a login {message}"), &[Verb::Restart]))
        }
        _ if session.stalled => {
            let text = format!("no progress in its {} step: re-prompt or restart it", step.name());
            Some(row(AttentionKind::Stuck, text, &[Verb::Prompt, Verb::Restart, Verb::Interrupt]))
        }
        _ => None,
    }
}

fn task_row(state: &State, task: &Task) -> Option<AttentionRow> {
    let row = |kind, source: &str, text: String, verbs: &[Verb]| AttentionRow {
        kind,
        task: Some(task.spec.id.clone()),
        session: None,
        effect: None,
        source: source.to_owned(),
        text,
        since: task.since,
        unblocks: 0,
        verbs: verbs.to_vec(),
    };
    let stuck = |text: String, verbs: &[Verb]| Some(row(AttentionKind::Stuck, "loop", text, verbs));
    match (&task.hold, task.phase) {
        (Some(Hold::NeedsAttention(reason)), _) => Some(reason_row(task, reason, row)),
        (None, Phase::AwaitingHuman) => {
            let text = format!(
                "your approval is wanted: {}{}{}",
                votes(task),
                changed_checks(state, task),
                open_comments(task)
            );
            Some(row(AttentionKind::Review, "review", text, &[Verb::Approve, Verb::Reject]))
        }
        (None, Phase::Exhausted) if state.policy.on_max == OnMax::Escalate => Some(row(
            AttentionKind::Question,
            "loop",
            exhausted(state, task),
            &[Verb::Retry, Verb::Approve, Verb::Reject, Verb::Cancel],
        )),
        (None, Phase::Exhausted) => {
            stuck(exhausted(state, task), &[Verb::Retry, Verb::Approve, Verb::Reject, Verb::Cancel])
        }
        (None, Phase::Failed) => stuck(exhausted(state, task), &[Verb::Retry, Verb::Cancel]),
        _ => None,
    }
}

fn reason_row(
    task: &Task,
    reason: &AttentionReason,
    row: impl Fn(AttentionKind, &str, String, &[Verb]) -> AttentionRow,
) -> AttentionRow {
    use AttentionKind::{Conflict, Stuck};
    let retry = &[Verb::Retry, Verb::Cancel];
    match reason {
        AttentionReason::StepFailed(message) => row(Stuck, "loop", message.clone(), retry),
        AttentionReason::NothingChanged => {
            row(Stuck, "loop", "the agent ended without changing anything".to_owned(), retry)
        }
        AttentionReason::VoteMissing(who) => row(
            Stuck,
            "review",
            format!("a vote is missing: {who}"),
            &[Verb::Retry, Verb::Approve, Verb::Cancel],
        ),
        AttentionReason::DependencyFailed(on) => {
            row(Stuck, "loop", format!("{on}, which it depends on, will not be done"), &[Verb::Cancel])
        }
        AttentionReason::GitFailed(error) => row(Stuck, "git", error.clone(), retry),
        AttentionReason::GateFailed(error) => row(Stuck, "gate", error.clone(), retry),
        AttentionReason::SetupFailed(error) => row(Stuck, "setup", error.clone(), retry),
        AttentionReason::Budget(reached) => {
            row(AttentionKind::Budget, "budget", format!("{reached}: retry grants as much again"), retry)
        }
        AttentionReason::Repeats(what) => row(Stuck, "loop", what.clone(), retry),
        AttentionReason::CheckDisputed(reasons) => row(
            AttentionKind::Question,
            "checks",
            format!("its agent says that a check is wrong: {}", reasons.join("; ")),
            &[Verb::Approve, Verb::Reject, Verb::Retry],
        ),
        AttentionReason::ConflictUnsolved => {
            let times = task.limit.returned_merges;
            row(Conflict, "merge", format!("its merge came back {} unsolved", counted(times, "time")), retry)
        }
    }
}

fn exhausted(state: &State, task: &Task) -> String {
    let failed: Vec<&str> = task
        .evidence
        .results
        .iter()
        .filter(|result| !result.passed())
        .map(|result| result.gate.as_str())
        .collect();
    let open = task.findings.iter().filter(|finding| finding.is_open()).count();
    let rounds = counted(state.round_limit(task), "round");
    match (failed.is_empty(), open) {
        (false, _) => format!("gate {} still fails after {rounds}", failed.join(", ")),
        (true, 0) => format!("not approved within {rounds}; the gates pass"),
        (true, open) => format!("{} open after {rounds}; the gates pass", counted(open, "finding")),
    }
}

/// Checks that the work changed although it may not.
fn changed_checks(state: &State, task: &Task) -> String {
    let changes: Vec<String> = state.open_changes(task).map(CheckChange::headline).collect();
    if changes.is_empty() {
        return String::new();
    }
    format!("; it changed what judges it: {}", changes.join(", "))
}

/// What a person has said of it, and not yet sent back.
fn open_comments(task: &Task) -> String {
    match task.open_comments().count() {
        0 => String::new(),
        count => {
            format!("; {} of yours {} open", counted(count, "comment"), if count == 1 { "is" } else { "are" })
        }
    }
}

fn votes(task: &Task) -> String {
    let Some(review) = &task.review else { return "gates passed".to_owned() };
    let yes = review
        .slots
        .iter()
        .filter(|slot| slot.verdict.as_ref().is_some_and(|v| v.vote == Vote::Approve))
        .count();
    format!("gates passed, {yes} of {} approve", review.slots.len())
}

/// Whether a task has a row.
pub fn has_row(rows: &[AttentionRow], task: &TaskId) -> bool {
    rows.iter().any(|row| row.task.as_ref() == Some(task))
}
