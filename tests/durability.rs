//! When the log can't be written, or is somebody else's: nothing is started without a durable intent, agents go on, and
//! what is wrong is said.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use support::real::Bench;
use support::{LOOPMON, wait_for};

/// Two tasks one after the other, whose agents say that they began and wait to be let go.
fn bench() -> (Bench, String) {
    let mut bench = Bench::new();
    let body = "echo \"$LOOPMON_SESSION $LOOPMON_TASK\" >> \"$HOME/started\"\n\
        while [ ! -e \"$HOME/go\" ]; do sleep 0.02; done\necho x > \"$LOOPMON_TASK.txt\"";
    bench.agent("worker", body);
    bench.ready("", "");
    let task = |id: &str, after: &str| format!("[[tasks]]\nid = \"{id}\"\ntitle = \"Do {id}\"\n{after}\n");
    let plan = bench.plan(&[task("T1", ""), task("T2", "depends_on = [\"T1\"]")].concat());
    (bench, plan)
}

fn started(bench: &Bench) -> Vec<String> {
    let text = std::fs::read_to_string(bench.machine.path("home/started")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn begun(bench: &Bench, count: usize) {
    wait_for("agents at work", || (started(bench).len() >= count).then_some(()));
}

fn go(bench: &Bench) {
    std::fs::write(bench.machine.path("home/go"), "").unwrap();
}

fn complete(bench: &Bench) {
    wait_for("the end of the run", || (bench.status()["run"]["phase"] == "complete").then_some(()));
    bench.nothing_lives();
    assert_eq!(started(bench).len(), 2, "each step ran once: {:?}", started(bench));
    let trailers = ["log", "--format=%(trailers:key=Loopmon-Task,valueonly)", &bench.branch()];
    let trailers = bench.machine.git(&trailers);
    assert_eq!(trailers.split_whitespace().count(), 2, "{trailers}");
    bench.machine.git(&["fsck", "--strict"]);
}

fn log_of(bench: &Bench) -> rusqlite::Connection {
    rusqlite::Connection::open(bench.project().join(".loopmon/loopmon.db")).unwrap()
}

#[test]
fn while_the_log_is_locked_nothing_is_started_and_nothing_is_lost() {
    let (bench, plan) = bench();
    let run = bench.start(&plan);
    begun(&bench, 1);
    let log = log_of(&bench);
    log.execute_batch("BEGIN IMMEDIATE").unwrap();
    go(&bench);
    // Longer than a writer waits by itself: the server says so, and the request is not taken.
    wait_for("the word about the log", || {
        bench.loopmon(&["status"]).out.contains("nothing new is started").then_some(())
    });
    bench.nothing_lives();
    bench.loopmon(&["pause"]).code(1).says("locked: another program holds it");
    assert_eq!(started(&bench).len(), 1, "nothing was started meanwhile");
    log.execute_batch("ROLLBACK").unwrap();
    run.ended().code(0).says("the log can be written again");
    complete(&bench);
}

#[test]
fn a_server_that_finds_no_room_at_its_start_says_so_and_agents_go_on() {
    let (bench, plan) = bench();
    let run = bench.start(&plan);
    begun(&bench, 1);
    let server = || bench.machine.server_pid(&bench.project()).and_then(Pid::from_raw);
    kill_process(server().unwrap(), Signal::KILL).unwrap();
    run.kill();
    wait_for("the server's end", || server().is_none().then_some(()));
    // No file can grow beyond nothing at all: as a disk without a free block.
    let line = format!("trap '' XFSZ; ulimit -f 0; exec {LOOPMON:?} resume");
    let told = Command::new("sh")
        .args(["-c", &line])
        .current_dir(bench.project())
        .env_clear()
        .envs(bench.machine.env())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(!told.status.success() && !words.contains("panicked"), "{words}");
    assert!(words.contains("room") && words.contains("nothing is started without the log"), "{words}");
    assert!(!bench.sessions_alive().is_empty(), "the agent goes on");
    go(&bench);
    bench.nothing_lives();
    assert_eq!(started(&bench).len(), 1, "nothing is started without the log");
    bench.loopmon(&["resume"]).says("not paused");
    complete(&bench);
}

#[test]
fn a_server_that_stood_still_while_another_took_over_writes_and_starts_nothing() {
    let (bench, plan) = bench();
    let run = bench.start(&plan);
    begun(&bench, 1);
    let old = bench.machine.server_pid(&bench.project()).and_then(Pid::from_raw).unwrap();
    stop_between_writes(&bench, old);
    // Its lock would hold for ever: somebody takes both out of the way, as after a copy to another machine.
    std::fs::remove_file(bench.project().join(".loopmon/server.lock")).unwrap();
    for socket in bench.files_named("*.sock") {
        let of_keeper = socket.file_name().unwrap().to_str().unwrap().contains('-');
        if !of_keeper {
            std::fs::remove_file(socket).unwrap();
        }
    }
    bench.loopmon(&["resume"]).says("not paused");
    let new = bench.machine.server_pid(&bench.project()).and_then(Pid::from_raw).unwrap();
    assert_ne!(old, new);
    wait_for("the recovery", || {
        bench.loopmon(&["events"]).out.contains("recovered: 1 session had gone on").then_some(())
    });
    // The old one wakes up beside the new one, while the agent works and when it ends.
    kill_process(old, Signal::CONT).unwrap();
    go(&bench);
    complete(&bench);
    wait_for("the old server's end", || (!is_alive(old)).then_some(()));
    assert!(is_alive(new), "the new one serves");
    bench.loopmon(&["retry", "T1"]).code(1);
    assert_eq!(
        bench.machine.server_pid(&bench.project()).and_then(Pid::from_raw),
        Some(new),
        "and is reached"
    );
    run.ended().code(1).says("has taken over the log");
    let epochs: i64 = log_of(&bench).query_row("SELECT epoch FROM lease", [], |row| row.get(0)).unwrap();
    assert_eq!(epochs, 2);
    let ended = bench.events_of("step", "ended");
    let mut effects: Vec<_> = ended.iter().map(|(_, event)| event["effect"].clone()).collect();
    effects.dedup();
    assert_eq!(effects.len(), ended.len(), "an end was told twice: {ended:?}");
}

/// Stops a server at a moment at which it does not write: otherwise the log is locked until it goes on.
fn stop_between_writes(bench: &Bench, server: Pid) {
    let log = log_of(bench);
    wait_for("a moment without writing", || {
        kill_process(server, Signal::STOP).unwrap();
        let is_free = log.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok();
        if !is_free {
            kill_process(server, Signal::CONT).unwrap();
        }
        is_free.then_some(())
    });
}

/// Whether a process has a program: a dead one that nobody took note of has none.
fn is_alive(pid: Pid) -> bool {
    std::fs::read_link(format!("/proc/{}/exe", pid.as_raw_nonzero())).is_ok()
}
