//! What scripts rely on: JSON, exit codes, following, requests that act at once, settings that are taken up.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use std::fs;

use serde_json::Value;
use support::real::{Bench, Ended, Running};
use support::{Machine, errors, text, wait_for};

/// Works until `$HOME/go` is there, and says line by line that it does.
const WAIT: &str = "while [ ! -e \"$HOME/go\" ]; do echo waiting; sleep 0.05; done\n";

fn waiting_bench(run: &str) -> Bench {
    let mut bench = Bench::new();
    bench.agent("worker", &format!("{WAIT}printf '%s' \"$prompt\" > \"prompt-$LOOPMON_TASK.txt\""));
    bench.ready(run, "");
    bench
}

fn go(bench: &Bench) {
    fs::write(bench.machine.path("home/go"), "").unwrap();
}

/// A run of one task whose agent is at work.
fn at_work(bench: &Bench) -> Running {
    let mut run = bench.start(&bench.one_task());
    run.wait("worker implements");
    run
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(ended.out.trim())
        .unwrap_or_else(|error| panic!("{error}: {}{}", ended.out, ended.err))
}

fn phase(bench: &Bench, task: &str) -> String {
    bench.task(task)["phase"].as_str().unwrap().to_owned()
}

fn done(bench: &Bench, task: &str) {
    wait_for("the merge", || (phase(bench, task) == "done").then_some(()));
}

#[test]
fn status_logs_and_events_tell_the_same_as_json() {
    let mut bench = Bench::new();
    bench.agent("worker", "printf 'red \\033[31mtext\\033[0m\\n'; echo '{\"summary\": \"made it\", \"usage\": {\"cost_usd\": 0.25, \"input_tokens\": 10, \"output_tokens\": 2}}'; echo x > x.txt");
    bench.ready("", "[[gates]]\nname = \"x\"\ncommand = \"echo gated; test -e x.txt\"\n");
    bench.run(&bench.one_task()).code(0);
    let status = bench.status();
    assert_eq!(status["run"]["phase"], "complete");
    assert_eq!(status["tasks"][0]["phase"], "done");
    assert_eq!(status["tasks"][0]["gates"][0]["state"], "passed");
    assert_eq!(status["run"]["usage"]["cost_micros"], 250_000);
    bench.loopmon(&["status"]).code(0).says("all done").says("$0.25").says("✓ T1");

    let events = bench.events();
    let positions: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=events.len() as u64).collect::<Vec<_>>());
    assert_eq!(status["seq"], events.len());
    bench.loopmon(&["events"]).code(0).says("T1").says("done: made it").says("merged: the branch is at");

    let session = bench.events_of("step", "spawned")[0].1["session"].as_str().unwrap().to_owned();
    let logs = bench.loopmon(&["logs", &session, "--json"]).code(0);
    let line = json(&logs);
    assert_eq!((line["session"].as_str(), line["offset"].as_u64()), (Some(session.as_str()), Some(0)));
    assert!(line["text"].as_str().unwrap().contains("\u{1b}[31mtext"), "{line}");
    let shown = bench.loopmon(&["logs", "T1"]).code(0);
    assert!(shown.out.contains("red text") && shown.out.contains("gated") && !shown.out.contains('\u{1b}'));
    for line in bench.loopmon(&["logs", "--json"]).out.lines() {
        assert!(serde_json::from_str::<Value>(line).unwrap()["session"].is_string());
    }
}

#[test]
fn following_tells_what_comes_and_ends_with_the_run() {
    let bench = waiting_bench("");
    let run = at_work(&bench);
    let mut logs = bench.spawn("logs", &["logs", "--follow", "T1"]);
    let mut events = bench.spawn("events", &["events", "--follow", "--json"]);
    logs.wait("waiting");
    events.wait("spawned");
    assert!(!events.out().contains("advanced"));
    go(&bench);
    events.wait("\"advanced\"");
    run.ended().code(0);
    logs.ended().code(0);
    bench.loopmon(&["stop", "--server"]).code(0);
    let told = events.ended().code(0).out;
    let positions: Vec<u64> = told
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(positions, (1..=positions.len() as u64).collect::<Vec<_>>(), "an event is missing or doubled");
}

#[test]
fn pause_stops_the_processes_and_resume_lets_them_go_on() {
    let bench = waiting_bench("");
    let run = at_work(&bench);
    let state = || {
        let below = bench.descendants_of_keepers();
        let states = below.iter().filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok());
        states.map(|stat| stat.rsplit(')').next().unwrap().trim().chars().next().unwrap()).collect::<String>()
    };
    let answer = bench.loopmon(&["pause", "T1", "--json"]).code(0);
    assert_eq!(json(&answer)["ok"], true);
    assert_eq!(bench.task("T1")["hold"], "paused");
    wait_for("the processes to stand still", || {
        let states = state();
        // A shell in the middle of a fork waits for its child, which stands: it does nothing of its own before it stops.
        (states.contains('T') && states.chars().all(|state| matches!(state, 'T' | 'D'))).then_some(())
    });
    bench.loopmon(&["pause", "T1"]).code(1).says("paused already");
    bench.loopmon(&["resume", "T1"]).code(0);
    wait_for("the processes to go on", || state().contains(['S', 'R']).then_some(()));
    bench.loopmon(&["pause"]).code(0);
    assert_eq!(bench.status()["run"]["paused"], true);
    go(&bench);
    bench.loopmon(&["resume"]).code(0);
    run.ended().code(0);
}

#[test]
fn a_person_rejects_with_a_reason_that_the_next_round_works_on_then_approves_and_lands() {
    let mut bench = Bench::new();
    bench.agent("worker", "printf '%s' \"$prompt\" > prompt.txt; echo \"$LOOPMON_ROUND\" > round.txt");
    bench.ready("human_gate = \"always\"", "");
    bench.run(&bench.one_task()).code(3).says("your approval is wanted");
    bench.loopmon(&["reject", "T1", ""]).code(1).says("say why");
    let answer = bench.loopmon(&["reject", "T1", "it wants to be BLUE-77", "--json"]).code(0);
    assert_eq!(json(&answer)["ok"], true);
    wait_for("the next round", || {
        (bench.task("T1")["round"] == 2 && phase(&bench, "T1") == "awaiting-human").then_some(())
    });
    let tip = bench.task("T1")["tip"].as_str().unwrap().to_owned();
    assert!(bench.machine.git(&["show", &format!("{tip}:prompt.txt")]).contains("BLUE-77"));
    let refused = bench.loopmon(&["land", "--json"]).code(1);
    assert_eq!(json(&refused)["ok"], false);
    bench.loopmon(&["approve", "T1", "--json"]).code(0);
    done(&bench, "T1");
    let head = bench.machine.git(&["rev-parse", "main"]);
    let answer = bench.loopmon(&["land", "--json"]).code(0);
    assert_eq!(
        json(&answer),
        serde_json::json!({"ok": true, "message": "done"}),
        "programs are told the same word"
    );
    assert_eq!(bench.machine.git(&["rev-parse", "main"]), bench.machine.git(&["rev-parse", &bench.branch()]));
    assert_eq!(fs::read_to_string(bench.project().join("round.txt")).unwrap(), "2\n");
    bench.loopmon(&["land"]).code(1).says("has everything already");
    bench.loopmon(&["land", "--undo"]).code(0).says("took the landing on main back");
    assert_eq!(bench.machine.git(&["rev-parse", "main"]), head);
    assert!(!bench.project().join("round.txt").exists());
    let count = bench.machine.git(&["rev-list", "--count", &format!("main..{}", bench.branch())]);
    let tip = bench.machine.git(&["rev-parse", &bench.branch()]);
    let landed = format!("landed {} commits on main ({}", count.trim(), &tip[..7]);
    bench.loopmon(&["land"]).code(0).says(&landed);
    bench.loopmon(&["run", "--plan", "x", "--parallel", "65"]).code(2);
}

#[test]
fn words_for_an_agent_reach_its_next_attempt_when_it_runs_headless() {
    let bench = waiting_bench("");
    let run = at_work(&bench);
    bench.loopmon(&["prompt", "T1", ""]).code(1).says("empty");
    bench.loopmon(&["prompt", "T1", "mind the gap 4711"]).code(0);
    wait_for("the note", || bench.status()["notices"].to_string().contains("next attempt").then_some(()));
    let session = bench.events_of("step", "spawned")[0].1["session"].as_str().unwrap().to_owned();
    assert_eq!(bench.events_of("step", "spawned").len(), 1, "{session}");
    // The person ends this attempt, and the next has the words.
    bench.loopmon(&["cancel", "T1"]).code(0);
    bench.nothing_lives();
    assert_eq!(phase(&bench, "T1"), "cancelled");
    run.ended().code(1);
}

#[test]
fn tasks_are_added_to_a_run_and_wait_for_what_they_need() {
    let bench = waiting_bench("parallel = 1");
    let run = at_work(&bench);
    let added =
        bench.loopmon(&["add", "Then this", "--after", "T1", "--accept", "it is there", "--json"]).code(0);
    assert_eq!(json(&added), serde_json::json!({"ok": true, "task": "T2"}));
    bench.loopmon(&["add", "And that", "--id", "third"]).code(0).says("third");
    let refused = bench.loopmon(&["add", "x", "--after", "T9", "--json"]).code(1);
    assert_eq!(json(&refused)["ok"], false);
    assert_eq!(phase(&bench, "T2"), "blocked");
    go(&bench);
    run.ended().code(0).says("3 of 3 tasks done");
    assert!(bench.merged("prompt-T2.txt").contains("it is there"));
}

#[test]
fn what_needs_a_run_under_way_is_refused_while_it_is_stopped_and_status_says_when_nobody_serves() {
    let mut bench = Bench::new();
    bench.agent("worker", "sleep 600");
    bench.ready("", "");
    let run = bench.start(&bench.one_task());
    wait_for("the agent to run", || (!bench.keepers().is_empty()).then_some(()));
    assert_eq!(bench.status()["served"], true);
    let server = bench.machine.server_pid(&bench.project()).unwrap();
    let pid = rustix::process::Pid::from_raw(server).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    wait_for("its death", || bench.machine.server_pid(&bench.project()).is_none().then_some(()));
    bench.loopmon(&["status"]).code(0).says("no server runs");
    assert_eq!(bench.status()["served"], false);
    bench.loopmon(&["stop"]).code(0);
    for asked in
        [&["retry", "T1"][..], &["approve", "T1"], &["reject", "T1", "no"], &["prompt", "T1", "words"]]
    {
        bench.loopmon(asked).code(1).says("the run is stopped");
    }
    run.kill();
}

#[test]
fn uncommitted_work_of_a_task_that_was_given_up_is_in_the_trash_and_comes_back() {
    let mut bench = Bench::new();
    bench.agent("worker", "echo half > half.txt; echo up > \"$HOME/up\"; sleep 600");
    bench.ready("", "");
    bench.loopmon(&["trash"]).code(0).says("nothing was thrown away");
    let run = bench.start(&bench.one_task());
    wait_for("the work", || bench.machine.path("home/up").exists().then_some(()));
    bench.loopmon(&["cancel", "T1"]).code(0);
    let listed = || serde_json::from_str::<Value>(&bench.loopmon(&["trash", "--json"]).code(0).out).unwrap();
    let name = wait_for("the trash", || Some(listed()[0]["name"].as_str()?.to_owned()));
    bench.loopmon(&["trash", "--restore", "nothing"]).code(2).says(&name);
    bench.loopmon(&["trash", "--restore", &name, "--branch", "back"]).code(0);
    assert_eq!(bench.machine.git(&["show", "back:half.txt"]), "half\n");
    bench.loopmon(&["trash", "--restore", &name, "--branch", "main"]).code(1).says("main");
    run.kill();
}

#[test]
fn a_server_of_another_version_can_be_ended() {
    let mut bench = Bench::new();
    bench.agent("worker", "echo x > x.txt");
    bench.ready("", "");
    bench.run(&bench.one_task()).code(0);
    let sockets =
        || fs::read_dir(bench.machine.path("run/loopmon")).unwrap().flatten().map(|entry| entry.path());
    let is_socket = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "sock");
    let socket = wait_for("the server's socket", || sockets().find(is_socket));
    bench.loopmon(&["stop", "--server"]).code(0);
    wait_for("the server's end", || bench.machine.server_pid(&bench.project()).is_none().then_some(()));
    // It takes who comes and hangs up at once, as one that does not know our greeting.
    let listen = "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\n\
                  print('up', flush=True)\nwhile True: s.accept()[0].close()";
    let _gone = fs::remove_file(&socket);
    let mut other = std::process::Command::new("python3")
        .args(["-c", listen, socket.to_str().unwrap()])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut [0; 2]).unwrap();
    bench.loopmon(&["stop", "--server"]).code(0);
    let ended = other.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(15), "it was told to end");
}

#[test]
fn a_server_that_is_ended_right_after_a_stop_leaves_no_agent_behind() {
    let mut bench = Bench::new();
    bench.agent("worker", "trap '' TERM INT HUP; while :; do sleep 1; done");
    bench.ready("", "");
    let run = bench.start(&bench.one_task());
    wait_for("the agent to run", || (!bench.descendants_of_keepers().is_empty()).then_some(()));
    bench.loopmon(&["stop"]).code(0);
    bench.loopmon(&["stop", "--server"]).code(0);
    wait_for("the server's end", || bench.machine.server_pid(&bench.project()).is_none().then_some(()));
    bench.nothing_lives();
    run.kill();
}

#[test]
fn stopping_ends_the_run_and_it_can_be_taken_up_again() {
    let bench = waiting_bench("");
    let run = at_work(&bench);
    assert_eq!(json(&bench.loopmon(&["stop", "--json"]).code(0))["ok"], true);
    run.ended().code(1).says("you: stopped the run");
    bench.nothing_lives();
    bench.loopmon(&["stop"]).code(1).says("stopped already");
    go(&bench);
    bench.loopmon(&["resume"]).code(0);
    done(&bench, "T1");
}

#[test]
fn a_second_run_follows_the_first_and_two_at_once_are_refused() {
    let bench = waiting_bench("");
    let run = at_work(&bench);
    bench.run(&bench.one_task()).code(1).says("is under way");
    go(&bench);
    run.ended().code(0);
    bench.run(&bench.one_task()).code(0).says("1 of 1 tasks done");
    let today = loopmon::server::clock::today();
    assert_eq!(bench.status()["run"]["id"], format!("{today}-2"));
}

#[test]
fn settings_are_taken_up_while_a_run_goes_on_and_wrong_ones_change_nothing() {
    let mut bench = Bench::new();
    bench.agent("worker", &format!("{WAIT}echo x > x.txt"));
    let gate = |name: &str| format!("[[gates]]\nname = \"{name}\"\ncommand = \"test -e x.txt\"\n");
    bench.ready("", &gate("first"));
    let mut run = at_work(&bench);
    let config = bench.project().join("loopmon.toml");
    let good = fs::read_to_string(&config).unwrap();
    fs::write(&config, good.replace("[run]", "[run]\nparalel = 2")).unwrap();
    run.wait("the settings from before hold");
    run.wait("did you mean `parallel`?");
    bench.loopmon(&["status"]).says("note     loopmon.toml:2:1").says("the settings from before hold");
    // As editors do it: a new file takes the old one's place.
    let beside = bench.project().join("loopmon.toml~");
    fs::write(&beside, good.replace("\"first\"", "\"second\"")).unwrap();
    fs::rename(&beside, &config).unwrap();
    run.wait("the configuration changed");
    assert!(!bench.loopmon(&["status"]).out.contains("paralel"), "what was put right is still told");
    go(&bench);
    let ended = run.ended().code(0).says("gate second passed");
    assert!(!ended.out.contains("gate first"), "{}", ended.out);
}

#[test]
fn init_writes_what_validate_accepts_for_every_kind_of_repository() {
    type Files = &'static [(&'static str, &'static str)];
    let kinds: [(&str, Files, &str); 5] = [
        (
            "cargo",
            &[("Cargo.toml", "[package]\nname = \"x\"\nversion = \"0.1.0\"\n"), ("src/lib.rs", "")],
            "cargo test",
        ),
        (
            "npm",
            &[
                ("package.json", "{\"scripts\": {\"test\": \"node test.js\", \"lint\": \"eslint .\"}}"),
                ("package-lock.json", "{}"),
            ],
            "npm",
        ),
        (
            "python",
            &[
                ("pyproject.toml", "[project]\nname = \"x\"\n[tool.pytest.ini_options]\n"),
                ("tests/test_x.py", ""),
            ],
            "pytest",
        ),
        ("make", &[("Makefile", "test:\n\ttrue\n")], "make test"),
        ("none", &[("notes.txt", "hello")], "no gate was found"),
    ];
    for (kind, files, told) in kinds {
        let machine = Machine::new();
        machine.commit(files);
        let run = |args: &[&str]| {
            let output = machine.loopmon(args);
            Ended { code: output.status.code(), out: text(&output), err: errors(&output) }
        };
        let printed = run(&["init", "--print"]).code(0).out;
        assert!(!machine.project().join("loopmon.toml").exists());
        let written = run(&["init"]).code(0);
        let file = fs::read_to_string(machine.project().join("loopmon.toml")).unwrap();
        assert_eq!(file, printed);
        assert!(file.contains(told) || written.out.contains(told), "{kind}: {told:?} is not in {file}");
        run(&["validate"]).code(0).says("right");
        run(&["validate", "loopmon.toml"]).code(0).says("right");
    }
}

#[test]
fn validate_checks_another_file() {
    let bench = waiting_bench("");
    let other = bench.machine.path("other.toml");
    fs::write(&other, "[run]\nmax_round = 2\n").unwrap();
    let told = bench.loopmon(&["validate", other.to_str().unwrap()]).code(2);
    told.says("other.toml:2:1: run.max_round: unknown key (did you mean `max_rounds`?)");
    bench.loopmon(&["validate", "/no/such.toml"]).code(2).says("/no/such.toml");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml");
    bench.loopmon(&["validate", example]).code(0);
}

#[test]
fn without_yes_a_headless_run_waits_for_the_persons_go() {
    let bench = waiting_bench("");
    let plan = bench.one_task();
    let waits = bench.loopmon(&["run", "--plan", &plan, "--headless"]).code(3);
    waits.says("Do the work").says("--yes");
    assert_eq!(bench.status()["run"]["phase"], "proposed");
    bench.loopmon(&["stop"]).code(0);
}

/// Runs a command whose reader is gone already, and whose complaints go nowhere either if `deaf`.
fn unread(machine: &Machine, dir: &std::path::Path, args: &[&str], deaf: bool) -> Ended {
    let closed = || std::io::pipe().unwrap().1;
    let mut command = std::process::Command::new(support::LOOPMON);
    command.args(args).current_dir(dir).env_clear().envs(machine.env()).stdout(closed());
    command.stderr(if deaf { closed().into() } else { std::process::Stdio::piped() });
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    Ended { code: output.status.code(), out: text(&output), err: errors(&output) }
}

#[test]
fn a_reader_that_has_seen_enough_ends_any_command_quietly() {
    let mut bench = Bench::new();
    bench.agent("worker", "echo made; echo x > x.txt");
    bench.ready("", "");
    let plan = bench.one_task();
    // The command ends; what it started goes on.
    let started =
        unread(&bench.machine, &bench.project(), &["run", "--plan", &plan, "--yes", "--headless"], false);
    assert_eq!((started.code, started.err.as_str()), (Some(141), ""));
    wait_for("the run's end", || (bench.status()["run"]["phase"] == "complete").then_some(()));
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["events"],
        &["events", "--json"],
        &["events", "--follow"],
        &["logs"],
        &["logs", "--json"],
        &["keys"],
        &["validate"],
        &["init", "--print"],
        &["completions", "bash"],
        &["run", "--plan", &plan, "--dry-run"],
        &["stop", "--server", "--json"],
    ] {
        let ended = unread(&bench.machine, &bench.project(), args, false);
        assert_eq!((ended.code, ended.err.as_str()), (Some(141), ""), "{args:?}");
    }
    let help = unread(&bench.machine, &bench.project(), &["--help"], false);
    assert_eq!((help.code, help.err.as_str()), (Some(0), ""));
    // Errors without anybody who reads them: the exit code stays.
    for (args, code) in [(&["approve", "T9"][..], 1), (&["validate", "/nowhere"], 2), (&["events", "x"], 2)] {
        assert_eq!(unread(&bench.machine, &bench.project(), args, true).code, Some(code), "{args:?}");
    }
}

#[test]
fn a_full_disk_under_what_is_printed_is_an_error_and_no_panic() {
    let bench = waiting_bench("");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(support::LOOPMON);
    command.arg("keys").current_dir(bench.project()).env_clear().envs(bench.machine.env()).stdout(full);
    let output = command.stderr(std::process::Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).starts_with("loopmon: could not print: No space left"), "{}", errors(&output));
}
