//! The plain values of a configuration.
//!
//! Not for reading or checking them. Invariant: units are in the types (`Duration`) or in the names.

use std::time::Duration;

/// How a run goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Tasks worked on at once.
    pub parallel: u32,
    /// Rounds a task may take.
    pub max_rounds: u32,
    /// What happens then.
    pub on_max: OnMax,
    /// What follows a fix.
    pub after_fix: AfterFix,
    /// Tries of one step when its process fails.
    pub attempts: u32,
    /// Corrections asked for within one step.
    pub corrections: u32,
    /// Wait before the second try.
    pub backoff: Duration,
    /// Longest wait between tries.
    pub backoff_cap: Duration,
    /// Time without progress before a person is asked.
    pub idle: Duration,
    /// Time one step may take.
    pub step_timeout: Duration,
    /// Money a run may spend; none: no limit.
    pub budget_usd: Option<f64>,
    /// Which tasks wait for a person before their merge.
    pub human_gate: HumanGate,
    /// Whose sessions live how long.
    pub pattern: Pattern,
    /// Whether work is tried against the other tasks' before it is reviewed.
    pub foresee: bool,
    /// Failures of one kind in a row before something else is tried; 0: never.
    pub same_failure: u32,
}

/// Whose sessions live how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// One step.
    Workflow,
    /// The implementer's for its task.
    Inline,
    /// The implementer's and the reviewers' for their task.
    Pair,
    /// The reviewers' for all tasks.
    Standing,
    /// Inline, then standing.
    Promote,
    /// As a pair, over shared files.
    Trio,
}

/// What may be used beside the money of the run; 0 is no limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Tokens of the run.
    pub tokens: u32,
    /// Time of the run.
    pub time: Duration,
    /// US dollars of a task.
    pub task_usd: f64,
    /// Tokens of a task.
    pub task_tokens: u32,
    /// Time of agents on a task.
    pub task_time: Duration,
}

/// When reviewers go on from task to task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// After so many reviews with the same finding.
    pub recurring: u32,
    /// With so many tasks of a role left.
    pub alike: u32,
    /// For these roles.
    pub roles: Vec<String>,
    /// Reviews without a serious finding before a fresh reviewer judges too.
    pub spot_check: u32,
    /// The round of a pair from which a person is told to look.
    pub drift_round: u32,
}

/// What happens to a task at the limit of its rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMax {
    /// The branch is kept, a person is asked.
    ReturnLast,
    /// The task has failed.
    Fail,
    /// A person decides.
    Escalate,
}

/// What follows a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFix {
    /// The gates.
    Validate,
    /// The implementer.
    Implement,
}

/// Which tasks wait for a person before their merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HumanGate {
    /// None.
    Never,
    /// All.
    Always,
    /// Those that the plan marks.
    Marked,
}

/// Which agent does what, where nothing else says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Defaults {
    /// Implements and fixes; none: the first agent that is installed.
    pub implementer: Option<String>,
    /// Plans; none: the first agent that is installed.
    pub planner: Option<String>,
}

/// How work is reviewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// One slot each; empty: the first two agents that are installed.
    pub agents: Vec<String>,
    /// How many must approve.
    pub quorum: Quorum,
    /// Time one review may take.
    pub timeout: Duration,
    /// Who takes over from one that gives no vote.
    pub fallback: Vec<String>,
    /// Whether the others go on then.
    pub continue_on_fail: bool,
}

/// How many reviewers must approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quorum {
    /// Each of them.
    All,
    /// This many.
    AtLeast(u32),
}

/// A discipline.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Role {
    /// The agent that takes its tasks; none: the implementer.
    pub agent: Option<String>,
    /// Words added to the prompt.
    pub prompt: String,
    /// Tasks worked on at once; none: no limit of its own.
    pub parallel: Option<u32>,
    /// Money that its tasks may spend; none: no limit of its own.
    pub budget_usd: Option<f64>,
}

/// A command that must pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Its name.
    pub name: String,
    /// What is run.
    pub command: GateCommand,
    /// Time it may take.
    pub timeout: Duration,
    /// Where it is run, relative to the top of the repository.
    pub cwd: String,
    /// Whether it may run beside its neighbours that say so too.
    pub parallel: bool,
    /// Whether it is run only for tasks that name it.
    pub on_request: bool,
    /// Whether it is run again on a tree that it has passed.
    pub always: bool,
    /// The repository that it belongs to.
    pub repository: Option<String>,
}

/// The files that judge the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checks {
    /// Globs.
    pub protect: Vec<String>,
    /// What happens when a task changes one.
    pub on_change: OnCheckChange,
    /// Roles whose tasks may.
    pub roles: Vec<String>,
    /// Whether a gate that failed before may fail on.
    pub tolerate_red: bool,
}

/// What happens when a task changes a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCheckChange {
    /// A person approves it.
    Person,
    /// It goes back.
    Reject,
    /// Nothing.
    Allow,
}

/// What a gate runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateCommand {
    /// A line for `sh -c`.
    Shell(String),
    /// A program and its arguments; never empty.
    Argv(Vec<String>),
}

/// Where work happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worktrees {
    /// The folder for them; none: the state folder.
    pub dir: Option<String>,
    /// Lines for `sh -c`, run once in each.
    pub setup: Vec<String>,
    /// Time each of them may take.
    pub setup_timeout: Duration,
    /// Whether tasks may point submodules to other commits.
    pub submodules_may_move: bool,
    /// Globs of files to copy from the checkout.
    pub copy: Vec<String>,
}

/// The screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ui {
    /// Name of the theme.
    pub theme: String,
    /// ASCII only.
    pub ascii: bool,
    /// The mouse is ours.
    pub mouse: bool,
    /// The bell rings when something needs a person.
    pub bell: bool,
    /// What becomes of text that a program in a terminal puts into the clipboard.
    pub clipboard: Clipboard,
    /// Leaves an agent's terminal.
    pub leave_key: String,
    /// Bytes of terminals' histories that are kept in memory, all together.
    pub history_bytes: u64,
}

/// What becomes of text that a program in a terminal puts into the clipboard (OSC 52). Reading it is never answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clipboard {
    /// Nothing.
    Deny,
    /// It is offered to the person, who looks at it and takes it.
    #[default]
    Ask,
    /// It is taken while the person types into that terminal; else it is offered.
    Focused,
    /// It is taken from every terminal that is shown.
    Allow,
}

/// Recorded output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Bytes kept for each session.
    pub limit_bytes: u64,
}

/// What a model's tokens cost: US dollars for a million.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Tokens in.
    pub input: f64,
    /// Tokens in that were read from a cache.
    pub cached: f64,
    /// Tokens out.
    pub output: f64,
}
