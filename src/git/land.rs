//! Landing proven work on the user's own branch, and undoing that.
//!
//! Not for anything that happens without a person asking. Invariant: fast-forward only, clean checkout only; on any
//! doubt nothing is moved and the reason is told.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::names::branch_ref;
use super::{Advance, GitError, Repository};

/// How a landing, or its undoing, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landing {
    /// The branch moved.
    Landed {
        /// Where it was.
        from: String,
        /// Where it is.
        to: String,
    },
    /// Nothing was touched.
    Refused {
        /// Why.
        reason: LandRefusal,
    },
}

/// Why a landing was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LandRefusal {
    /// The branch holds all of it already.
    #[error("there is nothing new to land")]
    NothingNew,
    /// The branch got commits of its own meanwhile.
    #[error("{branch} has commits of its own since this run began; merge or rebase them first")]
    NotFastForward {
        /// The user's branch.
        branch: String,
    },
    /// The checkout has uncommitted changes.
    #[error("the checkout {} is not clean ({summary}); commit or stash that first", path.display())]
    Dirty {
        /// The checkout.
        path: PathBuf,
        /// What is uncommitted.
        summary: String,
    },
    /// git would have overwritten files that it doesn't track.
    #[error("git refused: {message}")]
    WouldOverwrite {
        /// git's words.
        message: String,
    },
    /// One repository of several refused; none of them moved.
    #[error("{name}: {reason}")]
    InMember {
        /// Its name.
        name: String,
        /// Why.
        reason: Box<LandRefusal>,
    },
    /// The branch is not where it should be.
    #[error("{branch} moved meanwhile")]
    Moved {
        /// The branch.
        branch: String,
    },
}

impl Repository {
    /// Moves the user's branch forward to what was merged, a branch or a commit. Where that branch is checked out, the files
    /// move with it (hooks are not run); untracked files are never overwritten, ignored ones neither. Of a workspace: in all
    /// members or in none.
    pub fn land(&self, user_branch: &str, merged: &str) -> Result<Landing, GitError> {
        if self.is_workspace() {
            return self.land_all(user_branch, merged);
        }
        let full = branch_ref(&self.inner.git, user_branch)?;
        let (from, to) = (self.tip_of(user_branch)?, self.resolve(merged)?);
        if let Some(reason) = self.history_refusal(user_branch, &from, &to)? {
            return Ok(refused(reason));
        }
        let merge: [OsString; 5] = [
            "--ff-only".into(),
            "--quiet".into(),
            "--no-stat".into(),
            "--no-overwrite-ignore".into(),
            (&to).into(),
        ];
        self.move_branch(&full, &from, &to, "merge", &merge)
    }

    /// Puts the user's branch back to `from`, if it still is at `to` and the checkout is clean.
    pub fn undo_land(&self, user_branch: &str, from: &str, to: &str) -> Result<Landing, GitError> {
        if self.is_workspace() {
            return self.undo_land_all(user_branch, from, to);
        }
        let full = branch_ref(&self.inner.git, user_branch)?;
        if self.tip_of(user_branch)? != to {
            return Ok(refused(LandRefusal::Moved { branch: user_branch.to_owned() }));
        }
        let reset: [OsString; 3] = ["--keep".into(), "--quiet".into(), from.into()];
        self.move_branch(&full, to, from, "reset", &reset)
    }

    /// Why a landing would be refused, as far as that can be known before.
    pub(super) fn land_refusal(&self, user_branch: &str, to: &str) -> Result<Option<LandRefusal>, GitError> {
        let from = self.tip_of(user_branch)?;
        match self.history_refusal(user_branch, &from, to)? {
            Some(reason) => Ok(Some(reason)),
            None => self.dirt_refusal(user_branch),
        }
    }

    /// Why the files of a branch's checkout can't be moved, if there is one and they can't.
    pub(super) fn dirt_refusal(&self, user_branch: &str) -> Result<Option<LandRefusal>, GitError> {
        let full = branch_ref(&self.inner.git, user_branch)?;
        match self.checkout_of(&full)? {
            Some(path) => self.dirt_of(&path),
            None => Ok(None),
        }
    }

    fn dirt_of(&self, checkout: &Path) -> Result<Option<LandRefusal>, GitError> {
        let dirt = self.dirtiness_at(&self.git_dir_of(checkout)?, checkout)?;
        let path = checkout.to_owned();
        Ok((!dirt.is_tracked_clean()).then(|| LandRefusal::Dirty { path, summary: dirt.summary() }))
    }

    fn history_refusal(&self, branch: &str, from: &str, to: &str) -> Result<Option<LandRefusal>, GitError> {
        if self.is_ancestor(to, from)? {
            return Ok(Some(LandRefusal::NothingNew));
        }
        let is_forward = self.is_ancestor(from, to)?;
        Ok((!is_forward).then(|| LandRefusal::NotFastForward { branch: branch.to_owned() }))
    }

    fn move_branch(
        &self,
        full: &str,
        from: &str,
        to: &str,
        subcommand: &'static str,
        args: &[OsString],
    ) -> Result<Landing, GitError> {
        let branch = full.trim_start_matches("refs/heads/").to_owned();
        let landed = Landing::Landed { from: from.to_owned(), to: to.to_owned() };
        let Some(path) = self.checkout_of(full)? else {
            return Ok(match self.swap_ref(full, to, Some(from))? {
                Advance::Moved => landed,
                Advance::Lost { .. } => refused(LandRefusal::Moved { branch }),
            });
        };
        if self.own_worktrees()?.iter().any(|worktree| worktree.path == path) {
            // An agent took the user's branch into its worktree: nothing there is trusted.
            return Err(GitError::CheckedOut { branch, path });
        }
        self.check_config()?;
        if let Some(reason) = self.dirt_of(&path)? {
            return Ok(refused(reason));
        }
        let git_dir = self.git_dir_of(&path)?;
        let moved =
            self.inner.git.call(&path, subcommand).at(&git_dir, &path).args(args.iter().cloned()).run();
        match moved {
            Ok(_) => Ok(landed),
            Err(GitError::Failed { stderr, .. }) if self.ref_value(full)?.as_deref() == Some(from) => {
                Ok(refused(LandRefusal::WouldOverwrite { message: stderr }))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn tip_of(&self, branch: &str) -> Result<String, GitError> {
        self.branch_tip(branch)?.ok_or_else(|| GitError::NoSuchRevision { rev: branch.to_owned() })
    }

    /// The git folder of one of the user's own checkouts.
    fn git_dir_of(&self, checkout: &Path) -> Result<PathBuf, GitError> {
        if checkout == self.root() {
            return Ok(self.git_dir().to_owned());
        }
        let text = self.inner.git.call(checkout, "rev-parse").arg("--absolute-git-dir").text()?;
        Ok(PathBuf::from(text))
    }
}

fn refused(reason: LandRefusal) -> Landing {
    Landing::Refused { reason }
}
