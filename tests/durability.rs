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

/// A commit with a file of its own on what the branch holds, not on the branch yet.
fn foreign_commit(bench: &Bench) -> String {
    let machine = &bench.machine;
    let git = |args: &[&str]| machine.git(args).trim().to_owned();
    let tip = git(&["rev-parse", &bench.branch()]);
    std::fs::write(machine.path("blob"), "theirs\n").unwrap();
    let blob = git(&["hash-object", "-w", machine.path("blob").to_str().unwrap()]);
    let entry = git(&["ls-tree", &tip]);
    let tree = with_input(bench, &["mktree"], &format!("{entry}\n100644 blob {blob}\ttheirs.txt\n"));
    git(&["commit-tree", "-p", &tip, "-m", "theirs", tree.trim()])
}

fn with_input(bench: &Bench, args: &[&str], input: &str) -> String {
    use std::io::Write;
    let mut git = Command::new("git")
        .args(args)
        .current_dir(bench.project())
        .env_clear()
        .envs(bench.machine.env())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    git.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    String::from_utf8(git.wait_with_output().unwrap().stdout).unwrap()
}

/// Commits that somebody puts on the run's branch are proven with the next merge, and told.
#[test]
fn what_somebody_puts_on_the_branch_is_told_and_proven_with_the_next_merge() {
    let mut bench = Bench::new();
    let body = "touch \"$HOME/up\"; while [ ! -e \"$HOME/go\" ]; do sleep 0.02; done\necho x > x.txt";
    bench.agent("worker", body);
    bench.ready("", "[[gates]]\nname = \"seen\"\ncommand = \"ls >> $HOME/seen; echo >> $HOME/seen\"\n");
    let run = bench.start(&bench.one_task());
    wait_for("the agent", || bench.machine.path("home/up").exists().then_some(()));
    let theirs = foreign_commit(&bench);
    bench.machine.git(&["update-ref", &format!("refs/heads/{}", bench.branch()), &theirs]);
    go(&bench);
    run.ended().code(0).says("1 commit (the newest \"theirs\") of somebody else's");
    assert_eq!((bench.merged("x.txt"), bench.merged("theirs.txt")), ("x\n".into(), "theirs\n".into()));
    let seen = std::fs::read_to_string(bench.machine.path("home/seen")).unwrap();
    let together = |tree: &str| tree.contains("x.txt") && tree.contains("theirs.txt");
    assert!(seen.split("\n\n").any(together), "no gate saw both: {seen}");
}

/// Who puts the branch back takes merged work from it: nothing is merged on that until a person has looked.
#[test]
fn a_branch_that_somebody_puts_back_is_put_before_a_person() {
    let mut bench = Bench::new();
    let body = "touch \"$HOME/up-$LOOPMON_TASK\"\n\
        while [ ! -e \"$HOME/go-$LOOPMON_TASK\" ]; do sleep 0.02; done\necho x > \"$LOOPMON_TASK.txt\"";
    bench.agent("worker", body);
    bench.ready("", "");
    let plan =
        bench.plan("[[tasks]]\nid = \"T1\"\ntitle = \"One\"\n\n[[tasks]]\nid = \"T2\"\ntitle = \"Two\"\n");
    let run = bench.start(&plan);
    let go = |task: &str| std::fs::write(bench.machine.path(&format!("home/go-{task}")), "").unwrap();
    wait_for("both", || bench.machine.path("home/up-T2").exists().then_some(()));
    let reference = format!("refs/heads/{}", bench.branch());
    let before = bench.machine.git(&["rev-parse", &reference]);
    go("T1");
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    let merged = bench.machine.git(&["rev-parse", &reference]);
    bench.machine.git(&["update-ref", &reference, before.trim()]);
    go("T2");
    let row = bench.attention("is not on it any more");
    assert_eq!(row["task"], "T2");
    run.ended().code(3);
    assert!(!bench.is_merged("T2.txt"));
    bench.machine.git(&["update-ref", &reference, merged.trim()]);
    bench.loopmon(&["retry", "T2"]).code(0);
    wait_for("the end of the run", || (bench.status()["run"]["phase"] == "complete").then_some(()));
    assert_eq!((bench.merged("T1.txt"), bench.merged("T2.txt")), ("x\n".into(), "x\n".into()));
}

/// Stops a server at a moment at which it does not write: otherwise the log is locked until it goes on.
fn stop_between_writes(bench: &Bench, server: Pid) {
    let log = log_of(bench);
    wait_for("a moment without writing", || {
        kill_process(server, Signal::STOP).unwrap();
        wait_for("it to stand", || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.as_raw_nonzero())).unwrap();
            stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')).then_some(())
        });
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
