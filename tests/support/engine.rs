//! A world for the engine that is driven by hand: events go in, effects are kept, git always works unless told not to.
//!
//! Each event is also appended to a log, and the log replayed: the replayed state must be the live one, always.

#![allow(dead_code, reason = "each test file uses a part of it")]

use loopmon::engine::{self, Effect, EffectKind, GateTree, State, attention};
use loopmon::model::event::{
    Change, GateEvent, MergeEvent, PersonEvent, RunEvent, RunStart, StepEvent, WorkEvent,
};
use loopmon::model::policy::{Retry, Team};
use loopmon::model::snapshot::AttentionRow;
use loopmon::model::verdict::Remark;
use loopmon::model::{
    Brief, Command, EffectId, Event, GateResult, GateSpec, Oid, Phase, Plan, PlanTask, Policy, Severity,
    StepKind, StepOutcome, TaskId, Timestamp, Verdict, Vote,
};

/// A run and all that has happened to it.
pub struct World {
    pub start: RunStart,
    pub state: State,
    pub log: Vec<(Event, Timestamp)>,
    /// Every effect that was ever asked for, in order.
    pub asked: Vec<Effect>,
    pub now: Timestamp,
    /// Whether the log is replayed after every event.
    pub checked: bool,
    commits: u32,
}

/// A task with the dependencies named.
pub fn task(id: &str, after: &[&str]) -> PlanTask {
    PlanTask {
        id: id.into(),
        title: format!("do {id}"),
        depends_on: after.iter().map(|id| TaskId::from(*id)).collect(),
        ..PlanTask::default()
    }
}

/// A gate of that name.
pub fn gate(name: &str) -> GateSpec {
    GateSpec {
        name: name.to_owned(),
        argv: vec!["check".to_owned()],
        timeout_ms: 60_000,
        ..GateSpec::default()
    }
}

/// One implementer, two reviewers, one gate, a human gate where the plan marks one.
pub fn policy() -> Policy {
    Policy {
        team: Team {
            known: ["ada", "rex", "rio", "pam"].map(Into::into).to_vec(),
            planner: "pam".into(),
            implementer: "ada".into(),
            reviewers: vec!["rex".into(), "rio".into()],
            ..Team::default()
        },
        gates: vec![gate("test")],
        retry: Retry {
            attempts: 3,
            corrections: 3,
            backoff_ms: 1_000,
            backoff_cap_ms: 3_000,
            ..Retry::default()
        },
        ..Policy::default()
    }
}

/// The start of a run with that plan, to be worked on at once.
pub fn run_start(policy: Policy, tasks: Vec<PlanTask>) -> RunStart {
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

/// An approval.
pub fn approval() -> Verdict {
    Verdict { vote: Vote::Approve, summary: "good".to_owned(), remarks: Vec::new() }
}

/// A request for changes with these remarks.
pub fn rejection(remarks: &[&str]) -> Verdict {
    let remarks = remarks.iter().map(|text| remark(Severity::Major, text)).collect();
    Verdict { vote: Vote::RequestChanges, summary: "not yet".to_owned(), remarks }
}

/// A remark on `lib.rs`.
pub fn remark(severity: Severity, text: &str) -> Remark {
    Remark {
        severity,
        file: "lib.rs".to_owned(),
        line: 7,
        description: text.to_owned(),
        suggestion: String::new(),
    }
}

impl World {
    /// A run whose plan is worked on and whose integration branch stands.
    pub fn new(policy: Policy, tasks: Vec<PlanTask>) -> World {
        let mut world = World::begin(run_start(policy, tasks));
        world.git();
        world
    }

    /// A run of one task `a`.
    pub fn of_one(policy: Policy) -> World {
        World::new(policy, vec![task("a", &[])])
    }

    /// A run after its first event.
    pub fn begin(start: RunStart) -> World {
        let now = Timestamp(1_000_000);
        let (state, asked) = engine::start(&start, now);
        World { start, state, log: Vec::new(), asked, now, checked: true, commits: 0 }
    }

    /// Something happens, a millisecond later; the effects it leads to.
    pub fn event(&mut self, event: Event) -> Vec<Effect> {
        self.now = self.now.plus(1);
        let effects = engine::update(&mut self.state, &event, self.now);
        self.log.push((event, self.now));
        self.asked.extend(effects.iter().cloned());
        let same = !self.checked || self.replayed() == self.state;
        assert!(same, "the replayed state is not the live one after {:?}", self.log.last());
        effects
    }

    /// The state that the log alone gives.
    pub fn replayed(&self) -> State {
        let (mut state, _) = engine::start(&self.start, Timestamp(1_000_000));
        for (event, at) in &self.log {
            engine::update(&mut state, event, *at);
        }
        state
    }

    /// A request; the refusal if it is refused.
    pub fn command(&mut self, command: Command) -> Result<Vec<Effect>, String> {
        let event = engine::decide(&self.state, &command).map_err(|refusal| refusal.0)?;
        Ok(self.event(Event::Person(event)))
    }

    /// A request that must be possible.
    pub fn ask(&mut self, command: Command) -> Vec<Effect> {
        let words = format!("{command:?}");
        self.command(command).unwrap_or_else(|why| panic!("{words} was refused: {why}"))
    }

    /// A person's event that no decision made.
    pub fn person(&mut self, event: PersonEvent) -> Vec<Effect> {
        self.event(Event::Person(event))
    }

    pub fn phase(&self, id: &str) -> Phase {
        self.task(id).phase
    }

    pub fn task(&self, id: &str) -> &engine::state::Task {
        &self.state.tasks[&TaskId::from(id)]
    }

    pub fn rows(&self) -> Vec<AttentionRow> {
        attention::rows(&self.state)
    }

    /// The row of a task that needs a person.
    pub fn row(&self, id: &str) -> Option<AttentionRow> {
        self.rows().into_iter().find(|row| row.task == Some(id.into()))
    }

    /// The effect in flight that fits, the oldest first.
    pub fn flying(&self, fits: impl Fn(&EffectKind) -> bool) -> Option<EffectId> {
        self.state.in_flight.iter().find(|(_, kind)| fits(kind)).map(|(id, _)| *id)
    }

    /// Agents of a task at work.
    pub fn agents(&self, id: &str) -> Vec<(EffectId, Brief)> {
        let id = TaskId::from(id);
        let of_task = |kind: &EffectKind| match kind {
            EffectKind::RunStep { task: Some(task), brief, .. } if *task == id => Some((**brief).clone()),
            _ => None,
        };
        self.state.in_flight.iter().filter_map(|(effect, kind)| Some((*effect, of_task(kind)?))).collect()
    }

    /// The only agent of a task, at this step.
    pub fn agent(&self, id: &str, step: StepKind) -> (EffectId, Brief) {
        let agents = self.agents(id);
        let [(effect, brief)] = &agents[..] else { panic!("{id} has {} agents: {agents:?}", agents.len()) };
        assert_eq!(brief.step, step, "{id}");
        (*effect, brief.clone())
    }

    /// The reviewer of a slot.
    pub fn reviewer(&self, id: &str, slot: u32) -> (EffectId, Brief) {
        let found = self
            .agents(id)
            .into_iter()
            .find(|(_, brief)| brief.step == StepKind::Review && brief.slot == slot);
        found.unwrap_or_else(|| panic!("no reviewer {slot} of {id} is at work: {:?}", self.phase(id)))
    }

    /// Sessions of agents that were asked for, of this task and step.
    pub fn spawned(&self, id: &str, step: StepKind) -> usize {
        let id = TaskId::from(id);
        let fits = |effect: &&Effect| matches!(&effect.kind, EffectKind::RunStep { task: Some(task), brief, .. } if *task == id && brief.step == step);
        self.asked.iter().filter(fits).count()
    }

    /// How a step ends.
    pub fn end(&mut self, effect: EffectId, outcome: StepOutcome) -> Vec<Effect> {
        self.event(Event::Step(StepEvent::Ended { effect, outcome }))
    }

    /// What git does is done, and done well, until nothing of it is in flight.
    pub fn git(&mut self) {
        while let Some((effect, kind)) =
            self.state.in_flight.iter().map(|(id, kind)| (*id, kind.clone())).find(|(_, kind)| is_git(kind))
        {
            let event = self.done(effect, &kind);
            self.event(event);
        }
    }

    /// A commit that has not been before.
    pub fn fresh(&mut self, prefix: &str) -> Oid {
        self.commits += 1;
        Oid(format!("{prefix}{}", self.commits))
    }

    /// The event that completes one of git's effects well.
    pub fn done(&mut self, effect: EffectId, kind: &EffectKind) -> Event {
        match kind {
            EffectKind::CreateIntegration { at, .. } => {
                Event::Run(RunEvent::IntegrationReady { effect, oid: at.clone() })
            }
            EffectKind::PrepareWork { base, .. } => {
                Event::Work(WorkEvent::Prepared { effect, base: base.clone(), setup: Vec::new() })
            }
            EffectKind::CommitWork { .. } => self.committed(effect, 1),
            EffectKind::RemoveWork { .. } => Event::Work(WorkEvent::Removed { effect, kept: None }),
            EffectKind::ResetWork { .. } => Event::Work(WorkEvent::Reset { effect, kept: Vec::new() }),
            EffectKind::BuildMerge { onto, .. } => {
                let (commit, onto) = (self.fresh("m"), onto.clone());
                Event::Merge(MergeEvent::CandidateBuilt { effect, commit, onto, tree: None })
            }
            EffectKind::Foresee { .. } => {
                Event::Merge(MergeEvent::Foreseen { effect, files: Vec::new(), overlaps: Vec::new() })
            }
            EffectKind::StageMerge { onto, .. } => {
                Event::Merge(MergeEvent::Staged { effect, onto: onto.clone() })
            }
            EffectKind::AdvanceIntegration { new, .. } => {
                Event::Merge(MergeEvent::Advanced { effect, tip: new.clone() })
            }
            other => panic!("git does not do {other:?}"),
        }
    }

    /// The event of a commit with so many files changed.
    pub fn committed(&mut self, effect: EffectId, files: u32) -> Event {
        let change = Change { files, added: files, removed: 0 };
        let oid = self.fresh("c");
        Event::Work(WorkEvent::Committed {
            effect,
            oid,
            change,
            tree: None,
            checks: Vec::new(),
            touched: Vec::new(),
        })
    }

    /// The implementer or fixer of a task ends well, and its work is committed.
    pub fn work(&mut self, id: &str) {
        self.git();
        let agents = self.agents(id);
        let [(effect, brief)] = &agents[..] else {
            panic!("{id} has {} agents: {:?}", agents.len(), self.phase(id))
        };
        assert!(matches!(brief.step, StepKind::Implement | StepKind::Fix), "{id}: {:?}", brief.step);
        self.end(*effect, worked());
        self.git();
    }

    /// The gate of a task at work.
    pub fn gate(&self, id: &str) -> Option<(EffectId, GateSpec, Oid)> {
        let id = TaskId::from(id);
        self.state.in_flight.iter().find_map(|(effect, kind)| match kind {
            EffectKind::RunGate { task, gate, oid, .. } if *task == id => {
                Some((*effect, gate.clone(), oid.clone()))
            }
            _ => None,
        })
    }

    /// The gate of a task ends; if it failed, it is found to have passed before.
    pub fn gate_ends(&mut self, id: &str, code: i32) {
        self.gate_says(id, code);
        let on_base = |kind: &EffectKind| matches!(kind, EffectKind::RunGate { on: GateTree::Base, .. });
        while code != 0 && self.flying(on_base).is_some() {
            self.gate_says(id, 0);
        }
    }

    /// The same, and nothing more.
    pub fn gate_says(&mut self, id: &str, code: i32) {
        self.git();
        let (effect, gate, oid) =
            self.gate(id).unwrap_or_else(|| panic!("no gate of {id} runs: {:?}", self.phase(id)));
        self.event(gate_result(effect, &gate.name, &oid, code));
        self.git();
    }

    /// The gate of a task can't be run, until a person is asked.
    pub fn gate_breaks(&mut self, id: &str) {
        while let Some((effect, _, _)) = self.gate(id) {
            let error = "no such program".to_owned();
            self.event(Event::Gate(GateEvent::Broken { effect, error }));
        }
    }

    /// Every gate of a task passes.
    pub fn gates_pass(&mut self, id: &str) {
        self.git();
        while self.gate(id).is_some() {
            self.gate_ends(id, 0);
        }
    }

    /// A reviewer votes.
    pub fn vote(&mut self, id: &str, slot: u32, verdict: Verdict) {
        let (effect, _) = self.reviewer(id, slot);
        self.end(effect, StepOutcome::Reviewed { verdict });
    }

    /// Every reviewer of a task approves.
    pub fn all_approve(&mut self, id: &str) {
        for (effect, _) in self.agents(id) {
            self.end(effect, StepOutcome::Reviewed { verdict: approval() });
        }
    }

    /// A task goes from its step to its reviewers.
    pub fn reach_review(&mut self, id: &str) {
        self.work(id);
        self.gates_pass(id);
        assert_eq!(self.phase(id), Phase::Reviewing, "{id}");
    }

    /// A task goes from its step to the approval of its reviewers.
    pub fn reach_approval(&mut self, id: &str) {
        self.reach_review(id);
        self.all_approve(id);
    }

    /// A task goes from its step to its merge.
    pub fn reach_done(&mut self, id: &str) {
        self.reach_approval(id);
        self.gates_pass(id);
        assert_eq!(self.phase(id), Phase::Done, "{id}");
    }

    /// The timer that is due next fires.
    pub fn timer(&mut self) -> Timestamp {
        let due = self.state.in_flight.iter().filter_map(|(effect, kind)| match kind {
            EffectKind::StartTimer { until } => Some((*until, *effect)),
            _ => None,
        });
        let (until, effect) = due.min().unwrap_or_else(|| panic!("no timer runs"));
        self.now = self.now.max(until);
        self.event(Event::Timer(effect));
        until
    }
}

/// An implementer's good end.
pub fn worked() -> StepOutcome {
    StepOutcome::worked("done".to_owned())
}

/// The event of a gate's end.
pub fn gate_result(effect: EffectId, gate: &str, oid: &Oid, code: i32) -> Event {
    let tail = if code == 0 { String::new() } else { format!("{gate} says no to {oid}") };
    let result = GateResult {
        gate: gate.to_owned(),
        oid: oid.clone(),
        code: Some(code),
        timed_out: false,
        duration_ms: 5,
        log: "log".to_owned(),
        tail,
        ..GateResult::default()
    };
    Event::Gate(GateEvent::Finished { effect, result })
}

fn is_git(kind: &EffectKind) -> bool {
    match kind {
        EffectKind::CreateIntegration { .. }
        | EffectKind::PrepareWork { .. }
        | EffectKind::CommitWork { .. }
        | EffectKind::RemoveWork { .. }
        | EffectKind::ResetWork { .. }
        | EffectKind::BuildMerge { .. }
        | EffectKind::Foresee { .. }
        | EffectKind::StageMerge { .. }
        | EffectKind::AdvanceIntegration { .. } => true,
        EffectKind::RunStep { .. }
        | EffectKind::RunSetup { .. }
        | EffectKind::RunGate { .. }
        | EffectKind::Control { .. }
        | EffectKind::StartTimer { .. }
        | EffectKind::Land { .. }
        | EffectKind::UndoLand { .. } => false,
    }
}
