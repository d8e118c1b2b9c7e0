//! What agents are told of their task and of the board, as JSON text.
//!
//! Not for prompts. Invariant: an answer is no longer than an agent can be expected to read.

use serde_json::{Value, json};

use super::board::Posted;
use crate::model::snapshot::{SessionView, Snapshot, TaskView};
use crate::model::{Finding, StepKind};

/// Characters of one text.
const LONGEST: usize = 8_000;
/// Tasks and findings that are told.
const MOST: usize = 200;

/// A session's task: what is asked, and how it stands.
pub fn task(snapshot: &Snapshot, session: &SessionView, step: StepKind) -> String {
    let goal = snapshot.run.as_ref().map(|run| cut(&run.goal)).unwrap_or_default();
    let task = session.task.as_ref().and_then(|id| snapshot.task(id));
    let mut value = json!({ "goal": goal, "step": step.name(), "round": session.round, "task": null });
    if let (Some(task), Some(object)) = (task, value.as_object_mut()) {
        object.insert("task".to_owned(), task_value(task));
    }
    pretty(&value)
}

fn task_value(task: &TaskView) -> Value {
    let open: Vec<&Finding> = task.findings.iter().filter(|finding| finding.is_open()).take(MOST).collect();
    let gates = task
        .gates
        .iter()
        .map(|gate| json!({ "name": gate.name, "state": gate.state, "tail": cut(&gate.tail) }));
    json!({
        "id": task.id,
        "title": task.title,
        "description": cut(&task.description),
        "acceptance": task.acceptance,
        "role": task.role,
        "depends_on": task.depends_on,
        "phase": task.phase.name(),
        "max_rounds": task.max_rounds,
        "gates": gates.collect::<Vec<_>>(),
        "open_findings": open,
        "a_person_approves_before_the_merge": task.human,
    })
}

/// All tasks in a line each, and what was posted.
pub fn board(snapshot: &Snapshot, messages: &[Posted]) -> String {
    let tasks = snapshot.tasks.iter().take(MOST).map(|task| {
        json!({
            "id": task.id,
            "title": task.title,
            "agent": task.agent,
            "phase": task.phase.name(),
            "why": cut(&task.explanation.why),
            "depends_on": task.depends_on,
        })
    });
    let goal = snapshot.run.as_ref().map(|run| cut(&run.goal)).unwrap_or_default();
    let messages = messages
        .iter()
        .map(|posted| json!({ "agent": posted.agent, "task": posted.task, "text": posted.text }));
    pretty(&json!({
        "goal": goal,
        "tasks": tasks.collect::<Vec<_>>(),
        "messages": messages.collect::<Vec<_>>(),
    }))
}

fn cut(text: &str) -> String {
    crate::agents::plain_text(text).chars().take(LONGEST).collect()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
