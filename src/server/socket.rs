//! The server's socket: who may talk to it, and their conversations as messages.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use super::clients::Connection;
use crate::process::{self, Peer};
use crate::protocol::client::{FromServer, ToServer};
use crate::protocol::frame::Decoder;

/// Messages of a client that may wait.
const INCOMING: usize = 64;
/// Messages to a client that may wait: frames never queue up.
const OUTGOING: usize = 2;

/// Listens at `path`; whatever lies there is replaced, for the caller holds the project's lock.
pub fn listen(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
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

fn carries_marker(pid: i32) -> bool {
    let marker = format!("{}=", process::SESSION_MARKER);
    std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| {
        environ.split(|byte| *byte == 0).any(|entry| entry.starts_with(marker.as_bytes()))
    })
}

fn is_keeper(pid: i32) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = command.split(|byte| *byte == 0);
    let program = words.next().unwrap_or_default();
    program.ends_with(b"loopmon") && words.next() == Some(b"keeper")
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
