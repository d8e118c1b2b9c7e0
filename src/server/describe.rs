//! Events and changes in words, for logs, progress lines and the screen.

use super::shared::Shared;
use crate::engine::{self, State};
use crate::engine::{Effect, EffectKind, GateTree};
use crate::model::event::{
    Conflict, GateEvent, MergeEvent, PersonEvent, RunEvent, SetupEvent, StepEvent, WorkEvent,
};
use crate::model::{AgentState, Event, Phase, PlanEdit, Record, StepOutcome, TaskId, Vote, counted};

/// The largest diff that is shown, bytes.
const DIFF_LIMIT: usize = 2 << 20;

/// One event: the task it concerns, and what happened, in a line. `None` for what only the machine cares about.
pub fn line(before: &State, event: &Event) -> Option<(Option<TaskId>, String)> {
    let effect_task = |effect| {
        let kind = before.in_flight.get(&effect);
        kind.and_then(|kind: &EffectKind| kind.task().cloned())
    };
    let session = |effect| before.sessions.get(&effect);
    let who = |effect| session(effect).map_or_else(|| effect_name(effect), |session| session.name.clone());
    let step = |effect| {
        let session = session(effect)?;
        Some(session.step.map_or_else(|| format!("gate {}", session.name), |step| step.name().to_owned()))
    };
    Some(match event {
        Event::Run(event) => (None, run_line(event)?),
        Event::Step(StepEvent::Spawned { effect, .. }) => {
            let round = session(*effect).map_or(0, |session| session.round);
            let text =
                format!("{} {} (round {round})", who(*effect), verb(&step(*effect).unwrap_or_default()));
            (effect_task(*effect), text)
        }
        Event::Step(StepEvent::StatusChanged { effect, status }) => match status.state {
            AgentState::Blocked(_) => {
                (effect_task(*effect), format!("{} waits: {}", who(*effect), status.message))
            }
            _ => return None,
        },
        Event::Step(StepEvent::Stalled { effect }) => {
            (effect_task(*effect), format!("{} makes no progress", who(*effect)))
        }
        Event::Step(StepEvent::Progressed { effect }) => {
            (effect_task(*effect), format!("{} goes on", who(*effect)))
        }
        Event::Step(StepEvent::Ended { effect, outcome }) => {
            (effect_task(*effect), format!("{}: {}", who(*effect), outcome_line(outcome)))
        }
        Event::Step(
            StepEvent::SessionSeen { .. }
            | StepEvent::SessionGone { .. }
            | StepEvent::Used { .. }
            | StepEvent::Unsaid { .. }
            | StepEvent::Controlled { .. },
        ) => return None,
        Event::Work(event) => work_line(before, event)?,
        Event::Setup(event) => setup_line(before, event)?,
        Event::Gate(GateEvent::Finished { effect, result }) => {
            let verdict = match (result.passed(), result.code, result.timed_out) {
                (true, ..) => "passed".to_owned(),
                (_, _, true) => "ran out of time".to_owned(),
                (_, Some(code), _) => format!("failed with exit code {code}"),
                (_, None, _) => "was ended by a signal".to_owned(),
            };
            let seconds = result.duration_ms / 1000;
            let whose = match (before.in_flight.get(effect), &result.checks_of) {
                (Some(EffectKind::RunGate { on: GateTree::Base, .. }), _) => ", as it was before".to_owned(),
                (_, Some(base)) => format!(", with the checks of {}", base.short()),
                _ => String::new(),
            };
            let on = result.oid.short();
            (effect_task(*effect), format!("gate {} {verdict} on {on}{whose} ({seconds} s)", result.gate))
        }
        Event::Gate(GateEvent::Broken { effect, error }) => {
            (effect_task(*effect), format!("gate {} could not be run: {error}", who(*effect)))
        }
        Event::Gate(GateEvent::Spawned { .. }) | Event::Timer(_) => return None,
        Event::Merge(event) => merge_line(before, event)?,
        Event::Person(event) => person_line(event),
    })
}

fn effect_name(effect: crate::model::EffectId) -> String {
    effect.to_string()
}

fn verb(step: &str) -> String {
    match step {
        "plan" => "plans".to_owned(),
        "implement" => "implements".to_owned(),
        "review" => "reviews".to_owned(),
        "fix" => "fixes".to_owned(),
        other => format!("runs {other}"),
    }
}

fn run_line(event: &RunEvent) -> Option<String> {
    Some(match event {
        RunEvent::Started(start) => {
            format!("run {} began at {}: {}", start.run, start.base.short(), start.goal)
        }
        RunEvent::PolicyChanged(_) => "the configuration changed".to_owned(),
        RunEvent::IntegrationReady { oid, .. } => format!("the integration branch stands at {}", oid.short()),
        RunEvent::IntegrationFailed { error, .. } => format!("no integration branch: {error}"),
        RunEvent::Recovered { reattached, ended, lost } => format!(
            "recovered: {} had gone on, {} had ended with their results kept, {} were lost",
            counted(reattached.len(), "session"),
            ended.len(),
            lost.len()
        ),
        RunEvent::Landed { from, to, .. } => format!("landed: {} -> {}", from.short(), to.short()),
        RunEvent::LandRefused { reason, .. } => format!("not landed: {reason}"),
        RunEvent::LandUndone { .. } => "the landing was taken back".to_owned(),
    })
}

fn outcome_line(outcome: &StepOutcome) -> String {
    match outcome {
        StepOutcome::Worked { summary, .. } if summary.is_empty() => "done".to_owned(),
        StepOutcome::Worked { summary, .. } => format!("done: {}", first_line(summary)),
        StepOutcome::Planned { plan } => format!("a plan with {}", counted(plan.tasks.len(), "task")),
        StepOutcome::Reviewed { verdict } => {
            let vote = match verdict.vote {
                Vote::Approve => "approves",
                Vote::RequestChanges => "requests changes",
            };
            format!("{vote}, {}: {}", counted(verdict.remarks.len(), "remark"), first_line(&verdict.summary))
        }
        StepOutcome::Invalid { errors } => format!("its output is invalid: {}", errors.join("; ")),
        StepOutcome::Failed { message, .. } => format!("failed: {}", first_line(message)),
        StepOutcome::TimedOut => "ran out of time".to_owned(),
        StepOutcome::Lost => "was lost".to_owned(),
        StepOutcome::Cancelled => "was ended on request".to_owned(),
    }
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().chars().take(200).collect()
}

fn work_line(before: &State, event: &WorkEvent) -> Option<(Option<TaskId>, String)> {
    let task = |effect| before.in_flight.get(&effect).and_then(|kind| kind.task().cloned());
    Some(match event {
        WorkEvent::Prepared { effect, base, .. } => (task(*effect), format!("starts from {}", base.short())),
        WorkEvent::Gone { effect } => {
            (task(*effect), "its worktree is not as it was left: it is set up again".to_owned())
        }
        WorkEvent::Committed { effect, oid, change, .. } => (
            task(*effect),
            format!(
                "committed {}: {}, +{} -{}",
                oid.short(),
                counted(change.files, "file"),
                change.added,
                change.removed
            ),
        ),
        WorkEvent::Reset { effect, kept } if kept.is_empty() => {
            (task(*effect), "its worktree is put back".to_owned())
        }
        WorkEvent::Reset { effect, kept } => (
            task(*effect),
            format!("its worktree is put back; what was there is kept at {}", kept.join(", ")),
        ),
        WorkEvent::Unresolved { effect, files } => {
            (task(*effect), format!("conflict markers are left in {}", files.join(", ")))
        }
        WorkEvent::Removed { effect, kept: Some(kept) } => {
            (task(*effect), format!("uncommitted work is kept at {kept}"))
        }
        WorkEvent::Removed { kept: None, .. } => return None,
        WorkEvent::Failed { effect, error } => (task(*effect), format!("git failed: {error}")),
    })
}

fn setup_line(before: &State, event: &SetupEvent) -> Option<(Option<TaskId>, String)> {
    let (SetupEvent::Spawned { effect, .. }
    | SetupEvent::Finished { effect, .. }
    | SetupEvent::Failed { effect, .. }
    | SetupEvent::Broken { effect, .. }) = event;
    let EffectKind::RunSetup { task, line, .. } = before.in_flight.get(effect)? else { return None };
    let line = line.headline();
    let text = match event {
        SetupEvent::Spawned { .. } => format!("sets its worktree up: `{line}`"),
        SetupEvent::Finished { duration_ms, .. } => format!("setup `{line}` done ({} s)", duration_ms / 1000),
        SetupEvent::Failed { error, .. } | SetupEvent::Broken { error, .. } => first_line(error),
    };
    Some((Some(task.clone()), text))
}

fn merge_line(before: &State, event: &MergeEvent) -> Option<(Option<TaskId>, String)> {
    let task = |effect| before.in_flight.get(&effect).and_then(|kind| kind.task().cloned());
    Some(match event {
        MergeEvent::CandidateBuilt { effect, commit, .. } => {
            (task(*effect), format!("merge built: {}", commit.short()))
        }
        MergeEvent::Conflicted { effect, files, .. } => (task(*effect), conflicts_in(files)),
        MergeEvent::Foreseen { effect, files, overlaps } => {
            let others: Vec<&str> = overlaps.iter().map(|overlap| overlap.task.as_str()).collect();
            let text = match (files.is_empty(), others.is_empty()) {
                (false, _) => conflicts_in(files),
                (true, false) => format!("it would conflict with {}, as both stand", others.join(", ")),
                (true, true) => return None,
            };
            (task(*effect), text)
        }
        MergeEvent::Staged { .. } => return None,
        MergeEvent::Advanced { effect, tip } => {
            (task(*effect), format!("merged: the branch is at {}", tip.short()))
        }
        MergeEvent::Lost { effect, .. } => {
            (task(*effect), "the branch had moved: the merge is built again".to_owned())
        }
        MergeEvent::Failed { effect, error } => (task(*effect), format!("the merge failed: {error}")),
    })
}

/// Whether it was tried or foreseen.
fn conflicts_in(files: &[Conflict]) -> String {
    let names: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    format!("its merge conflicts in {}: back to its agent", names.join(", "))
}

fn person_line(event: &PersonEvent) -> (Option<TaskId>, String) {
    let of = |task: &TaskId, text: String| (Some(task.clone()), text);
    match event {
        PersonEvent::PlanAccepted(plan) => {
            (None, format!("you: go, with {}", counted(plan.tasks.len(), "task")))
        }
        PersonEvent::PlanRejected { reason } => (None, format!("you: not this plan. {reason}")),
        PersonEvent::Answered { allow: true, text, .. } if text.is_empty() => {
            (None, "you: allowed".to_owned())
        }
        PersonEvent::Answered { allow: true, text, .. } => (None, format!("you: {}", first_line(text))),
        PersonEvent::Answered { allow: false, text, .. } => (None, format!("you: denied {text}")),
        PersonEvent::Approved { task, oid } => of(task, format!("you: approved {}", oid.short())),
        PersonEvent::Rewound { task, round, to } => {
            let to = to
                .as_ref()
                .map_or_else(|| "before its first commit".to_owned(), |to| format!("at {}", to.short()));
            of(task, format!("you: back to the beginning of round {round}, {to}"))
        }
        PersonEvent::ChecksAccepted { task, oid } => {
            of(task, format!("you: its changes to checks stand, at {}", oid.short()))
        }
        PersonEvent::TakenOver { task } => of(task, "you: taken as it is, to be approved".to_owned()),
        PersonEvent::Rejected { task, reason } => of(task, format!("you: rejected: {}", first_line(reason))),
        PersonEvent::Retried { task } => of(task, "you: again".to_owned()),
        PersonEvent::Paused { task } => of(task, "you: paused".to_owned()),
        PersonEvent::Resumed { task } => of(task, "you: resumed".to_owned()),
        PersonEvent::Prompted { task, text } => of(task, format!("you: {}", first_line(text))),
        PersonEvent::Interrupted { .. } => (None, "you: interrupted a turn".to_owned()),
        PersonEvent::Restarted { .. } => (None, "you: restarted an agent".to_owned()),
        PersonEvent::Cancelled { task } => of(task, "you: cancelled".to_owned()),
        PersonEvent::Added(spec) => of(&spec.id, format!("you: added \"{}\"", spec.title)),
        PersonEvent::Edited(edit) => {
            (edited_task(edit), format!("you: changed the plan: {}", edit.summary()))
        }
        PersonEvent::Split { task, edit } => {
            let parts: Vec<&str> = edit.added.iter().map(|part| part.id.as_str()).collect();
            of(task, format!("you: split into {task}, {}", parts.join(", ")))
        }
        PersonEvent::Commented { task, file, line, text } => {
            let place = crate::model::finding::place(file, *line);
            of(task, format!("you, on {place}: {}", first_line(text)))
        }
        PersonEvent::Dismissed { task, number, reason } => {
            of(task, format!("you: finding {number} dismissed: {}", first_line(reason)))
        }
        PersonEvent::Joined { into, edit } => {
            let others: Vec<&str> = edit.dropped.iter().map(|id| id.as_str()).collect();
            of(into, format!("you: joined with {}", others.join(", ")))
        }
        PersonEvent::RunPaused => (None, "you: the run is paused".to_owned()),
        PersonEvent::RunResumed => (None, "you: the run goes on".to_owned()),
        PersonEvent::BudgetSet { micros } => {
            (None, format!("you: the budget is ${}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000))
        }
        PersonEvent::Stopped => (None, "you: stopped the run".to_owned()),
        PersonEvent::LandRequested => (None, "you: land it".to_owned()),
        PersonEvent::UndoRequested => (None, "you: take the landing back".to_owned()),
    }
}

/// The task that an edit is of, if it is of one alone.
fn edited_task(edit: &PlanEdit) -> Option<TaskId> {
    match (&edit.changes[..], edit.added.is_empty() && edit.dropped.is_empty()) {
        ([change], true) => Some(change.task.clone()),
        _ => None,
    }
}

/// Walks a log: each record's line with the state before it, and the state after the last.
pub fn walk(records: &[Record], mut each: impl FnMut(&Record, Option<TaskId>, String)) -> Option<State> {
    let (first, rest) = records.split_first()?;
    let Event::Run(RunEvent::Started(start)) = &first.event else { return None };
    let (mut state, _) = engine::start(start, first.at);
    if let Some((task, text)) = line(&state, &first.event) {
        each(first, task, text);
    }
    for record in rest {
        if let Some((task, text)) = line(&state, &record.event) {
            each(record, task, text);
        }
        drop(engine::update(&mut state, &record.event, record.at));
    }
    Some(state)
}

/// What each event of a log makes the loop want, decided anew: the position, and a line.
pub fn decisions(records: &[Record]) -> Vec<(u64, String)> {
    let mut lines = Vec::new();
    let mut note = |seq: u64, effects: Vec<Effect>| {
        lines.extend(effects.iter().map(|effect| (seq, format!("          → {effect}"))));
    };
    let Some((first, rest)) = records.split_first() else { return Vec::new() };
    let Event::Run(RunEvent::Started(start)) = &first.event else { return Vec::new() };
    let (mut state, effects) = engine::start(start, first.at);
    note(first.seq, effects);
    for record in rest {
        note(record.seq, engine::update(&mut state, &record.event, record.at));
    }
    lines
}

/// The lines of one task, with their times.
pub fn lines_of_task(records: &[Record], task: &TaskId) -> Vec<String> {
    let mut lines = Vec::new();
    walk(records, |record, of, text| {
        if of.as_ref() == Some(task) {
            lines.push(format!("{}  {text}", time_of_day(record.at)));
        }
    });
    lines
}

/// A moment's time of day in the user's zone: `14:02:07`.
pub fn time_of_day(at: crate::model::Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string()
}

/// What a task changes: what lies in its worktree while it is worked on, else its branch.
pub fn diff(shared: &Shared, task: &TaskId) -> Result<String, String> {
    let store = crate::store::Store::open_reader(&shared.places.log()).map_err(|error| error.to_string())?;
    let state = match store {
        Some(store) => super::start::latest(&store).map_err(|error| error.to_string())?,
        None => None,
    };
    let state = state.ok_or_else(|| "there is no run yet".to_owned())?;
    let entry = state.tasks.get(task).ok_or_else(|| format!("there is no task {task}"))?;
    let Some(base) = &entry.work.base else { return Ok(String::new()) };
    let repository = &shared.repository;
    let in_work = matches!(entry.phase, Phase::Implementing | Phase::Fixing) && entry.work.prepared;
    let text = if in_work {
        let path = shared.places.worktree(&state.run.id, task);
        repository
            .open_worktree(&path)
            .and_then(|worktree| repository.worktree_diff(&worktree, base.as_str()))
    } else {
        match &entry.work.tip {
            Some(tip) => repository.diff(base.as_str(), tip.as_str(), &[]),
            None => Ok(String::new()),
        }
    };
    text.map(|text| cut(text, DIFF_LIMIT)).map_err(|error| error.to_string())
}

fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let at = (0..=limit).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(at);
        text.push_str("\n… the rest is not shown\n");
    }
    text
}
