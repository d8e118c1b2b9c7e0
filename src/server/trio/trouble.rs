//! Something that does not work: told once, and tried again less and less often.
//!
//! Not for what people wrote (that is looked at whenever it changes). Invariant: what is told of it moves nobody to try
//! again sooner, so that telling and trying never drive each other.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long it is left alone at first.
const FIRST: Duration = Duration::from_secs(1);
/// And at most.
const LONGEST: Duration = Duration::from_secs(30);
/// Reasons that are remembered; who fails in more ways is not heard in each.
const REASONS: usize = 8;

/// One such thing, or none.
#[derive(Debug, Default)]
pub struct Trouble {
    told: BTreeSet<String>,
    wait: Duration,
    next: Option<Instant>,
}

impl Trouble {
    /// It failed; whether that is news.
    pub fn failed(&mut self, now: Instant, why: &str) -> bool {
        self.wait = (self.wait * 2).clamp(FIRST, LONGEST);
        self.next = Some(now + self.wait);
        self.told.len() < REASONS && self.told.insert(why.to_owned())
    }

    /// It works.
    pub fn is_over(&mut self) {
        *self = Trouble::default();
    }

    /// Whether it failed when it was last tried.
    pub fn has_failed(&self) -> bool {
        self.next.is_some()
    }

    /// How long it is to be left alone yet.
    pub fn rest(&self, now: Instant) -> Option<Duration> {
        let rest = self.next?.saturating_duration_since(now);
        (!rest.is_zero()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_and_tried_less_and_less_often() {
        let (mut trouble, mut now, mut waits) = (Trouble::default(), Instant::now(), Vec::new());
        for round in 0..8 {
            assert_eq!(trouble.rest(now), None);
            let why = if round % 2 == 0 { "a link" } else { "a full disk" };
            assert_eq!(trouble.failed(now, why), round < 2, "{why} in round {round}");
            let rest = trouble.rest(now).unwrap();
            waits.push(rest.as_secs());
            now += rest;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
        trouble.is_over();
        assert!(trouble.failed(now, "a link") && trouble.rest(now) == Some(FIRST));
    }
}
