//! The demo, driven as a person would: the built program in a real terminal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod support;

use rustix::process::{Pid, Signal, kill_process};
use support::tty::Tty;
use support::{LOOPMON, Machine, git, text, wait_for};

fn demo(machine: &Machine, speed: &str, size: (u16, u16)) -> Tty {
    let dir = machine.path("demo");
    let args = ["demo", "--keep", "--speed", speed, "--dir", dir.to_str().unwrap()];
    Tty::open(LOOPMON, &args, &machine.path("home"), &machine.env(), size)
}

fn come_back(machine: &Machine) -> Tty {
    let dir = machine.path("demo");
    Tty::open(LOOPMON, &[], &dir, &machine.env(), (120, 36))
}

#[test]
fn a_person_approves_rejects_prompts_detaches_loses_the_server_comes_back_and_sees_it_end() {
    let machine = Machine::new();
    let mut tty = demo(&machine, "3", (120, 36));
    // An agent asks for leave; `w` goes there and `a` allows it.
    tty.wait("Needs you 1");
    tty.type_text("wa");
    tty.wait_gone("Needs you");
    // One goes silent: it is given words.
    tty.wait("no progress");
    tty.type_text("w ");
    tty.wait("Words for");
    tty.type_text("go on, please\r");
    // Leave, kill the server, come back to the same run.
    tty.wait("export ✓");
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
    tty.wait("the demo goes on in");
    let dir = machine.path("demo");
    let server = wait_for("the server's process", || machine.server_pid(&dir));
    kill_process(Pid::from_raw(server).unwrap(), Signal::KILL).unwrap();
    wait_for("its death", || machine.server_pid(&dir).is_none().then_some(()));
    let mut tty = come_back(&machine);
    // The last task waits for a person: rejected with a reason first, then approved.
    tty.wait("your approval is wanted");
    tty.type_text("wx");
    tty.wait("Reject");
    tty.type_text("say good morning in lower case\r");
    tty.wait_gone("your approval is wanted");
    tty.wait("your approval is wanted");
    tty.type_text("wa");
    tty.wait("8 done");
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
    let events = text(&machine.loopmon_in(&dir, &["events"]));
    for told in [
        "recovered:",
        "you: allowed",
        "you: go on, please",
        "you: rejected: say good",
        "its merge conflicts in",
    ] {
        assert!(events.contains(told), "{told:?} is not in:\n{events}");
    }
    let run = text(&machine.loopmon_in(&dir, &["status", "--json"]));
    let run: serde_json::Value = serde_json::from_str(&run).unwrap();
    assert_eq!(run["run"]["phase"], "complete", "{run:#}");
    merges_once_and_only_there(&dir);
}

/// Each task was merged once, history is sound, and the person's own branch did not move.
fn merges_once_and_only_there(dir: &std::path::Path) {
    let branch = git(dir, &["for-each-ref", "--format=%(refname:short)", "refs/heads/loopmon/"]);
    let trailers = git(dir, &["log", "--format=%(trailers:key=Loopmon-Task,valueonly)", branch.trim()]);
    let mut merged: Vec<&str> = trailers.split_whitespace().collect();
    merged.sort_unstable();
    assert_eq!(merged, ["ago", "draw", "due", "export", "mood", "sample", "today", "water"]);
    git(dir, &["fsck", "--strict"]);
    assert_eq!(git(dir, &["rev-list", "--count", "main"]).trim(), "1");
    assert_eq!(git(dir, &["status", "--porcelain"]), "");
}

#[test]
fn without_a_screen_it_ends_green_and_leaves_nothing_behind() {
    let machine = Machine::new();
    let dir = machine.path("demo");
    let output = machine.loopmon_in(
        &machine.path("home"),
        &["demo", "--headless", "--speed", "10", "--dir", dir.to_str().unwrap()],
    );
    let told = text(&output);
    assert!(output.status.success(), "{told}\n{}", support::errors(&output));
    for line in ["8 of 8 tasks done", "policy: allow", "policy: re-prompt", "policy: approve", "pass"] {
        assert!(told.contains(line), "{line:?} is not in:\n{told}");
    }
    assert!(!dir.exists(), "the repository was left");
    let left: Vec<_> = std::fs::read_dir(machine.path("state/loopmon")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn two_terminals_look_at_once_and_each_has_its_own_view() {
    let machine = Machine::new();
    let mut first = demo(&machine, "2", (120, 36));
    first.wait("Needs you 1");
    let mut second = Tty::open(LOOPMON, &[], &machine.path("demo"), &machine.env(), (80, 24));
    second.wait("[1 Tasks]");
    second.type_text("?");
    second.wait("go to the next that");
    assert!(!first.text().contains("go to the next that"));
    first.type_text("wa");
    first.wait_gone("Needs you 1");
    second.type_text("\x1b");
    second.wait_gone("go to the next that");
    second.type_text("q");
    assert_eq!(second.ended(), 0);
    first.type_text("q");
    assert_eq!(first.ended(), 0);
}
