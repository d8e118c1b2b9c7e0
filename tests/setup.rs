//! The commands that make a worktree usable: run once, seen while they run, ended with everything else, told when they
//! fail, and neither lost nor doubled by the end of a server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::real::Bench;
use support::wait_for;

/// Notes its process, then refuses to end, as does a child of its own that goes its own ways.
const STUBBORN: &str = "trap '' TERM HUP INT; (setsid sh -c 'trap \"\" TERM HUP; echo $$ >> $HOME/up; \
                        while :; do sleep 1; done' &) ; echo $$ >> $HOME/up; while :; do sleep 1; done";

/// A worker whose worktrees are set up by these lines.
fn bench(setup: &[&str], more: &str) -> Bench {
    let mut bench = Bench::new();
    bench.agent("worker", "cat made.txt >> src/main.txt");
    let keys = format!("[worktrees]\nsetup = {setup:?}\n{more}\n");
    bench.ready("", &keys);
    bench
}

fn lines(bench: &Bench, file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(bench.machine.path("home").join(file)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Nothing of the stubborn ones lives, however it is looked for.
fn nothing_lives(bench: &Bench) {
    bench.nothing_lives();
    let left: Vec<String> = lines(bench, "up")
        .into_iter()
        .filter(|pid| std::path::Path::new(&format!("/proc/{pid}/exe")).exists())
        .collect();
    assert!(left.is_empty() && lines(bench, "up").len() == 2, "these live on: {left:?}");
}

fn wait_until_it_runs(bench: &Bench) {
    wait_for("the setup and its child", || (lines(bench, "up").len() == 2).then_some(()));
}

fn kill_server(bench: &Bench) {
    let pid = bench.machine.server_pid(&bench.project()).and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    wait_for("the server's end", || bench.machine.server_pid(&bench.project()).is_none().then_some(()));
}

#[test]
fn every_line_runs_once_in_order_before_the_agent() {
    let bench = bench(&["echo one >> $HOME/ran; echo made > made.txt", "echo two >> $HOME/ran; pwd"], "");
    let told = bench.run(&bench.one_task()).code(0).says("sets its worktree up").says("setup `echo two");
    assert!(told.out.find("setup `echo two").unwrap() < told.out.find("worker implements").unwrap());
    assert_eq!(lines(&bench, "ran"), ["one", "two"]);
    assert!(bench.merged("src/main.txt").ends_with("made\n"));
    // Each left its log, the worktree's folder in the second.
    let status = bench.status();
    let sessions = status["sessions"].as_array().unwrap();
    let setups: Vec<&str> = sessions
        .iter()
        .filter(|session| session["setup"] == true)
        .map(|session| session["id"].as_str().unwrap())
        .collect();
    assert_eq!(setups.len(), 2, "{sessions:#?}");
    let logs: Vec<String> = setups.iter().map(|id| bench.loopmon(&["logs", id]).code(0).out).collect();
    assert!(logs.concat().contains("/worktrees/"), "{logs:?}");
    bench.nothing_lives();
}

#[test]
fn stopping_ends_a_setup_that_refuses_to_and_resuming_begins_it_again() {
    let once = format!("[ -e $HOME/again ] && {{ echo made > made.txt; exit; }}; {STUBBORN}");
    let bench = bench(&[&once], "");
    let run = bench.start(&bench.one_task());
    wait_until_it_runs(&bench);
    let session = wait_for("its session", || {
        let status = bench.status();
        status["sessions"].as_array()?.iter().find(|session| session["setup"] == true).cloned()
    });
    assert_eq!((session["ended"].is_null(), session["task"].as_str()), (true, Some("T1")));
    let why = bench.task("T1")["explanation"]["why"].as_str().unwrap().to_owned();
    assert!(why.starts_with("setup: "), "{why}");
    let asked = Instant::now();
    bench.loopmon(&["stop"]).code(0);
    run.ended().code(1).says("you: stopped the run").says("it was ended on request");
    nothing_lives(&bench);
    assert!(asked.elapsed() < Duration::from_secs(30), "it took {:?}", asked.elapsed());
    assert_eq!(bench.status()["attention"].as_array().unwrap().len(), 0);
    std::fs::write(bench.machine.path("home/again"), "").unwrap();
    bench.loopmon(&["resume"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
}

#[test]
fn giving_a_task_up_ends_its_setup_and_takes_its_worktree_away() {
    let bench = bench(&[STUBBORN], "");
    let run = bench.start(&bench.one_task());
    wait_until_it_runs(&bench);
    bench.loopmon(&["cancel", "T1"]).code(0);
    run.ended().code(1);
    nothing_lives(&bench);
    assert_eq!(bench.task("T1")["phase"], "cancelled");
    wait_for("the end of the worktree", || {
        (bench.machine.git(&["worktree", "list"]).lines().count() == 1).then_some(())
    });
}

#[test]
fn a_killed_server_leaves_it_running_and_the_next_one_goes_on_with_it() {
    let waits =
        "echo began >> $HOME/ran; while [ ! -e $HOME/go ]; do sleep 0.05; done; echo ended >> $HOME/ran";
    let bench =
        bench(&["echo first >> $HOME/ran", waits, "echo last >> $HOME/ran; echo made > made.txt"], "");
    let run = bench.start(&bench.one_task());
    wait_for("the second line", || lines(&bench, "ran").contains(&"began".to_owned()).then_some(()));
    kill_server(&bench);
    run.kill();
    assert_eq!(bench.keepers().len(), 1, "it goes on without a server");
    // The first time it lives on, the second time it ends while nobody looks.
    bench.loopmon(&["resume"]).says("not paused");
    bench.loopmon(&["events"]).says("recovered: 1 session had gone on");
    kill_server(&bench);
    std::fs::write(bench.machine.path("home/go"), "").unwrap();
    bench.nothing_lives();
    bench.loopmon(&["resume"]).says("not paused");
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    assert_eq!(lines(&bench, "ran"), ["first", "began", "ended", "last"]);
    bench.loopmon(&["events"]).says("1 had ended with their results kept");
}

#[test]
fn one_whose_keeper_died_begins_again_once_its_processes_are_gone() {
    let first = "echo one >> $HOME/ran; echo made > made.txt";
    let once = format!("[ -e $HOME/up ] && exit; {STUBBORN}");
    let bench = bench(&[first, &once], "");
    let run = bench.start(&bench.one_task());
    wait_until_it_runs(&bench);
    kill_server(&bench);
    assert_eq!(bench.keepers().len(), 1);
    for keeper in bench.keepers() {
        kill_process(Pid::from_raw(keeper).unwrap(), Signal::KILL).unwrap();
    }
    run.kill();
    bench.loopmon(&["resume"]).says("not paused");
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    assert_eq!(lines(&bench, "ran"), ["one", "one"], "from its beginning");
    nothing_lives(&bench);
}

#[test]
fn a_failing_line_is_told_with_its_last_words_and_its_log() {
    let fails = "[ -e $HOME/better ] && { echo made > made.txt; exit; }; i=0; while [ $i -lt 40 ]; \
                 do i=$((i + 1)); echo line $i; done; echo no room on the disk >&2; exit 3";
    let bench = bench(&[fails], "");
    let told = bench.run(&bench.one_task()).code(3);
    let told = told.says("failed with exit code 3").says("no room on the disk").says("line 35");
    assert!(!told.out.contains("git failed"), "{}", told.out);
    let row = bench.attention("no room on the disk");
    assert_eq!((row["source"].as_str(), row["task"].as_str()), (Some("setup"), Some("T1")));
    bench.loopmon(&["status"]).says("waits for you: setup `").says("no room on the disk");
    let text = row["text"].as_str().unwrap();
    let session = text.split("loopmon logs ").nth(1).unwrap().split('`').next().unwrap();
    bench.loopmon(&["logs", session]).code(0).says("line 1\n");
    // Nothing of it was committed, and no agent was started; once it is put right, a retry goes on.
    assert!(bench.events_of("step", "spawned").is_empty());
    std::fs::write(bench.machine.path("home/better"), "").unwrap();
    bench.loopmon(&["retry", "T1"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
}

#[test]
fn a_line_that_does_not_end_is_ended_by_its_time_limit() {
    let bench =
        bench(&[&format!("echo waiting for the network; {STUBBORN}")], "setup_timeout_minutes = 0.02");
    bench.run(&bench.one_task()).code(3).says("did not end within 1 s").says("waiting for the network");
    nothing_lives(&bench);
}

#[test]
fn a_worktree_that_somebody_took_away_is_set_up_again() {
    let mut bench = Bench::new();
    // The first fails after its worktree is gone; the second finds it as new as the first did.
    let work = "cat made.txt >> src/main.txt\n\
                if [ \"$LOOPMON_ATTEMPT\" = 1 ]; then cd /; rm -rf \"$OLDPWD\"; exit 1; fi";
    bench.agent("worker", work);
    bench.ready("", "[worktrees]\nsetup = [\"echo ran >> $HOME/ran; echo made > made.txt\"]\n");
    bench.run(&bench.one_task()).code(0).says("not as it was left");
    assert_eq!(lines(&bench, "ran").len(), 2);
    assert!(bench.merged("src/main.txt").ends_with("three\nmade\n"));
}

#[test]
fn a_worktree_that_vanishes_under_an_agent_is_told_and_nobody_is_blamed() {
    let mut bench = Bench::new();
    let work = "echo done >> src/main.txt\n\
                if [ ! -e \"$HOME/once\" ]; then touch \"$HOME/once\"; cd /; mv \"$OLDPWD\" \"$HOME/moved\"; fi";
    bench.agent("worker", work);
    bench.ready("", "");
    let run = bench.start(&bench.one_task());
    bench.attention("its worktree was taken away while its agent worked");
    run.ended().code(3);
    bench.loopmon(&["retry", "T1"]).code(0);
    wait_for("the merge", || (bench.task("T1")["phase"] == "done").then_some(()));
    assert!(bench.merged("src/main.txt").ends_with("three\ndone\n"));
}
