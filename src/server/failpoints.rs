//! Places where a test has the server die, as `kill -9` at that moment would: before and after each line of the log, each
//! effect and each spawn. `LOOPMON_DIES_AT=7` is the seventh place that this process passes.
//!
//! Not in release builds, and not for other faults. Invariant: dying is all that it can do.

/// Passes a place.
#[cfg(debug_assertions)]
pub fn pass(place: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static DIES_AT: LazyLock<Option<u32>> =
        LazyLock::new(|| std::env::var("LOOPMON_DIES_AT").ok()?.parse().ok());
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let Some(dies_at) = *DIES_AT else { return };
    if PASSED.fetch_add(1, Ordering::SeqCst) + 1 == dies_at {
        eprintln!("died at {place}");
        let _dead = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Passes a place.
#[cfg(not(debug_assertions))]
pub fn pass(_place: &str) {}
