//! The plan as a graph: what may not be in one, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::policy::Team;
use crate::model::{GateSpec, PlanTask, Policy, TaskId};

/// Why a plan can't be worked on, one line each; empty if it can.
pub fn problems(tasks: &[PlanTask], policy: &Policy) -> Vec<String> {
    let mut found = Vec::new();
    if tasks.is_empty() {
        found.push("the plan has no tasks".to_owned());
    }
    let mut ids = BTreeSet::new();
    for task in tasks {
        task_problems(task, &policy.team, &mut found);
        gate_problems(task, &policy.gates, &mut found);
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
    // Other mistakes hide no circle, unless they are one already or make it unclear which task is meant.
    let is_clear = ids.len() == tasks.len() && !tasks.iter().any(|task| task.depends_on.contains(&task.id));
    if is_clear && let Some(cycle) = cycle(tasks) {
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
    if task.title.chars().any(char::is_control) {
        found.push(format!("the title of {} is more than one line, or holds control characters", task.id));
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

fn gate_problems(task: &PlanTask, gates: &[GateSpec], found: &mut Vec<String>) {
    for name in task.gates.iter().filter(|name| gates.iter().all(|gate| gate.name != **name)) {
        let known: Vec<&str> = gates.iter().map(|gate| gate.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        found.push(format!(
            "{} names the gate \"{name}\", which is not configured; there are: {known}",
            task.id
        ));
    }
}

/// A circle of dependencies, its first task repeated at its end.
pub fn cycle(tasks: &[PlanTask]) -> Option<Vec<TaskId>> {
    let edges = Edges::of(tasks.iter());
    let mut stuck = vec![true; tasks.len()];
    for at in in_order(&edges.dependencies, &edges.dependents) {
        stuck.get_mut(at).into_iter().for_each(|stuck| *stuck = false);
    }
    let is_stuck = |at: &usize| stuck.get(*at).copied().unwrap_or(false);
    // Every task that is left depends on another that is left: walking along them must come back.
    let mut path: Vec<usize> = Vec::new();
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let mut at = (0..tasks.len()).find(is_stuck)?;
    loop {
        if let Some(start) = seen.insert(at, path.len()) {
            path.push(at);
            let circle = path.iter().skip(start).filter_map(|at| tasks.get(*at));
            return Some(circle.map(|task| task.id.clone()).collect());
        }
        path.push(at);
        at = edges.dependencies.get(at)?.iter().copied().find(is_stuck)?;
    }
}

/// For each task, the length of the longest chain that begins with it; `lengths` are those of the tasks themselves. The graph
/// must have no circle.
pub fn ranks<'a>(tasks: impl Iterator<Item = &'a PlanTask> + Clone, lengths: &[u64]) -> Vec<u64> {
    let edges = Edges::of(tasks);
    let mut ranks: Vec<u64> = vec![0; edges.dependents.len()];
    for at in in_order(&edges.dependents, &edges.dependencies) {
        let behind = edges.dependents.get(at).into_iter().flatten();
        let longest = behind.filter_map(|behind| ranks.get(*behind)).max().copied().unwrap_or(0);
        let own = lengths.get(at).copied().unwrap_or(0);
        ranks.get_mut(at).into_iter().for_each(|rank| *rank = longest.saturating_add(own));
    }
    ranks
}

/// The chain of tasks that takes longest, and how long; each task comes with its time.
pub fn longest(tasks: &[(&PlanTask, u64)]) -> (u64, Vec<TaskId>) {
    let edges = Edges::of(tasks.iter().map(|(task, _)| *task));
    // For each task how long it and what waits for it takes, and which of them takes longest.
    let mut lengths: Vec<(u64, Option<usize>)> = vec![(0, None); tasks.len()];
    for at in in_order(&edges.dependents, &edges.dependencies) {
        let behind = edges.dependents.get(at).into_iter().flatten();
        let behind = behind.filter_map(|behind| Some((lengths.get(*behind)?.0, *behind))).max();
        let own = tasks.get(at).map_or(0, |(_, millis)| *millis);
        let (rest, next) = behind.map_or((0, None), |(rest, next)| (rest, Some(next)));
        lengths.get_mut(at).into_iter().for_each(|length| *length = (own.saturating_add(rest), next));
    }
    let first =
        (0..tasks.len()).max_by_key(|at| (lengths.get(*at).map(|(length, _)| *length), usize::MAX - at));
    let length = first.and_then(|at| lengths.get(at)).map_or(0, |(length, _)| *length);
    let chain = std::iter::successors(first, |at| lengths.get(*at)?.1);
    (length, chain.filter_map(|at| Some(tasks.get(at)?.0.id.clone())).collect())
}

/// The plan by positions, so that each id is looked up once.
struct Edges {
    dependencies: Vec<Vec<usize>>,
    dependents: Vec<Vec<usize>>,
}

impl Edges {
    fn of<'a>(tasks: impl Iterator<Item = &'a PlanTask> + Clone) -> Edges {
        let positions: BTreeMap<&TaskId, usize> =
            tasks.clone().enumerate().map(|(at, task)| (&task.id, at)).collect();
        let positions_of = |task: &PlanTask| -> Vec<usize> {
            task.depends_on.iter().filter_map(|id| positions.get(id).copied()).collect()
        };
        let dependencies: Vec<Vec<usize>> = tasks.map(positions_of).collect();
        let mut dependents = vec![Vec::new(); dependencies.len()];
        for (at, on) in dependencies.iter().enumerate() {
            for on in on {
                dependents
                    .get_mut(*on)
                    .into_iter()
                    .for_each(|dependents: &mut Vec<usize>| dependents.push(at));
            }
        }
        Edges { dependencies, dependents }
    }
}

/// Positions, each after all that it waits for; what is in a circle, or waits for one, is left out.
fn in_order(waits_for: &[Vec<usize>], waited_by: &[Vec<usize>]) -> Vec<usize> {
    let mut open: Vec<usize> = waits_for.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..open.len()).filter(|at| open.get(*at) == Some(&0)).collect();
    let mut next = 0;
    while let Some(at) = order.get(next).copied() {
        next += 1;
        for waiting in waited_by.get(at).into_iter().flatten() {
            let Some(count) = open.get_mut(*waiting) else { continue };
            *count = count.saturating_sub(1);
            if *count == 0 {
                order.push(*waiting);
            }
        }
    }
    order
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
        let found = problems(&tasks, &Policy::default());
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
        let text = problems(
            &tasks,
            &Policy { team: Team { known: vec!["ada".into()], ..Team::default() }, ..Policy::default() },
        )
        .join("\n");
        for part in ["no task id", "nowhere", "ghost", "there are: ada", "depends on itself", "two tasks"] {
            assert!(text.contains(part), "{part} not in {text}");
        }
    }

    #[test]
    fn rank_is_the_longest_chain_from_a_task_on() {
        let tasks = [task("a", &[]), task("b", &["a"]), task("c", &["b"]), task("d", &["a"])];
        assert_eq!(ranks(tasks.iter(), &[1; 4]), [3, 2, 1, 1]);
        assert_eq!(ranks(tasks.iter(), &[5, 5, 5, 90]), [95, 10, 5, 90], "by time");
        let edges =
            BTreeMap::from([("a".into(), vec!["b".into(), "d".into()]), ("b".into(), vec!["c".into()])]);
        assert_eq!(dependents(&edges, &"a".into()).len(), 3);
    }

    #[test]
    fn ten_thousand_tasks_in_a_chain_do_not_overflow() {
        let tasks: Vec<PlanTask> = (0..10_000)
            .map(|n| if n == 0 { task("t0", &[]) } else { task(&format!("t{n}"), &[&format!("t{}", n - 1)]) })
            .collect();
        assert!(problems(&tasks, &Policy::default()).is_empty());
        assert_eq!(ranks(tasks.iter(), &[1; 10_000])[0], 10_000);
    }
}
