//! Plans as files: read from TOML or JSON, written as TOML for a person's editor.

use std::path::Path;

use crate::config::plan::{self, Format};
use crate::model::{AgentName, Pattern, Plan, PlanTask, TaskId};

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
        gates: task.gates,
        may_change: task.may_change,
        priority: task.priority,
        locks: task.locks,
        pattern: Pattern::ALL.into_iter().find(|pattern| pattern.name() == task.pattern),
    }
}

/// What begins a line that tells a person's editor why the text was not taken over.
const REMARK: &str = "#! ";

/// The text with what is wrong with it on top. The places in it are those of the text below.
pub fn with_remarks(text: &str, problem: &str) -> String {
    let lines = ["not taken over (the lines are counted without these):"].into_iter().chain(problem.lines());
    lines.map(|line| format!("{REMARK}{line}\n")).collect::<String>() + text
}

/// The text without such remarks.
pub fn without_remarks(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with(REMARK)).collect()
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
        gates: task.gates.clone(),
        may_change: task.may_change.clone(),
        priority: task.priority,
        locks: task.locks.clone(),
        pattern: task.pattern.map(|pattern| pattern.name().to_owned()).unwrap_or_default(),
    });
    plan::to_toml(&plan::Plan { goal: plan.goal.clone(), tasks: tasks.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_was_not_taken_over_comes_back_whole_under_what_is_wrong() {
        let text = "goal = \"long words\"\n[[tasks]]\nhumman = true\n";
        let problem = parse(text, "plan.toml").unwrap_err();
        let back = with_remarks(text, &problem);
        assert!(back.starts_with("#! not taken over") && back.contains("humman"), "{back}");
        assert!(back.ends_with(text));
        // Remarks of another round take the place of those before.
        assert_eq!(without_remarks(&with_remarks(&without_remarks(&back), &problem)), text);
        assert_eq!(parse(&back, "plan.toml").is_err(), parse(text, "plan.toml").is_err());
    }
}
