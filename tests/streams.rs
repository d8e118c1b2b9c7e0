//! What the real command lines printed, recorded, and read again: outcomes, sessions and usage are the same however the
//! bytes are cut, and whatever a later version prints between the lines that are known.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use std::path::Path;

use loopmon::agents::{self, AgentEvent, ExitInfo};
use loopmon::model::agent::{AgentKind, AgentMode, PromptBy};
use loopmon::model::{AgentName, AgentProfile, FailureKind, StepKind, StepOutcome, Usage, Vote};
use proptest::prelude::*;

/// The recordings, with the code that the program ended with.
const STREAMS: [(&str, AgentKind, StepKind, i32); 12] = [
    ("claude-2.1.329-work", AgentKind::Claude, StepKind::Implement, 0),
    ("claude-2.1.329-review", AgentKind::Claude, StepKind::Review, 0),
    ("claude-2.1.329-refused", AgentKind::Claude, StepKind::Implement, 1),
    ("codex-0.169.0-work", AgentKind::Codex, StepKind::Implement, 0),
    ("codex-0.169.0-review", AgentKind::Codex, StepKind::Review, 0),
    ("codex-0.169.0-refused", AgentKind::Codex, StepKind::Implement, 1),
    ("gemini-0.61.0-work", AgentKind::Gemini, StepKind::Implement, 0),
    ("gemini-0.61.0-review", AgentKind::Gemini, StepKind::Review, 0),
    ("gemini-0.61.0-refused", AgentKind::Gemini, StepKind::Implement, 145),
    ("opencode-1.18.33-work", AgentKind::Opencode, StepKind::Implement, 0),
    ("opencode-1.18.33-review", AgentKind::Opencode, StepKind::Review, 0),
    ("opencode-1.18.33-refused", AgentKind::Opencode, StepKind::Implement, 1),
];

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recordings/streams/{name}.jsonl"));
    std::fs::read_to_string(path).unwrap()
}

fn profile(kind: AgentKind) -> AgentProfile {
    AgentProfile {
        name: AgentName::from("agent"),
        kind,
        command: Vec::new(),
        prompt: PromptBy::Stdin,
        mode: AgentMode::Headless,
        model: None,
        effort: None,
        asks: false,
        reviews_blind: false,
        permission: None,
        extra_args: Vec::new(),
        resume_args: Vec::new(),
        env_allow: Vec::new(),
        env_set: Vec::new(),
        approve_keys: String::new(),
        deny_keys: String::new(),
        interrupt_keys: String::new(),
    }
}

/// What the server learns of a stream.
#[derive(Debug, PartialEq)]
struct Learnt {
    outcome: StepOutcome,
    sessions: Vec<String>,
    used: Usage,
}

fn learn(kind: AgentKind, step: StepKind, code: i32, pieces: impl Iterator<Item = Vec<u8>>) -> Learnt {
    let mut reader = agents::reader(&profile(kind), step, Usage::default());
    let mut events: Vec<AgentEvent> = pieces.flat_map(|piece| reader.feed(&piece)).collect();
    events.extend(reader.finish(ExitInfo::code(code), None));
    let (mut sessions, mut used, mut outcome) = (Vec::new(), Usage::default(), None);
    for event in events {
        match event {
            AgentEvent::SessionSeen(id) => sessions.push(id),
            AgentEvent::Used(more) => used = used.plus(more),
            AgentEvent::Outcome(end) => outcome = Some(end),
            _ => {}
        }
    }
    Learnt { outcome: outcome.expect("an outcome"), sessions, used }
}

fn of(name: &str) -> Learnt {
    let (_, kind, step, code) = STREAMS.into_iter().find(|(known, ..)| *known == name).unwrap();
    learn(kind, step, code, std::iter::once(text(name).into_bytes()))
}

#[test]
fn work_is_work_with_its_session_and_tokens() {
    for name in ["claude-2.1.329-work", "codex-0.169.0-work", "gemini-0.61.0-work", "opencode-1.18.33-work"] {
        let learnt = of(name);
        let summary = |outcome: &StepOutcome| match outcome {
            StepOutcome::Worked { summary, .. } => summary.clone(),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(summary(&learnt.outcome), "Wrote the greeting.", "{name}");
        assert_eq!(learnt.sessions.len(), 1, "{name}: {:?}", learnt.sessions);
        assert_eq!((learnt.used.input_tokens, learnt.used.output_tokens), (200, 40), "{name}");
    }
}

#[test]
fn reviews_are_votes() {
    for (name, _, step, _) in STREAMS {
        if step != StepKind::Review {
            continue;
        }
        match of(name).outcome {
            StepOutcome::Reviewed { verdict } => {
                assert_eq!((verdict.vote, verdict.remarks.len()), (Vote::RequestChanges, 1), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_refused_key_is_nothing_to_try_again() {
    for (name, ..) in STREAMS {
        if !name.ends_with("refused") {
            continue;
        }
        match of(name).outcome {
            StepOutcome::Failed { failure, message } => {
                assert_eq!(failure, FailureKind::Authentication, "{name}");
                assert!(!message.is_empty(), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// Lines that no version prints today.
fn strange() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{\"type\":\"something.new\",\"payload\":{\"deep\":[1,2,{\"a\":null}]}}".to_owned()),
        Just("{\"type\":42}".to_owned()),
        Just("{\"event\":\"no type\"}".to_owned()),
        Just("[\"a\",\"list\"]".to_owned()),
        Just("null".to_owned()),
        Just("{\"type\":\"item.completed\"}".to_owned()),
        Just("{\"type\":\"assistant\",\"message\":\"a text where there was an object\"}".to_owned()),
        Just("{\"type\":\"text\",\"part\":17}".to_owned()),
        Just("npm warn deprecated".to_owned()),
        Just("{\"type\":\"tool_result\",\"cut off in the midd".to_owned()),
        Just("\u{1b}[2J\u{7}\u{0}\u{fffd}".to_owned()),
        Just("x".repeat(100_000)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn where_it_is_cut_makes_no_difference(which in 0..STREAMS.len(), size in 1_usize..300) {
        let (name, kind, step, code) = STREAMS[which];
        let bytes = text(name).into_bytes();
        let cut = learn(kind, step, code, bytes.chunks(size).map(<[u8]>::to_vec));
        prop_assert_eq!(cut, of(name), "{} in pieces of {}", name, size);
    }

    #[test]
    fn lines_that_nobody_knows_change_no_outcome(
        which in 0..STREAMS.len(),
        lines in prop::collection::vec((strange(), 0.0_f64..1.0), 1..6),
    ) {
        let (name, kind, step, code) = STREAMS[which];
        let whole = text(name);
        let mut all: Vec<String> = whole.lines().map(str::to_owned).collect();
        for (line, place) in lines {
            // Never behind the last one: what comes last may decide what is noise.
            let at = (place * (all.len() - 1) as f64) as usize;
            all.insert(at, line);
        }
        let with = learn(kind, step, code, std::iter::once(format!("{}\n", all.join("\n")).into_bytes()));
        let without = of(name);
        prop_assert_eq!(&with.sessions, &without.sessions, "{}", name);
        prop_assert_eq!(with.used, without.used, "{}", name);
        prop_assert_eq!(with.outcome, without.outcome, "{}", name);
    }
}
