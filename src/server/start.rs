//! Runs beginning: a new one from a request, the latest one from the log.

use super::clock;
use super::project::Project;
use super::runtime::Message;
use super::sessions::{self, Standing};
use super::shared::Shared;
use crate::engine::snapshot::run_phase;
use crate::engine::{self, State, graph};
use crate::git::{Customs, Head};
use crate::model::event::{RunEvent, RunStart};
use crate::model::snapshot::RunPhase;
use crate::model::{Event, Oid, Policy, RunId, SessionId};
use crate::protocol::client::StartRun;
use crate::store::{Store, StoreError};

/// The latest run of the log, replayed with its effects discarded.
pub fn latest(store: &Store) -> Result<Option<State>, StoreError> {
    let Some(run) = store.runs()?.pop() else { return Ok(None) };
    replay(store, &run.id)
}

/// A run of the log.
pub fn replay(store: &Store, run: &RunId) -> Result<Option<State>, StoreError> {
    let mut records = store.events(run, 0)?.into_iter();
    let Some(first) = records.next() else { return Ok(None) };
    let Event::Run(RunEvent::Started(begun)) = &first.event else { return Ok(None) };
    let (mut state, _) = engine::start(begun, first.at);
    for record in records {
        drop(engine::update(&mut state, &record.event, record.at));
    }
    Ok(Some(state))
}

/// Whether a new run may take this one's place.
pub fn may_follow(state: &State) -> Result<(), String> {
    match run_phase(state) {
        RunPhase::Complete | RunPhase::Incomplete | RunPhase::Stopped if state.in_flight.is_empty() => Ok(()),
        RunPhase::Complete | RunPhase::Incomplete | RunPhase::Stopped => {
            Err(format!("run {} is still ending its sessions: try again in a moment", state.run.id))
        }
        RunPhase::Planning | RunPhase::Proposed | RunPhase::Working => Err(format!(
            "run {} is under way (\"{}\"): add tasks to it, or stop it first",
            state.run.id, state.run.goal
        )),
    }
}

/// What a requested run starts from.
pub fn prepare(shared: &Shared, store: &Store, request: StartRun) -> Result<RunStart, String> {
    let project = shared.project();
    let mut policy = project.policy.clone();
    if let Some(budget) = request.budget_micros {
        policy.budget_micros = budget;
    }
    if let Some(parallel) = request.parallel {
        policy.parallel = parallel.max(1);
    }
    if policy.team.known.is_empty() {
        return Err("no agent is configured: run `loopmon init`, or name one under [agents] in loopmon.toml"
            .to_owned());
    }
    if let Some(plan) = &request.plan {
        let problems = graph::problems(&plan.tasks, &policy);
        if !problems.is_empty() {
            return Err(format!("the plan can't be worked on: {}", problems.join("; ")));
        }
    }
    let goal = request.plan.as_ref().map(|plan| plan.goal.clone()).filter(|_| request.goal.trim().is_empty());
    let goal = goal.unwrap_or(request.goal);
    if goal.trim().is_empty() && request.plan.is_none() {
        return Err("the goal is empty: say what is to be done".to_owned());
    }
    shared.repository.refresh().map_err(|error| error.to_string())?;
    let head = shared.repository.head().map_err(|error| error.to_string())?;
    let (branch, base) = match head {
        Head::Branch { name, oid } => (Some(name), oid),
        Head::Detached { oid } => (None, oid),
    };
    let base = match request.base {
        Some(base) => shared.repository.resolve(&base).map_err(|error| error.to_string())?,
        None => base,
    };
    warn(shared, branch.is_none());
    warn_of_customs(shared, &base);
    Ok(RunStart {
        run: new_id(shared, store)?,
        goal,
        policy,
        branch,
        base: Oid(base),
        plan: request.plan,
        go: request.go,
    })
}

/// What the repository has that the run does without.
fn warn_of_customs(shared: &Shared, base: &str) {
    let Ok(customs) = shared.repository.customs(base) else { return };
    let fills = shared.project().setup.iter().any(|line| line.line.contains("submodule"));
    for text in customs_told(&customs, fills) {
        shared.send(Message::Notice { text, bad: true });
    }
}

/// In words, for whoever starts a run and for `doctor`; `fills` says whether the setup of worktrees fills submodules.
pub fn customs_told(customs: &Customs, fills: bool) -> Vec<String> {
    let mut told = Vec::new();
    if !customs.hooks.is_empty() {
        let names = customs.hooks.join(", ");
        told.push(format!(
            "commits and merges run no hooks of the repository ({names}): make what they check a gate"
        ));
    }
    if let [first, ..] = &customs.submodules[..]
        && (!fills || customs.of_several)
    {
        let told_of = format!("submodules ({} of them, {} first)", customs.submodules.len(), first.display());
        told.push(match customs.of_several {
            false => format!(
                "{told_of} are empty in worktrees: `git submodule update --init` under [worktrees] setup fills them"
            ),
            true => format!("{told_of} are empty in worktrees of several repositories: name them under [repositories]"),
        });
    }
    told
}

/// What a person should know of the checkout that the run starts from.
fn warn(shared: &Shared, detached: bool) {
    if detached {
        let text = "HEAD is detached: the run can't be landed on a branch by itself".to_owned();
        shared.send(Message::Notice { text, bad: true });
    }
    if let Ok(dirt) = shared.repository.dirtiness()
        && !dirt.is_tracked_clean()
    {
        let text = format!(
            "the checkout has uncommitted changes ({}): the run starts from the last commit without them",
            dirt.summary()
        );
        shared.send(Message::Notice { text, bad: true });
    }
}

/// The next id of today that no run has, and no branch: the log of earlier ones may have been moved away.
fn new_id(shared: &Shared, store: &Store) -> Result<RunId, String> {
    let taken = store.runs().map_err(|error| error.to_string())?;
    let has_branch = |id: &RunId| shared.repository.has_branch(&id.branch()).unwrap_or(false);
    let today = clock::today();
    let mut number = 1;
    loop {
        let id = RunId(format!("{today}-{number}"));
        if !taken.iter().any(|run| run.id == id) && !has_branch(&id) {
            return Ok(id);
        }
        number += 1;
    }
}

/// The policy of a run after the configuration changed: what the command line set for it stays.
pub fn policy_for(state: &State, project: &Project) -> Policy {
    Policy {
        budget_micros: state.policy.budget_micros,
        parallel: state.policy.parallel,
        ..project.policy.clone()
    }
}

/// Why a run can't go on as it began: the repositories that it works on are others now.
pub fn other_ground(shared: &Shared, state: &State) -> Option<String> {
    let is_over = may_follow(state).is_ok();
    let error = shared.repository.check_members_of(state.run.base.as_str()).err().filter(|_| !is_over)?;
    let hint = error.hint().map(|hint| format!(": {hint}")).unwrap_or_default();
    Some(format!("nothing of run {} can be merged: {error}{hint}", state.run.id))
}

/// What an earlier server left running, as the event that takes it up.
pub fn recovered(shared: &Shared, state: &State) -> RunEvent {
    let (mut reattached, mut ended, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    for (effect, kind) in &state.in_flight {
        if !kind.is_session() {
            continue;
        }
        let session = SessionId(format!("{}-{effect}", state.run.id));
        let dir = shared.places.session(&state.run.id, &session);
        match sessions::standing(&dir) {
            Ok(Some(Standing::Live { .. })) => reattached.push(session),
            Ok(Some(Standing::Ended(_))) => ended.push(session),
            Ok(Some(Standing::Lost)) | Err(_) => lost.push(session),
            // It had been decided and not begun: it simply begins now.
            Ok(None) => {}
        }
    }
    RunEvent::Recovered { reattached, ended, lost }
}
