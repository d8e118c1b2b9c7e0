//! The rules of the loop, told by somebody who sees only events and effects.
//!
//! It shares nothing with the engine: no phases, no rounds of its own making. It counts what was asked for and what came
//! of it, and says which effects may never have been asked for.

use std::collections::{BTreeMap, BTreeSet};

use loopmon::engine::{ControlAction, Effect, EffectKind, GateTree};
use loopmon::model::event::{
    GateEvent, MergeEvent, PersonEvent, RunEvent, RunStart, SetupEvent, StepEvent, WorkEvent,
};
use loopmon::model::{
    AgentName, Brief, EffectId, Event, FailureKind, Field, HowChanged, HumanGate, Oid, OnCheckChange,
    PlanEdit, PlanTask, Policy, SetupLine, StepKind, StepOutcome, TaskId, Verdict, Vote,
};

use crate::executor::Executor;

/// What is known of a task.
#[derive(Default)]
struct Known {
    spec: PlanTask,
    tip: Option<Oid>,
    /// The step that worked on it last.
    worked_by: Option<StepKind>,
    /// Rounds that may have begun, and rounds granted beyond the policy's.
    rounds: u32,
    granted: u32,
    /// Votes by commit, round and slot; a slot that was asked and has not voted has none.
    votes: BTreeMap<(Oid, u32), BTreeMap<u32, Option<Vote>>>,
    approved: Option<Oid>,
    taken_over: Option<Oid>,
    paused: bool,
    cancelled: bool,
    merged: Option<Oid>,
    /// Commits that the work was compared with.
    bases: BTreeSet<Oid>,
    /// Whether the tip changes checks that it may not, in files that can be put back or in others.
    changed: Option<bool>,
    /// Whether it adds to some.
    extended: bool,
    /// The tip whose changes to checks a person took.
    accepted: Option<Oid>,
    /// Where its worktree has to be put back to before anybody works there.
    rewind: Option<Oid>,
    /// Lines that have to be run in its worktree before anybody works there; none: nobody may before it was looked at.
    setup: Option<Vec<SetupLine>>,
    /// What people said of it, and whether somebody was told to put it right.
    comments: BTreeMap<String, bool>,
    /// A person let it go on while its agents lived: it needs no place for that.
    resumed_live: bool,
    /// How the last attempt of a step went wrong, by its step and slot: how, and how often since then.
    failures: BTreeMap<(u8, u32), Failed>,
}

/// Failures of one kind, one after the other.
#[derive(Default)]
struct Failed {
    round: u32,
    agent: AgentName,
    how: String,
    times: u32,
}

/// The key of a step's failures.
fn kind_of(brief: &Brief) -> (u8, u32) {
    (brief.step as u8, brief.slot)
}

/// What is known of the run.
pub struct Reference {
    policy: Policy,
    tasks: BTreeMap<TaskId, Known>,
    pub in_flight: BTreeMap<EffectId, EffectKind>,
    /// Completed effects, for events that come too late.
    pub completed: Vec<(EffectId, EffectKind)>,
    last_effect: EffectId,
    passed: BTreeSet<(Oid, String)>,
    failed: BTreeSet<Oid>,
    /// What passed and what failed with the checks of the tree itself.
    proven: BTreeSet<(Oid, String)>,
    broken: BTreeSet<(Oid, String)>,
    trees: BTreeMap<Oid, Oid>,
    /// What was run with the earlier checks.
    put_back: BTreeSet<(Oid, String)>,
    /// The task, its tip and the integration commit of each merge candidate.
    candidates: BTreeMap<Oid, (TaskId, Oid, Oid)>,
    paused: bool,
    stopped: bool,
    ending: BTreeSet<EffectId>,
    spent: u64,
    pub merges: usize,
}

impl Reference {
    /// Before the first event.
    pub fn new(start: &RunStart) -> Reference {
        Reference {
            policy: start.policy.clone(),
            tasks: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            completed: Vec::new(),
            last_effect: EffectId(0),
            passed: BTreeSet::new(),
            failed: BTreeSet::new(),
            proven: BTreeSet::new(),
            broken: BTreeSet::new(),
            trees: BTreeMap::new(),
            put_back: BTreeSet::new(),
            candidates: BTreeMap::new(),
            paused: false,
            stopped: false,
            ending: BTreeSet::new(),
            spent: 0,
            merges: 0,
        }
    }

    /// Something happened, and this is what the engine wants done about it. `over` says whether a task of a request had
    /// come to its end before.
    pub fn watch(&mut self, event: &Event, effects: &[Effect], over: bool, world: &Executor) {
        let working = self.working();
        let again = self.hear(event, over);
        self.judge(effects, &again, &working, world);
    }

    /// Tasks are known from the plan that is worked on.
    pub fn learn<'a>(&mut self, specs: impl Iterator<Item = &'a PlanTask>) {
        for spec in specs {
            if !self.tasks.contains_key(&spec.id) {
                let known = Known { spec: spec.clone(), rounds: 1, ..Known::default() };
                self.tasks.insert(spec.id.clone(), known);
            }
        }
    }

    /// The engine's effects in flight are those that were asked for and not completed. Timers that nothing waits for any
    /// more may be gone.
    pub fn compare_in_flight(&mut self, engine: &BTreeMap<EffectId, EffectKind>) {
        self.in_flight
            .retain(|id, kind| engine.contains_key(id) || !matches!(kind, EffectKind::StartTimer { .. }));
        assert!(self.in_flight == *engine, "in flight: {:?}\nengine: {engine:?}", self.in_flight);
    }

    fn tree(&self, commit: &Oid) -> Oid {
        self.trees.get(commit).unwrap_or(commit).clone()
    }

    /// Each gate has passed on this very commit, or on its tree, or failed before and may.
    fn all_passed(&self, commit: &Oid, before: Option<&Oid>) -> bool {
        self.policy.gates.iter().all(|gate| {
            let key = |oid: Oid| (oid, gate.name.clone());
            let by_tree = !gate.always && self.proven.contains(&key(self.tree(commit)));
            // The tree of a commit may have become known after it was looked at.
            let is_red = |commit: Oid| self.broken.contains(&key(commit));
            let was_red = before.is_some_and(|before| is_red(self.tree(before)) || is_red(before.clone()));
            self.passed.contains(&key(commit.clone()))
                || by_tree
                || (self.policy.checks.tolerate_red && was_red)
        })
    }

    fn over_budget(&self) -> bool {
        self.policy.budget_micros > 0 && self.spent >= self.policy.budget_micros
    }

    /// Tasks that are worked on, those held by a person aside.
    fn working(&self) -> BTreeSet<TaskId> {
        // What is being ended takes no place any more.
        let works = |(id, kind): &(&EffectId, &EffectKind)| is_work(kind) && !self.ending.contains(id);
        let tasks = self.in_flight.iter().filter(works).filter_map(|(_, kind)| kind.task());
        let free = tasks.filter(|id| self.tasks.get(*id).is_some_and(|task| !task.paused && !task.cancelled));
        free.cloned().collect()
    }

    fn complete(&mut self, effect: EffectId) -> Option<EffectKind> {
        let kind = self.in_flight.remove(&effect)?;
        self.completed.push((effect, kind.clone()));
        Some(kind)
    }

    /// Takes the event in; the effects that have to be asked for again because of it.
    fn hear(&mut self, event: &Event, over: bool) -> BTreeSet<EffectId> {
        match event {
            Event::Run(event) => return self.hear_run(event),
            Event::Step(event) => self.hear_step(event),
            Event::Work(event) => self.hear_work(event),
            Event::Setup(event) => self.hear_setup(event),
            Event::Gate(event) => self.hear_gate(event),
            Event::Merge(event) => self.hear_merge(event),
            Event::Person(event) => self.hear_person(event, over),
            Event::Timer(effect) => drop(self.complete(*effect)),
        }
        BTreeSet::new()
    }

    fn hear_run(&mut self, event: &RunEvent) -> BTreeSet<EffectId> {
        match event {
            RunEvent::Started(_) => {}
            RunEvent::PolicyChanged(policy) => self.policy = (**policy).clone(),
            RunEvent::IntegrationReady { effect, .. }
            | RunEvent::IntegrationFailed { effect, .. }
            | RunEvent::Landed { effect, .. }
            | RunEvent::LandRefused { effect, .. }
            | RunEvent::LandUndone { effect } => drop(self.complete(*effect)),
            RunEvent::Recovered { .. } => {
                self.in_flight.retain(|_, kind| !happens_once(kind));
                return self.in_flight.keys().copied().collect();
            }
        }
        BTreeSet::new()
    }

    fn hear_step(&mut self, event: &StepEvent) {
        match event {
            StepEvent::Ended { effect, outcome } => {
                let Some(EffectKind::RunStep { task: Some(id), brief, agent, .. }) = self.complete(*effect)
                else {
                    return;
                };
                let Some(task) = self.tasks.get_mut(&id) else { return };
                // How somebody ends that was told to says nothing of the next.
                if !self.ending.contains(effect) {
                    note_failure(task, &brief, &agent, outcome);
                }
                if let (StepOutcome::Reviewed { verdict }, Some(tip)) = (outcome, brief.tip)
                    && brief.step == StepKind::Review
                    && let Some(vote) = vote(verdict)
                {
                    task.votes.entry((tip, brief.round)).or_default().insert(brief.slot, Some(vote));
                }
            }
            StepEvent::Controlled { effect, .. } => drop(self.complete(*effect)),
            StepEvent::Used { usage, .. } => self.spent += usage.cost_micros,
            StepEvent::Spawned { .. }
            | StepEvent::SessionSeen { .. }
            | StepEvent::SessionGone { .. }
            | StepEvent::Unsaid { .. }
            | StepEvent::StatusChanged { .. }
            | StepEvent::Stalled { .. }
            | StepEvent::Progressed { .. } => {}
        }
    }

    fn hear_work(&mut self, event: &WorkEvent) {
        match event {
            WorkEvent::Prepared { effect, setup, base } => {
                let task = self.complete(*effect).and_then(|kind| kind.task().cloned());
                if let Some(task) = task.and_then(|id| self.tasks.get_mut(&id)) {
                    task.setup = Some(setup.clone());
                    task.bases.insert(base.clone());
                }
            }
            WorkEvent::Gone { effect } => self.undo_setup(*effect),
            WorkEvent::Reset { effect, .. } => {
                let Some(EffectKind::ResetWork { task, to }) = self.complete(*effect) else { return };
                let task = self.tasks.get_mut(&task);
                task.into_iter().for_each(|task| task.rewind = task.rewind.take().filter(|due| *due != to));
            }
            WorkEvent::Removed { effect, .. }
            | WorkEvent::Unresolved { effect, .. }
            | WorkEvent::Failed { effect, .. } => drop(self.complete(*effect)),
            WorkEvent::Committed { effect, oid, tree, checks, .. } => {
                let Some(EffectKind::CommitWork { task, merging, .. }) = self.complete(*effect) else {
                    return;
                };
                self.trees.extend(tree.clone().map(|tree| (oid.clone(), tree)));
                let sends_back = self.policy.checks.on_change == OnCheckChange::Reject;
                let guarded = self.policy.checks.on_change != OnCheckChange::Allow;
                let Some(task) = self.tasks.get_mut(&task) else { return };
                task.tip = Some(oid.clone());
                task.comments.retain(|_, told| !*told);
                task.bases.extend(merging);
                let open = checks.iter().filter(|change| guarded && !change.allowed);
                task.extended = open.clone().any(|change| change.how == HowChanged::Extended);
                let open = open.filter(|change| change.how != HowChanged::Extended);
                task.changed = open.map(|change| change.how != HowChanged::Weakened).max();
                task.rounds += u32::from(sends_back && task.changed.is_some());
                // What a gate said of this very commit still stands.
                task.rounds += u32::from(task.worked_by == Some(StepKind::Fix));
                task.rounds += u32::from(self.failed.contains(oid));
            }
        }
    }

    /// A half-done setup is begun again, from its first line.
    fn undo_setup(&mut self, effect: EffectId) {
        let task = self.complete(effect).and_then(|kind| kind.task().cloned());
        task.and_then(|id| self.tasks.get_mut(&id)).into_iter().for_each(|task| {
            task.setup = None;
            // An attempt that ended by that may have told of a session, which is a good one.
            task.failures.clear();
        });
    }

    fn hear_setup(&mut self, event: &SetupEvent) {
        match event {
            SetupEvent::Spawned { .. } => {}
            SetupEvent::Failed { effect, .. } | SetupEvent::Broken { effect, .. } => self.undo_setup(*effect),
            SetupEvent::Finished { effect, .. } => {
                let Some(EffectKind::RunSetup { task, line, .. }) = self.complete(*effect) else { return };
                let setup = self.tasks.get_mut(&task).and_then(|task| task.setup.as_mut());
                assert_eq!(setup.map(|setup| setup.remove(0)), Some(line), "the lines run in their order");
            }
        }
    }

    fn hear_gate(&mut self, event: &GateEvent) {
        match event {
            GateEvent::Spawned { .. } => {}
            GateEvent::Broken { effect, .. } => drop(self.complete(*effect)),
            GateEvent::Finished { effect, result } => {
                let Some(EffectKind::RunGate { task, gate, oid, on, checks }) = self.complete(*effect) else {
                    return;
                };
                assert_eq!((&result.oid, &result.gate), (&oid, &gate.name), "the executor is honest");
                if checks.is_some() {
                    self.put_back.insert((oid.clone(), gate.name.clone()));
                }
                if checks.is_none() {
                    let key = (self.tree(&oid), gate.name.clone());
                    if result.passed() {
                        self.proven.insert(key);
                    } else {
                        self.proven.remove(&key);
                        self.broken.insert(key);
                    }
                }
                if on == GateTree::Base {
                    return;
                }
                if result.passed() {
                    self.passed.insert((oid, gate.name));
                } else if let Some(task) = self.tasks.get_mut(&task) {
                    match on {
                        GateTree::Work => {
                            task.rounds += 1;
                            self.failed.insert(oid);
                        }
                        GateTree::Merge => task.granted += 1,
                        GateTree::Base => {}
                    }
                }
            }
        }
    }

    fn hear_merge(&mut self, event: &MergeEvent) {
        match event {
            MergeEvent::CandidateBuilt { effect, commit, onto, tree } => {
                let Some(EffectKind::BuildMerge { task, tip, .. }) = self.complete(*effect) else { return };
                self.trees.extend(tree.clone().map(|tree| (commit.clone(), tree)));
                self.candidates.insert(commit.clone(), (task, tip, onto.clone()));
            }
            MergeEvent::Foreseen { effect, files, .. } if files.is_empty() => {
                drop(self.complete(*effect));
            }
            MergeEvent::Foreseen { effect, .. } | MergeEvent::Conflicted { effect, .. } => {
                let task = self.complete(*effect).and_then(|kind| kind.task().cloned());
                if let Some(task) = task.and_then(|id| self.tasks.get_mut(&id)) {
                    task.granted += 1;
                }
            }
            MergeEvent::Advanced { effect, .. } => {
                let Some(EffectKind::AdvanceIntegration { task, new, .. }) = self.complete(*effect) else {
                    return;
                };
                let Some(task) = self.tasks.get_mut(&task) else { return };
                assert!(task.merged.is_none(), "{} is merged a second time", task.spec.id);
                task.merged = Some(new);
                self.merges += 1;
            }
            MergeEvent::Staged { effect, .. }
            | MergeEvent::Lost { effect, .. }
            | MergeEvent::Failed { effect, .. } => drop(self.complete(*effect)),
        }
    }

    fn hear_person(&mut self, event: &PersonEvent, over: bool) {
        match event {
            PersonEvent::RunPaused => self.paused = true,
            PersonEvent::RunResumed => (self.paused, self.stopped) = (false, false),
            PersonEvent::Stopped => self.stopped = true,
            PersonEvent::PlanRejected { reason } => self.stopped |= reason.is_empty(),
            PersonEvent::BudgetSet { micros } => self.policy.budget_micros = *micros,
            PersonEvent::Edited(edit)
            | PersonEvent::Split { edit, .. }
            | PersonEvent::Joined { edit, .. } => self.hear_edit(edit),
            PersonEvent::Commented { task, text, .. } => {
                let task = self.tasks.get_mut(task).unwrap();
                assert!(task.merged.is_none() && !task.cancelled, "nobody would hear it");
                (task.rounds, task.granted) = (task.rounds + 1, task.granted + 1);
                task.comments.insert(text.clone(), false);
            }
            PersonEvent::Dismissed { task, .. } => {
                // Where nothing is left to fix, the work is judged once more.
                let task = self.tasks.get_mut(task).unwrap();
                (task.rounds, task.granted) = (task.rounds + 1, task.granted + 1);
                task.comments.clear();
            }
            PersonEvent::PlanAccepted(_)
            | PersonEvent::Answered { .. }
            | PersonEvent::Prompted { .. }
            | PersonEvent::Interrupted { .. }
            | PersonEvent::Restarted { .. }
            | PersonEvent::Added(_)
            | PersonEvent::LandRequested
            | PersonEvent::UndoRequested => {}
            PersonEvent::Approved { task, .. }
            | PersonEvent::ChecksAccepted { task, .. }
            | PersonEvent::Rewound { task, .. }
            | PersonEvent::TakenOver { task }
            | PersonEvent::Rejected { task, .. }
            | PersonEvent::Retried { task }
            | PersonEvent::Paused { task }
            | PersonEvent::Resumed { task }
            | PersonEvent::Cancelled { task } => self.hear_of_task(event, task, over),
        }
    }

    /// The plan says something else now. Other words may cost every task a round, which nobody counts against it.
    fn hear_edit(&mut self, edit: &PlanEdit) {
        for change in &edit.changes {
            let Some(task) = self.tasks.get_mut(&change.task) else { continue };
            assert!(task.merged.is_none() && !task.cancelled, "{} is over and changed", change.task);
            for field in &change.fields {
                if matches!(field, Field::Description(_) | Field::Acceptance(_)) {
                    (task.rounds, task.granted) = (task.rounds + 1, task.granted + 1);
                    task.taken_over = None;
                }
                field.apply(&mut task.spec);
            }
        }
        for id in &edit.dropped {
            let task = self.tasks.get_mut(id).unwrap();
            (task.cancelled, task.paused) = (true, false);
        }
        for task in self.tasks.values().filter(|task| !task.cancelled) {
            let gone = task.spec.depends_on.iter().find(|id| edit.dropped.contains(id));
            assert_eq!(gone, None, "{} waits for what was given up", task.spec.id);
        }
    }

    fn hear_of_task(&mut self, event: &PersonEvent, id: &TaskId, over: bool) {
        // Whoever looks at it may have it tried again.
        self.tasks.get_mut(id).into_iter().for_each(|task| task.failures.clear());
        let is_work = |kind: &EffectKind| kind.is_session() || is_work(kind);
        let lives = self.in_flight.values().any(|kind| is_work(kind) && kind.task() == Some(id));
        let Some(task) = self.tasks.get_mut(id) else { return };
        match event {
            PersonEvent::Approved { oid, .. } => {
                task.approved = Some(oid.clone());
                task.comments.clear();
            }
            PersonEvent::Rewound { to, .. } => {
                task.rewind = to.clone().or_else(|| task.bases.first().cloned());
                task.tip.clone_from(to);
                (task.changed, task.extended, task.worked_by) = (None, false, None);
                task.paused = false;
                // What was said of work that is gone is gone; and it is not taken as it was any more.
                task.taken_over = None;
                task.comments.clear();
            }
            PersonEvent::ChecksAccepted { oid, .. } => {
                task.accepted = Some(oid.clone());
                // What failed by the earlier checks may fail again by its own.
                task.paused = false;
            }
            PersonEvent::TakenOver { .. } => task.taken_over = task.tip.clone(),
            PersonEvent::Rejected { .. } => {
                (task.rounds, task.granted) = (task.rounds + 1, task.granted + 1);
                task.taken_over = None;
            }
            PersonEvent::Retried { .. } if over => {
                (task.rounds, task.granted) = (task.rounds + 1, task.granted + 1);
            }
            PersonEvent::Paused { .. } => (task.paused, task.resumed_live) = (true, false),
            PersonEvent::Resumed { .. } => (task.paused, task.resumed_live) = (false, lives),
            PersonEvent::Cancelled { .. } => (task.cancelled, task.paused) = (true, false),
            _ => {}
        }
        // Whoever sends a task on lets it go on.
        if matches!(
            event,
            PersonEvent::Rejected { .. } | PersonEvent::Retried { .. } | PersonEvent::TakenOver { .. }
        ) {
            task.paused = false;
        }
    }

    /// Holds the effects to the rules.
    fn judge(
        &mut self,
        effects: &[Effect],
        again: &BTreeSet<EffectId>,
        working: &BTreeSet<TaskId>,
        world: &Executor,
    ) {
        let asked: BTreeSet<EffectId> = effects.iter().map(|effect| effect.id).collect();
        assert_eq!(asked.len(), effects.len(), "an effect was asked for twice at once: {effects:?}");
        assert!(again.is_subset(&asked), "not asked for again: {:?}", again.difference(&asked));
        for effect in effects.iter().filter(|effect| !again.contains(&effect.id)) {
            assert!(effect.id > self.last_effect, "{} was used before", effect.id);
            self.last_effect = effect.id;
            if effect.kind.is_session() {
                assert!(!self.paused && !self.stopped && !self.over_budget(), "spawned: {effect:?}");
            }
            self.judge_task(&effect.kind, working, world);
            if let EffectKind::Control { target, action: ControlAction::End } = &effect.kind {
                self.ending.insert(*target);
            }
            self.in_flight.insert(effect.id, effect.kind.clone());
        }
    }

    fn judge_task(&mut self, kind: &EffectKind, working: &BTreeSet<TaskId>, world: &Executor) {
        let Some(id) = kind.task() else { return };
        let task = &self.tasks[id];
        assert!(
            task.merged.is_none() || matches!(kind, EffectKind::RemoveWork { .. }),
            "{id} is merged: {kind:?}"
        );
        assert!(
            !task.cancelled || matches!(kind, EffectKind::RemoveWork { .. }),
            "{id} is given up: {kind:?}"
        );
        assert!(!task.paused || task.cancelled, "{id} is paused: {kind:?}");
        for dependency in &task.spec.depends_on {
            let merged = self.tasks[dependency].merged.as_ref();
            let merged =
                merged.unwrap_or_else(|| panic!("{id} begins before {dependency} is done: {kind:?}"));
            if let EffectKind::PrepareWork { base, .. } = kind {
                assert!(world.descends(base, merged), "{id} starts from {base}, without {dependency}");
            }
        }
        if is_work(kind) && !working.contains(id) {
            let mut now = self.working();
            now.insert(id.clone());
            let exempt = self.tasks.values().filter(|task| task.resumed_live).count();
            let places = self.policy.parallel as usize + exempt;
            assert!(now.len() <= places, "{} at once, {places} places: {now:?}", now.len());
            let known = now.iter().filter_map(|id| self.tasks.get(id)).filter(|task| !task.resumed_live);
            let using = known.clone().filter(|task| !task.spec.locks.is_empty()).count();
            assert!(using <= 1, "{using} use the same: {now:?}");
            let of_role = known.filter(|task| task.spec.role.is_some()).count();
            let most = self.policy.team.role_places.get("backend").map_or(99, |most| *most as usize);
            assert!(of_role <= most, "{of_role} of a role, {most} places: {now:?}");
        }
        match kind {
            EffectKind::RunStep { brief, agent, resume, .. } => {
                let retry = &self.policy.retry;
                let alike = task.failures.get(&kind_of(brief));
                let times = alike
                    .filter(|failed| (failed.round, &failed.agent) == (brief.round, agent))
                    .map_or(0, |failed| failed.times);
                // The last try of what has always failed alike goes on with nothing.
                let anew =
                    retry.same_failure > 0 && times >= retry.same_failure && brief.attempt >= retry.attempts;
                assert!(
                    resume.is_none() || !anew || retry.attempts < 2,
                    "{id}: failed {times} times like this: {kind:?}"
                );
                self.judge_step(id, brief);
            }
            EffectKind::RunSetup { line, last, .. } => {
                let setup = task.setup.as_deref().unwrap_or_default();
                assert_eq!((setup.first(), setup.len() == 1), (Some(line), *last), "{id}: {setup:?}");
            }
            EffectKind::RunGate { on: GateTree::Work, oid, checks, gate, .. } => {
                assert_eq!(task.tip.as_ref(), Some(oid));
                let taken = [&task.accepted, &task.approved].contains(&&task.tip);
                let put_back = task.changed == Some(true) && !taken;
                // What was only added to is run both ways, the earlier checks first.
                let both = task.extended && task.changed.is_none() && !taken;
                let first = self.put_back.contains(&(oid.clone(), gate.name.clone()));
                assert!(
                    checks.is_some() == put_back || (both && (checks.is_some() || first)),
                    "{id}: whose checks? {kind:?}"
                );
                assert!(
                    checks.as_ref().is_none_or(|checks| task.bases.contains(&checks.at)),
                    "{id}: {kind:?}"
                );
            }
            EffectKind::RunGate { on: GateTree::Base, oid, checks, .. } => {
                let onto = self.candidates.values().any(|(of, _, onto)| of == id && onto == oid);
                assert!(checks.is_none() && (onto || task.bases.contains(oid)), "{id}: {kind:?}");
            }
            EffectKind::AdvanceIntegration { old, new, .. } => self.judge_merge(id, old, new),
            _ => {}
        }
    }

    fn judge_step(&mut self, id: &TaskId, brief: &Brief) {
        let same_slot = |kind: &&EffectKind| match kind {
            EffectKind::RunStep { task, brief: other, .. } if task.as_ref() == Some(id) => {
                other.step != StepKind::Review || brief.step != StepKind::Review || other.slot == brief.slot
            }
            _ => false,
        };
        assert!(!self.in_flight.values().any(|kind| same_slot(&kind)), "two sessions of {id}: {brief:?}");
        if brief.step == StepKind::Review {
            let before = brief.base.as_ref();
            let passed = brief.tip.as_ref().is_some_and(|tip| self.all_passed(tip, before));
            // What a gate says of the base later on, for another task, changes no review that is under way.
            let key = brief.tip.clone().map(|tip| (tip, brief.round));
            let began = key.is_some_and(|key| self.tasks[id].votes.contains_key(&key));
            assert!(passed || began, "{id} is reviewed before its gates passed");
        }
        if brief.step == StepKind::Fix {
            let told = !brief.findings.is_empty() || !brief.conflicts.is_empty();
            let failed = brief.gates.iter().any(|result| !result.passed());
            assert!(told || failed, "{id}: nothing to fix: {brief:?}");
        }
        let limit = self.policy.max_rounds;
        let Some(task) = self.tasks.get_mut(id) else { return };
        assert!(brief.round <= task.rounds, "{id}: nothing began round {}", brief.round);
        assert!(brief.round <= limit + task.granted, "{id}: round {} was not granted", brief.round);
        assert_eq!(brief.tip, task.tip, "{id} is told of another commit");
        assert_eq!(brief.task, task.spec, "{id} is told what the plan does not say any more");
        match (brief.step, &brief.tip) {
            (StepKind::Review, Some(tip)) => {
                let slots = task.votes.entry((tip.clone(), brief.round)).or_default();
                slots.entry(brief.slot).or_insert(None);
            }
            (step, _) => {
                for finding in brief.findings.iter().filter(|finding| finding.source == "person") {
                    task.comments.get_mut(&finding.description).into_iter().for_each(|told| *told = true);
                }
                let untold: Vec<_> = task.comments.iter().filter(|(_, told)| !**told).collect();
                assert!(untold.is_empty(), "{id}: all of a person's comments go in one round: {untold:?}");
                assert_eq!(task.setup.as_deref(), Some(&[][..]), "{id} is worked on before it is set up");
                assert_eq!(task.rewind, None, "{id} is worked on before it is put back");
                task.worked_by = Some(step);
            }
        }
    }

    /// A merge has passed all gates on exactly that commit, and has the votes and the approval of exactly that tip.
    fn judge_merge(&self, id: &TaskId, old: &Oid, new: &Oid) {
        let (of, tip, onto) = &self.candidates[new];
        let task = &self.tasks[id];
        assert_eq!(
            (of, Some(tip), onto),
            (id, task.tip.as_ref(), old),
            "the candidate {new} is not of this tip"
        );
        assert!(self.all_passed(new, Some(old)), "not every gate passed on {new}");
        assert!(task.comments.is_empty(), "{id} is merged with open comments: {:?}", task.comments);
        let taken_over = task.taken_over.as_ref() == Some(tip);
        let reviewers = self.policy.team.reviewers.len();
        if reviewers > 0 && !taken_over {
            let last =
                task.votes.iter().filter(|((oid, _), _)| oid == tip).max_by_key(|((_, round), _)| *round);
            let votes: Vec<Option<Vote>> =
                last.map(|(_, slots)| slots.values().copied().collect()).unwrap_or_default();
            let approvals = votes.iter().filter(|vote| **vote == Some(Vote::Approve)).count();
            let wanted = self.policy.quorum.wanted(reviewers);
            assert!(!votes.contains(&Some(Vote::RequestChanges)), "{id} is merged against a vote on {tip}");
            assert!(approvals >= wanted, "{id}: {approvals} of {wanted} votes for {tip}");
        }
        let human = match self.policy.human_gate {
            HumanGate::Never => false,
            HumanGate::Marked => task.spec.human,
            HumanGate::Always => true,
        };
        let changed = task.changed.is_some() && task.accepted.as_ref() != Some(tip);
        if human || taken_over || changed {
            assert_eq!(task.approved.as_ref(), Some(tip), "{id}: no person has approved this tip");
        }
    }
}

/// An attempt of a step has ended: badly and as the one before it, or otherwise.
fn note_failure(task: &mut Known, brief: &Brief, agent: &AgentName, outcome: &StepOutcome) {
    let how = match outcome {
        StepOutcome::Failed { failure: FailureKind::Infrastructure, message } => message.clone(),
        StepOutcome::TimedOut => "timeout".to_owned(),
        // Whatever else it came to, the session that it told of is a good one.
        _ => return drop(task.failures.remove(&kind_of(brief))),
    };
    let failed = task.failures.entry(kind_of(brief)).or_default();
    let before = (failed.round, &failed.agent, &failed.how);
    let times = if before == (brief.round, agent, &how) { failed.times + 1 } else { 1 };
    *failed = Failed { round: brief.round, agent: agent.clone(), how, times };
}

/// Work that takes a place: the merge queue has its own order.
fn is_work(kind: &EffectKind) -> bool {
    matches!(
        kind,
        EffectKind::PrepareWork { .. }
            | EffectKind::RunSetup { .. }
            | EffectKind::ResetWork { .. }
            | EffectKind::CommitWork { .. }
            | EffectKind::StageMerge { .. }
            | EffectKind::RunStep { task: Some(_), .. }
            | EffectKind::RunGate { on: GateTree::Work, .. }
    )
}

/// What must not be done a second time after a crash.
fn happens_once(kind: &EffectKind) -> bool {
    matches!(
        kind,
        EffectKind::Control {
            action: ControlAction::Prompt(_) | ControlAction::Answer { .. } | ControlAction::Interrupt,
            ..
        }
    )
}

/// A verdict that says what it wants.
fn vote(verdict: &Verdict) -> Option<Vote> {
    match verdict.vote {
        Vote::Approve => Some(Vote::Approve),
        Vote::RequestChanges if verdict.remarks.is_empty() => None,
        Vote::RequestChanges => Some(Vote::RequestChanges),
    }
}
