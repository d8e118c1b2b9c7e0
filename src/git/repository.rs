//! Opening a repository: where it is, and whether loopmon can work in it.
//!
//! Not for its content. Invariant: a [`Repository`] has a work tree, at least one commit, and a git that is new
//! enough, or is a workspace of such; its paths are absolute.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::call::Call;
use super::config::Checked;
use super::known::Known;
use super::workspace::Roof;
use super::{Git, GitError, OpenError, parse_oid};

/// A repository with a work tree. Cheap to clone; safe to use from several threads.
#[derive(Debug, Clone)]
pub struct Repository {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub git: Git,
    root: PathBuf,
    git_dir: PathBuf,
    common_dir: PathBuf,
    /// The configuration entries that were there when the repository was opened or last trusted.
    pub trusted: Mutex<BTreeSet<String>>,
    /// The files of that configuration when they were last found to say the same.
    pub checked: Mutex<Option<Checked>>,
    /// Held while the register of worktrees changes or is read by git: it fails on an entry that is half there.
    pub register: Mutex<()>,
    /// What can't change.
    pub known: Known,
    /// The repositories that this one stands for, if it is a workspace.
    pub roof: Roof,
}

/// What the user's checkout stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A branch.
    Branch {
        /// Its short name.
        name: String,
        /// Its tip.
        oid: String,
    },
    /// A commit without a branch.
    Detached {
        /// The commit.
        oid: String,
    },
}

impl Head {
    /// The commit.
    pub fn oid(&self) -> &str {
        match self {
            Head::Branch { oid, .. } | Head::Detached { oid } => oid,
        }
    }
}

impl Repository {
    /// Opens the repository that holds `path`, with the git on the PATH.
    pub fn discover(path: &Path) -> Result<Self, OpenError> {
        Self::discover_with(Git::default(), path)
    }

    /// Opens the repository that holds `path`.
    pub fn discover_with(git: Git, path: &Path) -> Result<Self, OpenError> {
        git.version()?;
        let found = rev_parse_paths(&git, path).map_err(|e| open_error(e, path))?;
        let ([common_dir, root, git_dir], is_born) = found;
        let repository = Self::of(git, [root, git_dir, common_dir], Roof::default());
        if !is_born {
            return Err(repository.unborn()?);
        }
        repository.trust_config()?;
        Ok(repository)
    }

    /// One without a checkout of its own: the store of a workspace.
    pub(super) fn assembled(git: Git, root: PathBuf, store: PathBuf, roof: Roof) -> Self {
        Self::of(git, [root, store.clone(), store], roof)
    }

    fn of(git: Git, [root, git_dir, common_dir]: [PathBuf; 3], roof: Roof) -> Self {
        let inner = Inner {
            git,
            root,
            git_dir,
            common_dir,
            trusted: Mutex::default(),
            checked: Mutex::default(),
            register: Mutex::default(),
            known: Known::default(),
            roof,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Makes a repository at `path` (which is created) whose first commit, on `branch`, holds what lies there.
    pub fn create(git: Git, path: &Path, branch: &str, message: &str) -> Result<Self, OpenError> {
        git.version()?;
        super::names::branch_ref(&git, branch)?;
        std::fs::create_dir_all(path).map_err(|source| GitError::Io {
            action: "create",
            path: path.to_owned(),
            source,
        })?;
        git.call(path, "init").args(["--quiet", "--template=", "-b", branch]).run()?;
        git.call(path, "add").arg("-A").run()?;
        let name = git.call(path, "config").args(["--get", "user.email"]).accept(&[0, 1]).run()?;
        let mut commit = git.call(path, "commit");
        if name.code != 0 {
            commit = commit.setting("user.name=loopmon").setting("user.email=loopmon@localhost");
        }
        commit.args(["--quiet", "--allow-empty", "-m", message]).run()?;
        Self::discover_with(git, path)
    }

    /// The top folder of the user's checkout.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// The checkout's own git folder.
    pub fn git_dir(&self) -> &Path {
        &self.inner.git_dir
    }

    /// The git folder that all worktrees share.
    pub fn common_dir(&self) -> &Path {
        &self.inner.common_dir
    }

    /// Whether the user's checkout is itself a linked worktree.
    pub fn is_linked_worktree(&self) -> bool {
        self.inner.git_dir != self.inner.common_dir
    }

    /// What the user's checkout stands on, now. Of a workspace: the state that all its members' are in.
    pub fn head(&self) -> Result<Head, GitError> {
        if self.is_workspace() {
            return self.heads();
        }
        let oid = parse_oid(&self.call("rev-parse").args(["--verify", "-q", "HEAD^{commit}"]).text()?)?;
        Ok(match self.head_branch()? {
            Some(name) => Head::Branch { name, oid },
            None => Head::Detached { oid },
        })
    }

    fn head_branch(&self) -> Result<Option<String>, GitError> {
        let full = self.call("symbolic-ref").args(["-q", "HEAD"]).accept(&[0, 1]).text()?;
        Ok(full.strip_prefix("refs/heads/").map(str::to_owned))
    }

    fn unborn(&self) -> Result<OpenError, GitError> {
        let branch = self.head_branch()?.unwrap_or_else(|| "HEAD".to_owned());
        Ok(OpenError::UnbornBranch { branch, root: self.root().to_owned() })
    }

    /// A call on the user's checkout.
    pub(super) fn call(&self, subcommand: &'static str) -> Call<'_> {
        self.inner.git.call(self.root(), subcommand).at(self.git_dir(), self.root())
    }

    /// A call on the shared store with another folder as the work tree. HEAD and the index of the user's checkout
    /// are out of its reach only if an index is named too.
    pub(super) fn call_on(&self, work_tree: &Path, subcommand: &'static str) -> Call<'_> {
        let call = self.inner.git.call(work_tree, subcommand).at(self.common_dir(), work_tree);
        // A sparse user checkout must not make task worktrees sparse: what is missing would look deleted.
        call.setting("core.sparseCheckout=false")
    }
}

/// The shared git folder, the top folder of the checkout, and its own git folder; and whether there is a commit.
fn rev_parse_paths(git: &Git, directory: &Path) -> Result<([PathBuf; 3], bool), GitError> {
    let asked = ["--git-common-dir", "--show-toplevel", "--absolute-git-dir"];
    let call = git.call(directory, "rev-parse").arg("--path-format=absolute").args(asked);
    let output = call.args(["--verify", "-q", "HEAD^{commit}"]).accept(&[0, 1]).run()?;
    let is_born = output.code == 0;
    let lines: Vec<&[u8]> = output.stdout.split(|byte| *byte == b'\n').collect();
    let paths = match (lines.as_slice(), is_born) {
        ([first, second, third, _, []], true) | ([first, second, third, []], false) => {
            [first, second, third].map(|line| PathBuf::from(OsString::from_vec(line.to_vec())))
        }
        // There is a line break in a path.
        _ => {
            let [first, second, third] = asked.map(|what| rev_parse_path(git, directory, what));
            [first?, second?, third?]
        }
    };
    Ok((paths, is_born))
}

fn rev_parse_path(git: &Git, directory: &Path, what: &str) -> Result<PathBuf, GitError> {
    let output = git.call(directory, "rev-parse").args(["--path-format=absolute", what]).run()?;
    let mut bytes = output.stdout;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(PathBuf::from(OsString::from_vec(bytes)))
}

fn open_error(error: GitError, path: &Path) -> OpenError {
    let path = path.to_owned();
    match &error {
        GitError::Failed { stderr, .. } if stderr.contains("not a git repository") => {
            OpenError::NotARepository { path }
        }
        GitError::Failed { stderr, .. } if stderr.contains("must be run in a work tree") => {
            OpenError::BareRepository { path }
        }
        GitError::Failed { stderr, .. } if stderr.contains("dubious ownership") => {
            OpenError::ForeignOwner { path }
        }
        GitError::Spawn { .. } if !path.is_dir() => OpenError::NotARepository { path },
        _ => OpenError::Git(error),
    }
}
