//! The server is killed at any moment, again and again: the run ends as if nothing had been.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use loopmon::record::{Piece, replay};
use rustix::process::{Pid, Signal, kill_process};
use support::real::Bench;
use support::wait_for;

const LINES: usize = 60;
const KILLS: usize = 15;

/// Prints numbered lines, slowly enough to be interrupted, and says once that it was started.
fn talkative(rest: &str) -> String {
    format!(
        "echo \"$LOOPMON_SESSION $LOOPMON_TASK $LOOPMON_STEP $LOOPMON_ROUND\" >> \"$HOME/started\"\n\
         i=0\nwhile [ $i -lt {LINES} ]; do i=$((i + 1)); echo \"line $i\"; sleep 0.02; done\n{rest}"
    )
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.agent("worker", &talkative("echo \"$LOOPMON_TASK $LOOPMON_ROUND\" >> \"$LOOPMON_TASK.txt\""));
    let verdict =
        "printf '{\"verdict\": \"approve\", \"summary\": \"good\", \"findings\": []}' > \"$LOOPMON_RESULT\"";
    bench.script("checker", &format!("#!/bin/sh\nset -eu\ncat > /dev/null\n{}\n", talkative(verdict)));
    let path = bench.machine.path("bin/checker");
    bench.declare("checker", &format!("command = [{:?}]", path.to_str().unwrap()));
    let gate = "[[gates]]\nname = \"test\"\ncommand = \"echo \\\"$LOOPMON_SESSION gate\\\" >> \\\"$HOME/started\\\"; sleep 0.2; ls T*.txt\"\n";
    bench.config("parallel = 2", gate);
    bench
}

fn plan(bench: &Bench) -> String {
    let task = |id: &str, after: &str| format!("[[tasks]]\nid = \"{id}\"\ntitle = \"Do {id}\"\n{after}\n");
    let tasks = [("T1", ""), ("T2", ""), ("T3", "depends_on = [\"T1\"]"), ("T4", "depends_on = [\"T2\"]")];
    bench.plan(&tasks.map(|(id, after)| task(id, after)).concat())
}

/// A little generator: the seed is printed, so that a failure can be had again.
struct Seeded(u64);

impl Seeded {
    fn new() -> Seeded {
        let seed: Option<u64> = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| std::process::id().into());
        println!("SEED={seed}");
        Seeded(seed * 2 + 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn phase(bench: &Bench) -> String {
    bench.status()["run"]["phase"].as_str().unwrap_or_default().to_owned()
}

/// Starts the server, which takes the run up: any request does, even one that is refused.
fn revive(bench: &Bench) {
    let answer = bench.loopmon(&["resume"]);
    assert!(answer.err.contains("not paused"), "{}{}", answer.out, answer.err);
}

fn kill_server(bench: &Bench) -> bool {
    let Some(pid) = bench.machine.server_pid(&bench.project()).and_then(Pid::from_raw) else { return false };
    let killed = kill_process(pid, Signal::KILL).is_ok();
    wait_for("the server's end", || bench.machine.server_pid(&bench.project()).is_none().then_some(()));
    killed
}

#[test]
fn fifteen_kills_of_the_server_lose_and_double_nothing() {
    let mut random = Seeded::new();
    let bench = bench();
    let mut run = bench.start(&plan(&bench));
    run.wait("the integration branch");
    run.kill();
    let mut kills = 0;
    while kills < KILLS {
        // Not a hope for something to happen: the moment of the kill is what is varied.
        std::thread::sleep(Duration::from_millis(random.below(350)));
        if phase(&bench) == "complete" {
            break;
        }
        kills += usize::from(kill_server(&bench));
        revive(&bench);
    }
    let end = bench.spawn("events", &["events", "--follow"]);
    wait_for("the end of the run", || (phase(&bench) == "complete").then_some(()));
    end.kill();
    println!("{kills} kills");
    assert!(kills >= 5, "the run was over after {kills} kills");
    bench.nothing_lives();
    every_line_once(&bench);
    started_once(&bench);
    merged_once(&bench);
}

/// Each agent's recording has each of its lines once, in order.
fn every_line_once(bench: &Bench) {
    let status = bench.status();
    let run = status["run"]["id"].as_str().unwrap().to_owned();
    let wanted: String = (1..=LINES).map(|number| format!("line {number}\n")).collect();
    let agents: Vec<String> = bench
        .events_of("step", "spawned")
        .iter()
        .map(|(_, event)| event["session"].as_str().unwrap().to_owned())
        .collect();
    assert!(agents.len() >= 8, "{agents:?}");
    for session in agents {
        let recording = bench.project().join(format!(".loopmon/runs/{run}/recordings/{session}.cast"));
        let text: String = replay(&recording, 0, u64::MAX)
            .unwrap()
            .filter_map(|piece| match piece {
                Piece::Output { data, .. } => Some(data),
                Piece::Size { .. } => None,
            })
            .collect();
        assert_eq!(text, wanted, "{session}");
    }
}

/// No session ran twice, and no step but those whose session was lost.
fn started_once(bench: &Bench) {
    let text = std::fs::read_to_string(bench.machine.path("home/started")).unwrap();
    let mut sessions: BTreeMap<&str, usize> = BTreeMap::new();
    let mut steps: BTreeMap<&str, usize> = BTreeMap::new();
    for line in text.lines() {
        let (session, step) = line.split_once(' ').unwrap();
        *sessions.entry(session).or_default() += 1;
        if step != "gate" {
            *steps.entry(step).or_default() += 1;
        }
    }
    assert!(sessions.values().all(|count| *count == 1), "a session ran twice: {sessions:#?}");
    let lost = bench
        .events_of("step", "ended")
        .iter()
        .filter(|(_, event)| event["outcome"] == "lost" || event["outcome"].get("failed").is_some())
        .count();
    let extra: usize = steps.values().map(|count| count - 1).sum();
    assert!(extra <= lost, "{extra} steps ran again, {lost} were lost: {steps:#?}");
    assert_eq!(lost, 0, "only the server was killed: no session may be lost");
}

fn merged_once(bench: &Bench) {
    let branch = bench.branch();
    let trailers = bench.machine.git(&["log", "--format=%(trailers:key=Loopmon-Task,valueonly)", &branch]);
    let mut merged: Vec<&str> = trailers.split_whitespace().collect();
    merged.sort_unstable();
    assert_eq!(merged, ["T1", "T2", "T3", "T4"]);
    for task in merged {
        assert_eq!(bench.merged(&format!("{task}.txt")), format!("{task} 1\n"));
    }
    bench.machine.git(&["fsck", "--strict"]);
    // The last worktree goes after its task is done.
    wait_for("the end of every worktree", || {
        (bench.machine.git(&["worktree", "list"]).lines().count() == 1).then_some(())
    });
}

#[test]
fn an_agent_that_dies_with_its_keeper_is_found_and_its_step_runs_again() {
    let mut bench = Bench::new();
    // Neither it nor its grandchild in a session of its own heeds a signal; whoever comes next looks for them.
    let first = "echo \"$LOOPMON_SESSION\" >> \"$HOME/started\"\n\
        stays=\"trap '' TERM HUP INT; echo \\$\\$ >> \\$HOME/pids; while :; do sleep 1; done\"\n\
        if [ \"$(wc -l < \"$HOME/started\")\" = 1 ]; then echo half > half.txt; setsid -f sh -c \"$stays\"; sh -c \"$stays\"; fi\n\
        for pid in $(cat \"$HOME/pids\"); do ! readlink /proc/$pid/exe > /dev/null || echo $pid >> \"$HOME/undead\"; done\n\
        printf '%s' \"$prompt\" > got.txt";
    bench.agent("worker", first);
    bench.ready("", "");
    let run = bench.start(&bench.one_task());
    let half = wait_for("the agent to be half done", || {
        let below = bench.descendants_of_keepers();
        let pids = std::fs::read_to_string(bench.machine.path("home/pids")).unwrap_or_default();
        (pids.lines().count() == 2).then_some(below)
    });
    // The server first, so that nobody sees the keeper die.
    kill_server(&bench);
    for keeper in bench.keepers() {
        kill_process(Pid::from_raw(keeper).unwrap(), Signal::KILL).unwrap();
    }
    run.kill();
    revive(&bench);
    wait_for("the end of the run", || (phase(&bench) == "complete").then_some(()));
    bench.nothing_lives();
    let alive = half.iter().filter(|pid| std::path::Path::new(&format!("/proc/{pid}/exe")).exists()).count();
    assert_eq!(alive, 0, "something of the lost session lives on");
    assert!(!bench.machine.path("home/undead").exists(), "the next began beside the first");
    assert_eq!(std::fs::read_to_string(bench.machine.path("home/started")).unwrap().lines().count(), 2);
    // Its half-done work was kept, and it was told.
    assert_eq!(bench.merged("half.txt"), "half\n");
    assert!(bench.merged("got.txt").contains("left no result"), "{}", bench.merged("got.txt"));
    assert!(bench.loopmon(&["events"]).out.contains("1 were lost"));
}

#[test]
fn one_projects_recovery_ends_nothing_of_anothers() {
    let waits = "echo \"$LOOPMON_SESSION\" >> \"$HOME/started\"\nwhile [ ! -e \"$HOME/go\" ]; do sleep 0.05; done\necho x > x.txt";
    let [one, other] = [(), ()].map(|()| {
        let mut bench = Bench::new();
        bench.agent("worker", waits);
        bench.ready("", "");
        bench
    });
    let runs = [&one, &other].map(|bench| bench.start(&bench.one_task()));
    for bench in [&one, &other] {
        wait_for("the agent", || bench.machine.path("home/started").exists().then_some(()));
    }
    kill_server(&one);
    for keeper in one.keepers() {
        kill_process(Pid::from_raw(keeper).unwrap(), Signal::KILL).unwrap();
    }
    revive(&one);
    for bench in [&one, &other] {
        std::fs::write(bench.machine.path("home/go"), "").unwrap();
    }
    let [first, second] = runs;
    first.kill();
    second.ended().code(0);
    assert_eq!(std::fs::read_to_string(other.machine.path("home/started")).unwrap().lines().count(), 1);
    wait_for("the end of the first", || (phase(&one) == "complete").then_some(()));
}

#[test]
fn a_run_is_told_what_was_recovered_and_a_second_server_is_refused() {
    let mut bench = Bench::new();
    bench.agent("worker", "while [ ! -e \"$HOME/go\" ]; do sleep 0.05; done\necho x > x.txt");
    bench.ready("", "");
    let mut run = bench.start(&bench.one_task());
    run.wait("worker implements");
    let root = bench.project().display().to_string();
    let pid = bench.machine.server_pid(&bench.project()).unwrap();
    bench.loopmon(&["server", "--project", &root]).code(1).says(&format!("(pid {pid})"));
    // The log can be read while nobody serves, and says that work is under way.
    bench.loopmon(&["stop", "--server"]).code(0);
    wait_for("the server's end", || bench.machine.server_pid(&bench.project()).is_none().then_some(()));
    assert!(run.ended().code(1).err.contains("server"), "it is told why it ended");
    assert_eq!(phase(&bench), "working");
    assert!(!bench.sessions_alive().is_empty(), "agents go on without a server");
    std::fs::write(bench.machine.path("home/go"), "").unwrap();
    bench.nothing_lives();
    revive(&bench);
    wait_for("the end of the run", || (phase(&bench) == "complete").then_some(()));
    bench.loopmon(&["events"]).says("recovered: 0 sessions had gone on, 1 had ended with their results kept");
}
