//! Going back: a task as it stood when a round of it began, with its branch and its worktree.
//!
//! The log only grows: that a task was put back is one more event. Invariant: nothing that was committed or written is
//! lost by it; and nobody works in a worktree that was not put back yet.

use super::decide::Refusal;
use super::effect::{ControlAction, EffectKind};
use super::state::{Evidence, Limit, Mark, State, StepRun};
use super::turn::Turn;
use crate::model::event::{Change, PersonEvent};
use crate::model::{EffectId, Hold, Oid, Phase, TaskId};

/// The event of going back, or why that can't be.
pub(super) fn decide(state: &State, id: &TaskId, round: u32) -> Result<PersonEvent, Refusal> {
    let Some(task) = state.tasks.get(id) else { return Err(Refusal(format!("there is no task {id}"))) };
    let refuse = |text: String| Err(Refusal(text));
    match task.phase {
        Phase::Done => return refuse(format!("{id} is merged: fork the run before that, or add a task")),
        Phase::Blocked | Phase::Ready => return refuse(format!("{id} has not begun")),
        Phase::Cancelled => return refuse(format!("{id} was given up")),
        _ if state.effects_of(id).any(|(_, kind)| !kind.is_session()) => {
            return refuse(format!("git is at work for {id}: try again in a moment"));
        }
        _ if task.merge.as_ref().is_some_and(|merge| merge.uncertain) => {
            return refuse(format!("{id} may be merged already, for git did not say: retry it first"));
        }
        _ => {}
    }
    let Some(mark) = task.history.iter().find(|mark| mark.round == round) else {
        let rounds: Vec<String> = task.history.iter().map(|mark| mark.round.to_string()).collect();
        return refuse(format!("{id} had no round {round}; it had {}", rounds.join(", ")));
    };
    Ok(PersonEvent::Rewound { task: id.clone(), round, to: mark.tip.clone() })
}

impl Turn<'_> {
    /// A round of a task begins: how it stands is kept.
    pub fn mark_round(&mut self, id: &TaskId) {
        if let Some(task) = self.task(id) {
            let (round, tip, base) = (task.round, task.work.tip.clone(), task.work.base.clone());
            task.history.retain(|mark| mark.round < round);
            task.history.push(Mark { round, tip, base, findings: task.findings.clone() });
        }
    }

    pub fn rewound(&mut self, id: &TaskId, round: u32) {
        self.drop_waits(id);
        let sessions: Vec<EffectId> = self.state.live_sessions(id).map(|(effect, _)| effect).collect();
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        let Some(mark) = task.history.iter().find(|mark| mark.round == round).cloned() else { return };
        task.history.retain(|mark| mark.round <= round);
        let base = mark.base.or_else(|| task.work.base.clone());
        task.work.rewind = mark.tip.clone().or_else(|| base.clone());
        (task.work.tip, task.work.base) = (mark.tip, base);
        task.work.change = Change::default();
        (task.work.uncommitted, task.work.merging) = (false, None);
        task.work.checks.clear();
        task.work.disputed.clear();
        task.findings = mark.findings;
        task.round = round;
        task.limit = Limit { last_validation: false, returned_merges: 0, ..task.limit };
        (task.step, task.evidence) = (StepRun::default(), Evidence::default());
        (task.review, task.merge, task.foreseen) = (None, None, None);
        task.forget_repeats();
        let was_paused = task.hold == Some(Hold::Paused);
        self.release(id);
        self.enter(id, Phase::Implementing);
        for target in sessions {
            self.control(target, ControlAction::End);
            if was_paused {
                self.control(target, ControlAction::Continue);
            }
        }
    }

    /// What has to be done before anybody works in the worktree again.
    pub fn reset_due(&mut self, id: &TaskId) -> bool {
        let due = self.state.tasks.get(id).and_then(|task| task.work.rewind.clone());
        let Some(to) = due else { return false };
        self.emit(EffectKind::ResetWork { task: id.clone(), to });
        true
    }

    pub fn reset(&mut self, effect: EffectId, kept: &[String]) {
        let Some(EffectKind::ResetWork { task: id, to }) = self.complete(effect) else { return };
        if let Some(task) = self.task(&id) {
            let done = |wanted: &Oid| *wanted == to;
            task.work.rewind = task.work.rewind.take().filter(|wanted| !done(wanted));
        }
        if !kept.is_empty() {
            self.note(false, format!("{id}: what it had done since is kept at {}", kept.join(", ")));
        }
    }
}
