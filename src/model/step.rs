//! Steps of the loop and how they end.

use serde::{Deserialize, Serialize};

use super::{Plan, Timestamp, Verdict};

/// What an agent is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Cut the goal into tasks.
    Plan,
    /// Do the task.
    Implement,
    /// Judge the work.
    Review,
    /// Put right what was found.
    Fix,
}

impl StepKind {
    /// Every step.
    pub const ALL: [StepKind; 4] = [StepKind::Plan, StepKind::Implement, StepKind::Review, StepKind::Fix];

    /// The step as a noun of one word.
    pub fn name(self) -> &'static str {
        match self {
            StepKind::Plan => "plan",
            StepKind::Implement => "implement",
            StepKind::Review => "review",
            StepKind::Fix => "fix",
        }
    }
}

/// How an attempt at a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum StepOutcome {
    /// An implementer or fixer says that it is done; its tree will tell.
    Worked {
        /// The agent's account of its work.
        summary: String,
        /// Checks that it says are wrong themselves, each with the reason.
        #[serde(default)]
        disputed: Vec<String>,
    },
    /// A planner's plan, of the right form; the engine has not judged it yet.
    Planned {
        /// The plan.
        plan: Plan,
    },
    /// A reviewer's vote.
    Reviewed {
        /// The verdict.
        verdict: Verdict,
    },
    /// The output breaks its schema or is unclear: the agent is asked to correct it.
    Invalid {
        /// What is wrong, for the correction turn.
        errors: Vec<String>,
    },
    /// It ended badly.
    Failed {
        /// Whether trying again can help.
        failure: FailureKind,
        /// For people and for the next attempt.
        message: String,
    },
    /// The time limit ended it.
    TimedOut,
    /// Its process is gone and left no result.
    Lost,
    /// It was ended on request.
    Cancelled,
}

impl StepOutcome {
    /// That the work is done, in the agent's words.
    pub fn worked(summary: impl Into<String>) -> StepOutcome {
        StepOutcome::Worked { summary: summary.into(), disputed: Vec::new() }
    }
}

/// Why an attempt failed, as far as it decides what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Crash, network, exit code: worth another attempt after a wait.
    Infrastructure,
    /// Not logged in, key refused: a person has to act.
    Authentication,
    /// Wrong flags, missing program: a person has to act.
    Configuration,
    /// The provider's limit: worth another attempt at that moment.
    Quota {
        /// When the provider said that it is over, if it did.
        until: Option<Timestamp>,
    },
}
