//! Going back and going on elsewhere, with real repositories: rewind, fork, the log decided anew, what was spent.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use support::real::Bench;
use support::wait_for;

const GATE: &str = "[[gates]]\nname = \"test\"\ncommand = \"grep -q four src/main.txt\"\n";

fn phase(bench: &Bench, id: &str) -> String {
    bench.task(id)["phase"].as_str().unwrap().to_owned()
}

#[test]
fn a_rewound_task_begins_its_round_anew_and_nothing_is_lost() {
    let mut bench = Bench::new();
    // Each try leaves a line; the third makes it right.
    let work = "echo try >> \"$HOME/tries\"\nn=$(wc -l < \"$HOME/tries\")\necho \"try $n\" >> src/log.txt\n\
                [ \"$n\" -lt 3 ] || echo four >> src/main.txt\n";
    bench.agent("worker", work);
    bench.ready("max_rounds = 2", GATE);
    bench.run(&bench.one_task()).code(1);
    assert_eq!(phase(&bench, "T1"), "exhausted");
    let branch = bench.machine.git(&["for-each-ref", "--format=%(refname)", "refs/heads/loopmon-task/"]);
    let log = |rev: &str| bench.machine.git(&["show", &format!("{rev}:src/log.txt")]);
    assert_eq!(log(branch.trim()), "try 1\ntry 2\n");
    bench.loopmon(&["rewind", "T1", "7"]).code(1).says("had no round 7; it had 1, 2");
    bench.loopmon(&["rewind", "T1"]).code(0).says("back at the beginning of round 1");
    wait_for("the merge", || (phase(&bench, "T1") == "done").then_some(()));
    assert_eq!(bench.merged("src/log.txt"), "try 3\n", "what came after the beginning is not in it");
    // The discarded commits are kept.
    let kept = bench.machine.git(&["for-each-ref", "--format=%(refname)", "refs/loopmon/trash/"]);
    assert!(kept.lines().any(|kept| log(kept) == "try 1\ntry 2\n"), "{kept}");
    bench.loopmon(&["events"]).says("you: back to the beginning of round 1");
    bench.loopmon(&["rewind", "T1"]).code(1).says("is merged");
}

#[test]
fn a_fork_goes_on_with_what_was_not_done_on_what_was_merged() {
    let mut bench = Bench::new();
    let work = "case \"$LOOPMON_TASK\" in\n  T1) echo four >> src/main.txt;;\n  \
                T2) [ -e \"$HOME/allowed\" ] && echo second > second.txt || echo no > third.txt;;\nesac\n";
    bench.agent("worker", work);
    let gates = format!("{GATE}[[gates]]\nname = \"second\"\ncommand = \"[ ! -e third.txt ]\"\n");
    bench.ready("max_rounds = 1", &gates);
    let plan = bench.plan(
        "[[tasks]]\nid = \"T1\"\ntitle = \"First\"\n[[tasks]]\nid = \"T2\"\ntitle = \"Second\"\ndepends_on = [\"T1\"]\n",
    );
    bench.run(&plan).code(1);
    assert_eq!((phase(&bench, "T1"), phase(&bench, "T2")), ("done".to_owned(), "exhausted".to_owned()));
    let first = bench.branch();
    std::fs::write(bench.machine.path("home/allowed"), "").unwrap();
    bench.loopmon(&["fork", "--at", "99999"]).code(1).says("there is no event 99999");
    bench.loopmon(&["fork", "--yes"]).code(0).says("with 1 task begins at");
    wait_for("the second run", || {
        let status = bench.status();
        let tasks = status["tasks"].as_array().unwrap();
        (tasks.len() == 1 && tasks[0]["phase"] == "done").then_some(())
    });
    let status = bench.status();
    let second = status["run"]["integration"].as_str().unwrap();
    assert_ne!(second, first);
    let show = |path: &str| bench.machine.git(&["show", &format!("{second}:{path}")]);
    assert_eq!(
        (show("src/main.txt"), show("second.txt")),
        ("one\ntwo\nthree\nfour\n".to_owned(), "second\n".to_owned())
    );
    bench.machine.git(&["merge-base", "--is-ancestor", &first, second]);
}

#[test]
fn the_log_is_decided_anew_and_what_was_spent_is_told() {
    let mut bench = Bench::new();
    let usage =
        "{\"summary\": \"done\", \"usage\": {\"cost_usd\": 6, \"input_tokens\": 10, \"output_tokens\": 2}}";
    bench.agent("worker", &format!("echo four >> src/main.txt\nprintf '%s' '{usage}' > \"$LOOPMON_RESULT\""));
    bench.ready("budget_usd = 0.015", GATE);
    bench.run(&bench.one_task()).code(3).says("the budget is used up: nothing more is started");
    bench
        .loopmon(&["events", "--decisions"])
        .code(0)
        .says("→ e2 T1 make its worktree")
        .says("implement by worker, round 1");
    bench.loopmon(&["cost"]).code(0).says("$6.00 of $0.01").says("nothing more is started").says("worker");
    let told = bench.loopmon(&["cost", "--json"]).code(0);
    let value: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(value["agents"][0]["agent"], "worker");
    assert_eq!(value["tasks"][0]["usage"]["cost_micros"], 6_000_000);
    assert_eq!(
        bench.events_of("gate", "spawned").len(),
        0,
        "the first report stops it: not even a gate runs"
    );
}
