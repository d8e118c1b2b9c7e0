//! A worktree and its branch put back to an earlier commit.
//!
//! Invariant: what was there, committed or not, is under `refs/loopmon/trash/` before anything moves; doing it again
//! changes nothing.

use super::names::branch_ref;
use super::trash::TrashEntry;
use super::{Advance, GitError, Repository, Worktree};

impl Repository {
    /// Puts them back; answers where is kept what was there. The agent must not be running.
    pub fn rewind(&self, worktree: &Worktree, branch: &str, to: &str) -> Result<Vec<TrashEntry>, GitError> {
        let full = branch_ref(&self.inner.git, branch)?;
        let to = self.resolve(to)?;
        self.mend(worktree)?;
        let mut kept: Vec<TrashEntry> = self.stash_to_ref(worktree, branch)?.into_iter().collect();
        let tip = self.ref_value(&full)?;
        if let Some(tip) = tip.as_deref().filter(|tip| *tip != to) {
            kept.push(self.keep_in_trash(branch, tip)?);
        }
        if let Advance::Lost { actual } = self.swap_ref(&full, &to, tip.as_deref())? {
            let expected = tip.unwrap_or_else(|| "no branch".to_owned());
            return Err(GitError::RefMoved { name: full, expected, actual });
        }
        self.call_in(worktree, "symbolic-ref").args(["-m", "loopmon", "HEAD", &full]).run()?;
        self.check_out(worktree, &to, "-fdxq")?;
        Ok(kept)
    }
}
