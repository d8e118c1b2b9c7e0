//! What is uncommitted in the user's checkout.
//!
//! Not for task worktrees, whose work is committed whole. Invariant: looking writes nothing, not even the index.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{GitError, Repository};

/// What stands in the way of touching a checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dirtiness {
    /// Tracked files that are changed, staged or not.
    pub tracked: Vec<PathBuf>,
    /// Files that git does not know and does not ignore; whole new folders are one entry.
    pub untracked: Vec<PathBuf>,
    /// An operation that was begun and not ended: "merge", "rebase", "cherry-pick", "revert" or "bisect".
    pub operation: Option<&'static str>,
}

impl Dirtiness {
    /// Nothing at all is uncommitted.
    pub fn is_clean(&self) -> bool {
        self.tracked.is_empty() && self.untracked.is_empty() && self.operation.is_none()
    }

    /// Nothing is uncommitted but, perhaps, files that git does not know.
    pub fn is_tracked_clean(&self) -> bool {
        self.tracked.is_empty() && self.operation.is_none()
    }

    /// One line for people: "2 changed, 1 untracked: a.rs, b.rs, …"; empty if clean.
    pub fn summary(&self) -> String {
        let mut parts = Vec::new();
        if let Some(operation) = self.operation {
            parts.push(format!("a {operation} in progress"));
        }
        if !self.tracked.is_empty() {
            parts.push(format!("{} changed", self.tracked.len()));
        }
        if !self.untracked.is_empty() {
            parts.push(format!("{} untracked", self.untracked.len()));
        }
        let names: Vec<String> =
            self.tracked.iter().chain(&self.untracked).take(3).map(|p| p.display().to_string()).collect();
        let more = if self.tracked.len() + self.untracked.len() > 3 { ", …" } else { "" };
        match names.is_empty() {
            true => parts.join(", "),
            false => format!("{}: {}{more}", parts.join(", "), names.join(", ")),
        }
    }
}

impl Repository {
    /// Whether the user's checkout has nothing uncommitted, untracked files included.
    pub fn is_clean(&self) -> Result<bool, GitError> {
        Ok(self.dirtiness()?.is_clean())
    }

    /// What is uncommitted in the user's checkout.
    pub fn dirtiness(&self) -> Result<Dirtiness, GitError> {
        if self.is_workspace() {
            return self.dirt_of_members();
        }
        self.dirtiness_at(self.git_dir(), self.root())
    }

    /// The same in one line for people; empty if clean.
    pub fn dirty_summary(&self) -> Result<String, GitError> {
        Ok(self.dirtiness()?.summary())
    }

    /// The same for any checkout of the user's.
    pub(super) fn dirtiness_at(&self, git_dir: &Path, root: &Path) -> Result<Dirtiness, GitError> {
        // Looking into a submodule would run git inside it, with whatever its configuration says.
        let args =
            ["--porcelain=v1", "-z", "--untracked-files=normal", "--ignore-submodules=dirty", "--no-renames"];
        let output = self.inner.git.call(root, "status").at(git_dir, root).args(args).run()?;
        let mut found = Dirtiness { operation: operation_in(git_dir), ..Dirtiness::default() };
        for entry in output.stdout.split(|byte| *byte == 0).filter(|entry| entry.len() > 3) {
            let (code, path) = entry.split_at(3);
            let path = PathBuf::from(OsStr::from_bytes(path));
            if code.starts_with(b"??") { found.untracked.push(path) } else { found.tracked.push(path) }
        }
        Ok(found)
    }
}

fn operation_in(git_dir: &Path) -> Option<&'static str> {
    const SIGNS: [(&str, &str); 6] = [
        ("MERGE_HEAD", "merge"),
        ("rebase-merge", "rebase"),
        ("rebase-apply", "rebase"),
        ("CHERRY_PICK_HEAD", "cherry-pick"),
        ("REVERT_HEAD", "revert"),
        ("BISECT_LOG", "bisect"),
    ];
    SIGNS.iter().find(|(file, _)| git_dir.join(file).exists()).map(|(_, operation)| *operation)
}
