//! Gates: which are due on which tree, with whose checks, and what their results mean.
//!
//! Invariant: evidence is bound to its commit; and a gate that judges work is run with checks that the work could not
//! change, until a person has accepted the change.

use super::effect::{EffectKind, GateTree};
use super::state::{Evidence, Stage, State, Task};
use super::turn::Turn;
use crate::model::event::GateEvent;
use crate::model::{
    AgentState, AgentStatus, AttentionReason, CheckChange, ChecksOf, EffectId, GateResult, GateSpec, Guard,
    HowChanged, Oid, OnCheckChange, OnMax, Phase, PlanTask, SessionId, StatusSource, TaskId,
};

/// The source of findings about checks that were changed.
pub(super) const GUARD: &str = "guard";

impl State {
    /// The gates of a task, in order: the run's, and of those on request the ones that it names.
    pub fn gates_of(&self, spec: &PlanTask) -> Vec<GateSpec> {
        let wanted = |gate: &&GateSpec| !gate.on_request || spec.gates.contains(&gate.name);
        self.policy.gates.iter().filter(wanted).cloned().collect()
    }

    /// Those of them that its work needs: of a workspace's gates, the ones of repositories that it changes.
    pub fn gates_for(&self, task: &Task) -> Vec<GateSpec> {
        let touched = &task.work.touched;
        let mut gates = self.gates_of(&task.spec);
        gates.retain(|gate| {
            let is_spared = |name| !touched.is_empty() && !touched.contains(name);
            !gate.repository.as_ref().is_some_and(is_spared)
        });
        gates
    }

    /// Which checks a task may change.
    pub(super) fn guard_of(&self, spec: &PlanTask) -> Guard {
        let checks = &self.policy.checks;
        if checks.on_change == OnCheckChange::Allow {
            return Guard::default();
        }
        let owns = spec.role.as_ref().is_some_and(|role| checks.roles.contains(role));
        let line = |gate: GateSpec| crate::model::check::GateCommandLine { argv: gate.argv, cwd: gate.cwd };
        Guard {
            protect: checks.protect.clone(),
            allowed: if owns { vec!["**".to_owned()] } else { spec.may_change.clone() },
            commands: self.gates_of(spec).into_iter().map(line).collect(),
        }
    }

    /// Checks that the work changed, may not change, and no person has accepted. What was only added to is none of them:
    /// it is judged by itself.
    pub fn open_changes<'a>(&self, task: &'a Task) -> impl Iterator<Item = &'a CheckChange> + use<'a> {
        self.guarded_changes(task).filter(|change| change.how != HowChanged::Extended)
    }

    fn guarded_changes<'a>(&self, task: &'a Task) -> impl Iterator<Item = &'a CheckChange> + use<'a> {
        let guarded = self.policy.checks.on_change != OnCheckChange::Allow;
        let accepted = task.work.checks_accepted.is_some() && task.work.checks_accepted == task.work.tip;
        let open = guarded && !accepted;
        task.work.checks.iter().filter(move |change| open && !change.allowed)
    }
}

impl Turn<'_> {
    pub fn apply_gate(&mut self, event: &GateEvent) {
        match event {
            GateEvent::Spawned { effect, session } => self.program_spawned(*effect, session),
            GateEvent::Finished { effect, result } => self.gate_finished(*effect, result),
            GateEvent::Broken { effect, error } => self.gate_broken(*effect, error),
        }
    }

    /// The process of a gate or a setup runs.
    pub fn program_spawned(&mut self, effect: EffectId, session: &SessionId) {
        if let Some(entry) = self.state.sessions.get_mut(&effect).filter(|session| session.ended.is_none()) {
            entry.id = Some(session.clone());
            entry.status = AgentStatus {
                state: AgentState::Working,
                message: String::new(),
                source: StatusSource::Process,
            };
        }
    }

    /// What could not be run is run again, a few times: its process may have died with its machine.
    fn gate_broken(&mut self, effect: EffectId, error: &str) {
        let attempts = self.state.policy.retry.attempts;
        let Some(EffectKind::RunGate { task: id, gate, on, .. }) = self.complete(effect) else { return };
        // Ended on request: the facts ask for it again when the task may go on.
        if self.state.run.stage == Stage::Stopped {
            return;
        }
        let Some(evidence) = self.evidence(&id, on) else { return };
        evidence.broken += 1;
        if evidence.broken < attempts {
            return;
        }
        if on == GateTree::Base {
            // What the base would have said is good to know, and no more than that.
            evidence.unknown.push(gate.name);
        } else {
            // A person is asked once those beside it have ended.
            evidence.failure = Some(format!("{}: {error}", gate.name));
        }
    }

    /// What the gates said of the task's work, or of its merge if one is tried.
    fn evidence(&mut self, id: &TaskId, on: GateTree) -> Option<&mut Evidence> {
        let task = self.task(id)?;
        match on {
            GateTree::Base if task.phase == Phase::Merging => {
                task.merge.as_mut().map(|merge| &mut merge.evidence)
            }
            GateTree::Work | GateTree::Base => Some(&mut task.evidence),
            GateTree::Merge => task.merge.as_mut().map(|merge| &mut merge.evidence),
        }
    }

    fn gate_finished(&mut self, effect: EffectId, result: &GateResult) {
        let Some(EffectKind::RunGate { task: id, on, oid, .. }) = self.complete(effect) else { return };
        if result.oid != oid {
            return;
        }
        self.state.proofs.note(result);
        let Some(evidence) = self.evidence(&id, on).filter(|_| on != GateTree::Base) else { return };
        // Evidence is bound to its commit: what was said of another is void.
        if evidence.oid.as_ref() != Some(&oid) {
            return;
        }
        evidence.results.retain(|earlier| earlier.gate != result.gate);
        evidence.results.push(result.clone());
    }

    /// Runs the gates that are due, if the budget lets them; whether any has no result yet.
    pub fn run_gates(&mut self, id: &TaskId, on: GateTree, oid: &Oid) -> bool {
        // Whose checks are due is known only once what was said of another commit is gone.
        if let Some(evidence) = self.evidence(id, on).filter(|evidence| evidence.oid.as_ref() != Some(oid)) {
            *evidence = Evidence { oid: Some(oid.clone()), ..Evidence::default() };
        }
        let Some(task) = self.state.tasks.get(id) else { return false };
        let (gates, checks) = (self.state.gates_for(task), self.checks_for(task, on));
        if let Some(failure) = self.evidence(id, on).and_then(|evidence| evidence.failure.take()) {
            self.need(id, AttentionReason::GateFailed(failure));
            return true;
        }
        if checks.is_none() {
            self.take_proofs(id, on, oid, &gates);
        }
        let Some(evidence) = self.evidence(id, on) else { return false };
        let mut open = gates.into_iter().filter(|gate| evidence.of(oid, &gate.name).is_none()).peekable();
        let Some(first) = open.next() else { return false };
        let mut due = vec![first];
        while due.iter().all(|gate| gate.parallel)
            && let Some(gate) = open.next_if(|gate| gate.parallel)
        {
            due.push(gate);
        }
        if !self.state.is_over_budget() {
            for gate in due {
                let (task, oid, checks) = (id.clone(), oid.clone(), checks.clone());
                self.emit(EffectKind::RunGate { task, gate, oid, on, checks });
            }
        }
        true
    }

    /// What has passed on the same tree needs no second run.
    fn take_proofs(&mut self, id: &TaskId, on: GateTree, oid: &Oid, gates: &[GateSpec]) {
        let proven: Vec<GateResult> =
            gates.iter().filter_map(|gate| self.state.proofs.passed(oid, gate)).collect();
        let Some(evidence) = self.evidence(id, on) else { return };
        for result in proven {
            if evidence.of(oid, &result.gate).is_none() {
                evidence.results.push(result);
            }
        }
    }

    /// The base's checks, where the work changed some that it may not.
    fn checks_for(&self, task: &Task, on: GateTree) -> Option<ChecksOf> {
        let base = task.work.base.clone().filter(|_| on == GateTree::Work && !task.evidence.own_checks)?;
        let is_file = |change: &&CheckChange| change.how != HowChanged::Weakened;
        let changes: Vec<CheckChange> = self.state.guarded_changes(task).filter(is_file).cloned().collect();
        (!changes.is_empty()).then_some(ChecksOf { at: base, changes })
    }

    /// Whether the gates that have all spoken let the work pass; none while one is asked what it said of `base`.
    pub fn judged(&mut self, id: &TaskId, on: GateTree, base: &Oid) -> Option<bool> {
        if !self.look_before(id, on, base) {
            return None;
        }
        let tolerate = self.state.policy.checks.tolerate_red;
        let may_fail = |result: &GateResult| tolerate && result.failed_before == Some(true);
        let evidence = self.evidence(id, on)?;
        Some(evidence.results.iter().all(|result| result.passed() || may_fail(result)))
    }

    /// Notes of each failed gate whether it failed on `base` too; runs what is not known. Whether all is known.
    fn look_before(&mut self, id: &TaskId, on: GateTree, base: &Oid) -> bool {
        let Some(evidence) = self.evidence(id, on) else { return true };
        let unknown = evidence.unknown.clone();
        let failed = evidence.results.iter().filter(|result| !result.passed());
        let failed: Vec<String> = failed.map(|result| result.gate.clone()).collect();
        let before: Vec<Option<bool>> =
            failed.iter().map(|gate| self.state.proofs.failed(base, gate)).collect();
        if let Some(evidence) = self.evidence(id, on) {
            let results = evidence.results.iter_mut().filter(|result| !result.passed());
            results.zip(&before).for_each(|(result, before)| result.failed_before = *before);
        }
        let asked =
            failed.iter().zip(&before).find(|(gate, before)| before.is_none() && !unknown.contains(gate));
        let Some((name, _)) = asked else { return true };
        let gates = self.state.tasks.get(id).map(|task| self.state.gates_for(task)).unwrap_or_default();
        let missing = gates.into_iter().find(|gate| gate.name == *name);
        let Some(gate) = missing else { return true };
        if !self.state.is_over_budget() {
            let (task, oid) = (id.clone(), base.clone());
            self.emit(EffectKind::RunGate { task, gate, oid, on: GateTree::Base, checks: None });
        }
        false
    }

    /// All gates have spoken about the tip.
    pub fn validated(&mut self, id: &TaskId) {
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        if std::mem::take(&mut task.limit.last_validation) {
            return self.exhaust(id);
        }
        let Some(base) = task.work.base.clone() else { return };
        match self.judged(id, GateTree::Work, &base) {
            None => {}
            Some(true) if self.runs_own_checks(id) || self.fits_no_more(id) => {}
            Some(true) => {
                self.task(id).into_iter().for_each(|task| task.review = None);
                let reviewed = !self.state.policy.team.reviewers.is_empty();
                self.enter(id, if reviewed { Phase::Reviewing } else { Phase::Approved });
            }
            Some(false) => self.implement_again(id),
        }
    }

    /// Where the work only added to checks, what was there before has passed: now the whole is run.
    fn runs_own_checks(&mut self, id: &TaskId) -> bool {
        let Some(task) = self.state.tasks.get(id) else { return false };
        let put_back = task.evidence.results.iter().any(|result| result.checks_of.is_some());
        if !put_back || self.state.open_changes(task).next().is_some() {
            return false;
        }
        let oid = task.work.tip.clone();
        if let Some(task) = self.task(id) {
            task.evidence = Evidence { oid, own_checks: true, ..Evidence::default() };
        }
        true
    }

    /// Whether the policy sends work back that changed a check: each change becomes a finding.
    pub fn sent_back_for_checks(&mut self, id: &TaskId) -> bool {
        let Some(task) = self.state.tasks.get(id) else { return false };
        if self.state.policy.checks.on_change != OnCheckChange::Reject {
            return false;
        }
        let changes: Vec<CheckChange> = self.state.open_changes(task).cloned().collect();
        if changes.is_empty() {
            return false;
        }
        for change in changes {
            let told = format!(
                "the check {} was {}; this task may not do that: put it back, or say why the check is wrong",
                change.path,
                change.how.name()
            );
            self.add_finding_of(id, GUARD, &change.path, &told);
        }
        let last = self.task(id).is_some_and(|task| std::mem::take(&mut task.limit.last_validation));
        if last {
            self.exhaust(id)
        } else {
            self.implement_again(id)
        }
        true
    }

    /// Another round, if one is left.
    fn implement_again(&mut self, id: &TaskId) {
        if !self.next_round(id) {
            return self.exhaust(id);
        }
        self.next_step(id);
        self.enter(id, Phase::Implementing);
        self.count_repeats(id);
    }

    /// The rounds are used up.
    pub fn exhaust(&mut self, id: &TaskId) {
        let phase = match self.state.policy.on_max {
            OnMax::ReturnLast | OnMax::Escalate => Phase::Exhausted,
            OnMax::Fail => Phase::Failed,
        };
        self.enter(id, phase);
    }
}
