//! Trees of processes: walking them, and ending them.
//!
//! Not for: starting any. Invariant: ending a tree means to walk it again until a walk finds nothing, because a process
//! can have forked after it was looked at.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::SESSION_MARKER;
use super::identity::{Identity, Stat};

/// The parents of a process, nearest first.
#[must_use]
pub fn ancestors(pid: i32) -> Vec<Identity> {
    let mut found = Vec::new();
    let mut next = Stat::read(pid).map(|stat| stat.parent);
    while let Some(stat) = next.filter(|pid| *pid > 0).and_then(Stat::read) {
        found.push(stat.identity);
        next = Some(stat.parent).filter(|_| found.len() < 1024);
    }
    found
}

/// All living processes below `root` (which isn't one of them), parents before children.
#[must_use]
pub fn descendants(root: i32) -> Vec<Identity> {
    below(root).into_iter().map(|stat| stat.identity).collect()
}

/// Stops everything below `root`; whether all of it stood still within `limit`. A process can be in the middle of a fork
/// when it is told to stop, so the tree is walked until a walk finds nothing that runs.
pub fn stop_tree(root: i32, limit: Duration) -> bool {
    let give_up = Instant::now() + limit;
    let mut told = HashSet::new();
    loop {
        // A process that waits for the kernel stands still too once it was told: it stops before it does anything of
        // its own.
        let stands = |stat: &Stat, told: &HashSet<Identity>| match stat.state {
            b'T' | b't' => true,
            b'D' => told.contains(&stat.identity),
            _ => false,
        };
        let running: Vec<_> = below(root).into_iter().filter(|stat| !stands(stat, &told)).collect();
        if running.is_empty() {
            return true;
        }
        for stat in running {
            let _ = stat.identity.signal(Signal::STOP);
            told.insert(stat.identity);
        }
        if Instant::now() >= give_up {
            return false;
        }
        std::thread::sleep(Duration::from_micros(300));
    }
}

fn below(root: i32) -> Vec<Stat> {
    let mut children: HashMap<i32, Vec<Stat>> = HashMap::new();
    for stat in all_pids().filter_map(Stat::read) {
        children.entry(stat.parent).or_default().push(stat);
    }
    let (mut found, mut open, mut seen) = (Vec::new(), vec![root], HashSet::new());
    while let Some(parent) = open.pop().filter(|pid| seen.insert(*pid)) {
        for stat in children.get(&parent).into_iter().flatten() {
            open.push(stat.identity.pid);
            if !stat.is_dead() {
                found.push(*stat);
            }
        }
    }
    found
}

/// All living processes whose environment has `name=value`, this process left out. An environment can be read only of
/// one's own processes, and only as it was when the program started.
#[must_use]
pub fn find_by_marker(name: &str, value: &str) -> Vec<Identity> {
    let marker = format!("{name}={value}");
    let own = Pid::as_raw(Some(rustix::process::getpid()));
    all_pids()
        .filter(|pid| *pid != own && has_marker(*pid, marker.as_bytes()))
        .filter_map(Stat::read)
        .filter(|stat| !stat.is_dead())
        .map(|stat| stat.identity)
        .collect()
}

/// Sends a signal to each; how many were there to get it.
pub fn signal_all(processes: &[Identity], signal: Signal) -> usize {
    processes.iter().filter(|process| process.signal(signal)).count()
}

/// Kills each; how many were there.
pub fn kill_all(processes: &[Identity]) -> usize {
    signal_all(processes, Signal::KILL)
}

/// Kills `root` and everything below it. What is left after `limit` is returned: processes that the kernel holds.
///
/// A child that was given away (its parent died) is found only if this process is its subreaper or an ancestor of it
/// remains; for others there is [`kill_orphans`].
#[must_use]
pub fn kill_tree(root: Identity, limit: Duration) -> Vec<Identity> {
    let mut known: HashSet<Identity> = HashSet::new();
    kill_until_none(limit, || {
        // Stopped first, so that the tree can't change hands while it is being walked.
        let _ = root.signal(Signal::STOP);
        known.extend(descendants(root.pid));
        known.extend(known.clone().iter().flat_map(|process| descendants(process.pid)));
        known.insert(root);
        known.iter().copied().filter(Identity::is_alive).collect()
    })
}

/// Kills all processes that carry the session's marker, wherever they went; returns what is left after `limit`.
#[must_use]
pub fn kill_orphans(session: &str, limit: Duration) -> Vec<Identity> {
    kill_until_none(limit, || find_by_marker(SESSION_MARKER, session))
}

/// Kills what `walk` finds until it finds nothing or `limit` is over; returns what is left. Nobody's exit status
/// is taken: a dead child that waits for its parent counts as gone.
#[must_use]
pub fn kill_until_none(limit: Duration, mut walk: impl FnMut() -> Vec<Identity>) -> Vec<Identity> {
    let give_up = Instant::now() + limit;
    let mut pause = Duration::from_micros(500);
    loop {
        let left = walk();
        if left.is_empty() || Instant::now() >= give_up {
            return left;
        }
        kill_all(&left);
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn all_pids() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn has_marker(pid: i32, marker: &[u8]) -> bool {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == marker)
}
