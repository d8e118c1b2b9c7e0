//! Claude Code.

use std::fs;
use std::time::Duration;

use loopmon::agents::AgentEvent;
use loopmon::model::agent::AgentKind::Claude;
use loopmon::model::{AgentProfile, FailureKind, Severity, StepKind, StepOutcome, Usage, Vote};
use serde_json::json;

use super::bench::Bench;
use super::installed::KEY;
use super::mock::Turn;

#[test]
fn it_edits_a_file_and_a_second_round_resumes_the_session_and_counts_its_cost_once() {
    let Some(bench) = Bench::start(Claude, []) else { return };
    let file = bench.work().join("hello.txt");
    bench.mock.push([Turn::write("claude", &file, "hello\n"), Turn::text("Wrote the greeting.")]);
    let first = bench.run(StepKind::Implement, "--please write\nhello.txt", None, Usage::default());
    assert_eq!(fs::read_to_string(&file).unwrap(), "hello\n");
    assert_eq!(first.outcome(), &StepOutcome::worked("Wrote the greeting.".to_owned()));
    let used = first.used();
    assert!(used.cost_micros > 0 && used.input_tokens == 200 && used.output_tokens == 40, "{used:?}");
    let transcript = first.transcript();
    for part in ["Claude Code", "Write\x1b[0m ", "hello.txt", "+ hello", "Wrote the greeting.", "turn ended"]
    {
        assert!(transcript.contains(part), "{part:?} is not in {transcript}");
    }
    assert!(first.events.iter().filter(|event| **event == AgentEvent::Progress).count() >= 3);
    assert_eq!(bench.mock.keys(), [KEY]);
    assert!(bench.mock.requests()[0].to_string().contains("--please write\\nhello.txt"));

    bench.mock.push([Turn::text("Nothing left to do.")]);
    let second = bench.run(StepKind::Fix, "and now the fix", Some(&first.session()), used);
    assert_eq!(second.session(), first.session());
    let resumed = bench.mock.requests().last().unwrap().to_string();
    assert!(
        resumed.contains("Wrote the greeting.") && resumed.contains("and now the fix"),
        "the history is not there"
    );
    let more = second.used();
    assert!(more.cost_micros > 0 && more.cost_micros < used.cost_micros, "{more:?} after {used:?}");
    assert_eq!((more.input_tokens, more.output_tokens), (100, 20));
    assert_eq!(bench.mock.left(), 0);
}

#[test]
fn a_reviewer_reads_cannot_write_and_hands_in_a_verdict_of_the_schema() {
    let Some(bench) = Bench::start(Claude, []) else { return };
    fs::write(bench.work().join("a.txt"), "content to judge\n").unwrap();
    let finding = json!({"severity": "major", "file": "a.txt", "line": 1, "description": "wrong word", "suggestion": null});
    bench.mock.push([
        Turn::tool("Read", json!({"file_path": bench.work().join("a.txt")})),
        Turn::write("claude", &bench.work().join("b.txt"), "no"),
        Turn::structured(
            json!({"verdict": "request_changes", "summary": "One thing.", "findings": [finding]}),
        ),
        Turn::text("Handed in."),
    ]);
    let ran = bench.run(StepKind::Review, "judge", None, Usage::default());
    match ran.outcome() {
        StepOutcome::Reviewed { verdict } => {
            assert_eq!((verdict.vote, verdict.remarks.len()), (Vote::RequestChanges, 1));
            assert_eq!(verdict.remarks[0].severity, Severity::Major);
        }
        other => panic!("{other:?}"),
    }
    assert!(!bench.work().join("b.txt").exists(), "a reviewer wrote a file");
    let requests = bench.mock.requests();
    let tools: Vec<&str> =
        requests[0]["tools"].as_array().unwrap().iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert!(tools.contains(&"Read") && tools.contains(&"StructuredOutput"), "{tools:?}");
    assert!(
        !tools.iter().any(|tool| ["Write", "Edit", "Bash", "Task", "WebFetch"].contains(tool)),
        "{tools:?}"
    );
    assert!(requests[1].to_string().contains("content to judge"));
}

#[test]
fn an_answer_that_never_fits_the_schema_is_invalid_and_no_vote() {
    let Some(bench) =
        Bench::start(Claude, [Turn::text("Looks good to me!"), Turn::text("As I said."), Turn::text("Yes.")])
    else {
        return;
    };
    let ran = bench.run(StepKind::Review, "judge", None, Usage::default());
    assert!(matches!(ran.outcome(), StepOutcome::Invalid { .. }), "{:?}", ran.outcome());
}

#[test]
fn what_it_was_not_allowed_to_do_is_told() {
    let command = json!({"command": "make everything > made-by-bash", "description": "make it"});
    let Some(bench) = Bench::start(Claude, [Turn::tool("Bash", command), Turn::text("I could not.")]) else {
        return;
    };
    let ran = bench.run(StepKind::Implement, "do it", None, Usage::default());
    match ran.outcome() {
        StepOutcome::Worked { summary, .. } => {
            assert!(summary.contains("not allowed: Bash make everything > made-by-bash"), "{summary}")
        }
        other => panic!("{other:?}"),
    }
    assert!(!bench.work().join("made-by-bash").exists());
}

#[test]
fn errors_of_the_api_have_their_kinds() {
    for (status, kind) in [
        (401, FailureKind::Authentication),
        (429, FailureKind::Quota { until: None }),
        (400, FailureKind::Configuration),
        (500, FailureKind::Infrastructure),
    ] {
        let errors = (0..8).map(|_| Turn::Error(status, "the mock refuses"));
        let Some(bench) = Bench::start(Claude, errors) else { return };
        let ran = bench.run(StepKind::Implement, "do it", None, Usage::default());
        assert_eq!(ran.failure().0, kind, "{status}: {:?}", ran.failure());
        assert!(!ran.failure().1.is_empty());
    }
}

#[test]
fn a_session_that_is_gone_and_a_wrong_flag_are_told_apart_from_bad_luck() {
    let Some(bench) = Bench::start(Claude, []) else { return };
    let unknown = "0b8f6a3e-1111-4222-8333-444455556666";
    let gone = bench.run(StepKind::Fix, "go on", Some(unknown), Usage::default());
    assert!(gone.events.contains(&AgentEvent::SessionGone), "{:?}", gone.events);
    assert_eq!(gone.failure().0, FailureKind::Infrastructure);
    let profile = AgentProfile { extra_args: vec!["--no-such-flag".to_owned()], ..bench.profile() };
    let wrong = bench.run_as(&profile, StepKind::Implement, "do it", None, Usage::default());
    assert_eq!(wrong.failure().0, FailureKind::Configuration, "{:?}", wrong.failure());
}

#[test]
fn without_a_key_it_says_that_a_login_is_needed() {
    let Some(bench) = Bench::start(Claude, []) else { return };
    let mut profile = bench.profile();
    profile.env_set.push(("ANTHROPIC_API_KEY".to_owned(), String::new()));
    let ran = bench.run_as(&profile, StepKind::Implement, "do it", None, Usage::default());
    assert_eq!(ran.failure().0, FailureKind::Authentication, "{:?}", ran.failure());
}

#[test]
fn an_interrupted_turn_is_no_success_and_its_session_goes_on() {
    // One that is interrupted while it still sends its first request may leave without a word.
    let cases = [
        (rustix::process::Signal::INT, ["interrupted", "ended without a result"]),
        (rustix::process::Signal::TERM, ["signal 15", "signal 15"]),
    ];
    for (signal, says) in cases {
        let late = Turn::After(Duration::from_secs(60), Box::new(Turn::text("too late")));
        let Some(bench) = Bench::start(Claude, [late]) else { return };
        let ran = bench.interrupted_by(signal);
        let (kind, message) = ran.failure();
        let is_told = says.iter().any(|says| message.contains(says));
        assert!(kind == FailureKind::Infrastructure && is_told, "{kind:?} {message}");
        bench.mock.push([Turn::text("Done after all.")]);
        let resumed = bench.run(StepKind::Implement, "go on", Some(&ran.session()), Usage::default());
        resumed.says("Done after all.", &bench);
    }
}
