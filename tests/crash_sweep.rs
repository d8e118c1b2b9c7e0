//! A crash at every point of a run: before and after each line of the log, each spawn, each effect.
//!
//! The [`Machine`] is what a crash leaves: the log as text, worktrees, commits, refs, sessions under their keepers. The
//! [`Server`] is what it takes away. A run of five tasks (a failed gate, a rejection, a human gate, a conflict) is brought
//! to its end once without a crash; then it is aborted at each point in turn, resumed from the log, and must end as that
//! one did: no step done twice, nothing merged twice. Then at pairs of points, so that it also dies while it recovers:
//! `LOOPMON_CRASHES=all` takes every pair there is, otherwise the second point is near the first, or one of a few later.
//! `crash_points` has the built server die.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use loopmon::engine::{self, Effect, EffectKind, GateTree, State, attention};
use loopmon::model::event::{
    Change, Conflict, GateEvent, MergeEvent, RunEvent, RunStart, SetupEvent, StepEvent, WorkEvent,
};
use loopmon::model::policy::Team;
use loopmon::model::verdict::Remark;
use loopmon::model::{
    Brief, Command, EffectId, Event, GateResult, GateSpec, Oid, Phase, Plan, PlanTask, Policy, Record,
    SetupLine, Severity, StepKind, StepOutcome, TaskId, Timestamp, Verdict, Vote,
};

/// The server is gone.
#[derive(Debug)]
struct Crash;

/// What survives: disk and keepers.
#[derive(Clone, Default)]
struct Machine {
    log: Vec<Rc<Record>>,
    /// Points passed so far, over all servers.
    points: usize,
    /// Points at which the server dies.
    dies_at: BTreeSet<usize>,
    /// Whether sessions die with it, as when the machine is switched off.
    reboots: bool,
    /// What a crash would leave at each point passed, if that is wanted.
    images: Option<Vec<Machine>>,
    integration: Option<Oid>,
    worktrees: BTreeSet<TaskId>,
    commits: BTreeMap<(TaskId, String), Oid>,
    merged: Vec<TaskId>,
    /// Sessions that were started: whether their process is gone without a result.
    sessions: BTreeMap<EffectId, bool>,
    spawns: usize,
    lost: usize,
    time: i64,
}

impl Machine {
    /// A place where the server may die.
    fn point(&mut self) -> Result<(), Crash> {
        self.points += 1;
        if let Some(mut images) = self.images.take() {
            images.push(self.clone());
            self.images = Some(images);
        }
        if self.dies_at.remove(&self.points) { Err(Crash) } else { Ok(()) }
    }

    fn append(&mut self, event: &Event) -> Result<Timestamp, Crash> {
        self.point()?;
        self.time += 1;
        let at = Timestamp(self.time);
        let record = Record { seq: self.log.len() as u64 + 1, at, event: event.clone() };
        // What is read again is what the text holds.
        let text = serde_json::to_string(&record).unwrap();
        self.log.push(Rc::new(serde_json::from_str(&text).unwrap()));
        self.point()?;
        Ok(at)
    }

    /// After a crash: what was running without a keeper has no result.
    fn after_crash(&mut self, finished: &BTreeSet<EffectId>) {
        if self.reboots {
            for (effect, gone) in &mut self.sessions {
                if !finished.contains(effect) && !*gone {
                    *gone = true;
                    self.lost += 1;
                }
            }
        }
    }
}

/// What a crash takes away.
struct Server {
    state: State,
    /// Asked for and not begun.
    todo: BTreeMap<EffectId, EffectKind>,
    /// Sessions at work.
    live: BTreeMap<EffectId, EffectKind>,
}

impl Server {
    /// Begins the run, or takes it up from the log.
    fn up(machine: &mut Machine) -> Result<Server, Crash> {
        let records = machine.log.clone();
        let Some((first, rest)) = records.split_first() else {
            let begun = start();
            let at = machine.append(&Event::Run(RunEvent::Started(Box::new(begun.clone()))))?;
            let (state, effects) = engine::start(&begun, at);
            return Ok(Server::with(state, effects));
        };
        let Event::Run(RunEvent::Started(begun)) = &first.event else { panic!("{first:?}") };
        let (mut state, _) = engine::start(begun, first.at);
        for record in rest {
            drop(engine::update(&mut state, &record.event, record.at));
        }
        let mut server = Server::with(state, Vec::new());
        server.happen(
            machine,
            Event::Run(RunEvent::Recovered { reattached: vec![], ended: vec![], lost: vec![] }),
        )?;
        Ok(server)
    }

    fn with(state: State, effects: Vec<Effect>) -> Server {
        let todo = effects.into_iter().map(|effect| (effect.id, effect.kind)).collect();
        Server { state, todo, live: BTreeMap::new() }
    }

    /// Durable first, then taken in, then acted upon.
    fn happen(&mut self, machine: &mut Machine, event: Event) -> Result<(), Crash> {
        let at = machine.append(&event)?;
        let effects = engine::update(&mut self.state, &event, at);
        machine.point()?;
        self.todo.extend(effects.into_iter().map(|effect| (effect.id, effect.kind)));
        Ok(())
    }

    /// Until nothing is left to do, for the engine or the person.
    fn run(&mut self, machine: &mut Machine) -> Result<(), Crash> {
        loop {
            if let Some((effect, kind)) = self.todo.pop_first() {
                machine.point()?;
                self.begin(machine, effect, kind)?;
            } else if let Some((effect, kind)) = self.live.pop_first() {
                let event = outcome(machine, effect, &kind);
                machine.point()?;
                self.happen(machine, event)?;
            } else if !self.person(machine)? {
                return Ok(());
            }
        }
    }

    fn begin(&mut self, machine: &mut Machine, effect: EffectId, kind: EffectKind) -> Result<(), Crash> {
        if !kind.is_session() {
            let event = carry_out(machine, effect, &kind);
            machine.point()?;
            return self.happen(machine, event);
        }
        if let std::collections::btree_map::Entry::Vacant(entry) = machine.sessions.entry(effect) {
            entry.insert(false);
            machine.spawns += 1;
            machine.point()?;
        }
        self.live.insert(effect, kind);
        Ok(())
    }

    /// A person answers what waits.
    fn person(&mut self, machine: &mut Machine) -> Result<bool, Crash> {
        let rows = attention::rows(&self.state);
        let Some(task) = rows.iter().find_map(|row| row.task.clone()) else { return Ok(false) };
        assert_eq!(self.state.tasks[&task].phase, Phase::AwaitingHuman, "{rows:?}");
        let event = engine::decide(&self.state, &Command::Approve(task)).unwrap();
        self.happen(machine, Event::Person(event))?;
        Ok(true)
    }
}

fn start() -> RunStart {
    let task = |id: &str, after: &[&str]| PlanTask {
        id: id.into(),
        title: format!("do {id}"),
        depends_on: after.iter().map(|id| TaskId::from(*id)).collect(),
        human: id == "asks",
        ..PlanTask::default()
    };
    let tasks = vec![
        task("first", &[]),
        task("fails-gate", &["first"]),
        task("rejected", &["first"]),
        task("asks", &[]),
        task("conflicts", &["fails-gate", "rejected"]),
    ];
    let policy = Policy {
        team: Team {
            known: vec!["ada".into()],
            implementer: "ada".into(),
            reviewers: vec!["rex".into(), "rio".into()],
            ..Team::default()
        },
        gates: vec![GateSpec {
            name: "test".to_owned(),
            argv: vec!["true".to_owned()],
            cwd: String::new(),
            timeout_ms: 1,
            ..GateSpec::default()
        }],
        parallel: 2,
        ..Policy::default()
    };
    RunStart {
        run: "r1".into(),
        goal: "the goal".to_owned(),
        policy,
        branch: Some("main".to_owned()),
        base: "base".into(),
        plan: Some(Plan { goal: String::new(), tasks }),
        go: true,
    }
}

/// Every worktree is set up.
fn setup() -> Vec<SetupLine> {
    vec![SetupLine { line: "fetch".to_owned(), timeout_ms: 1 }]
}

/// What git and the clock do. Whatever had been done before is found done.
fn carry_out(machine: &mut Machine, effect: EffectId, kind: &EffectKind) -> Event {
    match kind {
        EffectKind::CreateIntegration { at, .. } => {
            let oid = machine.integration.get_or_insert_with(|| at.clone()).clone();
            Event::Run(RunEvent::IntegrationReady { effect, oid })
        }
        EffectKind::PrepareWork { task, base } => {
            machine.worktrees.insert(task.clone());
            Event::Work(WorkEvent::Prepared { effect, base: base.clone(), setup: setup() })
        }
        EffectKind::CommitWork { task, message, .. } => {
            assert!(machine.worktrees.contains(task), "{task} has no worktree");
            let oid = Oid(format!("commit of {message}"));
            machine.commits.insert((task.clone(), message.clone()), oid.clone());
            let change = Change { files: 1, added: 1, removed: 0 };
            Event::Work(WorkEvent::Committed {
                effect,
                oid,
                change,
                tree: None,
                checks: Vec::new(),
                touched: Vec::new(),
            })
        }
        EffectKind::ResetWork { .. } => Event::Work(WorkEvent::Reset { effect, kept: Vec::new() }),
        EffectKind::RemoveWork { task } => {
            machine.worktrees.remove(task);
            Event::Work(WorkEvent::Removed { effect, kept: None })
        }
        EffectKind::BuildMerge { task, onto, tip, .. } => Event::Merge(build(effect, task, onto, tip)),
        EffectKind::Foresee { .. } => {
            Event::Merge(MergeEvent::Foreseen { effect, files: Vec::new(), overlaps: Vec::new() })
        }
        EffectKind::StageMerge { onto, .. } => {
            Event::Merge(MergeEvent::Staged { effect, onto: onto.clone() })
        }
        EffectKind::AdvanceIntegration { task, old, new, .. } => {
            if machine.integration.as_ref() == Some(old) {
                machine.integration = Some(new.clone());
                machine.merged.push(task.clone());
            }
            let event = if machine.integration.as_ref() == Some(new) {
                MergeEvent::Advanced { effect, tip: new.clone() }
            } else {
                MergeEvent::Lost { effect, tip: machine.integration.clone().unwrap() }
            };
            Event::Merge(event)
        }
        EffectKind::StartTimer { until } => {
            machine.time = machine.time.max(until.0);
            Event::Timer(effect)
        }
        EffectKind::Control { .. } => Event::Step(StepEvent::Controlled { effect, error: None }),
        EffectKind::RunStep { .. }
        | EffectKind::RunSetup { .. }
        | EffectKind::RunGate { .. }
        | EffectKind::Land { .. }
        | EffectKind::UndoLand { .. } => panic!("{kind:?}"),
    }
}

/// The work of its first round does not merge.
fn build(effect: EffectId, task: &TaskId, onto: &Oid, tip: &Oid) -> MergeEvent {
    if task.as_str() == "conflicts" && tip.as_str().contains("implement") {
        let files = vec![Conflict { path: "lib.rs".to_owned(), hunks: "<<<<<<<".to_owned() }];
        return MergeEvent::Conflicted { effect, onto: onto.clone(), files };
    }
    MergeEvent::CandidateBuilt {
        effect,
        commit: Oid(format!("merge of {tip}")),
        onto: onto.clone(),
        tree: None,
    }
}

/// How a session ends.
fn outcome(machine: &Machine, effect: EffectId, kind: &EffectKind) -> Event {
    let gone = machine.sessions[&effect];
    match kind {
        EffectKind::RunGate { gate, oid, on, task, .. } => {
            if gone {
                let error = "its process is gone".to_owned();
                return Event::Gate(GateEvent::Broken { effect, error });
            }
            let fails =
                task.as_str() == "fails-gate" && *on == GateTree::Work && oid.as_str().contains("round 1");
            Event::Gate(GateEvent::Finished { effect, result: result(&gate.name, oid, fails) })
        }
        EffectKind::RunSetup { .. } if gone => {
            Event::Setup(SetupEvent::Broken { effect, error: "its process is gone".to_owned() })
        }
        EffectKind::RunSetup { .. } => Event::Setup(SetupEvent::Finished { effect, duration_ms: 1 }),
        EffectKind::RunStep { brief, .. } => {
            let outcome = if gone { StepOutcome::Lost } else { told(brief) };
            Event::Step(StepEvent::Ended { effect, outcome })
        }
        other => panic!("{other:?}"),
    }
}

fn result(gate: &str, oid: &Oid, fails: bool) -> GateResult {
    GateResult {
        gate: gate.to_owned(),
        oid: oid.clone(),
        code: Some(i32::from(fails)),
        timed_out: false,
        duration_ms: 1,
        log: String::new(),
        tail: String::new(),
        ..GateResult::default()
    }
}

fn told(brief: &Brief) -> StepOutcome {
    if brief.step != StepKind::Review {
        return StepOutcome::worked("done".to_owned());
    }
    let rejects = brief.task.id.as_str() == "rejected" && brief.round == 1 && brief.slot == 1;
    let remark = Remark {
        severity: Severity::Major,
        file: "lib.rs".to_owned(),
        line: 1,
        description: "no test".to_owned(),
        suggestion: String::new(),
    };
    let verdict = Verdict {
        vote: if rejects { Vote::RequestChanges } else { Vote::Approve },
        summary: String::new(),
        remarks: rejects.then_some(remark).into_iter().collect(),
    };
    StepOutcome::Reviewed { verdict }
}

/// Brings a machine's run to its end, however often the server dies.
fn to_the_end(machine: &mut Machine) -> State {
    loop {
        let (result, finished) = match Server::up(machine) {
            Ok(mut server) => {
                let result = server.run(machine);
                let ended = machine.sessions.keys().filter(|id| !server.state.in_flight.contains_key(id));
                let finished = ended.copied().collect();
                if result.is_ok() {
                    return server.state;
                }
                (result, finished)
            }
            // It died while it took the log up: sessions had been seen to by the one before it.
            Err(crash) => (Err(crash), machine.sessions.keys().copied().collect()),
        };
        assert!(result.is_err());
        machine.after_crash(&finished);
    }
}

/// All that is to be the same in the end, whatever happened on the way.
fn projection(state: &State) -> Vec<String> {
    let mut lines = Vec::new();
    for task in state.tasks.values() {
        let votes: Vec<_> =
            task.review.iter().flat_map(|review| &review.slots).map(|slot| &slot.verdict).collect();
        lines.push(format!(
            "{}: {:?} {:?} round {} of {} tip {:?} {:?} findings {:?} {votes:?}",
            task.spec.id,
            task.phase,
            task.hold,
            task.round,
            state.round_limit(task),
            task.work.tip,
            task.evidence.results,
            task.findings,
        ));
    }
    lines.push(format!("complete: {}, in flight: {:?}", state.is_complete(), state.in_flight));
    lines
}

/// The same state but for what tells of crashes: the log's length, moments and notices.
fn without_crashes(mut state: State) -> State {
    state.seq = 0;
    state.notices.clear();
    state.run.started = Timestamp(0);
    state.run.ended = None;
    for task in state.tasks.values_mut() {
        (task.since, task.worked_ms) = (Timestamp(0), 0);
    }
    for session in state.sessions.values_mut() {
        (session.started, session.status_since, session.ended) = (Timestamp(0), Timestamp(0), None);
    }
    state
}

fn golden() -> (Machine, State) {
    let mut machine = Machine::default();
    let state = to_the_end(&mut machine);
    (machine, state)
}

fn aborted_at(points: impl IntoIterator<Item = usize>, reboots: bool) -> (Machine, State) {
    let mut machine = Machine { dies_at: points.into_iter().collect(), reboots, ..Machine::default() };
    let state = to_the_end(&mut machine);
    (machine, state)
}

fn assert_sound(machine: &Machine, golden: &Machine, words: &str) {
    let mut merged = machine.merged.clone();
    merged.sort();
    merged.dedup();
    assert_eq!((merged.len(), machine.merged.len()), (5, 5), "{words}: {:?}", machine.merged);
    assert!(machine.worktrees.is_empty(), "{words}: {:?}", machine.worktrees);
    assert_eq!(machine.commits, golden.commits, "{words}");
}

#[test]
fn the_run_without_a_crash_is_what_it_should_be() {
    let (machine, state) = golden();
    assert!(state.is_complete() && state.in_flight.is_empty());
    assert_eq!(machine.merged.len(), 5);
    let round = |id: &str| state.tasks[&TaskId::from(id)].round;
    assert_eq!(["first", "fails-gate", "rejected", "asks", "conflicts"].map(round), [1, 2, 2, 1, 2]);
    assert_eq!(state.tasks[&TaskId::from("rejected")].findings.len(), 1);
    assert!(machine.points > 300, "{} points", machine.points);
}

#[test]
fn aborted_at_any_point_and_resumed_it_ends_the_same_and_starts_nothing_twice() {
    let (golden, end) = golden();
    let (expected, whole) = (projection(&end), without_crashes(end));
    for point in 1..=golden.points {
        let words = format!("died at point {point} of {}", golden.points);
        let (machine, state) = aborted_at([point], false);
        assert!(machine.dies_at.is_empty(), "{words}: it did not die");
        assert_eq!(projection(&state), expected, "{words}");
        assert!(without_crashes(state) == whole, "{words}: the states differ");
        assert_eq!(machine.spawns, golden.spawns, "{words}: the keepers had gone on");
        assert_sound(&machine, &golden, &words);
    }
}

/// Whether the second crash of a pair is tried: all of those that come while it recovers or soon after.
fn is_tried(first: usize, second: usize) -> bool {
    let all = std::env::var("LOOPMON_CRASHES").is_ok_and(|which| which == "all");
    all || (first.is_multiple_of(5) && (second < 20 || (second + first).is_multiple_of(29)))
}

/// Pairs whose first point is one of every fourth.
fn pairs(part: usize) {
    let (golden, end) = golden();
    let (expected, whole) = (projection(&end), without_crashes(end));
    let mut tried = 0;
    for first in (1 + part..=golden.points).step_by(4) {
        let mut machine = Machine { dies_at: BTreeSet::from([first]), ..Machine::default() };
        let died = match Server::up(&mut machine) {
            Ok(mut server) => server.run(&mut machine).is_err(),
            Err(Crash) => true,
        };
        assert!(died, "it did not die at point {first}");
        machine.images = Some(Vec::new());
        to_the_end(&mut machine);
        let images = machine.images.take().unwrap();
        for (second, mut image) in (1..).zip(images).filter(|(second, _)| is_tried(first, *second)) {
            let words = format!("died at point {first} and {second} points later");
            let state = to_the_end(&mut image);
            assert_eq!(image.spawns, golden.spawns, "{words}: the keepers had gone on");
            assert_sound(&image, &golden, &words);
            assert_eq!(projection(&state), expected, "{words}");
            assert!(without_crashes(state) == whole, "{words}: the states differ");
            tried += 1;
        }
    }
    println!("{tried} pairs of crashes, the first at one of every fourth of {} points", golden.points);
}

#[test]
fn a_second_crash_while_it_recovers_or_later_changes_nothing_part_1() {
    pairs(0);
}

#[test]
fn a_second_crash_while_it_recovers_or_later_changes_nothing_part_2() {
    pairs(1);
}

#[test]
fn a_second_crash_while_it_recovers_or_later_changes_nothing_part_3() {
    pairs(2);
}

#[test]
fn a_second_crash_while_it_recovers_or_later_changes_nothing_part_4() {
    pairs(3);
}

#[test]
fn a_third_crash_changes_nothing_either() {
    let (golden, end) = golden();
    let (expected, whole) = (projection(&end), without_crashes(end));
    for first in (1..=golden.points).step_by(5) {
        for second in (first + 1..first + 14).step_by(3) {
            let words = format!("died at points {first}, {second} and {}", second + 3);
            let (machine, state) = aborted_at([first, second, second + 3], false);
            assert_eq!(projection(&state), expected, "{words}");
            assert!(without_crashes(state) == whole, "{words}: the states differ");
            assert!(machine.spawns <= golden.spawns + 3, "{words}");
            assert_sound(&machine, &golden, &words);
        }
    }
}

#[test]
fn switched_off_at_any_point_it_does_again_only_what_was_running() {
    let (golden, end) = golden();
    let expected = projection(&end);
    for point in 1..=golden.points {
        let words = format!("switched off at point {point} of {}", golden.points);
        let (machine, state) = aborted_at([point], true);
        assert_eq!(projection(&state), expected, "{words}");
        assert!(machine.spawns <= golden.spawns + machine.lost, "{words}: {} spawns", machine.spawns);
        assert!(machine.lost <= 4, "{words}: two tasks with two reviewers at most");
        assert_sound(&machine, &golden, &words);
    }
}
