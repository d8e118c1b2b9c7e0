//! The pattern `trio`: specs, feedback and how tasks stand as files in the project, so that people and other programs take
//! part without knowing loopmon. They lie in the run's folder, one folder a task, and `.loopmon/trio` leads to the latest
//! run's.
//!
//! Not for deciding: what others write there is asked for as a person's command would be. Invariant: nothing that somebody
//! wrote is lost or taken twice, whatever ends when.

mod desk;
mod feedback;
mod folder;
mod known;
mod line;
mod replaced;
mod spec;
mod status;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::ledger::lead_to;
use super::runtime::View;
use super::shared::Shared;
use crate::model::snapshot::TaskView;
use crate::model::{Pattern, Phase, RunId, Snapshot, TaskId};
use crate::watch::Watcher;
use desk::{Desk, SHARED, Visit, leave};
use line::Line;

/// What happens at once is written at once.
const SETTLE: Duration = Duration::from_millis(150);

/// The files of a run.
struct Room {
    run: RunId,
    desks: BTreeMap<TaskId, Desk>,
    /// Folders whose files others may write.
    watched: Vec<PathBuf>,
    /// What is to be done before anything else happens.
    due: Visit,
}

/// Keeps the files until the server ends.
pub async fn keep(shared: Arc<Shared>, view: View) {
    let mut snapshot = view.snapshot;
    let (mut room, mut watcher) = (None, None);
    loop {
        let before = room.as_ref().map(|room: &Room| room.watched.clone());
        room = visited(&shared, &snapshot, room).await;
        let due = room.as_ref().map(|room| room.due).unwrap_or_default();
        let watched = room.as_ref().map(|room| room.watched.clone());
        if due.made || watched != before {
            watcher = watched.as_deref().and_then(begin);
            // What was written before anybody looked is seen now.
            room = visited(&shared, &snapshot, room).await;
        }
        let again = room.as_ref().and_then(|room| room.due.again);
        tokio::select! {
            changed = snapshot.changed() => {
                if changed.is_err() {
                    return;
                }
                tokio::time::sleep(SETTLE).await;
            }
            () = written_by_others(&mut watcher) => {}
            () = after(again) => {}
        }
    }
}

async fn after(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

async fn written_by_others(watcher: &mut Option<Watcher>) {
    let changed = match watcher {
        Some(changes) => changes.changed().await,
        None => None,
    };
    if changed.is_none() {
        std::future::pending().await
    }
}

fn begin(folders: &[PathBuf]) -> Option<Watcher> {
    let files: Vec<PathBuf> =
        folders.iter().flat_map(|folder| SHARED.map(|name| folder.join(name))).collect();
    let told =
        |error: &notify::Error| tracing::warn!(%error, "changes of specs and feedback are not noticed");
    Watcher::new(&files).inspect_err(told).ok()
}

/// Sees to the files of every task whose pattern it is.
async fn visited(
    shared: &Arc<Shared>,
    snapshot: &watch::Receiver<Arc<Snapshot>>,
    room: Option<Room>,
) -> Option<Room> {
    let now = Arc::clone(&snapshot.borrow());
    if room.is_none() && !now.tasks.iter().any(takes_part) {
        return None;
    }
    let line = Line::new(Arc::clone(shared), snapshot.clone());
    tokio::task::spawn_blocking(move || visit(&line, &now, room)).await.ok().flatten()
}

fn takes_part(task: &TaskView) -> bool {
    // What the engine refuses has no folder either.
    task.pattern == Pattern::Trio && task.id.is_well_formed()
}

fn visit(line: &Line, snapshot: &Snapshot, room: Option<Room>) -> Option<Room> {
    let places = line.places();
    let run = snapshot.run.as_ref()?.id.clone();
    let fresh =
        || Room { run: run.clone(), desks: BTreeMap::new(), watched: Vec::new(), due: Visit::default() };
    let mut room = room.filter(|room| room.run == run).unwrap_or_else(fresh);
    let tasks: Vec<&TaskView> = snapshot.tasks.iter().filter(|task| takes_part(task)).collect();
    let folder = places.trio(&run);
    let ready = std::fs::create_dir_all(&folder).and_then(|()| lead_to(&folder, &places.latest_trio()));
    if let Err(error) = ready {
        tracing::warn!(%error, "the shared files can't be written");
        return Some(room);
    }
    room.desks.retain(|id, _| {
        let stays = tasks.iter().any(|task| task.id == *id);
        if !stays {
            leave(&folder, id);
        }
        stays
    });
    (room.due, room.watched) = (Visit::default(), Vec::new());
    for task in tasks {
        let desk = room.desks.entry(task.id.clone()).or_insert_with(|| Desk::new(places, &run, &task.id));
        match desk.visit(places, &run, task, line) {
            Ok(visit) => {
                room.due.made |= visit.made;
                room.due.again = sooner(room.due.again, visit.again);
            }
            Err(error) => line.tell(format!("the files of {} can't be used: {error}", task.id), true),
        }
        if !matches!(task.phase, Phase::Done | Phase::Cancelled) {
            room.watched.push(folder.join(task.id.as_str()));
        }
    }
    Some(room)
}

fn sooner(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}
