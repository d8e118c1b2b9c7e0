//! The register of worktrees: a new entry in it.
//!
//! Not for files of a worktree. Invariant: an entry that is made here is whole before anybody can see it, and locked, so
//! that no `git worktree prune` takes it away; where git's own way is any different from this one, git makes it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::names::branch_ref;
use super::trash::remove_tree;
use super::worktree::{LOCK_REASON, io, line};
use super::{GitError, Repository};

/// What the folder of an entry is called until it is whole.
const DRAFT: &str = "loopmon-new-";
/// Entries of one name that are tried.
const TRIES: u32 = 1000;

impl Repository {
    /// Entries that are not whole, some of them perhaps being made at this moment.
    pub(super) fn drafts_of_worktrees(&self) -> Result<Vec<PathBuf>, GitError> {
        let common = self.common_dir();
        let entries = std::fs::read_dir(common).map_err(io("list", common))?.flatten();
        let is_draft = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(DRAFT);
        Ok(entries.filter(is_draft).map(|entry| entry.path()).collect())
    }

    /// Registers a worktree at `path`, without files, for a branch that exists or detached at a commit: its git folder.
    pub(super) fn enter_in_register(
        &self,
        path: &Path,
        branch: Option<&str>,
        commit: &str,
    ) -> Result<PathBuf, GitError> {
        let _register = self.register();
        let head = match branch {
            Some(branch) => {
                let full = branch_ref(&self.inner.git, branch)?;
                let is_free = self.stands_nowhere(&full) && !self.holds_branches();
                is_free.then(|| format!("ref: {full}\n"))
            }
            None => Some(format!("{commit}\n")),
        };
        // Settings of the checkout's own would be handed on by git.
        let is_plain = !self.keeps_refs_in_tables() && !self.git_dir().join("config.worktree").exists();
        match (head, plain_name(path)) {
            (Some(head), Some(name)) if is_plain => self.enter(path, name, &head),
            _ => self.let_git_enter(path, branch, commit),
        }
    }

    fn let_git_enter(&self, path: &Path, branch: Option<&str>, commit: &str) -> Result<PathBuf, GitError> {
        let add = self.call("worktree").setting("worktree.useRelativePaths=false");
        let add = add.args(["add", "--quiet", "--no-checkout", "--lock", "--reason", LOCK_REASON]);
        match branch {
            Some(branch) => add.arg(path).arg(branch).run()?,
            None => add.arg("--detach").arg(path).arg(commit).run()?,
        };
        let missing = || GitError::NoSuchWorktree { path: path.to_owned() };
        self.registration(path)?.ok_or_else(missing)
    }

    /// What `git worktree add` does (gitrepository-layout(5), worktrees): an entry of a name that is free, and the file
    /// in the worktree that leads there.
    fn enter(&self, path: &Path, name: &str, head: &str) -> Result<PathBuf, GitError> {
        let worktrees = self.common_dir().join("worktrees");
        std::fs::create_dir_all(&worktrees).map_err(io("create", &worktrees))?;
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let draft = self.common_dir().join(format!("{DRAFT}{}-{number}", std::process::id()));
        remove_tree(&draft)?;
        std::fs::create_dir(&draft).map_err(io("create", &draft))?;
        let link = path.join(".git");
        let gitdir = line(b"", link.as_os_str());
        let files: [(&str, &[u8]); 4] = [
            ("locked", LOCK_REASON.as_bytes()),
            ("HEAD", head.as_bytes()),
            ("commondir", b"../..\n"),
            ("gitdir", &gitdir),
        ];
        for (file, content) in files {
            let file = draft.join(file);
            std::fs::write(&file, content).map_err(io("write", &file))?;
        }
        let git_dir = name_it(&draft, &worktrees, name)?;
        std::fs::create_dir_all(path).map_err(io("create", path))?;
        std::fs::write(&link, line(b"gitdir: ", git_dir.as_os_str())).map_err(io("write", &link))?;
        Ok(git_dir)
    }
}

/// Gives a draft of an entry the first of its names that is free.
fn name_it(draft: &Path, worktrees: &Path, name: &str) -> Result<PathBuf, GitError> {
    for number in 0..TRIES {
        let name = if number == 0 { name.to_owned() } else { format!("{name}{number}") };
        let entry = worktrees.join(name);
        // A folder that is not empty is never replaced by a rename; an empty one would be.
        if entry.symlink_metadata().is_ok() {
            continue;
        }
        match std::fs::rename(draft, &entry) {
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {
            }
            renamed => return renamed.map(|()| entry).map_err(io("rename", draft)),
        }
    }
    Err(GitError::WorktreeTaken { path: draft.to_owned(), by: "a thousand others of its name".to_owned() })
}

/// The folder's name if git would call the entry just so.
fn plain_name(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+');
    (!name.starts_with('-') && name.bytes().all(is_plain)).then_some(name)
}
