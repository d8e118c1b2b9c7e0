//! The scheduler: who gets the run's places, and why somebody has to wait for one.
//!
//! Free places go to tasks that have begun, then to those of higher priority, then to those with which the longest chain
//! begins, by the time that is left of it as far as that is known. Invariant: a place is given only with room for the task's role and its agent, and with every lock that it names.

use std::collections::{BTreeMap, BTreeSet};

use super::effect::EffectKind;
use super::state::{State, Task};
use super::turn::Turn;
use crate::model::{AgentName, Phase, TaskId, counted};

/// What is taken already.
pub(super) struct Room<'a> {
    state: &'a State,
    roles: BTreeMap<&'a str, u32>,
    agents: BTreeMap<AgentName, u32>,
    locks: BTreeMap<&'a str, &'a TaskId>,
}

impl<'a> Room<'a> {
    pub fn of(state: &'a State) -> Room<'a> {
        let mut room =
            Room { state, roles: BTreeMap::new(), agents: BTreeMap::new(), locks: BTreeMap::new() };
        state.tasks.placed().into_iter().for_each(|task| room.take(task));
        room
    }

    fn take(&mut self, task: &'a Task) {
        let spec = &task.spec;
        spec.role.iter().for_each(|role| *self.roles.entry(role).or_default() += 1);
        *self.agents.entry(self.state.implementer(spec)).or_default() += 1;
        self.locks.extend(spec.locks.iter().map(|lock| (lock.as_str(), &spec.id)));
    }

    /// Why a task gets no place although one is free.
    pub fn refusal(&self, task: &Task) -> Option<String> {
        self.full(task).map(|full| match full {
            Full::Lock { lock, by } => format!("{by} uses {lock}"),
            Full::Role { role, most } => {
                let tasks = counted(usize::try_from(most).unwrap_or(usize::MAX), "task");
                format!("{tasks} of the role {role} at once")
            }
            Full::Agent { agent, most } => format!("{agent} works in {most} places at once"),
        })
    }

    fn full<'t>(&'t self, task: &'t Task) -> Option<Full<'t>> {
        let (spec, team) = (&task.spec, &self.state.policy.team);
        if let Some((lock, by)) = spec.locks.iter().find_map(|lock| self.locks.get_key_value(lock.as_str())) {
            return Some(Full::Lock { lock, by });
        }
        if let Some(role) = &spec.role
            && let Some(most) = team.role_places.get(role)
            && self.roles.get(role.as_str()).is_some_and(|taken| taken >= most)
        {
            return Some(Full::Role { role, most: *most });
        }
        if team.agent_places.is_empty() {
            return None;
        }
        let agent = self.state.implementer(spec);
        let most = *team.agent_places.get(&agent)?;
        let full = self.agents.get(&agent).is_some_and(|taken| *taken >= most);
        full.then_some(Full::Agent { agent, most })
    }
}

/// What there is no room for.
enum Full<'a> {
    Lock { lock: &'a str, by: &'a TaskId },
    Role { role: &'a str, most: u32 },
    Agent { agent: AgentName, most: u32 },
}

impl State {
    /// Whether an agent has as many sessions as it may.
    pub fn is_busy(&self, agent: &AgentName) -> bool {
        let Some(most) = self.policy.team.agent_places.get(agent) else { return false };
        let runs =
            |kind: &&EffectKind| matches!(kind, EffectKind::RunStep { agent: who, .. } if who == agent);
        self.in_flight.values().filter(runs).count() >= usize::try_from(*most).unwrap_or(usize::MAX)
    }
}

impl Turn<'_> {
    /// Gives free places away. Whether any was given.
    pub fn give_places(&mut self) -> bool {
        if self.state.is_over_budget() {
            return false;
        }
        let taken = self.state.tasks.settle().placed().len();
        let places = usize::try_from(self.state.policy.parallel).unwrap_or(usize::MAX).saturating_sub(taken);
        if places == 0 {
            return false;
        }
        let given = chosen(self.state, places);
        for id in &given {
            if self.state.tasks.get(id).is_some_and(|task| task.phase == Phase::Ready) {
                self.enter(id, Phase::Implementing);
            }
            if let Some(task) = self.task(id) {
                task.placed = true;
                if task.round == 0 {
                    task.round = 1;
                    self.mark_round(id);
                }
            }
        }
        !given.is_empty()
    }
}

fn chosen(state: &mut State, places: usize) -> BTreeSet<TaskId> {
    let mut given = BTreeSet::new();
    state.tasks.settle();
    let state: &State = state;
    let mut waiting = state.tasks.waiting().peekable();
    if waiting.peek().is_none() {
        return given;
    }
    let mut room = Room::of(state);
    for task in waiting {
        if given.len() == places {
            break;
        }
        if room.full(task).is_none() {
            room.take(task);
            given.insert(task.spec.id.clone());
        }
    }
    given
}
