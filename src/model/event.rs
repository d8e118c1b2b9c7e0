//! What happened. The log of these is the truth; all else is derived from it.

use serde::{Deserialize, Serialize};

use super::{
    AgentStatus, CheckChange, EffectId, GateResult, Oid, Plan, PlanEdit, PlanTask, Policy, RunId, SessionId,
    SetupLine, StepOutcome, TaskId, Timestamp, Usage,
};

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Position in the run's log, from 1, without gaps.
    pub seq: u64,
    /// When it was accepted.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// Everything that can happen, by area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// To the run as a whole.
    Run(RunEvent),
    /// To an agent's step.
    Step(StepEvent),
    /// To a task's worktree and branch.
    Work(WorkEvent),
    /// A line of a worktree's setup was run, or could not be.
    Setup(SetupEvent),
    /// A gate has been run, or could not be.
    Gate(GateEvent),
    /// To a merge.
    Merge(MergeEvent),
    /// A person's or script's accepted request.
    Person(PersonEvent),
    /// A timer fired.
    Timer(EffectId),
}

/// To the run as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunEvent {
    /// A run began.
    Started(Box<RunStart>),
    /// The configuration changed.
    PolicyChanged(Box<Policy>),
    /// The integration branch stands.
    IntegrationReady {
        /// Completes this effect.
        effect: EffectId,
        /// Its tip.
        oid: Oid,
    },
    /// The integration branch could not be made.
    IntegrationFailed {
        /// Completes this effect.
        effect: EffectId,
        /// Why.
        error: String,
    },
    /// A server took the log up again after its predecessor ended.
    Recovered {
        /// Sessions whose keepers had gone on.
        reattached: Vec<SessionId>,
        /// Sessions that had ended meanwhile, their results kept.
        ended: Vec<SessionId>,
        /// Sessions that are gone without a result.
        lost: Vec<SessionId>,
    },
    /// The user's branch was moved to the integration branch.
    Landed {
        /// Completes this effect.
        effect: EffectId,
        /// The user's branch before.
        from: Oid,
        /// And after.
        to: Oid,
    },
    /// It was not.
    LandRefused {
        /// Completes this effect.
        effect: EffectId,
        /// Why, with what to do about it.
        reason: String,
    },
    /// A landing was taken back.
    LandUndone {
        /// Completes this effect.
        effect: EffectId,
    },
}

/// What a run starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStart {
    /// Its id.
    pub run: RunId,
    /// The goal in the person's words.
    pub goal: String,
    /// The rules.
    pub policy: Policy,
    /// The user's branch, which a landing moves; none if HEAD was detached.
    pub branch: Option<String>,
    /// The commit that the run starts from.
    pub base: Oid,
    /// A plan that was brought; the planner is asked if there is none.
    pub plan: Option<Plan>,
    /// Whether the plan is worked on without asking.
    pub go: bool,
}

/// To an agent's step; `effect` is the one that started the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepEvent {
    /// Its process runs.
    Spawned {
        /// The step's effect.
        effect: EffectId,
        /// The session.
        session: SessionId,
        /// Process id of the agent; 0 if it had ended before a server could look.
        pid: u32,
    },
    /// The provider's own session id was seen: with it a later turn resumes.
    SessionSeen {
        /// The step's effect.
        effect: EffectId,
        /// The provider's id.
        resume: String,
    },
    /// The provider does not know the session that was to be resumed: the next attempt starts a new one.
    SessionGone {
        /// The step's effect.
        effect: EffectId,
    },
    /// Tokens or money were reported; `usage` is the increase since the last report.
    Used {
        /// The step's effect.
        effect: EffectId,
        /// The increase.
        usage: Usage,
    },
    /// The agent's status changed.
    StatusChanged {
        /// The step's effect.
        effect: EffectId,
        /// The new status.
        status: AgentStatus,
    },
    /// No semantic progress for the idle window.
    Stalled {
        /// The step's effect.
        effect: EffectId,
    },
    /// Progress again after that.
    Progressed {
        /// The step's effect.
        effect: EffectId,
    },
    /// The attempt is over; completes the step's effect.
    Ended {
        /// The step's effect.
        effect: EffectId,
        /// How.
        outcome: StepOutcome,
    },
    /// What a person said to it before it ended, and it did not hear.
    Unsaid {
        /// The step's effect.
        effect: EffectId,
        /// Their words, oldest first.
        words: Vec<String>,
    },
    /// A prompt, an answer, an interrupt or a signal reached its session, or did not.
    Controlled {
        /// Completes this effect.
        effect: EffectId,
        /// Why it did not.
        error: Option<String>,
    },
}

/// To a task's worktree and branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkEvent {
    /// The worktree stands on the task's branch.
    Prepared {
        /// Completes this effect.
        effect: EffectId,
        /// The commit that it starts from.
        base: Oid,
        /// What has to be run in it before anybody can work there, in order; nothing if that was done before.
        #[serde(default)]
        setup: Vec<SetupLine>,
    },
    /// The worktree was not as it was left when an agent was to be started in it, or not there any more when its work was
    /// to be committed; completes the step or the commit.
    Gone {
        /// The effect.
        effect: EffectId,
    },
    /// The worktree's content is on the branch.
    Committed {
        /// Completes this effect.
        effect: EffectId,
        /// The branch's tip.
        oid: Oid,
        /// How the tree differs from the base.
        change: Change,
        /// The tip's tree.
        #[serde(default)]
        tree: Option<Oid>,
        /// Checks that differ from the base's.
        #[serde(default)]
        checks: Vec<CheckChange>,
        /// The repositories of a workspace that differ from the base's; none where there is but one.
        #[serde(default)]
        touched: Vec<String>,
    },
    /// Files still hold conflict markers; completes the commit's effect.
    Unresolved {
        /// Completes this effect.
        effect: EffectId,
        /// Those files.
        files: Vec<String>,
    },
    /// The worktree was taken away, and uncommitted work was kept.
    Removed {
        /// Completes this effect.
        effect: EffectId,
        /// The ref that keeps what was uncommitted.
        kept: Option<String>,
    },
    /// The worktree and its branch are where they were before.
    Reset {
        /// Completes this effect.
        effect: EffectId,
        /// The refs that keep what was there.
        kept: Vec<String>,
    },
    /// git refused.
    Failed {
        /// Completes this effect.
        effect: EffectId,
        /// Why.
        error: String,
    },
}

/// A line of a worktree's setup was run, or could not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetupEvent {
    /// Its process runs.
    Spawned {
        /// The line's effect.
        effect: EffectId,
        /// The session.
        session: SessionId,
    },
    /// It ended with exit code 0.
    Finished {
        /// Completes this effect.
        effect: EffectId,
        /// Milliseconds it ran.
        duration_ms: u64,
    },
    /// It ended otherwise, or ran out of time.
    Failed {
        /// Completes this effect.
        effect: EffectId,
        /// How in the first line, then its last words.
        error: String,
    },
    /// It could not be run, was ended on request, or is gone without a result.
    Broken {
        /// Completes this effect.
        effect: EffectId,
        /// Why.
        error: String,
    },
}

/// How a tree differs from its base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Files that differ.
    pub files: u32,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
}

/// A gate has been run, or could not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateEvent {
    /// Its process runs.
    Spawned {
        /// The gate's effect.
        effect: EffectId,
        /// The session.
        session: SessionId,
    },
    /// It ended by itself or by its time limit.
    Finished {
        /// Completes this effect.
        effect: EffectId,
        /// What it said.
        result: GateResult,
    },
    /// It could not be run, or was ended on request.
    Broken {
        /// Completes this effect.
        effect: EffectId,
        /// Why.
        error: String,
    },
}

/// To a merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeEvent {
    /// The merged commit exists; no ref has moved.
    CandidateBuilt {
        /// Completes this effect.
        effect: EffectId,
        /// The merge commit.
        commit: Oid,
        /// The integration branch's tip that it was built on.
        onto: Oid,
        /// Its tree.
        #[serde(default)]
        tree: Option<Oid>,
    },
    /// Both sides changed the same lines.
    Conflicted {
        /// Completes this effect.
        effect: EffectId,
        /// The integration branch's tip.
        onto: Oid,
        /// The files with their conflicted hunks.
        files: Vec<Conflict>,
    },
    /// What a task's tip conflicts with, as all stands.
    Foreseen {
        /// Completes this effect.
        effect: EffectId,
        /// The files in which it conflicts with the integration branch.
        files: Vec<Conflict>,
        /// The tasks with whose work it conflicts.
        overlaps: Vec<Overlap>,
    },
    /// The merge lies in the task's worktree, to be resolved there.
    Staged {
        /// Completes this effect.
        effect: EffectId,
        /// The integration branch's tip that it brings in.
        onto: Oid,
    },
    /// The integration branch moved to the candidate, or had before a crash.
    Advanced {
        /// Completes this effect.
        effect: EffectId,
        /// Its new tip.
        tip: Oid,
    },
    /// The integration branch was elsewhere than expected.
    Lost {
        /// Completes this effect.
        effect: EffectId,
        /// Where it is.
        tip: Oid,
    },
    /// git refused.
    Failed {
        /// Completes this effect.
        effect: EffectId,
        /// Why.
        error: String,
    },
}

/// A file that both sides changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Relative to the repository.
    pub path: String,
    /// The conflicted hunks with their markers, cut to a readable length.
    pub hunks: String,
}

/// A task that changes the same lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// The task.
    pub task: TaskId,
    /// In these files, and in so many more.
    pub files: Vec<Conflict>,
    /// Files that are not listed.
    #[serde(default)]
    pub more: u32,
}

/// A person's or script's accepted request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonEvent {
    /// The plan, as edited, is to be worked on.
    PlanAccepted(Plan),
    /// The plan goes back to the planner.
    PlanRejected {
        /// What should be different; empty drops the run.
        reason: String,
    },
    /// An agent's request was answered.
    Answered {
        /// The step's effect.
        effect: EffectId,
        /// Allowed or denied.
        allow: bool,
        /// Words to go with it.
        text: String,
    },
    /// A tree was approved for merging.
    Approved {
        /// The task.
        task: TaskId,
        /// The approved commit.
        oid: Oid,
    },
    /// An exhausted, failed or stuck task is taken to the human gate as it is.
    TakenOver {
        /// The task.
        task: TaskId,
    },
    /// A tree was rejected.
    Rejected {
        /// The task.
        task: TaskId,
        /// Why: a finding for the next round.
        reason: String,
    },
    /// Another try.
    Retried {
        /// The task.
        task: TaskId,
    },
    /// A task is held.
    Paused {
        /// The task.
        task: TaskId,
    },
    /// A task goes on.
    Resumed {
        /// The task.
        task: TaskId,
    },
    /// Text for an agent.
    Prompted {
        /// The task.
        task: TaskId,
        /// The text.
        text: String,
    },
    /// A turn is interrupted.
    Interrupted {
        /// The step's effect.
        effect: EffectId,
    },
    /// A session is ended and its step started again.
    Restarted {
        /// The step's effect.
        effect: EffectId,
    },
    /// A task is given up.
    Cancelled {
        /// The task.
        task: TaskId,
    },
    /// A task is put back to the beginning of a round.
    Rewound {
        /// The task.
        task: TaskId,
        /// The round.
        round: u32,
        /// The tip of its branch at that moment; none if nothing was committed yet.
        to: Option<Oid>,
    },
    /// What a task's work changed of the checks stands.
    ChecksAccepted {
        /// The task.
        task: TaskId,
        /// The commit that changed them.
        oid: Oid,
    },
    /// A task is added.
    Added(Box<PlanTask>),
    /// The plan that is worked on is changed.
    Edited(Box<PlanEdit>),
    /// A task is cut into several.
    Split {
        /// The task, which is the first part now.
        task: TaskId,
        /// What that changes.
        edit: Box<PlanEdit>,
    },
    /// Tasks are put together.
    Joined {
        /// The task that has all of it now.
        into: TaskId,
        /// What that changes.
        edit: Box<PlanEdit>,
    },
    /// Something is wrong with a task's work.
    Commented {
        /// The task.
        task: TaskId,
        /// Relative to the repository; empty if it concerns no one file.
        file: String,
        /// From 1; 0 if none.
        line: u32,
        /// What is wrong.
        text: String,
    },
    /// A finding is not so, or not wanted.
    Dismissed {
        /// The task.
        task: TaskId,
        /// The finding's number.
        number: u32,
        /// Why.
        reason: String,
    },
    /// The run is held.
    RunPaused,
    /// The run goes on.
    RunResumed,
    /// The budget changed.
    BudgetSet {
        /// Micro-dollars; 0 is no limit.
        micros: u64,
    },
    /// The run is over by request.
    Stopped,
    /// The integration branch is to be landed.
    LandRequested,
    /// The landing is to be taken back.
    UndoRequested,
}
