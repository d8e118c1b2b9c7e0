//! `loopmon import`: tasks from a checklist or a plan file, into the run that is under way or as a new one.

use std::io::Read;
use std::path::Path;

use super::args::ImportArgs;
use super::out::{complain, say};
use super::project::{self, Project};
use super::{Failure, Outcome, act, run, shown};
use crate::engine::snapshot::run_phase;
use crate::engine::{State, graph};
use crate::model::snapshot::RunPhase;
use crate::model::{Command, Phase, PlanEdit, PlanTask, TaskId, counted};
use crate::protocol::client::{Ask, Message};
use crate::server::plans::{self, Imported};

/// What standard input is called in errors.
const STDIN: &str = "<stdin>";

/// Adds them, or starts a run of them.
pub fn import(dir: &Path, args: &ImportArgs) -> Outcome {
    project::refuse_inside_session()?;
    let Project { places, .. } = project::open(dir)?;
    let state = project::state(&places)?.filter(|state| run_phase(state) == RunPhase::Working);
    let Some(state) = state else {
        let read = read(dir, &args.file, &[])?;
        tell(&read);
        return run::begin(dir, String::new(), Some(read.plan), &args.how);
    };
    let taken: Vec<TaskId> = state.tasks.keys().cloned().collect();
    let read = read(dir, &args.file, &taken)?;
    tell(&read);
    check(&state, &read)?;
    let added = read.plan.tasks;
    if args.how.dry_run {
        added.iter().for_each(|task| say!("{}", line(task)));
        say!("dry run: nothing was added");
        return Ok(0);
    }
    let command = Command::Edit(Box::new(PlanEdit { added: added.clone(), ..PlanEdit::default() }));
    match project::link(&places)?.ask(Ask::Command(command))? {
        Message::Done if args.json => {
            let ids: Vec<&TaskId> = added.iter().map(|task| &task.id).collect();
            say!("{}", serde_json::json!({ "ok": true, "message": act::DONE, "tasks": ids }));
        }
        Message::Done => {
            added.iter().for_each(|task| say!("{}", line(task)));
            say!("added {} to run {}", counted(added.len(), "task"), state.run.id);
        }
        refused => return act::answer(refused, args.json),
    }
    Ok(0)
}

/// The plan in a file, or in standard input; ids that are missing are given, none of those that are `taken`.
pub fn read(dir: &Path, file: &Path, taken: &[TaskId]) -> Result<Imported, Failure> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return plans::import(&text, STDIN, taken).map_err(Failure::usage);
    }
    let path = dir.join(file);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    plans::import(&text, &file.display().to_string(), taken).map_err(Failure::usage)
}

/// Says what was left out.
pub fn tell(read: &Imported) {
    read.told.iter().for_each(|line| complain(&shown(line)));
}

fn line(task: &PlanTask) -> String {
    let after: Vec<&str> = task.depends_on.iter().map(TaskId::as_str).collect();
    let after = if after.is_empty() { String::new() } else { format!("  after {}", after.join(", ")) };
    format!("{:<10} {}{after}", task.id, shown(&task.title))
}

/// What the run would refuse, with its place; and what it has already, for a list is imported twice more easily than not.
fn check(state: &State, read: &Imported) -> Result<(), Failure> {
    let mut found = Vec::new();
    for (task, place) in read.plan.tasks.iter().zip(&read.places) {
        let same = state.tasks.values().filter(|there| there.phase != Phase::Cancelled);
        if let Some(same) = same.clone().find(|there| there.spec.title == task.title) {
            found.push(format!(
                "{place}: \"{}\" is in the run already, as {} (tick it off, or give it another title)",
                task.title, same.spec.id
            ));
        } else if state.tasks.contains_key(&task.id) {
            found.push(format!(
                "{place}: the run has a task {} already (leave the id out to be given one)",
                task.id
            ));
        }
    }
    if found.is_empty() {
        found = misfits(state, read);
    }
    if found.is_empty() { Ok(()) } else { Err(Failure::usage(found.join("\n"))) }
}

/// What the plan would refuse of each task by itself; what only all of them together do is the server's to say.
fn misfits(state: &State, read: &Imported) -> Vec<String> {
    let tasks = &read.plan.tasks;
    let all: Vec<PlanTask> =
        state.tasks.values().map(|task| task.spec.clone()).chain(tasks.clone()).collect();
    if graph::problems(&all, &state.policy).is_empty() {
        return Vec::new();
    }
    let bare =
        |task: &PlanTask| PlanTask { id: task.id.clone(), title: "x".to_owned(), ..PlanTask::default() };
    let others: Vec<PlanTask> = all.iter().map(bare).collect();
    let mut found = Vec::new();
    for (task, place) in tasks.iter().zip(&read.places) {
        let with = others.iter().map(|other| if other.id == task.id { task } else { other });
        let with: Vec<PlanTask> = with.cloned().collect();
        let problems = graph::problems(&with, &state.policy);
        found.extend(problems.into_iter().map(|problem| format!("{place}: {problem}")));
    }
    found
}
