//! Worktrees: making, mending, resetting.
//!
//! Not for their content (`commit`) nor for throwing them away (`trash`). Invariant: a worktree is complete if and
//! only if its marker is there; the marker is written last, so whatever a killed call leaves is known as half-made
//! and made anew.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::names::branch_ref;
use super::trash::remove_tree;
use super::{Advance, GitError, Repository};

/// A worktree that loopmon made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worktree {
    /// The folder with the files.
    pub path: PathBuf,
    /// Its own git folder, `<common>/worktrees/<id>`: the one that is trusted, whatever the `.git` file says.
    pub git_dir: PathBuf,
    /// The branch that it was made for; none for one that is detached.
    pub branch: Option<String>,
}

/// Written into the worktree's git folder when it is complete: the branch, a NUL, the path.
const MARKER: &str = "loopmon";
/// Keeps `git worktree prune` (and `git gc`) away from worktrees whose `.git` file an agent deleted.
pub(super) const LOCK_REASON: &str = "in use by loopmon";
/// What git itself writes while `worktree add` is under way.
const GIT_INITIALIZING: &str = "initializing";

impl Repository {
    /// Makes a worktree at `path` for `branch`, which is created at `at` if it doesn't exist. Calling it again gives
    /// the same worktree untouched; what an interrupted call left is cleared first. A folder at `path` that git does
    /// not know is moved aside, not deleted.
    pub fn add_worktree(&self, path: &Path, branch: &str, at: &str) -> Result<Worktree, GitError> {
        let full = branch_ref(&self.inner.git, branch)?;
        let path = settled(path)?;
        if let Some(existing) = self.reuse_or_clear(&path, Some(branch))? {
            return Ok(existing);
        }
        let at = self.commit_named(at)?;
        let start = self.begin_branch(branch, &full, at)?;
        self.make(path.clone(), Some(branch), &start)
            .map_err(|error| self.explained(error, branch, &full, &path))
    }

    /// Where work on a branch begins: at its tip, or, if there is no such branch yet, at a commit, where it is made.
    fn begin_branch(&self, branch: &str, full: &str, at: String) -> Result<String, GitError> {
        match self.swap_ref(full, &at, None) {
            Ok(Advance::Moved) => Ok(at),
            Ok(Advance::Lost { actual: Some(tip) }) if self.is_ancestor(&at, &tip)? => Ok(tip),
            Ok(Advance::Lost { .. }) => {
                Err(GitError::BranchTaken { name: branch.to_owned(), by: branch.to_owned() })
            }
            Err(error) => {
                self.resolve(&at)?;
                Err(self.collision(branch, error)?)
            }
        }
    }

    /// Why there is no worktree of a branch: git refuses one that is checked out somewhere.
    fn explained(&self, error: GitError, branch: &str, full: &str, wanted: &Path) -> GitError {
        let is_refused = matches!(error, GitError::Failed { .. });
        match self.checkout_of(full) {
            Ok(Some(path)) if is_refused && path != wanted => {
                GitError::CheckedOut { branch: branch.to_owned(), path }
            }
            _ => error,
        }
    }

    /// Makes a worktree at `path` without a branch: for reviewers and for proving merges.
    pub fn add_detached_worktree(&self, path: &Path, at: &str) -> Result<Worktree, GitError> {
        let path = settled(path)?;
        if let Some(existing) = self.reuse_or_clear(&path, None)? {
            self.reset_detached(&existing, at)?;
            return Ok(existing);
        }
        let at = self.commit_named(at)?;
        match self.make(path, None, &at) {
            Err(error @ GitError::Failed { .. }) => self.resolve(&at).and(Err(error)),
            made => made,
        }
    }

    /// The worktree of loopmon's at `path`.
    pub fn open_worktree(&self, path: &Path) -> Result<Worktree, GitError> {
        let missing = || GitError::NoSuchWorktree { path: path.to_owned() };
        let settled = path.canonicalize().map_err(|_| missing())?;
        self.own_worktrees()?.into_iter().find(|worktree| worktree.path == settled).ok_or_else(missing)
    }

    /// All complete worktrees that loopmon made in this repository.
    pub fn own_worktrees(&self) -> Result<Vec<Worktree>, GitError> {
        let folders = self.admin_folders()?.into_iter();
        Ok(folders.filter_map(|git_dir| read_marker(&git_dir)).collect())
    }

    /// Puts the files of a detached worktree to exactly the commit `at`: changes, new files and ignored files go.
    /// A branch that somebody checked out in it is left where it was.
    pub fn reset_detached(&self, worktree: &Worktree, at: &str) -> Result<(), GitError> {
        self.check_config()?;
        let at = self.resolve(at)?;
        self.mend(worktree)?;
        self.call_in(worktree, "update-ref").args(["--no-deref", "HEAD", &at]).run()?;
        self.check_out(worktree, &at, "-ffdxq")
    }

    /// Repairs the links between a worktree and its git folder and drops stale locks. The agent that works there must
    /// not be running.
    pub fn mend(&self, worktree: &Worktree) -> Result<(), GitError> {
        let missing = || GitError::NoSuchWorktree { path: worktree.path.clone() };
        let meta = worktree.path.symlink_metadata().map_err(|_| missing())?;
        if !meta.is_dir() {
            return Err(missing());
        }
        let git_dir = &worktree.git_dir;
        if !git_dir.is_dir() {
            self.restore_admin_folder(worktree)?;
        }
        for lock in ["index.lock", "HEAD.lock"] {
            let _ = std::fs::remove_file(git_dir.join(lock));
        }
        ensure_content(&git_dir.join("commondir"), b"../..\n")?;
        let link = worktree.path.join(".git");
        ensure_content(&git_dir.join("gitdir"), &line(b"", link.as_os_str()))?;
        if link.symlink_metadata().is_ok_and(|meta| !meta.is_file()) {
            set_aside(&link, &git_dir.join("replaced-git"))?;
        }
        ensure_content(&link, &line(b"gitdir: ", git_dir.as_os_str()))
    }

    /// A call inside the worktree's own git folder, for its HEAD. Only after [`Repository::mend`].
    pub(super) fn call_in(&self, worktree: &Worktree, subcommand: &'static str) -> super::call::Call<'_> {
        self.inner.git.call(&worktree.path, subcommand).at(&worktree.git_dir, &worktree.path)
    }

    /// Puts the files to a commit and cleans away the others; HEAD is the caller's.
    pub(super) fn check_out(&self, worktree: &Worktree, commit: &str, clean: &str) -> Result<(), GitError> {
        clear_operations(&worktree.git_dir);
        self.check_out_fresh(worktree, commit)?;
        let index = worktree.git_dir.join("index");
        self.call_on(&worktree.path, "clean").index(&index).arg(clean).run()?;
        Ok(())
    }

    /// The commit that the worktree's HEAD names, whatever an agent made of it; none if it names nothing.
    pub(super) fn worktree_head(&self, worktree: &Worktree) -> Result<Option<String>, GitError> {
        let id = worktree.git_dir.file_name().unwrap_or_default().to_string_lossy();
        self.look_up(&format!("worktrees/{id}/HEAD"))
    }

    /// Every checkout of the repository with the ref it stands on.
    pub(super) fn checkouts(&self) -> Result<Vec<(PathBuf, Option<String>)>, GitError> {
        let register = self.register();
        let output = self.call("worktree").args(["list", "--porcelain", "-z"]).run()?;
        drop(register);
        let mut found: Vec<(PathBuf, Option<String>)> = Vec::new();
        for field in output.stdout.split(|byte| *byte == 0) {
            if let Some(path) = field.strip_prefix(b"worktree ") {
                found.push((PathBuf::from(OsStr::from_bytes(path)), None));
            } else if let (Some(head), Some(last)) = (field.strip_prefix(b"branch "), found.last_mut()) {
                last.1 = Some(String::from_utf8_lossy(head).into_owned());
            }
        }
        Ok(found)
    }

    fn make(&self, path: PathBuf, branch: Option<&str>, commit: &str) -> Result<Worktree, GitError> {
        self.check_config()?;
        let git_dir = self.enter_in_register(&path, branch, commit)?;
        let worktree = Worktree { path, git_dir, branch: branch.map(str::to_owned) };
        if let Err(error) = self.check_out_fresh(&worktree, commit) {
            // Nobody has worked in it, and its HEAD may name what is no commit.
            self.discard_worktree(&worktree)?;
            return Err(error);
        }
        write_marker(&worktree)?;
        Ok(worktree)
    }

    /// Writes the files of a commit as if there were no index: no flag that somebody set in it can hide a file.
    fn check_out_fresh(&self, worktree: &Worktree, commit: &str) -> Result<(), GitError> {
        let index = worktree.git_dir.join("index");
        let _ = std::fs::remove_file(&index);
        self.call_on(&worktree.path, "read-tree").index(&index).args(["--reset", "-u", commit]).run()?;
        Ok(())
    }

    /// What stands at `path`: a worktree that can be used as it is, or nothing once this returns.
    fn reuse_or_clear(&self, path: &Path, branch: Option<&str>) -> Result<Option<Worktree>, GitError> {
        let Some(git_dir) = self.registration(path)? else {
            return set_leftovers_aside(path).map(|()| None);
        };
        let taken = |by: String| GitError::WorktreeTaken { path: path.to_owned(), by };
        match read_marker(&git_dir) {
            Some(found) if found.branch.as_deref() == branch => {
                if path.is_dir() {
                    self.mend(&found)?;
                    return Ok(Some(found));
                }
                self.remove_from_register(&git_dir)?;
            }
            Some(found) => {
                return Err(taken(found.branch.unwrap_or_else(|| "a detached worktree".to_owned())));
            }
            None => {
                let reason = std::fs::read_to_string(git_dir.join("locked")).unwrap_or_default();
                if !matches!(reason.trim(), LOCK_REASON | GIT_INITIALIZING) {
                    return Err(taken("a worktree that loopmon did not make".to_owned()));
                }
                // Nothing has worked here yet: the files are only a part of a commit.
                remove_tree(path)?;
                self.remove_from_register(&git_dir)?;
            }
        }
        Ok(None)
    }

    /// The git folder of the worktree that is registered for `path`.
    pub(super) fn registration(&self, path: &Path) -> Result<Option<PathBuf>, GitError> {
        let wanted = line(b"", path.join(".git").as_os_str());
        let is_registered = |folder: &PathBuf| {
            let own = read_marker(folder).is_some_and(|worktree| worktree.path == path);
            own || std::fs::read(folder.join("gitdir")).is_ok_and(|text| text == wanted)
        };
        Ok(self.admin_folders()?.into_iter().find(is_registered))
    }

    pub(super) fn register(&self) -> std::sync::MutexGuard<'_, ()> {
        self.inner.register.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes a worktree's git folder away.
    pub(super) fn remove_from_register(&self, git_dir: &Path) -> Result<(), GitError> {
        let _register = self.register();
        remove_tree(git_dir)
    }

    pub(super) fn admin_folders(&self) -> Result<Vec<PathBuf>, GitError> {
        let folder = self.common_dir().join("worktrees");
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(GitError::Io { action: "list", path: folder, source }),
        };
        let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        folders.sort();
        Ok(folders)
    }

    /// Rebuilds the git folder that somebody pruned while the files were still there.
    fn restore_admin_folder(&self, worktree: &Worktree) -> Result<(), GitError> {
        let dir = &worktree.git_dir;
        std::fs::create_dir_all(dir).map_err(io("create", dir))?;
        let head = match &worktree.branch {
            Some(branch) => format!("ref: refs/heads/{branch}\n"),
            None => format!("{}\n", self.resolve("HEAD")?),
        };
        ensure_content(&dir.join("HEAD"), head.as_bytes())?;
        ensure_content(&dir.join("commondir"), b"../..\n")?;
        ensure_content(&dir.join("locked"), LOCK_REASON.as_bytes())?;
        write_marker(worktree)
    }
}

/// Forgets a merge, rebase or the like that an agent left half done.
pub(super) fn clear_operations(git_dir: &Path) {
    const FILES: [&str; 8] = [
        "MERGE_HEAD",
        "MERGE_MSG",
        "MERGE_MODE",
        "MERGE_RR",
        "AUTO_MERGE",
        "CHERRY_PICK_HEAD",
        "REVERT_HEAD",
        "SQUASH_MSG",
    ];
    for file in FILES {
        let _ = std::fs::remove_file(git_dir.join(file));
    }
    for folder in ["rebase-merge", "rebase-apply", "sequencer"] {
        let _ = std::fs::remove_dir_all(git_dir.join(folder));
    }
}

pub(super) fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> GitError + 'a {
    move |source| GitError::Io { action, path: path.to_owned(), source }
}

fn read_marker(git_dir: &Path) -> Option<Worktree> {
    let bytes = std::fs::read(git_dir.join(MARKER)).ok()?;
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let (branch, path) = bytes.split_at(end);
    let branch = String::from_utf8(branch.to_owned()).ok()?;
    let path = PathBuf::from(OsStr::from_bytes(path.strip_prefix(&[0])?));
    let branch = Some(branch).filter(|branch| !branch.is_empty());
    Some(Worktree { path, git_dir: git_dir.to_owned(), branch })
}

fn write_marker(worktree: &Worktree) -> Result<(), GitError> {
    let mut content = worktree.branch.clone().unwrap_or_default().into_bytes();
    content.push(0);
    content.extend(worktree.path.as_os_str().as_bytes());
    ensure_content(&worktree.git_dir.join(MARKER), &content)
}

/// Writes a small file by way of a temporary name, unless it already holds just this.
pub(super) fn ensure_content(path: &Path, content: &[u8]) -> Result<(), GitError> {
    if path.symlink_metadata().is_ok_and(|meta| meta.is_file())
        && std::fs::read(path).is_ok_and(|c| c == content)
    {
        return Ok(());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".loopmon-new");
    let temporary = path.with_file_name(name);
    std::fs::write(&temporary, content).map_err(io("write", &temporary))?;
    std::fs::rename(&temporary, path).map_err(io("write", path))
}

pub(super) fn line(prefix: &[u8], text: &OsStr) -> Vec<u8> {
    [prefix, text.as_bytes(), b"\n"].concat()
}

/// The path as git will record it: absolute, its parent made and free of symbolic links.
fn settled(path: &Path) -> Result<PathBuf, GitError> {
    let refused = |by: &str| GitError::WorktreeTaken { path: path.to_owned(), by: by.to_owned() };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(refused("no folder can be made there"));
    };
    std::fs::create_dir_all(parent).map_err(io("create", parent))?;
    let settled = parent.canonicalize().map_err(io("resolve", parent))?.join(name);
    if settled.is_symlink() {
        return Err(refused("a symbolic link"));
    }
    Ok(settled)
}

fn set_leftovers_aside(path: &Path) -> Result<(), GitError> {
    let is_empty = |path: &Path| std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if path.symlink_metadata().is_err() || is_empty(path) {
        return Ok(());
    }
    set_aside(path, path)
}

/// Renames `path` to `<stem>.left-<n>` with the first number that is free.
fn set_aside(path: &Path, stem: &Path) -> Result<(), GitError> {
    let name = stem.file_name().unwrap_or_default();
    for number in 1..1000 {
        let mut candidate = name.to_owned();
        candidate.push(format!(".left-{number}"));
        let target = stem.with_file_name(candidate);
        if target.symlink_metadata().is_err() {
            return std::fs::rename(path, &target).map_err(io("move aside", path));
        }
    }
    Err(GitError::WorktreeTaken { path: path.to_owned(), by: "leftovers of a thousand others".to_owned() })
}
