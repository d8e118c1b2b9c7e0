//! `loopmon add`: a task for the run that is under way.

use std::path::Path;

use super::args::AddArgs;
use super::project::{self, Project};
use super::{Failure, Outcome, act};
use crate::engine::snapshot::free_id;
use crate::model::{AgentName, Command, PlanTask, TaskId};

/// Adds it.
pub fn add(dir: &Path, args: AddArgs) -> Outcome {
    let Project { places, .. } = project::open(dir)?;
    let state = project::state(&places)?
        .ok_or_else(|| Failure::new("there is no run yet: start one with `loopmon run \"<goal>\"`"))?;
    let id = args.id.map_or_else(|| free_id(&state), TaskId);
    let task = PlanTask {
        id: id.clone(),
        title: args.title,
        description: args.description,
        acceptance: args.acceptance,
        depends_on: args.depends_on.into_iter().map(TaskId).collect(),
        agent: args.agent.map(AgentName),
        human: args.human,
        ..PlanTask::default()
    };
    let code = act::send(dir, Command::Add(task), false)?;
    println!("{id}");
    Ok(code)
}
