//! The scheduler: who gets the run's places, and why somebody has to wait for one.
//!
//! Free places go to tasks that have begun, then to those of higher priority, then to those with the longest chain behind
//! them. Invariant: a place is given only with room for the task's role and its agent, and with every lock that it names.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

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
        state.tasks.values().filter(|task| task.placed).for_each(|task| room.take(task));
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
        let (spec, team) = (&task.spec, &self.state.policy.team);
        if let Some((lock, by)) = spec.locks.iter().find_map(|lock| self.locks.get_key_value(lock.as_str())) {
            return Some(format!("{by} uses {lock}"));
        }
        if let Some(role) = &spec.role
            && let Some(most) = team.role_places.get(role)
            && self.roles.get(role.as_str()).is_some_and(|taken| taken >= most)
        {
            let tasks = counted(usize::try_from(*most).unwrap_or(usize::MAX), "task");
            return Some(format!("{tasks} of the role {role} at once"));
        }
        let agent = self.state.implementer(spec);
        let most = team.agent_places.get(&agent)?;
        let full = self.agents.get(&agent).is_some_and(|taken| taken >= most);
        full.then(|| format!("{agent} works in {most} places at once"))
    }
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
        let taken = self.state.tasks.values().filter(|task| task.placed).count();
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

fn chosen(state: &State, places: usize) -> BTreeSet<TaskId> {
    let waiting = state.tasks.values().filter(|task| task.wants_place());
    // Of many only the first few are wanted: a heap orders no more than those.
    let mut waiting: BinaryHeap<Waiting<'_>> = waiting.map(Waiting).collect();
    let mut given = BTreeSet::new();
    if waiting.is_empty() {
        return given;
    }
    let mut room = Room::of(state);
    while given.len() < places
        && let Some(Waiting(task)) = waiting.pop()
    {
        if room.refusal(task).is_none() {
            room.take(task);
            given.insert(task.spec.id.clone());
        }
    }
    given
}

/// A task that waits for a place. The greatest comes first: what has begun, what is urgent, what most waits for, and then
/// what stands first in the plan.
struct Waiting<'a>(&'a Task);

impl Waiting<'_> {
    fn claim(&self) -> (bool, i32, u32, Reverse<usize>) {
        let Waiting(task) = self;
        (task.phase != Phase::Ready, task.spec.priority, task.rank, Reverse(task.position))
    }
}

impl PartialEq for Waiting<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.claim() == other.claim()
    }
}

impl Eq for Waiting<'_> {}

impl PartialOrd for Waiting<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.claim().cmp(&other.claim())
    }
}
