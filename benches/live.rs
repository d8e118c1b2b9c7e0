//! The built program at work: how soon its screen comes, what it costs when nothing happens, and what a task costs beside
//! the time of its agents.
//!
//! Not for criterion: most of what is measured here is no time. Figures go to standard output; what is promised
//! (memory, wake-ups, bytes of an idle screen) makes it fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark says what is wrong by failing"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::LOOPMON;
use support::real::Bench;
use support::tty::Tty;

/// Agents that run and say nothing.
const AGENTS: usize = 4;
/// How long nothing is to happen.
const IDLE: Duration = Duration::from_secs(10);
/// How often the screen is opened.
const OPENINGS: usize = 25;
/// Tasks of agents that are done at once.
const TASKS: usize = 20;

fn main() {
    instant();
    idle();
}

/// What a task costs whose agents take no time: worktree, implementer, commit, gate, reviewer, merge, one after the other.
fn instant() {
    let mut bench = Bench::new();
    bench.agent("worker", "echo x > \"$LOOPMON_TASK.txt\"");
    bench.ready("parallel = 1", "[[gates]]\nname = \"test\"\ncommand = \"true\"\n");
    let one = |task| format!("[[tasks]]\nid = \"T{task}\"\ntitle = \"Do it\"\n");
    let run = |count: usize| {
        let plan = bench.plan(&(0..count).map(one).collect::<String>());
        let begin = Instant::now();
        bench.run(&plan).code(0);
        begin.elapsed()
    };
    // The server's start and the run's beginning are in both.
    let few = run(2);
    let whole = run(2 + TASKS).saturating_sub(few) / u32::try_from(TASKS).unwrap();
    let own = programs(&bench);
    println!("a task with instant agents: {:.1} ms", whole.as_secs_f64() * 1e3);
    println!("of that its agents and its gate by themselves: {:.1} ms", own.as_secs_f64() * 1e3);
}

/// The same programs without anybody around them: implementer, reviewer, gate.
fn programs(bench: &Bench) -> Duration {
    let result = bench.machine.path("result.json");
    let run = |program: &str, step: &str| {
        let begin = Instant::now();
        let status = std::process::Command::new("sh")
            .args(["-c", program])
            .envs([("LOOPMON_STEP", step), ("LOOPMON_TASK", "T1")])
            .env("LOOPMON_RESULT", &result)
            .current_dir(bench.machine.path("home"))
            .stdin(std::process::Stdio::null())
            .status();
        assert!(status.unwrap().success());
        begin.elapsed()
    };
    let worker = bench.machine.path("bin/worker").display().to_string();
    let mut spans: Vec<Duration> =
        (0..TASKS).map(|_| run(&worker, "implement") + run(&worker, "review") + run("true", "")).collect();
    spans.sort();
    spans[TASKS / 2]
}

/// A server whose agents say nothing.
fn idle() {
    let mut bench = Bench::new();
    bench.agent("worker", "exec sleep 600");
    bench.ready(&format!("parallel = {AGENTS}\nidle_seconds = 3600"), "");
    let tasks: String =
        (0..AGENTS).map(|task| format!("[[tasks]]\nid = \"T{task}\"\ntitle = \"Wait\"\n")).collect();
    let run = bench.start(&bench.plan(&tasks));
    support::wait_for("every agent to run", || (bench.keepers().len() == AGENTS).then_some(()));
    run.kill();
    let server = bench.machine.server_pid(&bench.project()).unwrap();
    // Threads that did the starting are gone by then.
    std::thread::sleep(Duration::from_secs(15));

    let before = switches(server);
    std::thread::sleep(IDLE);
    let woken = switches(server).saturating_sub(before);
    let resident = resident_kib(server);
    println!("server with {AGENTS} silent agents, resident: {:.1} MiB", mib(resident));
    println!("its context switches in {} s: {woken}", IDLE.as_secs());
    let keepers: Vec<u64> = bench.keepers().into_iter().map(resident_kib).collect();
    println!("a keeper, resident, the largest: {:.1} MiB", mib(keepers.iter().copied().max().unwrap()));

    println!("first frame with a running server: {}", spans(&mut openings(&bench)));
    println!("the program alone (--version): {}", spans(&mut starts(&bench)));

    assert!(bench.loopmon(&["stop"]).code == Some(0));
    let tty = screen(&bench);
    tty.wait("stopped");
    // Whatever was said has gone from the screen by then.
    std::thread::sleep(Duration::from_secs(12));
    let written = tty.written().len();
    std::thread::sleep(IDLE);
    let bytes = tty.written().len() - written;
    println!("bytes of an idle screen in {} s: {bytes}", IDLE.as_secs());

    assert!(resident < 40 * 1024, "a server with idle agents stays below 40 MiB");
    assert!(woken <= 2, "a server with idle agents sleeps");
    // The clock of the header may have moved on by a minute.
    assert!(bytes <= 64, "an idle screen writes nothing");
}

fn screen(bench: &Bench) -> Tty {
    Tty::open(LOOPMON, &[], &bench.project(), &bench.machine.env(), (120, 36))
}

fn openings(bench: &Bench) -> Vec<Duration> {
    let opening = |_| {
        let begin = Instant::now();
        let tty = screen(bench);
        while !tty.text().contains("Tasks") {
            assert!(begin.elapsed() < support::PATIENCE, "no frame comes");
            std::thread::sleep(Duration::from_micros(200));
        }
        begin.elapsed()
    };
    (0..OPENINGS).map(opening).collect()
}

/// What starting any process of this size costs here.
fn starts(bench: &Bench) -> Vec<Duration> {
    let start = |_| {
        let begin = Instant::now();
        assert!(bench.machine.loopmon(&["--version"]).status.success());
        begin.elapsed()
    };
    (0..OPENINGS).map(start).collect()
}

fn spans(spans: &mut [Duration]) -> String {
    spans.sort();
    let at = |part: usize| spans[(spans.len() - 1) * part / 100].as_secs_f64() * 1e3;
    format!("p50 {:.1} ms, p95 {:.1} ms", at(50), at(95))
}

/// Context switches of all of a process's threads.
fn switches(pid: i32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks.flatten().map(|task| field(&task.path().join("status"), "ctxt_switches:")).sum()
}

fn resident_kib(pid: i32) -> u64 {
    field(std::path::Path::new(&format!("/proc/{pid}/status")), "VmRSS:")
}

/// The sum of the numbers in all lines that have this name in them.
fn field(path: &std::path::Path, name: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| line.contains(name));
    lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
