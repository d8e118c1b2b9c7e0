//! Running a line of the setup in a task's worktree. Once the last has ended well, the worktree is marked as set up.

use std::sync::Arc;
use std::time::Duration;

use super::controls::session_id;
use super::git::describe;
use super::program::{Program, Ran, last_lines};
use super::{Facts, failure, outfit};
use crate::engine::EffectKind;
use crate::model::event::SetupEvent;
use crate::model::{Event, SessionId, SetupLine};
use crate::server::shared::Shared;

/// Lines of a failed one that are told.
const TOLD: usize = 12;

/// Runs it, or goes on with it; reports how it ended.
pub(super) async fn run(shared: Arc<Shared>, facts: Facts, kind: EffectKind) {
    let event = match ended(&shared, &facts, &kind).await {
        Ok(event) => Event::Setup(event),
        Err(error) => failure(facts.effect, &kind, error),
    };
    shared.sessions.remove(facts.effect);
    shared.report(event);
}

async fn ended(shared: &Arc<Shared>, facts: &Facts, kind: &EffectKind) -> Result<SetupEvent, String> {
    let EffectKind::RunSetup { task, line, last } = kind else { return Err("it is no setup".to_owned()) };
    let (effect, session) = (facts.effect, session_id(&facts.run, facts.effect));
    let program = Program {
        argv: vec!["sh".to_owned(), "-c".to_owned(), line.line.clone()],
        title: format!("setup {task}: {}", line.headline()),
        limit: Duration::from_millis(line.timeout_ms),
        spawned: Event::Setup(SetupEvent::Spawned { effect, session: session.clone() }),
    };
    let path = shared.places.worktree(&facts.run, task);
    let (worker, place) = (Arc::clone(shared), path.clone());
    let place = move || {
        let worktree = worker.repository.open_worktree(&place).map_err(|error| describe(&error))?;
        Ok(worktree.path)
    };
    let wrong = |error: String| format!("setup `{}` could not be run: {error}", line.headline());
    let ran = program.run(shared, facts, place).await.map_err(wrong)?;
    if !ran.exit.success() || ran.timed_out {
        return Ok(SetupEvent::Failed { effect, error: told(line, &session, &ran) });
    }
    if *last {
        let worker = Arc::clone(shared);
        let marked = tokio::task::spawn_blocking(move || outfit::mark_done(&worker.repository, &path));
        marked.await.map_err(|error| error.to_string())?.map_err(wrong)?;
    }
    Ok(SetupEvent::Finished { effect, duration_ms: ran.duration_ms })
}

/// How it failed, where all of its output is, and its last words.
fn told(line: &SetupLine, session: &SessionId, ran: &Ran) -> String {
    let how = match (ran.timed_out, ran.exit.code, ran.exit.signal) {
        (true, ..) => format!("did not end within {} s", line.timeout_ms / 1000),
        (_, Some(code), _) => format!("failed with exit code {code}"),
        (_, None, Some(signal)) => format!("was ended by signal {signal}"),
        (_, None, None) => "failed".to_owned(),
    };
    let words = last_lines(ran.tail.text().trim_end(), TOLD);
    let headline = format!("setup `{}` {how} (its log: `loopmon logs {session}`)", line.headline());
    if words.is_empty() { headline } else { format!("{headline}\n{words}") }
}
