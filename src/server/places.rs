//! Where everything of a project lies.
//!
//! In the project: `.loopmon/` (ignored by git by a file of its own) with the log and what belongs to runs. Outside:
//! worktrees, so that no tool climbs from one into the project's own configuration, and sockets, whose paths must be
//! short. Invariant: the runtime directory is this user's alone.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::model::{RunId, SessionId, TaskId};

/// The longest path that a Unix socket can have, bytes.
const SOCKET_PATH_LIMIT: usize = 107;

/// Paths of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The repository's root.
    pub root: PathBuf,
    worktrees: PathBuf,
    runtime: PathBuf,
    tag: String,
}

/// Why a place can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Neither set nor derivable.
    #[error("neither {0} nor HOME is set: set one of them")]
    NoHome(&'static str),
    /// The file system refused.
    #[error("{path} can't be used: {source}")]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else could put sockets there.
    #[error("{path} is not safe: {why}; remove it, or set XDG_RUNTIME_DIR to a directory of your own")]
    Unsafe {
        /// The directory.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A socket's path would be too long.
    #[error(
        "{path} is too long for a socket (at most {SOCKET_PATH_LIMIT} bytes): set XDG_RUNTIME_DIR to a shorter directory"
    )]
    TooLong {
        /// The path.
        path: PathBuf,
    },
}

impl Places {
    /// The places of the project at `root`, from the environment's directories.
    pub fn of(root: &Path) -> Result<Places, PlaceError> {
        Places::new(root, &state_home()?, &runtime_dir())
    }

    /// The places of the project at `root`, with worktrees below one directory and sockets in another.
    pub fn new(root: &Path, state_home: &Path, runtime: &Path) -> Result<Places, PlaceError> {
        let root = root.canonicalize().map_err(|source| PlaceError::Io { path: root.to_owned(), source })?;
        let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
        let tag: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let name: String = root
            .file_name()
            .map(|name| {
                name.to_string_lossy().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
            })
            .unwrap_or_default();
        let worktrees = state_home.join("loopmon").join(format!("{name}-{tag}")).join("worktrees");
        let places = Places { root, worktrees, runtime: runtime.to_owned(), tag };
        let socket = places.socket();
        if socket.as_os_str().len() + 24 > SOCKET_PATH_LIMIT {
            return Err(PlaceError::TooLong { path: socket });
        }
        Ok(places)
    }

    /// Puts the worktrees of this project below a directory of the configuration's.
    pub fn set_worktrees(&mut self, dir: &Path) {
        self.worktrees = self.root.join(dir).join(&self.tag).join("worktrees");
    }

    /// The folder of the project's worktrees, by run.
    pub fn worktrees(&self) -> &Path {
        &self.worktrees
    }

    /// The project's name.
    pub fn name(&self) -> String {
        self.root.file_name().map_or_else(|| "/".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// `.loopmon/`.
    pub fn home(&self) -> PathBuf {
        self.root.join(".loopmon")
    }

    /// The log.
    pub fn log(&self) -> PathBuf {
        self.home().join("loopmon.db")
    }

    /// The file that the running server holds locked, with its process number in it.
    pub fn lock(&self) -> PathBuf {
        self.home().join("server.lock")
    }

    /// What the server itself writes for whoever looks for a fault.
    pub fn server_log(&self) -> PathBuf {
        self.home().join("server.log")
    }

    /// The configuration of the project.
    pub fn config(&self) -> PathBuf {
        self.root.join("loopmon.toml")
    }

    /// The server's socket.
    pub fn socket(&self) -> PathBuf {
        self.runtime.join(format!("{}.sock", self.tag))
    }

    /// A keeper's socket.
    pub fn keeper_socket(&self, session: &SessionId) -> PathBuf {
        let digest = Sha256::digest(session.as_str().as_bytes());
        let short: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
        self.runtime.join(format!("{}-{short}.sock", self.tag))
    }

    /// What the processes of a session carry in their environment, to be found by: no other project's session has it.
    pub fn marker(&self, session: &SessionId) -> String {
        format!("{}-{session}", self.tag)
    }

    /// What belongs to a run.
    pub fn run(&self, run: &RunId) -> PathBuf {
        self.home().join("runs").join(run.as_str())
    }

    /// A session's folder: its keeper's files, its prompt, its result.
    pub fn session(&self, run: &RunId, session: &SessionId) -> PathBuf {
        self.run(run).join("sessions").join(session.as_str())
    }

    /// What was said of the tasks of a run: a file each.
    pub fn reviews(&self, run: &RunId) -> PathBuf {
        self.run(run).join("reviews")
    }

    /// A link to the latest run's.
    pub fn latest_reviews(&self) -> PathBuf {
        self.home().join("reviews")
    }

    /// The files of a run's tasks that people and other programs write in too: a folder each.
    pub fn trio(&self, run: &RunId) -> PathBuf {
        self.run(run).join("trio")
    }

    /// A link to the latest run's.
    pub fn latest_trio(&self) -> PathBuf {
        self.home().join("trio")
    }

    /// What is known of those files: loopmon's own, beside them.
    pub fn trio_known(&self, run: &RunId, task: &TaskId) -> PathBuf {
        self.run(run).join("trio-known").join(format!("{task}.json"))
    }

    /// A session's recording.
    pub fn recording(&self, run: &RunId, session: &SessionId) -> PathBuf {
        self.run(run).join("recordings").join(format!("{session}.cast"))
    }

    /// A task's worktree.
    pub fn worktree(&self, run: &RunId, task: &TaskId) -> PathBuf {
        self.worktrees.join(run.as_str()).join(task.as_str())
    }

    /// A checkout beside a task's worktree: for a reviewer, the gates, a merge.
    pub fn checkout(&self, run: &RunId, task: &str, purpose: &str) -> PathBuf {
        // No task's id has a plus sign, so none has this for its own worktree.
        self.worktrees.join(run.as_str()).join(format!("{task}+{purpose}"))
    }

    /// Takes every worktree of the project away, with what is in them.
    pub fn remove_worktrees(&self) {
        if let Some(project) = self.worktrees.parent() {
            let _missing = std::fs::remove_dir_all(project);
        }
    }

    /// Makes `.loopmon/` and the runtime directory, and checks that the latter is ours.
    pub fn prepare(&self) -> Result<(), PlaceError> {
        let home = self.home();
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| PlaceError::Io { path, source }
        };
        std::fs::create_dir_all(&home).map_err(io(&home))?;
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).map_err(io(&home))?;
        let ignore = home.join(".gitignore");
        if !ignore.exists() {
            std::fs::write(&ignore, "*\n").map_err(io(&ignore))?;
        }
        self.check_runtime_dir()
    }

    fn check_runtime_dir(&self) -> Result<(), PlaceError> {
        let path = &self.runtime;
        let io = |source| PlaceError::Io { path: path.clone(), source };
        match std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io(error)),
            _ => {}
        }
        let found = std::fs::symlink_metadata(path).map_err(io)?;
        let own = rustix::process::geteuid().as_raw();
        let unsafe_because = |why: &str| Err(PlaceError::Unsafe { path: path.clone(), why: why.to_owned() });
        if !found.is_dir() {
            return unsafe_because("it is no directory");
        }
        if found.uid() != own {
            return unsafe_because("it belongs to another user");
        }
        if found.mode() & 0o077 != 0 {
            return unsafe_because("others may enter it");
        }
        Ok(())
    }
}

/// The folder for the state of a person's programs.
pub fn state_home() -> Result<PathBuf, PlaceError> {
    match (absolute("XDG_STATE_HOME"), absolute("HOME")) {
        (Some(state), _) => Ok(state),
        (None, Some(home)) => Ok(home.join(".local/state")),
        (None, None) => Err(PlaceError::NoHome("XDG_STATE_HOME")),
    }
}

/// The folder of sockets.
pub fn runtime_dir() -> PathBuf {
    match absolute("XDG_RUNTIME_DIR") {
        Some(dir) => dir.join("loopmon"),
        None => PathBuf::from(format!("/tmp/loopmon-{}", rustix::process::geteuid().as_raw())),
    }
}

/// A directory that a variable names; relative ones don't count, as the XDG specification says.
pub fn absolute(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(root: &Path, runtime: &Path) -> Places {
        Places {
            root: root.to_owned(),
            worktrees: root.join("w"),
            runtime: runtime.to_owned(),
            tag: "abc".to_owned(),
        }
    }

    #[test]
    fn a_runtime_directory_that_others_may_enter_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = dir.path().join("rt");
        std::fs::create_dir(&runtime).unwrap();
        std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o755)).unwrap();
        let error = places(dir.path(), &runtime).prepare().unwrap_err().to_string();
        assert!(error.contains("others may enter"), "{error}");
        std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o700)).unwrap();
        places(dir.path(), &runtime).prepare().unwrap();
    }

    #[test]
    fn a_runtime_directory_that_is_a_link_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("rt");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        let error = places(dir.path(), &link).prepare().unwrap_err().to_string();
        assert!(error.contains("no directory"), "{error}");
    }

    #[test]
    fn the_project_ignores_its_own_state() {
        let dir = tempfile::tempdir().unwrap();
        places(dir.path(), &dir.path().join("rt")).prepare().unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join(".loopmon/.gitignore")).unwrap(), "*\n");
    }
}
