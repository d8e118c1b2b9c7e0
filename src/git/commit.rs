//! What an agent left in its worktree, as a commit on the task's branch.
//!
//! Not for merging. Invariant: whatever the agent did to HEAD, the index or the branch, its work is what lies in the
//! files plus those of its own commits that descend from the base; nothing that was on the branch becomes
//! unreachable.

use std::path::PathBuf;

use super::call::Call;
use super::config::Checked;
use super::customs::MovedLink;
use super::heads::{self, Stand};
use super::known::Name;
use super::names::branch_ref;
use super::worktree::clear_operations;
use super::{Advance, GitError, Repository, Worktree, parse_oid};

/// What to commit, and onto what.
#[derive(Debug, Clone, Copy)]
pub struct CommitRequest<'a> {
    /// Subject and body. Newlines in the subject are the caller's to avoid; NULs are dropped.
    pub message: &'a str,
    /// Key and value of each trailer.
    pub trailers: &'a [(&'a str, &'a str)],
    /// Commits that were merged by hand into the files (a resolved conflict). Those already contained are left out.
    pub extra_parents: &'a [&'a str],
    /// The task's branch.
    pub branch: &'a str,
    /// The commit that the task started from.
    pub base: &'a str,
    /// Whether submodules may point to other commits than there and in the extra parents.
    pub moves_submodules: bool,
}

/// A worktree's work, committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitOutcome {
    /// The branch's tip: a new commit, or the agent's own if it had left nothing uncommitted.
    pub oid: String,
    /// Its tree.
    pub tree: String,
    /// Whether the tree differs from the base's. An agent's own commits count.
    pub changed: bool,
    /// Repositories that somebody made inside the worktree; their files are not in the commit.
    pub nested: Vec<PathBuf>,
}

impl Repository {
    /// Commits all that lies in the worktree, new files included and ignored ones not, and puts the branch, HEAD and
    /// the index there. The agent must not be running.
    pub fn commit_all(
        &self,
        worktree: &Worktree,
        request: &CommitRequest<'_>,
    ) -> Result<CommitOutcome, GitError> {
        let full = branch_ref(&self.inner.git, request.branch)?;
        self.mend(worktree)?;
        let tip = self.ref_value(&full)?;
        let is_on_it = heads::stand(&worktree.git_dir) == Some(Stand::Branch(full.clone()));
        let head = match &tip {
            Some(tip) if is_on_it => Some(tip.clone()),
            _ => self.worktree_head(worktree)?,
        };
        let parent = self.parent_for(head, request.base, tip.as_deref())?;
        self.drop_rules_beside_members(worktree)?;
        let snapshot = self.snapshot(worktree, Some(&parent))?;
        self.check_members_only(&snapshot.tree)?;
        if snapshot.has_links && !request.moves_submodules {
            let known: Vec<&str> =
                std::iter::once(request.base).chain(request.extra_parents.iter().copied()).collect();
            if let Some(MovedLink { path, oid }) =
                self.moved_links(&snapshot.tree, &known)?.into_iter().next()
            {
                return Err(GitError::SubmoduleMoved { path, oid });
            }
        }
        let extra = self.not_contained(request.extra_parents, &parent)?;
        let oid = if snapshot.tree == self.tree_of(&parent)? && extra.is_empty() {
            parent
        } else {
            let parents: Vec<&str> = std::iter::once(parent.as_str()).chain(extra.iter().copied()).collect();
            let text = message_with_trailers(request.message, request.trailers);
            self.commit_tree(&snapshot.tree, &parents, &text, None)?
        };
        let since: Vec<&str> =
            std::iter::once(request.base).chain(request.extra_parents.iter().copied()).collect();
        self.check_own_history(&oid, &since)?;
        self.own_objects(&oid, &since)?;
        self.keep_rewritten(request.branch, tip.as_deref(), &oid)?;
        if let Advance::Lost { actual } = self.swap_ref(&full, &oid, tip.as_deref())? {
            let expected = tip.unwrap_or_else(|| "no branch".to_owned());
            return Err(GitError::RefMoved { name: full, expected, actual });
        }
        if !is_on_it {
            self.call_in(worktree, "symbolic-ref").args(["-m", "loopmon", "HEAD", &full]).run()?;
        }
        clear_operations(&worktree.git_dir);
        let changed = snapshot.tree != self.tree_of(request.base)?;
        let outcome =
            CommitOutcome { oid, tree: snapshot.tree.clone(), changed, nested: snapshot.nested.clone() };
        snapshot.install_index(worktree)?;
        Ok(outcome)
    }

    /// Makes a commit object. `date` (seconds since 1970) fixes both dates, so that the same input gives the same id.
    pub(super) fn commit_tree(
        &self,
        tree: &str,
        parents: &[&str],
        message: &str,
        date: Option<i64>,
    ) -> Result<String, GitError> {
        let mut call = self.with_identity(self.call("commit-tree"))?.args([tree, "-F", "-"]);
        for parent in parents {
            call = call.args(["-p", parent]);
        }
        if let Some(date) = date {
            let date = format!("@{date} +0000");
            call = call.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        }
        let oid = parse_oid(&call.input(message.as_bytes().to_vec()).text()?)?;
        self.inner.known.learn_tree(&oid, tree);
        for parent in parents {
            self.inner.known.learn_descent(parent, &oid);
        }
        Ok(oid)
    }

    /// HEAD's commit if it descends from the base, else the branch's tip, else the base.
    fn parent_for(&self, head: Option<String>, base: &str, tip: Option<&str>) -> Result<String, GitError> {
        if let Some(head) = head
            && (head == base || self.is_ancestor(base, &head)?)
        {
            return Ok(head);
        }
        Ok(tip.unwrap_or(base).to_owned())
    }

    fn not_contained<'a>(&self, commits: &[&'a str], tip: &str) -> Result<Vec<&'a str>, GitError> {
        let mut missing = Vec::new();
        for commit in commits {
            if !self.is_ancestor(commit, tip)? {
                missing.push(*commit);
            }
        }
        Ok(missing)
    }

    /// An agent that amends or resets takes commits off the branch; they are kept in the trash.
    fn keep_rewritten(&self, branch: &str, tip: Option<&str>, new: &str) -> Result<(), GitError> {
        match tip {
            Some(tip) if tip != new && !self.is_ancestor(tip, new)? => {
                self.keep_in_trash(branch, tip).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// The user's configured name and address, if there are both; else loopmon's.
    fn with_identity<'a>(&self, call: Call<'a>) -> Result<Call<'a>, GitError> {
        let settings = self.config_files();
        let known = settings.as_ref().and_then(|settings| self.inner.known.name(settings));
        let (name, email) = match known {
            Some(name) => name,
            None => self.configured_name(settings)?,
        };
        let call = call.env("GIT_AUTHOR_NAME", &name).env("GIT_COMMITTER_NAME", &name);
        Ok(call.env("GIT_AUTHOR_EMAIL", &email).env("GIT_COMMITTER_EMAIL", &email))
    }

    fn configured_name(&self, settings: Option<Checked>) -> Result<Name, GitError> {
        let config = self.call("config").args(["-z", "--get-regexp", r"^user\.(name|email)$"]);
        let text = config.accept(&[0, 1]).text()?;
        let last = |key: &str| {
            let mut values = text.split('\0').filter_map(|entry| entry.strip_prefix(key));
            values
                .next_back()
                .map(|value| value.trim_matches('\n').to_owned())
                .filter(|value| !value.is_empty())
        };
        let name = match (last("user.name\n"), last("user.email\n")) {
            (Some(name), Some(email)) => (name, email),
            _ => ("loopmon".to_owned(), "loopmon@localhost".to_owned()),
        };
        if let Some(settings) = settings {
            self.inner.known.learn_name(settings, &name);
        }
        Ok(name)
    }
}

/// The message with its trailers as a paragraph of their own, so that lines of the message that look like trailers
/// are not taken for them.
pub(super) fn message_with_trailers(message: &str, trailers: &[(&str, &str)]) -> String {
    let message = message.replace('\0', "");
    let message = message.trim();
    let mut text = if message.is_empty() { "loopmon".to_owned() } else { message.to_owned() };
    text.push('\n');
    if !trailers.is_empty() {
        text.push('\n');
    }
    for (key, value) in trailers {
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        text.push_str(&format!("{key}: {}\n", value.trim()));
    }
    text
}
