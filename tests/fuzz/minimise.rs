//! Making a failing case small: steps are left out, then parts of what is printed, as long as it fails (delta debugging).

use std::time::{Duration, Instant};

use crate::case::{Case, Step};

/// How long it is tried.
const PATIENCE: Duration = Duration::from_secs(40);

/// The smallest case found that still fails.
pub fn minimise(case: &Case, fails: impl Fn(&Case) -> bool) -> Case {
    let end = Instant::now() + PATIENCE;
    let mut best = case.clone();
    loop {
        let before = best.encode().len();
        best.0 = shrink(&best.0, end, |steps| fails(&Case(steps.to_vec())));
        for at in 0..best.0.len() {
            let Step::Feed(bytes) = &best.0[at] else { continue };
            let bytes = bytes.clone();
            let with = |bytes: &[u8]| {
                let mut steps = best.0.clone();
                steps[at] = Step::Feed(bytes.to_vec());
                Case(steps)
            };
            let small = shrink(&bytes, end, |bytes| fails(&with(bytes)));
            best.0[at] = Step::Feed(small);
        }
        if best.encode().len() >= before || Instant::now() > end {
            let joined = best.joined();
            return if fails(&joined) { joined } else { best };
        }
    }
}

/// Leaves out halves, quarters and so on, as long as what is left fails.
fn shrink<T: Clone>(items: &[T], end: Instant, fails: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut best = items.to_vec();
    let mut size = best.len().div_ceil(2);
    while size > 0 && Instant::now() < end {
        let mut at = 0;
        while at < best.len() && Instant::now() < end {
            let mut less = best.clone();
            less.drain(at..(at + size).min(best.len()));
            if fails(&less) {
                best = less;
            } else {
                at += size;
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    best
}
