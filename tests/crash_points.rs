//! The built server dies at each of its fail points (`server::failpoints`), and at pairs of them: taken up again, the run
//! ends as one without a crash does.
//!
//! A debug build passes a fail point before and after each line of the log, each effect and each spawn, so that the five
//! points of a merge are among them. `crash_sweep` has every pair, in memory; here git, the log and the keepers are real.
//! `LOOPMON_CRASHES=all` tries every single point and more pairs.
#![cfg(debug_assertions)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use support::real::Bench;
use support::{git, wait_for};

/// A run of one task cannot have more.
const ENOUGH: u32 = 400;

/// What a run is over.
#[derive(Clone, Copy)]
enum Ground {
    One,
    /// Two repositories, both of which the task changes.
    Two,
}

const MEMBERS: [&str; 2] = ["api", "web"];

fn bench(ground: Ground) -> Bench {
    let (mut bench, files, repositories) = match ground {
        Ground::One => (Bench::new(), "work.txt", ""),
        Ground::Two => (
            Bench::over(&MEMBERS),
            "api/work.txt web/work.txt",
            "[repositories]\napi = \"api\"\nweb = \"web\"\n",
        ),
    };
    let began = "echo \"$LOOPMON_SESSION\" >> \"$HOME/started\"\n";
    let work = format!("for file in {files}; do echo \"$LOOPMON_ROUND\" >> $file; done");
    bench.agent("worker", &format!("{began}{work}"));
    let verdict = r#"{"verdict": "approve", "summary": "good", "findings": []}"#;
    let judges = format!("cat > /dev/null\n{began}printf '%s' '{verdict}' > \"$LOOPMON_RESULT\"\n");
    bench.script("checker", &format!("#!/bin/sh\nset -eu\n{judges}"));
    let path = bench.machine.path("bin/checker");
    bench.declare("checker", &format!("command = [{:?}]", path.to_str().unwrap()));
    let command = format!(r#"echo \"$LOOPMON_SESSION\" >> \"$HOME/started\"; cat {files}"#);
    bench.config("", &format!("{repositories}[[gates]]\nname = \"test\"\ncommand = \"{command}\"\n"));
    bench
}

fn phase(bench: &Bench) -> String {
    let told = bench.loopmon(&["status", "--json"]).out;
    let status: serde_json::Value = serde_json::from_str(&told).unwrap_or_default();
    status["run"]["phase"].as_str().unwrap_or_default().to_owned()
}

/// Lets servers die at these points, one after the other, and then one live; at which places they died.
fn with_crashes(bench: &Bench, ground: Ground, points: &[u32]) -> Vec<String> {
    let plan = bench.one_task();
    let mut points = points.iter();
    let mut died = Vec::new();
    loop {
        let point = points.next().map(u32::to_string);
        let dies: Vec<(&str, &str)> = point.iter().map(|point| ("LOOPMON_DIES_AT", point.as_str())).collect();
        // A server that died before the run was in its log left nothing to take up.
        let begun = !phase(bench).is_empty();
        let run = ["run", "--plan", &plan, "--yes", "--headless"];
        let args = if begun { &["resume"][..] } else { &run[..] };
        let told = bench.spawn_with("server", args, &dies).ended();
        let over = wait_for("a death or the end", || {
            let lives = bench.machine.server_pid(&bench.project()).is_some();
            let is_over = phase(bench) == "complete" && nothing_is_left(bench, ground);
            is_over.then_some(true).or((!lives).then_some(false))
        });
        let log = bench.project().join(".loopmon/server.log");
        let words = std::fs::read_to_string(log).unwrap_or_default();
        died.extend(words.lines().find_map(|line| line.strip_prefix("died at ")).map(str::to_owned));
        assert!(over || point.is_some(), "nobody killed it: {}{}{words}", told.out, told.err);
        if over {
            return died;
        }
    }
}

/// The run ended as it does without a crash: every session once, one merge, nothing left.
fn assert_sound(bench: &Bench, ground: Ground, words: &str) {
    bench.nothing_lives();
    let started = std::fs::read_to_string(bench.machine.path("home/started")).unwrap();
    let sessions: BTreeSet<&str> = started.lines().collect();
    assert_eq!(sessions.len(), started.lines().count(), "{words}: a session ran twice: {started}");
    // The implementer, the gate on its tree (the merge has the same), the reviewer.
    assert_eq!(sessions.len(), 3, "{words}: only the server died: {started}");
    match ground {
        Ground::One => assert_merged(&bench.project(), words),
        Ground::Two => MEMBERS.iter().for_each(|name| assert_merged(&bench.project().join(name), words)),
    }
}

/// The work is on the only branch of the run, once.
fn assert_merged(repository: &Path, words: &str) {
    let branch = git(repository, &["for-each-ref", "--format=%(refname:short)", "refs/heads/loopmon/"]);
    let branch = branch.trim();
    assert_eq!(git(repository, &["show", &format!("{branch}:work.txt")]), "1\n", "{words}");
    let trailers = git(repository, &["log", "--format=%(trailers:key=Loopmon-Task,valueonly)", branch]);
    assert_eq!(trailers.split_whitespace().collect::<Vec<_>>(), ["T1"], "{words}");
    git(repository, &["fsck", "--strict"]);
    assert_eq!(git(repository, &["status", "--porcelain", "--untracked-files=no"]), "", "{words}");
}

/// The last worktree goes after its task is done.
fn nothing_is_left(bench: &Bench, ground: Ground) -> bool {
    let store = match ground {
        Ground::One => ".git",
        Ground::Two => ".loopmon/workspace.git",
    };
    git(&bench.project(), &["--git-dir", store, "worktree", "list"]).lines().count() == 1
}

/// Every `step`th point from the first; how often the server died at which place.
fn sweep(ground: Ground, first: u32, step: u32) -> BTreeMap<String, u32> {
    let mut places = BTreeMap::new();
    for point in (first..ENOUGH).step_by(step as usize) {
        let bench = bench(ground);
        let died = with_crashes(&bench, ground, &[point]);
        assert_sound(&bench, ground, &format!("died at {point}, {died:?}"));
        let Some(place) = died.first() else { return places };
        *places.entry(place.clone()).or_default() += 1;
    }
    panic!("the run does not come to its end before {ENOUGH} points");
}

fn all() -> bool {
    std::env::var("LOOPMON_CRASHES").is_ok_and(|which| which == "all")
}

fn part(number: u32) {
    let places = if all() { sweep(Ground::One, number, 2) } else { sweep(Ground::One, number, 12) };
    println!("died at {} fail points: {places:?}", places.values().sum::<u32>());
    assert!(!all() || places.len() >= 6, "no death at some places: {places:?}");
}

#[test]
fn a_server_that_dies_at_any_fail_point_loses_and_doubles_nothing_odd() {
    part(1);
}

#[test]
fn a_server_that_dies_at_any_fail_point_loses_and_doubles_nothing_even() {
    part(if all() { 2 } else { 6 });
}

#[test]
fn what_changes_two_repositories_is_in_both_wherever_the_server_dies() {
    let places = sweep(Ground::Two, if all() { 1 } else { 3 }, if all() { 1 } else { 9 });
    let deaths = places.values().sum::<u32>();
    println!("died at {deaths} fail points: {places:?}");
    assert!(deaths > 3, "it hardly died");
}

#[test]
fn one_that_dies_again_while_it_recovers_or_later_does_neither() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u32 = seed.unwrap_or_else(std::process::id);
    println!("SEED={seed}");
    let pairs: u32 = if all() { 30 } else { 4 };
    let mut deaths = 0;
    for pair in 0..pairs {
        let draw = seed.wrapping_add(pair).wrapping_mul(0x9E37_79B1);
        // The second and the third die soon after they took the run up, mostly while they recover.
        let points = [1 + (draw >> 8) % 60, 1 + (draw >> 16) % 12, 1 + (draw >> 24) % 6];
        let ground = if pair % 2 == 0 { Ground::One } else { Ground::Two };
        let bench = bench(ground);
        let died = with_crashes(&bench, ground, &points);
        assert_sound(&bench, ground, &format!("seed {seed}: died at {points:?}, {died:?}"));
        deaths += died.len();
    }
    println!("{deaths} deaths in {pairs} runs");
    assert!(deaths > pairs as usize, "they hardly died");
}
