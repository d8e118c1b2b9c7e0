//! Random input over random runs at random sizes: nothing panics, and nothing forbidden reaches a cell.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;

use super::*;
use crate::model::snapshot::{RunPhase, TaskView};

fn any_key() -> impl Strategy<Value = KeyEvent> {
    let code = prop_oneof![
        8 => prop::sample::select("jkgGaxrRpPidDwzemuv$tqQ[]nN/:?0123456789.,BML yeJKhlVoY|{}^".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char),
        1 => any::<char>().prop_map(KeyCode::Char),
        4 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Up, KeyCode::Down,
            KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home, KeyCode::End, KeyCode::Backspace, KeyCode::F(1),
        ]),
    ];
    let modifiers = prop_oneof![6 => Just(KeyModifiers::NONE), 2 => Just(KeyModifiers::CONTROL), 1 => Just(KeyModifiers::ALT)];
    (code, modifiers).prop_map(|(code, modifiers)| KeyEvent::new(code, modifiers))
}

fn any_input() -> impl Strategy<Value = Input> {
    let kind = prop::sample::select(vec![
        DOWN,
        DRAG,
        UP,
        MouseEventKind::ScrollUp,
        MouseEventKind::ScrollDown,
        MouseEventKind::Moved,
    ]);
    prop_oneof![
        10 => any_key().prop_map(Input::Key),
        3 => (kind, 0_u16..220, 0_u16..60).prop_map(|(kind, x, y)| mouse(kind, x, y)),
        1 => "\\PC{0,12}".prop_map(Input::Paste),
        1 => Just(Input::Paste("a\u{1b}[2J\u{202e}b\nc".to_owned())),
        1 => any::<bool>().prop_map(Input::Focus),
        1 => (0_u16..220, 0_u16..60).prop_map(|(x, y)| Input::Resize(x, y)),
    ]
}

/// The busy run with tasks taken out, changed and given hostile words.
fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let phases = prop::sample::select(vec![
        Phase::Blocked,
        Phase::Ready,
        Phase::Implementing,
        Phase::Validating,
        Phase::Reviewing,
        Phase::Fixing,
        Phase::Approved,
        Phase::AwaitingHuman,
        Phase::MergeQueued,
        Phase::Merging,
        Phase::Done,
        Phase::Exhausted,
        Phase::Failed,
        Phase::Cancelled,
    ]);
    let holds = prop::option::of(prop_oneof![
        Just(Hold::Paused),
        (any::<i64>()).prop_map(|at| Hold::Waiting { wait: Wait::Backoff, until: Timestamp(at) }),
        Just(Hold::NeedsAttention(AttentionReason::NothingChanged)),
    ]);
    let change = (phases, holds, any::<u16>(), any::<u32>(), any::<u32>(), "[\\PC\u{1b}\u{202e}\n]{0,40}");
    let shape = (prop::collection::vec(change, 0..14), 0_usize..4, 0_usize..8, 0_u8..6);
    shape.prop_map(|(changes, rows, sessions, kind)| match kind {
        0 => Snapshot::default(),
        1 => proposed(),
        _ => {
            let mut snapshot = busy();
            snapshot.tasks.truncate(changes.len());
            for (task, change) in snapshot.tasks.iter_mut().zip(changes) {
                disturb(task, change);
            }
            snapshot.attention.truncate(rows);
            snapshot.sessions.truncate(sessions);
            if let Some(run) = snapshot.run.as_mut().filter(|_| kind == 2) {
                (run.phase, run.paused, run.budget_micros) = (RunPhase::Stopped, true, 0);
            }
            snapshot
        }
    })
}

fn disturb(task: &mut TaskView, change: (Phase, Option<Hold>, u16, u32, u32, String)) {
    let (phase, hold, depth, round, max_rounds, words) = change;
    (task.phase, task.hold, task.round, task.max_rounds) = (phase, hold, round, max_rounds);
    task.depth = depth % 40;
    task.title.clone_from(&words);
    task.explanation.why.clone_from(&words);
    task.acceptance = vec![words.clone()];
    if let Some(gate) = task.gates.first_mut() {
        gate.name = words;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn nothing_breaks_the_screen(
        first in any_snapshot(),
        second in any_snapshot(),
        inputs in prop::collection::vec(any_input(), 1..30),
        sizes in prop::collection::vec((1_u16..210, 1_u16..60), 1..4),
        ascii: bool,
    ) {
        let mut bench = Bench::new(first);
        bench.ui.set_settings(Settings { ascii, bell: true, ..Settings::default() });
        let half = inputs.len() / 2;
        for (at, input) in inputs.into_iter().enumerate() {
            if at == half {
                bench.snapshot = second.clone();
                bench.observe();
            }
            bench.size = sizes[at % sizes.len()];
            bench.now = bench.now.plus(173);
            bench.input(input);
            let buf = bench.draw();
            for cell in buf.content() {
                let bad = cell.symbol().chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c));
                prop_assert!(!bad, "{:?}", cell.symbol());
            }
        }
    }
}

#[test]
fn the_smallest_screens_are_drawn() {
    for (cols, rows) in [(1, 1), (2, 1), (1, 5), (20, 5), (10, 3), (118, 4), (300, 2)] {
        for keys in ["", "2", "?", ":", "n", "D", "e", "z", "enter"] {
            let mut bench = Bench::sized(busy(), cols, rows);
            if !keys.is_empty() {
                bench.press(keys);
            }
            bench.draw();
            let mut bench = Bench::sized(proposed(), cols, rows);
            bench.draw();
            let mut bench = Bench::sized(Snapshot::default(), cols, rows);
            bench.draw();
        }
    }
}
