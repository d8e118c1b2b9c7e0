//! `loopmon doctor`: what is wrong is found and comes with its remedy, and looking changes nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use std::os::unix::fs::PermissionsExt;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::real::Bench;
use support::tty::Tty;
use support::{LOOPMON, wait_for};

/// A bench on which everything is as it should be.
fn healthy() -> Bench {
    let mut bench = Bench::new();
    bench.agent("worker", "echo x >> src/main.txt");
    bench.ready("", "[[gates]]\nname = \"test\"\ncommand = \"true\"\n");
    std::fs::write(bench.machine.path("home/.gitconfig"), "[user]\nname = Ann\nemail = ann@example.com\n")
        .unwrap();
    bench
}

/// The findings, and the exit code.
fn examine(bench: &Bench) -> (Vec<Value>, i32) {
    let told = bench.loopmon(&["doctor", "--json"]);
    let value: Value =
        serde_json::from_str(&told.out).unwrap_or_else(|e| panic!("{e}: {}{}", told.out, told.err));
    assert_eq!(value["ok"], told.code == Some(0));
    (value["findings"].as_array().unwrap().clone(), told.code.unwrap())
}

/// The finding that says this.
fn finding<'f>(findings: &'f [Value], text: &str) -> &'f Value {
    let found = findings.iter().find(|finding| finding["text"].as_str().unwrap().contains(text));
    found.unwrap_or_else(|| panic!("nothing says {text:?}: {findings:#?}"))
}

#[test]
fn a_healthy_place_is_told_as_one_and_looking_changes_nothing() {
    let bench = healthy();
    let (findings, code) = examine(&bench);
    assert_eq!(code, 0, "{findings:#?}");
    for text in
        ["git 2.", "commits as Ann", "loopmon.toml is right", "worker", "of 107 bytes", "none here", "free, "]
    {
        assert_eq!(finding(&findings, text)["level"], "ok", "{text}");
    }
    let sandbox = finding(&findings, "no sandbox yet");
    assert!(sandbox["level"] == "warn" && sandbox["remedy"].is_string());
    let wanting = findings.iter().filter(|f| f["level"] != "ok" && f["remedy"].is_null()).count();
    assert_eq!(wanting, 0, "each has a remedy: {findings:#?}");
    assert!(!bench.project().join(".loopmon").exists() && !bench.machine.path("run/loopmon").exists());
    bench.loopmon(&["doctor"]).code(0).says("✓ commits as Ann <ann@example.com>").says("0 bad");
}

#[test]
fn what_is_wrong_is_bad_and_says_where_and_what_to_do() {
    let bench = healthy();
    std::fs::write(bench.project().join("loopmon.toml"), "[run]\nparalel = 2\n").unwrap();
    let runtime = bench.machine.path("run/loopmon");
    std::fs::create_dir(&runtime).unwrap();
    std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (findings, code) = examine(&bench);
    assert_eq!(code, 1);
    let settings = finding(&findings, "loopmon.toml:2:1");
    assert!(
        settings["level"] == "bad" && settings["text"].as_str().unwrap().contains("parallel"),
        "{settings}"
    );
    let sockets = finding(&findings, "can be entered by others (mode 755)");
    assert!(sockets["level"] == "bad" && sockets["remedy"].as_str().unwrap().contains("XDG_RUNTIME_DIR"));
    // An agent that has work and is not there.
    let text = "[defaults]\nimplementer = \"gone\"\n[agents.gone]\ncommand = [\"no-such-program\"]\n";
    std::fs::write(bench.project().join("loopmon.toml"), text).unwrap();
    let (findings, code) = examine(&bench);
    assert_eq!(
        (code, finding(&findings, "gone has work by the settings")["level"].as_str()),
        (1, Some("bad"))
    );
    assert_eq!(finding(&findings, "no gate")["level"], "warn");
}

#[test]
fn outside_of_a_repository_the_machine_is_looked_at() {
    let bench = healthy();
    let dir = bench.machine.path("home");
    let output = bench.machine.loopmon_in(&dir, &["doctor"]);
    let told = support::text(&output);
    assert!(told.contains("not inside a git repository") && told.contains("git init"), "{told}");
}

#[test]
fn agents_without_a_server_and_dead_sockets_are_found() {
    let mut bench = Bench::new();
    bench.agent(
        "worker",
        "touch $HOME/up; while [ ! -e $HOME/go ]; do sleep 0.05; done; echo x >> src/main.txt",
    );
    bench.ready("", "");
    let run = bench.start(&bench.one_task());
    wait_for("the agent", || bench.machine.path("home/up").exists().then_some(()));
    let (findings, code) = examine(&bench);
    assert_eq!((code, finding(&findings, "this project's server runs")["level"].as_str()), (0, Some("ok")));
    let pid = bench.machine.server_pid(&bench.project()).and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    run.kill();
    wait_for("the server's end", || bench.machine.server_pid(&bench.project()).is_none().then_some(()));
    let (findings, code) = examine(&bench);
    let left = finding(&findings, "goes on without a server");
    assert!(code == 0 && left["remedy"].as_str().unwrap().contains("loopmon stop"), "{left}");
    // The kernel closes a killed server's socket in its own time.
    let dead = wait_for("the dead socket", || {
        let is_it = |finding: &Value| finding["text"].as_str().unwrap().contains("that nobody listens at");
        examine(&bench).0.into_iter().find(is_it)
    });
    assert!(dead["remedy"].as_str().unwrap().contains("rm "), "{dead}");
    std::fs::write(bench.machine.path("home/go"), "").unwrap();
    bench.nothing_lives();
}

#[test]
fn a_terminal_is_asked_and_given_back() {
    let bench = healthy();
    let env = bench.machine.env();
    let mut tty = Tty::open(LOOPMON, &["doctor"], &bench.project(), &env, (120, 60));
    wait_for("the questions", || {
        let written = tty.written();
        written.windows(3).any(|bytes| bytes == b"\x1b[c").then_some(())
    });
    tty.type_text("\x1bP>|testterm 1.0\x1b\\\x1b[?0u\x1b[?2026;2$y\x1b[?62;52;c");
    let screen = tty.wait(" bad");
    for part in [
        "it says that it is testterm 1.0",
        "24-bit colours",
        "kitty's keyboard protocol",
        "(?2026)",
        "(OSC 52)",
    ] {
        assert!(screen.contains(part), "{part:?} is not in:\n{screen}");
    }
    assert_eq!(tty.ended(), 0);
    // One that answers nothing holds it up for a moment only.
    let mut mute = Tty::open(LOOPMON, &["doctor"], &bench.project(), &env, (120, 60));
    mute.wait("it answers no question");
    assert_eq!(mute.ended(), 0);
}
