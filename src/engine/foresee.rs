//! Conflicts that can be seen coming: what a task has just committed is tried against the branch that it will be merged
//! into, and against the work of the tasks beside it.
//!
//! Who comes second hears of it: what is on the branch already is resolved before reviewers judge work that has to change
//! anyway; what others still work on is told with the next fix. Not for merging. Invariant: an overlap with work that is not
//! merged starts no round and stops no merge.

use super::effect::EffectKind;
use super::state::State;
use super::turn::Turn;
use crate::model::event::{Conflict, Overlap};
use crate::model::verdict::Remark;
use crate::model::{EffectId, FindingState, Oid, Severity, TaskId, counted};

/// The source of these findings.
pub(super) const FORECAST: &str = "forecast";

/// Tasks that a commit is tried against at most.
const BESIDE: usize = 64;
/// Files of an overlap that are named, and bytes of their hunks that are shown.
const NAMED: usize = 5;
const SHOWN: usize = 8 << 10;

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
    fn beside(&mut self, id: &TaskId) -> Vec<(TaskId, Oid)> {
        let others = self.tasks.carrying().filter(|task| task.spec.id != *id);
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
        if task.foreseen.as_ref().is_some_and(|seen| seen.tip == *tip) {
            return false;
        }
        let beside = self.state.beside(id);
        if onto == base && beside.is_empty() {
            self.forecast_over(id, tip);
            return false;
        }
        self.emit(EffectKind::Foresee { task: id.clone(), tip: tip.clone(), onto, beside });
        true
    }

    pub fn foreseen(&mut self, effect: EffectId, files: &[Conflict], overlaps: &[Overlap]) {
        let Some(EffectKind::Foresee { task: id, tip, onto, .. }) = self.complete(effect) else { return };
        let Some(task) = self.task(&id).filter(|task| task.work.tip.as_ref() == Some(&tip)) else { return };
        task.foreseen = Some(Foreseen { tip: tip.clone(), onto, files: files.to_vec() });
        self.forecast_over(&id, &tip);
        for overlap in overlaps {
            self.add_remark(&id, FORECAST, remark(overlap), FindingState::Raised);
        }
    }

    /// It could not be found out: the merge itself will tell.
    pub fn foresees_nothing(&mut self, effect: EffectId, error: &str) {
        let Some(EffectKind::Foresee { task: id, tip, onto, .. }) = self.complete(effect) else { return };
        if let Some(task) = self.task(&id).filter(|task| task.work.tip.as_ref() == Some(&tip)) {
            task.foreseen = Some(Foreseen { tip, onto, files: Vec::new() });
        }
        self.note(true, format!("conflicts of {id} can't be foreseen: {error}"));
    }

    /// What was foreseen of an earlier tip.
    fn forecast_over(&mut self, id: &TaskId, tip: &Oid) {
        let findings = self.task(id).into_iter().flat_map(|task| &mut task.findings);
        for finding in findings.filter(|finding| finding.is_open() && finding.source == FORECAST) {
            finding.state = FindingState::Fixed(tip.clone());
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

fn remark(overlap: &Overlap) -> Remark {
    let (other, files) = (&overlap.task, &overlap.files);
    let count = files.len().saturating_add(usize::try_from(overlap.more).unwrap_or(usize::MAX));
    let named: Vec<&str> = files.iter().take(NAMED).map(|file| file.path.as_str()).collect();
    let mut suggestion = format!("{}: {}", counted(count, "file"), named.join(", "));
    if count > named.len() {
        suggestion.push_str(", …");
    }
    for file in files.iter().take(NAMED) {
        if suggestion.len() + file.hunks.len() < SHOWN {
            suggestion.push_str(&format!("\n{}\n{}", file.path, file.hunks));
        }
    }
    Remark {
        severity: Severity::Minor,
        file: if count == 1 { named.concat() } else { String::new() },
        line: 0,
        description: format!(
            "as both stand, this conflicts with the work of task {other}, which was not merged when this was committed; no \
             reason to send the work back, but keep the change apart from the other's where that costs nothing"
        ),
        suggestion,
    }
}
