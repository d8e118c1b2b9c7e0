//! git, driven as a subprocess: worktrees, commits, proven merges, landing.
//!
//! Not for deciding anything (the engine does) and not for talking to remotes: nothing here pushes, and all that is ever
//! fetched comes from a workspace's own store on this disk.
//! Calls block; the server makes them from blocking threads.
//!
//! Invariants:
//! - No shell, ever: names and paths are arguments, and pathspecs are literal.
//! - Nothing that an agent can plant inside a worktree or in `.git/config` is run by a call of this room: hooks,
//!   fsmonitor, external diffs and text converters are switched off; the `.git` file of a worktree is never
//!   trusted; calls that could run filters or merge drivers first compare the configuration with the trusted one.
//!   (An agent that is running at that very moment can still win that race; a sandbox is what closes it.)
//! - The user's checkout (HEAD, index, files) changes only in [`Repository::land`] and [`Repository::undo_land`].
//! - A ref moves only by compare-and-swap.

mod call;
mod commit;
mod config;
mod customs;
mod diff;
mod error;
mod graft;
mod heads;
mod known;
mod land;
mod merge;
mod names;
mod refs;
mod register;
mod repository;
mod rewind;
mod snapshot;
mod status;
#[cfg(test)]
mod tests;
mod trash;
mod workspace;
mod worktree;

pub use call::Git;
pub use commit::{CommitOutcome, CommitRequest};
pub use customs::Customs;
pub use diff::{Delta, FileStat, LogEntry, NameStatus};
pub use error::{GitError, OpenError};
pub use graft::Graft;
pub use land::{LandRefusal, Landing};
pub use merge::{Candidate, ConflictFile, MergeRequest};
pub use names::{integration_branch, parse_oid, task_branch};
pub use refs::Advance;
pub use repository::{Head, Repository};
pub use status::Dirtiness;
pub use trash::TrashEntry;
pub use workspace::Member;
pub use worktree::Worktree;
