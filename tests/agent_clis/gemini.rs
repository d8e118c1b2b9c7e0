//! Gemini CLI.

use loopmon::model::agent::AgentKind::Gemini;
use loopmon::model::{StepKind, StepOutcome, Usage};

use super::bench::{Bench, KEY, write};
use super::mock::Turn;

#[test]
fn it_edits_a_file_and_a_second_round_resumes_the_session() {
    let Some(bench) = Bench::start(Gemini, []) else { return };
    let file = bench.work().join("hello.txt");
    bench.mock.push([write(Gemini, &file, "hello\n"), Turn::text("Wrote the greeting.")]);
    let first = bench.run(StepKind::Implement, "--please write\nhello.txt", None, Usage::default());
    first.says("Wrote the greeting.", &bench);
    assert_eq!(bench.wrote("hello.txt").as_deref(), Some("hello\n"), "{}", bench.output());
    let used = first.used();
    println!("{used:?}\n{}\n{}", bench.output(), first.transcript());
    assert_eq!(bench.mock.keys(), [KEY]);
    assert!(bench.mock.requests()[0].to_string().contains("--please write\\nhello.txt"));

    bench.mock.push([Turn::text("Nothing left to do.")]);
    let second = bench.run(StepKind::Fix, "and now the fix", Some(&first.session()), used);
    second.says("Nothing left to do.", &bench);
    assert_eq!(second.session(), first.session());
    let resumed = bench.mock.requests().last().unwrap().to_string();
    assert!(
        resumed.contains("Wrote the greeting.") && resumed.contains("and now the fix"),
        "the history is not there"
    );
    println!("{:?} {}", second.used(), bench.output());
    assert_eq!(bench.mock.left(), 0);
}
