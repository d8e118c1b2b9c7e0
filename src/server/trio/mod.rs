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
mod trouble;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinError;

use super::ledger::lead_to;
use super::runtime::View;
use super::shared::Shared;
use crate::model::snapshot::TaskView;
use crate::model::{Pattern, RunId, Snapshot, TaskId};
use crate::watch::Watcher;
use desk::{Desk, SHARED, Visit, is_over, leave};
use line::Line;
use trouble::Trouble;

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
    /// Whether the folder of all can be used.
    trouble: Trouble,
}

/// Who sees to them.
struct Keeper {
    shared: Arc<Shared>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    room: Option<Room>,
    watcher: Option<Watcher>,
    /// Whether changes are noticed.
    unwatched: Trouble,
    /// Whether a visit comes to its end.
    broken: Trouble,
}

/// Keeps the files until the server ends.
pub async fn keep(shared: Arc<Shared>, view: View) {
    let mut keeper = Keeper {
        shared,
        snapshot: view.snapshot,
        room: None,
        watcher: None,
        unwatched: Trouble::default(),
        broken: Trouble::default(),
    };
    loop {
        let again = keeper.go_round().await;
        tokio::select! {
            changed = keeper.snapshot.changed() => {
                if changed.is_err() {
                    return;
                }
                tokio::time::sleep(SETTLE).await;
            }
            () = written_by_others(&mut keeper.watcher) => {}
            () = after(again) => {}
            () = written_late(&mut keeper.room) => {}
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

/// Waits until somebody goes on writing to a file that was replaced; nothing else is looked at for that.
async fn written_late(room: &mut Option<Room>) {
    while let Some(wait) = room.as_ref().and_then(Room::listens) {
        tokio::time::sleep(wait).await;
        if room.as_mut().is_some_and(Room::hears) {
            return;
        }
    }
    std::future::pending().await
}

impl Keeper {
    /// Sees to everything; after how long it is to be seen to again, whatever happens.
    async fn go_round(&mut self) -> Option<Duration> {
        let before = self.room.as_ref().map(|room| room.watched.clone());
        self.visited().await;
        let due = self.room.as_ref().map(|room| room.due).unwrap_or_default();
        let watched = self.room.as_ref().map(|room| room.watched.clone());
        let is_tried_again = self.unwatched.has_failed() && self.unwatched.rest(Instant::now()).is_none();
        if due.made || watched != before || is_tried_again {
            self.watcher = None;
            if let Some(folders) = watched {
                self.watch(&folders);
            }
            // What was written before anybody looked is seen now.
            self.visited().await;
        }
        let now = Instant::now();
        let due = self.room.as_ref().and_then(|room| room.due.again);
        [due, self.unwatched.rest(now), self.broken.rest(now)].into_iter().flatten().min()
    }

    fn watch(&mut self, folders: &[PathBuf]) {
        let files: Vec<PathBuf> =
            folders.iter().flat_map(|folder| SHARED.map(|name| folder.join(name))).collect();
        match Watcher::new(&files) {
            Ok(watcher) => {
                self.watcher = Some(watcher);
                self.unwatched.is_over();
            }
            Err(error) => {
                let text = format!(
                    "changes of specs and feedback are seen late, as their folders can't be watched: {error}"
                );
                self.report(|keeper| &mut keeper.unwatched, text);
            }
        }
    }

    /// Sees to the files of every task whose pattern it is.
    async fn visited(&mut self) {
        let now = Arc::clone(&self.snapshot.borrow());
        let is_idle = self.room.is_none() && !now.tasks.iter().any(takes_part);
        if is_idle || self.broken.rest(Instant::now()).is_some() {
            return;
        }
        let (line, room) = (self.line(), self.room.take());
        match ended(tokio::task::spawn_blocking(move || visit(&line, &now, room)).await) {
            Ok(room) => {
                self.room = room;
                self.broken.is_over();
            }
            Err(why) => self.report(|keeper| &mut keeper.broken, why),
        }
    }

    fn line(&self) -> Line {
        Line::new(Arc::clone(&self.shared), self.snapshot.clone())
    }

    fn report(&mut self, what: impl FnOnce(&mut Keeper) -> &mut Trouble, text: String) {
        tracing::warn!("{text}");
        if what(self).failed(Instant::now(), &text) {
            self.line().tell(text, true);
        }
    }
}

/// What came of a visit, or what to tell of one that came to no end.
fn ended(visit: Result<Option<Room>, JoinError>) -> Result<Option<Room>, String> {
    match visit {
        Ok(room) => Ok(room),
        // The server is ending.
        Err(error) if error.is_cancelled() => Ok(None),
        Err(error) => {
            let cause = error.into_panic();
            let words = cause.downcast_ref::<String>().map(String::as_str);
            let words =
                words.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("no reason is known");
            Err(format!("specs and feedback were not seen to, by a mistake in loopmon: {words}"))
        }
    }
}

fn takes_part(task: &TaskView) -> bool {
    // What the engine refuses has no folder either.
    task.pattern == Pattern::Trio && task.id.is_well_formed()
}

fn visit(line: &Line, snapshot: &Snapshot, room: Option<Room>) -> Option<Room> {
    let run = snapshot.run.as_ref()?.id.clone();
    let mut room = room.filter(|room| room.run == run).unwrap_or_else(|| Room::of(run));
    (room.due, room.watched) = (Visit::default(), Vec::new());
    room.due.again = room.trouble.rest(Instant::now());
    if room.due.again.is_some() {
        return Some(room);
    }
    let folder = line.places().trio(&room.run);
    let ready =
        std::fs::create_dir_all(&folder).and_then(|()| lead_to(&folder, &line.places().latest_trio()));
    match ready {
        Ok(()) => {
            room.trouble.is_over();
            room.see_to(&folder, line, snapshot);
        }
        Err(error) => {
            let why = format!("specs and feedback can't be kept in {}: {error}", folder.display());
            room.due.again = failed(&mut room.trouble, line, why);
        }
    }
    Some(room)
}

impl Room {
    fn of(run: RunId) -> Room {
        let (due, trouble) = (Visit::default(), Trouble::default());
        Room { run, desks: BTreeMap::new(), watched: Vec::new(), due, trouble }
    }

    fn listens(&self) -> Option<Duration> {
        self.desks.values().filter_map(Desk::listens).min()
    }

    fn hears(&mut self) -> bool {
        self.desks.values_mut().any(Desk::hears)
    }

    fn see_to(&mut self, folder: &Path, line: &Line, snapshot: &Snapshot) {
        let tasks: Vec<&TaskView> = snapshot.tasks.iter().filter(|task| takes_part(task)).collect();
        self.desks.retain(|id, _| {
            let stays = tasks.iter().any(|task| task.id == *id);
            if !stays {
                leave(folder, id);
            }
            stays
        });
        for task in tasks {
            let new = || Desk::new(line.places(), &self.run, &task.id);
            let desk = self.desks.entry(task.id.clone()).or_insert_with(new);
            let visit = look_in(desk, &self.run, task, line);
            self.due.made |= visit.made;
            self.due.again = self.due.again.into_iter().chain(visit.again).min();
            if !is_over(task) {
                self.watched.push(folder.join(task.id.as_str()));
            }
        }
    }
}

fn look_in(desk: &mut Desk, run: &RunId, task: &TaskView, line: &Line) -> Visit {
    let again = desk.trouble.rest(Instant::now());
    if again.is_some() {
        return Visit { again, ..Visit::default() };
    }
    match desk.visit(line.places(), run, task, line) {
        Ok(visit) => {
            desk.trouble.is_over();
            visit
        }
        Err(error) => {
            let why = format!("the files of {} can't be used: {error}", task.id);
            Visit { again: failed(&mut desk.trouble, line, why), ..Visit::default() }
        }
    }
}

/// Notes that something failed, tells it if that is news, and says when it is to be tried again.
fn failed(trouble: &mut Trouble, line: &Line, why: String) -> Option<Duration> {
    let now = Instant::now();
    if trouble.failed(now, &why) {
        line.tell(why, true);
    }
    trouble.rest(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_visit_that_comes_to_no_end_says_why() {
        let visit = tokio::task::spawn_blocking(|| -> Option<Room> { panic!("no such {}", "desk") }).await;
        let why = ended(visit).err().unwrap();
        assert!(why.contains("a mistake in loopmon: no such desk"), "{why}");
        assert!(ended(Ok(None)).is_ok_and(|room| room.is_none()));
    }
}
