//! Branches of a workspace and those of the same name in its members.
//!
//! Not for the users' own branches (`landing`). Invariant: before the workspace's branch moves, every member's is known
//! to be able to follow.

use super::super::names::branch_ref;
use super::super::{Advance, GitError, Repository};

impl Repository {
    /// Creates the branch in the workspace and in each member. Doing it again is no error.
    pub(in crate::git) fn create_in_all(&self, name: &str, at: &str) -> Result<(), GitError> {
        let full = branch_ref(&self.inner.git, name)?;
        let at = self.resolve(at)?;
        let mut targets = Vec::new();
        for (place, member) in self.members().iter().enumerate() {
            let target = self.project(place, &at)?;
            if member.repository.branch_tip(name)?.is_some_and(|tip| tip != target) {
                let by = format!("{name} of {}", member.name);
                return Err(GitError::BranchTaken { name: name.to_owned(), by });
            }
            targets.push(target);
        }
        match self.ref_value(&full)? {
            Some(tip) if tip != at => {
                return Err(GitError::BranchTaken { name: name.to_owned(), by: name.to_owned() });
            }
            Some(_) => {}
            None => self.create_new_branch(name, &full, &at)?,
        }
        for (member, target) in self.members().iter().zip(&targets) {
            member.take(self.common_dir(), target)?;
            member.repository.create_branch(name, target)?;
        }
        Ok(())
    }

    /// Moves the workspace's branch from `old` to `new`, and then those of the members to what it says. Where the
    /// workspace's moved before and they did not follow, they do now.
    pub(in crate::git) fn advance_all(
        &self,
        branch: &str,
        new: &str,
        old: &str,
    ) -> Result<Advance, GitError> {
        let full = branch_ref(&self.inner.git, branch)?;
        self.check_members_only(new)?;
        // An agent that took the branch into its worktree would be moved with it, and undo the merge by its next commit.
        if let Some(path) = self.checkout_of(&full)? {
            return Err(GitError::CheckedOut { branch: branch.to_owned(), path });
        }
        // Each member's new commit is made before anything moves.
        let mut targets = Vec::new();
        for place in 0..self.members().len() {
            if self.folder(place, new)? == self.folder(place, old)? {
                let before = self.project(place, old)?;
                self.learn(place, new, &before);
                continue;
            }
            let target = self.project(place, new)?;
            self.can_follow(place, branch, old, &target)?;
            targets.push((place, target));
        }
        let outcome = self.swap_ref(&full, new, Some(old))?;
        if outcome == Advance::Moved {
            self.follow(branch, &targets)?;
        }
        Ok(outcome)
    }

    /// Fails if a member's branch could not be moved to its part of a commit.
    fn can_follow(&self, place: usize, branch: &str, old: &str, target: &str) -> Result<(), GitError> {
        let Some(member) = self.members().get(place) else { return Ok(()) };
        let Some(tip) = member.repository.branch_tip(branch)? else { return Ok(()) };
        if tip == target {
            return Ok(());
        }
        // One that was broken off before lags behind; one that somebody worked on does not lead there.
        if !self.is_ancestor(&tip, target)? {
            let (name, expected) = (format!("{branch} of {}", member.name), self.project(place, old)?);
            return Err(GitError::RefMoved { name, expected, actual: Some(tip) });
        }
        if let Some(path) = member.repository.checkout_of(&branch_ref(&self.inner.git, branch)?)? {
            return Err(GitError::CheckedOut { branch: format!("{branch} of {}", member.name), path });
        }
        Ok(())
    }

    /// Moves members' branches to their parts of a commit.
    fn follow(&self, branch: &str, targets: &[(usize, String)]) -> Result<(), GitError> {
        let full = branch_ref(&self.inner.git, branch)?;
        for (place, target) in targets {
            let Some(member) = self.members().get(*place) else { continue };
            let before = member.repository.branch_tip(branch)?;
            if before.as_ref() == Some(target) {
                continue;
            }
            member.take(self.common_dir(), target)?;
            if let Advance::Lost { actual } = member.repository.swap_ref(&full, target, before.as_deref())? {
                let name = format!("{branch} of {}", member.name);
                return Err(GitError::RefMoved { name, expected: target.clone(), actual });
            }
        }
        Ok(())
    }
}
