//! Branches and refs: reading, creating, moving by compare-and-swap.
//!
//! Not for choosing names. Invariant: a ref moves only from the value that the caller named.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::heads;
use super::names::{branch_ref, check_ref};
use super::{GitError, Repository, parse_oid};

/// How a compare-and-swap ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advance {
    /// The ref holds the new value.
    Moved,
    /// Somebody else was first.
    Lost {
        /// What the ref holds; none if it is gone.
        actual: Option<String>,
    },
}

impl Repository {
    /// The commit that a revision names. [`GitError::NoSuchRevision`] if it names none; a repository that can't be read
    /// is an error of its own.
    pub fn resolve(&self, rev: &str) -> Result<String, GitError> {
        if let Some(oid) = self.look_up(rev)? {
            return Ok(oid);
        }
        self.check_named(rev)?;
        Err(GitError::NoSuchRevision { rev: rev.to_owned() })
    }

    /// The same, but an object id is taken for a commit's: whoever uses it hears from git if it is none.
    pub(super) fn commit_named(&self, rev: &str) -> Result<String, GitError> {
        parse_oid(rev).or_else(|_| self.resolve(rev))
    }

    /// The commit that a revision names, if it names one.
    pub(super) fn look_up(&self, rev: &str) -> Result<Option<String>, GitError> {
        if is_no_name(rev) {
            return Ok(None);
        }
        let spec = format!("{rev}^{{commit}}");
        let call = self.call("rev-parse").args(["--verify", "-q", "--end-of-options", &spec]);
        match call.text() {
            Ok(output) => parse_oid(&output).map(Some),
            Err(GitError::Failed { code: Some(1), .. }) => Ok(None),
            // Before the beginning of a reflog: the one death that has no words.
            Err(GitError::Failed { code: Some(128), stderr, .. }) if stderr.is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// git is as silent about a ref whose commit was lost as about one that never was.
    fn check_named(&self, rev: &str) -> Result<(), GitError> {
        if parse_oid(rev).is_ok() || is_no_name(rev) {
            return Ok(());
        }
        let named = self.call("rev-parse").args(["--verify", "-q", "--end-of-options", rev]);
        if named.accept(&[0, 1, 128]).run()?.code == 0 {
            self.call("rev-list").args(["--max-count=1", "--objects", "--end-of-options", rev]).run()?;
        }
        Ok(())
    }

    /// The tip of a branch; none if there is no such branch.
    pub fn branch_tip(&self, name: &str) -> Result<Option<String>, GitError> {
        self.ref_value(&branch_ref(&self.inner.git, name)?)
    }

    /// Creates a branch at a commit. Doing it again is no error; a branch of that name elsewhere, or one whose name
    /// is a folder of this one (`a` and `a/b`), is [`GitError::BranchTaken`]. Of a workspace: in each member too.
    pub fn create_branch(&self, name: &str, at: &str) -> Result<(), GitError> {
        if self.is_workspace() {
            return self.create_in_all(name, at);
        }
        let full = branch_ref(&self.inner.git, name)?;
        let at = self.resolve(at)?;
        let existing = self.ref_value(&full)?;
        match existing {
            Some(tip) if tip == at => Ok(()),
            Some(_) => Err(GitError::BranchTaken { name: name.to_owned(), by: name.to_owned() }),
            None => self.create_new_branch(name, &full, &at),
        }
    }

    /// Creates a branch that was not there, at a commit that is.
    pub(super) fn create_new_branch(&self, name: &str, full: &str, at: &str) -> Result<(), GitError> {
        let taken = |by: String| Err(GitError::BranchTaken { name: name.to_owned(), by });
        match self.swap_ref(full, at, None) {
            Ok(Advance::Moved) => Ok(()),
            Ok(Advance::Lost { .. }) => taken(name.to_owned()),
            Err(error) => Err(self.collision(name, error)?),
        }
    }

    /// git refuses a name that is a folder of another; by whose is asked only then.
    pub(super) fn collision(&self, name: &str, error: GitError) -> Result<GitError, GitError> {
        let taken = |by| GitError::BranchTaken { name: name.to_owned(), by };
        Ok(self.colliding_branch(name)?.map_or(error, taken))
    }

    /// Moves a branch from `old` to `new`, or answers that it is no longer at `old`. A branch that any worktree has
    /// checked out is refused: that checkout would show changes that nobody made. Of a workspace: all members' follow.
    pub fn advance(&self, branch: &str, new: &str, old: &str) -> Result<Advance, GitError> {
        if self.is_workspace() {
            return self.advance_all(branch, new, old);
        }
        let full = branch_ref(&self.inner.git, branch)?;
        if let Some(path) = self.checkout_of(&full)? {
            return Err(GitError::CheckedOut { branch: branch.to_owned(), path });
        }
        self.swap_ref(&full, new, Some(old))
    }

    /// The newest commit on the first-parent line of `branch` (after `since`, if given) with this trailer: how a
    /// merge is known to have happened.
    pub fn has_trailer(
        &self,
        branch: &str,
        key: &str,
        value: &str,
        since: Option<&str>,
    ) -> Result<Option<String>, GitError> {
        let full = branch_ref(&self.inner.git, branch)?;
        let range = since.map_or(full.clone(), |since| format!("{since}..{full}"));
        let format = format!("--format=%H%x1f%(trailers:key={key},valueonly,unfold,separator=%x1f)");
        let call = self.call("log").args([
            "--first-parent",
            "-z",
            "--no-color",
            &format,
            "--end-of-options",
            &range,
            "--",
        ]);
        let text = call.text()?;
        for entry in text.split('\0') {
            let mut fields = entry.split('\u{1f}');
            let oid = fields.next().unwrap_or_default();
            if fields.any(|found| found.trim() == value) {
                return parse_oid(oid).map(Some);
            }
        }
        Ok(None)
    }

    /// Whether `ancestor` is `commit` or one of its ancestors.
    pub fn is_ancestor(&self, ancestor: &str, commit: &str) -> Result<bool, GitError> {
        let are_ids = parse_oid(ancestor).is_ok() && parse_oid(commit).is_ok();
        if are_ids && self.inner.known.descends(ancestor, commit) {
            return Ok(true);
        }
        let call = self.call("merge-base").args(["--is-ancestor", ancestor, commit]);
        let descends = call.accept(&[0, 1]).run()?.code == 0;
        // A history that was cut may grow: then what was none becomes an ancestor.
        if are_ids && descends {
            self.inner.known.learn_descent(ancestor, commit);
        }
        Ok(descends)
    }

    /// The tree of a commit.
    pub fn tree_of(&self, commit: &str) -> Result<String, GitError> {
        if let Some(tree) = self.inner.known.tree(commit) {
            return Ok(tree);
        }
        let spec = format!("{commit}^{{tree}}");
        let call = self.call("rev-parse").args(["--verify", "-q", "--end-of-options", &spec]);
        let tree = parse_oid(&call.text()?)?;
        if parse_oid(commit).is_ok() {
            self.inner.known.learn_tree(commit, &tree);
        }
        Ok(tree)
    }

    /// Removes lock files on loopmon's own refs and worktrees, and half-made entries of worktrees, that a kill left behind. Only those older than
    /// `min_age`, since a git that outlived a killed server may still be at work. Answers what was removed.
    pub fn clear_stale_locks(&self, min_age: Duration) -> Result<Vec<PathBuf>, GitError> {
        let common = self.common_dir();
        let mut folders: Vec<PathBuf> = ["refs/heads/loopmon", "refs/heads/loopmon-task", "refs/loopmon"]
            .iter()
            .map(|folder| common.join(folder))
            .collect();
        let mut removed = Vec::new();
        folders.extend(self.own_worktrees()?.into_iter().map(|worktree| worktree.git_dir));
        for draft in self.drafts_of_worktrees()? {
            let is_old = draft.symlink_metadata().is_ok_and(|meta| is_older(&meta, min_age));
            if is_old && std::fs::remove_dir_all(&draft).is_ok() {
                removed.push(draft);
            }
        }
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let Ok(meta) = path.symlink_metadata() else { continue };
                if meta.is_dir() {
                    folders.push(path);
                } else if is_stale_lock(&path, &meta, min_age) && std::fs::remove_file(&path).is_ok() {
                    removed.push(path);
                }
            }
        }
        Ok(removed)
    }

    pub(super) fn ref_value(&self, full: &str) -> Result<Option<String>, GitError> {
        if let Some(value) =
            heads::loose_ref(self.common_dir(), full).filter(|_| !self.keeps_refs_in_tables())
        {
            return Ok(Some(value));
        }
        // `show-ref --verify` takes the name as it stands; `rev-parse` would go on to guess at tags and the like.
        let output = self.call("show-ref").args(["--verify", "--hash", full]).accept(&[0, 128]).run()?;
        if output.code == 0 {
            return parse_oid(&String::from_utf8_lossy(&output.stdout)).map(Some);
        }
        // Only if it is quiet it tells a ref that is not there (1) from one that can't be read.
        let absent = self.call("show-ref").args(["--verify", "-q", full]).accept(&[0, 1]).run()?.code == 1;
        match absent {
            true => Ok(None),
            false => parse_oid(&self.call("show-ref").args(["--verify", "--hash", full]).text()?).map(Some),
        }
    }

    /// Compare-and-swap without a look at checkouts. `old` of none: the ref must not exist.
    pub(super) fn swap_ref(&self, full: &str, new: &str, old: Option<&str>) -> Result<Advance, GitError> {
        check_ref(&self.inner.git, full)?;
        let old_arg = old.map_or_else(|| "0".repeat(new.len()), str::to_owned);
        let call = self.call("update-ref").args(["--create-reflog", "-m", "loopmon", full, new, &old_arg]);
        let Err(error) = call.run() else { return Ok(Advance::Moved) };
        let actual = self.ref_value(full)?;
        match actual.as_deref() {
            Some(actual) if actual == new => Ok(Advance::Moved),
            // The value is as expected, so something else was wrong: a lock, a full disk, a colliding name.
            actual if actual == old => Err(error),
            _ => Ok(Advance::Lost { actual }),
        }
    }

    /// The checkout, if any, that stands on this ref.
    pub(super) fn checkout_of(&self, full: &str) -> Result<Option<PathBuf>, GitError> {
        if self.stands_nowhere(full) {
            return Ok(None);
        }
        Ok(self
            .checkouts()?
            .into_iter()
            .find(|(_, head)| head.as_deref() == Some(full))
            .map(|(path, _)| path))
    }

    fn colliding_branch(&self, name: &str) -> Result<Option<String>, GitError> {
        let parents = name.match_indices('/').map(|(end, _)| &name[..end]);
        for parent in parents {
            if self.ref_value(&format!("refs/heads/{parent}"))?.is_some() {
                return Ok(Some(parent.to_owned()));
            }
        }
        let prefix = format!("refs/heads/{name}/");
        let below =
            self.call("for-each-ref").args(["--count=1", "--format=%(refname:lstrip=2)", &prefix]).text()?;
        Ok(Some(below).filter(|below| !below.is_empty()))
    }
}

/// What no revision can be and no call may get.
fn is_no_name(rev: &str) -> bool {
    rev.starts_with('-') || rev.contains('\0')
}

fn is_stale_lock(path: &std::path::Path, meta: &std::fs::Metadata, min_age: Duration) -> bool {
    path.extension().is_some_and(|ext| ext == "lock") && is_older(meta, min_age)
}

fn is_older(meta: &std::fs::Metadata, min_age: Duration) -> bool {
    let age = meta.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
    age.is_some_and(|age| age >= min_age)
}
