//! What happened in the runs, by name: for the figures, and so that nobody believes in a simulation that never sees it.

use std::collections::BTreeMap;

use loopmon::engine::State;
use loopmon::model::event::{GateEvent, MergeEvent, PersonEvent, RunEvent, SetupEvent, StepEvent, WorkEvent};
use loopmon::model::{AttentionReason, Event, FailureKind, Hold, StepOutcome, Vote};

/// What has to be seen in every few thousand runs.
const EXPECTED: [&str; 28] = [
    "agent: authentication failed",
    "agent: infrastructure failed",
    "agent: limit of the provider",
    "agent: lost",
    "agent: timed out",
    "agent: unclear answer",
    "attention: a budget is used up",
    "attention: a dependency is lost",
    "attention: a vote is missing",
    "attention: the run is over its budget",
    "attention: the same failed again and again",
    "check changed",
    "check said to be wrong",
    "gate: failed",
    "gate: run with the earlier checks",
    "merge: branch had moved",
    "merge: conflict",
    "merge: done",
    "merge: foreseen conflict",
    "merge: foreseen overlap",
    "person: approved",
    "person: changed the plan",
    "person: paused",
    "person: rewound a task",
    "review: approved",
    "review: changes requested",
    "setup: failed",
    "worktree: gone",
];

/// Counts by name.
#[derive(Debug, Default)]
pub struct Seen(BTreeMap<&'static str, usize>);

impl Seen {
    pub fn event(&mut self, event: &Event) {
        name(event).into_iter().for_each(|name| *self.0.entry(name).or_default() += 1);
    }

    /// What waits for a person while nothing else moves.
    pub fn rest(&mut self, state: &State) {
        let over_budget = state.is_over_budget().then_some("attention: the run is over its budget");
        let held = state.tasks.values().filter_map(|task| match &task.hold {
            Some(Hold::NeedsAttention(reason)) => Some(reason_name(reason)),
            Some(Hold::Paused) => Some("attention: paused"),
            Some(Hold::Waiting { .. }) | None => None,
        });
        held.chain(over_budget).for_each(|name| *self.0.entry(name).or_default() += 1);
    }

    pub fn add(&mut self, other: &Seen) {
        other.0.iter().for_each(|(name, count)| *self.0.entry(name).or_default() += count);
    }

    /// Those that were expected and never seen.
    pub fn missing(&self) -> Vec<&'static str> {
        EXPECTED.into_iter().filter(|name| self.0.get(name).is_none_or(|count| *count == 0)).collect()
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(name, count)| writeln!(f, "{count:>10}  {name}"))
    }
}

fn name(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::Step(StepEvent::Ended { outcome, .. }) => outcome_name(outcome),
        Event::Work(WorkEvent::Committed { checks, .. }) if !checks.is_empty() => "check changed",
        Event::Work(WorkEvent::Committed { .. }) => "committed",
        Event::Work(WorkEvent::Unresolved { .. }) => "merge: markers left",
        Event::Work(WorkEvent::Gone { .. }) => "worktree: gone",
        Event::Work(WorkEvent::Failed { .. }) => "worktree: git failed",
        Event::Setup(SetupEvent::Failed { .. }) => "setup: failed",
        Event::Setup(SetupEvent::Broken { .. }) => "setup: could not be run",
        Event::Gate(GateEvent::Broken { .. }) => "gate: could not be run",
        Event::Gate(GateEvent::Finished { result, .. }) if result.checks_of.is_some() => {
            "gate: run with the earlier checks"
        }
        Event::Gate(GateEvent::Finished { result, .. }) if result.passed() => "gate: passed",
        Event::Gate(GateEvent::Finished { .. }) => "gate: failed",
        Event::Merge(MergeEvent::Conflicted { .. }) => "merge: conflict",
        Event::Merge(MergeEvent::Foreseen { files, .. }) if !files.is_empty() => "merge: foreseen conflict",
        Event::Merge(MergeEvent::Foreseen { overlaps, .. }) if !overlaps.is_empty() => {
            "merge: foreseen overlap"
        }
        Event::Merge(MergeEvent::Lost { .. }) => "merge: branch had moved",
        Event::Merge(MergeEvent::Advanced { .. }) => "merge: done",
        Event::Merge(MergeEvent::Failed { .. }) => "merge: git failed",
        Event::Run(RunEvent::Recovered { .. }) => "server: crashed and taken up",
        Event::Person(PersonEvent::Approved { .. }) => "person: approved",
        Event::Person(PersonEvent::Rejected { .. }) => "person: rejected",
        Event::Person(PersonEvent::Paused { .. }) => "person: paused",
        Event::Person(PersonEvent::Cancelled { .. }) => "person: cancelled",
        Event::Person(PersonEvent::Rewound { .. }) => "person: rewound a task",
        Event::Person(PersonEvent::Edited { .. }) => "person: changed the plan",
        Event::Person(PersonEvent::Commented { .. }) => "person: commented",
        _ => return None,
    })
}

fn outcome_name(outcome: &StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Worked { disputed, .. } if !disputed.is_empty() => "check said to be wrong",
        StepOutcome::Worked { .. } => "agent: worked",
        StepOutcome::Reviewed { verdict } if verdict.vote == Vote::Approve => "review: approved",
        StepOutcome::Reviewed { .. } => "review: changes requested",
        StepOutcome::Planned { .. } => "agent: planned",
        StepOutcome::Failed { failure: FailureKind::Infrastructure, .. } => "agent: infrastructure failed",
        StepOutcome::Failed { failure: FailureKind::Authentication, .. } => "agent: authentication failed",
        StepOutcome::Failed { failure: FailureKind::Configuration, .. } => "agent: wrong configuration",
        StepOutcome::Failed { failure: FailureKind::Quota { .. }, .. } => "agent: limit of the provider",
        StepOutcome::TimedOut => "agent: timed out",
        StepOutcome::Lost => "agent: lost",
        StepOutcome::Invalid { .. } => "agent: unclear answer",
        StepOutcome::Cancelled => "agent: ended on request",
    }
}

fn reason_name(reason: &AttentionReason) -> &'static str {
    match reason {
        AttentionReason::Budget(_) => "attention: a budget is used up",
        AttentionReason::DependencyFailed(_) => "attention: a dependency is lost",
        AttentionReason::VoteMissing(_) => "attention: a vote is missing",
        AttentionReason::NothingChanged => "attention: nothing was changed",
        AttentionReason::CheckDisputed(_) => "attention: a check is said to be wrong",
        AttentionReason::Repeats(_) => "attention: the same failed again and again",
        AttentionReason::ConflictUnsolved => "attention: a conflict stays",
        _ => "attention: a step, gate, setup or git failed",
    }
}
