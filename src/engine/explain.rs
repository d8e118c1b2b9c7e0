//! Why a task is where it is, and why it does not run: the rule and where that is known from.

use super::effect::EffectKind;
use super::places::Room;
use super::state::{Stage, State, Task};
use crate::model::snapshot::Explanation;
use crate::model::{AttentionReason, Hold, Phase, TaskId, Timestamp, Wait};

/// Explains tasks; what is the same for all of them is looked up once.
pub(super) struct Explainer<'a> {
    state: &'a State,
    /// Who has the places, in words.
    taken: String,
    room: Room<'a>,
}

impl<'a> Explainer<'a> {
    pub fn new(state: &'a State) -> Explainer<'a> {
        let placed = state.tasks.placed().into_iter();
        let names: Vec<&str> = placed.map(|task| task.spec.id.as_str()).collect();
        let taken = format!("all {} places are taken, by {}", state.policy.parallel, names.join(", "));
        Explainer { state, taken, room: Room::of(state) }
    }

    /// One task, explained.
    pub fn explain(&self, task: &Task) -> Explanation {
        let (rule, source) = rule(task.phase);
        let why = why(self, task);
        Explanation { why, rule: rule.to_owned(), source: source.to_owned() }
    }
}

fn why(explainer: &Explainer<'_>, task: &Task) -> String {
    let Explainer { state, taken, room } = explainer;
    if state.run.stage == Stage::Stopped && !task.phase.is_terminal() {
        return format!("the run is stopped; it was {}", task.phase.name());
    }
    match &task.hold {
        Some(Hold::Paused) => return format!("paused while {}", task.phase.name()),
        Some(Hold::Waiting { wait: Wait::Backoff, .. }) => {
            let tries = state.policy.retry.attempts;
            return format!("attempt {} of {tries} after a wait", task.step.failures + 1);
        }
        Some(Hold::Waiting { wait: Wait::Quota, .. }) => {
            return "the provider's limit: goes on by itself".to_owned();
        }
        Some(Hold::NeedsAttention(AttentionReason::SetupFailed(error))) => {
            return format!("waits for you: {}", in_short(error));
        }
        Some(Hold::NeedsAttention(_)) => return "waits for you".to_owned(),
        None if state.run.paused && !task.phase.is_terminal() => return "the run is paused".to_owned(),
        None => {}
    }
    match task.phase {
        Phase::Blocked => {
            let open: Vec<&str> = task
                .spec
                .depends_on
                .iter()
                .filter(|id| state.tasks.get(*id).is_none_or(|task| task.phase != Phase::Done))
                .map(|id| id.as_str())
                .collect();
            format!("after {}", open.join(", "))
        }
        _ if task.wants_place() && state.is_over_budget() => {
            state.spent_limit().unwrap_or_default().to_owned()
        }
        Phase::Ready if state.run.tip.is_none() => "the integration branch is being made".to_owned(),
        _ if task.wants_place() => room.refusal(task).unwrap_or_else(|| taken.clone()),
        Phase::MergeQueued => {
            let ahead = state.merge_queue.iter().take_while(|id| **id != task.spec.id).count();
            let merges = |id: &&TaskId| state.tasks.get(*id).is_some_and(|task| task.phase == Phase::Merging);
            let merging = state.merge_queue.iter().find(merges);
            let merging = merging.map_or_else(String::new, |id| format!("; {id} is merging"));
            format!("{ahead} ahead in the merge queue{merging}")
        }
        Phase::Done => format!("merged into {}", state.integration_branch()),
        _ => doing(state, task),
    }
}

/// How something failed, and the last of its last words.
fn in_short(error: &str) -> String {
    let mut lines = error.lines().filter(|line| !line.trim().is_empty());
    let headline = lines.next().unwrap_or_default();
    lines.next_back().map_or_else(|| headline.to_owned(), |last| format!("{headline}: {}", last.trim()))
}

/// What is in flight for a task.
fn doing(state: &State, task: &Task) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (_, kind) in state.effects_of(&task.spec.id) {
        parts.push(match kind {
            EffectKind::PrepareWork { .. } => "making its worktree".to_owned(),
            EffectKind::CommitWork { .. } => "committing its work".to_owned(),
            EffectKind::RemoveWork { .. } => "removing its worktree".to_owned(),
            EffectKind::ResetWork { to, .. } => format!("putting its worktree back to {}", to.short()),
            EffectKind::RunStep { agent, brief, .. } => format!("{agent}: {}", brief.step.name()),
            EffectKind::RunSetup { line, .. } => format!("setup: {}", line.headline()),
            EffectKind::RunGate { gate, .. } => format!("gate {}", gate.name),
            EffectKind::BuildMerge { .. } => "building its merge".to_owned(),
            EffectKind::Foresee { .. } => "looking what it conflicts with".to_owned(),
            EffectKind::StageMerge { .. } => "bringing the merge into its worktree".to_owned(),
            EffectKind::AdvanceIntegration { .. } => "moving the integration branch".to_owned(),
            EffectKind::CreateIntegration { .. }
            | EffectKind::Control { .. }
            | EffectKind::StartTimer { .. }
            | EffectKind::Land { .. }
            | EffectKind::UndoLand { .. } => continue,
        });
    }
    if parts.is_empty() && state.is_over_budget() && !task.phase.is_terminal() {
        return state.spent_limit().unwrap_or_default().to_owned();
    }
    if parts.is_empty() { waiting(state, task) } else { parts.join(", ") }
}

/// Why a task that has its place does nothing: it waits for somebody.
fn waiting(state: &State, task: &Task) -> String {
    let implementer = state.implementer(&task.spec);
    let works = matches!(task.phase, Phase::Implementing | Phase::Fixing);
    let slots =
        task.review.iter().filter(|_| task.phase == Phase::Reviewing).flat_map(|review| &review.slots);
    let open = slots.filter(|slot| !slot.is_terminal()).collect::<Vec<_>>();
    let busy = open.iter().map(|slot| &slot.agent).find(|agent| state.is_busy(agent));
    let busy = busy.or(Some(&implementer).filter(|agent| works && state.is_busy(agent)));
    match (busy, task.waiting_reviewers().next()) {
        (Some(agent), _) => format!("{agent} has as many sessions as it may"),
        (None, Some((agent, timer))) => {
            let limit = state.breaker(agent, Timestamp(0));
            let is_limit = match state.in_flight.get(&timer) {
                Some(EffectKind::StartTimer { until }) => limit == Some(*until),
                _ => false,
            };
            let why = if is_limit { "its provider's limit is reached" } else { "it failed" };
            format!("{agent} is asked again later, because {why}: retry asks it now")
        }
        (None, None) if open.iter().any(|slot| slot.standing.is_some()) => {
            "its reviewer judges another task first".to_owned()
        }
        (None, None) => task.phase.name().to_owned(),
    }
}

/// The rule that brings a task to a phase, and its source.
fn rule(phase: Phase) -> (&'static str, &'static str) {
    match phase {
        Phase::Blocked => ("a task starts when everything it depends on is merged", "plan"),
        Phase::Ready => ("ready tasks start in the order of the longest chain behind them", "scheduler"),
        Phase::Implementing => ("a round begins with an implement step", "agent's process"),
        Phase::Validating => {
            ("a commit is validated by the gates before anybody reviews it", "exit codes of the gates")
        }
        Phase::Reviewing => {
            ("all reviewers judge the same commit; the last verdict decides", "structured verdicts")
        }
        Phase::Fixing => ("findings, or a merge that came back, go to a fix step", "verdicts or git"),
        Phase::Approved => ("the quorum approved this commit", "structured verdicts"),
        Phase::AwaitingHuman => ("the human gate holds it until you approve this commit", "policy"),
        Phase::MergeQueued => ("one task merges at a time, first in first out", "merge queue"),
        Phase::Merging => ("the merged tree is validated before the branch moves", "git and exit codes"),
        Phase::Done => ("the integration branch holds its merge", "git"),
        Phase::Exhausted => {
            ("its rounds are used up; the branch is kept and never merged by itself", "policy")
        }
        Phase::Failed => ("its rounds are used up and on_max says fail", "policy"),
        Phase::Cancelled => ("a person gave it up; its work is on its branch", "person"),
    }
}
