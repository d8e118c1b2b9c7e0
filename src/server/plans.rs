//! Plans as files: read from TOML or JSON, written as TOML for a person's editor.

use std::path::Path;

use crate::config::plan::{self, Format};
use crate::model::{AgentName, Plan, PlanTask, TaskId};

/// The plan in a file; the error names the place.
pub fn read(path: &Path) -> Result<Plan, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&text, &path.display().to_string())
}

/// The plan in a text, TOML or JSON; `name` is its file in errors.
pub fn parse(text: &str, name: &str) -> Result<Plan, String> {
    let plan = plan::parse(text, Format::of(text), name).map_err(|problems| problems.to_string())?;
    Ok(Plan { goal: plan.goal, tasks: plan.tasks.into_iter().map(task).collect() })
}

fn task(task: plan::PlanTask) -> PlanTask {
    let named = |text: String| Some(text).filter(|text| !text.trim().is_empty());
    PlanTask {
        id: TaskId(task.id),
        title: task.title,
        description: task.description,
        acceptance: task.acceptance,
        depends_on: task.depends_on.into_iter().map(TaskId).collect(),
        role: named(task.role),
        agent: named(task.agent).map(AgentName),
        human: task.human,
        files: task.files,
    }
}

/// The plan as TOML with a word on each key.
pub fn to_toml(plan: &Plan) -> String {
    let text = |id: &TaskId| id.to_string();
    let tasks = plan.tasks.iter().map(|task| plan::PlanTask {
        id: text(&task.id),
        title: task.title.clone(),
        description: task.description.clone(),
        acceptance: task.acceptance.clone(),
        depends_on: task.depends_on.iter().map(text).collect(),
        role: task.role.clone().unwrap_or_default(),
        agent: task.agent.as_ref().map(ToString::to_string).unwrap_or_default(),
        human: task.human,
        files: task.files.clone(),
    });
    plan::to_toml(&plan::Plan { goal: plan.goal.clone(), tasks: tasks.collect() })
}
