//! A plan: what the planner returns, a person edits and a run works on.

use serde::{Deserialize, Serialize};

use super::{AgentName, Pattern, TaskId};

/// A goal, cut into tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The goal in the person's words.
    pub goal: String,
    /// The tasks, in the planner's order.
    pub tasks: Vec<PlanTask>,
}

/// One task as planned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanTask {
    /// Unique in the plan.
    pub id: TaskId,
    /// One line.
    pub title: String,
    /// What to do and what to know, in Markdown.
    pub description: String,
    /// What must be true when it is done; a reviewer checks each.
    pub acceptance: Vec<String>,
    /// Tasks whose merged work this one starts from.
    pub depends_on: Vec<TaskId>,
    /// The discipline whose prompt the implementer gets.
    pub role: Option<String>,
    /// The agent that implements it; the run's implementer if unset.
    pub agent: Option<AgentName>,
    /// Whether a person approves it before it is merged.
    pub human: bool,
    /// Files it is expected to touch: a hint, never a limit.
    pub files: Vec<String>,
    /// Gates that are run on request alone, for this task.
    pub gates: Vec<String>,
    /// Globs of checks (tests and the like) that exist already and that this task may change.
    pub may_change: Vec<String>,
    /// Whose sessions live how long; that of the run if unset.
    pub pattern: Option<Pattern>,
    /// Higher ones begin first; 0 is the usual.
    pub priority: i32,
    /// Names of things that only one task at a time may use: a port, a database, a device.
    pub locks: Vec<String>,
}

impl PlanTask {
    /// A further part of it, the `number`-th: it says what this says, but for its words, under an id that is not taken.
    pub fn part(&self, number: usize, is_taken: impl Fn(&TaskId) -> bool) -> PlanTask {
        let ids = (number.saturating_add(1)..).map(|number| TaskId(format!("{}-{number}", self.id)));
        let id = ids.into_iter().find(|id| !is_taken(id)).unwrap_or_default();
        PlanTask { id, description: String::new(), acceptance: Vec::new(), files: Vec::new(), ..self.clone() }
    }
}
