//! Whether an action is possible now, and if not, why: for hints, palette and before anything is sent.
//!
//! Not for doing it. Invariant: what the engine refuses is refused here in the engine's own words.

use std::collections::BTreeMap;

use super::contract::World;
use super::state::{Tab, ViewState};
use crate::keymap::{Action, App, Motion, RunAct, ScrollAct, SessionAct, Show, TaskAct};
use crate::model::snapshot::{RunPhase, RunView, SessionView, TaskView};
use crate::model::{Finding, Hold, Phase, Verb};

type Refusals = BTreeMap<Verb, String>;

/// Whether `action` is possible.
///
/// # Errors
/// Why not, as a person reads it.
pub fn enabled(action: Action, view: &ViewState, world: &World<'_>) -> Result<(), String> {
    match action {
        Action::Move(motion) => motion_enabled(motion, view, world),
        Action::Show(show) => show_enabled(show, view, world),
        Action::Task(act) => task_enabled(act, view, world),
        Action::Session(act) => session_enabled(act, view, world),
        Action::Run(act) => run_enabled(act, world),
        Action::Scroll(act) => scroll_enabled(act, view),
        Action::App(App::Clipboard) if view.offer.is_none() => {
            no("no program offers anything for your clipboard")
        }
        Action::Plan(_) | Action::List(_) | Action::Compose(_) | Action::App(_) => Ok(()),
    }
}

fn no(reason: &str) -> Result<(), String> {
    Err(reason.to_owned())
}

fn allowed(refusals: &Refusals, verb: Verb) -> Result<(), String> {
    refusals.get(&verb).map_or(Ok(()), |reason| Err(reason.clone()))
}

fn task<'w>(view: &ViewState, world: &World<'w>) -> Result<&'w TaskView, String> {
    view.selected(world.snapshot).ok_or_else(|| "no task is selected".to_owned())
}

fn run<'w>(world: &World<'w>) -> Result<&'w RunView, String> {
    world.snapshot.run.as_ref().ok_or_else(|| "there is no run".to_owned())
}

fn live<'w>(view: &ViewState, world: &World<'w>) -> Result<&'w SessionView, String> {
    match view.shown(world.snapshot) {
        Some(session) if session.is_live() => Ok(session),
        Some(_) => Err("the session has ended".to_owned()),
        None => Err("no agent is at work on it".to_owned()),
    }
}

fn motion_enabled(motion: Motion, view: &ViewState, world: &World<'_>) -> Result<(), String> {
    match motion {
        Motion::NextAttention if world.snapshot.rows().next().is_none() => no("nothing needs you"),
        Motion::NextPart | Motion::PreviousPart if !matches!(view.tab, Tab::Diff | Tab::Terminal) => {
            no("only a diff has files to go through")
        }
        Motion::NextSession | Motion::PreviousSession if view.sessions(world.snapshot).len() < 2 => {
            no("there is no other session of this task")
        }
        _ => Ok(()),
    }
}

fn show_enabled(show: Show, view: &ViewState, world: &World<'_>) -> Result<(), String> {
    match show {
        Show::Diff => match &task(view, world)?.base {
            Some(_) => Ok(()),
            None => no("the task has no worktree yet"),
        },
        Show::Explain | Show::Spend | Show::Zoom | Show::NextView | Show::PreviousView | Show::Scroll => {
            run(world).map(|_| ())
        }
        Show::Filter if world.snapshot.tasks.is_empty() => no("there are no tasks"),
        Show::Links if view.tab != Tab::Terminal => no("only a terminal has links"),
        Show::Links => match view.shown(world.snapshot) {
            Some(_) => Ok(()),
            None => no("no terminal is shown"),
        },
        Show::Plan => match &run(world)?.proposal {
            Some(_) => Ok(()),
            None => no("no plan waits"),
        },
        Show::Filter | Show::Palette | Show::Help | Show::Themes | Show::Notices => Ok(()),
    }
}

fn task_enabled(act: TaskAct, view: &ViewState, world: &World<'_>) -> Result<(), String> {
    let on = |verb| allowed(&task(view, world)?.refusals, verb);
    match act {
        TaskAct::Approve | TaskAct::Reject if plan_is_meant(view, world) => Ok(()),
        TaskAct::Approve => on(Verb::Approve),
        TaskAct::Reject => on(Verb::Reject),
        TaskAct::Retry => on(Verb::Retry),
        TaskAct::Pause => on(pause_verb(task(view, world)?)),
        TaskAct::Prompt => on(Verb::Prompt),
        TaskAct::Cancel => on(Verb::Cancel),
        TaskAct::Edit => on(Verb::Edit),
        TaskAct::Comment => on(Verb::Comment),
        TaskAct::Findings if task(view, world)?.findings.iter().any(Finding::can_be_dismissed) => Ok(()),
        TaskAct::Findings => no("it has no finding that could be dismissed"),
        TaskAct::Split => on(Verb::Split),
        TaskAct::Join => {
            let this = task(view, world)?;
            match world.snapshot.tasks.iter().any(|other| can_take_over(this, other)) {
                true => on(Verb::Join),
                false => {
                    on(Verb::Join).and_then(|()| no("there is no other task that it could be joined with"))
                }
            }
        }
        TaskAct::Rewind => on(Verb::Rewind),
        TaskAct::New | TaskAct::NewPrompt => allowed(&run(world)?.refusals, Verb::Add),
    }
}

/// Whether the answer to the row that is gone to is the plan's.
pub fn plan_is_meant(view: &ViewState, world: &World<'_>) -> bool {
    let row = view.row(world.snapshot);
    let of_run = row.is_some_and(|row| row.task.is_none() && row.verbs.contains(&Verb::AcceptPlan));
    let alone = world.snapshot.tasks.is_empty();
    (of_run || alone) && world.snapshot.run.as_ref().is_some_and(|run| run.proposal.is_some())
}

/// Whether a task could be put together with another.
pub fn can_take_over(this: &TaskView, other: &TaskView) -> bool {
    let fixed = matches!(other.phase, Phase::Done | Phase::Cancelled | Phase::Merging);
    other.id != this.id && !fixed && !other.refusals.contains_key(&Verb::Join)
}

/// The verb that the pause key means for a task.
pub fn pause_verb(task: &TaskView) -> Verb {
    if task.hold == Some(Hold::Paused) { Verb::Resume } else { Verb::Pause }
}

fn session_enabled(act: SessionAct, view: &ViewState, world: &World<'_>) -> Result<(), String> {
    match act {
        SessionAct::Enter if view.tab != Tab::Terminal => Ok(()),
        SessionAct::Enter => live(view, world).map(|_| ()),
        SessionAct::Leave => Ok(()),
        SessionAct::Dismiss if view.said(world.snapshot).is_some() => Ok(()),
        SessionAct::Dismiss => no("no agent says anything here"),
        SessionAct::Interrupt => allowed(&live(view, world)?.refusals, Verb::Interrupt),
        SessionAct::Restart => allowed(&live(view, world)?.refusals, Verb::Restart),
    }
}

fn scroll_enabled(act: ScrollAct, view: &ViewState) -> Result<(), String> {
    let reading = &view.reading;
    match act {
        ScrollAct::Copy | ScrollAct::SwapEnds if reading.selection.is_none() => {
            no("nothing is selected: v, V or ctrl-v begins")
        }
        ScrollAct::NextHit | ScrollAct::PreviousHit if reading.search.is_none() => {
            no("nothing is searched for: / begins")
        }
        _ => Ok(()),
    }
}

fn run_enabled(act: RunAct, world: &World<'_>) -> Result<(), String> {
    match act {
        RunAct::Land => allowed(&run(world)?.refusals, Verb::Land),
        RunAct::UndoLand => allowed(&run(world)?.refusals, Verb::UndoLand),
        RunAct::Pause => {
            let run = run(world)?;
            allowed(&run.refusals, if run.paused { Verb::ResumeRun } else { Verb::PauseRun })
        }
        RunAct::Budget => allowed(&run(world)?.refusals, Verb::SetBudget),
        RunAct::Stop => allowed(&run(world)?.refusals, Verb::Stop),
        RunAct::Goal | RunAct::Import => can_start(world),
        RunAct::Demo => idle(world),
    }
}

fn idle(world: &World<'_>) -> Result<(), String> {
    match world.snapshot.run.as_ref().map(|run| run.phase) {
        Some(RunPhase::Planning | RunPhase::Proposed | RunPhase::Working) => no("a run is being worked on"),
        Some(RunPhase::Complete | RunPhase::Incomplete | RunPhase::Stopped) | None => Ok(()),
    }
}

/// Whether a run can be started here.
///
/// # Errors
/// What is missing.
pub fn can_start(world: &World<'_>) -> Result<(), String> {
    idle(world)?;
    match (&world.welcome.problem, &world.welcome.repository) {
        (Some(problem), _) => no(problem),
        (None, None) => no("there is no git repository here"),
        (None, Some(_)) => Ok(()),
    }
}
