//! The tasks of a run, and what follows from them alone, kept in step: who may move, who has a place, who waits for one,
//! how many are over. So a step costs what it changes and not what there is.
//!
//! Not for deciding anything. Invariant: a task is changed only through here, and each that may have changed is looked at
//! again before the next answer: what stands here is what a look at every task would find ([`Tasks::agree`]).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use super::state::Task;
use crate::model::{Phase, TaskId};

/// Tasks by their ids. Reading is that of a map.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    map: BTreeMap<TaskId, Task>,
    /// Tasks that may have changed since they were looked at.
    touched: Vec<TaskId>,
    index: Index,
}

/// What is known of all tasks together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Index {
    facts: BTreeMap<TaskId, Facts>,
    moving: BTreeSet<TaskId>,
    placed: BTreeSet<TaskId>,
    reviewing: BTreeSet<TaskId>,
    waiting: BTreeSet<(Reverse<Claim>, TaskId)>,
    carrying: BTreeSet<(usize, TaskId)>,
    merging: usize,
    over: usize,
    done: usize,
    roles: BTreeMap<String, Role>,
}

/// What is known of the tasks of a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Role {
    open: usize,
    cost_micros: u64,
}

/// What counts of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    phase: Phase,
    moves: bool,
    merges: bool,
    placed: bool,
    over: bool,
    claim: Option<Claim>,
    /// Its place in the plan, if its work is on a branch and not merged.
    carries: Option<usize>,
    role: Option<String>,
    cost_micros: u64,
}

/// Who of those that wait for a place comes first, the greatest: what has begun, what is urgent, what most waits for, and
/// then what stands first in the plan.
type Claim = (bool, i32, u64, Reverse<usize>);

impl Facts {
    fn of(task: &Task) -> Facts {
        let begun = task.phase != Phase::Ready;
        let unmerged = !matches!(task.phase, Phase::Done | Phase::Cancelled | Phase::Failed);
        Facts {
            phase: task.phase,
            moves: task.may_move() && task.phase != Phase::MergeQueued,
            merges: task.phase == Phase::Merging && task.hold.is_none(),
            placed: task.placed,
            over: task.is_over(),
            claim: task.wants_place().then_some((
                begun,
                task.spec.priority,
                task.rank,
                Reverse(task.position),
            )),
            carries: (unmerged && task.work.change.files > 0).then_some(task.position),
            role: task.spec.role.clone(),
            cost_micros: task.usage.cost_micros,
        }
    }
}

impl Index {
    fn take(&mut self, id: &TaskId, task: &Task) {
        let facts = Facts::of(task);
        if self.facts.get(id) == Some(&facts) {
            return;
        }
        if let Some(before) = self.facts.remove(id) {
            self.forget(id, &before);
        }
        self.learn(id, &facts);
        self.facts.insert(id.clone(), facts);
    }

    fn learn(&mut self, id: &TaskId, facts: &Facts) {
        let enter = |set: &mut BTreeSet<TaskId>, belongs| belongs && set.insert(id.clone());
        enter(&mut self.moving, facts.moves);
        enter(&mut self.placed, facts.placed);
        enter(&mut self.reviewing, facts.phase == Phase::Reviewing);
        self.waiting.extend(facts.claim.map(|claim| (Reverse(claim), id.clone())));
        self.carrying.extend(facts.carries.map(|position| (position, id.clone())));
        self.merging += usize::from(facts.merges);
        self.over += usize::from(facts.over);
        self.done += usize::from(facts.phase == Phase::Done);
        if let Some(role) = &facts.role {
            let role = self.roles.entry(role.clone()).or_default();
            role.open += usize::from(!facts.phase.is_terminal());
            role.cost_micros += facts.cost_micros;
        }
    }

    fn forget(&mut self, id: &TaskId, facts: &Facts) {
        self.moving.remove(id);
        self.placed.remove(id);
        self.reviewing.remove(id);
        facts.claim.map(|claim| self.waiting.remove(&(Reverse(claim), id.clone())));
        facts.carries.map(|position| self.carrying.remove(&(position, id.clone())));
        self.merging -= usize::from(facts.merges);
        self.over -= usize::from(facts.over);
        self.done -= usize::from(facts.phase == Phase::Done);
        if let Some(role) = facts.role.as_ref().and_then(|role| self.roles.get_mut(role)) {
            role.open -= usize::from(!facts.phase.is_terminal());
            role.cost_micros -= facts.cost_micros;
        }
    }
}

impl Tasks {
    /// A task, to be changed.
    pub(super) fn get_mut(&mut self, id: &TaskId) -> Option<&mut Task> {
        let task = self.map.get_mut(id)?;
        if self.touched.last() != Some(id) {
            self.touched.push(id.clone());
        }
        Some(task)
    }

    /// All of them, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Task> {
        self.touched = self.map.keys().cloned().collect();
        self.map.values_mut()
    }

    pub(super) fn insert(&mut self, id: TaskId, task: Task) {
        self.touched.push(id.clone());
        self.map.insert(id, task);
    }

    /// Takes note of what has changed; answers are quick from then on, until something changes.
    pub(super) fn settle(&mut self) -> &Tasks {
        for id in self.touched.drain(..) {
            if let Some(task) = self.map.get(&id) {
                self.index.take(&id, task);
            }
        }
        self
    }

    /// Whether what is kept is what a look at every task finds. For tests, and in debug builds.
    pub fn agree(&self) -> bool {
        let mut afresh = Index::default();
        self.map.iter().for_each(|(id, task)| afresh.take(id, task));
        let mut kept = self.index.clone();
        kept.roles.retain(|_, role| *role != Role::default());
        afresh.roles.retain(|_, role| *role != Role::default());
        self.touched.is_empty() && kept == afresh
    }

    /// Those that their own facts can move; of those that wait to merge none, since they wait for each other.
    pub(super) fn moving(&mut self) -> Vec<TaskId> {
        self.settle().index.moving.iter().cloned().collect()
    }

    /// Whether no task merges that is not held, as of when it was settled.
    pub(super) fn nobody_merges(&self) -> bool {
        self.index.merging == 0
    }

    /// Those that have a place.
    pub fn placed(&self) -> Vec<&Task> {
        self.named(&self.index.placed, |task| task.placed)
    }

    /// Those that are reviewed.
    pub fn reviewing(&self) -> Vec<&Task> {
        self.named(&self.index.reviewing, |task| task.phase == Phase::Reviewing)
    }

    /// Those that wait for a place, whoever comes first in front, as of when it was settled.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Task> {
        self.index.waiting.iter().filter_map(|(_, id)| self.map.get(id))
    }

    /// Those whose work is on a branch and not merged, in the plan's order.
    pub(super) fn carrying(&mut self) -> impl Iterator<Item = &Task> {
        self.settle();
        self.index.carrying.iter().filter_map(|(_, id)| self.map.get(id))
    }

    /// How many are over, or can't be reached any more.
    pub fn over(&self) -> usize {
        if self.is_settled() {
            return self.index.over;
        }
        self.map.values().filter(|task| task.is_over()).count()
    }

    /// How many are done.
    pub fn done(&self) -> usize {
        if self.is_settled() {
            return self.index.done;
        }
        self.map.values().filter(|task| task.phase == Phase::Done).count()
    }

    /// How many of a role are not over.
    pub fn open_of(&self, role: &str) -> usize {
        if self.is_settled() {
            return self.index.roles.get(role).map_or(0, |role| role.open);
        }
        self.of(role).filter(|task| !task.phase.is_terminal()).count()
    }

    /// What all of a role have cost, in millionths.
    pub fn cost_of(&self, role: &str) -> u64 {
        if self.is_settled() {
            return self.index.roles.get(role).map_or(0, |role| role.cost_micros);
        }
        self.of(role).map(|task| task.usage.cost_micros).sum()
    }

    fn of(&self, role: &str) -> impl Iterator<Item = &Task> {
        self.map.values().filter(move |task| task.spec.role.as_deref() == Some(role))
    }

    fn named(&self, ids: &BTreeSet<TaskId>, belongs: impl Fn(&Task) -> bool) -> Vec<&Task> {
        if self.is_settled() {
            return ids.iter().filter_map(|id| self.map.get(id)).collect();
        }
        self.map.values().filter(|task| belongs(task)).collect()
    }

    fn is_settled(&self) -> bool {
        self.touched.is_empty()
    }
}

impl Deref for Tasks {
    type Target = BTreeMap<TaskId, Task>;

    fn deref(&self) -> &Self::Target {
        &self.map
    }
}

/// What is derived is no part of what a run is.
impl PartialEq for Tasks {
    fn eq(&self, other: &Self) -> bool {
        self.map == other.map
    }
}
