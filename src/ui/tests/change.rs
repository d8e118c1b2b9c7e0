//! Keys that change the plan and the list of findings: comment, dismiss, split, join, put back, give up.

use super::keys::{command, last, on};
use super::*;

#[test]
fn a_comment_has_the_place_that_is_read_or_written() {
    let mut bench = on("T15");
    bench.press("c");
    assert!(bench.text().contains("Comment on T15"));
    bench.type_text("src/a.rs:7: it leaks");
    let comment = |file: &str, line, text: &str| {
        Some(Command::Comment { task: "T15".into(), file: file.to_owned(), line, text: text.to_owned() })
    };
    assert_eq!(command(&bench.press("enter")), comment("src/a.rs", 7, "it leaks"));
    bench.press("c");
    bench.type_text("no tests at all");
    assert_eq!(command(&bench.press("enter")), comment("", 0, "no tests at all"));
    bench.press("d");
    let text =
        "diff --git a/src/b.rs b/src/b.rs\n--- a/src/b.rs\n+++ b/src/b.rs\n@@ -4 +4,2 @@\n-x\n+y\n+z\n";
    bench.with(|ui, world| ui.reply(Reply::Diff { task: "T15".into(), text: text.to_owned() }, world));
    bench.ui.view.scroll = 3;
    bench.press("c");
    assert!(bench.text().contains("src/b.rs:4:"), "{}", bench.text());
    assert_eq!(command(&bench.press("enter")), None, "a place alone says nothing");
    bench.type_text("odd");
    assert_eq!(command(&bench.press("enter")), comment("src/b.rs", 4, "odd"));
}

fn finding(number: u32, state: FindingState, text: &str) -> Finding {
    Finding {
        number,
        round: 1,
        source: "rex".to_owned(),
        severity: Severity::Major,
        file: "src/a.rs".to_owned(),
        line: 7,
        description: text.to_owned(),
        suggestion: String::new(),
        why: String::new(),
        state,
    }
}

#[test]
fn a_finding_is_chosen_and_dismissed_with_a_reason() {
    let mut bench = on("T15");
    let task = bench.snapshot.tasks.iter_mut().find(|task| task.id == "T15".into()).unwrap();
    task.findings.clear();
    bench.press("f");
    assert!(last(&mut bench).contains("no finding that could be dismissed"), "{}", last(&mut bench));
    bench.size = (80, 24);
    assert!(
        last(&mut bench).contains("dismis…  : commands"),
        "it keeps away from the keys: {}",
        last(&mut bench)
    );
    let task = bench.snapshot.tasks.iter_mut().find(|task| task.id == "T15".into()).unwrap();
    task.findings = vec![
        finding(1, FindingState::Fixed("c0ffee".into()), "was wrong"),
        finding(2, FindingState::Raised, "it leaks\nwhenever it rains"),
        finding(3, FindingState::Deferred, "a long name"),
    ];
    bench.press("f");
    let screen = bench.text();
    assert!(screen.contains("whenever it rains") && !screen.contains("was wrong"), "{screen}");
    bench.press("down");
    assert!(bench.text().contains("by rex: a long name"), "{}", bench.text());
    bench.press("up enter");
    assert!(bench.text().contains("Dismiss finding 2 of T15: why?"), "{}", bench.text());
    assert_eq!(command(&bench.press("enter")), None, "a reason is wanted");
    bench.type_text("it never rains");
    let wanted = Command::Dismiss("T15".into(), 2, "it never rains".to_owned());
    assert_eq!(command(&bench.press("enter")), Some(wanted));
}

#[test]
fn a_task_is_cut_in_the_editor_and_joined_or_put_back_only_after_a_question() {
    let mut bench = on("T15");
    let split = bench.press("S");
    let Some(Request::EditText { purpose: Purpose::Split(parts), .. }) = split.first() else {
        panic!("{split:?}")
    };
    assert_eq!((parts.0.id.as_str(), parts.1.id.as_str()), ("T15", "T15-2"));
    bench.press("J");
    assert!(bench.text().contains("Join which task into T15?"), "{}", bench.text());
    let other = TaskId::from("T14");
    bench.press("enter");
    assert!(bench.text().contains(&format!("T15 takes over what {other} asks")), "{}", bench.text());
    assert_eq!(command(&bench.press("y")), Some(Command::Join(vec!["T15".into(), other])));
    bench.press("b");
    assert!(bench.text().contains("round 2") && bench.text().contains("now"), "{}", bench.text());
    bench.press("down enter");
    assert!(bench.text().contains("Put T15 back to the beginning of round 1?"), "{}", bench.text());
    assert_eq!(command(&bench.press("n")), None);
    bench.press("b down enter");
    assert_eq!(command(&bench.press("y")), Some(Command::Rewind("T15".into(), 1)));
}

#[test]
fn of_very_many_rounds_the_latest_are_offered() {
    let mut bench = on("T15");
    let task = bench.snapshot.tasks.iter_mut().find(|task| task.id.as_str() == "T15");
    task.expect("it is on the board").round = u32::MAX;
    bench.press("b");
    assert!(bench.text().contains(&format!("round {}", u32::MAX)), "{}", bench.text());
}

#[test]
fn what_the_engine_refuses_is_said_and_nothing_opens() {
    let mut bench = on("T15");
    let task = bench.snapshot.tasks.iter_mut().find(|task| task.id == "T15".into()).unwrap();
    for verb in [Verb::Comment, Verb::Split, Verb::Join, Verb::Rewind] {
        task.refusals.insert(verb, format!("{verb:?} can't be"));
    }
    for (key, told) in
        [("c", "Comment can't"), ("S", "Split can't"), ("J", "Join can't"), ("b", "Rewind can't")]
    {
        assert_eq!(bench.press(key), []);
        assert!(bench.ui.popups.is_empty() && last(&mut bench).contains(told), "{key}");
    }
}

#[test]
fn giving_up_names_all_that_will_not_start() {
    let mut bench = on("T12");
    let done = bench.snapshot.tasks.iter_mut().find(|task| task.id == "T12".into()).unwrap();
    done.refusals.remove(&Verb::Cancel);
    bench.press("D");
    let screen = bench.text();
    assert!(screen.contains("wait for it and will not start: T14, T17, T15, T16"), "{screen}");
    assert_eq!(command(&bench.press("y")), Some(Command::Cancel("T12".into())));
}
