//! Plans as files: read from TOML, JSON or Markdown, written as TOML for a person's editor.

use std::path::Path;

use crate::config::plan::{self, Format};
use crate::model::{AgentName, Pattern, Plan, PlanEdit, PlanTask, TaskId};

/// A plan from a person's file.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The plan; each of its tasks has an id.
    pub plan: Plan,
    /// What was left out, one line each.
    pub told: Vec<String>,
    /// `file:line` of each task.
    pub places: Vec<String>,
}

/// The plan in a file; the error names the place.
pub fn read(path: &Path) -> Result<Imported, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    import(&text, &path.display().to_string(), [])
}

/// The plan in a text; `name` is its file in errors, and tells how it is written. Ids that are missing are given, none of
/// those that are `taken`.
pub fn import<'a>(
    text: &str,
    name: &str,
    taken: impl IntoIterator<Item = &'a TaskId>,
) -> Result<Imported, String> {
    let taken = taken.into_iter().map(TaskId::to_string).collect();
    let read = plan::import(text, Format::of_file(name, text), name, &taken)
        .map_err(|problems| problems.to_string())?;
    Ok(Imported {
        plan: as_plan(read.plan),
        told: read.told,
        places: read.lines.iter().map(|line| format!("{name}:{line}")).collect(),
    })
}

/// The plan in a text, TOML or JSON; `name` is its file in errors.
pub fn parse(text: &str, name: &str) -> Result<Plan, String> {
    let plan = plan::parse(text, Format::of(text), name).map_err(|problems| problems.to_string())?;
    Ok(as_plan(plan))
}

fn as_plan(plan: plan::Plan) -> Plan {
    Plan { goal: plan.goal, tasks: plan.tasks.into_iter().map(task).collect() }
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
    plan::to_toml(&plan::Plan { goal: plan.goal.clone(), tasks: as_written(&plan.tasks) })
}

/// Tasks of a plan that is worked on, as TOML: one of them, or all that are left.
pub fn to_edit(tasks: &[PlanTask]) -> String {
    let opening = match tasks {
        [task] => format!(
            "Task {}, which is worked on. Save and close: what changes counts at once.\nA task that you add is a new \
             task of the plan.",
            task.id
        ),
        _ => "What is left of the plan, which is worked on. Save and close: what changes counts at once.\n\
              A task that you take out is given up, one that you add is new; their order is that of the plan."
            .to_owned(),
    };
    plan::tasks_to_toml(&as_written(tasks), &opening)
}

/// A task to be cut into several.
pub fn to_split(task: &PlanTask, part: &PlanTask) -> String {
    let opening = format!(
        "Cut {id} into several tasks: the first goes on as {id}, with its branch and its work; the others are new.\n\
         Who waits for {id} waits for all of them. Save and close to do it; nothing is done if the text stays as it is.",
        id = task.id
    );
    plan::tasks_to_toml(&as_written(&[task.clone(), part.clone()]), &opening)
}

/// What a person made of tasks of a plan that is worked on.
pub fn edited(before: &[PlanTask], text: &str) -> Result<PlanEdit, String> {
    let after = parse(text, "plan.toml")?.tasks;
    if let [only] = before
        && after.iter().all(|task| task.id != only.id)
    {
        return Err(format!(
            "{} is not in it any more: a task's id stays; to give it up, cancel it",
            only.id
        ));
    }
    Ok(PlanEdit::between(before, &after))
}

fn as_written(tasks: &[PlanTask]) -> Vec<plan::PlanTask> {
    let text = |id: &TaskId| id.to_string();
    let written = |task: &PlanTask| plan::PlanTask {
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
    };
    tasks.iter().map(written).collect()
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
