//! `loopmon fork`: a new run from a point of an earlier one.

use std::path::Path;

use super::args::ForkArgs;
use super::out::say;
use super::project::{self, Project};
use super::{Failure, Outcome, act};
use crate::engine::{self, State};
use crate::model::event::RunEvent;
use crate::model::{Event, Oid, Phase, Plan, PlanTask, Record};
use crate::protocol::client::{Ask, Message, StartRun};
use crate::store::Store;

/// Starts it.
pub fn fork(dir: &Path, args: &ForkArgs) -> Outcome {
    let Project { places, .. } = act::requested(dir)?;
    let none = || Failure::new("there is no run yet");
    let store = Store::open_reader(&places.log())?.ok_or_else(none)?;
    let runs = store.runs()?;
    let run = match &args.run {
        None => runs.last().ok_or_else(none)?,
        Some(name) => runs.iter().find(|run| run.id.as_str() == name).ok_or_else(|| {
            let known: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
            Failure::new(format!("there is no run {name}; there are: {}", known.join(", ")))
        })?,
    };
    let records = store.events(&run.id, 0)?;
    let state = state_at(&records, args.at)?;
    let (plan, base) = rest(&state)?;
    let count = crate::model::counted(plan.tasks.len(), "task");
    let request =
        StartRun { plan: Some(plan), go: args.yes, base: Some(base.to_string()), ..StartRun::default() };
    match project::link(&places)?.ask(Ask::StartRun(request))? {
        Message::Started(run) if args.json => {
            say!("{}", serde_json::json!({ "ok": true, "run": run, "base": base }));
        }
        Message::Started(run) if args.yes => say!("run {run} with {count} begins at {}", base.short()),
        Message::Started(run) => {
            say!("run {run} with {count} from {} waits for your go: `loopmon`", base.short());
        }
        refused => return act::answer(refused, args.json),
    }
    Ok(0)
}

fn state_at(records: &[Record], at: Option<u64>) -> Result<State, Failure> {
    let last = records.last().map_or(0, |record| record.seq);
    if let Some(at) = at.filter(|at| *at == 0 || *at > last) {
        return Err(Failure::new(format!("there is no event {at}; the log has 1 to {last}")));
    }
    let mut records = records.iter().filter(|record| at.is_none_or(|at| record.seq <= at));
    let first = records.next().ok_or_else(|| Failure::new("its log is empty"))?;
    let Event::Run(RunEvent::Started(start)) = &first.event else {
        return Err(Failure::new("its log does not begin with its start"));
    };
    let (mut state, _) = engine::start(start, first.at);
    for record in records {
        drop(engine::update(&mut state, &record.event, record.at));
    }
    Ok(state)
}

/// What was not done at that point, and the commit that holds what was.
fn rest(state: &State) -> Result<(Plan, Oid), Failure> {
    let tasks = state.order.iter().filter_map(|id| state.tasks.get(id));
    let is_left = |phase: Phase| !matches!(phase, Phase::Done | Phase::Cancelled);
    let left: Vec<PlanTask> =
        tasks.filter(|task| is_left(task.phase)).map(|task| task.spec.clone()).collect();
    let names: Vec<_> = left.iter().map(|task| task.id.clone()).collect();
    let without = |mut task: PlanTask| {
        task.depends_on.retain(|on| names.contains(on));
        task
    };
    let tasks: Vec<PlanTask> = match (&state.run.planning.proposal, left.is_empty()) {
        (Some(plan), true) => plan.tasks.clone(),
        (None, true) => {
            return Err(Failure::new("everything was done or given up at that point: nothing is left to do"));
        }
        (_, false) => left.into_iter().map(without).collect(),
    };
    let base = state.run.tip.clone().unwrap_or_else(|| state.run.base.clone());
    Ok((Plan { goal: state.run.goal.clone(), tasks }, base))
}
