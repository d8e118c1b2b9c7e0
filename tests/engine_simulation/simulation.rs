//! One run: chance acts until the turbulent time is over, then the world calms down and a person sees to what is left.

use std::collections::BTreeMap;

use loopmon::engine::state::Stage;
use loopmon::engine::{self, EffectKind, State, attention};
use loopmon::model::event::{PersonEvent, RunEvent, StepEvent};
use loopmon::model::{
    AgentState, AgentStatus, AttentionReason, BlockedKind, Command, EffectId, Event, Field, Hold, Oid, Phase,
    Plan, PlanEdit, PlanTask, StatusSource, TaskEdit, TaskId, Timestamp, Usage, Verb,
};

use crate::chance::Chance;
use crate::executor::Executor;
use crate::reference::Reference;
use crate::scenario::Scenario;
use crate::seen::Seen;

/// Events after which a run that has calmed down must be over.
const PATIENCE: usize = 6_000;

/// What happened in the runs, so that nobody believes in a simulation in which nothing happens.
#[derive(Debug, Default)]
pub struct Told {
    events: usize,
    crashes: usize,
    merges: usize,
    requests: usize,
    late: usize,
    exhausted: usize,
    edits: usize,
    faultless: usize,
    pub seen: Seen,
}

impl Told {
    pub fn add(&mut self, other: Told) {
        self.events += other.events;
        self.crashes += other.crashes;
        self.merges += other.merges;
        self.requests += other.requests;
        self.late += other.late;
        self.exhausted += other.exhausted;
        self.edits += other.edits;
        self.faultless += other.faultless;
        self.seen.add(&other.seen);
    }

    /// One line of what happened, and a table of what was seen how often.
    pub fn figures(&self) -> String {
        let Told { events, crashes, merges, requests, late, edits, faultless, seen, .. } = self;
        format!(
            "{events} events, {crashes} crashes, {merges} merges, {requests} requests ({edits} changed the plan), \
             {late} events told twice or too late, {faultless} runs without a fault\n{seen}"
        )
    }

    pub fn assert_that_much_happened(&self, runs: u64) {
        let runs = runs as usize;
        assert!(self.events > runs * 50 && self.crashes > runs && self.merges > runs * 3, "{self:?}");
        assert!(self.requests > runs && self.late > runs && self.faultless * 12 > runs, "{self:?}");
        assert!(self.exhausted * 20 > runs && self.edits > runs, "{self:?}");
        let missing = self.seen.missing();
        assert!(runs < 500 || missing.is_empty(), "never seen: {missing:?}\n{}", self.seen);
    }
}

/// A run and all around it.
pub struct Simulation {
    chance: Chance,
    scenario: Scenario,
    state: State,
    log: Vec<(Event, Timestamp)>,
    /// How it was when a server died, and how long the log was then.
    lived: Vec<(usize, State)>,
    began: Timestamp,
    now: Timestamp,
    world: Executor,
    reference: Reference,
    told: Told,
    /// Whether every event is printed, with what came of it.
    trace: bool,
}

impl Simulation {
    /// The run of a seed, begun.
    pub fn new(seed: u64) -> Simulation {
        let mut chance = Chance::new(seed);
        let scenario = Scenario::random(&mut chance);
        let now = Timestamp(1_000);
        let (state, effects) = engine::start(&scenario.start, now);
        let mut world = Executor::new(scenario.start.base.clone(), scenario.plan.clone());
        let mut reference = Reference::new(&scenario.start);
        reference.learn(state.tasks.values().map(|task| &task.spec));
        let started = Event::Run(RunEvent::Started(Box::new(scenario.start.clone())));
        reference.watch(&started, &effects, false, &world);
        world.take(effects);
        let (log, lived, told) = (Vec::new(), Vec::new(), Told::default());
        let trace = std::env::var_os("LOOPMON_SEED").is_some();
        Simulation { chance, scenario, state, log, lived, began: now, now, world, reference, told, trace }
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Told {
        for _ in 0..self.scenario.turbulent {
            self.anything();
        }
        let untroubled = self.scenario.faults == 0;
        self.drain();
        self.assert_rest();
        assert!(engine::snapshot(&self.state, "p", self.now).resting);
        while self.person_sees_to_it() {
            self.drain();
            self.assert_rest();
            assert!(self.log.len() < PATIENCE, "the run does not come to an end");
        }
        self.assert_end(untroubled);
        self.told.events = self.log.len();
        self.told.merges = self.reference.merges;
        self.told.faultless = usize::from(untroubled);
        self.told
    }

    fn anything(&mut self) {
        let faults = self.scenario.faults;
        if faults == 0 {
            return self.carry_out(0);
        }
        match self.chance.below(100) {
            0..58 => self.carry_out(faults),
            58..66 => self.do_untold(faults),
            66..72 => self.too_late(faults),
            72..80 => self.while_it_works(),
            80..93 => self.request(),
            _ => self.crash(),
        }
    }

    /// Something happens: durable, then taken in, then judged; then its effects go out, unless a crash comes between.
    fn happen(&mut self, event: Event) {
        let over = task_of(&event)
            .and_then(|id| self.state.tasks.get(id))
            .is_some_and(|task| task.phase.is_terminal());
        self.now = self.now.plus(self.chance.below(20));
        self.told.seen.event(&event);
        self.log.push((event.clone(), self.now));
        let effects = engine::update(&mut self.state, &event, self.now);
        if self.trace {
            println!("{} {event:?}", self.state.seq);
            effects.iter().for_each(|effect| println!("    {} {:?}", effect.id, effect.kind));
        }
        self.reference.learn(self.state.tasks.values().map(|task| &task.spec));
        self.reference.watch(&event, &effects, over, &self.world);
        self.reference.compare_in_flight(&self.state.in_flight);
        self.world.take(effects);
        self.world.held.retain(|id, _| self.state.in_flight.contains_key(id));
        self.assert_sense();
    }

    /// One effect in flight is carried out, and its end is told.
    fn carry_out(&mut self, faults: u64) {
        let held: Vec<EffectId> = self.world.held.keys().copied().collect();
        let Some(effect) = self.chance.pick(&held).copied() else { return };
        if let EffectKind::StartTimer { until } = &self.world.held[&effect] {
            self.now = self.now.max(*until);
        }
        let event = self.world.carry_out(effect, faults, &mut self.chance, self.now);
        self.happen(event);
    }

    /// One effect in flight is carried out, and its end is not told yet: a crash may lose it.
    fn do_untold(&mut self, faults: u64) {
        let held = self.world.held.iter().filter(|(id, kind)| {
            !self.world.untold.contains_key(id) && !matches!(kind, EffectKind::StartTimer { .. })
        });
        let held: Vec<(EffectId, EffectKind)> = held.map(|(id, kind)| (*id, kind.clone())).collect();
        let Some((effect, kind)) = self.chance.pick(&held).cloned() else { return };
        let event = self.world.completion(effect, &kind, faults, &mut self.chance, self.now);
        self.world.untold.insert(effect, event);
    }

    /// The end of something that had ended already, told again or told differently: nothing may come of it.
    fn too_late(&mut self, faults: u64) {
        let Some((effect, kind)) = self.chance.pick(&self.reference.completed).cloned() else { return };
        if matches!(
            kind,
            EffectKind::CommitWork { .. }
                | EffectKind::AdvanceIntegration { .. }
                | EffectKind::BuildMerge { .. }
        ) {
            return self.told_twice();
        }
        let event = self.world.completion(effect, &kind, faults, &mut self.chance, self.now);
        self.happen_in_vain(event);
    }

    fn told_twice(&mut self) {
        let ends = |event: &&(Event, Timestamp)| {
            !matches!(
                event.0,
                Event::Person(_)
                    | Event::Run(RunEvent::Recovered { .. })
                    | Event::Step(StepEvent::Used { .. })
            )
        };
        let past: Vec<Event> =
            self.log.iter().rev().take(30).filter(ends).map(|(event, _)| event.clone()).collect();
        let Some(event) = self.chance.pick(&past).cloned() else { return };
        let completes =
            completed_by(&event).is_some_and(|effect| !self.state.in_flight.contains_key(&effect));
        if completes {
            self.happen_in_vain(event);
        }
    }

    fn happen_in_vain(&mut self, event: Event) {
        let mut before = self.state.clone();
        let flying = self.world.held.len();
        let words = format!("{event:?}");
        self.happen(event);
        before.seq = self.state.seq;
        assert!(before == self.state && flying == self.world.held.len(), "something came of {words}");
        self.told.late += 1;
    }

    /// An agent at work tells something.
    fn while_it_works(&mut self) {
        let agents: Vec<EffectId> = self
            .world
            .held
            .iter()
            .filter(|(_, kind)| matches!(kind, EffectKind::RunStep { .. }))
            .map(|(id, _)| *id)
            .collect();
        let Some(effect) = self.chance.pick(&agents).copied() else { return };
        let status = |state| AgentStatus { state, message: String::new(), source: StatusSource::Stream };
        let event = match self.chance.below(9) {
            0 => StepEvent::Spawned { effect, session: format!("r-{effect}").as_str().into(), pid: 1 },
            1 => StepEvent::SessionSeen { effect, resume: format!("s-{effect}") },
            2 if self.chance.percent(50) => StepEvent::SessionGone { effect },
            2 => StepEvent::Unsaid { effect, words: vec!["and this".to_owned()] },
            6..9 => {
                let cost_micros = self.chance.below(300);
                StepEvent::Used {
                    effect,
                    usage: Usage { cost_micros, input_tokens: 1, output_tokens: 1, ..Usage::default() },
                }
            }
            3 => {
                let asks = AgentState::Blocked(BlockedKind::Permission);
                StepEvent::StatusChanged { effect, status: status(asks) }
            }
            4 => StepEvent::Stalled { effect },
            _ => StepEvent::Progressed { effect },
        };
        self.happen(Event::Step(event));
    }

    /// A person asks for anything.
    fn request(&mut self) {
        let Some(task) = self.chance.pick(&self.state.order).cloned() else {
            return self.request_of_the_run();
        };
        let sessions: Vec<EffectId> = self.state.sessions.keys().copied().collect();
        let session = self.chance.pick(&sessions).copied().unwrap_or_default();
        let words = "because".to_owned();
        let command = match self.chance.below(32) {
            0..4 => Command::Approve(task),
            4..6 => Command::Reject(task, words),
            6..10 => Command::Retry(task),
            10..13 => Command::Pause(task),
            13..16 => Command::Resume(task),
            16 => Command::Prompt(task, words),
            17 if self.chance.percent(30) => Command::Cancel(task),
            18 => Command::Interrupt(session),
            19 => Command::Restart(session),
            24..32 => return self.change_the_plan(task),
            20 => Command::Rewind(task, 1 + self.chance.below(3) as u32),
            _ => return self.request_of_the_run(),
        };
        self.ask(command);
    }

    /// A person changes what is not done yet.
    fn change_the_plan(&mut self, task: TaskId) {
        let tasks = self.state.order.clone();
        let number = tasks.len();
        let other = self.chance.pick(&tasks).cloned().unwrap_or_default();
        let words = format!("said at {}", self.log.len());
        let spec = self.state.tasks[&task].spec.clone();
        let part =
            |number| PlanTask { id: TaskId(format!("t{number}")), title: words.clone(), ..spec.clone() };
        let fields =
            |fields| Command::Edit(Box::new(PlanEdit::of_task(TaskEdit { task: task.clone(), fields })));
        let numbers: Vec<u32> =
            self.state.tasks[&task].findings.iter().map(|finding| finding.number).collect();
        let number_of_one = self.chance.pick(&numbers).copied().unwrap_or(1);
        let command = match self.chance.below(17) {
            12..15 => Command::Comment { task, file: "a.rs".to_owned(), line: 3, text: words },
            15..17 => Command::Dismiss(task, number_of_one, words),
            0..2 => fields(vec![Field::Description(words)]),
            2 => fields(vec![Field::Acceptance(vec![words.clone()]), Field::Title(words)]),
            3..5 => {
                let ids = tasks.iter().filter(|_| self.chance.percent(20)).cloned().collect();
                fields(vec![Field::DependsOn(ids)])
            }
            5 => fields(vec![Field::Human(!spec.human)]),
            6 => fields(vec![Field::Agent((!self.chance.percent(50)).then(|| "pam".into()))]),
            7 => {
                let order = tasks.iter().rev().filter(|_| self.chance.percent(60)).cloned().collect();
                Command::Edit(Box::new(PlanEdit { order, ..PlanEdit::default() }))
            }
            8 if self.chance.percent(40) => {
                let dropped = vec![task.clone()];
                Command::Edit(Box::new(PlanEdit {
                    dropped,
                    added: vec![part(number)],
                    ..PlanEdit::default()
                }))
            }
            9 if number < 14 => {
                Command::Split(task.clone(), vec![spec.clone(), part(number), part(number + 1)])
            }
            10 => Command::Join(vec![task, other]),
            _ => Command::Join(vec![other, task]),
        };
        self.told.edits += usize::from(self.ask(command));
    }

    fn request_of_the_run(&mut self) {
        let number = self.state.tasks.len();
        let extra = PlanTask {
            id: TaskId(format!("t{number}")),
            title: "more".to_owned(),
            depends_on: self.chance.pick(&self.state.order).cloned().into_iter().collect(),
            ..PlanTask::default()
        };
        let command = match self.chance.below(12) {
            0..2 => Command::PauseRun,
            2..5 => Command::ResumeRun,
            5 => Command::SetBudget(self.chance.below(2_000)),
            6 if self.chance.percent(30) => Command::Stop,
            7 => Command::Land,
            8 => Command::UndoLand,
            9 if number < 14 => Command::Add(Box::new(extra)),
            10 => Command::RejectPlan("other tasks".to_owned()),
            _ => Command::AcceptPlan(self.scenario.plan.clone()),
        };
        self.ask(command);
    }

    fn ask(&mut self, command: Command) -> bool {
        match engine::decide(&self.state, &command) {
            Ok(event) => {
                self.told.requests += 1;
                self.happen(Event::Person(event));
                true
            }
            Err(refusal) => {
                assert!(!refusal.0.is_empty());
                false
            }
        }
    }

    /// The server dies and another takes the log up: that it gives the same state is seen in the end, for all crashes.
    fn crash(&mut self) {
        self.told.crashes += 1;
        self.lived.push((self.log.len(), self.state.clone()));
        self.world.crash();
        self.happen(Event::Run(RunEvent::Recovered { reattached: vec![], ended: vec![], lost: vec![] }));
    }

    /// All that is in flight ends well.
    fn drain(&mut self) {
        while !self.world.held.is_empty() {
            self.carry_out(0);
            assert!(self.log.len() < PATIENCE, "effects without end");
        }
    }

    /// A person who answers what waits; whether anything did.
    fn person_sees_to_it(&mut self) -> bool {
        let mut acted = false;
        if self.state.policy.budget_micros > 0 {
            acted |= self.ask(Command::SetBudget(0));
        }
        let used = self.state.run.usage;
        let tokens = self.state.policy.limits.run_tokens;
        if self.state.run.out_of_time || (tokens > 0 && used.input_tokens + used.output_tokens >= tokens) {
            let mut policy = self.state.policy.clone();
            (policy.limits.run_ms, policy.limits.run_tokens) = (0, 0);
            self.happen(Event::Run(RunEvent::PolicyChanged(Box::new(policy))));
            acted = true;
        }
        acted |= self.ask(Command::ResumeRun);
        for id in self.state.order.clone() {
            acted |= self.ask(Command::Resume(id));
        }
        for row in attention::rows(&self.state) {
            if self.answer(row.task, &row.verbs) {
                acted = true;
                self.drain();
            }
        }
        acted
    }

    fn answer(&mut self, task: Option<TaskId>, verbs: &[Verb]) -> bool {
        let plan: Plan = self.scenario.plan.clone();
        for verb in verbs {
            let command = match (verb, &task) {
                (Verb::AcceptPlan, _) => Command::AcceptPlan(plan.clone()),
                (Verb::Approve, Some(id)) => Command::Approve(id.clone()),
                (Verb::Retry, Some(id)) => Command::Retry(id.clone()),
                (Verb::Cancel, Some(id)) => {
                    self.told.exhausted += 1;
                    Command::Cancel(id.clone())
                }
                (Verb::ResumeRun, _) => Command::ResumeRun,
                _ => continue,
            };
            if self.ask(command) {
                return true;
            }
        }
        false
    }

    /// What is at an end is held by nothing; a place is for work.
    fn assert_sense(&self) {
        assert!(self.state.tasks.agree(), "what is kept of all tasks is not what a look at each finds");
        for task in self.state.tasks.values() {
            let id = &task.spec.id;
            assert!(!task.placed || task.phase.is_working(), "{id}: {:?}", task.phase);
            assert_eq!(self.state.order.get(task.position), Some(id), "its position in the plan");
            assert!(
                !task.phase.is_terminal() || task.hold.is_none(),
                "{id}: {:?} {:?}",
                task.phase,
                task.hold
            );
        }
    }

    /// Nothing is in flight: whoever is not at an end waits for a person, or for somebody who does.
    fn assert_rest(&mut self) {
        self.told.seen.rest(&self.state);
        let state = &self.state;
        assert!(state.in_flight.is_empty(), "{:?}", state.in_flight);
        let rows = attention::rows(state);
        let held = state.run.paused
            || state.run.stage == Stage::Stopped
            || rows.iter().any(|row| row.task.is_none());
        for task in state.tasks.values().filter(|task| !task.phase.is_terminal()) {
            let waits = attention::has_row(&rows, &task.spec.id) || task.hold == Some(Hold::Paused);
            let behind = task.phase == Phase::Blocked
                && task.spec.depends_on.iter().any(|id| state.tasks[id].phase != Phase::Done);
            if let Some(Hold::NeedsAttention(AttentionReason::DependencyFailed(on))) = &task.hold {
                let lost = state.tasks[on].is_over() && state.tasks[on].phase != Phase::Done;
                assert!(held || lost, "{} waits for {on}, which came back", task.spec.id);
            }
            assert!(
                held || waits || behind,
                "{} waits for nobody: {:?} {:?}",
                task.spec.id,
                task.phase,
                task.hold
            );
        }
    }

    /// The state that the log gives is the one that lived, at each crash and in the end.
    fn assert_replay(&self) {
        let (mut state, _) = engine::start(&self.scenario.start, self.began);
        let mut lived = self.lived.iter().peekable();
        for (length, (event, at)) in self.log.iter().enumerate() {
            while let Some((_, then)) = lived.next_if(|(then, _)| *then == length) {
                assert!(state == *then, "the state replayed from {length} events is another");
            }
            drop(engine::update(&mut state, event, *at));
        }
        assert!(lived.next().is_none() && state == self.state, "the replayed state is another");
    }

    /// All is merged or given up, each once, and the log alone tells the same.
    fn assert_end(&self, untroubled: bool) {
        let state = &self.state;
        self.assert_replay();
        if state.run.stage == Stage::Working {
            assert!(!state.tasks.is_empty() && state.run.ended.is_some());
        }
        for task in state.tasks.values() {
            let over = matches!(task.phase, Phase::Done | Phase::Cancelled);
            assert!(over && (!untroubled || task.phase == Phase::Done), "{}: {:?}", task.spec.id, task.phase);
            assert!(!task.work.prepared, "the worktree of {} is left", task.spec.id);
        }
        assert!(!untroubled || (state.is_complete() && state.tasks.len() == self.scenario.plan.tasks.len()));
        let done: BTreeMap<TaskId, usize> = state
            .tasks
            .values()
            .filter(|task| task.phase == Phase::Done)
            .map(|task| (task.spec.id.clone(), 1))
            .collect();
        assert_eq!(self.world.merges(), done, "what is on the branch is what is done");
        let tip: Option<Oid> = self.world.integration.clone();
        assert_eq!(state.run.tip, tip.filter(|_| state.run.tip.is_some()), "the tip is where the branch is");
    }
}

fn task_of(event: &Event) -> Option<&TaskId> {
    match event {
        Event::Person(PersonEvent::Retried { task }) => Some(task),
        _ => None,
    }
}

/// The effect that an event completes.
fn completed_by(event: &Event) -> Option<EffectId> {
    use loopmon::model::event::{GateEvent, MergeEvent, SetupEvent, WorkEvent};
    match event {
        Event::Step(StepEvent::Ended { effect, .. } | StepEvent::Controlled { effect, .. })
        | Event::Timer(effect)
        | Event::Gate(GateEvent::Finished { effect, .. } | GateEvent::Broken { effect, .. })
        | Event::Setup(
            SetupEvent::Finished { effect, .. }
            | SetupEvent::Failed { effect, .. }
            | SetupEvent::Broken { effect, .. },
        ) => Some(*effect),
        Event::Work(
            WorkEvent::Prepared { effect, .. }
            | WorkEvent::Gone { effect }
            | WorkEvent::Committed { effect, .. }
            | WorkEvent::Unresolved { effect, .. }
            | WorkEvent::Removed { effect, .. }
            | WorkEvent::Reset { effect, .. }
            | WorkEvent::Failed { effect, .. },
        ) => Some(*effect),
        Event::Merge(
            MergeEvent::CandidateBuilt { effect, .. }
            | MergeEvent::Conflicted { effect, .. }
            | MergeEvent::Foreseen { effect, .. }
            | MergeEvent::Staged { effect, .. }
            | MergeEvent::Advanced { effect, .. }
            | MergeEvent::Lost { effect, .. }
            | MergeEvent::Failed { effect, .. },
        ) => Some(*effect),
        Event::Run(_)
        | Event::Person(_)
        | Event::Gate(GateEvent::Spawned { .. })
        | Event::Setup(SetupEvent::Spawned { .. })
        | Event::Step(_) => None,
    }
}
