//! The world outside the engine: it holds effects back, carries them out in its own order, well or badly, and remembers
//! what was really done: commits, the integration branch, merges.

use std::collections::{BTreeMap, BTreeSet};

use loopmon::engine::{ControlAction, Effect, EffectKind};
use loopmon::model::event::{
    Change, Conflict, GateEvent, MergeEvent, Overlap, RunEvent, SetupEvent, StepEvent, WorkEvent,
};
use loopmon::model::verdict::Remark;
use loopmon::model::{
    CheckChange, ChecksOf, EffectId, Event, FailureKind, GateResult, HowChanged, Oid, Plan, SetupLine,
    Severity, StepKind, StepOutcome, TaskId, Timestamp, Verdict, Vote,
};

use crate::chance::Chance;

/// The world.
pub struct Executor {
    /// Asked for and not told done.
    pub held: BTreeMap<EffectId, EffectKind>,
    /// Done, and not told yet: a crash loses the telling.
    pub untold: BTreeMap<EffectId, Event>,
    /// Where the integration branch really is.
    pub integration: Option<Oid>,
    /// The plan that a planner returns in the end.
    pub plan: Plan,
    parents: BTreeMap<Oid, Vec<Oid>>,
    /// The merge commit of (onto, tip, date), and of which task: building it again gives the same.
    built: BTreeMap<(Oid, Oid, i64), (Oid, TaskId)>,
    tips: BTreeMap<TaskId, Oid>,
    /// The trees of commits.
    trees: BTreeMap<Oid, Oid>,
    ending: BTreeSet<EffectId>,
    commits: u32,
}

impl Executor {
    /// A world with one commit.
    pub fn new(base: Oid, plan: Plan) -> Executor {
        Executor {
            held: BTreeMap::new(),
            untold: BTreeMap::new(),
            integration: None,
            plan,
            parents: BTreeMap::from([(base, Vec::new())]),
            built: BTreeMap::new(),
            tips: BTreeMap::new(),
            trees: BTreeMap::new(),
            ending: BTreeSet::new(),
            commits: 0,
        }
    }

    /// Takes effects to be carried out some time.
    pub fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.held.insert(effect.id, effect.kind);
        }
    }

    /// The server dies: what was not told is forgotten, what was asked will be asked again.
    pub fn crash(&mut self) {
        self.held.clear();
        self.untold.clear();
    }

    /// Carries one out; the event that completes it, which is told now or later.
    pub fn carry_out(&mut self, effect: EffectId, faults: u64, chance: &mut Chance, now: Timestamp) -> Event {
        let Some(kind) = self.held.remove(&effect) else { unreachable!("{effect} is not held") };
        if let Some(event) = self.untold.remove(&effect) {
            return event;
        }
        self.completion(effect, &kind, faults, chance, now)
    }

    /// An event that would complete this effect.
    pub fn completion(
        &mut self,
        effect: EffectId,
        kind: &EffectKind,
        faults: u64,
        chance: &mut Chance,
        now: Timestamp,
    ) -> Event {
        let bad = chance.percent(faults);
        let error = "chance had it so".to_owned();
        match kind {
            EffectKind::CreateIntegration { .. } if bad => {
                Event::Run(RunEvent::IntegrationFailed { effect, error })
            }
            EffectKind::CreateIntegration { at, .. } => {
                let oid = self.integration.get_or_insert_with(|| at.clone()).clone();
                Event::Run(RunEvent::IntegrationReady { effect, oid })
            }
            EffectKind::PrepareWork { .. } | EffectKind::RemoveWork { .. } | EffectKind::ResetWork { .. }
                if bad =>
            {
                Event::Work(WorkEvent::Failed { effect, error })
            }
            EffectKind::PrepareWork { base, .. } => {
                let lines = if chance.percent(50) { 0 } else { 1 + chance.below(2) };
                let line = |number| SetupLine { line: format!("setup {number}"), timeout_ms: 1 };
                let setup = (0..lines).map(line).collect();
                Event::Work(WorkEvent::Prepared { effect, base: base.clone(), setup })
            }
            EffectKind::RunSetup { .. } => self.setup(effect, bad, chance),
            EffectKind::RemoveWork { .. } => Event::Work(WorkEvent::Removed { effect, kept: None }),
            EffectKind::ResetWork { task, to } => {
                self.tips.insert(task.clone(), to.clone());
                Event::Work(WorkEvent::Reset { effect, kept: Vec::new() })
            }
            EffectKind::CommitWork { task, base, merging, conflicted, .. } => {
                let event = self.commit(effect, task, base, merging.as_ref(), conflicted, bad, chance);
                if faults > 0 { touched(event, chance) } else { event }
            }
            // Somebody took its worktree away.
            EffectKind::RunStep { brief, .. }
                if bad && matches!(brief.step, StepKind::Implement | StepKind::Fix) && chance.percent(10) =>
            {
                Event::Work(WorkEvent::Gone { effect })
            }
            EffectKind::RunStep { brief, .. } => {
                let outcome = self.outcome(effect, brief.step, bad, chance, now);
                Event::Step(StepEvent::Ended { effect, outcome })
            }
            EffectKind::RunGate { gate, oid, checks, .. } => {
                self.gate(effect, &gate.name, oid, checks.as_ref(), bad, chance)
            }
            EffectKind::BuildMerge { task, onto, tip, date, .. } => {
                Event::Merge(self.build(effect, task, onto, tip, date.0, bad, chance))
            }
            EffectKind::Foresee { .. } if bad && chance.percent(30) => {
                Event::Merge(MergeEvent::Failed { effect, error })
            }
            EffectKind::Foresee { onto, beside, .. } => {
                let files = || vec![Conflict { path: "lib.rs".to_owned(), hunks: format!("<<< {onto}") }];
                let conflicts = if bad && chance.percent(50) { files() } else { Vec::new() };
                let overlap =
                    |(task, _): &(TaskId, Oid)| Overlap { task: task.clone(), files: files(), more: 0 };
                let overlaps = beside.iter().filter(|_| chance.percent(20)).map(overlap).collect();
                Event::Merge(MergeEvent::Foreseen { effect, files: conflicts, overlaps })
            }
            EffectKind::StageMerge { .. } if bad => Event::Merge(MergeEvent::Failed { effect, error }),
            EffectKind::StageMerge { onto, .. } => {
                Event::Merge(MergeEvent::Staged { effect, onto: onto.clone() })
            }
            EffectKind::AdvanceIntegration { old, new, .. } => {
                Event::Merge(self.advance(effect, old, new, bad, chance))
            }
            EffectKind::Control { target, action } => {
                if *action == ControlAction::End {
                    self.ending.insert(*target);
                }
                Event::Step(StepEvent::Controlled { effect, error: bad.then_some(error) })
            }
            EffectKind::StartTimer { .. } => Event::Timer(effect),
            EffectKind::Land { .. } | EffectKind::UndoLand { .. } if bad => {
                Event::Run(RunEvent::LandRefused { effect, reason: error })
            }
            EffectKind::Land { to, .. } => {
                Event::Run(RunEvent::Landed { effect, from: "base".into(), to: to.clone() })
            }
            EffectKind::UndoLand { .. } => Event::Run(RunEvent::LandUndone { effect }),
        }
    }

    /// Whether a commit has another in its history.
    pub fn descends(&self, from: &Oid, ancestor: &Oid) -> bool {
        let (mut seen, mut frontier) = (BTreeSet::new(), vec![from]);
        while let Some(oid) = frontier.pop() {
            if oid == ancestor {
                return true;
            }
            if seen.insert(oid) {
                frontier.extend(self.parents.get(oid).into_iter().flatten());
            }
        }
        false
    }

    /// How often each task's merge is in the history of the integration branch.
    pub fn merges(&self) -> BTreeMap<TaskId, usize> {
        let mut found = BTreeMap::new();
        let Some(tip) = &self.integration else { return found };
        for (commit, task) in self.built.values() {
            if self.descends(tip, commit) {
                *found.entry(task.clone()).or_default() += 1;
            }
        }
        found
    }

    fn fresh(&mut self, prefix: &str, parents: Vec<Oid>) -> Oid {
        self.commits += 1;
        let oid = Oid(format!("{prefix}{}", self.commits));
        self.parents.insert(oid.clone(), parents);
        oid
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one effect")]
    fn commit(
        &mut self,
        effect: EffectId,
        task: &TaskId,
        base: &Oid,
        merging: Option<&Oid>,
        conflicted: &[String],
        bad: bool,
        chance: &mut Chance,
    ) -> Event {
        let tip = self.tips.get(task).cloned();
        let sort = if bad { chance.below(4) } else { 9 };
        let event = match sort {
            0 => WorkEvent::Failed { effect, error: "index.lock".to_owned() },
            1 if !conflicted.is_empty() => WorkEvent::Unresolved { effect, files: conflicted.to_vec() },
            // The agent changed nothing: the branch stays where it was.
            2 if merging.is_none() => {
                let oid = tip.unwrap_or_else(|| base.clone());
                let change = Change { files: u32::from(oid != *base), ..Change::default() };
                committed(effect, oid, change)
            }
            _ => {
                let parents = tip.into_iter().chain([base.clone()]).chain(merging.cloned()).collect();
                let oid = self.fresh("c", parents);
                committed(effect, oid, Change { files: 1, ..Change::default() })
            }
        };
        let mut event = event;
        if let WorkEvent::Committed { oid, tree, .. } = &mut event {
            self.tips.insert(task.clone(), oid.clone());
            *tree =
                Some(self.trees.entry(oid.clone()).or_insert_with(|| Oid(format!("tree of {oid}"))).clone());
        }
        Event::Work(event)
    }

    fn outcome(
        &mut self,
        effect: EffectId,
        step: StepKind,
        bad: bool,
        chance: &mut Chance,
        now: Timestamp,
    ) -> StepOutcome {
        if self.ending.contains(&effect) && chance.percent(90) {
            return StepOutcome::Cancelled;
        }
        let failed = |failure| StepOutcome::Failed { failure, message: "chance had it so".to_owned() };
        // Most of what reviewers do that is bad for the work is to ask for changes.
        let sorts = if step == StepKind::Review { 20 } else { 10 };
        let sort = if bad { chance.below(sorts) } else { 99 };
        match (sort, step) {
            (0, _) => failed(FailureKind::Infrastructure),
            (1, _) => failed(FailureKind::Authentication),
            (2, _) => failed(FailureKind::Configuration),
            (3, _) => {
                let until = chance.percent(50).then(|| now.plus(chance.below(500)));
                failed(FailureKind::Quota { until })
            }
            (4, _) => StepOutcome::TimedOut,
            (5, _) => StepOutcome::Lost,
            (6, _) => StepOutcome::Invalid { errors: vec!["unclear".to_owned()] },
            (7, StepKind::Review) => StepOutcome::worked("what review?".to_owned()),
            (7, _) => StepOutcome::Cancelled,
            (_, StepKind::Review) => StepOutcome::Reviewed { verdict: verdict(bad, chance) },
            (_, StepKind::Plan) => StepOutcome::Planned { plan: self.planned(bad) },
            (8, StepKind::Implement | StepKind::Fix) => {
                StepOutcome::Worked { summary: String::new(), disputed: vec!["a test is wrong".to_owned()] }
            }
            (_, StepKind::Implement | StepKind::Fix) => StepOutcome::worked("did it"),
        }
    }

    fn planned(&self, bad: bool) -> Plan {
        let mut plan = self.plan.clone();
        if let Some(task) = plan.tasks.first_mut().filter(|_| bad) {
            task.depends_on.push("nowhere".into());
        }
        plan
    }

    fn setup(&mut self, effect: EffectId, bad: bool, chance: &mut Chance) -> Event {
        let error = "chance had it so".to_owned();
        Event::Setup(if self.ending.contains(&effect) || (bad && chance.percent(50)) {
            SetupEvent::Broken { effect, error }
        } else if bad {
            SetupEvent::Failed { effect, error }
        } else {
            SetupEvent::Finished { effect, duration_ms: 1 }
        })
    }

    fn gate(
        &mut self,
        effect: EffectId,
        gate: &str,
        oid: &Oid,
        checks: Option<&ChecksOf>,
        bad: bool,
        chance: &mut Chance,
    ) -> Event {
        if self.ending.contains(&effect) || (bad && chance.percent(20)) {
            return Event::Gate(GateEvent::Broken { effect, error: "it was ended".to_owned() });
        }
        let result = GateResult {
            gate: gate.to_owned(),
            oid: oid.clone(),
            code: Some(i32::from(bad)),
            timed_out: bad && chance.percent(20),
            duration_ms: 1,
            log: String::new(),
            checks_of: checks.map(|checks| checks.at.clone()),
            ..GateResult::default()
        };
        Event::Gate(GateEvent::Finished { effect, result })
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one effect")]
    fn build(
        &mut self,
        effect: EffectId,
        task: &TaskId,
        onto: &Oid,
        tip: &Oid,
        date: i64,
        bad: bool,
        chance: &mut Chance,
    ) -> MergeEvent {
        if bad && chance.percent(30) {
            return MergeEvent::Failed { effect, error: "object missing".to_owned() };
        }
        if bad {
            let files = vec![Conflict { path: "a.rs".to_owned(), hunks: "<<<<".to_owned() }];
            return MergeEvent::Conflicted { effect, onto: onto.clone(), files };
        }
        let key = (onto.clone(), tip.clone(), date);
        let commit = match self.built.get(&key) {
            Some((commit, _)) => commit.clone(),
            None => {
                let commit = self.fresh("m", vec![onto.clone(), tip.clone()]);
                self.built.insert(key, (commit.clone(), task.clone()));
                commit
            }
        };
        // Nothing but this task's work came since: the merge has its tree.
        let tree = if self.descends(tip, onto) {
            self.trees.get(tip).cloned()
        } else {
            Some(Oid(format!("tree of {commit}")))
        };
        self.trees.extend(tree.clone().map(|tree| (commit.clone(), tree)));
        MergeEvent::CandidateBuilt { effect, commit, onto: onto.clone(), tree }
    }

    /// Compare and swap; somebody else may have been faster.
    fn advance(
        &mut self,
        effect: EffectId,
        old: &Oid,
        new: &Oid,
        bad: bool,
        chance: &mut Chance,
    ) -> MergeEvent {
        let Some(tip) = self.integration.clone() else { unreachable!("a merge without a branch") };
        if bad && chance.percent(30) {
            // It may have moved all the same: nobody lived to see it.
            if tip == *old && chance.percent(50) {
                self.integration = Some(new.clone());
            }
            return MergeEvent::Failed { effect, error: "no lock".to_owned() };
        }
        let tip = if bad {
            let moved = self.fresh("x", vec![tip]);
            self.integration = Some(moved.clone());
            moved
        } else {
            tip
        };
        if tip == *old {
            self.integration = Some(new.clone());
            MergeEvent::Advanced { effect, tip: new.clone() }
        } else if self.descends(&tip, new) {
            MergeEvent::Advanced { effect, tip }
        } else {
            MergeEvent::Lost { effect, tip }
        }
    }
}

/// The work changed a check, perhaps.
fn touched(mut event: Event, chance: &mut Chance) -> Event {
    if let Event::Work(WorkEvent::Committed { checks, .. }) = &mut event
        && chance.percent(15)
    {
        let how = chance.weighted(&[
            (1, HowChanged::Weakened),
            (2, HowChanged::Changed),
            (2, HowChanged::Extended),
        ]);
        let allowed = chance.percent(30);
        checks.push(CheckChange { path: "tests/a".to_owned(), how, allowed });
    }
    event
}

fn committed(effect: EffectId, oid: Oid, change: Change) -> WorkEvent {
    WorkEvent::Committed { effect, oid, change, tree: None, checks: Vec::new(), touched: Vec::new() }
}

fn verdict(bad: bool, chance: &mut Chance) -> Verdict {
    let names = ["the lock leaks", "no test", "wrong name", "slow"];
    let wanted = chance.below(3);
    let remarks = (0..wanted).filter_map(|_| {
        Some(Remark {
            severity: chance.weighted(&[
                (1, Severity::Critical),
                (1, Severity::Major),
                (1, Severity::Minor),
                (1, Severity::Nit),
            ]),
            file: "a.rs".to_owned(),
            line: 1,
            description: (*chance.pick(&names)?).to_owned(),
            suggestion: String::new(),
        })
    });
    let remarks = remarks.collect();
    Verdict { vote: if bad { Vote::RequestChanges } else { Vote::Approve }, summary: String::new(), remarks }
}
