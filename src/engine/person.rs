//! What people did. A request was checked before it became an event; here its facts are taken in.

use super::comments::PERSON;
use super::effect::{ControlAction, EffectKind};
use super::state::{Attempt, StepRun};
use super::turn::Turn;
use crate::model::event::PersonEvent;
use crate::model::{AttentionReason, EffectId, Hold, Oid, Phase, TaskId};

impl Turn<'_> {
    pub fn apply_person(&mut self, event: &PersonEvent) {
        match event {
            PersonEvent::PlanAccepted(plan) => self.accept_plan(plan.clone()),
            PersonEvent::PlanRejected { reason } if reason.trim().is_empty() => self.stop(),
            PersonEvent::PlanRejected { reason } => self.plan_again(reason.clone()),
            PersonEvent::Answered { effect, allow, text } => {
                self.answered(*effect);
                self.control(*effect, ControlAction::Answer { allow: *allow, text: text.clone() });
            }
            PersonEvent::Approved { task, oid } => self.approved(task, oid),
            PersonEvent::TakenOver { task } => self.taken_over(task),
            PersonEvent::Rejected { task, reason } => self.rejected(task, reason),
            PersonEvent::Retried { task } => self.retried(task),
            PersonEvent::Paused { task } => self.pause_task(task),
            PersonEvent::Resumed { task } => self.resume_task(task),
            PersonEvent::Prompted { task, text } => self.prompted(task, text),
            PersonEvent::Interrupted { effect } => self.control(*effect, ControlAction::Interrupt),
            PersonEvent::Restarted { effect } => self.control(*effect, ControlAction::End),
            PersonEvent::Cancelled { task } => self.cancel(task),
            PersonEvent::Added(spec) => {
                self.add_task((**spec).clone());
                self.rank_tasks();
                self.mark_end();
            }
            PersonEvent::Edited(edit)
            | PersonEvent::Split { edit, .. }
            | PersonEvent::Joined { edit, .. } => {
                self.apply_edit(edit);
            }
            PersonEvent::Commented { task, file, line, text } => self.commented(task, file, *line, text),
            PersonEvent::Dismissed { task, number, reason } => self.dismissed(task, *number, reason),
            PersonEvent::Rewound { task, round, .. } => self.rewound(task, *round),
            PersonEvent::ChecksAccepted { task, oid } => self.checks_accepted(task, oid),
            PersonEvent::RunPaused => self.pause_run(true),
            PersonEvent::RunResumed => self.resume_run(),
            PersonEvent::BudgetSet { micros } => self.state.policy.budget_micros = *micros,
            PersonEvent::Stopped => self.stop(),
            PersonEvent::LandRequested => {
                if let (Some(branch), Some(to)) = (self.state.run.branch.clone(), self.state.run.tip.clone())
                {
                    self.emit(EffectKind::Land { branch, to });
                }
            }
            PersonEvent::UndoRequested => {
                if let (Some(branch), Some((to, from))) =
                    (self.state.run.branch.clone(), self.state.run.landing.clone())
                {
                    self.emit(EffectKind::UndoLand { branch, from, to });
                }
            }
        }
    }

    /// An approval counts for the tree that it names and for no other.
    fn approved(&mut self, id: &TaskId, oid: &Oid) {
        let tip = self.tip_of(id);
        let waits = self.state.tasks.get(id).is_some_and(|task| task.phase == Phase::AwaitingHuman);
        if waits && tip.as_ref() == Some(oid) {
            self.task(id).into_iter().for_each(|task| task.work.checks_accepted = Some(oid.clone()));
            self.defer_comments(id);
            self.queue_merge(id);
        } else {
            self.note(
                true,
                format!("{id}: the approval was for {}, which is not its tip any more", oid.short()),
            );
        }
    }

    /// The work is judged by the checks as it changed them.
    fn checks_accepted(&mut self, id: &TaskId, oid: &Oid) {
        if let Some(task) = self.task(id).filter(|task| task.work.tip.as_ref() == Some(oid)) {
            task.work.checks_accepted = Some(oid.clone());
            task.evidence = super::state::Evidence::default();
        }
        self.release(id);
    }

    fn taken_over(&mut self, id: &TaskId) {
        self.release(id);
        if let Some(task) = self.task(id) {
            task.limit.last_validation = false;
        }
        self.enter(id, Phase::AwaitingHuman);
    }

    pub fn queue_merge(&mut self, id: &TaskId) {
        self.enter(id, Phase::MergeQueued);
        self.state.merge_queue.push(id.clone());
    }

    fn rejected(&mut self, id: &TaskId, reason: &str) {
        self.add_finding_of(id, PERSON, "", reason);
        self.another_round(id);
    }

    /// A round that a person grants.
    fn another_round(&mut self, id: &TaskId) {
        self.release(id);
        self.grant_round(id, Phase::Implementing);
    }

    /// A round beyond the policy's that begins in this phase: a fix is of the round that is, and leads to the next. Where
    /// the task is held, it stays so.
    pub fn grant_round(&mut self, id: &TaskId, phase: Phase) {
        let limit = self.state.tasks.get(id).map_or(0, |task| self.state.round_limit(task));
        if let Some(task) = self.task(id) {
            if task.round >= limit {
                task.limit.extra_rounds += 1;
            }
            task.limit.last_validation = false;
            task.round += u32::from(phase != Phase::Fixing);
            task.merge = None;
        }
        if phase != Phase::Fixing {
            self.mark_round(id);
        }
        self.next_step(id);
        self.enter(id, phase);
    }

    fn retried(&mut self, id: &TaskId) {
        self.drop_waits(id);
        self.ask_again(id);
        let Some(task) = self.task(id) else { return };
        if matches!(task.phase, Phase::Exhausted | Phase::Failed) {
            return self.another_round(id);
        }
        let reset = |step: &mut StepRun| {
            if !matches!(step.at, Attempt::Running(_)) {
                *step = StepRun { interrupted: step.interrupted.take(), ..step.next() };
            }
        };
        match &task.hold {
            Some(Hold::NeedsAttention(AttentionReason::VoteMissing(_))) => {
                for slot in task.review.iter_mut().flat_map(|review| &mut review.slots) {
                    if slot.failure.take().is_some() {
                        slot.step = StepRun::default();
                        slot.agent = slot.tried.first().unwrap_or(&slot.agent).clone();
                        slot.tried.clear();
                    }
                }
            }
            Some(Hold::NeedsAttention(AttentionReason::ConflictUnsolved)) => {
                task.limit.returned_merges = 0;
                reset(&mut task.step);
            }
            Some(Hold::NeedsAttention(AttentionReason::StepFailed(_) | AttentionReason::NothingChanged)) => {
                reset(&mut task.step);
            }
            Some(Hold::NeedsAttention(AttentionReason::GateFailed(_))) => {
                task.evidence.broken = 0;
                task.merge.iter_mut().for_each(|merge| merge.evidence.broken = 0);
            }
            Some(Hold::NeedsAttention(AttentionReason::Repeats(_))) => task.forget_repeats(),
            Some(Hold::NeedsAttention(AttentionReason::SetupFailed(_))) => task.work.broken_setups = 0,
            Some(Hold::NeedsAttention(AttentionReason::Budget(_))) => task.limit.extra_budgets += 1,
            Some(Hold::NeedsAttention(
                AttentionReason::GitFailed(_)
                | AttentionReason::DependencyFailed(_)
                | AttentionReason::CheckDisputed(_),
            ))
            | Some(Hold::Paused | Hold::Waiting { .. })
            | None => {}
        }
        self.release(id);
    }

    /// Nothing holds the task any more.
    pub fn release(&mut self, id: &TaskId) {
        let now = self.now;
        if let Some(task) = self.task(id) {
            task.hold = None;
            task.since = now;
            self.state.unblocking.insert(id.clone());
        }
    }

    fn pause_task(&mut self, id: &TaskId) {
        if let Some(task) = self.task(id) {
            task.hold = Some(Hold::Paused);
            task.placed = false;
        }
        self.control_all(id, ControlAction::Pause);
    }

    fn resume_task(&mut self, id: &TaskId) {
        self.release(id);
        // Its agents go on at once, place or none; a task without any waits for a free place.
        let lives = self.state.live_sessions(id).next().is_some();
        if let Some(task) = self.task(id) {
            task.placed = lives && task.phase.is_working();
        }
        if !self.state.run.paused {
            self.control_all(id, ControlAction::Continue);
        }
    }

    fn control_all(&mut self, id: &TaskId, action: ControlAction) {
        let targets: Vec<EffectId> = self.state.live_sessions(id).map(|(effect, _)| effect).collect();
        for target in targets {
            self.pause_session(target, action.clone());
        }
    }

    /// Text goes to the session that is at work, else to the next attempt.
    fn prompted(&mut self, id: &TaskId, text: &str) {
        let live = self
            .state
            .live_sessions(id)
            .find(|(_, session)| session.step.is_some())
            .map(|(effect, _)| effect);
        match live {
            Some(target) => self.control(target, ControlAction::Prompt(text.to_owned())),
            None => self.task(id).into_iter().for_each(|task| task.notes.push(text.to_owned())),
        }
    }

    pub fn cancel(&mut self, id: &TaskId) {
        self.drop_waits(id);
        self.release(id);
        self.enter(id, Phase::Cancelled);
        let targets: Vec<EffectId> = self.state.live_sessions(id).map(|(effect, _)| effect).collect();
        for target in targets {
            self.control(target, ControlAction::End);
        }
    }
}
