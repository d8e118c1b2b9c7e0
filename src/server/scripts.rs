//! A script's conversation: questions, answered in order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{oneshot, watch};

use super::clients::Connection;
use super::runtime::{Message as ToRuntime, View};
use super::shared::Shared;
use crate::model::snapshot::{Notice, RunPhase};
use crate::model::{Snapshot, Timestamp};
use crate::protocol::client::{Ask, Message, ToServer};
use crate::store::Store;

/// How long a server that is to end waits for the agents of a stopped run: longer than each is given to end by itself.
const STOPPING_LIMIT: Duration = Duration::from_secs(15);

/// How long a script may take to hang up once it has the answer that it waited for.
const HANG_UP_LIMIT: Duration = Duration::from_secs(1);

/// What a script may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything.
    All,
    /// Look, for it runs inside an agent's or gate's own process tree.
    Look,
}

/// Serves a script until it hangs up.
pub async fn serve(shared: Arc<Shared>, view: View, mut connection: Connection, rights: Rights) {
    while let Some(ToServer::Ask(ask)) = connection.incoming.recv().await {
        if let Ask::Follow { after } = *ask {
            return follow(&shared, view, connection, after).await;
        }
        let ends = matches!(*ask, Ask::Shutdown);
        let answer = answer(&shared, &view, *ask, rights).await;
        let ends = ends && answer == Message::Done;
        let sent = connection.outgoing.send(answer.into()).await;
        if ends {
            // Who asked has the answer when it hangs up; only then the server goes.
            let _too_long = tokio::time::timeout(HANG_UP_LIMIT, connection.incoming.recv()).await;
            shared.send(ToRuntime::Shutdown);
        }
        if sent.is_err() {
            return;
        }
    }
}

async fn answer(shared: &Shared, view: &View, ask: Ask, rights: Rights) -> Message {
    let may = rights == Rights::All || matches!(ask, Ask::Status);
    if !may {
        let text =
            "refused: this comes from inside an agent's own processes; only a person outside may decide";
        return Message::Refused(text.to_owned());
    }
    match ask {
        Ask::Status => Message::Status(Box::new((**view.snapshot.borrow()).clone())),
        Ask::Command(command) => {
            let (answer, result) = oneshot::channel();
            shared.send(ToRuntime::Command { command, answer });
            match result.await {
                Ok(Ok(())) => Message::Done,
                Ok(Err(reason)) => Message::Refused(reason),
                Err(_) => Message::Refused("the server is ending".to_owned()),
            }
        }
        Ask::StartRun(request) => {
            let (answer, result) = oneshot::channel();
            shared.send(ToRuntime::Start { request: Box::new(request), answer });
            match result.await {
                Ok(Ok(run)) => Message::Started(run),
                Ok(Err(reason)) => Message::Refused(reason),
                Err(_) => Message::Refused("the server is ending".to_owned()),
            }
        }
        Ask::Shutdown => {
            until_stopped(view.snapshot.clone()).await;
            Message::Done
        }
        Ask::Follow { .. } => Message::Refused("already following".to_owned()),
    }
}

/// The server ends without having been asked to.
async fn tell_last_words(shared: &Shared, connection: &Connection) {
    if let Some(farewell) = shared.farewell() {
        let _gone = connection.outgoing.send(farewell.into()).await;
    }
}

/// Waits while a run that was stopped still ends its agents: nobody would, after the server's end. No longer than agents
/// are given; what lives on then is ended by the next server.
async fn until_stopped(mut snapshot: watch::Receiver<Arc<Snapshot>>) {
    let is_ending = |snapshot: &Snapshot| {
        snapshot.run.as_ref().is_some_and(|run| run.phase == RunPhase::Stopped) && !is_at_rest(snapshot)
    };
    let stopped = snapshot.wait_for(|snapshot| !is_ending(snapshot));
    let _too_long = tokio::time::timeout(STOPPING_LIMIT, stopped).await;
}

/// Sends what the log has, then what comes.
async fn follow(shared: &Arc<Shared>, mut view: View, connection: Connection, after: u64) {
    let mut live = view.records.subscribe();
    let Some(mut run) = current_run(&view) else {
        let _gone = connection.outgoing.send(Message::Refused("there is no run yet".to_owned()).into()).await;
        return;
    };
    let mut last = after;
    let mut news = News::default();
    loop {
        let (log, wanted) = (shared.places.log(), run.clone());
        let past = tokio::task::spawn_blocking(move || {
            let store = Store::open_reader(&log).ok().flatten();
            store.and_then(|store| store.events(&wanted, last).ok()).unwrap_or_default()
        });
        let past = past.await.unwrap_or_default();
        let count = past.len();
        for (index, record) in past.into_iter().enumerate() {
            last = record.seq;
            let newest = index + 1 == count;
            let at_rest = newest && rests_at(&mut view, last).await;
            if connection.outgoing.send(Message::Event { record, at_rest }.into()).await.is_err() {
                return;
            }
        }
        loop {
            if news.send(&mut view, &connection).await.is_err() {
                return;
            }
            let item = tokio::select! {
                item = live.recv() => item,
                changed = view.snapshot.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return tell_last_words(shared, &connection).await,
                },
                () = connection.outgoing.closed() => return,
            };
            match item {
                Ok(item) if item.0 == run && item.1.seq <= last => {}
                Ok(item) if item.0 == run && item.1.seq == last + 1 => {
                    last = item.1.seq;
                    let at_rest = rests_at(&mut view, last).await;
                    let record = item.1.clone();
                    if connection.outgoing.send(Message::Event { record, at_rest }.into()).await.is_err() {
                        return;
                    }
                }
                Ok(item) if item.0 == run => break,
                Ok(item) => {
                    (run, last) = (item.0.clone(), 0);
                    break;
                }
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return tell_last_words(shared, &connection).await,
            }
        }
    }
}

/// Notices of the run's time, each told once.
#[derive(Default)]
struct News(BTreeSet<(Timestamp, String)>);

impl News {
    /// The error is that nobody listens any more.
    async fn send(&mut self, view: &mut View, connection: &Connection) -> Result<(), ()> {
        let fresh: Vec<Notice> = {
            let snapshot = view.snapshot.borrow_and_update();
            let since = snapshot.run.as_ref().map_or(Timestamp(0), |run| run.started);
            let notices = snapshot.notices.iter().filter(|notice| notice.at >= since);
            notices.filter(|notice| self.0.insert((notice.at, notice.text.clone()))).cloned().collect()
        };
        for Notice { text, bad, .. } in fresh {
            connection.outgoing.send(Message::Notice { text, bad }.into()).await.map_err(drop)?;
        }
        Ok(())
    }
}

fn current_run(view: &View) -> Option<crate::model::RunId> {
    view.snapshot.borrow().run.as_ref().map(|run| run.id.clone())
}

/// Whether the run rests after that event, once the snapshot has it. Later events make their own answer.
async fn rests_at(view: &mut View, seq: u64) -> bool {
    match view.snapshot.wait_for(|snapshot| snapshot.seq >= seq).await {
        Ok(snapshot) => snapshot.seq == seq && is_at_rest(&snapshot),
        Err(_) => false,
    }
}

/// Whether nothing moves any more: the run is over, or only a person can move it.
pub fn is_at_rest(snapshot: &Snapshot) -> bool {
    let Some(run) = &snapshot.run else { return true };
    let quiet = snapshot.resting && !snapshot.sessions.iter().any(|session| session.is_live());
    match run.phase {
        RunPhase::Complete | RunPhase::Incomplete | RunPhase::Stopped => quiet,
        RunPhase::Proposed => true,
        RunPhase::Planning | RunPhase::Working => snapshot.is_stuck(),
    }
}
