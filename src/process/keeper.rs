//! Starting a keeper, and the files that it and its starter exchange.
//!
//! Not for: talking to it (`protocol::keeper`). Invariant: when [`spawn_keeper`] returns a handle, the child was started
//! and the socket listens; and a keeper's own environment is empty, so that it is never taken for a part of a session.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::identity::Identity;
use crate::protocol::keeper::{
    CLAIM_FILE, EXIT_FILE, ExitFile, KEEPER_FILE, KeeperFile, KeeperSpec, SPEC_FILE,
};

/// A keeper that runs.
#[derive(Debug)]
pub struct KeeperHandle {
    /// The keeper.
    pub keeper: Identity,
    /// The process that it keeps.
    pub child: Identity,
    /// Where it listens.
    pub socket: PathBuf,
    process: Option<Child>,
}

/// Why no keeper runs.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The keeper's own program could not be started, or its files not be read.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The keeper ran, but the session's program could not be started.
    #[error("start the session's program: {message}")]
    Launch {
        /// Why not, in the keeper's words.
        message: String,
        /// The exit code that stands for it.
        code: i32,
    },
    /// The keeper ended without a word.
    #[error("start the keeper: {0}")]
    Died(String),
    /// The keeper said nothing for this long.
    #[error("start the keeper within {0:?}")]
    TimedOut(Duration),
}

impl KeeperHandle {
    /// Takes the exit status of a keeper that ended, so that no zombie stays; whether it had ended. Always true for one
    /// that an earlier server started.
    pub fn reap(&mut self) -> bool {
        let ended = self.process.as_mut().is_none_or(|process| !matches!(process.try_wait(), Ok(None)));
        if ended {
            self.process = None;
        }
        ended
    }
}

impl From<KeeperFile> for KeeperHandle {
    fn from(file: KeeperFile) -> Self {
        Self { keeper: file.keeper.into(), child: file.child.into(), socket: file.socket, process: None }
    }
}

/// Bytes of an environment; the kernel allows a child less.
const ENVIRONMENT_LIMIT: u64 = 8 * 1024 * 1024;

/// Runs `exe keeper <dir>` detached from this process, and waits until it has started its child or failed to.
/// The directory holds `spec.json`; what the keeper complains of goes to `keeper.log` beside it. The child's environment
/// goes through a pipe: keys are in it, and nothing of them is to be on a disk.
pub fn spawn_keeper(
    exe: &Path,
    dir: &Path,
    env: &[(String, String)],
    limit: Duration,
) -> Result<KeeperHandle, SpawnError> {
    let log_path = dir.join("keeper.log");
    let log = OpenOptions::new().append(true).create(true).mode(0o600).open(&log_path);
    let log = log.map_err(in_context("open", &log_path))?;
    let mut process = Command::new(exe)
        .arg("keeper")
        .arg(dir)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(in_context("run", exe))?;
    if let Some(mut stdin) = process.stdin.take() {
        // One that has nothing to run does not read it.
        let _not_wanted = stdin.write_all(&serde_json::to_vec(env).unwrap_or_default());
    }
    if let Err(error) = wait_until_ready(&mut process, limit) {
        let _ = process.kill();
        let _ = process.wait();
        return Err(error);
    }
    match read_keeper(dir) {
        Ok(Some(file)) => Ok(KeeperHandle { process: Some(process), ..file.into() }),
        Ok(None) => Err(reason_of_death(dir, &mut process)),
        Err(source) => Err(in_context("read", &dir.join(KEEPER_FILE))(source)),
    }
}

/// Writes what a keeper is to run; of the child's environment only what is ours.
pub fn write_spec(dir: &Path, spec: &KeeperSpec) -> io::Result<()> {
    let is_ours = |(name, _): &&(String, String)| name.starts_with("LOOPMON_");
    let env = spec.env.iter().filter(is_ours).cloned().collect();
    write_whole(&dir.join(SPEC_FILE), &KeeperSpec { env, ..spec.clone() })
}

/// Writes who keeps and who is kept.
pub fn write_keeper(dir: &Path, file: &KeeperFile) -> io::Result<()> {
    write_whole(&dir.join(KEEPER_FILE), file)
}

/// Reads the environment that a starter gives to its keeper. One that comes in part or not at all is of a starter that
/// died meanwhile: nothing may be run without it, and the next server starts the session again.
pub fn read_environment(from: impl Read) -> io::Result<Vec<(String, String)>> {
    let mut bytes = Vec::new();
    from.take(ENVIRONMENT_LIMIT).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Reads what a keeper is to run.
pub fn read_spec(dir: &Path) -> io::Result<KeeperSpec> {
    read_json(&dir.join(SPEC_FILE))?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Reads who keeps and who is kept; `None` if nothing was started yet.
pub fn read_keeper(dir: &Path) -> io::Result<Option<KeeperFile>> {
    read_json(&dir.join(KEEPER_FILE))
}

/// Reads how the session ended; `None` if it didn't yet.
pub fn read_exit(dir: &Path) -> io::Result<Option<ExitFile>> {
    read_json(&dir.join(EXIT_FILE))
}

/// Waits while a keeper that an earlier server started has not said yet how it went.
pub fn wait_for_claimant(dir: &Path, limit: Duration) {
    let Ok(claim) = File::open(dir.join(CLAIM_FILE)) else { return };
    let give_up = Instant::now() + limit;
    let silent = || !dir.join(KEEPER_FILE).exists() && !dir.join(EXIT_FILE).exists();
    while silent() && Instant::now() < give_up {
        match claim.try_lock_shared() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
            Ok(()) | Err(TryLockError::Error(_)) => return,
        }
    }
}

/// Writes JSON under a temporary name, syncs it, renames it and syncs the directory: after a crash there is the old
/// file or the new one. Only its owner may read it.
pub fn write_atomic(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let (file, temporary) = write_beside(path, value)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// The same for what tells of living processes: a crash of the machine ends them, so it need not outlast that, and
/// nobody waits for the disk. What may be there then instead is an empty file, which is read as none.
pub fn write_whole(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let (_, temporary) = write_beside(path, value)?;
    std::fs::rename(&temporary, path)
}

fn write_beside(path: &Path, value: &impl Serialize) -> io::Result<(File, PathBuf)> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    let temporary = path.with_extension("tmp");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(&text)?;
    Ok((file, temporary))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match std::fs::read(path) {
        Ok(text) if text.iter().all(|byte| *byte == 0) => Ok(None),
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The keeper closes its standard output as soon as its child runs or failed to.
fn wait_until_ready(process: &mut Child, limit: Duration) -> Result<(), SpawnError> {
    let Some(mut output) = process.stdout.take() else { return Ok(()) };
    let give_up = Instant::now() + limit;
    loop {
        let left = give_up.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(SpawnError::TimedOut(limit));
        }
        let timeout = Timespec::try_from(left).ok();
        let mut fds = [PollFd::from_borrowed_fd(output.as_fd(), PollFlags::IN)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) | Err(_) => {}
        }
        match output.read(&mut [0u8; 64]) {
            Ok(0) | Err(_) => return Ok(()),
            Ok(_) => {}
        }
    }
}

fn reason_of_death(dir: &Path, process: &mut Child) -> SpawnError {
    let status = process.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
    match read_exit(dir) {
        Ok(Some(file)) => SpawnError::Launch {
            message: file.message.unwrap_or_else(|| "it ended at once".to_owned()),
            code: file.exit.code.unwrap_or(crate::protocol::keeper::LAUNCH_FAILED),
        },
        Ok(None) | Err(_) => {
            let log = std::fs::read_to_string(dir.join("keeper.log")).unwrap_or_default();
            let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
            SpawnError::Died(format!("it ended ({status}); its last words: {last}"))
        }
    }
}

fn in_context(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SpawnError {
    let path = path.to_owned();
    move |source| SpawnError::Io { action, path, source }
}
