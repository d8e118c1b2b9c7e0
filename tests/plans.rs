//! A plan that changes while real programs work on it, from the command line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use serde_json::Value;
use support::real::{Bench, Running};
use support::tty::Tty;
use support::{LOOPMON, wait_for};

/// Two tasks, the second after the first, which goes on once the file `go` is there.
const PLAN: &str = "[[tasks]]\nid = \"T1\"\ntitle = \"First\"\n\n\
    [[tasks]]\nid = \"T2\"\ntitle = \"Second\"\ndescription = \"the second text\"\ndepends_on = [\"T1\"]\n";

/// A worker that writes down what it is told.
const WORK: &str = "printf '%s' \"$prompt\" > \"$LOOPMON_TASK.txt\"\n\
    while [ ! -e \"$HOME/go\" ]; do sleep 0.05; done";

fn bench() -> (Bench, Running) {
    let mut bench = Bench::new();
    bench.agent("worker", WORK);
    bench.agent("other", &format!("echo other > by.txt\n{WORK}"));
    bench.ready("", "[[gates]]\nname = \"slow\"\ncommand = \"true\"\non_request = true\n");
    let run = bench.start(&bench.plan(PLAN));
    wait_for("the first agent", || {
        let sessions = bench.status()["sessions"].as_array().cloned().unwrap_or_default();
        sessions.iter().any(|session| session["step"] == "implement").then_some(())
    });
    (bench, run)
}

fn go(bench: &Bench) {
    std::fs::write(bench.machine.path("home/go"), "").unwrap();
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn tasks_are_changed_split_and_joined_while_another_is_worked_on() {
    let (bench, run) = bench();
    let set = ["edit", "T2", "--set", "description=the new text", "--set", "acceptance=it is so", "--set"];
    bench.loopmon(&[&set[..], &["agent=other"]].concat()).code(0).says("T2: description, acceptance, agent");
    bench.loopmon(&["edit", "T2", "--set", "agnet=x"]).code(2).says("there is no key `agnet`");
    bench.loopmon(&["edit", "T2", "--set", "agent=nobody"]).code(1).says("nobody, which is not configured");
    bench.loopmon(&["edit", "T1", "--set", "after=T2"]).code(1).says("has begun and can't wait for T2");
    bench.loopmon(&["edit", "T9", "--set", "title=x"]).code(1).says("there are: T1, T2");

    let told = bench.loopmon(&["split", "T2", "--into", "The rest", "--into", "More", "--json"]).code(0);
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&told["ok"], &told["changed"][1]["id"]), (&Value::Bool(true), &Value::from("T2-2")));
    bench
        .loopmon(&["add", "Last", "--after", "T2-2", "--role", "qa", "--gate", "slow", "--file", "x"])
        .code(0);
    bench.loopmon(&["join", "T2-2", "T2-3"]).code(0).says("joined T2-2, T2-3");
    assert_eq!(bench.task("T2-3")["phase"], "cancelled");
    assert!(bench.task("T2-2")["description"].as_str().unwrap().contains("## More"));
    assert_eq!(texts(&bench.task("T5")["planned"]["gates"]), ["slow"]);

    go(&bench);
    run.ended().says("4 of 5 tasks done");
    let prompt = bench.merged("T2.txt");
    assert!(prompt.contains("the new text") && prompt.contains("it is so"), "{prompt}");
    assert!(!prompt.contains("the second text"), "{prompt}");
    assert_eq!(bench.merged("by.txt"), "other\n");
    bench.loopmon(&["edit", "T2", "--set", "title=late"]).code(1).says("merged already");
    bench.loopmon(&["events"]).code(0).says("you: split into T2, T2-2, T2-3").says("you: joined with T2-3");
}

#[test]
fn the_plan_is_changed_in_the_persons_editor_and_a_refused_text_is_kept() {
    let (bench, run) = bench();
    let edit = |args: &[&str], editor: &str| {
        let editor =
            bench.script("editor", &format!("#!/bin/sh\nset -eu\ncp \"$1\" \"$HOME/shown\"\n{editor}\n"));
        bench.spawn_with("edit", &[&["edit"], args].concat(), &[("EDITOR", editor.to_str().unwrap())]).ended()
    };
    edit(&["T2"], "true").code(0).says("nothing was changed");
    edit(&["T2"], "sed -i 's/Second/Renamed/' \"$1\"").code(0).says("changed the plan: T2: title");
    let shown = || std::fs::read_to_string(bench.machine.path("home/shown")).unwrap();
    assert!(shown().contains("which is worked on") && !shown().contains("First"), "{}", shown());
    // All that is left: a task more, another order, and words for the one at work.
    let more = "printf '\\n[[tasks]]\\nid = \"T3\"\\ntitle = \"Third\"\\n' >> \"$1\"";
    edit(&[], more).code(0).says("new: T3");
    assert!(shown().contains("First") && shown().contains("taken out") | shown().contains("take out"));
    let wrong = "sed -i 's/^id = \"T3\"/id = \"T3\"\\nhuman = 3/' \"$1\"";
    edit(&[], wrong).code(1).says("plan.toml:").says("your text is kept in");
    let kept = std::fs::read_to_string(bench.project().join(".loopmon/edit.toml")).unwrap();
    assert!(kept.contains("human = 3"), "{kept}");
    edit(&["T2"], "sed -i 's/\"T1\"/\"T7\"/' \"$1\"")
        .code(1)
        .says("T2 depends on T7, which is not in the plan");
    edit(&["T2"], "sed -i 's/^id = .*/id = \"T8\"/' \"$1\"").code(1).says("a task's id stays");
    edit(&["T2"], "exit 1").code(1).says("the editor failed");
    go(&bench);
    run.ended().code(0).says("3 of 3 tasks done");
    assert!(bench.merged("T2.txt").contains("Renamed"));
}

const CHECKLIST: &str = "# The garden\n\n- [x] Buy seeds\n- [ ] Water (id: water)\n  Only in the morning.\n  - it is wet\n\
    - [ ] Harvest (after: water) (human)\n";

#[test]
fn a_checklist_becomes_a_run_and_more_of_it_joins_the_run_at_work() {
    let mut bench = Bench::new();
    bench.agent("worker", WORK);
    bench.ready("", "");
    let write = |name: &str, text: &str| std::fs::write(bench.project().join(name), text).unwrap();
    write("todo.md", CHECKLIST);
    bench
        .loopmon(&["import", "todo.md", "--dry-run"])
        .code(0)
        .says("after water")
        .says("todo.md:3: done already");
    let run = bench.spawn("follow", &["import", "todo.md", "--yes", "--headless"]);
    wait_for("the first agent", || {
        let sessions = bench.status()["sessions"].as_array().cloned().unwrap_or_default();
        sessions.iter().any(|session| session["step"] == "implement").then_some(())
    });
    assert_eq!(bench.status()["run"]["goal"], "The garden");

    bench
        .loopmon(&["import", "todo.md"])
        .code(2)
        .says("todo.md:4: \"Water\" is in the run already, as water");
    write("more.md", "- [ ] Eat (after: T1)\n- [ ] Wash up (after: harvst)\n");
    bench.loopmon(&["import", "more.md"]).code(2).says("more.md:2:1: there is no task harvst");
    write("more.json", r#"[{"title": "Eat", "depends_on": ["T1"]}, {"title": "Rest", "agent": "nobody"}]"#);
    bench.loopmon(&["import", "more.json"]).code(2).says("more.json:1: T3 names the agent nobody");
    assert_eq!(bench.status()["tasks"].as_array().unwrap().len(), 2, "all or none");
    write("more.json", r#"[{"title": "Eat", "depends_on": ["water"]}, {"title": "Rest"}]"#);
    let told = bench.loopmon(&["import", "more.json", "--json"]).code(0);
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(texts(&told["tasks"]), ["T2", "T3"]);
    go(&bench);
    run.ended().code(3).says("your approval is wanted");
    bench.loopmon(&["approve", "T1"]).code(0);
    wait_for("all of it", || (bench.status()["run"]["phase"] == "complete").then_some(()));
    let prompt = bench.merged("water.txt");
    assert!(prompt.contains("Only in the morning.") && prompt.contains("it is wet"), "{prompt}");
}

#[test]
fn everything_that_was_said_of_a_task_stands_in_one_file() {
    let mut bench = Bench::new();
    let work = "printf '%s' \"$prompt\" > prompt.txt\necho \"$LOOPMON_ROUND\" >> src/main.txt";
    bench.agent("worker", work);
    let finds = r###"{"verdict": "request_changes", "summary": "# Not yet\nIt leaks.", "findings": [
        {"severity": "major", "file": "src/main.txt", "line": 2, "description": "A leak.\n## Really."},
        {"severity": "minor", "file": "", "line": 0, "description": "A taste."}]}"###;
    let checks = format!(
        "#!/bin/sh\ncat > \"$HOME/asked\"\nwhile [ ! -e \"$HOME/go\" ]; do sleep 0.05; done\n\
         if [ $LOOPMON_ROUND = 1 ]; then cat <<'END'\n{finds}\nEND\nelse echo '{}'; fi\n",
        r#"{"verdict": "approve", "summary": "Now it is.", "findings": []}"#
    );
    let path = bench.script("critic", &checks);
    bench.declare("critic", &format!("command = [{:?}]", path.to_str().unwrap()));
    bench.config("", "[review]\nagents = [\"critic\"]\n[[gates]]\nname = \"test\"\ncommand = \"true\"\n");
    let run = bench.start(&bench.one_task());
    wait_for("the reviewer", || (bench.status()["tasks"][0]["phase"] == "reviewing").then_some(()));
    bench
        .loopmon(&["comment", "T1", "./src/main.txt:3", "Why three?"])
        .code(0)
        .says("took your comment on T1");
    bench.loopmon(&["comment", "T9", ".", "x"]).code(1).says("there is no task T9");
    bench.loopmon(&["dismiss", "T1", "1", " "]).code(1).says("say why");
    go(&bench);
    run.ended().code(0).says("1 of 1 tasks done");
    bench.loopmon(&["dismiss", "T1", "3", "late"]).code(1).says("fixed in");
    let prompt = bench.merged("prompt.txt");
    assert!(prompt.contains("Why three?") && prompt.contains("A leak."), "both in one round: {prompt}");
    let read = || std::fs::read_to_string(bench.project().join(".loopmon/reviews/T1.md")).unwrap_or_default();
    let page = wait_for("the page", || Some(read()).filter(|page| page.contains("**merged**")));
    for line in [
        "# T1: Do the work",
        "done · round 2 of 3",
        "## Findings: 0 open of 3",
        "1. fixed in `",
        "major · src/main.txt:3 · person, round 1\n   Why three?",
        "major · src/main.txt:2 · critic, round 1\n   A leak.\n   ## Really.",
        "## Round 1",
        "gate test on `",
        "passed (0 s; `loopmon logs ",
        "you, on src/main.txt:3: Why three?",
        "requests changes (2 remarks)\n   # Not yet\n   It leaks.",
        "## Round 2",
        "approves\n   Now it is.",
    ] {
        assert!(page.contains(line), "{line:?} is not in:\n{page}");
    }
    bench.loopmon(&["status"]).code(0).says(".loopmon/reviews/");
    // It is made of the log alone.
    bench.loopmon(&["stop", "--server"]).code(0);
    std::fs::remove_file(bench.project().join(".loopmon/reviews/T1.md")).unwrap();
    bench.loopmon(&["add", "More"]).code(0);
    let again = wait_for("the page again", || Some(read()).filter(|page| !page.is_empty()));
    assert_eq!(again, page);
}

#[test]
fn on_the_board_a_task_is_changed_in_the_persons_editor_and_a_mistake_comes_back_to_it() {
    let (bench, run) = bench();
    let editor = bench
        .script("editor", "#!/bin/sh\nset -eu\ncp \"$1\" \"$HOME/shown\"\nsh -eu \"$HOME/change\" \"$1\"\n");
    let will = |change: &str| std::fs::write(bench.machine.path("home/change"), change).unwrap();
    let shown = || std::fs::read_to_string(bench.machine.path("home/shown")).unwrap();
    let mut env = bench.machine.env();
    env.push(("EDITOR".to_owned(), editor.display().to_string()));
    let mut tty = Tty::open(LOOPMON, &[], &bench.project(), &env, (120, 36));
    tty.wait("├─ T1 ─");
    tty.type_text("j");
    tty.wait("├─ T2 ─");

    will("sed -i 's/Second/Renamed/; s/^depends_on/human = 3\\ndepends_on/' \"$1\"");
    tty.type_text("E");
    tty.wait("not taken over, the same key goes on with it: plan.toml:");
    assert_eq!(bench.task("T2")["title"], "Second");
    will("sed -i '/^human/d' \"$1\"");
    tty.type_text("E");
    tty.wait("changed the plan: T2: title");
    assert!(shown().starts_with("#! not taken over") && shown().contains("Renamed"), "{}", shown());
    tty.wait("Renamed");

    // What the engine refuses is not lost either.
    will("sed -i 's/Renamed/Again/; s/\"T1\"/\"T2\"/' \"$1\"");
    tty.type_text("E");
    tty.wait("T2 depends on itself");
    will("sed -i 's/\"T2\"\\]/\"T1\"]/' \"$1\"");
    tty.type_text("E");
    let screen = tty.wait("changed the plan: T2: title");
    assert!(screen.contains("Again"), "{screen}");
    println!("{screen}");
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
    go(&bench);
    run.ended().code(0);
}

#[test]
fn on_the_board_a_task_is_commented_cut_joined_and_put_back() {
    let (bench, run) = bench();
    let change = "sed -i 's/the rest/Part two/' \"$1\"";
    let editor =
        bench.script("editor", "#!/bin/sh\nset -eu\nsh -eu -c \"$(cat \"$HOME/change\")\" sh \"$1\"\n");
    let will = |change: &str| std::fs::write(bench.machine.path("home/change"), change).unwrap();
    let mut env = bench.machine.env();
    env.push(("EDITOR".to_owned(), editor.display().to_string()));
    let mut tty = Tty::open(LOOPMON, &[], &bench.project(), &env, (120, 36));
    tty.wait("├─ T1 ─");
    tty.type_text("c");
    tty.wait("Comment on T1");
    tty.type_text("src/main.txt:2: too short\r");
    let finding = |state: &str| {
        wait_for("the finding", || {
            let finding = bench.task("T1")["findings"][0].clone();
            (finding["state"] == state).then_some(finding)
        })
    };
    let found = finding("raised");
    assert_eq!((found["file"].as_str(), found["line"].as_u64()), (Some("src/main.txt"), Some(2)));
    assert_eq!(found["description"], "too short");
    tty.wait("comment on T1 taken");
    tty.type_text("f");
    tty.wait("Dismiss a finding of T1");
    tty.type_text("\r");
    tty.wait("Dismiss finding 1 of T1: why?");
    tty.type_text("it is long enough\r");
    assert_eq!(finding("dismissed")["why"], "it is long enough");

    tty.type_text("j");
    tty.wait("├─ T2 ─");
    will("true");
    tty.type_text("S");
    tty.wait("nothing was changed");
    will(&format!("{change}; sed -i 's/^title = \"Part/titel = \"Part/' \"$1\""));
    tty.type_text("S");
    tty.wait("not taken over, the same key goes on with it");
    will("sed -i 's/^titel/title/' \"$1\"");
    tty.type_text("S");
    tty.wait("split T2 into 2 tasks");
    assert_eq!(bench.task("T2-2")["title"], "Part two");
    tty.type_text("J");
    tty.wait("Join which task into T2?");
    tty.type_text("j\r");
    tty.wait("T2 takes over what T2-2 asks");
    tty.type_text("y");
    wait_for("the join", || (bench.task("T2-2")["phase"] == "cancelled").then_some(()));

    tty.type_text("g");
    tty.wait("├─ T1 ─");
    tty.type_text("b");
    tty.wait("Put T1 back to the beginning of a round");
    tty.type_text("\r");
    tty.wait("Put T1 back to the beginning of round 1?");
    tty.type_text("y");
    wait_for("the way back", || (bench.events_of("person", "rewound").len() == 1).then_some(()));
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
    go(&bench);
    run.ended().says("2 of 3 tasks done");
}

#[test]
fn what_giving_up_means_for_others_is_told_before_it_is_done() {
    let (bench, run) = bench();
    bench.loopmon(&["add", "Third", "--after", "T2"]).code(0);
    let told = bench.loopmon(&["cancel", "T1"]).code(2);
    told.says("2 tasks wait for it and will not start: T2, T3").says("--yes");
    let ask = |answer: &str| {
        let mut tty =
            Tty::open(LOOPMON, &["cancel", "T2"], &bench.project(), &bench.machine.env(), (100, 20));
        tty.wait("One task waits for it and will not start: T3.");
        tty.wait("give it up? [y/N]");
        tty.type_text(answer);
        tty.ended()
    };
    assert_eq!(ask("\r"), 1);
    assert_eq!(bench.task("T2")["phase"], "blocked");
    // Nobody waits for the last: who can't be asked need not be.
    bench.loopmon(&["cancel", "T3"]).code(0).says("gave T3 up");
    bench.loopmon(&["cancel", "T1", "--yes"]).code(0);
    assert_eq!(bench.task("T1")["phase"], "cancelled");
    bench.loopmon(&["cancel", "T1"]).code(1).says("cancelled already");
    run.ended();
}
