//! The state as it is shown: derived afresh each time, nothing kept.

use std::collections::BTreeMap;

use super::decide::{decide, may_add};
use super::explain::Explainer;
use super::state::{Attempt, Review, Session, Slot, Stage, State, Task};
use super::{attention, edit};
use crate::model::snapshot::{
    GateState, GateView, Planned, ReviewView, RunPhase, RunView, SessionView, Snapshot, TaskView,
};
use crate::model::{
    AgentState, Command, EffectId, HumanGate, Phase, PlanTask, SessionId, TaskId, Timestamp, Verb,
};

/// Ended sessions that are shown.
const ENDED_SHOWN: usize = 200;

/// Everything that can be seen of a run. `project` is the folder's name.
pub fn snapshot(state: &State, project: &str, now: Timestamp) -> Snapshot {
    let explainer = Explainer::new(state);
    let view = |(id, depth)| task_view(state, &explainer, &id, depth);
    let attention = attention::rows(state);
    Snapshot {
        said: Vec::new(),
        unguarded: Vec::new(),
        seq: state.seq,
        project: project.to_owned(),
        run: Some(run_view(state)),
        tasks: board(state).into_iter().filter_map(view).collect(),
        resting: is_resting(state),
        attention,
        sessions: session_views(state, now),
        notices: state.notices.clone(),
    }
}

/// Every update goes on until nothing more follows: so what moves is in flight, and is no session that waits.
fn is_resting(state: &State) -> bool {
    // A silent agent may find its words again, and has its time limit if it doesn't: it does not rest.
    let waits = |effect: &EffectId| {
        state
            .sessions
            .get(effect)
            .is_some_and(|session| session.paused || matches!(session.status.state, AgentState::Blocked(_)))
    };
    state.in_flight.keys().all(waits)
}

fn run_view(state: &State) -> RunView {
    let run = &state.run;
    let forecast = state.forecast();
    RunView {
        id: run.id.clone(),
        goal: run.goal.clone(),
        phase: run_phase(state),
        started: run.started,
        ended: run.ended,
        branch: run.branch.clone(),
        integration: state.integration_branch(),
        paused: run.paused,
        landed: run.landing.as_ref().is_some_and(|(_, to)| Some(to) == run.tip.as_ref()),
        usage: run.usage,
        budget_micros: state.policy.budget_micros,
        left_ms: forecast.left_ms,
        critical: forecast.critical,
        proposal: run.planning.proposal.clone(),
        plan_problems: run.planning.problems.clone(),
        refusals: run_refusals(state),
    }
}

/// Where the run stands; that it is over is derived from its tasks.
pub fn run_phase(state: &State) -> RunPhase {
    match state.run.stage {
        Stage::Stopped => RunPhase::Stopped,
        Stage::Planning => RunPhase::Planning,
        Stage::Proposed => RunPhase::Proposed,
        Stage::Working if state.is_complete() => RunPhase::Complete,
        Stage::Working if state.is_over() => RunPhase::Incomplete,
        Stage::Working => RunPhase::Working,
    }
}

fn run_refusals(state: &State) -> BTreeMap<Verb, String> {
    let proposal = state.run.planning.proposal.clone().unwrap_or_default();
    let commands = [
        Command::AcceptPlan(proposal),
        Command::RejectPlan("why".to_owned()),
        Command::PauseRun,
        Command::ResumeRun,
        Command::SetBudget(0),
        Command::Stop,
        Command::Land,
        Command::UndoLand,
    ];
    let adding = may_add(state).err().map(|refusal| (Verb::Add, refusal.0));
    refusals(state, commands).into_iter().chain(adding).collect()
}

/// An id that no task has yet.
pub fn free_id(state: &State) -> TaskId {
    let mut number = state.tasks.len() + 1;
    loop {
        let id = TaskId(format!("T{number}"));
        if !state.tasks.contains_key(&id) {
            return id;
        }
        number += 1;
    }
}

fn refusals(state: &State, commands: impl IntoIterator<Item = Command>) -> BTreeMap<Verb, String> {
    let refused = |command: Command| Some((command.verb(), decide(state, &command).err()?.0));
    commands.into_iter().filter_map(refused).collect()
}

/// Ids in the board's order with their depth: each task beneath its first dependency.
fn board(state: &State) -> Vec<(TaskId, u16)> {
    let mut children: BTreeMap<Option<&TaskId>, Vec<&TaskId>> = BTreeMap::new();
    for id in &state.order {
        let Some(task) = state.tasks.get(id) else { continue };
        children.entry(task.spec.depends_on.first()).or_default().push(id);
    }
    let mut rows = Vec::with_capacity(state.order.len());
    let mut stack: Vec<(&TaskId, u16)> = Vec::new();
    let push = |stack: &mut Vec<(_, u16)>, parent: Option<&TaskId>, depth: u16| {
        stack.extend(children.get(&parent).into_iter().flatten().rev().map(|id| (*id, depth)));
    };
    push(&mut stack, None, 0);
    while let Some((id, depth)) = stack.pop() {
        rows.push((id.clone(), depth));
        push(&mut stack, Some(id), depth.saturating_add(1));
    }
    rows
}

fn task_view(state: &State, explainer: &Explainer<'_>, id: &TaskId, depth: u16) -> Option<TaskView> {
    let task = state.tasks.get(id)?;
    let spec = &task.spec;
    Some(TaskView {
        id: id.clone(),
        title: spec.title.clone(),
        description: spec.description.clone(),
        acceptance: spec.acceptance.clone(),
        role: spec.role.clone(),
        agent: state.implementer(spec),
        depends_on: spec.depends_on.clone(),
        planned: planned(spec),
        pattern: state.pattern_of(task),
        depth,
        phase: task.phase,
        hold: task.hold.clone(),
        since: task.since,
        round: task.round,
        max_rounds: state.round_limit(task),
        base: task.work.base.clone(),
        tip: task.work.tip.clone(),
        change: task.work.change,
        gates: gate_views(state, task),
        checks: task.work.checks.clone(),
        reviews: task.review.as_ref().map(review_views).unwrap_or_default(),
        human: match state.policy.human_gate {
            HumanGate::Never => false,
            HumanGate::Marked => spec.human,
            HumanGate::Always => true,
        },
        findings: task.findings.clone(),
        usage: task.usage,
        explanation: explainer.explain(task),
        refusals: task_refusals(state, id),
    })
}

fn planned(spec: &PlanTask) -> Planned {
    Planned {
        agent: spec.agent.clone(),
        human: spec.human,
        files: spec.files.clone(),
        gates: spec.gates.clone(),
        may_change: spec.may_change.clone(),
        pattern: spec.pattern,
        priority: spec.priority,
        locks: spec.locks.clone(),
    }
}

fn task_refusals(state: &State, id: &TaskId) -> BTreeMap<Verb, String> {
    let reason = || "why".to_owned();
    let fixed = edit::may_change(state, id).err().map_or_else(String::new, |refusal| refusal.0);
    let changing = [Verb::Edit, Verb::Split, Verb::Join].map(|verb| (verb, fixed.clone()));
    let changing = changing.into_iter().filter(|(_, reason)| !reason.is_empty());
    let asked = refusals(
        state,
        [
            Command::Approve(id.clone()),
            Command::Reject(id.clone(), reason()),
            Command::Retry(id.clone()),
            Command::Pause(id.clone()),
            Command::Resume(id.clone()),
            Command::Prompt(id.clone(), reason()),
            Command::Cancel(id.clone()),
            Command::Comment { task: id.clone(), file: String::new(), line: 0, text: reason() },
            Command::Rewind(id.clone(), state.tasks.get(id).map_or(1, |task| task.round)),
        ],
    );
    asked.into_iter().chain(changing).collect()
}

fn gate_views(state: &State, task: &Task) -> Vec<GateView> {
    let merging = task.merge.as_ref().filter(|_| task.phase == Phase::Merging);
    let evidence = merging.map_or(&task.evidence, |merge| &merge.evidence);
    let running = |name: &str| {
        let session = state
            .live_sessions(&task.spec.id)
            .find(|(_, session)| session.step.is_none() && !session.setup && session.name == name);
        session.map(|(_, session)| session.id.clone())
    };
    let view = |gate: &crate::model::GateSpec| {
        let result = evidence.results.iter().find(|result| result.gate == gate.name);
        let session = running(&gate.name);
        let state = match (result, &session) {
            (_, Some(_)) => GateState::Running,
            (Some(result), None) if result.passed() => GateState::Passed,
            (Some(_), None) => GateState::Failed,
            (None, None) => GateState::Todo,
        };
        let failed = result.filter(|result| !result.passed());
        GateView {
            name: gate.name.clone(),
            state,
            duration_ms: result.map_or(0, |result| result.duration_ms),
            tail: failed.map(|result| result.tail.clone()).unwrap_or_default(),
            reused_from: result.and_then(|result| result.reused_from.clone()),
            checks_of: result.and_then(|result| result.checks_of.clone()),
            failed_before: result.and_then(|result| result.failed_before),
            session: session.flatten().or_else(|| result.map(|result| SessionId(result.log.clone()))),
        }
    };
    state.gates_for(task).iter().map(view).collect()
}

fn review_views(review: &Review) -> Vec<ReviewView> {
    let view = |slot: &Slot| ReviewView {
        agent: slot.agent.clone(),
        running: matches!(slot.step.at, Attempt::Running(_)),
        vote: slot.verdict.as_ref().map(|verdict| verdict.vote),
        summary: slot
            .verdict
            .as_ref()
            .map(|verdict| verdict.summary.clone())
            .or_else(|| slot.failure.clone())
            .unwrap_or_default(),
    };
    review.slots.iter().map(view).collect()
}

fn session_views(state: &State, now: Timestamp) -> Vec<SessionView> {
    let (mut live, mut ended) = (Vec::new(), Vec::new());
    for (effect, session) in &state.sessions {
        let Some(id) = &session.id else { continue };
        let view = session_view(state, *effect, id, session);
        if session.ended.is_none() { live.push(view) } else { ended.push(view) }
    }
    ended.sort_by_key(|session: &SessionView| std::cmp::Reverse(session.ended.unwrap_or(now)));
    ended.truncate(ENDED_SHOWN);
    live.extend(ended);
    live
}

fn session_view(state: &State, effect: EffectId, id: &SessionId, session: &Session) -> SessionView {
    SessionView {
        id: id.clone(),
        effect,
        name: session.name.clone(),
        task: session.task.clone(),
        step: session.step,
        setup: session.setup,
        round: session.round,
        slot: session.slot,
        status: session.status.clone(),
        status_since: session.status_since,
        stalled: session.stalled,
        paused: session.paused,
        started: session.started,
        ended: session.ended,
        usage: session.usage,
        refusals: refusals(state, [Command::Interrupt(effect), Command::Restart(effect)]),
    }
}
