//! What work in a workspace may bring, and what is kept of it.
//!
//! Not for committing or merging it. Invariant: what passes here can be told to the members: it has a folder for each and
//! nothing else, no history but its own, and every object that it needs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::super::worktree::io;
use super::super::{GitError, Repository, Worktree};

impl Repository {
    /// Fails if a tree of the workspace holds anything but a folder for each of its members: nobody would get the rest, and
    /// a repository that is gone as a whole is no work.
    pub(in crate::git) fn check_members_only(&self, tree: &str) -> Result<(), GitError> {
        if !self.is_workspace() {
            return Ok(());
        }
        let folders = self.folders(tree)?;
        for (name, folder) in folders.iter() {
            if self.members().iter().all(|member| member.name != *name) {
                return Err(GitError::OutsideMembers { path: PathBuf::from(name) });
            }
            if folder.is_none() {
                return Err(GitError::NoFolder { name: name.clone() });
            }
        }
        match self.members().iter().find(|member| !folders.contains_key(&member.name)) {
            Some(member) => Err(GitError::NoFolder { name: member.name.clone() }),
            None => Ok(()),
        }
    }

    /// Fails if work brings in commits that are not made of the members' folders: a member's own, which are others' work
    /// and have no place in the folder of any. `since` is what the work began from and has merged.
    pub(in crate::git) fn check_own_history(&self, tip: &str, since: &[&str]) -> Result<(), GitError> {
        if !self.is_workspace() || since.contains(&tip) {
            return Ok(());
        }
        let new = self.call("rev-list").args(["--parents", tip, "--not"]).args(since).text()?;
        let mut seen = BTreeSet::new();
        for commit in new.split_whitespace().filter(|commit| seen.insert(*commit)) {
            let folders = self.folders(commit)?;
            if !self.members().iter().any(|member| folders.contains_key(&member.name)) {
                return Err(GitError::ForeignHistory { commit: commit.to_owned() });
            }
        }
        Ok(())
    }

    /// Takes away what an agent wrote beside the members to have git treat their files otherwise.
    pub(in crate::git) fn drop_rules_beside_members(&self, worktree: &Worktree) -> Result<(), GitError> {
        for file in [".gitignore", ".gitattributes"].map(|name| worktree.path.join(name)) {
            if self.is_workspace() && file.symlink_metadata().is_ok_and(|meta| !meta.is_dir()) {
                std::fs::remove_file(&file).map_err(io("remove", &file))?;
            }
        }
        Ok(())
    }

    /// Has the store hold by itself what is new in a commit. git writes nothing that a member has already, and the member
    /// forgets what no branch of its own leads to.
    pub(in crate::git) fn own_objects(&self, commit: &str, since: &[&str]) -> Result<(), GitError> {
        if !self.is_workspace() || since.contains(&commit) {
            return Ok(());
        }
        let new = self.call("rev-list").args(["--objects", commit, "--not"]).args(since).text()?;
        let objects = self.common_dir().join("objects");
        let is_borrowed = |oid: &&str| {
            let (folder, file) = oid.split_at_checked(2).unwrap_or(("", oid));
            !objects.join(folder).join(file).exists()
        };
        let oids = new.lines().filter_map(|line| line.split(' ').next());
        let borrowed: String = oids.filter(is_borrowed).map(|oid| format!("{oid}\n")).collect();
        if !borrowed.is_empty() {
            let pack = self.call("pack-objects").arg("--quiet").arg(objects.join("pack/pack"));
            pack.input(borrowed.into_bytes()).run()?;
        }
        Ok(())
    }
}
