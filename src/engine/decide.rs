//! Requests: each becomes an event, or is refused with the reason a person reads.

use super::effect::EffectKind;
use super::state::{Session, Stage, State, Task};
use super::{comments, edit, graph};
use crate::model::event::PersonEvent;
use crate::model::{AgentState, AttentionReason, Command, EffectId, Hold, Phase, PlanTask, TaskId};

/// Why a request can't be met now; with a hint where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

type Decision = Result<PersonEvent, Refusal>;

fn refuse(text: impl Into<String>) -> Decision {
    Err(Refusal(text.into()))
}

/// The event that a request becomes.
pub fn decide(state: &State, command: &Command) -> Decision {
    if state.run.stage == Stage::Stopped && works_on_a_task(command) {
        return refuse("the run is stopped and nothing would come of it: resume the run first");
    }
    match command {
        Command::AcceptPlan(plan) => accept_plan(state, plan),
        Command::RejectPlan(reason) => match state.run.stage {
            Stage::Proposed => Ok(PersonEvent::PlanRejected { reason: reason.clone() }),
            Stage::Planning if state.run.planning.failed => {
                Ok(PersonEvent::PlanRejected { reason: reason.clone() })
            }
            Stage::Planning | Stage::Working | Stage::Stopped => refuse("no plan waits for you"),
        },
        Command::Approve(id) => approve(state, id),
        Command::Reject(id, reason) => reject(state, id, reason),
        Command::Retry(id) => retry(state, id),
        Command::Pause(id) => pause(state, id),
        Command::Resume(id) => match task(state, id)?.hold {
            Some(Hold::Paused) => Ok(PersonEvent::Resumed { task: id.clone() }),
            _ => refuse(format!("{id} is not paused")),
        },
        Command::Prompt(id, text) => prompt(state, id, text),
        Command::Interrupt(effect) => {
            live_agent(state, *effect)?;
            Ok(PersonEvent::Interrupted { effect: *effect })
        }
        Command::Restart(effect) => {
            live_agent(state, *effect)?;
            Ok(PersonEvent::Restarted { effect: *effect })
        }
        Command::Cancel(id) => match task(state, id)?.phase {
            Phase::Done => refuse(format!("{id} is merged already")),
            Phase::Cancelled => refuse(format!("{id} is cancelled already")),
            Phase::Merging if is_advancing(state, id) => {
                refuse(format!("{id} is being merged at this moment"))
            }
            _ if is_uncertain(state, id) => refuse(uncertain(id)),
            _ => Ok(PersonEvent::Cancelled { task: id.clone() }),
        },
        Command::Rewind(id, round) => super::rewind::decide(state, id, *round),
        Command::Add(spec) => add(state, spec),
        Command::Edit(change) => edit::edit(state, change),
        Command::Comment { task, file, line, text } => comments::comment(state, task, file, *line, text),
        Command::Dismiss(id, number, why) => comments::dismiss(state, id, *number, why),
        Command::Split(id, parts) => edit::split(state, id, parts),
        Command::Join(ids) => edit::join(state, ids),
        Command::PauseRun => {
            run_command(state, !state.run.paused, PersonEvent::RunPaused, "the run is paused already")
        }
        Command::ResumeRun => resume_run(state),
        Command::SetBudget(micros) => Ok(PersonEvent::BudgetSet { micros: *micros }),
        Command::Stop => match state.run.stage {
            Stage::Stopped => refuse("the run is stopped already"),
            Stage::Planning | Stage::Proposed | Stage::Working => Ok(PersonEvent::Stopped),
        },
        Command::Land => land(state),
        Command::UndoLand => match (&state.run.landing, is_landing(state)) {
            (_, true) => refuse("a landing is under way"),
            (None, false) => refuse("nothing was landed"),
            (Some(_), false) => Ok(PersonEvent::UndoRequested),
        },
    }
}

/// Whether it asks for something that only a run under way can do.
fn works_on_a_task(command: &Command) -> bool {
    match command {
        Command::Approve(_)
        | Command::Reject(..)
        | Command::Retry(_)
        | Command::Pause(_)
        | Command::Resume(_)
        | Command::Rewind(..)
        | Command::Prompt(..) => true,
        Command::AcceptPlan(_)
        | Command::RejectPlan(_)
        | Command::Interrupt(_)
        | Command::Restart(_)
        | Command::Cancel(_)
        | Command::Add(_)
        | Command::Edit(_)
        | Command::Split(..)
        | Command::Join(_)
        | Command::Comment { .. }
        | Command::Dismiss(..)
        | Command::PauseRun
        | Command::ResumeRun
        | Command::SetBudget(_)
        | Command::Stop
        | Command::Land
        | Command::UndoLand => false,
    }
}

pub(super) fn task<'a>(state: &'a State, id: &TaskId) -> Result<&'a Task, Refusal> {
    state.tasks.get(id).ok_or_else(|| {
        let known: Vec<&str> = state.order.iter().map(TaskId::as_str).collect();
        let hint = if known.is_empty() {
            "there are no tasks yet".to_owned()
        } else {
            format!("there are: {}", known.join(", "))
        };
        Refusal(format!("there is no task {id}; {hint}"))
    })
}

fn accept_plan(state: &State, plan: &crate::model::Plan) -> Decision {
    if state.run.stage != Stage::Proposed {
        return refuse("no plan waits for you");
    }
    let problems = graph::problems(&plan.tasks, &state.policy);
    if problems.is_empty() {
        Ok(PersonEvent::PlanAccepted(plan.clone()))
    } else {
        refuse(problems.join("; "))
    }
}

/// The session of a task that waits for an answer.
pub(super) fn asking<'a>(state: &'a State, id: &'a TaskId) -> Option<(EffectId, &'a Session)> {
    state.live_sessions(id).find(|(_, session)| matches!(session.status.state, AgentState::Blocked(_)))
}

fn approve(state: &State, id: &TaskId) -> Decision {
    let entry = task(state, id)?;
    if let Some((effect, _)) = asking(state, id) {
        return Ok(PersonEvent::Answered { effect, allow: true, text: String::new() });
    }
    if let (Some(Hold::NeedsAttention(AttentionReason::CheckDisputed(_))), Some(tip)) =
        (&entry.hold, &entry.work.tip)
    {
        return Ok(PersonEvent::ChecksAccepted { task: id.clone(), oid: tip.clone() });
    }
    let stuck = matches!(entry.phase, Phase::Exhausted | Phase::Failed)
        || matches!(entry.hold, Some(Hold::NeedsAttention(_)));
    match (&entry.work.tip, entry.phase) {
        (Some(tip), Phase::AwaitingHuman) => Ok(PersonEvent::Approved { task: id.clone(), oid: tip.clone() }),
        _ if stuck && is_uncertain(state, id) => refuse(uncertain(id)),
        (Some(_), _) if stuck && state.effects_of(id).next().is_none() => {
            Ok(PersonEvent::TakenOver { task: id.clone() })
        }
        (None, _) if stuck => refuse(format!("{id} has no committed work to approve: retry it")),
        _ => refuse(format!("nothing of {id} waits for your approval: it is {}", entry.phase.name())),
    }
}

fn reject(state: &State, id: &TaskId, reason: &str) -> Decision {
    let entry = task(state, id)?;
    if let Some((effect, _)) = asking(state, id) {
        return Ok(PersonEvent::Answered { effect, allow: false, text: reason.to_owned() });
    }
    let stuck = matches!(entry.phase, Phase::Exhausted | Phase::Failed)
        || matches!(entry.hold, Some(Hold::NeedsAttention(_)));
    let open = matches!(entry.phase, Phase::AwaitingHuman | Phase::MergeQueued | Phase::Approved) || stuck;
    match entry.phase {
        Phase::Blocked | Phase::Done | Phase::Cancelled => refuse(format!("{id} is {}", entry.phase.name())),
        _ if is_uncertain(state, id) => refuse(uncertain(id)),
        _ if !open || state.effects_of(id).next().is_some() => {
            refuse(format!("nothing of {id} waits for your word: it is {}", entry.phase.name()))
        }
        _ if reason.trim().is_empty() => refuse("say why: the reason is what the next round works on"),
        _ => Ok(PersonEvent::Rejected { task: id.clone(), reason: reason.to_owned() }),
    }
}

fn retry(state: &State, id: &TaskId) -> Decision {
    let entry = task(state, id)?;
    let retried = Ok(PersonEvent::Retried { task: id.clone() });
    match (&entry.hold, entry.phase) {
        (_, Phase::Exhausted | Phase::Failed) => retried,
        (Some(Hold::NeedsAttention(AttentionReason::DependencyFailed(on))), _) => {
            refuse(format!("{id} waits for {on}: retry that one"))
        }
        (Some(Hold::NeedsAttention(_) | Hold::Waiting { .. }), _) => retried,
        (Some(Hold::Paused), _) => refuse(format!("{id} is paused: resume it")),
        (None, _) if entry.waiting_reviewers().next().is_some() => retried,
        (None, phase) => refuse(format!("{id} has not failed: it is {}", phase.name())),
    }
}

fn pause(state: &State, id: &TaskId) -> Decision {
    let entry = task(state, id)?;
    match (&entry.hold, entry.phase) {
        (_, phase) if phase.is_terminal() => refuse(format!("{id} is {}", phase.name())),
        (Some(Hold::Paused), _) => refuse(format!("{id} is paused already")),
        (Some(Hold::NeedsAttention(_)), _) => refuse(format!("{id} does not move: it waits for you")),
        _ if is_advancing(state, id) => refuse(format!("{id} is being merged at this moment")),
        _ => Ok(PersonEvent::Paused { task: id.clone() }),
    }
}

fn prompt(state: &State, id: &TaskId, text: &str) -> Decision {
    let entry = task(state, id)?;
    match entry.phase {
        Phase::Done | Phase::Cancelled => refuse(format!("{id} is {}", entry.phase.name())),
        _ if text.trim().is_empty() => refuse("the prompt is empty"),
        _ => Ok(PersonEvent::Prompted { task: id.clone(), text: text.to_owned() }),
    }
}

fn live_agent(state: &State, effect: EffectId) -> Result<(), Refusal> {
    match state.sessions.get(&effect) {
        None => Err(Refusal(format!("there is no session {effect}"))),
        Some(session) if session.ended.is_some() => Err(Refusal(format!("{} has ended", session.name))),
        Some(session) if session.step.is_none() => {
            let what = if session.setup { "sets the worktree up" } else { "is a gate" };
            Err(Refusal(format!("{} {what} and is no agent", session.name)))
        }
        Some(_) => Ok(()),
    }
}

/// Whether a task that fits the plan can be added at all.
pub(super) fn may_add(state: &State) -> Result<(), Refusal> {
    match state.run.stage {
        Stage::Working => Ok(()),
        Stage::Planning | Stage::Proposed | Stage::Stopped => {
            Err(Refusal("tasks can be added once the plan is worked on".to_owned()))
        }
    }
}

fn add(state: &State, spec: &PlanTask) -> Decision {
    may_add(state)?;
    let mut specs: Vec<PlanTask> = state.tasks.values().map(|task| task.spec.clone()).collect();
    specs.push(spec.clone());
    let problems = graph::problems(&specs, &state.policy);
    if problems.is_empty() {
        Ok(PersonEvent::Added(Box::new(spec.clone())))
    } else {
        refuse(problems.join("; "))
    }
}

fn run_command(state: &State, possible: bool, event: PersonEvent, otherwise: &str) -> Decision {
    match state.run.stage {
        Stage::Stopped => refuse("the run is stopped"),
        Stage::Planning | Stage::Proposed | Stage::Working if possible => Ok(event),
        Stage::Planning | Stage::Proposed | Stage::Working => refuse(otherwise),
    }
}

fn resume_run(state: &State) -> Decision {
    let stopped = state.run.stage == Stage::Stopped;
    if stopped && state.in_flight.values().any(EffectKind::is_session) {
        return refuse("its sessions are still being ended");
    }
    let waits =
        state.run.out_of_time || state.run.paused || state.run.trouble.is_some() || state.run.planning.failed;
    if stopped || waits { Ok(PersonEvent::RunResumed) } else { refuse("the run is not paused") }
}

fn land(state: &State) -> Decision {
    let Some(tip) = &state.run.tip else { return refuse("nothing is merged yet") };
    let Some(branch) = &state.run.branch else {
        return refuse("HEAD was detached when the run began, so there is no branch to land on");
    };
    match &state.run.landing {
        _ if is_landing(state) => refuse("a landing is under way"),
        _ if *tip == state.run.base => refuse("nothing is merged yet"),
        Some((_, to)) if to == tip => refuse(format!("{branch} has everything already")),
        _ => Ok(PersonEvent::LandRequested),
    }
}

fn is_landing(state: &State) -> bool {
    state.in_flight.values().any(|kind| matches!(kind, EffectKind::Land { .. } | EffectKind::UndoLand { .. }))
}

fn is_advancing(state: &State, id: &TaskId) -> bool {
    state.effects_of(id).any(|(_, kind)| matches!(kind, EffectKind::AdvanceIntegration { .. }))
}

/// Whether the integration branch may hold the task's merge although nothing has said so.
pub(super) fn is_uncertain(state: &State, id: &TaskId) -> bool {
    let merge = state.tasks.get(id).and_then(|task| task.merge.as_ref());
    merge.is_some_and(|merge| merge.uncertain)
}

fn uncertain(id: &TaskId) -> String {
    format!("{id} may be merged already, for git did not say: retry it first")
}
