//! Running a gate: a fresh checkout of the commit, the command in it, its exit code as evidence.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::controls::session_id;
use super::program::Program;
use super::{Facts, checks, failure, git::describe};
use crate::engine::{EffectKind, GateTree};
use crate::model::event::GateEvent;
use crate::model::{Event, GateResult, GateSpec};
use crate::server::shared::Shared;

/// Runs it, or goes on with it; reports what it said.
pub(super) async fn run(shared: Arc<Shared>, facts: Facts, kind: EffectKind) {
    let event = match result(&shared, &facts, &kind).await {
        Ok(result) => Event::Gate(GateEvent::Finished { effect: facts.effect, result }),
        Err(error) => failure(facts.effect, &kind, error),
    };
    shared.sessions.remove(facts.effect);
    shared.report(event);
}

async fn result(shared: &Arc<Shared>, facts: &Facts, kind: &EffectKind) -> Result<GateResult, String> {
    let EffectKind::RunGate { task, gate, oid, on, checks } = kind else {
        return Err("it is no gate".to_owned());
    };
    let session = session_id(&facts.run, facts.effect);
    let program = Program {
        argv: gate.argv.clone(),
        title: format!("gate {} {task}", gate.name),
        limit: Duration::from_millis(gate.timeout_ms),
        spawned: Event::Gate(GateEvent::Spawned { effect: facts.effect, session: session.clone() }),
    };
    let path = shared.places.checkout(&facts.run, task.as_str(), &purpose(gate, *on));
    let (worker, commit, cwd) = (Arc::clone(shared), oid.clone(), gate.cwd.clone());
    let from = checks.clone();
    let place = move || {
        let repository = &worker.repository;
        let checkout = repository.add_detached_worktree(&path, commit.as_str());
        let checkout = checkout.map_err(|error| describe(&error))?;
        if let Some(from) = from {
            checks::put_back(repository, &checkout, commit.as_str(), &from)
                .map_err(|error| describe(&error))?;
        }
        Ok(checkout.path.join(cwd))
    };
    let ran = program.run(shared, facts, place).await?;
    Ok(GateResult {
        gate: gate.name.clone(),
        oid: oid.clone(),
        code: ran.exit.code,
        timed_out: ran.timed_out,
        duration_ms: ran.duration_ms,
        log: session.to_string(),
        tail: ran.tail.text(),
        checks_of: checks.as_ref().map(|checks| checks.at.clone()),
        reused_from: None,
        failed_before: None,
    })
}

/// What the gate's checkout is called: those that run at once have one each.
fn purpose(gate: &GateSpec, on: GateTree) -> String {
    let purpose = match on {
        GateTree::Work => "gates",
        GateTree::Merge => "merge",
        GateTree::Base => "base",
    };
    if !gate.parallel {
        return purpose.to_owned();
    }
    // Names of gates are no names of folders.
    let hash = Sha256::digest(gate.name.as_bytes());
    let short: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{purpose}-{short}")
}
