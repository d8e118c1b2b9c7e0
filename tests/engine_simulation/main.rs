//! The engine against chance: random plans, policies, outcomes, orders, requests and crashes, each from a seed.
//!
//! The [`executor`] holds effects back and completes them in any order, well or badly. The [`reference`] knows nothing of
//! the engine's workings: it watches events and effects and holds them to the rules of the loop. A failing run names its
//! seed; `LOOPMON_SEED=<seed>` runs that one alone, `LOOPMON_RUNS=<n>` another number of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod chance;
mod executor;
mod reference;
mod scenario;
mod seen;
mod simulation;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use simulation::Simulation;

/// Runs of the simulation, over all its tests; what lands is tried with many more.
const RUNS: u64 = 4_000;
/// Tests that share them, so that they can run side by side.
const PARTS: u64 = 4;

fn run(seed: u64) -> simulation::Told {
    let result = catch_unwind(AssertUnwindSafe(|| Simulation::new(seed).run()));
    match result {
        Ok(told) => told,
        Err(panic) => {
            eprintln!("the run of seed {seed} failed; LOOPMON_SEED={seed} runs it alone");
            resume_unwind(panic)
        }
    }
}

fn part(number: u64) {
    if let Ok(seed) = std::env::var("LOOPMON_SEED") {
        if number == 0 {
            run(seed.parse().expect("LOOPMON_SEED is a number"));
        }
        return;
    }
    let runs =
        std::env::var("LOOPMON_RUNS").map_or(RUNS, |runs| runs.parse().expect("LOOPMON_RUNS is a number"));
    let mut told = simulation::Told::default();
    for seed in (number..runs).step_by(PARTS as usize) {
        told.add(run(seed));
    }
    let last = number + (runs.saturating_sub(number + 1) / PARTS) * PARTS;
    println!("{} runs, every {PARTS}th seed from {number} to {last}: {}", runs / PARTS, told.figures());
    told.assert_that_much_happened(runs / PARTS);
}

#[test]
fn random_runs_keep_every_rule_part_1() {
    part(0);
}

#[test]
fn random_runs_keep_every_rule_part_2() {
    part(1);
}

#[test]
fn random_runs_keep_every_rule_part_3() {
    part(2);
}

#[test]
fn random_runs_keep_every_rule_part_4() {
    part(3);
}
