//! The run as a whole: opening it, its plan, its integration branch, landing, recovery.

use super::effect::{ControlAction, EffectKind};
use super::graph;
use super::state::{Attempt, Planning, Stage, StepRun, Task};
use super::turn::Turn;
use crate::model::event::{RunEvent, RunStart};
use crate::model::{AttentionReason, EffectId, Hold, Plan, PlanTask, TaskId, counted};

impl Turn<'_> {
    /// The first effects of a run.
    pub fn open_run(&mut self, start: &RunStart) {
        let branch = self.state.integration_branch();
        self.emit(EffectKind::CreateIntegration { branch, at: start.base.clone() });
        self.start_clock();
        self.warn_of_kin();
        if let Some(plan) = &start.plan {
            self.propose(plan.clone());
        }
    }

    pub fn apply_run(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started(_) => {}
            RunEvent::PolicyChanged(policy) => {
                if policy.gates != self.state.policy.gates {
                    self.state.proofs.forget();
                }
                let is_same = policy.limits.run_ms == self.state.policy.limits.run_ms;
                self.state.policy = (**policy).clone();
                if !is_same {
                    self.restart_clock();
                }
            }
            RunEvent::IntegrationReady { effect, oid } => {
                if self.complete(*effect).is_some() {
                    self.state.run.tip = Some(oid.clone());
                    self.state.run.trouble = None;
                }
            }
            RunEvent::IntegrationFailed { effect, error } => {
                if self.complete(*effect).is_some() {
                    self.state.run.trouble =
                        Some(format!("the integration branch could not be made: {error}"));
                }
            }
            RunEvent::Recovered { reattached, ended, lost } => {
                self.recover(reattached.len(), ended.len(), lost.len());
            }
            RunEvent::Landed { effect, from, to } => {
                if self.complete(*effect).is_some() {
                    self.state.run.landing = Some((from.clone(), to.clone()));
                    let branch = self.state.run.branch.clone().unwrap_or_default();
                    self.note(
                        false,
                        format!("landed: {branch} is at {} now (was {})", to.short(), from.short()),
                    );
                }
            }
            RunEvent::LandRefused { effect, reason } => {
                if self.complete(*effect).is_some() {
                    self.note(true, format!("not landed: {reason}"));
                }
            }
            RunEvent::LandUndone { effect } => {
                if self.complete(*effect).is_some() {
                    self.state.run.landing = None;
                    self.note(false, "the landing was taken back".to_owned());
                }
            }
        }
    }

    /// A plan has come: refused with reasons, taken up, or shown to a person.
    pub fn propose(&mut self, mut plan: Plan) {
        if plan.goal.trim().is_empty() {
            plan.goal.clone_from(&self.state.run.goal);
        }
        let problems = graph::problems(&plan.tasks, &self.state.policy);
        let planning = &mut self.state.run.planning;
        planning.problems = problems;
        planning.failed = false;
        if planning.problems.is_empty() && planning.go {
            return self.accept_plan(plan);
        }
        planning.proposal = Some(plan);
        self.go_to(Stage::Proposed);
    }

    /// A plan may still come from a run that was stopped: it is kept, and the run stays stopped.
    fn go_to(&mut self, stage: Stage) {
        if self.state.run.stage != Stage::Stopped {
            self.state.run.stage = stage;
        }
    }

    pub fn accept_plan(&mut self, plan: Plan) {
        if !plan.goal.trim().is_empty() {
            self.state.run.goal = plan.goal;
        }
        self.state.run.planning =
            Planning { step: self.state.run.planning.step.clone(), go: true, ..Planning::default() };
        self.go_to(Stage::Working);
        for spec in plan.tasks {
            self.add_task(spec);
        }
        self.rank_tasks();
        self.mark_end();
    }

    pub fn add_task(&mut self, spec: PlanTask) {
        let id = spec.id.clone();
        for dependency in &spec.depends_on {
            self.state.dependents.entry(dependency.clone()).or_default().push(id.clone());
        }
        self.state.order.push(id.clone());
        self.state.unblocking.insert(id.clone());
        self.state.tasks.insert(id, Task::new(spec, self.now));
    }

    /// Another task is done, so more is known of how long tasks take. Whenever that has doubled the chains are measured anew:
    /// seldom enough for very many tasks.
    pub fn measure(&mut self) {
        let done = self.state.tasks.settle().done();
        if self.state.policy.rank_by_time && done.is_power_of_two() {
            self.rank_tasks();
        }
    }

    /// Where each task stands, among those that wait for it and in the plan.
    pub fn rank_tasks(&mut self) {
        let lengths = self.state.lengths();
        let ranks = graph::ranks(self.state.tasks.values().map(|task| &task.spec), &lengths);
        for (task, rank) in self.state.tasks.values_mut().zip(ranks) {
            task.rank = rank;
        }
        for (position, id) in self.state.order.iter().enumerate() {
            self.state.tasks.get_mut(id).into_iter().for_each(|task| task.position = position);
        }
    }

    /// The planner's plan or none: what comes of its step is like any other step's.
    pub fn planned(&mut self, plan: Plan) {
        let problems = graph::problems(&plan.tasks, &self.state.policy);
        if problems.is_empty() {
            self.state.run.planning.step.at = Attempt::Ended;
            self.propose(plan);
        } else {
            self.planner_invalid(problems);
        }
    }

    /// A plan that can't be worked on: the planner corrects it, a few times.
    pub fn planner_invalid(&mut self, errors: Vec<String>) {
        let limit = self.state.policy.retry.corrections;
        let planning = &mut self.state.run.planning;
        planning.problems = errors.clone();
        planning.step.corrections += 1;
        planning.step.errors = errors;
        if planning.step.corrections > limit {
            planning.failed = true;
            planning.step.at = Attempt::Ended;
        } else {
            planning.step.at = Attempt::Todo;
        }
    }

    /// Planning starts again, with what the person said.
    pub fn plan_again(&mut self, reason: String) {
        let planning = &mut self.state.run.planning;
        let step = planning.step.next();
        let mut notes = std::mem::take(&mut planning.notes);
        notes.push(reason);
        *planning = Planning { step, notes, ..Planning::default() };
        self.state.run.stage = Stage::Planning;
    }

    pub fn pause_run(&mut self, paused: bool) {
        self.state.run.paused = paused;
        let action = if paused { ControlAction::Pause } else { ControlAction::Continue };
        let held = |task: &Option<TaskId>| {
            let task = task.as_ref().and_then(|id| self.state.tasks.get(id));
            task.is_some_and(|task| task.hold == Some(Hold::Paused))
        };
        let targets: Vec<EffectId> = self
            .state
            .sessions
            .iter()
            .filter(|(_, session)| session.ended.is_none() && !held(&session.task))
            .map(|(id, _)| *id)
            .collect();
        for target in targets {
            self.pause_session(target, action.clone());
        }
    }

    pub fn pause_session(&mut self, target: EffectId, action: ControlAction) {
        if let Some(session) = self.state.sessions.get_mut(&target) {
            session.paused = action == ControlAction::Pause;
        }
        self.control(target, action);
    }

    /// Ends everything that runs; a resume goes on from the facts.
    pub fn stop(&mut self) {
        self.state.run.stage = Stage::Stopped;
        self.state.run.ended = Some(self.now);
        self.drop_all_waits();
        let targets: Vec<EffectId> =
            self.state.in_flight.iter().filter(|(_, kind)| kind.is_session()).map(|(id, _)| *id).collect();
        for target in targets {
            self.control(target, ControlAction::End);
        }
    }

    /// Lets a paused, stopped or troubled run go on.
    pub fn resume_run(&mut self) {
        if self.state.run.stage == Stage::Stopped {
            let planned = !self.state.tasks.is_empty();
            let proposed = self.state.run.planning.proposal.is_some();
            self.state.run.stage = match (planned, proposed) {
                (true, _) => Stage::Working,
                (false, true) => Stage::Proposed,
                (false, false) => Stage::Planning,
            };
            self.state.run.ended = None;
            self.mark_end();
        }
        self.state.run.trouble = None;
        self.state.breakers.clear();
        self.grant_time();
        if self.state.run.planning.failed {
            let step: StepRun = self.state.run.planning.step.next();
            self.state.run.planning.step = step;
            self.state.run.planning.failed = false;
        }
        self.pause_run(false);
    }

    /// After a crash: what was in flight is asked for again, but for what must not happen twice.
    fn recover(&mut self, reattached: usize, ended: usize, lost: usize) {
        let once: Vec<EffectId> = self
            .state
            .in_flight
            .iter()
            .filter(|(_, kind)| matches!(kind, EffectKind::Control { action, .. } if !is_repeatable(action)))
            .map(|(id, _)| *id)
            .collect();
        for effect in once {
            self.controlled(effect, Some("the server ended before it was known to have arrived".to_owned()));
        }
        self.emit_again();
        self.note(
            lost > 0,
            format!(
                "recovered after {}: {} had gone on, {ended} had ended with their results kept, {lost} were lost; {} asked for again",
                counted(self.state.seq, "event"),
                counted(reattached, "session"),
                counted(self.state.in_flight.len(), "effect"),
            ),
        );
    }

    pub fn git_failed(&mut self, task: &TaskId, error: &str) {
        self.need(task, AttentionReason::GitFailed(error.to_owned()));
    }
}

fn is_repeatable(action: &ControlAction) -> bool {
    match action {
        ControlAction::Pause | ControlAction::Continue | ControlAction::End => true,
        ControlAction::Prompt(_) | ControlAction::Answer { .. } | ControlAction::Interrupt => false,
    }
}
