//! Where a task stands. A task is in one phase; a hold on top of it says why it does not move.

use serde::{Deserialize, Serialize};

use super::{TaskId, Timestamp};

/// Phases of a task. What holds it up is a [`Hold`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Waits for tasks that it depends on.
    Blocked,
    /// Could start; waits for a slot.
    Ready,
    /// An agent works on it.
    Implementing,
    /// The gates run.
    Validating,
    /// The reviewers judge it.
    Reviewing,
    /// An agent puts findings right.
    Fixing,
    /// The quorum has approved this tree.
    Approved,
    /// Waits for a person's approval.
    AwaitingHuman,
    /// Waits for its turn to merge.
    MergeQueued,
    /// Its merge is built, validated and recorded.
    Merging,
    /// Merged into the integration branch.
    Done,
    /// Its rounds are used up; the branch is kept.
    Exhausted,
    /// Given up by policy.
    Failed,
    /// Given up by a person.
    Cancelled,
}

impl Phase {
    /// Whether the engine will not move it any more by itself.
    pub fn is_terminal(self) -> bool {
        matches!(self, Phase::Done | Phase::Exhausted | Phase::Failed | Phase::Cancelled)
    }

    /// Whether it takes one of the run's parallel places.
    pub fn is_working(self) -> bool {
        matches!(self, Phase::Implementing | Phase::Validating | Phase::Reviewing | Phase::Fixing)
    }

    /// The phase in one or two words.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Blocked => "blocked",
            Phase::Ready => "ready",
            Phase::Implementing => "implementing",
            Phase::Validating => "validating",
            Phase::Reviewing => "reviewing",
            Phase::Fixing => "fixing",
            Phase::Approved => "approved",
            Phase::AwaitingHuman => "awaiting you",
            Phase::MergeQueued => "merge queued",
            Phase::Merging => "merging",
            Phase::Done => "done",
            Phase::Exhausted => "exhausted",
            Phase::Failed => "failed",
            Phase::Cancelled => "cancelled",
        }
    }
}

/// Why a task does not move; its phase is what it goes back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// A person paused it.
    Paused,
    /// It goes on by itself at a known moment.
    Waiting {
        /// For what.
        wait: Wait,
        /// Until when.
        until: Timestamp,
    },
    /// A person has to act.
    NeedsAttention(AttentionReason),
}

/// What a waiting task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// The next attempt.
    Backoff,
    /// A provider's limit.
    Quota,
}

/// Why a person has to act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionReason {
    /// A step failed and its attempts are used up, or trying again cannot help.
    StepFailed(String),
    /// An implementer ended without changing anything since the base commit.
    NothingChanged,
    /// A required reviewer gave no vote.
    VoteMissing(String),
    /// A dependency will not be done.
    DependencyFailed(TaskId),
    /// The worktree, a commit or a merge could not be made.
    GitFailed(String),
    /// A gate could not be run.
    GateFailed(String),
    /// The worktree could not be set up: how in the first line, then the last words of what failed.
    SetupFailed(String),
    /// A merge conflict outlived its rounds.
    ConflictUnsolved,
    /// A limit of its own, or of its role, is reached: which.
    Budget(String),
    /// The same failed in the same way too often: what.
    Repeats(String),
    /// The agent says that checks are wrong themselves; its reasons.
    CheckDisputed(Vec<String>),
}
