//! What people and scripts ask for. The engine answers each with an event or a refusal with its reason.

use serde::{Deserialize, Serialize};

use super::{EffectId, Plan, PlanEdit, PlanTask, TaskId};

/// A request. Tasks are named by id, sessions by the effect that started them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Work on this plan.
    AcceptPlan(Plan),
    /// Give the plan back to the planner with a reason, or drop the run if it is empty.
    RejectPlan(String),
    /// Approve what waits: an agent's request, the human gate, or an exhausted task's last state.
    Approve(TaskId),
    /// Reject what waits, with a reason.
    Reject(TaskId, String),
    /// Try again: a new attempt at the step, or another round.
    Retry(TaskId),
    /// Hold one task; its processes are stopped.
    Pause(TaskId),
    /// Let it go on.
    Resume(TaskId),
    /// Give text to the task's live session, or to its next attempt.
    Prompt(TaskId, String),
    /// Interrupt the turn of a session.
    Interrupt(EffectId),
    /// End a session and start its step again.
    Restart(EffectId),
    /// Give a task up; its work is kept on its branch.
    Cancel(TaskId),
    /// Put a task back to the beginning of a round; what came after is kept in the trash.
    Rewind(TaskId, u32),
    /// Add a task.
    Add(Box<PlanTask>),
    /// Change the plan that is worked on: all of it or nothing.
    Edit(Box<PlanEdit>),
    /// Cut a task into several. The first part has its id, branch and work; whoever waits for the task waits for all.
    Split(TaskId, Vec<PlanTask>),
    /// Put tasks together into the first of them.
    Join(Vec<TaskId>),
    /// Say what is wrong with a task's work: at a line of a file, of a file (line 0), or of all of it (no file).
    Comment {
        /// The task.
        task: TaskId,
        /// Relative to the repository; may be empty.
        file: String,
        /// From 1; 0 if none.
        line: u32,
        /// What is wrong.
        text: String,
    },
    /// A finding of a task, by its number, is not so or not wanted; with the reason.
    Dismiss(TaskId, u32, String),
    /// Hold the whole run.
    PauseRun,
    /// Let the run go on.
    ResumeRun,
    /// Raise the budget to this many micro-dollars; 0 is no limit.
    SetBudget(u64),
    /// End every session and the run.
    Stop,
    /// Fast-forward the user's branch to the integration branch.
    Land,
    /// Take the last landing back.
    UndoLand,
}

/// The kinds of requests, for keys, hints and refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// [`Command::AcceptPlan`]
    AcceptPlan,
    /// [`Command::RejectPlan`]
    RejectPlan,
    /// [`Command::Approve`]
    Approve,
    /// [`Command::Reject`]
    Reject,
    /// [`Command::Retry`]
    Retry,
    /// [`Command::Pause`]
    Pause,
    /// [`Command::Resume`]
    Resume,
    /// [`Command::Prompt`]
    Prompt,
    /// [`Command::Interrupt`]
    Interrupt,
    /// [`Command::Restart`]
    Restart,
    /// [`Command::Cancel`]
    Cancel,
    /// [`Command::Rewind`]
    Rewind,
    /// [`Command::Add`]
    Add,
    /// [`Command::Edit`]
    Edit,
    /// [`Command::Split`]
    Split,
    /// [`Command::Join`]
    Join,
    /// [`Command::Comment`]
    Comment,
    /// [`Command::Dismiss`]
    Dismiss,
    /// [`Command::PauseRun`]
    PauseRun,
    /// [`Command::ResumeRun`]
    ResumeRun,
    /// [`Command::SetBudget`]
    SetBudget,
    /// [`Command::Stop`]
    Stop,
    /// [`Command::Land`]
    Land,
    /// [`Command::UndoLand`]
    UndoLand,
}

impl Command {
    /// The kind of this request.
    pub fn verb(&self) -> Verb {
        match self {
            Command::AcceptPlan(_) => Verb::AcceptPlan,
            Command::RejectPlan(_) => Verb::RejectPlan,
            Command::Approve(_) => Verb::Approve,
            Command::Reject(..) => Verb::Reject,
            Command::Retry(_) => Verb::Retry,
            Command::Pause(_) => Verb::Pause,
            Command::Resume(_) => Verb::Resume,
            Command::Prompt(..) => Verb::Prompt,
            Command::Interrupt(_) => Verb::Interrupt,
            Command::Restart(_) => Verb::Restart,
            Command::Cancel(_) => Verb::Cancel,
            Command::Rewind(..) => Verb::Rewind,
            Command::Add(_) => Verb::Add,
            Command::Edit(_) => Verb::Edit,
            Command::Split(..) => Verb::Split,
            Command::Join(_) => Verb::Join,
            Command::Comment { .. } => Verb::Comment,
            Command::Dismiss(..) => Verb::Dismiss,
            Command::PauseRun => Verb::PauseRun,
            Command::ResumeRun => Verb::ResumeRun,
            Command::SetBudget(_) => Verb::SetBudget,
            Command::Stop => Verb::Stop,
            Command::Land => Verb::Land,
            Command::UndoLand => Verb::UndoLand,
        }
    }
}
