//! The rules of a run, as the configuration and the command line set them.
//!
//! A policy is recorded with the run, so that a replayed log decides as it did; a changed configuration is an event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AgentName, Checks, GateSpec};

/// Limits and choices of the loop. Times are milliseconds, money is micro-dollars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Who does what.
    pub team: Team,
    /// Commands that must pass, in order.
    pub gates: Vec<GateSpec>,
    /// Tasks worked on at once.
    pub parallel: u32,
    /// Passes of the loop per task.
    pub max_rounds: u32,
    /// What happens at that limit.
    pub on_max: OnMax,
    /// Where a fix goes next.
    pub after_fix: AfterFix,
    /// Votes that approve.
    pub quorum: Quorum,
    /// Which tasks a person approves before the merge.
    pub human_gate: HumanGate,
    /// Retries and waits.
    pub retry: Retry,
    /// Spend at which nothing more is spawned; 0 is no limit.
    pub budget_micros: u64,
    /// The files that judge the work.
    #[serde(default)]
    pub checks: Checks,
    /// How reviewers stand in for each other.
    #[serde(default)]
    pub review: ReviewRules,
    /// What may be used beside the budget of the run.
    #[serde(default)]
    pub limits: Limits,
    /// Whose sessions live how long.
    #[serde(default)]
    pub pattern: Pattern,
    /// When a fresh reviewer gives way to a standing one.
    #[serde(default)]
    pub promotion: Promotion,
    /// Whether what is committed is tried against the branch and the other tasks' work before it is reviewed.
    #[serde(default)]
    pub foresee: bool,
    /// Whether the longest chain is that which takes longest, by what was measured, and not that of most tasks.
    #[serde(default)]
    pub rank_by_time: bool,
    /// Whether work goes back for a round if its agent never heard that what is asked has changed.
    #[serde(default)]
    pub heed_edits: bool,
}

/// Whose sessions live how long, and what they are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// Every session does one step.
    Workflow,
    /// The implementer goes on from round to round; each review is a fresh one's.
    #[default]
    Inline,
    /// The implementer and the reviewers of a task go on from round to round.
    Pair,
    /// The reviewers go on from task to task, one at a time, first in first out.
    Standing,
    /// As `Inline`, until the same findings come back; then as `Standing`.
    Promote,
    /// As `Pair`, over files in the project by which people and other programs take part.
    Trio,
}

impl Pattern {
    /// Every pattern.
    pub const ALL: [Pattern; 6] = [
        Pattern::Workflow,
        Pattern::Inline,
        Pattern::Pair,
        Pattern::Standing,
        Pattern::Promote,
        Pattern::Trio,
    ];

    /// Its name in configurations and plans.
    pub fn name(self) -> &'static str {
        match self {
            Pattern::Workflow => "workflow",
            Pattern::Inline => "inline",
            Pattern::Pair => "pair",
            Pattern::Standing => "standing",
            Pattern::Promote => "promote",
            Pattern::Trio => "trio",
        }
    }
}

/// When a fresh reviewer gives way to a standing one; the first that holds decides. 0 is never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// Tasks in whose reviews, one after the other, the same finding came up.
    pub recurring: u32,
    /// Tasks of one role that are left.
    pub alike: u32,
    /// Roles of which every task has a standing reviewer.
    pub roles: Vec<String>,
    /// After so many reviews in a row without a critical or major finding a fresh reviewer judges too.
    pub spot_check: u32,
    /// From this round on of a pair a person is told to look for drift.
    pub drift_round: u32,
}

impl Default for Promotion {
    fn default() -> Self {
        Self { recurring: 3, alike: 5, roles: Vec::new(), spot_check: 2, drift_round: 3 }
    }
}

/// The agents of a run, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Every agent that the configuration defines; a plan may name these and no others.
    pub known: Vec<AgentName>,
    /// Makes the plan.
    pub planner: AgentName,
    /// Implements and fixes where neither the task nor its role says otherwise.
    pub implementer: AgentName,
    /// One review slot each, all in parallel. Empty: gates alone decide.
    pub reviewers: Vec<AgentName>,
    /// Agents by role.
    pub roles: BTreeMap<String, AgentName>,
    /// Who is behind each agent.
    #[serde(default)]
    pub makers: BTreeMap<AgentName, Maker>,
    /// Whether the reviewers are chosen for each task, so that they are not of its implementer's make; `reviewers` says
    /// how many and who comes first.
    #[serde(default)]
    pub choose_reviewers: bool,
    /// Tasks of a role that are worked on at once at most.
    #[serde(default)]
    pub role_places: BTreeMap<String, u32>,
    /// Sessions of an agent at once at most.
    #[serde(default)]
    pub agent_places: BTreeMap<AgentName, u32>,
}

/// Who is behind an agent: two agents of one maker are one voice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maker {
    /// The provider; for any other program its own name.
    pub provider: String,
    /// The model; empty: what the provider takes by itself.
    pub model: String,
}

/// How reviewers stand in for each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewRules {
    /// Agents that take a slot over whose own gives no vote, in this order.
    pub fallback: Vec<AgentName>,
    /// Whether the others go on when one gives no vote.
    pub continue_on_fail: bool,
}

impl Default for ReviewRules {
    fn default() -> Self {
        Self { fallback: Vec::new(), continue_on_fail: true }
    }
}

/// What may be used; 0 is no limit. Reaching one ends what spends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Tokens of the run, in and out.
    pub run_tokens: u64,
    /// Milliseconds of the run.
    pub run_ms: u64,
    /// Micro-dollars of one task.
    pub task_micros: u64,
    /// Tokens of one task, in and out.
    pub task_tokens: u64,
    /// Milliseconds that agents work on one task, those of reviewers included.
    pub task_ms: u64,
    /// Micro-dollars of all tasks of a role.
    pub roles: BTreeMap<String, u64>,
}
/// Limits of what is tried again without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Tries of one step before a person is asked (infrastructure failures only).
    pub attempts: u32,
    /// Turns in which an agent may correct output that its schema refuses.
    pub corrections: u32,
    /// First wait between attempts; doubled each time.
    pub backoff_ms: u64,
    /// Longest wait between attempts.
    pub backoff_cap_ms: u64,
    /// Without semantic progress for this long, a step counts as hung.
    pub idle_ms: u64,
    /// A step is ended after this long.
    pub step_timeout_ms: u64,
    /// A review is ended after this long.
    pub review_timeout_ms: u64,
    /// What has failed in the same way this often is not tried like that again; 0 is never.
    #[serde(default)]
    pub same_failure: u32,
}

/// What happens to a task at its last round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnMax {
    /// The branch is kept and a person decides.
    #[default]
    ReturnLast,
    /// The task has failed.
    Fail,
    /// As `ReturnLast`, first in the queue of what needs a person.
    Escalate,
}

/// Which step follows a fix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterFix {
    /// The gates, then reviewers.
    #[default]
    Validate,
    /// Another implement step first.
    Implement,
}

/// How many approvals make a task approved. A request for changes always wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quorum {
    /// Every reviewer.
    #[default]
    All,
    /// At least this many.
    AtLeast(u32),
}

impl Quorum {
    /// The number of approvals wanted of `slots` reviewers.
    pub fn wanted(self, slots: usize) -> usize {
        match self {
            Quorum::All => slots,
            Quorum::AtLeast(count) => usize::try_from(count).unwrap_or(slots).clamp(1, slots.max(1)),
        }
    }
}

/// Which tasks wait for a person before they are merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HumanGate {
    /// None.
    Never,
    /// Those that the plan marks.
    #[default]
    Marked,
    /// All.
    Always,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            team: Team::default(),
            gates: Vec::new(),
            parallel: 4,
            max_rounds: 3,
            on_max: OnMax::default(),
            after_fix: AfterFix::default(),
            quorum: Quorum::default(),
            human_gate: HumanGate::default(),
            retry: Retry::default(),
            budget_micros: 0,
            checks: Checks::default(),
            review: ReviewRules::default(),
            limits: Limits::default(),
            pattern: Pattern::default(),
            promotion: Promotion::default(),
            foresee: false,
            rank_by_time: false,
            heed_edits: false,
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            corrections: 3,
            backoff_ms: 2_000,
            backoff_cap_ms: 60_000,
            idle_ms: 300_000,
            step_timeout_ms: 3_600_000,
            review_timeout_ms: 1_800_000,
            same_failure: 0,
        }
    }
}
