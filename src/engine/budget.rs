//! Money, tokens and time: what is used up, and what follows. And providers whose own limit is reached.
//!
//! Invariant: whatever reaches a limit is ended, and nothing is started beyond it, until a person grants more.

use std::collections::BTreeMap;

use super::effect::{ControlAction, EffectKind};
use super::state::{State, Task};
use super::turn::Turn;
use crate::model::{AgentName, AttentionReason, EffectId, Hold, TaskId, Timestamp, Usage, counted};

impl State {
    /// Whether a limit of the run is reached.
    pub fn is_over_budget(&self) -> bool {
        self.spent_limit().is_some()
    }

    /// Which limit of the run is reached, in words.
    pub fn spent_limit(&self) -> Option<&'static str> {
        let used = &self.run.usage;
        let reached = |limit: u64, used: u64| limit > 0 && used >= limit;
        if reached(self.policy.budget_micros, used.cost_micros) {
            Some("the budget is used up")
        } else if reached(self.policy.limits.run_tokens, tokens(used)) {
            Some("the run's tokens are used up")
        } else if self.run.out_of_time {
            Some("the run's time is up")
        } else {
            None
        }
    }

    /// Which limit of a task or its role is reached, in words.
    fn task_limit(&self, task: &Task) -> Option<String> {
        let limits = &self.policy.limits;
        let grants = u64::from(task.limit.extra_budgets) + 1;
        let reached = |limit: u64, used: u64| limit > 0 && used >= limit.saturating_mul(grants);
        if reached(limits.task_micros, task.usage.cost_micros) {
            return Some("it has spent what one task may".to_owned());
        }
        if reached(limits.task_tokens, tokens(&task.usage)) {
            return Some("it has used the tokens that one task may".to_owned());
        }
        if reached(limits.task_ms, task.worked_ms) {
            return Some("agents have worked on it as long as on one task they may".to_owned());
        }
        let role = task.spec.role.as_ref()?;
        let limit = *limits.roles.get(role)?;
        reached(limit, self.tasks.cost_of(role))
            .then(|| format!("tasks of the role {role} have spent what they may"))
    }

    /// What was used by role; tasks without one under the empty name.
    pub fn spent_by_role(&self) -> BTreeMap<String, Usage> {
        let mut spent: BTreeMap<String, Usage> = BTreeMap::new();
        for task in self.tasks.values() {
            let of_role = spent.entry(task.spec.role.clone().unwrap_or_default()).or_default();
            *of_role = of_role.plus(task.usage);
        }
        spent
    }

    /// Until when an agent's provider is not asked; none if it may be.
    pub fn breaker(&self, agent: &AgentName, now: Timestamp) -> Option<Timestamp> {
        self.breakers.get(&self.provider(agent)).copied().filter(|until| *until > now)
    }

    fn provider(&self, agent: &AgentName) -> String {
        let maker = self.policy.team.makers.get(agent);
        maker.map_or_else(|| agent.to_string(), |maker| maker.provider.clone())
    }
}

fn tokens(usage: &Usage) -> u64 {
    usage.input_tokens.saturating_add(usage.output_tokens)
}

impl Turn<'_> {
    /// Begins to count the run's time, if that has a limit.
    pub fn start_clock(&mut self) {
        let limit = self.state.policy.limits.run_ms;
        if limit > 0 {
            let until = self.now.plus(limit);
            self.state.run.time = Some(self.emit(EffectKind::StartTimer { until }));
        }
    }

    /// Whether the timer was the run's own.
    pub fn time_is_up(&mut self, timer: EffectId) -> bool {
        let is_it = self.state.run.time == Some(timer);
        if is_it {
            self.state.run.time = None;
            self.state.run.out_of_time = true;
            self.end_spenders(None);
        }
        is_it
    }

    /// A person lets the run go on beyond its time.
    pub fn grant_time(&mut self) {
        if std::mem::take(&mut self.state.run.out_of_time) {
            self.start_clock();
        }
    }

    /// Something was used: what has reached a limit is ended.
    pub fn count_usage(&mut self, effect: EffectId, usage: Usage) {
        let Some(session) = self.state.sessions.get(&effect) else { return };
        let (agent, task) = (AgentName(session.name.clone()), session.task.clone());
        let by_agent = self.state.run.spent_by.entry(agent).or_default();
        *by_agent = by_agent.plus(usage);
        if self.state.is_over_budget() {
            self.end_spenders(None);
        }
        task.into_iter().for_each(|id| self.hold_to_limits(&id));
    }

    /// A task that has reached a limit is held until a person grants it more.
    pub fn hold_to_limits(&mut self, id: &TaskId) {
        self.state.tasks.settle();
        let Some(task) = self.state.tasks.get(id).filter(|task| !task.phase.is_terminal()) else { return };
        if matches!(task.hold, Some(Hold::NeedsAttention(_) | Hold::Paused)) {
            return;
        }
        if let Some(reached) = self.state.task_limit(task) {
            self.drop_waits(id);
            self.need(id, AttentionReason::Budget(reached));
            self.end_spenders(Some(id));
        }
    }

    /// Ends the agents of one task, or of all.
    fn end_spenders(&mut self, task: Option<&TaskId>) {
        let spends = |kind: &EffectKind| match kind {
            EffectKind::RunStep { task: of, .. } => task.is_none() || of.as_ref() == task,
            _ => false,
        };
        let asked: Vec<EffectId> = self
            .state
            .in_flight
            .values()
            .filter_map(|kind| match kind {
                EffectKind::Control { target, action: ControlAction::End } => Some(*target),
                _ => None,
            })
            .collect();
        let spenders = self.state.in_flight.iter().filter(|(id, kind)| spends(kind) && !asked.contains(id));
        let spenders: Vec<EffectId> = spenders.map(|(id, _)| *id).collect();
        for target in spenders {
            self.control(target, ControlAction::End);
        }
    }

    /// A person wants the providers of a task's agents asked, whatever they said.
    pub fn ask_again(&mut self, id: &TaskId) {
        let Some(task) = self.state.tasks.get(id) else { return };
        let reviewers = task.review.iter().flat_map(|review| &review.slots).map(|slot| slot.agent.clone());
        let agents = reviewers.chain([self.state.implementer(&task.spec)]);
        let providers: Vec<String> = agents.map(|agent| self.state.provider(&agent)).collect();
        self.state.breakers.retain(|provider, _| !providers.contains(provider));
    }

    /// The limit of the run's time is another.
    pub fn restart_clock(&mut self) {
        if let Some(timer) = self.state.run.time.take() {
            self.state.in_flight.remove(&timer);
        }
        self.state.run.out_of_time = false;
        let limit = self.state.policy.limits.run_ms;
        if limit > 0 {
            let until = self.state.run.started.plus(limit);
            self.state.run.time = Some(self.emit(EffectKind::StartTimer { until }));
        }
    }

    /// A provider's limit is reached: nobody asks it before that moment.
    pub fn trip(&mut self, agent: &AgentName, until: Timestamp) {
        let provider = self.state.provider(agent);
        let before = self.state.breakers.insert(provider.clone(), until);
        if before.is_none_or(|before| before <= self.now) {
            let minutes = until.since(self.now) / 60_000 + 1;
            let wait = counted(usize::try_from(minutes).unwrap_or(usize::MAX), "minute");
            self.note(
                true,
                format!("{provider}: its limit is reached; it is asked again in {wait}, others go on"),
            );
        }
    }
}
