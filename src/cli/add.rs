//! `loopmon add`: a task for the run that is under way.

use std::path::Path;

use super::args::AddArgs;
use super::out::say;
use super::project::{self, Project};
use super::{Failure, Outcome, act};
use crate::engine::snapshot::free_id;
use crate::model::{AgentName, Command, PlanTask, TaskId};
use crate::protocol::client::{Ask, Message};

/// Adds it.
pub fn add(dir: &Path, args: AddArgs) -> Outcome {
    let Project { places, .. } = act::requested(dir)?;
    let state = project::state(&places)?.ok_or_else(|| Failure::new("there is no run yet"))?;
    let id = args.id.map_or_else(|| free_id(&state), TaskId);
    let task = PlanTask {
        id: id.clone(),
        title: args.title,
        description: args.description,
        acceptance: args.acceptance,
        depends_on: args.depends_on.into_iter().map(TaskId).collect(),
        role: args.role,
        agent: args.agent.map(AgentName),
        human: args.human,
        files: args.files,
        gates: args.gates,
        may_change: args.may_change,
        priority: args.priority,
        locks: args.locks,
        ..PlanTask::default()
    };
    match project::link(&places)?.ask(Ask::Command(Command::Add(Box::new(task))))? {
        Message::Done if args.json => say!("{}", serde_json::json!({ "ok": true, "task": id })),
        Message::Done => say!("{id}"),
        refused => return act::answer(refused, args.json),
    }
    Ok(0)
}
