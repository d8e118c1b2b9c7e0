//! How states look: a shape, a colour's role and a word, so that none of them has to be told from the others.
//!
//! Invariant: `need` and `fail` are given only to what stands in the attention queue or in a task that a person has to
//! decide on.

use std::collections::BTreeSet;

use crate::model::snapshot::{GateState, GateView, ReviewView, SessionView, TaskView};
use crate::model::{AgentState, BlockedKind, Hold, Phase, Snapshot, StepKind, Vote, Wait};
use crate::theme::Role;
use crate::ui::look::Look;

/// A state as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// Its shape.
    pub glyph: &'static str,
    /// Its colour.
    pub role: Role,
    /// What it is, in a word or two.
    pub word: String,
}

/// A task's state.
pub fn task(task: &TaskView, snapshot: &Snapshot, look: Look<'_>) -> Sign {
    let glyphs = look.glyphs;
    let wanted = snapshot.attention.iter().any(|row| row.task.as_ref() == Some(&task.id));
    let over = matches!(task.phase, Phase::Exhausted | Phase::Failed);
    let stuck = over || matches!(task.hold, Some(Hold::NeedsAttention(_)));
    let word = task_word(task, snapshot, look);
    let (glyph, role) = match task.phase {
        Phase::Done => (glyphs.ok, Role::Ok),
        Phase::Cancelled => (glyphs.gone, Role::Dim),
        _ if snapshot.is_stopped(task) => (glyphs.stopped, Role::Dim),
        _ if stuck && wanted => (glyphs.fail, Role::Fail),
        _ if over => (glyphs.fail, Role::Dim),
        _ if wanted || task.phase == Phase::AwaitingHuman => (glyphs.need, Role::Need),
        _ if task.hold == Some(Hold::Paused) => (glyphs.paused, Role::Wait),
        _ if task.hold.is_some() => (glyphs.wait, Role::Wait),
        Phase::Blocked | Phase::Ready => (glyphs.wait, Role::Wait),
        _ => (glyphs.run, Role::Run),
    };
    Sign { glyph, role, word }
}

fn task_word(task: &TaskView, snapshot: &Snapshot, look: Look<'_>) -> String {
    if snapshot.is_stopped(task) {
        return "stopped".to_owned();
    }
    let rounds = || format!("{} {}/{}", task.agent, task.round, task.max_rounds);
    match (&task.hold, task.phase) {
        (Some(Hold::Paused), _) => "paused".to_owned(),
        (Some(Hold::Waiting { wait: Wait::Backoff, until }), _) => {
            format!("again in {}", look.ages.until(*until))
        }
        (Some(Hold::Waiting { wait: Wait::Quota, until }), _) => format!("quota {}", look.ages.until(*until)),
        (_, Phase::Blocked) => after(task, snapshot),
        (_, Phase::Done) => "merged".to_owned(),
        (_, Phase::Validating) => {
            let passed = task.gates.iter().filter(|gate| gate.state == GateState::Passed).count();
            format!("gates {passed}/{}", task.gates.len())
        }
        (_, Phase::Reviewing) => {
            let voted = task.reviews.iter().filter(|review| review.vote.is_some()).count();
            format!("review {voted}/{}", task.reviews.len())
        }
        (_, Phase::Implementing | Phase::Fixing) => rounds(),
        (_, Phase::AwaitingHuman) => "your word".to_owned(),
        (_, phase @ (Phase::Exhausted | Phase::Failed)) => {
            format!("{} {}/{}", phase.name(), task.round, task.max_rounds)
        }
        (_, phase) => phase.name().to_owned(),
    }
}

/// What a blocked task waits for: the first dependency that is not merged, and how many more.
fn after(task: &TaskView, snapshot: &Snapshot) -> String {
    let open = |id: &&crate::model::TaskId| snapshot.task(id).is_none_or(|other| other.phase != Phase::Done);
    let mut open = task.depends_on.iter().filter(open);
    match (open.next(), open.count()) {
        (None, _) => task.phase.name().to_owned(),
        (Some(first), 0) => format!("after {first}"),
        (Some(first), more) => format!("after {first} +{more}"),
    }
}

/// A session's state.
pub fn session(session: &SessionView, snapshot: &Snapshot, look: Look<'_>) -> Sign {
    let glyphs = look.glyphs;
    let wanted = snapshot.attention.iter().any(|row| row.session.as_ref() == Some(&session.id));
    let state = session.status.state;
    let (glyph, role, word) = if !session.is_live() {
        let glyph = if state == AgentState::Error { glyphs.fail } else { glyphs.gone };
        (glyph, Role::Dim, "ended")
    } else if session.paused {
        (glyphs.paused, Role::Wait, "paused")
    } else {
        match state {
            AgentState::Blocked(kind) => (glyphs.need, Role::Need, blocked_word(kind)),
            _ if session.stalled => (if wanted { glyphs.need } else { glyphs.unknown }, Role::Wait, "silent"),
            AgentState::Working => (glyphs.run, Role::Run, "working"),
            AgentState::Idle => (glyphs.wait, Role::Wait, "idle"),
            AgentState::Unknown if session.step.is_none() => (glyphs.run, Role::Run, "running"),
            AgentState::Unknown => (glyphs.unknown, Role::Wait, "unknown"),
            AgentState::Done => (glyphs.ok, Role::Ok, "turn done"),
            AgentState::Error => (glyphs.fail, Role::Dim, "error"),
        }
    };
    let role = if wanted && session.is_live() { Role::Need } else { role };
    Sign { glyph, role, word: word.to_owned() }
}

fn blocked_word(kind: BlockedKind) -> &'static str {
    match kind {
        BlockedKind::Permission => "asks for leave",
        BlockedKind::Question => "asks",
        BlockedKind::Auth => "needs a login",
    }
}

/// A gate's state. A failed gate is the loop's own work to heal, so it is not red by itself.
pub fn gate(gate: &GateView, look: Look<'_>) -> Sign {
    let (glyph, role, word) = match gate.state {
        GateState::Todo => (look.glyphs.wait, Role::Dim, "not run yet"),
        GateState::Running => (look.glyphs.run, Role::Run, "running"),
        GateState::Passed => (look.glyphs.ok, Role::Ok, "passed"),
        GateState::Failed => (look.glyphs.fail, Role::Accent, "failed"),
    };
    Sign { glyph, role, word: word.to_owned() }
}

/// A reviewer's vote.
pub fn review(review: &ReviewView, look: Look<'_>) -> Sign {
    let (glyph, role, word) = match (review.vote, review.running) {
        (Some(Vote::Approve), _) => (look.glyphs.ok, Role::Ok, "approves"),
        (Some(Vote::RequestChanges), _) => (look.glyphs.fail, Role::Accent, "wants changes"),
        (None, true) => (look.glyphs.run, Role::Run, "reads"),
        (None, false) => (look.glyphs.wait, Role::Dim, "no vote yet"),
    };
    Sign { glyph, role, word: word.to_owned() }
}

/// What a session is for, in a word.
pub fn purpose(session: &SessionView) -> &'static str {
    session.step.map_or(if session.setup { "setup" } else { "gate" }, StepKind::name)
}

/// The colour that tells an agent from the others: by its place among all names that are in use.
pub fn agent(name: &str, snapshot: &Snapshot) -> Role {
    let tasks = snapshot.tasks.iter().flat_map(|task| {
        let reviewers = task.reviews.iter().map(|review| review.agent.as_str());
        std::iter::once(task.agent.as_str()).chain(reviewers)
    });
    let names: BTreeSet<&str> = tasks.collect();
    names.iter().position(|known| *known == name).map_or(Role::Text, Role::agent)
}
