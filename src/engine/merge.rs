//! Merging: one task at a time; built aside, validated on the merged tree, then the branch moves by compare and swap.

use super::effect::{EffectKind, GateTree};
use super::state::{MergeTry, Merging, Task};
use super::turn::Turn;
use crate::model::event::{Conflict, MergeEvent};
use crate::model::{AttentionReason, EffectId, Oid, Phase, TaskId};

impl Turn<'_> {
    pub fn apply_merge(&mut self, event: &MergeEvent) {
        match event {
            MergeEvent::CandidateBuilt { effect, commit, onto, tree } => {
                self.state.proofs.note_tree(commit, tree.as_ref());
                let Some(EffectKind::BuildMerge { task, .. }) = self.complete(*effect) else { return };
                if let Some(task) = self.task(&task).filter(|task| task.phase == Phase::Merging) {
                    let candidate = Some((commit.clone(), onto.clone()));
                    task.merge = Some(MergeTry { candidate, ..MergeTry::default() });
                }
            }
            MergeEvent::Conflicted { effect, onto, files } => {
                let Some(EffectKind::BuildMerge { task, .. }) = self.complete(*effect) else { return };
                if self.state.tasks.get(&task).is_some_and(|task| task.phase == Phase::Merging) {
                    self.send_back(&task, onto, files.clone());
                }
            }
            MergeEvent::Foreseen { effect, files, overlaps } => self.foreseen(*effect, files, overlaps),
            MergeEvent::Staged { effect, onto } => self.staged(*effect, onto),
            MergeEvent::Advanced { effect, tip } => {
                let Some(EffectKind::AdvanceIntegration { task, .. }) = self.complete(*effect) else {
                    return;
                };
                self.state.run.tip = Some(tip.clone());
                // What is on the branch is done, whatever was asked meanwhile.
                if let Some(task) = self.task(&task) {
                    task.hold = None;
                    // Nobody goes back behind a merge: what was kept for that would grow with the run.
                    task.history.clear();
                    task.foreseen = None;
                    task.forget_repeats();
                }
                self.enter(&task, Phase::Done);
                self.measure();
            }
            MergeEvent::Lost { effect, tip } => {
                let Some(EffectKind::AdvanceIntegration { task, .. }) = self.complete(*effect) else {
                    return;
                };
                self.state.run.tip = Some(tip.clone());
                if let Some(task) = self.task(&task) {
                    task.merge = None;
                }
            }
            // The merge itself will tell.
            MergeEvent::Failed { effect, error }
                if matches!(self.state.in_flight.get(effect), Some(EffectKind::Foresee { .. })) =>
            {
                self.foresees_nothing(*effect, error);
            }
            MergeEvent::Failed { effect, error } => {
                if let Some(task) = self.complete(*effect).and_then(|kind| kind.task().cloned()) {
                    self.git_failed(&task, error);
                }
            }
        }
    }

    /// The merge did not work out: its owner gets it back, in bounded rounds that are granted for it.
    pub fn send_back(&mut self, id: &TaskId, onto: &Oid, files: Vec<Conflict>) {
        let limit = self.state.policy.max_rounds;
        let Some(task) = self.task(id) else { return };
        task.limit.returned_merges += 1;
        if task.limit.returned_merges > limit {
            return self.need(id, AttentionReason::ConflictUnsolved);
        }
        task.limit.extra_rounds += 1;
        let merge = task.merge.get_or_insert_with(MergeTry::default);
        merge.candidate = None;
        merge.staging = Some(Merging { onto: onto.clone(), files });
        self.next_step(id);
        self.enter(id, Phase::Fixing);
        self.count_repeats(id);
    }

    fn staged(&mut self, effect: EffectId, onto: &Oid) {
        let Some(EffectKind::StageMerge { task, .. }) = self.complete(effect) else { return };
        let Some(task) = self.task(&task) else { return };
        let staging = task.merge.as_mut().and_then(|merge| merge.staging.take());
        task.work.merging = staging.filter(|staging| staging.onto == *onto);
    }

    /// The next thing to do for the merge of this task. One that was held while another began goes first again.
    pub fn advance_merging(&mut self, id: &TaskId) {
        let merges = |task: &Task| task.phase == Phase::Merging && task.hold.is_none();
        let first = self.state.merge_queue.iter().find(|id| self.state.tasks.get(*id).is_some_and(&merges));
        if first != Some(id) {
            return;
        }
        let (Some(tip), Some(branch_tip)) = (self.tip_of(id), self.state.run.tip.clone()) else { return };
        let branch = self.state.integration_branch();
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        let message = format!("{id}: {}", task.spec.title);
        let merge = task.merge.get_or_insert_with(MergeTry::default);
        // A candidate on an older tip is built again, unless the branch may hold it already: that is found out first.
        let stands = |onto: &Oid| merge.uncertain || *onto == branch_tip;
        let Some((commit, onto)) = merge.candidate.clone().filter(|(_, onto)| stands(onto)) else {
            let kind =
                EffectKind::BuildMerge { task: id.clone(), onto: branch_tip, tip, message, date: task.since };
            self.emit(kind);
            return;
        };
        // The branch may hold it already: that is found out whatever gates would say today.
        let is_asked =
            self.state.tasks.get(id).and_then(|task| task.merge.as_ref()).is_some_and(|it| it.uncertain);
        if !is_asked && self.run_gates(id, GateTree::Merge, &commit) {
            return;
        }
        match if is_asked { Some(true) } else { self.judged(id, GateTree::Merge, &onto) } {
            None => {}
            Some(false) => self.send_back(id, &onto, Vec::new()),
            Some(true) => {
                let merge = self.task(id).and_then(|task| task.merge.as_mut());
                merge.into_iter().for_each(|merge| merge.uncertain = true);
                self.emit(EffectKind::AdvanceIntegration {
                    task: id.clone(),
                    branch,
                    old: onto,
                    new: commit,
                });
            }
        }
    }

    pub fn tip_of(&self, id: &TaskId) -> Option<Oid> {
        self.state.tasks.get(id)?.work.tip.clone()
    }
}
