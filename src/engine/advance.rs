//! The second half of an update: from the facts to what is to be done next, until nothing more follows.

use super::effect::{EffectKind, GateTree};
use super::state::{Attempt, Stage, State, StepRun, Task};
use super::steps::StepOf;
use super::turn::Turn;
use crate::model::{
    AttentionReason, Brief, FindingState, GateResult, Guard, Hold, HumanGate, Phase, PlanTask, StepKind,
    TaskId,
};

impl Turn<'_> {
    pub fn advance(&mut self) {
        if matches!(self.state.run.stage, Stage::Stopped) || self.state.run.paused {
            return;
        }
        self.advance_planning();
        if self.state.run.stage != Stage::Working || self.state.run.tip.is_none() {
            return self.advance_integration();
        }
        loop {
            self.advance_blocked();
            if !self.advance_tasks() && !self.give_places() {
                return;
            }
        }
    }

    /// The integration branch is asked for again after its trouble was cleared.
    fn advance_integration(&mut self) {
        let asked =
            self.state.in_flight.values().any(|kind| matches!(kind, EffectKind::CreateIntegration { .. }));
        if self.state.run.tip.is_none() && self.state.run.trouble.is_none() && !asked {
            let (branch, at) = (self.state.integration_branch(), self.state.run.base.clone());
            self.emit(EffectKind::CreateIntegration { branch, at });
        }
    }

    fn advance_planning(&mut self) {
        let planning = &self.state.run.planning;
        let due =
            self.state.run.stage == Stage::Planning && planning.step.at == Attempt::Todo && !planning.failed;
        if due && !self.state.is_over_budget() {
            let brief = self.state.brief(StepKind::Plan, &PlanTask::default(), None, 0);
            self.run_step(&StepOf::Planner, brief, self.state.policy.team.planner.clone());
        }
    }

    /// One pass over the tasks that can move, in the order of their ids; whether anything moved. Of those that wait to
    /// merge only the next one can, whoever that is when it is its turn.
    fn advance_tasks(&mut self) -> bool {
        let mut ids = self.state.tasks.moving().into_iter().peekable();
        let mut last: Option<TaskId> = None;
        let mut moved = false;
        loop {
            let next = self.next_to_merge().filter(|id| last.as_ref().is_none_or(|last| id > last));
            let next = next.filter(|id| ids.peek().is_none_or(|other| id < other));
            let Some(id) = next.or_else(|| ids.next()) else { return moved };
            let before = self.state.tasks.get(&id).map(|task| (task.phase, task.hold.clone()));
            self.advance_task(&id);
            let after = self.state.tasks.get(&id).map(|task| (task.phase, task.hold.clone()));
            moved |= before != after;
            last = Some(id);
        }
    }

    fn advance_task(&mut self, id: &TaskId) {
        self.state.tasks.settle();
        let Some(task) = self.state.tasks.get(id) else { return };
        let busy = self.state.effects_of(id).next().is_some();
        match task.phase {
            Phase::Reviewing => self.advance_reviewing(id),
            _ if busy => {}
            Phase::Done | Phase::Cancelled => {
                self.emit(EffectKind::RemoveWork { task: id.clone() });
            }
            Phase::Implementing => self.advance_working(id, StepKind::Implement),
            Phase::Fixing => self.advance_working(id, StepKind::Fix),
            Phase::Validating => self.advance_validating(id),
            Phase::Approved => self.advance_approved(id),
            Phase::MergeQueued => self.advance_queued(id),
            Phase::Merging => self.advance_merging(id),
            Phase::Blocked | Phase::Ready | Phase::AwaitingHuman | Phase::Exhausted | Phase::Failed => {}
        }
    }

    /// Blocked tasks whose dependencies came to an end, or back from it; what follows for those behind them.
    fn advance_blocked(&mut self) {
        if self.state.unblocking.is_empty() {
            return;
        }
        while let Some(id) = self.state.unblocking.pop_first() {
            self.unblock(&id);
        }
        self.mark_end();
    }

    fn unblock(&mut self, id: &TaskId) {
        let Some(task) = self.state.tasks.get(id).filter(|task| task.phase == Phase::Blocked) else { return };
        let dependencies = task.spec.depends_on.iter().filter_map(|id| self.state.tasks.get(id));
        let lost =
            dependencies.clone().find(|dependency| dependency.is_over() && dependency.phase != Phase::Done);
        let lost = lost.map(|dependency| dependency.spec.id.clone());
        let ready = dependencies.clone().all(|dependency| dependency.phase == Phase::Done);
        match (&task.hold, lost) {
            (Some(Hold::Paused | Hold::Waiting { .. }), _) => {}
            (None | Some(Hold::NeedsAttention(_)), Some(lost)) => {
                self.need(id, AttentionReason::DependencyFailed(lost));
                self.reconsider_dependents(id);
            }
            (Some(Hold::NeedsAttention(_)), None) => {
                self.release(id);
                self.reconsider_dependents(id);
            }
            (None, None) if ready => self.enter(id, Phase::Ready),
            (None, None) => {}
        }
    }

    /// An implement or fix step: worktree, a merge to resolve, the agent, the commit.
    fn advance_working(&mut self, id: &TaskId, kind: StepKind) {
        let Some(branch_tip) = self.state.run.tip.clone() else { return };
        if self.state.tasks.get(id).is_some_and(|task| task.work.prepared) && self.reset_due(id) {
            return;
        }
        let Some(task) = self.state.tasks.get(id) else { return };
        let Some(setup) = task.work.setup.as_ref().filter(|_| task.work.prepared) else {
            let base = task.work.base.clone().unwrap_or(branch_tip);
            self.emit(EffectKind::PrepareWork { task: id.clone(), base });
            return;
        };
        if let Some(line) = setup.first().cloned() {
            let last = setup.len() == 1;
            if !self.state.is_over_budget() {
                self.emit(EffectKind::RunSetup { task: id.clone(), line, last });
            }
            return;
        }
        // Before a merge is put over it: what lies in the worktree is work of the task alone.
        if task.work.uncommitted {
            let commit = commit_of(task, kind, self.state.guard_of(&task.spec));
            self.emit(commit);
            return;
        }
        if let (Some(staging), Some(tip)) =
            (task.merge.as_ref().and_then(|merge| merge.staging.as_ref()), &task.work.tip)
        {
            let kind =
                EffectKind::StageMerge { task: id.clone(), onto: staging.onto.clone(), tip: tip.clone() };
            self.emit(kind);
            return;
        }
        if task.step.at == Attempt::Todo && self.judge_again(id, kind) {
            return;
        }
        let Some(task) = self.state.tasks.get(id) else { return };
        if task.step.at == Attempt::Todo && !self.state.is_over_budget() {
            let brief = self.state.brief(kind, &task.spec, Some(task), 0);
            let agent = self.state.implementer(&task.spec);
            if self.state.is_busy(&agent) {
                return;
            }
            self.run_step(&StepOf::Task(id.clone()), brief, agent);
        }
    }

    fn advance_validating(&mut self, id: &TaskId) {
        let Some(tip) = self.tip_of(id) else { return };
        if self.sent_back_for_checks(id) {
            return;
        }
        let looks = self.foresee(id, &tip);
        if self.run_gates(id, GateTree::Work, &tip) || looks {
            return;
        }
        self.validated(id);
        let begins_again = |task: &Task| task.phase == Phase::Validating && task.evidence.results.is_empty();
        if self.state.tasks.get(id).is_some_and(begins_again) && self.state.effects_of(id).next().is_none() {
            self.run_gates(id, GateTree::Work, &tip);
        }
    }

    fn advance_reviewing(&mut self, id: &TaskId) {
        let Some(tip) = self.tip_of(id) else { return };
        let Some(task) = self.state.tasks.get(id) else { return };
        let current = |task: &Task| {
            task.review.as_ref().is_some_and(|review| review.round == task.round && review.oid == tip)
        };
        if !current(task) {
            self.open_review(id, &tip);
        }
        let Some(task) = self.state.tasks.get(id) else { return };
        let Some(review) = &task.review else { return };
        if review.slots.iter().all(|slot| slot.is_terminal()) {
            return self.count_votes(id);
        }
        if self.state.is_over_budget() {
            return;
        }
        let mut due = Vec::new();
        for (index, slot) in (0..).zip(&review.slots) {
            // One that is being ended is waited for.
            let lives = self.state.effects_of(id).any(|(_, kind)| kind.reviews(index));
            if slot.step.at == Attempt::Todo && !slot.is_terminal() && !lives && !self.is_taken(id, slot) {
                let brief = self.state.brief(StepKind::Review, &task.spec, Some(task), index);
                due.push((StepOf::Slot(id.clone(), index), brief, slot.agent.clone()));
            }
        }
        for (of, mut brief, agent) in due {
            if self.state.is_busy(&agent) {
                continue;
            }
            brief.notes.extend(self.begin_standing(id, brief.slot));
            self.run_step(&of, brief, agent);
        }
    }

    fn advance_approved(&mut self, id: &TaskId) {
        if self.fix_comments(id) {
            return;
        }
        let policy = self.state.policy.human_gate;
        let Some(task) = self.state.tasks.get(id) else { return };
        let human = match policy {
            HumanGate::Never => false,
            HumanGate::Marked => task.spec.human,
            HumanGate::Always => true,
        };
        // What judges the work was changed by it: no vote of agents stands for that.
        if human || self.state.open_changes(task).next().is_some() {
            self.enter(id, Phase::AwaitingHuman);
        } else {
            self.queue_merge(id);
        }
    }

    fn advance_queued(&mut self, id: &TaskId) {
        if self.next_to_merge().as_ref() == Some(id) {
            self.enter(id, Phase::Merging);
        }
    }

    /// The first that waits to merge, if nobody merges.
    fn next_to_merge(&mut self) -> Option<TaskId> {
        let none_merges = self.state.tasks.settle().nobody_merges();
        let queued = |phase: Phase| {
            let stands = move |task: &Task| task.phase == phase && task.hold.is_none();
            self.state.merge_queue.iter().find(|id| self.state.tasks.get(*id).is_some_and(stands))
        };
        let is_free = none_merges || queued(Phase::Merging).is_none();
        is_free.then(|| queued(Phase::MergeQueued).cloned()).flatten()
    }
}

fn commit_of(task: &Task, kind: StepKind, guard: Guard) -> EffectKind {
    let merging = task.work.merging.as_ref();
    EffectKind::CommitWork {
        task: task.spec.id.clone(),
        base: task.work.base.clone().unwrap_or_else(|| crate::model::Oid(String::new())),
        tip: task.work.tip.clone(),
        message: format!("{}: {} ({}, round {})", task.spec.id, task.spec.title, kind.name(), task.round),
        merging: merging.map(|merging| merging.onto.clone()),
        conflicted: merging
            .into_iter()
            .flat_map(|merging| &merging.files)
            .map(|file| file.path.clone())
            .collect(),
        guard,
    }
}

impl State {
    /// What a step is told, from the facts of now.
    fn brief(&self, step: StepKind, spec: &PlanTask, task: Option<&Task>, slot: u32) -> Brief {
        let run: &StepRun = task.map_or(&self.run.planning.step, |task| &task.step);
        let team = &self.policy.team;
        Brief {
            step,
            goal: self.run.goal.clone(),
            task: spec.clone(),
            round: task.map_or(1, |task| task.round),
            max_rounds: task.map_or(1, |task| self.round_limit(task)),
            slot,
            attempt: run.failures + 1,
            base: task.map_or_else(|| Some(self.run.base.clone()), |task| task.work.base.clone()),
            tip: task.and_then(|task| task.work.tip.clone()),
            findings: task.map(|task| findings_for(task, step)).unwrap_or_default(),
            gates: task.map(gates_for).unwrap_or_default(),
            conflicts: task
                .and_then(|task| task.work.merging.as_ref())
                .map(|merging| merging.files.clone())
                .unwrap_or_default(),
            notes: task.map_or_else(|| self.run.planning.notes.clone(), |task| task.notes.clone()),
            interrupted: None,
            corrections: Vec::new(),
            agents: team.known.iter().map(|name| name.to_string()).collect(),
            follows: None,
            repeated: task.map(|task| self.repeated(task)).unwrap_or_default(),
            checks: task.map(|task| self.open_changes(task).cloned().collect()).unwrap_or_default(),
        }
    }
}

/// A fixer sees what is open; a reviewer what earlier rounds found, each with its state and why it was dismissed.
fn findings_for(task: &Task, step: StepKind) -> Vec<crate::model::Finding> {
    let wanted = |state: &FindingState| match step {
        StepKind::Review => true,
        StepKind::Plan | StepKind::Implement | StepKind::Fix => {
            matches!(state, FindingState::Raised | FindingState::Reopened)
        }
    };
    task.findings.iter().filter(|finding| wanted(&finding.state)).cloned().collect()
}

/// The gates of the last validation: of the merge if that is what failed.
fn gates_for(task: &Task) -> Vec<GateResult> {
    let merged =
        task.merge.as_ref().map(|merge| &merge.evidence.results).filter(|results| !results.is_empty());
    merged.unwrap_or(&task.evidence.results).clone()
}
