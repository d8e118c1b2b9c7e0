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
        }
    }
}
