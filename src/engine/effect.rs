//! What the engine wants done. Effects are data: storing, comparing and discarding them is safe.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{
    AgentName, Brief, ChecksOf, EffectId, GateSpec, Guard, Oid, SetupLine, StepKind, TaskId, Timestamp, Usage,
};

/// One thing to do. Its id comes back in the event that completes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Unique in the run.
    pub id: EffectId,
    /// What to do.
    pub kind: EffectKind,
}

/// Everything that can be wanted. Each can be asked for again after a crash and must then do no harm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EffectKind {
    /// Create the run's integration branch.
    CreateIntegration {
        /// Its name.
        branch: String,
        /// Where it starts.
        at: Oid,
    },
    /// Put a worktree on the task's branch.
    PrepareWork {
        /// The task.
        task: TaskId,
        /// The commit to start from.
        base: Oid,
    },
    /// Bring the worktree's content onto the task's branch.
    CommitWork {
        /// The task.
        task: TaskId,
        /// What the work is compared with.
        base: Oid,
        /// The branch's tip as last seen.
        tip: Option<Oid>,
        /// First line of the commit message.
        message: String,
        /// The integration commit that is merged in by this commit.
        merging: Option<Oid>,
        /// Files that must hold no conflict markers.
        conflicted: Vec<String>,
        /// Which checks the task may change.
        guard: Guard,
    },
    /// Take the worktree away; what is uncommitted is kept on a ref first.
    RemoveWork {
        /// The task.
        task: TaskId,
    },
    /// Put the worktree and its branch back to a commit; what is there is kept in the trash first.
    ResetWork {
        /// The task.
        task: TaskId,
        /// The commit.
        to: Oid,
    },
    /// Run an agent.
    RunStep {
        /// The task; none for the planner.
        task: Option<TaskId>,
        /// Who.
        agent: AgentName,
        /// What it is told.
        brief: Box<Brief>,
        /// The provider's session to go on with.
        resume: Option<String>,
        /// What that session had used before: some CLIs report its totals.
        resumed: Usage,
        /// It is ended after this long, milliseconds.
        timeout_ms: u64,
        /// Without semantic progress for this long it counts as stalled, milliseconds.
        idle_ms: u64,
    },
    /// Run a line of the setup in the task's worktree.
    RunSetup {
        /// The task.
        task: TaskId,
        /// The line.
        line: SetupLine,
        /// Whether the worktree is set up once it has ended well.
        last: bool,
    },
    /// Run a gate.
    RunGate {
        /// The task.
        task: TaskId,
        /// The command.
        gate: GateSpec,
        /// The commit whose tree it runs on.
        oid: Oid,
        /// Where that tree lies.
        on: GateTree,
        /// The checks that take the place of those that the work changed; none if it changed none, or was allowed to.
        checks: Option<ChecksOf>,
    },
    /// Build the merge of a task's tip into the integration branch, moving nothing.
    BuildMerge {
        /// The task.
        task: TaskId,
        /// The integration branch's tip.
        onto: Oid,
        /// The task's tip.
        tip: Oid,
        /// First line of the merge's message.
        message: String,
        /// The merge's date: fixed, so that building it again gives the same commit.
        date: Timestamp,
    },
    /// Find out what a task's tip conflicts with, moving nothing.
    Foresee {
        /// The task.
        task: TaskId,
        /// Its tip.
        tip: Oid,
        /// The integration branch's tip.
        onto: Oid,
        /// The tips of others that are not merged yet.
        beside: Vec<(TaskId, Oid)>,
    },
    /// Put that merge, conflicts and all, into the task's worktree.
    StageMerge {
        /// The task.
        task: TaskId,
        /// The integration branch's tip.
        onto: Oid,
        /// The task's tip.
        tip: Oid,
    },
    /// Move the integration branch, if it still is where it was.
    AdvanceIntegration {
        /// The task.
        task: TaskId,
        /// The branch.
        branch: String,
        /// Where it should be.
        old: Oid,
        /// Where it goes.
        new: Oid,
    },
    /// Act on a session.
    Control {
        /// The effect that started it.
        target: EffectId,
        /// What to do to it.
        action: ControlAction,
    },
    /// Fire at a moment.
    StartTimer {
        /// That moment.
        until: Timestamp,
    },
    /// Fast-forward the user's branch.
    Land {
        /// The user's branch.
        branch: String,
        /// To this commit.
        to: Oid,
    },
    /// Take a landing back.
    UndoLand {
        /// The user's branch.
        branch: String,
        /// It must still be here.
        from: Oid,
        /// And goes back here.
        to: Oid,
    },
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let task = self.kind.task().map_or("-", |task| task.as_str());
        write!(f, "{} {task} ", self.id)?;
        match &self.kind {
            EffectKind::CreateIntegration { branch, .. } => write!(f, "create the branch {branch}"),
            EffectKind::PrepareWork { base, .. } => write!(f, "make its worktree at {}", base.short()),
            EffectKind::CommitWork { message, .. } => write!(f, "commit {message:?}"),
            EffectKind::RemoveWork { .. } => f.write_str("remove its worktree"),
            EffectKind::ResetWork { to, .. } => write!(f, "put its worktree back to {}", to.short()),
            EffectKind::RunStep { agent, brief, resume, .. } => {
                write!(f, "{} by {agent}, round {}", brief.step.name(), brief.round)?;
                resume.as_ref().map_or(Ok(()), |resume| write!(f, ", in session {resume}"))
            }
            EffectKind::RunSetup { line, .. } => write!(f, "setup {}", line.headline()),
            EffectKind::RunGate { gate, oid, on, .. } => {
                write!(f, "gate {} on {} ({})", gate.name, oid.short(), on.name())
            }
            EffectKind::BuildMerge { onto, tip, .. } => {
                write!(f, "merge {} onto {}", tip.short(), onto.short())
            }
            EffectKind::Foresee { tip, beside, .. } => {
                write!(f, "look what {} conflicts with, {} beside it", tip.short(), beside.len())
            }
            EffectKind::StageMerge { onto, .. } => write!(f, "bring {} into its worktree", onto.short()),
            EffectKind::AdvanceIntegration { old, new, .. } => {
                write!(f, "move the integration branch from {} to {}", old.short(), new.short())
            }
            EffectKind::Control { target, action } => write!(f, "{target}: {action:?}"),
            EffectKind::StartTimer { .. } => f.write_str("wait"),
            EffectKind::Land { branch, to } => write!(f, "land {} on {branch}", to.short()),
            EffectKind::UndoLand { branch, to, .. } => write!(f, "put {branch} back to {}", to.short()),
        }
    }
}

/// Where the tree of a gate lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GateTree {
    /// A fresh checkout of the task's tip.
    Work,
    /// A fresh checkout of the merge candidate.
    Merge,
    /// A fresh checkout of what the work is compared with: to know whether a gate failed before.
    Base,
}

impl GateTree {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            GateTree::Work => "work",
            GateTree::Merge => "merge",
            GateTree::Base => "base",
        }
    }
}

/// What can be done to a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ControlAction {
    /// Give it a prompt.
    Prompt(String),
    /// Answer what it asks.
    Answer {
        /// Allow or deny.
        allow: bool,
        /// Words to go with it.
        text: String,
    },
    /// Interrupt its turn.
    Interrupt,
    /// Stop its processes.
    Pause,
    /// Let them go on.
    Continue,
    /// End it with all its processes.
    End,
}

impl EffectKind {
    /// The task that this concerns.
    pub fn task(&self) -> Option<&TaskId> {
        match self {
            EffectKind::PrepareWork { task, .. }
            | EffectKind::CommitWork { task, .. }
            | EffectKind::RemoveWork { task }
            | EffectKind::ResetWork { task, .. }
            | EffectKind::RunSetup { task, .. }
            | EffectKind::RunGate { task, .. }
            | EffectKind::BuildMerge { task, .. }
            | EffectKind::Foresee { task, .. }
            | EffectKind::StageMerge { task, .. }
            | EffectKind::AdvanceIntegration { task, .. } => Some(task),
            EffectKind::RunStep { task, .. } => task.as_ref(),
            EffectKind::CreateIntegration { .. }
            | EffectKind::Control { .. }
            | EffectKind::StartTimer { .. }
            | EffectKind::Land { .. }
            | EffectKind::UndoLand { .. } => None,
        }
    }

    /// Whether it is the reviewer of that slot.
    pub fn reviews(&self, slot: u32) -> bool {
        matches!(self, EffectKind::RunStep { brief, .. } if brief.step == StepKind::Review && brief.slot == slot)
    }

    /// Whether it runs a process under a keeper.
    pub fn is_session(&self) -> bool {
        matches!(self, EffectKind::RunStep { .. } | EffectKind::RunSetup { .. } | EffectKind::RunGate { .. })
    }
}
