//! What the histories of all panes hold together, and which of them gives when it is too much: the oldest first.
//!
//! Not for the limit of a single pane, which its emulator keeps. Invariant: after each output the histories hold at most
//! the limit together, or nothing but what came since; what was given up is in the recording.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::term::Emulator;

/// Bytes that all histories may hold together, until the settings say it.
const LIMIT: usize = 64 << 20;

/// The histories of all panes.
#[derive(Debug)]
pub struct Memory {
    limit: AtomicUsize,
    held: AtomicUsize,
    /// Oldest first.
    shares: Mutex<Vec<Weak<Share>>>,
}

/// What one pane's history holds of it; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    memory: Arc<Memory>,
    emulator: Arc<Mutex<Emulator>>,
    bytes: AtomicUsize,
}

impl Default for Memory {
    fn default() -> Self {
        Self { limit: AtomicUsize::new(LIMIT), held: AtomicUsize::new(0), shares: Mutex::default() }
    }
}

impl Memory {
    /// A share for a new pane.
    pub fn share(self: &Arc<Self>, emulator: Arc<Mutex<Emulator>>) -> Arc<Share> {
        let share = Arc::new(Share { memory: Arc::clone(self), emulator, bytes: AtomicUsize::new(0) });
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares.retain(|share| share.strong_count() > 0);
        shares.push(Arc::downgrade(&share));
        share
    }

    /// Sets how many bytes all histories may hold together.
    pub fn set_limit(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::Relaxed);
        self.make_room();
    }

    /// Has the oldest panes forget their oldest lines. No emulator may be locked by who asks. A little more is given than
    /// must be, so that a flood does not ask for every line of it.
    fn make_room(&self) {
        let shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = self.limit.load(Ordering::Relaxed);
        if self.held.load(Ordering::Relaxed) <= limit {
            return;
        }
        let wanted = limit - limit / 16;
        for share in shares.iter().filter_map(Weak::upgrade) {
            let excess = self.held.load(Ordering::Relaxed).saturating_sub(wanted);
            if excess == 0 {
                return;
            }
            share.give(excess);
        }
    }
}

impl Share {
    /// Takes note of what the pane's history holds now; whether all together hold too much.
    pub fn note(&self, bytes: usize) -> bool {
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        let held = &self.memory.held;
        // The sum wraps as the difference does, so it is right in the end whoever comes first.
        let now = held.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
        now.wrapping_add(bytes.wrapping_sub(before)) > self.memory.limit.load(Ordering::Relaxed)
    }

    /// Has the oldest panes make room. The pane's own emulator may not be locked.
    pub fn make_room(&self) {
        self.memory.make_room();
    }

    fn give(&self, bytes: usize) {
        let mut emulator = self.emulator.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = emulator.history_bytes().saturating_sub(bytes);
        emulator.trim_history(kept);
        self.note(emulator.history_bytes());
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.note(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::term::Colours;

    struct TestPane {
        emulator: Arc<Mutex<Emulator>>,
        share: Arc<Share>,
    }

    impl TestPane {
        fn new(memory: &Arc<Memory>) -> Self {
            let emulator = Arc::new(Mutex::new(Emulator::new(80, 24, Colours::default())));
            let share = memory.share(Arc::clone(&emulator));
            Self { emulator, share }
        }

        fn print(&self, lines: usize) {
            let mut emulator = self.emulator.lock().unwrap();
            emulator.feed("a line of some words, as agents print them\r\n".repeat(lines).as_bytes());
            let too_much = self.share.note(emulator.history_bytes());
            drop(emulator);
            if too_much {
                self.share.make_room();
            }
        }

        fn bytes(&self) -> usize {
            self.emulator.lock().unwrap().history_bytes()
        }
    }

    #[test]
    fn the_oldest_pane_gives_first_and_all_together_stay_below_the_limit() {
        let memory = Arc::new(Memory::default());
        memory.set_limit(1 << 20);
        let panes: Vec<TestPane> = (0..4).map(|_| TestPane::new(&memory)).collect();
        for pane in &panes {
            pane.print(4_000);
            let all: usize = panes.iter().map(TestPane::bytes).sum();
            assert!(all <= 1 << 20, "{all}");
            assert_eq!(all, memory.held.load(Ordering::Relaxed));
        }
        let held: Vec<usize> = panes.iter().map(TestPane::bytes).collect();
        assert!(held[0] == 0 && held[3] > 300_000, "{held:?}");
        assert!(held[2] > held[1], "{held:?}");
        memory.set_limit(100_000);
        assert!(panes.iter().map(TestPane::bytes).sum::<usize>() <= 100_000);
        drop(panes);
        assert_eq!(memory.held.load(Ordering::Relaxed), 0, "who goes gives everything back");
    }

    #[test]
    fn panes_that_print_at_once_come_to_the_right_sum() {
        let memory = Arc::new(Memory::default());
        memory.set_limit(500_000);
        let panes: Vec<TestPane> = (0..4).map(|_| TestPane::new(&memory)).collect();
        std::thread::scope(|scope| {
            for pane in &panes {
                scope.spawn(|| (0..200).for_each(|_| pane.print(50)));
            }
        });
        let all: usize = panes.iter().map(TestPane::bytes).sum();
        assert_eq!(all, memory.held.load(Ordering::Relaxed));
        assert!(all <= 500_000, "{all}");
    }
}
