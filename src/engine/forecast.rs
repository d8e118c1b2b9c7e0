//! How long is left, and which tasks decide it: by the time that agents worked on what is done, never by how long a task
//! waited for a place or for a person.
//!
//! Not for promises: a task that is left is taken for as long as those of its role were, or as all were.

use std::collections::BTreeMap;

use super::graph;
use super::state::{State, Task};
use crate::model::{Phase, PlanTask, TaskId};

/// What is left of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Milliseconds; none while nothing is done yet, or nothing is left.
    pub left_ms: Option<u64>,
    /// The chain of tasks that takes longest, its first task first.
    pub critical: Vec<TaskId>,
}

/// Times of tasks that are done.
struct Measured<'a> {
    all: Mean,
    roles: BTreeMap<&'a str, Mean>,
}

#[derive(Clone, Copy, Default)]
struct Mean {
    sum: u64,
    count: u64,
}

impl Mean {
    fn add(&mut self, millis: u64) {
        self.sum = self.sum.saturating_add(millis);
        self.count += 1;
    }

    fn get(self) -> Option<u64> {
        self.sum.checked_div(self.count)
    }
}

impl<'a> Measured<'a> {
    fn of(state: &'a State) -> Measured<'a> {
        let mut measured = Measured { all: Mean::default(), roles: BTreeMap::new() };
        for task in state.tasks.values().filter(|task| task.phase == Phase::Done) {
            measured.all.add(task.worked_ms);
            if let Some(role) = &task.spec.role {
                measured.roles.entry(role).or_default().add(task.worked_ms);
            }
        }
        measured
    }

    /// Milliseconds that are left of a task. One that takes longer than usual is taken to be nearly done.
    fn left(&self, task: &Task) -> Option<u64> {
        let of_role = task.spec.role.as_deref().and_then(|role| self.roles.get(role)?.get());
        let whole = of_role.or_else(|| self.all.get())?;
        Some(whole.saturating_sub(task.worked_ms).max(whole / 10))
    }
}

impl State {
    /// How long each task is, for the order in which they get places: by the time that is left of it once that is known, if
    /// the policy says so, else each as long as any other.
    pub(super) fn lengths(&self) -> Vec<u64> {
        let measured = Measured::of(self);
        let by_time = self.policy.rank_by_time && measured.all.count > 0;
        let length = |task: &Task| match task.phase.is_terminal() {
            true => Some(0),
            false => measured.left(task),
        };
        let each = |task: &Task| if by_time { length(task).unwrap_or(0) } else { 1 };
        self.tasks.values().map(each).collect()
    }

    /// What is left of the run.
    pub fn forecast(&self) -> Forecast {
        let measured = Measured::of(self);
        let is_left = |task: &&Task| !task.phase.is_terminal();
        let left: Vec<(&PlanTask, u64)> = self
            .tasks
            .values()
            .filter(is_left)
            .map_while(|task| Some((&task.spec, measured.left(task)?)))
            .collect();
        let (chain, critical) = graph::longest(&left);
        let total: u64 = left.iter().map(|(_, millis)| millis).sum();
        let places = u64::from(self.policy.parallel.max(1));
        let millis = chain.max(total / places);
        let left_ms = (!left.is_empty()).then_some(millis);
        Forecast { left_ms, critical }
    }
}
