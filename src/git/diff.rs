//! What changed: patches, counts, logs, contents.
//!
//! Not for deciding what a change means. Invariant: the same two commits give the same text whatever the user's
//! settings, and no program of the repository's is run to make it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{GitError, Repository, Worktree};

/// How much one file changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    /// The path, after a rename the new one.
    pub path: PathBuf,
    /// Lines added; 0 for binary files.
    pub added: u64,
    /// Lines removed; 0 for binary files.
    pub removed: u64,
    /// Whether git takes the file for binary.
    pub binary: bool,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameStatus {
    /// The path.
    pub path: PathBuf,
    /// Whether the first commit has it.
    pub before: bool,
    /// Whether the second has it.
    pub after: bool,
}

/// How two commits differ, file by file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delta {
    /// How much each file changed; of a rename the new name.
    pub stats: Vec<FileStat>,
    /// Which side has it; of a rename both names.
    pub names: Vec<NameStatus>,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The commit.
    pub oid: String,
    /// Author date, seconds since 1970.
    pub time: i64,
    /// Author name. A hostile string, as the subject is.
    pub author: String,
    /// First line of the message.
    pub subject: String,
}

/// A patch longer than this (8 MiB) is cut, and says so.
const PATCH_LIMIT: usize = 8 << 20;
/// The same for the lines that differ (64 MiB).
const LINES_LIMIT: usize = 64 << 20;

impl Repository {
    /// The unified diff of two commits, of `paths` (files or folders, taken literally) or of everything.
    pub fn diff(&self, base: &str, tip: &str, paths: &[&Path]) -> Result<String, GitError> {
        let args = ["-p", "-M", "--no-color", "--src-prefix=a/", "--dst-prefix=b/"];
        let output = self.diff_tree(base, tip, &args).args(paths).limit(PATCH_LIMIT).run()?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.truncated {
            text.push_str("\n[the rest of this diff is left out: it is longer than 8 MiB]\n");
        }
        Ok(text)
    }

    /// Lines added and removed in each file that differs.
    pub fn numstat(&self, base: &str, tip: &str) -> Result<Vec<FileStat>, GitError> {
        Ok(self.delta(base, tip)?.stats)
    }

    /// How two commits differ, in one call.
    pub fn delta(&self, base: &str, tip: &str) -> Result<Delta, GitError> {
        let output = self.diff_tree(base, tip, &["-z", "-M", "--raw", "--numstat"]).run()?;
        let mut fields = output.stdout.split(|byte| *byte == 0);
        let mut delta = Delta::default();
        while let Some(entry) = fields.next().filter(|entry| !entry.is_empty()) {
            match entry.strip_prefix(b":") {
                Some(facts) => delta.names.extend(names_of(facts, &mut fields)),
                None => delta.stats.push(stat_of(entry, &mut fields)),
            }
        }
        delta.names.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(delta)
    }

    /// The files that differ; of a rename both names.
    pub fn changed_files(&self, base: &str, tip: &str) -> Result<Vec<PathBuf>, GitError> {
        let output = self.diff_tree(base, tip, &["-z", "--no-renames", "--name-only"]).run()?;
        let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect())
    }

    /// The unified diff from `base` to what lies in the worktree now, uncommitted and untracked files included. The
    /// agent may be running; its index is not touched.
    pub fn worktree_diff(&self, worktree: &Worktree, base: &str) -> Result<String, GitError> {
        let tree = self.worktree_tree(worktree, base)?;
        self.diff(base, &tree, &[])
    }

    /// The tree of what lies in the worktree now (`base` says what is tracked if HEAD is broken): two equal answers mean that nothing changed between.
    pub fn worktree_tree(&self, worktree: &Worktree, base: &str) -> Result<String, GitError> {
        let head = self.worktree_head(worktree)?;
        Ok(self.snapshot(worktree, Some(head.as_deref().unwrap_or(base)))?.tree)
    }

    /// Commits that `tip` has and `base` has not, newest first, at most `limit`.
    pub fn log(&self, base: &str, tip: &str, limit: usize) -> Result<Vec<LogEntry>, GitError> {
        let range = format!("{base}..{tip}");
        let count = format!("--max-count={limit}");
        let args =
            ["-z", "--no-color", "--format=%H%n%at%n%an%n%s", &count, "--end-of-options", &range, "--"];
        let text = self.call("log").args(args).text()?;
        let entries = text.split('\0').filter(|entry| !entry.is_empty());
        Ok(entries.filter_map(log_entry).collect())
    }

    /// The content of a file in a commit or tree; none if it is not there. At most `limit` bytes.
    pub fn read_file(&self, rev: &str, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, GitError> {
        let mut spec = std::ffi::OsString::from(format!("{rev}:"));
        spec.push(path);
        let output = self.call("cat-file").arg("blob").arg(spec).accept(&[0, 128]).limit(limit).run()?;
        Ok(Some(output.stdout).filter(|_| output.code == 0))
    }

    /// The lines in which two commits differ, as a patch without context, and whether that is all of it. Every file is
    /// taken for text: one byte that is none hides nothing.
    pub fn changed_lines(&self, base: &str, tip: &str) -> Result<(String, bool), GitError> {
        let args = ["-p", "-M", "-U0", "--text", "--no-color", "--src-prefix=a/", "--dst-prefix=b/"];
        let output = self.diff_tree(base, tip, &args).limit(LINES_LIMIT).run()?;
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), !output.truncated))
    }

    /// `diff-tree` with its options and the two trees; paths may follow.
    fn diff_tree(&self, base: &str, tip: &str, options: &[&str]) -> super::call::Call<'_> {
        let safe = ["-r", "--no-ext-diff", "--no-textconv", "--submodule=short"];
        self.call("diff-tree").args(safe).args(options).args(["--end-of-options", base, tip, "--"])
    }
}

/// Of `mode mode oid oid status` and the paths behind it (git-diff-tree(1), "raw output format"). A rename is a file that
/// goes and one that comes.
fn names_of<'a>(facts: &[u8], fields: &mut impl Iterator<Item = &'a [u8]>) -> Vec<NameStatus> {
    let status = facts.rsplit(|byte| *byte == b' ').next().and_then(|status| status.first()).copied();
    let mut name = |before, after| {
        let path = PathBuf::from(OsStr::from_bytes(fields.next().unwrap_or_default()));
        NameStatus { path, before, after }
    };
    match status {
        Some(b'R') => vec![name(true, false), name(false, true)],
        Some(b'C') => vec![name(true, true), name(false, true)],
        status => vec![name(status != Some(b'A'), status != Some(b'D'))],
    }
}

/// Of `added`, a tab, `removed`, a tab and the path. Of a rename both paths follow as fields of their own.
fn stat_of<'a>(entry: &'a [u8], fields: &mut impl Iterator<Item = &'a [u8]>) -> FileStat {
    let mut parts = entry.splitn(3, |byte| *byte == b'\t');
    let (added, removed) = (number(parts.next()), number(parts.next()));
    let mut path = parts.next().unwrap_or_default();
    if path.is_empty() {
        path = fields.nth(1).unwrap_or_default();
    }
    let path = PathBuf::from(OsStr::from_bytes(path));
    FileStat { path, added: added.unwrap_or(0), removed: removed.unwrap_or(0), binary: added.is_none() }
}

fn number(field: Option<&[u8]>) -> Option<u64> {
    std::str::from_utf8(field?).ok()?.parse().ok()
}

fn log_entry(entry: &str) -> Option<LogEntry> {
    let mut lines = entry.splitn(4, '\n');
    let oid = lines.next()?.to_owned();
    let time = lines.next()?.parse().ok()?;
    let author = lines.next()?.to_owned();
    Some(LogEntry { oid, time, author, subject: lines.next().unwrap_or_default().to_owned() })
}
