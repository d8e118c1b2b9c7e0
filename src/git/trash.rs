//! Throwing worktrees away without losing work.
//!
//! Not for branches: those stay. Invariant: a worktree goes only after all that was uncommitted in it, and commits
//! that no branch holds, are kept under `refs/loopmon/trash/`. Files that git ignores are not kept.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::heads::{self, Stand};
use super::names::{branch_ref, check_ref};
use super::worktree::io;
use super::{Advance, GitError, Repository, Worktree};

/// Work that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrashEntry {
    /// The full ref, under `refs/loopmon/trash/`.
    pub ref_name: String,
    /// The commit that holds the files.
    pub oid: String,
}

const TRASH: &str = "refs/loopmon/trash/";
const REMOVAL_TRIES: u32 = 100;
const REMOVAL_PAUSE: Duration = Duration::from_millis(50);

impl Repository {
    /// Keeps everything uncommitted in a worktree, untracked files included, as a commit under
    /// `refs/loopmon/trash/<name>` (numbered if that is taken). Answers none if there was nothing to keep. The
    /// worktree stays as it is.
    pub fn stash_to_ref(&self, worktree: &Worktree, name: &str) -> Result<Option<TrashEntry>, GitError> {
        check_ref(&self.inner.git, &format!("{TRASH}{name}"))?;
        self.mend(worktree)?;
        let head = match (self.worktree_head(worktree)?, &worktree.branch) {
            (Some(head), _) => Some(head),
            (None, Some(branch)) => self.branch_tip(branch)?,
            (None, None) => None,
        };
        let snapshot = self.snapshot(worktree, head.as_deref())?;
        match head {
            Some(head) if snapshot.tree == self.tree_of(&head)? => {
                let kept = self.is_on_a_branch(&head)?;
                if kept { Ok(None) } else { self.keep_in_trash(name, &head).map(Some) }
            }
            head => {
                let parents: Vec<&str> = head.as_deref().into_iter().collect();
                let message = format!("Uncommitted work of {}\n", worktree.path.display());
                let oid = self.commit_tree(&snapshot.tree, &parents, &message.replace('\0', ""), None)?;
                self.keep_in_trash(name, &oid).map(Some)
            }
        }
    }

    /// Removes a worktree after keeping its uncommitted work; answers where that is. The agent must not be running.
    pub fn remove_worktree(&self, worktree: &Worktree) -> Result<Option<TrashEntry>, GitError> {
        let mut kept = None;
        if worktree.path.is_dir() {
            if !self.is_on_its_branch_whole(worktree)? {
                let name = worktree.branch.as_deref().unwrap_or("detached");
                kept = self.stash_to_ref(worktree, &format!("{name}-{}", seconds_now()))?;
            }
            remove_tree(&worktree.path)?;
        }
        self.remove_from_register(&worktree.git_dir)?;
        Ok(kept)
    }

    /// Whether there is nothing in a worktree that its branch does not hold, for certain: the common case, and quickly seen.
    fn is_on_its_branch_whole(&self, worktree: &Worktree) -> Result<bool, GitError> {
        let Some(branch) = &worktree.branch else { return Ok(false) };
        let full = branch_ref(&self.inner.git, branch)?;
        self.mend(worktree)?;
        if heads::stand(&worktree.git_dir) != Some(Stand::Branch(full.clone())) {
            return Ok(false);
        }
        match self.ref_value(&full)? {
            Some(tip) => self.is_untouched(worktree, &tip),
            None => Ok(false),
        }
    }

    /// Removes a checkout whose content is of no worth: one that was only looked at, or that gates ran in.
    pub fn discard_worktree(&self, worktree: &Worktree) -> Result<(), GitError> {
        remove_tree(&worktree.path)?;
        self.remove_from_register(&worktree.git_dir)
    }

    /// Puts a worktree's files back to its branch's tip after keeping its uncommitted work; answers where that is.
    /// Files that git ignores stay. The agent must not be running.
    pub fn reset_worktree(&self, worktree: &Worktree) -> Result<Option<TrashEntry>, GitError> {
        let missing = || GitError::NoSuchWorktree { path: worktree.path.clone() };
        let branch = worktree.branch.as_deref().ok_or_else(missing)?;
        let tip = self.resolve(&format!("refs/heads/{branch}"))?;
        let kept = self.stash_to_ref(worktree, &format!("{branch}-{}", seconds_now()))?;
        let full = format!("refs/heads/{branch}");
        self.call_in(worktree, "symbolic-ref").args(["-m", "loopmon", "HEAD", &full]).run()?;
        self.check_out(worktree, &tip, "-ffdq")?;
        Ok(kept)
    }

    /// All that was kept.
    pub fn trash(&self) -> Result<Vec<TrashEntry>, GitError> {
        let text = self.call("for-each-ref").args(["--format=%(objectname) %(refname)", TRASH]).text()?;
        let entries = text.lines().filter_map(|line| line.split_once(' '));
        Ok(entries.map(|(oid, name)| TrashEntry { ref_name: name.to_owned(), oid: oid.to_owned() }).collect())
    }

    pub(super) fn keep_in_trash(&self, name: &str, oid: &str) -> Result<TrashEntry, GitError> {
        let stem = format!("{TRASH}{name}");
        let mut ref_name = stem.clone();
        let mut number = 1;
        while let Advance::Lost { .. } = self.swap_ref(&ref_name, oid, None)? {
            number += 1;
            ref_name = format!("{stem}-{number}");
        }
        Ok(TrashEntry { ref_name, oid: oid.to_owned() })
    }

    fn is_on_a_branch(&self, commit: &str) -> Result<bool, GitError> {
        let contains = format!("--contains={commit}");
        let text =
            self.call("for-each-ref").args(["--count=1", "--format=x", &contains, "refs/heads/"]).text()?;
        Ok(!text.is_empty())
    }
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs())
}

/// Removes a folder whatever the modes inside it (Go's module cache is read-only). Never follows a symbolic link.
pub(super) fn remove_tree(path: &Path) -> Result<(), GitError> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(io("look at", path)(source)),
        Ok(meta) if !meta.is_dir() => return std::fs::remove_file(path).map_err(io("remove", path)),
        Ok(_) => {}
    }
    for _ in 0..REMOVAL_TRIES {
        match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => open_folders(path),
            // A git that outlived its killed parent is still writing files here; it ends soon.
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => std::thread::sleep(REMOVAL_PAUSE),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => return other.map_err(io("remove", path)),
        }
    }
    std::fs::remove_dir_all(path).map_err(io("remove", path))
}

fn open_folders(root: &Path) {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let _ = std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700));
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
}
