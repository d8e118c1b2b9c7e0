//! Merge candidates, made beside every checkout, and conflicts as something an agent can work on.
//!
//! Not for moving branches (`refs`) nor for proving the merged tree (the gates do). Invariant: the same commits,
//! message and date give the same candidate, so a merge that was begun before a crash is recognised after it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::commit::message_with_trailers;
use super::names::branch_ref;
use super::worktree::clear_operations;
use super::{GitError, Repository, Worktree, parse_oid};

/// What to merge.
#[derive(Debug, Clone, Copy)]
pub struct MergeRequest<'a> {
    /// The first parent: the integration branch's tip.
    pub ours: &'a str,
    /// The second parent: the task's commit.
    pub theirs: &'a str,
    /// Subject and body of the merge commit.
    pub message: &'a str,
    /// Key and value of each trailer.
    pub trailers: &'a [(&'a str, &'a str)],
    /// Both dates of the commit, seconds since 1970.
    pub date: i64,
}

/// How a merge would turn out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidate {
    /// It merges; the commit exists, and no branch points to it yet.
    Clean {
        /// The merge commit.
        commit: String,
        /// Its tree.
        tree: String,
    },
    /// It doesn't.
    Conflict {
        /// The merged tree with conflict markers in it.
        tree: String,
        /// The files in conflict.
        files: Vec<ConflictFile>,
        /// git's words, such as "CONFLICT (content): Merge conflict in a.txt".
        messages: Vec<String>,
    },
}

/// One file in conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictFile {
    /// Where it is.
    pub path: PathBuf,
    /// The conflicted places with their markers, each under its line number; cut after 4 KiB. Empty if the conflict
    /// is not one of lines (a file deleted here and changed there), and after the first 32 files.
    pub hunks: String,
}

/// Files whose hunks are shown: each is a call of git.
const SHOWN_FILES: usize = 32;
const HUNKS_LIMIT: usize = 4 << 10;
const FILE_LIMIT: usize = 4 << 20;

impl Repository {
    /// Merges two commits without touching any checkout or branch.
    pub fn merge_candidate(&self, request: &MergeRequest<'_>) -> Result<Candidate, GitError> {
        self.check_config()?;
        let merged = match self.inner.known.merge(request.ours, request.theirs) {
            Some(tree) => match self.clean_candidate(request, tree) {
                // Somebody had git forget a tree that no branch leads to: it is made again.
                Err(GitError::Failed { .. }) => self.merge_tree(request.ours, request.theirs)?,
                done => return done,
            },
            None => self.merge_tree(request.ours, request.theirs)?,
        };
        if merged.is_clean() {
            return self.clean_candidate(request, merged.tree);
        }
        let files = self.conflict_files(&merged)?;
        Ok(Candidate::Conflict { tree: merged.tree, files, messages: merged.messages })
    }

    fn clean_candidate(&self, request: &MergeRequest<'_>, tree: String) -> Result<Candidate, GitError> {
        let text = message_with_trailers(request.message, request.trailers);
        let parents = [request.ours, request.theirs];
        let commit = self.commit_tree(&tree, &parents, &text, Some(request.date))?;
        self.own_objects(&commit, &parents)?;
        Ok(Candidate::Clean { commit, tree })
    }

    /// The files in which two commits would conflict: the forecast between tasks in flight. Writes no commit; of many
    /// files only the first have their hunks.
    pub fn conflicts_between(&self, ours: &str, theirs: &str) -> Result<Vec<ConflictFile>, GitError> {
        self.check_config()?;
        if self.inner.known.merge(ours, theirs).is_some() {
            return Ok(Vec::new());
        }
        let merged = self.merge_tree(ours, theirs)?;
        self.conflict_files(&merged)
    }

    fn conflict_files(&self, merged: &MergedTree) -> Result<Vec<ConflictFile>, GitError> {
        let mut files = Vec::new();
        for (number, path) in merged.conflicts.iter().enumerate() {
            let hunks = if number < SHOWN_FILES {
                let content = self.read_file(&merged.tree, path, FILE_LIMIT)?.unwrap_or_default();
                conflict_hunks(&String::from_utf8_lossy(&content))
            } else {
                String::new()
            };
            files.push(ConflictFile { path: path.clone(), hunks });
        }
        Ok(files)
    }

    /// Puts a conflicted merge tree into a task's worktree, on its branch, so that an agent can resolve it: the files
    /// hold the markers, HEAD and the index stay at the branch's tip. Fails with [`GitError::WorktreeDirty`] if
    /// something else is uncommitted there ([`Repository::reset_worktree`] clears it).
    pub fn stage_conflict(&self, worktree: &Worktree, branch: &str, tree: &str) -> Result<(), GitError> {
        let full = branch_ref(&self.inner.git, branch)?;
        let no_branch = || GitError::NoSuchRevision { rev: branch.to_owned() };
        let tip = self.ref_value(&full)?.ok_or_else(no_branch)?;
        self.mend(worktree)?;
        let snapshot = self.snapshot(worktree, Some(&tip))?;
        if snapshot.tree != parse_oid(tree)? && snapshot.tree != self.tree_of(&tip)? {
            return Err(GitError::WorktreeDirty { path: worktree.path.clone() });
        }
        self.call_in(worktree, "symbolic-ref").args(["-m", "loopmon", "HEAD", &full]).run()?;
        clear_operations(&worktree.git_dir);
        snapshot.install_index(worktree)?;
        let index = worktree.git_dir.join("index");
        let call = || self.call_on(&worktree.path, "read-tree").index(&index);
        call().args(["--reset", "-u", tree]).run()?;
        call().args(["--reset", &tip]).run()?;
        Ok(())
    }

    /// Those of `paths` that still hold conflict markers in the worktree.
    pub fn unresolved_markers(
        &self,
        worktree: &Worktree,
        paths: &[PathBuf],
    ) -> Result<Vec<PathBuf>, GitError> {
        let mut unresolved = Vec::new();
        for path in paths {
            let file = worktree.path.join(path);
            // Anything but a file (deleted, a link, a folder) is a resolution too.
            if !file.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
                continue;
            }
            let content = std::fs::read(&file).map_err(super::worktree::io("read", &file))?;
            if content.split(|byte| *byte == b'\n').any(is_marker) {
                unresolved.push(path.clone());
            }
        }
        Ok(unresolved)
    }

    fn merge_tree(&self, ours: &str, theirs: &str) -> Result<MergedTree, GitError> {
        let args = ["--write-tree", "-z", "--messages", "--end-of-options", ours, theirs];
        let output = self.call("merge-tree").args(args).accept(&[0, 1]).run()?;
        let merged = parse_merge_tree(&output.stdout, output.code == 0)?;
        if merged.is_clean() && parse_oid(ours).is_ok() && parse_oid(theirs).is_ok() {
            self.inner.known.learn_merge(ours, theirs, &merged.tree);
        }
        Ok(merged)
    }
}

struct MergedTree {
    clean: bool,
    tree: String,
    conflicts: BTreeSet<PathBuf>,
    messages: Vec<String>,
}

impl MergedTree {
    fn is_clean(&self) -> bool {
        self.clean && self.conflicts.is_empty()
    }
}

/// Output of `git merge-tree -z` (git-merge-tree(1), OUTPUT): the tree; `mode oid stage\tpath` of each conflicted
/// stage; an empty field; then of each message a count, that many paths, a type and the text.
fn parse_merge_tree(bytes: &[u8], clean: bool) -> Result<MergedTree, GitError> {
    let mut fields = bytes.split(|byte| *byte == 0);
    let tree = parse_oid(&String::from_utf8_lossy(fields.next().unwrap_or_default()))?;
    let mut conflicts = BTreeSet::new();
    for field in fields.by_ref().take_while(|field| !field.is_empty()) {
        if let Some(path) = field.splitn(2, |byte| *byte == b'\t').nth(1) {
            conflicts.insert(PathBuf::from(OsStr::from_bytes(path)));
        }
    }
    let mut messages = Vec::new();
    while let Some(count) =
        fields.next().and_then(|f| std::str::from_utf8(f).ok()?.trim().parse::<usize>().ok())
    {
        let kind = fields.nth(count).unwrap_or_default();
        let text = String::from_utf8_lossy(fields.next().unwrap_or_default()).trim().to_owned();
        if !clean && kind.starts_with(b"CONFLICT") {
            messages.push(text);
        }
    }
    Ok(MergedTree { clean, tree, conflicts, messages })
}

fn is_marker(line: &[u8]) -> bool {
    line.starts_with(b"<<<<<<< ") || line.starts_with(b">>>>>>> ") || line.starts_with(b"||||||| ")
}

/// The lines between markers, markers included, each block under the number of its first line.
fn conflict_hunks(content: &str) -> String {
    let mut hunks = String::new();
    let mut inside = false;
    for (number, line) in content.lines().enumerate() {
        if line.starts_with("<<<<<<< ") {
            inside = true;
            hunks.push_str(&format!("@@ line {} @@\n", number + 1));
        }
        if !inside {
            continue;
        }
        if hunks.len() + line.len() > HUNKS_LIMIT {
            hunks.push_str("[the rest is left out]\n");
            break;
        }
        hunks.push_str(line);
        hunks.push('\n');
        inside = !line.starts_with(">>>>>>> ");
    }
    hunks
}
