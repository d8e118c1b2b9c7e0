//! The patterns with real programs: whose session goes on, and what each step is told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests and what they share"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;

use support::real::{Bench, Ended};
use support::wait_for;

/// Notes who was called for what and in which session, and keeps what it was told. A reviewer's verdict is the file
/// `verdict-<task>-<round>-<new or resumed>`, or an approval; each waits for a file if one says so.
const PROGRAM: &str = r#"#!/bin/sh
set -eu
how=new; [ $# -lt 2 ] || how=resumed
as=$LOOPMON_STEP-$LOOPMON_TASK-$LOOPMON_ROUND
cat > "$HOME/prompt-$as-$how"
echo "$LOOPMON_STEP $LOOPMON_TASK $LOOPMON_ROUND ${1#--session=} $how" >> "$HOME/calls"
if [ -e "$HOME/wait" ]; then while [ ! -e "$HOME/go-$as" ]; do sleep 0.02; done; fi
if [ "$LOOPMON_STEP" = review ]; then
    cat "$HOME/verdict-$LOOPMON_TASK-$LOOPMON_ROUND-$how" 2> /dev/null \
        || echo '{"verdict": "approve", "summary": "Fine.", "findings": []}'
    exit 0
fi
echo "$LOOPMON_ROUND" >> "$LOOPMON_TASK.txt"
"#;

struct Stage(Bench);

/// A call of a program.
#[derive(Debug)]
struct Call {
    task: String,
    round: u32,
    session: String,
    resumed: bool,
}

impl Stage {
    fn new(pattern: &str, run: &str, rest: &str) -> Stage {
        let mut bench = Bench::new();
        let path = bench.script("program", PROGRAM);
        for name in ["worker", "checker"] {
            bench.declare(
                name,
                &format!(
                    "command = [{path:?}, \"--session={{session_id}}\"]\nresume_args = [\"--resume\", \"{{session_id}}\"]"
                ),
            );
        }
        bench.config(&format!("pattern = \"{pattern}\"\n{run}"), rest);
        Stage(bench)
    }

    fn home(&self, name: &str) -> std::path::PathBuf {
        self.0.machine.path("home").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.home(name), text).unwrap();
    }

    /// What the reviewer says of a task in a round.
    fn verdict(&self, of: &str, vote: &str, severity: &str, found: &str) {
        let text = format!(
            "{{\"verdict\": \"{vote}\", \"summary\": \"Said of {of}.\", \"findings\": [{{\"severity\": \"{severity}\", \
             \"file\": \"{of}.txt\", \"line\": 1, \"description\": \"{found}\"}}]}}"
        );
        self.write(&format!("verdict-{of}"), &text);
    }

    fn tasks(&self, ids: &[&str]) -> String {
        let task = |id: &&str| {
            format!(
                "[[tasks]]\nid = \"{id}\"\ntitle = \"Task {id}\"\ndescription = \"As {id} was planned.\"\n\n"
            )
        };
        self.0.plan(&ids.iter().map(task).collect::<String>())
    }

    fn run(&self, ids: &[&str]) -> Ended {
        self.0.run(&self.tasks(ids))
    }

    fn calls(&self, steps: &[&str]) -> Vec<Call> {
        let text = fs::read_to_string(self.home("calls")).unwrap_or_default();
        let calls = text.lines().map(|line| line.split(' ').collect::<Vec<&str>>());
        let calls = calls.filter(|words| steps.contains(&words[0]));
        let call = |words: Vec<&str>| Call {
            task: words[1].to_owned(),
            round: words[2].parse().unwrap(),
            session: words[3].to_owned(),
            resumed: words[4] == "resumed",
        };
        calls.map(call).collect()
    }

    fn work(&self) -> Vec<Call> {
        self.calls(&["implement", "fix"])
    }

    fn reviews(&self) -> Vec<Call> {
        self.calls(&["review"])
    }

    fn prompt(&self, of: &str) -> String {
        fs::read_to_string(self.home(&format!("prompt-{of}"))).unwrap_or_else(|error| panic!("{of}: {error}"))
    }
}

fn sessions(calls: &[Call]) -> usize {
    calls.iter().map(|call| call.session.as_str()).collect::<BTreeSet<_>>().len()
}

fn of(calls: &[Call]) -> Vec<(&str, u32, bool)> {
    calls.iter().map(|call| (call.task.as_str(), call.round, call.resumed)).collect()
}

#[test]
fn workflow_begins_every_step_anew_from_the_spec_and_ends_after_three_rounds() {
    let stage = Stage::new("workflow", "", "");
    for (round, found) in [(1, "it is wrong"), (2, "it is odd"), (3, "it is slow")] {
        stage.verdict(&format!("T1-{round}-new"), "request_changes", "major", found);
    }
    stage.run(&["T1"]).code(1).says("not approved within 3 rounds");
    let (work, reviews) = (stage.work(), stage.reviews());
    assert_eq!(of(&reviews), [("T1", 1, false), ("T1", 2, false), ("T1", 3, false)]);
    assert_eq!(of(&work), [("T1", 1, false), ("T1", 1, false), ("T1", 2, false), ("T1", 3, false)]);
    assert_eq!((sessions(&work), sessions(&reviews)), (4, 3));
    for (round, found) in [(1, "it is wrong"), (2, "it is odd"), (3, "it is slow")] {
        let fix = stage.prompt(&format!("fix-T1-{round}-new"));
        assert!(fix.contains("As T1 was planned.") && fix.contains(found), "{fix}");
        assert!(stage.prompt(&format!("review-T1-{round}-new")).contains("As T1 was planned."));
    }
    assert!(!stage.prompt("fix-T1-2-new").contains("it is wrong"), "what was fixed is not asked for again");
    assert_eq!(stage.0.task("T1")["phase"], "exhausted");
}

#[test]
fn inline_goes_on_with_the_implementer_and_briefs_a_fresh_reviewer_with_what_was_confirmed() {
    let stage = Stage::new("inline", "", "");
    stage.verdict("T1-1-new", "request_changes", "major", "it forgets the last line");
    stage.run(&["T1"]).code(0);
    let (work, reviews) = (stage.work(), stage.reviews());
    assert_eq!(of(&work), [("T1", 1, false), ("T1", 1, true)]);
    assert_eq!(of(&reviews), [("T1", 1, false), ("T1", 2, false)]);
    assert_eq!((sessions(&work), sessions(&reviews)), (1, 2));
    assert!(!stage.prompt("review-T1-1-new").contains("confirmed in earlier rounds"));
    let briefing = stage.prompt("review-T1-2-new");
    for part in [
        "confirmed in earlier rounds",
        "it forgets the last line",
        "said to be fixed in",
        "As T1 was planned.",
        "+1",
    ] {
        assert!(briefing.contains(part), "{part:?} is not in {briefing}");
    }
}

#[test]
fn a_pair_goes_on_on_both_sides_and_is_put_before_a_person_in_its_third_round() {
    let stage = Stage::new("pair", "", "");
    stage.verdict("T1-1-new", "request_changes", "major", "it is wrong");
    stage.verdict("T1-2-resumed", "request_changes", "major", "it is odd");
    let ended = stage.run(&["T1"]).code(0).says("T1: its pair is in round 3");
    assert!(!ended.out.contains("its pair is in round 2"), "{}", ended.out);
    let (work, reviews) = (stage.work(), stage.reviews());
    assert_eq!(of(&work), [("T1", 1, false), ("T1", 1, true), ("T1", 2, true)]);
    assert_eq!(of(&reviews), [("T1", 1, false), ("T1", 2, true), ("T1", 3, true)]);
    assert_eq!((sessions(&work), sessions(&reviews)), (1, 1));
}

#[test]
fn a_standing_reviewer_serves_task_after_task_in_the_order_in_which_they_came() {
    let stage = Stage::new("standing", "", "[promotion]\nspot_check = 0\n");
    stage.write("wait", "");
    let run = stage.0.start(&stage.tasks(&["T1", "T2", "T3"]));
    wait_for("all at work", || (stage.work().len() == 3).then_some(()));
    for id in ["T2", "T3", "T1"] {
        stage.write(&format!("go-implement-{id}-1"), "");
        wait_for("its review", || (stage.0.task(id)["phase"] == "reviewing").then_some(()));
    }
    wait_for("the reviewer", || (stage.reviews().len() == 1).then_some(()));
    assert_eq!(stage.0.task("T3")["explanation"]["why"], "its reviewer judges another task first");
    for (number, id) in (1..).zip(["T2", "T3", "T1"]) {
        wait_for("the next", || (stage.reviews().len() == number).then_some(()));
        stage.write(&format!("go-review-{id}-1"), "");
    }
    run.ended().code(0).says("3 of 3 tasks done");
    assert_eq!(of(&stage.reviews()), [("T2", 1, false), ("T3", 1, true), ("T1", 1, true)]);
    assert_eq!((sessions(&stage.reviews()), sessions(&stage.work())), (1, 3));
    assert!(stage.prompt("review-T1-1-resumed").contains("As T1 was planned."));
}

#[test]
fn promotion_follows_a_finding_that_comes_back_and_who_finds_nothing_is_checked_and_replaced() {
    let stage = Stage::new("promote", "parallel = 1", "[promotion]\nrecurring = 3\nspot_check = 2\n");
    for id in ["a", "b", "c"] {
        stage.verdict(&format!("{id}-1-new"), "approve", "minor", "Errors are swallowed.");
    }
    // Fresh eyes see in `f` what the standing reviewer does not.
    stage.verdict("f-1-new", "request_changes", "critical", "It loses data.");
    let ended = stage.run(&["a", "b", "c", "d", "e", "f"]).code(0);
    let ended = ended
        .says("the same finding in 3 reviews in a row")
        .says("checker missed what a fresh reviewer found");
    assert!(ended.out.contains("6 of 6 tasks done"), "{}", ended.out);
    let reviews = stage.reviews();
    let of_task = |id: &str| reviews.iter().filter(|call| call.task == id).collect::<Vec<&Call>>();
    let first = ["a", "b", "c", "d"].map(|id| (of_task(id).len(), of_task(id)[0].resumed));
    assert_eq!(first, [(1, false); 4]);
    let seed = stage.prompt("review-d-1-new");
    assert!(
        seed.contains("The last review before you took over") && seed.contains("Errors are swallowed."),
        "{seed}"
    );
    assert!(!stage.prompt("review-c-1-new").contains("before you took over"));
    let standing = &of_task("d")[0].session;
    assert_eq!(
        of_task("e").iter().map(|call| (&call.session, call.resumed)).collect::<Vec<_>>(),
        [(standing, true)]
    );
    // Two reviews that found nothing: the next task has both, and then somebody new stands.
    let in_round = |round: u32| {
        let calls = of_task("f").into_iter().filter(|call| call.round == round);
        calls.map(|call| (call.session == *standing, call.resumed)).collect::<BTreeSet<_>>()
    };
    assert_eq!(in_round(1), BTreeSet::from([(true, true), (false, false)]));
    assert_eq!(in_round(2), BTreeSet::from([(false, false)]));
}
