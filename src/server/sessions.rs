//! A session followed from its start to its end: started under a keeper or attached to again, its output taken to the
//! pane and to whoever reads it, its end awaited.
//!
//! The recording is read up to the offset that the keeper names, then its live output is followed: nothing is lost or
//! doubled, whichever server looks. Invariant: a session's processes are proven gone before its end is reported.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::conversation::{self, Heard};
use super::failpoints;
use super::panes::{Outgoing, Pane};
use super::readers::Readers;
use crate::process::{self, Identity, KeeperHandle, SpawnError};
use crate::protocol::keeper::{Exit, KeeperSpec};
use crate::record;

/// How long a keeper may take to start its program.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long the processes of a lost session may take to die.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// How a session stands when somebody wants to follow it.
#[derive(Debug)]
pub enum Standing {
    /// Its keeper runs and listens there.
    Live {
        /// The keeper's socket.
        socket: PathBuf,
        /// The program's process.
        pid: u32,
        /// The keeper, if this server started it: its end has to be taken note of.
        keeper: Option<Box<KeeperHandle>>,
    },
    /// It has ended, and its exit is known.
    Ended(Exit),
    /// It ran once, and left no exit behind; nothing of it lives any more.
    Lost,
}

/// Why a session can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No keeper could be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Its files can't be read or written.
    #[error("{path} can't be used: {source}")]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Processes of an earlier try can't be ended.
    #[error("processes of an earlier try live on: {0:?}")]
    Undead(Vec<i32>),
}

/// Whoever is told what a session does.
pub trait Follower {
    /// Output, in order; answers what is to be shown for it (itself, if it is a terminal's).
    fn output(&mut self, pane: &Pane, bytes: &[u8], live: bool);
    /// The recording was read: what comes from now on is news.
    fn caught_up(&mut self, _pane: &Pane) {}
    /// Somebody spoke to the child.
    fn spoken_to(&mut self) {}
    /// The moment at which it wants to be woken, if any.
    fn deadline(&self) -> Option<tokio::time::Instant>;
    /// That moment has come.
    fn wake(&mut self, pane: &Pane);
}

/// Starts a session unless it was started before.
pub fn start(exe: &Path, dir: &Path, spec: impl FnOnce() -> KeeperSpec) -> Result<Standing, SessionError> {
    if let Some(standing) = standing(dir)? {
        return Ok(standing);
    }
    let spec = spec();
    let io = |source| SessionError::Io { path: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(io)?;
    if let Some(parent) = spec.recording.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    failpoints::pass("a session, nothing written");
    process::write_spec(dir, &spec).map_err(io)?;
    failpoints::pass("a session, not spawned");
    let spawned = process::spawn_keeper(exe, dir, &spec.env, START_LIMIT);
    failpoints::pass("a session, spawned");
    match spawned {
        Ok(handle) => Ok(Standing::Live {
            socket: handle.socket.clone(),
            pid: u32::try_from(handle.child.pid).unwrap_or(0),
            keeper: Some(Box::new(handle)),
        }),
        Err(SpawnError::Launch { .. }) => match process::read_exit(dir).map_err(io)? {
            Some(file) => Ok(Standing::Ended(file.exit)),
            None => Ok(Standing::Lost),
        },
        Err(error) => Err(error.into()),
    }
}

/// How a session stands that may have been started before; `None` if it never was.
pub fn standing(dir: &Path) -> Result<Option<Standing>, SessionError> {
    let io = |source| SessionError::Io { path: dir.to_owned(), source };
    if !dir.join(crate::protocol::keeper::SPEC_FILE).exists() {
        return Ok(None);
    }
    process::wait_for_claimant(dir, START_LIMIT);
    let kept = process::read_keeper(dir).map_err(io)?;
    if let Some(file) = &kept {
        let keeper = Identity { pid: file.keeper.pid, start_time: file.keeper.start_time };
        if keeper.is_alive() {
            let pid = u32::try_from(file.child.pid).unwrap_or(0);
            return Ok(Some(Standing::Live { socket: file.socket.clone(), pid, keeper: None }));
        }
    }
    if let Some(file) = process::read_exit(dir).map_err(io)? {
        return Ok(Some(Standing::Ended(file.exit)));
    }
    // The keeper is gone without a word: whatever it kept must be gone too before anything is started again.
    let spec = match process::read_spec(dir) {
        // The machine went down before it was on the disk, and everything with it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        spec => Some(spec.map_err(io)?),
    };
    let marker = spec.iter().flat_map(|spec| &spec.env).find(|(name, _)| name == process::SESSION_MARKER);
    let left = marker.map(|(_, value)| process::kill_orphans(value, KILL_LIMIT)).unwrap_or_default();
    if !left.is_empty() {
        return Err(SessionError::Undead(left.iter().map(|process| process.pid).collect()));
    }
    let was_kept = kept.is_some() || dir.join(crate::protocol::keeper::KEEPER_FILE).exists();
    Ok(was_kept.then_some(Standing::Lost))
}

/// Follows a session to its end; gives the follower back with it.
pub async fn follow<F: Follower + Send + 'static>(
    standing: Standing,
    dir: &Path,
    recording: &Path,
    pane: &Arc<Pane>,
    outbox: mpsc::Receiver<Outgoing>,
    follower: F,
    readers: &Readers,
) -> (Result<Option<Exit>, SessionError>, F) {
    let Heard { exit, seen, mut follower } = match standing {
        Standing::Live { socket, keeper, .. } => {
            let heard = conversation::hear(&socket, recording, pane, outbox, follower, readers).await;
            let reaping = tokio::spawn(reap(keeper));
            // One that has told how its program ended has nothing more to do: nobody has to wait for its end.
            if heard.exit.is_none() {
                let _panicked = reaping.await;
            }
            heard
        }
        Standing::Ended(exit) => Heard { exit: Some(exit), seen: 0, follower },
        Standing::Lost => Heard { exit: None, seen: 0, follower },
    };
    let exit = match exit {
        Some(exit) => Some(exit),
        None => match settle(dir).await {
            Ok(exit) => exit,
            Err(error) => return (Err(error), follower),
        },
    };
    let (recording, shown) = (recording.to_owned(), Arc::clone(pane));
    let rest = move || {
        // What the conversation did not bring is in the recording.
        replay(&recording, seen, u64::MAX, &shown, &mut follower);
        follower
    };
    let follower = readers.work(rest).await;
    pane.end();
    (Ok(exit), follower)
}

/// Takes note of a keeper's end, so that it does not stay in the process table.
async fn reap(keeper: Option<Box<KeeperHandle>>) {
    let Some(mut keeper) = keeper else { return };
    let reaped = tokio::task::spawn_blocking(move || {
        let deadline = std::time::Instant::now() + KILL_LIMIT;
        while !keeper.reap() && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let _panicked = reaped.await;
}

/// The conversation with the keeper broke off: its files tell how it ended, once it has.
async fn settle(dir: &Path) -> Result<Option<Exit>, SessionError> {
    let dir = dir.to_owned();
    let look = move || -> Result<Option<Exit>, SessionError> {
        let deadline = std::time::Instant::now() + KILL_LIMIT;
        loop {
            match standing(&dir)? {
                Some(Standing::Ended(exit)) => return Ok(Some(exit)),
                Some(Standing::Lost) | None => return Ok(None),
                Some(Standing::Live { .. }) if std::time::Instant::now() > deadline => {
                    return Err(SessionError::Undead(Vec::new()));
                }
                // It is on its way out: its last act is to write how its program ended.
                Some(Standing::Live { .. }) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    };
    tokio::task::spawn_blocking(look).await.unwrap_or(Ok(None))
}

/// Takes what was recorded to the pane and the follower.
pub(super) fn replay(recording: &Path, from: u64, to: u64, pane: &Pane, follower: &mut impl Follower) {
    match record::replay(recording, from, to) {
        Ok(pieces) => {
            for piece in pieces {
                match piece {
                    record::Piece::Size { cols, rows } => pane.emulator().resize(cols, rows),
                    record::Piece::Output { data, .. } => follower.output(pane, data.as_bytes(), false),
                }
            }
        }
        Err(error) => tracing::warn!(%error, "a recording can't be read"),
    }
}

/// Shows an ended session's recording in a pane of its own.
pub fn replay_ended(recording: &Path, pane: &Pane, follower: &mut impl Follower) {
    replay(recording, 0, u64::MAX, pane, follower);
    pane.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::keeper::{KEEPER_FILE, SPEC_FILE};

    #[test]
    fn what_a_crash_of_the_machine_left_empty_stands_for_nothing_that_lives() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &[u8]| std::fs::write(dir.path().join(name), text).unwrap();
        assert!(standing(dir.path()).unwrap().is_none());
        write(SPEC_FILE, b"");
        assert!(standing(dir.path()).unwrap().is_none(), "it can begin");
        write(KEEPER_FILE, &[0; 64]);
        assert!(matches!(standing(dir.path()).unwrap(), Some(Standing::Lost)), "it had begun");
    }
}
