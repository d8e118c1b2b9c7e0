//! The one executor of effects. Each effect runs as a task of its own and ends in exactly one completing event.
//!
//! Invariant: everything here can be asked for again after a crash: what was done is found done, what was half done is
//! put right, a process that lives is attached to and not started twice.

mod checks;
mod codex_home;
mod controls;
mod follower;
mod gates;
mod git;
mod home;
mod outfit;
mod program;
mod secret;
mod setups;
mod steps;
mod terminal;

pub(super) use steps::FIRST_SIZE;

use std::sync::Arc;

use super::failpoints;
use super::shared::Shared;
use crate::engine::{Effect, EffectKind, State};
use crate::model::event::{GateEvent, MergeEvent, RunEvent, SetupEvent, StepEvent, WorkEvent};
use crate::model::{AgentStatus, EffectId, Event, RunId, StepOutcome, Timestamp, Usage};

/// What an effect needs to know of the state at the moment it is carried out.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The run.
    pub run: RunId,
    /// The effect.
    pub effect: EffectId,
    /// The branch of its task, if it has one.
    pub branch: String,
    /// When a session was first asked for.
    pub started: Timestamp,
    /// What is recorded of its usage already.
    pub usage: Usage,
    /// What is recorded of its status, if its process was seen to run.
    pub status: Option<AgentStatus>,
    /// Whether its processes are paused.
    pub paused: bool,
    /// Whether it is recorded to make no progress.
    pub stalled: bool,
}

impl Facts {
    fn of(state: &State, effect: &Effect, now: Timestamp) -> Facts {
        let branch = effect.kind.task().map(|task| state.task_branch(task)).unwrap_or_default();
        let effect = effect.id;
        let session = state.sessions.get(&effect);
        Facts {
            run: state.run.id.clone(),
            effect,
            branch,
            started: session.map_or(now, |session| session.started),
            usage: session.map(|session| session.usage).unwrap_or_default(),
            status: session.filter(|session| session.id.is_some()).map(|session| session.status.clone()),
            paused: session.is_some_and(|session| session.paused),
            stalled: session.is_some_and(|session| session.stalled),
        }
    }
}

/// Carries an effect out, beside everything else.
pub fn execute(shared: &Arc<Shared>, state: &State, effect: Effect, now: Timestamp) {
    let facts = Facts::of(state, &effect, now);
    let shared = Arc::clone(shared);
    // Known before it begins: whoever is told to end it meanwhile finds it.
    if effect.kind.is_session() {
        shared.sessions.add(effect.id, controls::session(&shared, &facts, &effect.kind));
    } else if let EffectKind::Control { target, action } = &effect.kind {
        controls::note(&shared, *target, action);
    }
    tokio::spawn(async move {
        let (id, kind) = (effect.id, effect.kind.clone());
        let work = carry_out(Arc::clone(&shared), facts, effect);
        if let Err(error) = tokio::spawn(work).await {
            // A panic in here must not leave the engine waiting for ever.
            tracing::error!(%error, "an effect ended in a panic");
            shared.report(failure(id, &kind, format!("loopmon itself failed here: {error}")));
        }
    });
}

async fn carry_out(shared: Arc<Shared>, facts: Facts, effect: Effect) {
    let Effect { id, kind } = effect;
    failpoints::pass("an effect, not begun");
    match kind {
        EffectKind::RunStep { .. } => steps::run(shared, facts, kind).await,
        EffectKind::RunSetup { .. } => setups::run(shared, facts, kind).await,
        EffectKind::RunGate { .. } => gates::run(shared, facts, kind).await,
        EffectKind::Control { target, action } => {
            let error = controls::control(&shared, target, action).await.err();
            shared.report(Event::Step(StepEvent::Controlled { effect: id, error }));
        }
        EffectKind::StartTimer { until } => {
            tokio::time::sleep(std::time::Duration::from_millis(until.since(super::clock::now()))).await;
            shared.report(Event::Timer(id));
        }
        kind => {
            let worker = Arc::clone(&shared);
            let work = tokio::task::spawn_blocking(move || git::carry_out(&worker, &facts, kind));
            match work.await {
                Ok(event) => shared.report(event),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
    }
}

/// A pipe has no line discipline: a line feed alone would go straight down.
pub(super) fn with_returns(bytes: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(bytes.len() + 64);
    for &byte in bytes {
        if byte == b'\n' {
            shown.push(b'\r');
        }
        shown.push(byte);
    }
    shown
}

/// The event that completes an effect with a failure.
pub(super) fn failure(effect: EffectId, kind: &EffectKind, error: String) -> Event {
    match kind {
        EffectKind::CreateIntegration { .. } => Event::Run(RunEvent::IntegrationFailed { effect, error }),
        EffectKind::PrepareWork { .. }
        | EffectKind::CommitWork { .. }
        | EffectKind::RemoveWork { .. }
        | EffectKind::ResetWork { .. } => Event::Work(WorkEvent::Failed { effect, error }),
        EffectKind::RunStep { .. } => {
            let failure = crate::model::FailureKind::Infrastructure;
            Event::Step(StepEvent::Ended { effect, outcome: StepOutcome::Failed { failure, message: error } })
        }
        EffectKind::RunSetup { .. } => Event::Setup(SetupEvent::Broken { effect, error }),
        EffectKind::RunGate { .. } => Event::Gate(GateEvent::Broken { effect, error }),
        EffectKind::BuildMerge { .. }
        | EffectKind::Foresee { .. }
        | EffectKind::StageMerge { .. }
        | EffectKind::AdvanceIntegration { .. } => Event::Merge(MergeEvent::Failed { effect, error }),
        EffectKind::Control { .. } => Event::Step(StepEvent::Controlled { effect, error: Some(error) }),
        EffectKind::StartTimer { .. } => Event::Timer(effect),
        EffectKind::Land { .. } | EffectKind::UndoLand { .. } => {
            Event::Run(RunEvent::LandRefused { effect, reason: error })
        }
    }
}
