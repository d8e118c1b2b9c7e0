//! Work: worktrees, commits, gates on a task's tip.

use super::effect::{EffectKind, GateTree};
use super::state::{Attempt, Evidence, Stage};
use super::turn::Turn;
use crate::model::event::{Change, GateEvent, WorkEvent};
use crate::model::{
    AgentState, AgentStatus, AttentionReason, EffectId, FindingState, GateResult, Oid, OnMax, Phase,
    SessionId, SetupLine, StatusSource, TaskId,
};

impl Turn<'_> {
    pub fn apply_work(&mut self, event: &WorkEvent) {
        match event {
            WorkEvent::Prepared { effect, base, setup } => self.prepared(*effect, base, setup),
            WorkEvent::Gone { effect } => self.gone(*effect),
            WorkEvent::Committed { effect, oid, change } => self.committed(*effect, oid, *change),
            WorkEvent::Unresolved { effect, files } => self.unresolved(*effect, files),
            WorkEvent::Removed { effect, kept } => {
                let Some(EffectKind::RemoveWork { task }) = self.complete(*effect) else { return };
                if let Some(entry) = self.task(&task) {
                    entry.work.prepared = false;
                    entry.work.setup = None;
                }
                if let Some(kept) = kept {
                    self.note(false, format!("{task}: uncommitted work is kept at {kept}"));
                }
            }
            WorkEvent::Failed { effect, error } => {
                if let Some(task) = self.complete(*effect).and_then(|kind| kind.task().cloned()) {
                    if self.state.tasks.get(&task).is_some_and(|task| task.phase.is_terminal()) {
                        // A worktree that can't be removed is no reason to wake a person: it stays where it is.
                        self.task(&task).into_iter().for_each(|task| task.work.prepared = false);
                        self.note(true, format!("{task}: {error}"));
                    } else {
                        self.git_failed(&task, error);
                    }
                }
            }
        }
    }

    fn prepared(&mut self, effect: EffectId, base: &Oid, setup: &[SetupLine]) {
        let Some(EffectKind::PrepareWork { task, .. }) = self.complete(effect) else { return };
        if let Some(task) = self.task(&task) {
            task.work.prepared = true;
            task.work.setup = Some(setup.to_vec());
            task.work.base.get_or_insert_with(|| base.clone());
        }
    }

    fn committed(&mut self, effect: EffectId, oid: &Oid, change: Change) {
        let Some(EffectKind::CommitWork { task: id, .. }) = self.complete(effect) else { return };
        let Some(task) = self.state.tasks.get_mut(&id) else { return };
        task.work.uncommitted = false;
        task.work.tip = Some(oid.clone());
        task.work.change = change;
        let finishes_merge = task.work.merging.take();
        if let Some(merging) = &finishes_merge {
            task.work.base = Some(merging.onto.clone());
            // Another one may have come back since.
            task.merge = task.merge.take().filter(|merge| merge.staging.is_some());
        }
        // Work that an earlier step had left in the worktree: the step that is due has not run yet.
        if task.step.at != Attempt::Ended {
            return;
        }
        for finding in task.findings.iter_mut().filter(|finding| finding.is_open()) {
            finding.state = FindingState::Fixed(oid.clone());
        }
        match task.phase {
            Phase::Implementing if change.files == 0 => self.need(&id, AttentionReason::NothingChanged),
            Phase::Implementing => self.enter(&id, Phase::Validating),
            Phase::Fixing => self.fixed(&id),
            // The task was given up meanwhile; its work is on its branch all the same.
            _ => {}
        }
    }

    /// A fix is on the branch: the next round, or one last validation.
    fn fixed(&mut self, id: &TaskId) {
        let after = self.state.policy.after_fix;
        let may_go_on = self.next_round(id);
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        task.limit.last_validation = !may_go_on;
        if !may_go_on {
            return self.enter(id, Phase::Validating);
        }
        match after {
            crate::model::AfterFix::Validate => self.enter(id, Phase::Validating),
            crate::model::AfterFix::Implement => {
                task.step = task.step.next();
                self.enter(id, Phase::Implementing);
            }
        }
    }

    /// Counts a round, if one is left.
    pub fn next_round(&mut self, id: &TaskId) -> bool {
        let Some(task) = self.state.tasks.get(id) else { return false };
        let may = task.round < self.state.round_limit(task);
        if let Some(task) = self.state.tasks.get_mut(id).filter(|_| may) {
            task.round += 1;
        }
        may
    }

    fn unresolved(&mut self, effect: EffectId, files: &[String]) {
        let limit = self.state.policy.retry.corrections;
        let Some(EffectKind::CommitWork { task: id, .. }) = self.complete(effect) else { return };
        let Some(task) = self.task(&id) else { return };
        task.work.uncommitted = false;
        task.step.corrections += 1;
        if task.step.corrections > limit {
            return self.need(&id, AttentionReason::ConflictUnsolved);
        }
        task.step.errors = files.iter().map(|file| format!("{file} still holds conflict markers")).collect();
        task.step.at = Attempt::Todo;
    }

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
        if evidence.broken >= attempts {
            self.need(&id, AttentionReason::GateFailed(format!("{}: {error}", gate.name)));
        }
    }

    /// What the gates said of the task's work, or of its merge if one is tried.
    fn evidence(&mut self, id: &TaskId, on: GateTree) -> Option<&mut Evidence> {
        let task = self.task(id)?;
        match on {
            GateTree::Work => Some(&mut task.evidence),
            GateTree::Merge => task.merge.as_mut().map(|merge| &mut merge.evidence),
        }
    }

    fn gate_finished(&mut self, effect: EffectId, result: &GateResult) {
        let Some(EffectKind::RunGate { task: id, on, oid, .. }) = self.complete(effect) else { return };
        let Some(evidence) = self.evidence(&id, on) else { return };
        // Evidence is bound to its commit: what was said of another is void.
        if evidence.oid.as_ref() != Some(&oid) || result.oid != oid {
            return;
        }
        evidence.results.retain(|earlier| earlier.gate != result.gate);
        evidence.results.push(result.clone());
    }

    /// Runs the next gate without a result, if the budget lets it; `None` when all have one.
    pub fn next_gate(&mut self, id: &TaskId, on: GateTree, oid: &Oid) -> Option<()> {
        let gates = self.state.policy.gates.clone();
        let task = self.task(id)?;
        let evidence = match on {
            GateTree::Work => &mut task.evidence,
            GateTree::Merge => &mut task.merge.get_or_insert_with(Default::default).evidence,
        };
        if evidence.oid.as_ref() != Some(oid) {
            *evidence = Evidence { oid: Some(oid.clone()), ..Evidence::default() };
        }
        let gate = gates.into_iter().find(|gate| evidence.of(oid, &gate.name).is_none())?;
        if self.state.is_over_budget() {
            return Some(());
        }
        self.emit(EffectKind::RunGate { task: id.clone(), gate, oid: oid.clone(), on });
        Some(())
    }

    /// All gates have spoken about the tip.
    pub fn validated(&mut self, id: &TaskId) {
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        let passed = task.evidence.results.iter().all(GateResult::passed);
        if task.limit.last_validation {
            task.limit.last_validation = false;
            return self.exhaust(id);
        }
        if passed {
            task.review = None;
            let reviewed = !self.state.policy.team.reviewers.is_empty();
            return self.enter(id, if reviewed { Phase::Reviewing } else { Phase::Approved });
        }
        if self.next_round(id) {
            if let Some(task) = self.task(id) {
                task.step = task.step.next();
            }
            self.enter(id, Phase::Implementing);
        } else {
            self.exhaust(id);
        }
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
