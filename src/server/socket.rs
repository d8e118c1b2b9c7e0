//! The server's socket: who may talk to it, and their conversations as messages.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use super::clients::Connection;
use crate::process::{self, Identity, Peer};
use crate::protocol::client::{FromServer, ToServer};
use crate::protocol::frame::Decoder;

/// Messages of a client that may wait.
const INCOMING: usize = 64;
/// Messages to a client that may wait: frames never queue up.
const OUTGOING: usize = 2;

/// Listens at `path`; whatever lies there is replaced, for the caller holds the project's lock.
pub fn listen(path: &Path) -> std::io::Result<(UnixListener, Own)> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    let own = Own { path: path.to_owned(), file: identity(path)? };
    Ok((listener, own))
}

/// The socket's file, as it was made.
pub struct Own {
    path: PathBuf,
    file: (u64, u64),
}

impl Own {
    /// Removes it. Where another server has taken over and made its own, that stays.
    pub fn remove(self) {
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            let _gone = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    let file = std::fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Who connected; `None` for another user's process.
pub fn own_peer(stream: &UnixStream) -> Option<Peer> {
    let credentials = stream.peer_cred().ok()?;
    let peer = Peer { pid: credentials.pid()?, uid: credentials.uid() };
    process::is_own_user(&peer).then_some(peer)
}

/// Whether a process belongs to a session: it, or one that it descends from, carries a session's marker or is a keeper.
pub fn is_inside_session(peer: &Peer) -> bool {
    let family = process::ancestors(peer.pid).into_iter().map(|process| process.pid);
    std::iter::once(peer.pid).chain(family).any(|pid| carries_marker(pid) || is_keeper(pid))
}

/// Whether a process descends from the keeper of the session with this folder.
pub fn is_kept_by(pid: i32, dir: &Path) -> bool {
    let Some(file) = process::read_keeper(dir).ok().flatten() else { return false };
    process::ancestors(pid).contains(&Identity::from(file.keeper))
}

fn carries_marker(pid: i32) -> bool {
    let marker = format!("{}=", process::SESSION_MARKER);
    std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| {
        environ.split(|byte| *byte == 0).any(|entry| entry.starts_with(marker.as_bytes()))
    })
}

/// Whether a process is a keeper: it runs this very program as one, or its session's folder names it. The second holds
/// after the program was replaced, the first after the folder was; what a program is called says nothing.
fn is_keeper(pid: i32) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = command.split(|byte| *byte == 0).skip(1);
    if words.next() != Some(b"keeper") {
        return false;
    }
    let dir = Path::new(OsStr::from_bytes(words.next().unwrap_or_default()));
    runs_this_program(pid) || is_named_keeper(pid, dir)
}

/// The file itself is compared, so that neither a new name nor its removal hides it.
fn runs_this_program(pid: i32) -> bool {
    let file = |path: &str| std::fs::metadata(path).map(|found| (found.dev(), found.ino()));
    matches!((file("/proc/self/exe"), file(&format!("/proc/{pid}/exe"))), (Ok(own), Ok(other)) if own == other)
}

fn is_named_keeper(pid: i32, dir: &Path) -> bool {
    let named = process::read_keeper(dir).ok().flatten().map(|file| file.keeper);
    let identity = Identity::of(pid);
    identity.is_some_and(|own| {
        named.is_some_and(|named| (named.pid, named.start_time) == (own.pid, own.start_time))
    })
}

/// The stream as a conversation.
pub fn converse(stream: UnixStream) -> Connection {
    let (mut from, mut to) = stream.into_split();
    let (push, incoming) = mpsc::channel(INCOMING);
    let (outgoing, mut pull) = mpsc::channel::<FromServer>(OUTGOING);
    tokio::spawn(async move {
        let mut decoder = Decoder::default();
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            decoder.push(buffer.get(..count).unwrap_or_default());
            loop {
                match decoder.next().map(|frame| frame.map(|frame| ToServer::decode(&frame))) {
                    Ok(Some(Ok(message))) => {
                        if push.send(message).await.is_err() {
                            return;
                        }
                    }
                    Ok(None) => break,
                    // A client that speaks nonsense is no client.
                    Ok(Some(Err(_))) | Err(_) => return,
                }
            }
        }
    });
    tokio::spawn(async move {
        while let Some(message) = pull.recv().await {
            match message.encode() {
                Ok(bytes) if to.write_all(&bytes).await.is_ok() => {}
                _ => return,
            }
        }
        let _gone = to.shutdown().await;
    });
    Connection { incoming, outgoing }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;
    use crate::protocol::keeper::{KEEPER_FILE, KeeperFile, ProcessRef, VERSION};

    /// A program that is not this one, called as a keeper is.
    fn stranger(dir: &Path) -> Child {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new("sh");
        std::fs::write(dir.join("keeper"), "read end").unwrap();
        command.arg0("loopmon").arg("keeper").arg(dir).current_dir(dir);
        command.stdin(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn a_keeper_is_known_by_its_program_or_by_its_sessions_folder_and_not_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = stranger(dir.path());
        let own = Identity::of(i32::try_from(child.id()).unwrap()).unwrap();
        assert!(!is_keeper(own.pid), "it is only called like one");
        let name = |start_time| {
            let keeper = ProcessRef { pid: own.pid, start_time };
            let (session, socket) = ("s".to_owned(), dir.path().join("s"));
            let file = KeeperFile { version: VERSION, session, keeper, child: keeper, socket };
            process::write_atomic(&dir.path().join(KEEPER_FILE), &file).unwrap();
        };
        name(own.start_time + 1);
        assert!(!is_keeper(own.pid), "the folder names an earlier process of that number");
        name(own.start_time);
        assert!(is_keeper(own.pid));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
