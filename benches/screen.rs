//! Drawing: a whole frame at 200x50 with 1, 10 and 50 live panes, after output in the shown one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark says what is wrong by failing"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::{Arc, Mutex};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use loopmon::engine::{self, EffectKind, State};
use loopmon::model::event::{RunEvent, RunStart, StepEvent, WorkEvent};
use loopmon::model::policy::Team;
use loopmon::model::{Event, Plan, PlanTask, Policy, SessionId, Snapshot, TaskId, Timestamp};
use loopmon::term::{Colours, Emulator};
use loopmon::ui::{Clip, Input, Panes, Settings, Ui, Welcome, World};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const SIZE: (u16, u16) = (200, 50);

struct Wall(BTreeMap<SessionId, Arc<Mutex<Emulator>>>);

impl Panes for Wall {
    fn pane(&self, id: &SessionId) -> Option<Arc<Mutex<Emulator>>> {
        self.0.get(id).cloned()
    }

    fn last_action(&self, _: &SessionId) -> Option<String> {
        Some("running the tests".to_owned())
    }

    fn clip(&self, _: &SessionId) -> Option<Clip> {
        None
    }
}

/// A run with that many agents at work, and their screens full of coloured text.
fn world(panes: u16) -> (Snapshot, Wall) {
    let now = Timestamp(1_000_000);
    let team = Team { known: vec!["ada".into()], implementer: "ada".into(), ..Team::default() };
    let task = |number| PlanTask {
        id: TaskId(format!("T{number}")),
        title: format!("task {number}"),
        ..PlanTask::default()
    };
    let start = RunStart {
        run: "bench".into(),
        goal: "draw".to_owned(),
        policy: Policy { team, parallel: u32::from(panes), ..Policy::default() },
        branch: Some("main".to_owned()),
        base: "0".repeat(40).into(),
        plan: Some(Plan { goal: "draw".to_owned(), tasks: (0..panes).map(task).collect() }),
        go: true,
    };
    let (mut state, effects) = engine::start(&start, now);
    let mut queue: Vec<_> = effects;
    let mut wall = Wall(BTreeMap::new());
    while let Some(effect) = queue.pop() {
        let oid = start.base.clone();
        let event = match &effect.kind {
            EffectKind::CreateIntegration { .. } => {
                Event::Run(RunEvent::IntegrationReady { effect: effect.id, oid })
            }
            EffectKind::PrepareWork { .. } => {
                Event::Work(WorkEvent::Prepared { effect: effect.id, base: oid, setup: Vec::new() })
            }
            EffectKind::RunStep { .. } => {
                let session = SessionId(format!("bench-{}", effect.id));
                wall.0.insert(session.clone(), Arc::new(Mutex::new(full_screen())));
                Event::Step(StepEvent::Spawned { effect: effect.id, session, pid: 1 })
            }
            _ => continue,
        };
        queue.extend(engine::update(&mut state, &event, now));
    }
    (engine::snapshot(&state as &State, "bench", now), wall)
}

fn full_screen() -> Emulator {
    let mut emulator = Emulator::new(SIZE.0, SIZE.1, Colours::default());
    for line in 0..SIZE.1 {
        emulator.feed(
            format!("\x1b[3{}mline {line} \x1b[1mof an agent's output\x1b[m and some more\r\n", line % 8)
                .as_bytes(),
        );
    }
    emulator
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("draw a frame at 200x50");
    for panes in [1u16, 10, 50] {
        let (snapshot, wall) = world(panes);
        let welcome = Welcome::default();
        let world = World {
            snapshot: &snapshot,
            panes: &wall,
            now: Timestamp(1_060_000),
            clock: "14:02",
            welcome: &welcome,
            clients: 1,
            mistake: None,
        };
        let mut ui = Ui::new(Settings::default());
        let _ = ui.handle(Input::Resize(SIZE.0, SIZE.1), &world);
        let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a buffer");
        group.bench_function(BenchmarkId::from_parameter(panes), |bencher| {
            bencher.iter(|| {
                terminal.draw(|frame| ui.draw(frame, black_box(&world))).expect("a frame");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
