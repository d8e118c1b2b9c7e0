//! Work: worktrees and commits.

use super::effect::EffectKind;
use super::state::Attempt;
use super::turn::Turn;
use crate::model::event::{Change, WorkEvent};
use crate::model::{AttentionReason, CheckChange, EffectId, FindingState, Oid, Phase, SetupLine, TaskId};

impl Turn<'_> {
    pub fn apply_work(&mut self, event: &WorkEvent) {
        match event {
            WorkEvent::Prepared { effect, base, setup } => self.prepared(*effect, base, setup),
            WorkEvent::Gone { effect } => self.gone(*effect),
            WorkEvent::Committed { effect, oid, change, tree, checks, touched } => {
                self.state.proofs.note_tree(oid, tree.as_ref());
                if let Some(EffectKind::CommitWork { task, .. }) = self.state.in_flight.get(effect)
                    && let Some(task) = self.state.tasks.get_mut(task)
                {
                    task.work.touched.clone_from(touched);
                }
                self.committed(*effect, oid, *change, checks);
            }
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
            WorkEvent::Reset { effect, kept } => self.reset(*effect, kept),
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
            let base = task.work.base.get_or_insert_with(|| base.clone()).clone();
            // The first round had begun before its base was known.
            let unknown = task.history.iter_mut().filter(|mark| mark.base.is_none());
            unknown.for_each(|mark| mark.base = Some(base.clone()));
        }
    }

    fn committed(&mut self, effect: EffectId, oid: &Oid, change: Change, checks: &[CheckChange]) {
        let Some(EffectKind::CommitWork { task: id, .. }) = self.complete(effect) else { return };
        let Some(task) = self.state.tasks.get_mut(&id) else { return };
        task.work.uncommitted = false;
        task.work.tip = Some(oid.clone());
        task.work.change = change;
        task.work.checks = checks.to_vec();
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
        // What was said while the agent worked is for the next one.
        let told = std::mem::take(&mut task.step.told);
        for finding in task.findings.iter_mut().filter(|it| it.is_open() && told.contains(&it.number)) {
            finding.state = FindingState::Fixed(oid.clone());
        }
        let unheard = std::mem::take(&mut task.work.unheard);
        if unheard && matches!(task.phase, Phase::Implementing | Phase::Fixing) {
            return self.work_anew(&id);
        }
        match task.phase {
            Phase::Implementing if change.files == 0 => self.need(&id, AttentionReason::NothingChanged),
            Phase::Implementing => self.enter(&id, Phase::Validating),
            Phase::Fixing => self.fixed(&id),
            // The task was given up meanwhile; its work is on its branch all the same.
            _ => {}
        }
        self.hear_dispute(&id);
    }

    /// Before its work is judged by a check that its agent says is wrong, a person hears that.
    fn hear_dispute(&mut self, id: &TaskId) {
        let judged = |task: &&mut super::state::Task| task.phase == Phase::Validating && task.hold.is_none();
        let Some(task) = self.task(id).filter(judged) else { return };
        let disputed = std::mem::take(&mut task.work.disputed);
        if !disputed.is_empty() {
            self.need(id, AttentionReason::CheckDisputed(disputed));
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
                self.next_step(id);
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
            self.mark_round(id);
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
}
