//! `loopmon cost`: what was spent, by task, role and agent.

use std::path::Path;

use serde_json::{Value, json};

use super::args::JsonArgs;
use super::out::{say, say_words};
use super::project::{self, Project};
use super::{Failure, Outcome, shown};
use crate::engine::State;
use crate::model::time::human_span;
use crate::model::{Usage, counted};

/// Prints it.
pub fn cost(dir: &Path, args: &JsonArgs) -> Outcome {
    let Project { places, .. } = project::open(dir)?;
    let state = project::state(&places)?.ok_or_else(|| Failure::new("there is no run yet"))?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&value(&state))?);
    } else {
        say_words!("{}", text(&state));
    }
    Ok(0)
}

fn value(state: &State) -> Value {
    let tasks = state.order.iter().filter_map(|id| state.tasks.get(id)).map(|task| {
        json!({
            "task": task.spec.id, "role": task.spec.role, "rounds": task.round, "usage": task.usage,
            "worked_ms": task.worked_ms,
        })
    });
    let model = |agent| state.policy.team.makers.get(agent).map(|maker| maker.model.clone());
    let agents = state.run.spent_by.iter();
    let agents =
        agents.map(|(agent, usage)| json!({ "agent": agent, "model": model(agent), "usage": usage }));
    json!({
        "run": state.run.id, "usage": state.run.usage, "budget_micros": state.policy.budget_micros,
        "reached": state.spent_limit(), "tasks": tasks.collect::<Vec<_>>(), "roles": state.spent_by_role(),
        "agents": agents.collect::<Vec<_>>(),
    })
}

fn text(state: &State) -> String {
    let budget = match state.policy.budget_micros {
        0 => String::new(),
        micros => format!(" of {}", Usage { cost_micros: micros, ..Usage::default() }.dollars()),
    };
    let used = state.run.usage;
    let tokens = format!("{} tokens in, {} out", used.input_tokens, used.output_tokens);
    let mut out = format!("run {}: {}{budget}, {tokens}\n", state.run.id, used.dollars());
    if let Some(reached) = state.spent_limit() {
        out.push_str(&format!("{reached}: nothing more is started\n"));
    }
    out.push_str("\ntask\n");
    for task in state.order.iter().filter_map(|id| state.tasks.get(id)) {
        let role = task.spec.role.as_deref().map(|role| format!("  {role}")).unwrap_or_default();
        let rounds = format!("{}, {}", counted(task.round, "round"), human_span(task.worked_ms));
        out.push_str(&shown(&format!("  {:<12} {}  {rounds}{role}\n", task.spec.id, spent(task.usage))));
    }
    let roles = state.spent_by_role();
    if roles.keys().any(|role| !role.is_empty()) {
        out.push_str("\nrole\n");
        for (role, usage) in &roles {
            let role = if role.is_empty() { "(none)" } else { role };
            out.push_str(&shown(&format!("  {role:<12} {}\n", spent(*usage))));
        }
    }
    out.push_str("\nagent\n");
    for (agent, usage) in &state.run.spent_by {
        let model = state.policy.team.makers.get(agent).map(|maker| maker.model.as_str()).unwrap_or_default();
        out.push_str(&shown(&format!("  {agent:<12} {}  {model}\n", spent(*usage))));
    }
    out
}

fn spent(usage: Usage) -> String {
    format!("{:>9}  {:>9} in {:>8} out", usage.dollars(), usage.input_tokens, usage.output_tokens)
}
