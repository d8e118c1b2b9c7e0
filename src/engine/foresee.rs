//! Conflicts that can be seen coming: what a task has just committed is tried against the branch that it will be merged
//! into, and against the work of the tasks beside it.
//!
//! Who comes second hears of it: what is on the branch already is resolved before reviewers judge work that has to change
//! anyway; what others still work on is told with the next fix. Not for merging. Invariant: a forecast alone starts no
//! round and stops no merge.

use super::effect::EffectKind;
use super::state::{State, Task};
use super::turn::Turn;
use crate::model::event::{Conflict, Overlap};
use crate::model::verdict::Remark;
use crate::model::{EffectId, FindingState, Oid, Phase, Severity, TaskId};

/// The source of these findings.
pub(super) const FORECAST: &str = "forecast";

/// Tasks that a commit is tried against at most.
const BESIDE: usize = 64;

/// What was seen of one tip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// That tip.
    pub tip: Oid,
    /// The integration branch's tip that it was tried against.
    pub onto: Oid,
    /// Where the two conflict.
    pub files: Vec<Conflict>,
}

impl State {
    /// The work that this task's has to get along with: every other's that is on a branch and not merged.
    fn beside(&self, id: &TaskId) -> Vec<(TaskId, Oid)> {
        let counts = |task: &&Task| {
            let over = matches!(task.phase, Phase::Done | Phase::Cancelled | Phase::Failed);
            !over && task.spec.id != *id && task.work.change.files > 0
        };
        let others = self.order.iter().filter_map(|id| self.tasks.get(id)).filter(counts);
        let tips = others.filter_map(|task| Some((task.spec.id.clone(), task.work.tip.clone()?)));
        tips.take(BESIDE).collect()
    }
}

impl Turn<'_> {
    /// Asks what this tip conflicts with, once; whether it has asked now.
    pub fn foresee(&mut self, id: &TaskId, tip: &Oid) -> bool {
        let Some(task) = self.state.tasks.get(id).filter(|_| self.state.policy.foresee) else { return false };
        let (Some(onto), Some(base)) = (self.state.run.tip.clone(), task.work.base.clone()) else {
            return false;
        };
        let is_known = task.foreseen.as_ref().is_some_and(|seen| seen.tip == *tip);
        let beside = self.state.beside(id);
        if is_known || (onto == base && beside.is_empty()) {
            return false;
        }
        self.emit(EffectKind::Foresee { task: id.clone(), tip: tip.clone(), onto, beside });
        true
    }

    pub fn foreseen(&mut self, effect: EffectId, files: &[Conflict], overlaps: &[Overlap]) {
        let Some(EffectKind::Foresee { task: id, tip, onto, .. }) = self.complete(effect) else { return };
        let Some(task) = self.task(&id).filter(|task| task.work.tip.as_ref() == Some(&tip)) else { return };
        task.foreseen = Some(Foreseen { tip: tip.clone(), onto, files: files.to_vec() });
        let is_forecast = |source: &str| source == FORECAST;
        for finding in task.findings.iter_mut().filter(|it| it.is_open() && is_forecast(&it.source)) {
            finding.state = FindingState::Fixed(tip.clone());
        }
        for overlap in overlaps {
            for file in &overlap.files {
                self.add_remark(&id, FORECAST, remark(&overlap.task, file), FindingState::Raised);
            }
        }
    }

    /// Work that does not fit the branch any more goes back before anybody reviews it. Whether that is so.
    pub fn fits_no_more(&mut self, id: &TaskId) -> bool {
        let Some(task) = self.state.tasks.get(id) else { return false };
        let seen = task.foreseen.as_ref().filter(|seen| task.work.tip.as_ref() == Some(&seen.tip));
        let Some(seen) = seen.filter(|seen| !seen.files.is_empty()).cloned() else { return false };
        self.send_back(id, &seen.onto, seen.files);
        true
    }
}

fn remark(other: &TaskId, file: &Conflict) -> Remark {
    Remark {
        severity: Severity::Minor,
        file: file.path.clone(),
        line: 0,
        description: format!(
            "as both stand, this conflicts with the work of task {other}, which is not merged yet; no reason to send the \
             work back, but keep the change apart from the other's where that costs nothing"
        ),
        suggestion: file.hunks.clone(),
    }
}
