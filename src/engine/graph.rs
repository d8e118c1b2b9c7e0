//! The plan as a graph: what may not be in one, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::policy::Team;
use crate::model::{PlanTask, TaskId};

/// Why a plan can't be worked on, one line each; empty if it can.
pub fn problems(tasks: &[PlanTask], team: &Team) -> Vec<String> {
    let mut found = Vec::new();
    if tasks.is_empty() {
        found.push("the plan has no tasks".to_owned());
    }
    let mut ids = BTreeSet::new();
    for task in tasks {
        task_problems(task, team, &mut found);
        if !ids.insert(&task.id) {
            found.push(format!("two tasks have the id {}", task.id));
        }
    }
    for task in tasks {
        for dependency in &task.depends_on {
            if dependency == &task.id {
                found.push(format!("{} depends on itself", task.id));
            } else if !ids.contains(dependency) {
                found.push(format!("{} depends on {dependency}, which is not in the plan", task.id));
            }
        }
    }
    if found.is_empty()
        && let Some(cycle) = cycle(tasks)
    {
        let names: Vec<&str> = cycle.iter().map(TaskId::as_str).collect();
        found.push(format!("the dependencies run in a circle: {}", names.join(" → ")));
    }
    found
}

fn task_problems(task: &PlanTask, team: &Team, found: &mut Vec<String>) {
    if !task.id.is_well_formed() {
        found.push(format!(
            "\"{}\" is no task id: use letters, digits, '.', '_' and '-'",
            task.id.as_str().escape_debug()
        ));
    }
    if task.title.trim().is_empty() {
        found.push(format!("{} has no title", task.id));
    }
    if let Some(agent) = &task.agent
        && !team.known.contains(agent)
    {
        let known: Vec<&str> = team.known.iter().map(|name| name.as_str()).collect();
        found.push(format!(
            "{} names the agent {agent}, which is not configured; there are: {}",
            task.id,
            known.join(", ")
        ));
    }
}

/// A circle of dependencies, its first task repeated at its end.
pub fn cycle(tasks: &[PlanTask]) -> Option<Vec<TaskId>> {
    let done = peel(tasks);
    let stuck: BTreeMap<&TaskId, &PlanTask> =
        tasks.iter().filter(|task| !done.contains(&task.id)).map(|task| (&task.id, task)).collect();
    // Every task that is left depends on another that is left: walking along them must come back.
    let mut path: Vec<&TaskId> = Vec::new();
    let mut seen: BTreeMap<&TaskId, usize> = BTreeMap::new();
    let mut at = *stuck.keys().next()?;
    loop {
        if let Some(start) = seen.insert(at, path.len()) {
            let mut circle: Vec<TaskId> = path.iter().skip(start).map(|id| (*id).clone()).collect();
            circle.push(at.clone());
            return Some(circle);
        }
        path.push(at);
        at = stuck.get(at)?.depends_on.iter().find(|dependency| stuck.contains_key(dependency))?;
    }
}

/// Tasks that are reached when whatever has only reached dependencies is reached, again and again.
fn peel(tasks: &[PlanTask]) -> BTreeSet<TaskId> {
    let mut waiting: BTreeMap<&TaskId, usize> =
        tasks.iter().map(|task| (&task.id, task.depends_on.len())).collect();
    let mut dependents: BTreeMap<&TaskId, Vec<&TaskId>> = BTreeMap::new();
    for task in tasks {
        for dependency in &task.depends_on {
            dependents.entry(dependency).or_default().push(&task.id);
        }
    }
    let mut free: Vec<&TaskId> =
        waiting.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
    let mut reached = BTreeSet::new();
    while let Some(id) = free.pop() {
        reached.insert(id.clone());
        for dependent in dependents.get(id).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(*dependent) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    free.push(dependent);
                }
            }
        }
    }
    reached
}

/// For each task, the length of the longest chain of tasks that wait for it. The graph must have no circle.
pub fn ranks(tasks: &[&PlanTask]) -> BTreeMap<TaskId, u32> {
    let mut dependents: BTreeMap<&TaskId, Vec<&TaskId>> = BTreeMap::new();
    let mut open: BTreeMap<&TaskId, usize> = tasks.iter().map(|task| (&task.id, 0)).collect();
    for task in tasks {
        for dependency in &task.depends_on {
            dependents.entry(&task.id).or_default().push(dependency);
            if let Some(count) = open.get_mut(dependency) {
                *count += 1;
            }
        }
    }
    let mut ranks: BTreeMap<TaskId, u32> = tasks.iter().map(|task| (task.id.clone(), 0)).collect();
    let mut free: Vec<&TaskId> = open.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
    while let Some(id) = free.pop() {
        let above = ranks.get(id).copied().unwrap_or(0) + 1;
        for dependency in dependents.get(id).into_iter().flatten() {
            if let Some(rank) = ranks.get_mut(*dependency) {
                *rank = (*rank).max(above);
            }
            if let Some(count) = open.get_mut(*dependency) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    free.push(dependency);
                }
            }
        }
    }
    ranks
}

/// Tasks that wait for this one, directly or not; `edges` has the direct ones.
pub fn dependents<'a>(edges: &'a BTreeMap<TaskId, Vec<TaskId>>, of: &'a TaskId) -> BTreeSet<&'a TaskId> {
    let mut found = BTreeSet::new();
    let mut frontier = vec![of];
    while let Some(id) = frontier.pop() {
        for dependent in edges.get(id).into_iter().flatten() {
            if found.insert(dependent) {
                frontier.push(dependent);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str, depends_on: &[&str]) -> PlanTask {
        PlanTask {
            id: id.into(),
            title: id.to_owned(),
            depends_on: depends_on.iter().map(|id| (*id).into()).collect(),
            ..PlanTask::default()
        }
    }

    #[test]
    fn a_circle_is_named_and_nothing_else_is() {
        let tasks = [task("a", &[]), task("b", &["a", "d"]), task("c", &["b"]), task("d", &["c"])];
        let found = problems(&tasks, &Team::default());
        assert_eq!(found.len(), 1, "{found:?}");
        let circle = cycle(&tasks).unwrap();
        assert_eq!(circle.len(), 4);
        assert_eq!(circle.first(), circle.last());
    }

    #[test]
    fn every_mistake_of_a_plan_is_told_at_once() {
        let mut bad = task("x y", &["nowhere"]);
        bad.agent = Some("ghost".into());
        let tasks = [bad, task("b", &["b"]), task("b", &[])];
        let text = problems(&tasks, &Team { known: vec!["ada".into()], ..Team::default() }).join("\n");
        for part in ["no task id", "nowhere", "ghost", "there are: ada", "depends on itself", "two tasks"] {
            assert!(text.contains(part), "{part} not in {text}");
        }
    }

    #[test]
    fn rank_is_the_longest_chain_behind() {
        let tasks = [task("a", &[]), task("b", &["a"]), task("c", &["b"]), task("d", &["a"])];
        let ranks = ranks(&tasks.iter().collect::<Vec<_>>());
        assert_eq!([2, 1, 0, 0], ["a", "b", "c", "d"].map(|id| ranks[&id.into()]));
        let edges =
            BTreeMap::from([("a".into(), vec!["b".into(), "d".into()]), ("b".into(), vec!["c".into()])]);
        assert_eq!(dependents(&edges, &"a".into()).len(), 3);
    }

    #[test]
    fn ten_thousand_tasks_in_a_chain_do_not_overflow() {
        let tasks: Vec<PlanTask> = (0..10_000)
            .map(|n| if n == 0 { task("t0", &[]) } else { task(&format!("t{n}"), &[&format!("t{}", n - 1)]) })
            .collect();
        assert!(problems(&tasks, &Team::default()).is_empty());
        assert_eq!(ranks(&tasks.iter().collect::<Vec<_>>())[&"t0".into()], 9_999);
    }
}
