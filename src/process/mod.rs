//! Processes: who they are, their trees, ending them for sure, and starting keepers.
//!
//! Not for: what a session is or when it should end (the server decides). Invariant: a signal is sent only to a process
//! whose start time was checked, so never to one that got the number of another.

mod identity;
mod keeper;
mod tree;

use std::os::unix::net::UnixStream;

use rustix::process::Pid;

pub use identity::Identity;
pub use keeper::{
    KeeperHandle, SpawnError, read_environment, read_exit, read_keeper, read_spec, spawn_keeper,
    wait_for_claimant, write_atomic, write_keeper, write_spec, write_whole,
};
pub use tree::{
    ancestors, descendants, find_by_marker, kill_all, kill_orphans, kill_tree, kill_until_none, signal_all,
    stop_tree,
};

/// The environment variable by which the processes of a session are found wherever they went.
pub const SESSION_MARKER: &str = "LOOPMON_SESSION";

/// Who is at the other end of a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its process number when it connected.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
}

/// Asks the kernel who connected.
pub fn peer(stream: &UnixStream) -> std::io::Result<Peer> {
    let credentials = rustix::net::sockopt::socket_peercred(stream)?;
    Ok(Peer { pid: Pid::as_raw(Some(credentials.pid)), uid: credentials.uid.as_raw() })
}

/// Whether the peer is of this process's own user.
#[must_use]
pub fn is_own_user(peer: &Peer) -> bool {
    peer.uid == rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests;
