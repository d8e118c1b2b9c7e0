//! Plans as planners write them.

use serde::Deserialize;
use serde_json::Value;

use crate::model::{AgentName, Plan, PlanTask, TaskId};

use super::schema::Kind;
use crate::agents::text::{one_line, plain};

/// The plan in the text. Its graph is not judged here: that is the engine's.
///
/// # Errors
/// What is wrong with its form, one line each.
pub fn parse_plan(text: &str) -> Result<Plan, Vec<String>> {
    let value = super::object(text, Kind::Plan)?;
    let written: Written =
        serde_json::from_value(without_nulls(value)).map_err(|error| vec![error.to_string()])?;
    let tasks: Vec<PlanTask> = written.tasks.into_iter().map(task).collect();
    let errors: Vec<String> = tasks
        .iter()
        .filter(|task| !task.id.is_well_formed())
        .map(|task| format!("the id {:?} has to be letters, digits, '.', '_' and '-'", task.id.as_str()))
        .collect();
    if errors.is_empty() { Ok(Plan { goal: plain(&written.goal), tasks }) } else { Err(errors) }
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    goal: String,
    tasks: Vec<WrittenTask>,
}

#[derive(Deserialize)]
struct WrittenTask {
    id: String,
    title: String,
    description: String,
    acceptance: Vec<String>,
    depends_on: Vec<String>,
    role: Option<String>,
    agent: Option<String>,
    #[serde(default)]
    human: bool,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    gates: Vec<String>,
    #[serde(default)]
    may_change: Vec<String>,
}

fn task(written: WrittenTask) -> PlanTask {
    let named = |name: Option<String>| name.map(|name| one_line(&name, 80)).filter(|name| !name.is_empty());
    PlanTask {
        id: TaskId(written.id.trim().to_owned()),
        title: one_line(&written.title, 200),
        description: plain(&written.description),
        acceptance: written.acceptance.iter().map(|text| one_line(text, 1000)).collect(),
        depends_on: written.depends_on.iter().map(|id| TaskId(id.trim().to_owned())).collect(),
        role: named(written.role),
        agent: named(written.agent).map(AgentName),
        human: written.human,
        files: written.files.iter().map(|file| one_line(file, 300)).collect(),
        gates: written.gates.iter().map(|name| one_line(name, 64)).collect(),
        may_change: written.may_change.iter().map(|glob| one_line(glob, 300)).collect(),
        ..PlanTask::default()
    }
}

/// Models write `null` for what they leave out.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
