//! Logs that earlier versions wrote decide as they did: each event finds the effect that it completes, each decision is
//! the same, and the run ends where it ended.
//!
//! `LOOPMON_WRITE=1 cargo test --test golden_logs` writes the decisions of a log that is new.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use loopmon::engine::{self, Effect};
use loopmon::model::event::{GateEvent, MergeEvent, RunEvent, SetupEvent, StepEvent, WorkEvent};
use loopmon::model::{EffectId, Event, Record};

fn logs() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/logs");
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    logs.sort();
    assert!(!logs.is_empty());
    logs
}

fn records(path: &Path) -> Vec<Record> {
    let text = std::fs::read_to_string(path).unwrap();
    let read = |(number, line): (usize, &str)| {
        serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("{}:{}: {error}", path.display(), number + 1))
    };
    text.lines().enumerate().map(read).collect()
}

/// The effect that an event completes.
fn completes(event: &Event) -> Option<EffectId> {
    match event {
        Event::Run(
            RunEvent::IntegrationReady { effect, .. }
            | RunEvent::IntegrationFailed { effect, .. }
            | RunEvent::Landed { effect, .. }
            | RunEvent::LandRefused { effect, .. }
            | RunEvent::LandUndone { effect },
        )
        | Event::Step(StepEvent::Ended { effect, .. } | StepEvent::Controlled { effect, .. })
        | Event::Work(
            WorkEvent::Prepared { effect, .. }
            | WorkEvent::Committed { effect, .. }
            | WorkEvent::Removed { effect, .. }
            | WorkEvent::Reset { effect, .. }
            | WorkEvent::Failed { effect, .. },
        )
        | Event::Setup(SetupEvent::Finished { effect, .. } | SetupEvent::Failed { effect, .. })
        | Event::Gate(GateEvent::Finished { effect, .. } | GateEvent::Broken { effect, .. })
        | Event::Merge(
            MergeEvent::CandidateBuilt { effect, .. }
            | MergeEvent::Conflicted { effect, .. }
            | MergeEvent::Staged { effect, .. }
            | MergeEvent::Advanced { effect, .. }
            | MergeEvent::Lost { effect, .. }
            | MergeEvent::Failed { effect, .. },
        )
        | Event::Timer(effect) => Some(*effect),
        _ => None,
    }
}

#[test]
fn a_log_of_an_earlier_version_decides_as_it_did() {
    for path in logs() {
        let records = records(&path);
        let (first, rest) = records.split_first().unwrap();
        let Event::Run(RunEvent::Started(start)) = &first.event else { panic!("{}", path.display()) };
        let mut decisions = String::new();
        let note = |decisions: &mut String, seq: u64, effects: Vec<Effect>| {
            effects.iter().for_each(|effect| writeln!(decisions, "{seq} {effect}").unwrap());
        };
        let (mut state, effects) = engine::start(start, first.at);
        note(&mut decisions, first.seq, effects);
        for record in rest {
            if let Some(effect) = completes(&record.event) {
                let name = path.display();
                assert!(
                    state.in_flight.contains_key(&effect),
                    "{name}:{}: nobody asked for {effect}",
                    record.seq
                );
            }
            note(&mut decisions, record.seq, engine::update(&mut state, &record.event, record.at));
        }
        assert!(state.is_complete() && state.in_flight.is_empty(), "{}: it ended otherwise", path.display());
        let beside = path.with_extension("decisions");
        if std::env::var_os("LOOPMON_WRITE").is_some() && !beside.exists() {
            std::fs::write(&beside, &decisions).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&beside).unwrap(), decisions, "{}", path.display());
    }
}
