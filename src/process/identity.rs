//! A process with its start time.
//!
//! Not for: trees (`tree`). Invariant: two identities are equal only if they are one process of this boot.

use rustix::process::{Pid, PidfdFlags, Signal};

use crate::protocol::keeper::ProcessRef;

/// A process, told from later ones with the same number by its start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The process number.
    pub pid: i32,
    /// Clock ticks after boot (`/proc/<pid>/stat`, field 22).
    pub start_time: u64,
}

/// What `/proc/<pid>/stat` says that we need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stat {
    pub(super) identity: Identity,
    pub(super) parent: i32,
    pub(super) state: u8,
}

impl Identity {
    /// The process that has this number now.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        Stat::read(pid).map(|stat| stat.identity)
    }

    /// This very process.
    #[must_use]
    pub fn own() -> Option<Self> {
        Self::of(Pid::as_raw(Some(rustix::process::getpid())))
    }

    /// Whether it runs (a zombie does not).
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Stat::read(self.pid).is_some_and(|stat| stat.identity == *self && !stat.is_dead())
    }

    /// Sends a signal; whether it was there to get it. The number can't be reused in between: the process is held by a
    /// pidfd while its start time is checked.
    #[must_use]
    pub fn signal(&self, signal: Signal) -> bool {
        let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.pid > 1) else { return false };
        match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(fd) => {
                Self::of(self.pid) == Some(*self) && rustix::process::pidfd_send_signal(fd, signal).is_ok()
            }
            // Some sandboxes don't know the call; the check and the signal are then only close together.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => {
                Self::of(self.pid) == Some(*self) && rustix::process::kill_process(pid, signal).is_ok()
            }
            Err(_) => false,
        }
    }
}

impl From<ProcessRef> for Identity {
    fn from(process: ProcessRef) -> Self {
        Self { pid: process.pid, start_time: process.start_time }
    }
}

impl From<Identity> for ProcessRef {
    fn from(identity: Identity) -> Self {
        Self { pid: identity.pid, start_time: identity.start_time }
    }
}

impl Stat {
    pub(super) fn read(pid: i32) -> Option<Self> {
        Self::parse(pid, &std::fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name in the second field may hold anything, also brackets and blanks; the last bracket ends it.
    fn parse(pid: i32, stat: &[u8]) -> Option<Self> {
        let name_end = memchr::memrchr(b')', stat)?;
        let rest = std::str::from_utf8(stat.get(name_end + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        let parent = fields.next()?.parse().ok()?;
        let start_time = fields.nth(17)?.parse().ok()?;
        Some(Self { identity: Identity { pid, start_time }, parent, state })
    }

    pub(super) fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_brackets_and_blanks_is_skipped() {
        let stat = b"12 (a) S (b 7) R 7 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0";
        let stat = Stat::parse(12, stat).unwrap();
        assert_eq!((stat.state, stat.parent, stat.identity.start_time), (b'R', 7, 4242));
    }

    #[test]
    fn this_process_is_alive_and_another_start_time_is_another_process() {
        let own = Identity::own().unwrap();
        assert!(own.is_alive());
        let other = Identity { start_time: own.start_time + 1, ..own };
        assert!(!other.is_alive());
        assert!(!other.signal(Signal::KILL), "a reused number must not be hit");
    }
}
