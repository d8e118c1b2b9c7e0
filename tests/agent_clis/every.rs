//! What every adapter does, each against its own program.

use std::fs;
use std::time::Duration;

use loopmon::agents::AgentEvent;
use loopmon::model::agent::AgentKind;
use loopmon::model::{AgentProfile, FailureKind, StepKind, StepOutcome, Usage, Vote};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::bench::{Bench, name};
use super::installed::KEY;
use super::mock::{Block, Turn, system_prompt};

macro_rules! each {
    ($($name:ident: $kind:ident),*) => {
        $(mod $name {
            use loopmon::model::agent::AgentKind::$kind;

            use crate::bench::Bench;

            #[test]
            fn edits_a_file_and_a_second_round_resumes_the_session() {
                super::edits_and_resumes(Bench::start($kind, []));
            }

            #[test]
            fn a_reviewer_reads_cannot_write_and_hands_in_a_verdict() {
                super::reviews($kind);
            }

            #[test]
            fn errors_of_the_api_have_their_kinds() {
                super::errors($kind, Bench::start);
            }

            #[test]
            fn a_session_that_is_gone_and_a_wrong_flag_are_told_apart_from_bad_luck() {
                super::session_gone(Bench::start($kind, []));
            }

            #[test]
            fn an_interrupted_turn_is_no_success_and_its_session_goes_on() {
                super::interrupted($kind, Bench::start);
            }

            #[test]
            fn a_stream_that_is_cut_or_slow_comes_to_its_end() {
                super::cut_and_slow($kind, Bench::start);
            }
        })*
    };
}

each!(codex: Codex, gemini: Gemini, opencode: Opencode);

/// The same of those that are spoken to while they work.
macro_rules! each_talking {
    ($($name:ident: $kind:ident),*) => {
        $(mod $name {
            use loopmon::model::agent::AgentKind::$kind;

            use crate::bench::Bench;

            #[test]
            fn edits_a_file_and_a_second_round_resumes_the_session() {
                super::edits_and_resumes(Bench::start_talking($kind, []));
            }

            #[test]
            fn errors_of_the_api_have_their_kinds() {
                super::errors($kind, Bench::start_talking);
            }

            #[test]
            fn a_session_that_is_gone_and_a_wrong_flag_are_told_apart_from_bad_luck() {
                super::session_gone(Bench::start_talking($kind, []));
            }

            #[test]
            fn a_turn_that_a_signal_ends_is_no_success_and_its_session_goes_on() {
                super::interrupted($kind, Bench::start_talking);
            }

            #[test]
            fn a_stream_that_is_cut_or_slow_comes_to_its_end() {
                super::cut_and_slow($kind, Bench::start_talking);
            }
        })*
    };
}

each_talking!(talking_codex: Codex, talking_gemini: Gemini, talking_opencode: Opencode);

/// At first and resumed, and beside what the person has every session told.
#[test]
fn a_role_is_added_to_the_system_prompt_of_those_who_take_it() {
    for (kind, start) in [
        (AgentKind::Claude, Bench::start as Start),
        (AgentKind::Codex, Bench::start),
        (AgentKind::Codex, Bench::start_talking),
        (AgentKind::Opencode, Bench::start),
        (AgentKind::Opencode, Bench::start_talking),
    ] {
        let script = vec![Turn::text("Done."), Turn::text("Again.")];
        let Some(mut bench) = start(kind, script) else { return };
        bench.role_prompt = Some("Weigh each \"word\" of ours.\nThen write.");
        tell_every_session(&bench, "As the person always says.");
        let first = bench.run(StepKind::Implement, "do the thing", None, Usage::default());
        first.says("Done.", &bench);
        bench.run(StepKind::Fix, "do more", Some(&first.session()), first.used()).says("Again.", &bench);
        for request in bench.mock.requests() {
            let told = system_prompt(&request);
            let whole = told.contains("Weigh each \"word\" of ours.\nThen write.");
            assert!(whole && !told.contains("do the thing"), "{kind:?}: {told}");
            let own = request.to_string().contains("As the person always says.");
            assert!(own, "{kind:?}: what the person has every session told is gone: {request}");
        }
        assert_eq!(bench.mock.left(), 0, "{kind:?}");
    }
}

/// Instructions of the person's own, by the file that the program reads for all projects.
fn tell_every_session(bench: &Bench, words: &str) {
    let file = match bench.kind {
        AgentKind::Claude => ".claude/CLAUDE.md",
        AgentKind::Codex => ".codex/AGENTS.md",
        AgentKind::Opencode => "always.md",
        _ => return,
    };
    let file = bench.dir.path().join("home").join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, words).unwrap();
    if bench.kind == AgentKind::Opencode {
        let config = bench.dir.path().join("home/.config/opencode/opencode.json");
        let mut settings: Value = serde_json::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
        settings["instructions"] = json!([file]);
        fs::write(&config, settings.to_string()).unwrap();
    }
}

type Start = fn(AgentKind, Vec<Turn>) -> Option<Bench>;

fn edits_and_resumes(bench: Option<Bench>) {
    let Some(bench) = bench else { return };
    let kind = bench.kind;
    let file = bench.work().join("hello.txt");
    bench.mock.push([Turn::write(name(kind), &file, "hello\n"), Turn::text("Wrote the greeting.")]);
    // More than an argument could hold, and beginning like a flag.
    let prompt = format!("--please write\nhello.txt {}", "ä ".repeat(70_000));
    let first = bench.run(StepKind::Implement, &prompt, None, Usage::default());
    first.says("Wrote the greeting.", &bench);
    assert_eq!(bench.wrote("hello.txt").as_deref(), Some("hello\n"), "{}", bench.output());
    let used = first.used();
    assert_eq!((used.input_tokens, used.output_tokens), (200, 40), "{}", bench.output());
    let transcript = first.transcript();
    for part in ["hello.txt", "Wrote the greeting.", "turn ended", "200 tokens in, 40 out"] {
        assert!(transcript.contains(part), "{part:?} is not in {transcript}");
    }
    assert!(first.events.iter().filter(|event| **event == AgentEvent::Progress).count() >= 3);
    assert_eq!(bench.mock.keys(), [KEY]);
    assert!(bench.mock.requests()[0].to_string().contains("--please write\\nhello.txt ä ä"));

    bench.a_minute_later();
    bench.mock.push([Turn::text("Nothing left to do.")]);
    let second = bench.run(StepKind::Fix, "and now the fix", Some(&first.session()), used);
    second.says("Nothing left to do.", &bench);
    assert_eq!(second.session(), first.session());
    let resumed = bench.mock.requests().last().unwrap().to_string();
    let history = resumed.contains("Wrote the greeting.") && resumed.contains("and now the fix");
    assert!(history, "the history is not there");
    let more = second.used();
    assert_eq!((more.input_tokens, more.output_tokens), (100, 20), "counted once: {}", bench.output());
    assert_eq!(bench.mock.left(), 0);
}

fn reviews(kind: AgentKind) {
    let Some(bench) = Bench::start(kind, []) else { return };
    fs::write(bench.work().join("a.txt"), "content to judge\n").unwrap();
    let finding = json!({"severity": "major", "file": "a.txt", "line": 1, "description": "wrong word", "suggestion": null});
    let verdict = json!({"verdict": "request_changes", "summary": "One thing.", "findings": [finding]});
    bench.mock.push([
        Turn::write(name(kind), &bench.work().join("b.txt"), "no"),
        Turn::text(&format!("I looked at everything.\n```json\n{verdict}\n```")),
    ]);
    let ran = bench.run(StepKind::Review, "judge", None, Usage::default());
    match ran.outcome() {
        StepOutcome::Reviewed { verdict } => {
            assert_eq!((verdict.vote, verdict.remarks.len()), (Vote::RequestChanges, 1));
        }
        other => panic!("{other:?}\n{}", bench.output()),
    }
    assert_eq!(bench.wrote("b.txt"), None, "a reviewer wrote a file: {}", bench.output());

    bench.mock.push([Turn::text("Looks good to me!")]);
    let vague = bench.run(StepKind::Review, "judge", None, Usage::default());
    assert!(matches!(vague.outcome(), StepOutcome::Invalid { .. }), "{:?}", vague.outcome());
    // The correction turn goes on in the same conversation.
    bench.mock.push([Turn::text(&verdict.to_string())]);
    let corrected = bench.run(StepKind::Review, "as JSON, please", Some(&vague.session()), vague.used());
    assert!(matches!(corrected.outcome(), StepOutcome::Reviewed { .. }), "{:?}", corrected.outcome());
    let last = bench.mock.requests().last().unwrap().to_string();
    assert!(last.contains("Looks good to me!"), "the history is not there");
    if kind == AgentKind::Codex {
        let format = bench.mock.requests()[0].pointer("/text/format").cloned().unwrap_or(Value::Null);
        assert_eq!(format["type"], "json_schema", "{format}");
    }
}

fn errors(kind: AgentKind, start: Start) {
    let quota = FailureKind::Quota { until: None };
    for (turn, wanted) in [
        (Turn::Error(401, "the key is wrong"), FailureKind::Authentication),
        (Turn::Error(400, "the mock refuses"), FailureKind::Configuration),
        (Turn::Error(429, "You exceeded your current quota."), quota),
    ] {
        // Those who try again for minutes are ended by their time; here they are not asked to.
        if wanted == quota && kind != AgentKind::Codex {
            continue;
        }
        let told = format!("{turn:?}");
        let Some(bench) = start(kind, vec![turn; 12]) else { return };
        let ran = bench.run(StepKind::Implement, "do it", None, Usage::default());
        assert_eq!(ran.failure().0, wanted, "{told}: {:?}\n{}", ran.failure(), bench.output());
        assert!(!ran.failure().1.is_empty());
    }
}

fn session_gone(bench: Option<Bench>) {
    let Some(bench) = bench else { return };
    let unknown = match bench.kind {
        AgentKind::Opencode => "ses_e027c1c8fffeHJPMXtPGV2TSpZ",
        _ => "0b8f6a3e-1111-4222-8333-444455556666",
    };
    let gone = bench.run(StepKind::Fix, "go on", Some(unknown), Usage::default());
    assert!(gone.events.contains(&AgentEvent::SessionGone), "{:?}\n{}", gone.outcome(), bench.output());
    assert_eq!(gone.failure().0, FailureKind::Infrastructure);
    let profile = AgentProfile { extra_args: vec!["--no-such-flag".to_owned()], ..bench.profile() };
    let wrong = bench.run_as(&profile, StepKind::Implement, "do it", None, Usage::default());
    assert_eq!(wrong.failure().0, FailureKind::Configuration, "{:?}\n{}", wrong.failure(), bench.output());
}

fn interrupted(kind: AgentKind, start: Start) {
    for signal in [Signal::INT, Signal::TERM] {
        let late = Turn::After(Duration::from_secs(60), Box::new(Turn::text("too late")));
        let Some(bench) = start(kind, vec![late]) else { return };
        let ran = bench.interrupted_by(signal);
        let (failure, message) = ran.failure();
        assert_eq!(failure, FailureKind::Infrastructure, "{message}\n{}", bench.output());
        bench.a_minute_later();
        bench.mock.push([Turn::text("Done after all.")]);
        // opencode names its session with its first step, which had not come, unless it is spoken to.
        let session = (kind != AgentKind::Opencode || bench.asks).then(|| ran.session());
        let resumed = bench.run(StepKind::Implement, "go on", session.as_deref(), Usage::default());
        resumed.says("Done after all.", &bench);
    }
}

fn cut_and_slow(kind: AgentKind, start: Start) {
    let said = || vec![Block::Text("All is well that ends well.".to_owned())];
    let pause = Duration::from_millis(200);
    let Some(bench) = start(kind, vec![Turn::Cut(said()), Turn::Slow(pause, said())]) else { return };
    let ran = bench.run(StepKind::Implement, "do it", None, Usage::default());
    match ran.outcome() {
        // It asks again by itself, or says that it did not come to its end.
        StepOutcome::Worked { summary, .. } => assert!(summary.contains("All is well"), "{summary}"),
        StepOutcome::Failed { failure, .. } => assert_eq!(*failure, FailureKind::Infrastructure),
        other => panic!("{other:?}"),
    }
}
