//! What a task makes the machine do beside its agents, counted and not timed: a call of git more in each task is seen here
//! before anybody waits for it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use std::path::{Path, PathBuf};

use support::real::Bench;

/// Tasks that are counted.
const TASKS: usize = 10;
/// Calls of git that one of them may cost: worktree, commit, gate, forecast, review, merge, its gate, removal. It is about
/// twenty; how tasks overlap moves it by one or two.
const CALLS: usize = 26;
/// Sessions of one: its implementer, the gate, its reviewer, and the gate on the merged tree.
const SESSIONS: usize = 4;

/// The git that is on the path.
fn real_git() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|git| git.is_file());
    found.expect("git is on the path")
}

/// Lines of a file.
fn count(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

#[test]
fn a_task_costs_few_calls_of_git_and_no_session_too_many() {
    let mut bench = Bench::new();
    bench.agent("worker", "echo x > \"$LOOPMON_TASK.txt\"");
    bench.ready("parallel = 1", "[[gates]]\nname = \"test\"\ncommand = \"true\"\n");
    let calls = bench.machine.path("calls");
    let counting = format!(
        "#!/bin/sh\necho \"$*\" | tr '\\n' ' ' >> '{0}'; echo >> '{0}'\nexec '{1}' \"$@\"\n",
        calls.display(),
        real_git().display()
    );
    // Only the server has it on its path, so that a person's calls are not counted.
    std::fs::create_dir(bench.machine.path("counted")).unwrap();
    support::script::write_script(&bench.machine.path("counted/git"), &counting);
    let path = format!("{}:{}", bench.machine.path("counted").display(), std::env::var("PATH").unwrap());
    let run = |tasks: usize| {
        let one = |task| format!("[[tasks]]\nid = \"T{task}\"\ntitle = \"Do it\"\n");
        let plan = bench.plan(&(0..tasks).map(one).collect::<String>());
        let before = count(&calls);
        let args = ["run", "--plan", &plan, "--yes", "--headless"];
        bench.spawn_with("run", &args, &[("PATH", &path)]).ended().code(0);
        let sessions = bench.events_of("step", "spawned").len() + bench.events_of("gate", "spawned").len();
        (count(&calls) - before, sessions)
    };
    // The server's start and the run's beginning are in both.
    let (few, _) = run(2);
    let (many, sessions) = run(2 + TASKS);
    let each = many.saturating_sub(few) / TASKS;
    println!("calls of git for a task: {each}, sessions of {} tasks: {sessions}", 2 + TASKS);
    assert!(few > 0, "the calls are counted");
    let told = std::fs::read_to_string(&calls).unwrap_or_default();
    let last: Vec<&str> = told.lines().rev().take(2 * CALLS).collect();
    assert!(each <= CALLS, "a task costs {each} calls of git; the last of them:\n{}", last.join("\n"));
    assert!(sessions <= SESSIONS * (2 + TASKS), "{sessions} sessions for {} tasks", 2 + TASKS);
}
