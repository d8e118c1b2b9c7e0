//! What can go wrong with git, by kind, each with a hint for the person.
//!
//! Not for outcomes that are normal (a conflict, a lost race, a refused landing): those are values.
//! Invariant: messages hold git's own words, never a guess in their place.

use std::path::PathBuf;

/// A git operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no `git` on the PATH.
    #[error("git was not found ({program})")]
    Missing {
        /// What was looked for.
        program: String,
    },
    /// This git lacks `merge-tree --write-tree`.
    #[error("git {found} is too old: 2.38 or newer is needed")]
    TooOld {
        /// The version found.
        found: String,
    },
    /// git could not be started.
    #[error("could not start git in {}: {source}", directory.display())]
    Spawn {
        /// The working directory of the call.
        directory: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// git ended with an error.
    #[error("`{command}` failed ({}): {stderr}", code.map_or("killed by a signal".to_owned(), |c| format!("exit code {c}")))]
    Failed {
        /// The subcommand and its arguments, shortened.
        command: String,
        /// The exit code; none after a signal.
        code: Option<i32>,
        /// What git said.
        stderr: String,
    },
    /// git did not end in time; its process group was killed.
    #[error("`{command}` did not end within {seconds} s")]
    TimedOut {
        /// The subcommand and its arguments, shortened.
        command: String,
        /// The limit.
        seconds: u64,
    },
    /// git's output was not what its documentation promises.
    #[error("`{command}` answered with something unexpected: {what}")]
    Output {
        /// The subcommand.
        command: String,
        /// What was wrong.
        what: String,
    },
    /// A file of the repository or of a worktree could not be read or written.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Not a legal name for a branch or ref.
    #[error("{name:?} is not a legal branch or ref name")]
    InvalidName {
        /// The name.
        name: String,
    },
    /// Not an object id.
    #[error("{text:?} is not an object id")]
    InvalidOid {
        /// The text.
        text: String,
    },
    /// A branch of that name, or one that stands in its way, exists and holds something else.
    #[error("{}", taken(.name, .by))]
    BranchTaken {
        /// The name wanted.
        name: String,
        /// The branch in its way.
        by: String,
    },
    /// The branch moved under us.
    #[error("{name} moved: expected {expected}, found {}", actual.as_deref().unwrap_or("nothing"))]
    RefMoved {
        /// The ref.
        name: String,
        /// What it should have been.
        expected: String,
        /// What it is.
        actual: Option<String>,
    },
    /// Moving this branch would leave phantom changes in a checkout.
    #[error("{branch} is checked out in {}", path.display())]
    CheckedOut {
        /// The branch.
        branch: String,
        /// The checkout.
        path: PathBuf,
    },
    /// No such revision.
    #[error("there is no revision {rev:?}")]
    NoSuchRevision {
        /// What was asked for.
        rev: String,
    },
    /// No worktree of ours at this path.
    #[error("there is no worktree at {}", path.display())]
    NoSuchWorktree {
        /// The path.
        path: PathBuf,
    },
    /// The path holds a worktree of another branch, or something that is no worktree.
    #[error("the worktree path {} is taken by {by}", path.display())]
    WorktreeTaken {
        /// The path wanted.
        path: PathBuf,
        /// What is there.
        by: String,
    },
    /// The worktree holds changes where it should hold none.
    #[error("the worktree {} has uncommitted changes", path.display())]
    WorktreeDirty {
        /// The worktree.
        path: PathBuf,
    },
    /// The repository's configuration gained or lost entries since it was trusted.
    #[error("the repository's git configuration changed since it was trusted: {}", keys.join(", "))]
    ConfigChanged {
        /// The keys that differ.
        keys: Vec<String>,
    },
    /// The work has files that belong to no repository of the workspace.
    #[error("{} is in no repository of this workspace, so it can't be kept", path.display())]
    OutsideMembers {
        /// The first of them.
        path: PathBuf,
    },
    /// A repository's folder is gone, or something else is in its place.
    #[error("the folder {name} is gone, or is no folder any more: nothing would be left of that repository")]
    NoFolder {
        /// Its name.
        name: String,
    },
    /// Work merged commits that are no commits of the workspace.
    #[error("the work brings in {commit}, which is no commit of this workspace")]
    ForeignHistory {
        /// The commit.
        commit: String,
    },
    /// Something went wrong in one repository of several.
    #[error("{name}: {source}")]
    InMember {
        /// Its name.
        name: String,
        /// What.
        source: Box<GitError>,
    },
    /// The run began without this repository.
    #[error("the repository {name} was added to the workspace after this run began")]
    NotInRun {
        /// Its name.
        name: String,
    },
    /// A landing in several repositories broke off and could not be taken back.
    #[error("{stuck} could not be moved ({why}), and {} could not be put back", moved.join(", "))]
    HalfLanded {
        /// The repositories that were moved and are.
        moved: Vec<String>,
        /// The one that was not.
        stuck: String,
        /// Why.
        why: String,
    },
    /// The work points a submodule to another commit.
    #[error("the submodule {} points to {oid} now: that commit may be in this worktree alone", path.display())]
    SubmoduleMoved {
        /// The submodule.
        path: PathBuf,
        /// The commit.
        oid: String,
    },
}

fn taken(name: &str, by: &str) -> String {
    if name == by {
        return format!("the branch {name} is there already, with other work");
    }
    format!("the branch name {name} is taken by {by}")
}

impl GitError {
    /// What the person can do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            GitError::Missing { .. } => Some("install git 2.38 or newer and have it on the PATH"),
            GitError::TooOld { .. } => Some("install git 2.38 or newer"),
            GitError::BranchTaken { .. } => Some("rename or delete that branch, or start another run"),
            GitError::CheckedOut { .. } => Some("check out another branch there"),
            GitError::ConfigChanged { .. } => Some(
                "look at what changed there; if the change is yours, `loopmon stop --server` and starting it again trusts it: then retry",
            ),
            GitError::SubmoduleMoved { .. } => Some(
                "have it put back in the worktree, or publish that commit and allow it with submodules_may_move = true \
                 under [worktrees]",
            ),
            GitError::OutsideMembers { .. } => {
                Some("move it into a repository's folder, or take it off the task's branch")
            }
            GitError::NoFolder { .. } => Some("have it put back as it was"),
            GitError::ForeignHistory { .. } => Some(
                "have its files copied instead: a repository's own history has no place in the folder of one",
            ),
            GitError::InMember { source, .. } => source.hint(),
            GitError::NotInRun { .. } => Some("take it off [repositories] until the run is over"),
            GitError::HalfLanded { .. } => {
                Some("clear the way there and land again: it goes on where it stopped")
            }
            GitError::TimedOut { .. } => Some("a filter or a slow disk may hold git up; try again"),
            GitError::Failed { stderr, .. } => hint_of(stderr),
            GitError::Spawn { source, .. } | GitError::Io { source, .. } => hint_of(&source.to_string()),
            _ => None,
        }
    }
}

/// Why a repository could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No repository here or in a parent folder.
    #[error("{} is not inside a git repository", path.display())]
    NotARepository {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A bare repository, or the inside of a `.git` folder.
    #[error("{} has no work tree", path.display())]
    BareRepository {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The branch has no commit yet.
    #[error("the branch {branch} of {} has no commit yet", root.display())]
    UnbornBranch {
        /// The branch.
        branch: String,
        /// The work tree.
        root: PathBuf,
    },
    /// git refuses a repository that belongs to somebody else.
    #[error("{} belongs to another user", path.display())]
    ForeignOwner {
        /// The repository.
        path: PathBuf,
    },
    /// A repository of a workspace can't be used.
    #[error("the repository {name} of this workspace: {problem}")]
    Member {
        /// Its name under `[repositories]`.
        name: String,
        /// Why.
        problem: String,
    },
    /// The settings that should name the repositories of a workspace are wrong.
    #[error("{problems}")]
    Settings {
        /// Everything that is wrong.
        problems: String,
    },
    /// Anything else.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl OpenError {
    /// What the person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            OpenError::NotARepository { .. } => Some(
                "cd into a repository, make one with `git init`, or name several under [repositories] in a loopmon.toml",
            ),
            OpenError::Member { .. } => Some("see [repositories] in loopmon.toml"),
            OpenError::Settings { .. } => None,
            OpenError::BareRepository { .. } => {
                Some("run this from a checkout (`git worktree add` makes one)")
            }
            OpenError::UnbornBranch { .. } => Some("make a first commit: `git add -A && git commit`"),
            OpenError::ForeignOwner { .. } => {
                Some("`git config --global --add safe.directory <path>` trusts it")
            }
            OpenError::Git(error) => error.hint(),
        }
    }
}

/// The causes that git reports only in words.
fn hint_of(words: &str) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 6] = [
        ("No space left on device", "free some room on the disk, then retry"),
        ("Disk quota exceeded", "free some room in your quota, then retry"),
        ("Read-only file system", "the repository or the worktree folder is on a read-only disk"),
        ("Permission denied", "check the owner and the mode of the named file"),
        (".lock': File exists", "another git may be running; if none is, the named lock file is stale"),
        ("unrelated histories", "the two branches share no commit"),
    ];
    KNOWN.iter().find(|(sign, _)| words.contains(sign)).map(|(_, hint)| *hint)
}
