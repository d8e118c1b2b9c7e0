//! Steps: what agents report while they work and how their attempts end.
//!
//! Rounds are not attempts: a failure of the infrastructure, a correction turn or a quota takes no round.

use super::effect::{ControlAction, EffectKind};
use super::state::{Attempt, StepRun, Task};
use super::turn::Turn;
use crate::model::event::StepEvent;
use crate::model::{
    AgentState, AgentStatus, AttentionReason, Brief, EffectId, FailureKind, Hold, StatusSource, StepKind,
    StepOutcome, TaskId, Timestamp, Verdict, Vote, Wait, counted,
};

/// Which step of the run an effect belongs to.
pub(super) enum StepOf {
    Planner,
    Task(TaskId),
    Slot(TaskId, u32),
}

impl StepOf {
    pub fn new(task: Option<&TaskId>, brief: &Brief) -> StepOf {
        match (task, brief.step) {
            (None, _) => StepOf::Planner,
            (Some(task), StepKind::Review) => StepOf::Slot(task.clone(), brief.slot),
            (Some(task), StepKind::Plan | StepKind::Implement | StepKind::Fix) => StepOf::Task(task.clone()),
        }
    }

    fn task(&self) -> Option<&TaskId> {
        match self {
            StepOf::Planner => None,
            StepOf::Task(task) | StepOf::Slot(task, _) => Some(task),
        }
    }
}

impl Turn<'_> {
    pub fn apply_step(&mut self, event: &StepEvent) {
        match event {
            StepEvent::Spawned { effect, session, .. } => {
                let status = AgentStatus {
                    state: AgentState::Working,
                    message: String::new(),
                    source: StatusSource::Process,
                };
                if let Some(entry) =
                    self.state.sessions.get_mut(effect).filter(|session| session.ended.is_none())
                {
                    entry.id = Some(session.clone());
                }
                self.set_status(*effect, status);
            }
            StepEvent::SessionSeen { effect, resume } => self.session_seen(*effect, resume),
            StepEvent::SessionGone { effect } => self.session_gone(*effect),
            StepEvent::Used { effect, usage } => self.used(*effect, *usage),
            StepEvent::StatusChanged { effect, status } => self.set_status(*effect, status.clone()),
            StepEvent::Stalled { effect } => self.set_stalled(*effect, true),
            StepEvent::Progressed { effect } => self.set_stalled(*effect, false),
            StepEvent::Ended { effect, outcome } => self.step_ended(*effect, outcome),
            StepEvent::Unsaid { effect, words } => self.unsaid(*effect, words),
            StepEvent::Controlled { effect, error } => self.controlled(*effect, error.clone()),
        }
    }

    fn set_status(&mut self, effect: EffectId, status: AgentStatus) {
        if let Some(session) = self.state.sessions.get_mut(&effect).filter(|session| session.ended.is_none())
        {
            if session.status.state != status.state {
                session.status_since = self.now;
            }
            session.status = status;
            session.asked = None;
        }
    }

    /// It was answered: what it asked is not asked a second time while the answer is on its way.
    pub fn answered(&mut self, effect: EffectId) {
        if let Some(session) = self.state.sessions.get_mut(&effect) {
            session.asked = Some(std::mem::replace(&mut session.status.state, AgentState::Working));
            session.status_since = self.now;
        }
    }

    /// The answer did not arrive.
    fn asks_again(&mut self, effect: EffectId) {
        if let Some(session) = self.state.sessions.get_mut(&effect).filter(|session| session.ended.is_none())
            && let Some(asked) = session.asked.take()
        {
            session.status.state = asked;
        }
    }

    fn set_stalled(&mut self, effect: EffectId, stalled: bool) {
        if let Some(session) = self.state.sessions.get_mut(&effect).filter(|session| session.ended.is_none())
        {
            session.stalled = stalled;
        }
    }

    fn session_seen(&mut self, effect: EffectId, resume: &str) {
        let agent = self.state.sessions.get(&effect).map(|session| session.name.as_str().into());
        if let Some(step) = self.step_of_effect(effect).and_then(|of| self.step_mut(&of)) {
            step.resume = Some(resume.to_owned());
            step.resume_of = agent;
        }
    }

    /// Whoever works next hears it.
    fn unsaid(&mut self, effect: EffectId, words: &[String]) {
        let Some(EffectKind::RunStep { task, agent, .. }) = self.state.in_flight.get(&effect) else { return };
        let (task, agent) = (task.clone(), agent.clone());
        let notes = match task.as_ref().map(|id| self.state.tasks.get_mut(id)) {
            None => &mut self.state.run.planning.notes,
            Some(Some(task)) => &mut task.notes,
            Some(None) => return,
        };
        notes.extend_from_slice(words);
        if let Some(id) = &task {
            words.iter().for_each(|text| self.went_unheard(id, text));
        }
        self.note(false, format!("{agent} had ended before it heard you: the next attempt or round is told"));
    }

    fn session_gone(&mut self, effect: EffectId) {
        if let Some(step) = self.step_of_effect(effect).and_then(|of| self.step_mut(&of)) {
            step.resume = None;
            step.spent = crate::model::Usage::default();
        }
    }

    fn used(&mut self, effect: EffectId, usage: crate::model::Usage) {
        let Some(session) = self.state.sessions.get_mut(&effect) else { return };
        session.usage = session.usage.plus(usage);
        let task = session.task.clone();
        if let Some(task) = task.and_then(|id| self.state.tasks.get_mut(&id)) {
            task.usage = task.usage.plus(usage);
        }
        self.state.run.usage = self.state.run.usage.plus(usage);
        if let Some(step) = self.step_of_effect(effect).and_then(|of| self.step_mut(&of)) {
            step.spent = step.spent.plus(usage);
        }
        self.count_usage(effect, usage);
    }

    fn step_of_effect(&self, effect: EffectId) -> Option<StepOf> {
        match self.state.in_flight.get(&effect)? {
            EffectKind::RunStep { task, brief, .. } => Some(StepOf::new(task.as_ref(), brief)),
            _ => None,
        }
    }

    pub fn step_mut(&mut self, of: &StepOf) -> Option<&mut StepRun> {
        match of {
            StepOf::Planner => Some(&mut self.state.run.planning.step),
            StepOf::Task(task) => self.state.tasks.get_mut(task).map(|task| &mut task.step),
            StepOf::Slot(task, slot) => {
                let review = self.state.tasks.get_mut(task)?.review.as_mut()?;
                review.slots.get_mut(usize::try_from(*slot).ok()?).map(|slot| &mut slot.step)
            }
        }
    }

    fn step_ended(&mut self, effect: EffectId, outcome: &StepOutcome) {
        let Some(of) = self.step_of_effect(effect) else { return };
        let (told, agent) = match self.complete(effect) {
            Some(EffectKind::RunStep { brief, agent, .. }) => (brief.notes.len(), agent),
            _ => return,
        };
        self.note_work_time(effect, &of);
        if let StepOutcome::Failed { failure: FailureKind::Quota { until }, .. } = outcome {
            let later = self.now.plus(self.state.policy.retry.backoff_cap_ms);
            self.trip(&agent, until.filter(|until| *until > self.now).unwrap_or(later));
        }
        // A result counts only for the attempt that is waited for: the round may have moved on, or the task be over.
        let over =
            of.task().and_then(|id| self.state.tasks.get(id)).is_some_and(|task| task.phase.is_terminal());
        if over || self.step_mut(&of).is_none_or(|step| step.at != Attempt::Running(effect)) {
            return;
        }
        match outcome {
            StepOutcome::Worked { disputed, .. } => self.worked(&of, told, disputed),
            StepOutcome::Planned { plan } if matches!(of, StepOf::Planner) => self.planned(plan.clone()),
            StepOutcome::Reviewed { verdict } => match &of {
                StepOf::Slot(..) if names_nothing(verdict) => {
                    self.invalid(&of, vec!["changes are requested, but no remark says which".to_owned()]);
                }
                StepOf::Slot(task, slot) => self.voted(task, *slot, verdict.clone()),
                StepOf::Planner | StepOf::Task(_) => {
                    self.invalid(&of, vec!["a verdict was not asked for".to_owned()])
                }
            },
            StepOutcome::Planned { .. } => self.invalid(&of, vec!["a plan was not asked for".to_owned()]),
            StepOutcome::Invalid { errors } => self.invalid(&of, errors.clone()),
            StepOutcome::Failed { failure, message } => self.failed(&of, *failure, message),
            StepOutcome::TimedOut => self.failed(&of, FailureKind::Infrastructure, "the time limit ended it"),
            StepOutcome::Lost => self.try_again(&of, "its process is gone and left no result"),
            StepOutcome::Cancelled => {
                if let Some(step) = self.step_mut(&of) {
                    step.at = Attempt::Todo;
                    step.interrupted = Some("it was ended on request".to_owned());
                }
            }
        }
    }

    fn note_work_time(&mut self, effect: EffectId, of: &StepOf) {
        let started = self.state.sessions.get(&effect).map(|session| session.started);
        let spent = started.map_or(0, |started| self.now.since(started));
        let Some(id) = of.task().cloned() else { return };
        self.task(&id).into_iter().for_each(|task| task.worked_ms = task.worked_ms.saturating_add(spent));
        self.hold_to_limits(&id);
    }

    /// The step is done. Of the notes it has heard those in its brief: what was said meanwhile is for the next one.
    fn worked(&mut self, of: &StepOf, told: usize, disputed: &[String]) {
        match of {
            StepOf::Task(id) => {
                if let Some(task) = self.state.tasks.get_mut(id) {
                    task.step.at = Attempt::Ended;
                    task.work.uncommitted = true;
                    task.work.disputed = disputed.to_vec();
                    task.notes.drain(..told.min(task.notes.len()));
                }
            }
            StepOf::Planner => self.planner_invalid(vec!["there is no plan in the output".to_owned()]),
            StepOf::Slot(..) => self.invalid(of, vec!["there is no verdict in the output".to_owned()]),
        }
    }

    /// The same session corrects its output; that takes no round and no attempt.
    fn invalid(&mut self, of: &StepOf, errors: Vec<String>) {
        if matches!(of, StepOf::Planner) {
            return self.planner_invalid(errors);
        }
        let limit = self.state.policy.retry.corrections;
        let Some(step) = self.step_mut(of) else { return };
        step.corrections += 1;
        if step.corrections <= limit {
            step.errors = errors;
            step.at = Attempt::Todo;
        } else {
            let message =
                format!("its output stayed invalid after {limit} corrections: {}", errors.join("; "));
            self.give_up(of, message);
        }
    }

    fn failed(&mut self, of: &StepOf, failure: FailureKind, message: &str) {
        let retry = self.state.policy.retry;
        let now = self.now;
        let Some(step) = self.step_mut(of) else { return };
        step.interrupted = Some(message.to_owned());
        match failure {
            FailureKind::Authentication | FailureKind::Configuration => self.give_up(of, message.to_owned()),
            FailureKind::Quota { until } => {
                let until = until.filter(|until| *until > now).unwrap_or(now.plus(retry.backoff_cap_ms));
                self.wait(of, Wait::Quota, until);
            }
            FailureKind::Infrastructure => {
                let times = step.failed_like(message);
                let one_is_left = step.failures.saturating_add(2) >= retry.attempts;
                if retry.same_failure > 0 && times >= retry.same_failure && one_is_left {
                    step.begin_anew();
                }
                self.try_again(of, message);
            }
        }
    }

    /// Another attempt after a while, if one is left.
    fn try_again(&mut self, of: &StepOf, message: &str) {
        let (retry, now) = (self.state.policy.retry, self.now);
        let Some(step) = self.step_mut(of) else { return };
        step.interrupted = Some(message.to_owned());
        step.failures += 1;
        if step.failures >= retry.attempts {
            let message = format!("failed {}: {message}", counted(step.failures, "time"));
            return self.give_up(of, message);
        }
        let factor = 1u64.checked_shl(step.failures.saturating_sub(1)).unwrap_or(u64::MAX);
        let pause = retry.backoff_ms.saturating_mul(factor).min(retry.backoff_cap_ms);
        self.wait(of, Wait::Backoff, now.plus(pause));
    }

    /// The next attempt starts at that moment.
    fn wait(&mut self, of: &StepOf, wait: Wait, until: Timestamp) {
        let timer = self.emit(EffectKind::StartTimer { until });
        if let Some(step) = self.step_mut(of) {
            step.at = Attempt::Waiting(timer);
        }
        if let StepOf::Task(id) = of
            && let Some(task) = self.state.tasks.get_mut(id).filter(|task| task.hold.is_none())
        {
            task.hold = Some(Hold::Waiting { wait, until });
        }
    }

    /// Nothing of the task waits for a moment any more: its next attempts are due.
    pub fn drop_waits(&mut self, id: &TaskId) {
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        let slots = task.review.iter_mut().flat_map(|review| &mut review.slots).map(|slot| &mut slot.step);
        for step in std::iter::once(&mut task.step).chain(slots) {
            if let Attempt::Waiting(timer) = step.at {
                step.at = Attempt::Todo;
                self.state.in_flight.remove(&timer);
            }
        }
        if matches!(task.hold, Some(Hold::Waiting { .. })) {
            task.hold = None;
        }
    }

    /// The same for the whole run.
    pub fn drop_all_waits(&mut self) {
        for id in self.state.order.clone() {
            self.drop_waits(&id);
        }
        let planner = &mut self.state.run.planning.step;
        if let Attempt::Waiting(timer) = planner.at {
            planner.at = Attempt::Todo;
            self.state.in_flight.remove(&timer);
        }
    }

    pub fn fire(&mut self, timer: EffectId) {
        if self.complete(timer).is_none() || self.time_is_up(timer) {
            return;
        }
        let waits = |step: &StepRun| step.at == Attempt::Waiting(timer);
        if waits(&self.state.run.planning.step) {
            self.state.run.planning.step.at = Attempt::Todo;
        }
        let slots =
            |task: &Task| task.review.iter().flat_map(|review| &review.slots).any(|slot| waits(&slot.step));
        let concerned = |(id, task): (&TaskId, &Task)| (waits(&task.step) || slots(task)).then(|| id.clone());
        let concerned: Vec<TaskId> = self.state.tasks.iter().filter_map(concerned).collect();
        for id in concerned {
            let Some(task) = self.state.tasks.get_mut(&id) else { continue };
            if waits(&task.step) {
                task.step.at = Attempt::Todo;
                if matches!(task.hold, Some(Hold::Waiting { .. })) {
                    task.hold = None;
                }
            }
            for slot in task.review.iter_mut().flat_map(|review| &mut review.slots) {
                if waits(&slot.step) {
                    slot.step.at = Attempt::Todo;
                }
            }
        }
    }

    /// No attempt is left, or none can help: a person decides.
    fn give_up(&mut self, of: &StepOf, message: String) {
        match of {
            StepOf::Planner => {
                let planning = &mut self.state.run.planning;
                planning.step.at = Attempt::Ended;
                planning.failed = true;
                planning.problems = vec![message];
            }
            StepOf::Task(id) => {
                if let Some(task) = self.state.tasks.get_mut(id) {
                    task.step.at = Attempt::Ended;
                }
                self.need(id, AttentionReason::StepFailed(message));
            }
            StepOf::Slot(id, slot) => self.no_vote(id, *slot, message),
        }
    }

    /// A control effect has been carried out, or not.
    pub fn controlled(&mut self, effect: EffectId, error: Option<String>) {
        let Some(EffectKind::Control { target, action }) = self.complete(effect) else { return };
        let Some(error) = error else { return };
        let session = self.state.sessions.get(&target);
        let task = session.and_then(|session| session.task.clone());
        let name = session.map_or_else(|| "the session".to_owned(), |session| session.name.clone());
        match action {
            ControlAction::Prompt(text) => {
                if let Some(id) = task {
                    self.went_unheard(&id, &text);
                    self.task(&id).into_iter().for_each(|task| task.notes.push(text.clone()));
                }
                self.note(false, format!("{name} gets your prompt with its next attempt: {error}"));
            }
            ControlAction::Answer { .. } => {
                self.asks_again(target);
                self.note(true, format!("your answer did not reach {name}: {error}"));
            }
            ControlAction::Interrupt => self.note(true, format!("{name} was not interrupted: {error}")),
            ControlAction::Pause | ControlAction::Continue | ControlAction::End => {}
        }
    }

    /// Starts an attempt; the step waits for it.
    pub fn run_step(&mut self, of: &StepOf, mut brief: Brief, agent: crate::model::AgentName) {
        let retry = self.state.policy.retry;
        if let Some(until) = self.state.breaker(&agent, self.now) {
            return self.wait(of, Wait::Quota, until);
        }
        let Some(step) = self.step_mut(of) else { return };
        brief.attempt = step.failures + 1;
        brief.interrupted = step.interrupted.take();
        brief.corrections = step.errors.clone();
        step.told = brief.findings.iter().map(|finding| finding.number).collect();
        if step.resume_of.as_ref() != Some(&agent) {
            (step.resume, step.spent) = (None, crate::model::Usage::default());
        }
        let (resume, resumed) = (step.resume.clone(), step.spent);
        let timeout_ms =
            if brief.step == StepKind::Review { retry.review_timeout_ms } else { retry.step_timeout_ms };
        let kind = EffectKind::RunStep {
            task: of.task().cloned(),
            agent,
            brief: Box::new(brief),
            resume,
            resumed,
            timeout_ms,
            idle_ms: retry.idle_ms,
        };
        let effect = self.emit(kind);
        if let Some(step) = self.step_mut(of) {
            step.at = Attempt::Running(effect);
        }
        if let StepOf::Task(id) = of {
            // It is told what the task says now.
            self.task(id).into_iter().for_each(|task| task.work.unheard = false);
        }
    }
}

/// Changes wanted, and none named: that is no verdict yet.
fn names_nothing(verdict: &Verdict) -> bool {
    verdict.vote == Vote::RequestChanges
        && verdict.remarks.iter().all(|remark| remark.description.trim().is_empty())
}
