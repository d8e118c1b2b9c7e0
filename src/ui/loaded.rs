//! What was asked for and came: the change and the events of a task.
//!
//! Not for asking on its own. Invariant: what is here belongs to the task that it names, and at most one question for
//! each is on its way.

use super::views::diff::Diff;
use crate::model::snapshot::TaskView;
use crate::model::{Oid, TaskId};

/// Changes and events as loaded.
#[derive(Debug, Default)]
pub struct Loaded {
    diff: Slot<Diff, Option<Oid>>,
    events: Slot<Vec<String>, u64>,
}

/// One thing: what was asked for last, and what came.
#[derive(Debug)]
struct Slot<T, Version> {
    asked: Option<(TaskId, Version)>,
    waiting: bool,
    value: Option<(TaskId, T)>,
}

impl<T, Version> Default for Slot<T, Version> {
    fn default() -> Self {
        Self { asked: None, waiting: false, value: None }
    }
}

impl<T, Version: PartialEq> Slot<T, Version> {
    /// Whether to ask now. While an answer is on its way for the same task, the next question waits for it.
    fn ask(&mut self, task: &TaskId, version: Version) -> bool {
        let same_task = self.asked.as_ref().is_some_and(|(asked, _)| asked == task);
        let fresh = same_task && self.asked.as_ref().is_some_and(|(_, asked)| *asked == version);
        if fresh || (same_task && self.waiting) {
            return false;
        }
        self.asked = Some((task.clone(), version));
        self.waiting = true;
        true
    }

    fn came(&mut self, task: TaskId, value: T) {
        if self.asked.as_ref().is_some_and(|(asked, _)| *asked == task) {
            self.waiting = false;
            self.value = Some((task, value));
        }
    }

    fn of(&self, task: Option<&TaskId>) -> Option<&T> {
        self.value.as_ref().filter(|(of, _)| Some(of) == task).map(|(_, value)| value)
    }
}

impl Loaded {
    /// The change of a task, if it came.
    pub fn diff(&self, task: Option<&TaskId>) -> Option<&Diff> {
        self.diff.of(task)
    }

    /// The events of a task, if they came.
    pub fn events(&self, task: Option<&TaskId>) -> Option<&Vec<String>> {
        self.events.of(task)
    }

    /// Whether to ask for a task's change now.
    pub fn ask_diff(&mut self, task: &TaskView) -> bool {
        self.diff.ask(&task.id, task.tip.clone())
    }

    /// Whether to ask for a task's events now, the log being at `seq`.
    pub fn ask_events(&mut self, task: &TaskId, seq: u64) -> bool {
        self.events.ask(task, seq)
    }

    /// A change came.
    pub fn diff_came(&mut self, task: TaskId, text: &str) {
        self.diff.came(task, Diff::parse(text));
    }

    /// Events came.
    pub fn events_came(&mut self, task: TaskId, lines: Vec<String>) {
        self.events.came(task, lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_question_at_a_time_and_none_for_what_is_fresh() {
        let mut loaded = Loaded::default();
        let (one, two) = (TaskId::from("T1"), TaskId::from("T2"));
        assert!(loaded.ask_events(&one, 5));
        assert!(!loaded.ask_events(&one, 6), "the first answer is on its way");
        loaded.events_came(one.clone(), vec!["a".into()]);
        assert!(!loaded.ask_events(&one, 5), "nothing has changed");
        assert!(loaded.ask_events(&one, 6));
        assert!(loaded.ask_events(&two, 6), "another task does not wait");
        loaded.events_came(one.clone(), vec!["late".into()]);
        assert_eq!(loaded.events(Some(&two)), None, "a late answer is not shown for another task");
    }
}
