//! The server: one per project. It owns the run, its log, its sessions and the screens of all who look.
//!
//! Invariants: one server per project (a lock, and a lease in the log); nobody but this user talks to it; it can be
//! killed at any moment, and the next one goes on where it stood, with the agents that lived meanwhile.

pub mod canvas;
pub mod clients;
pub mod clock;
pub mod daemon;
pub mod describe;
pub mod environment;
mod failpoints;
pub mod ground;
pub mod nowhere;
pub mod own_settings;
pub mod places;
pub mod plans;
pub mod project;
pub mod scripts;
pub mod settings;
pub mod start;

mod audience;
mod backchannel;
mod conversation;
mod effects;
mod ended;
mod ledger;
mod links;
mod live;
mod memory;
mod pace;
mod panes;
mod past;
mod readers;
mod requests;
mod runtime;
mod said;
mod sessions;
mod shared;
mod socket;
mod status;
mod trio;
mod watching;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::git::{OpenError, Repository};
use crate::model::Snapshot;
use crate::protocol::client::{ClientKind, Message, ToServer, VERSION};
use crate::store::{Store, StoreError};
use audience::{Audience, Count};
use clients::{Connection, Farewell, ScreenClient};
use places::{PlaceError, Places};
use project::Project;
use runtime::{Message as ToRuntime, Runtime, View};
use scripts::Rights;
use shared::Shared;

/// How long a server without clients and without work stays.
const LINGER: Duration = Duration::from_secs(30);

/// From this age on a lock of ours in the repository is one that a killed git left.
const STALE: Duration = Duration::from_secs(3600);
/// How long a server that is ending may keep its successor waiting.
const ENDING_LIMIT: Duration = Duration::from_secs(10);
/// How long a server that can't go on waits for its last words to be sent.
const FAREWELL: Duration = Duration::from_millis(300);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No repository to work in.
    #[error("{}", with_hint(.0))]
    Repository(#[from] OpenError),
    /// A place can't be used.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Another server runs.
    #[error("another loopmon server (pid {pid}) works on this project")]
    Running {
        /// Its process.
        pid: String,
    },
    /// The settings are wrong.
    #[error("{0}")]
    Config(String),
    /// The log can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The socket can't be used.
    #[error("the socket {path} can't be used: {source}")]
    Socket {
        /// The socket.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The runtime could not be started.
    #[error("the server could not be started: {0}")]
    Start(std::io::Error),
}

fn with_hint(error: &OpenError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}

/// A server that is ready; clients can connect in memory or, once it runs, by its socket.
pub struct Server {
    shared: Arc<Shared>,
    runtime: Runtime,
    view: View,
    audience: Audience,
    _lock: File,
}

/// A way to connect clients to a server in the same process.
#[derive(Clone)]
pub struct Door {
    shared: Arc<Shared>,
    view: View,
    audience: Audience,
}

impl Server {
    /// Opens the project that `root` belongs to, with its places as the environment says. `exe` is this program, which
    /// keepers are started from.
    pub fn open(root: &Path, exe: &Path) -> Result<Server, ServerError> {
        let repository = ground::open(root)?;
        let places = Places::of(repository.root())?;
        Server::open_at(repository, places, exe)
    }

    /// Opens a project whose things lie in these places.
    pub fn open_at(repository: Repository, mut places: Places, exe: &Path) -> Result<Server, ServerError> {
        places.prepare()?;
        let lock = lock(&places)?;
        let project = Project::load(&places, &repository)
            .map_err(|problems| ServerError::Config(problems.to_string()))?;
        if let Some(dir) = &project.worktrees {
            places.set_worktrees(dir);
        }
        if repository.is_workspace() {
            repository.refresh()?;
        }
        if let Err(error) = repository.clear_stale_locks(STALE) {
            tracing::warn!(%error, "what a killed git may have left was not looked for");
        }
        let store = Store::open(&places.log())?;
        let (send, receive) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(places, repository, exe.to_owned(), project, send));
        let (runtime, view) = Runtime::new(Arc::clone(&shared), store, receive)?;
        Ok(Server { shared, runtime, view, audience: Audience::new(), _lock: lock })
    }

    /// Where clients in this process come in.
    pub fn door(&self) -> Door {
        Door { shared: Arc::clone(&self.shared), view: self.view.clone(), audience: self.audience.clone() }
    }

    /// Runs until it is told to end, or nobody looks and nothing is left to do.
    pub async fn run(self) -> Result<(), ServerError> {
        let path = self.shared.places.socket();
        let (listener, socket) =
            socket::listen(&path).map_err(|source| ServerError::Socket { path: path.clone(), source })?;
        let door = self.door();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, door.clone()));
        tasks.spawn(watching::watch(Arc::clone(&self.shared)));
        tasks.spawn(ledger::keep(Arc::clone(&self.shared), self.view.clone()));
        tasks.spawn(trio::keep(Arc::clone(&self.shared), self.view.clone()));
        tasks.spawn(end_when_idle(door));
        tasks.spawn(end_on_signal(Arc::clone(&self.shared)));
        let result = self.runtime.run().await;
        if result.is_err() {
            // Long enough for those who look to hear why.
            tokio::time::sleep(FAREWELL).await;
        }
        tasks.abort_all();
        socket.remove();
        Ok(result?)
    }
}

impl Door {
    /// Serves a conversation until it ends. `inside` is set for one that comes from a session's own processes.
    pub async fn serve(&self, connection: Connection, inside: bool) {
        self.serve_caller(connection, inside, None).await;
    }

    /// The same for a process that is known.
    async fn serve_caller(&self, mut connection: Connection, inside: bool, pid: Option<i32>) {
        let Some(ToServer::Hello { version, kind }) = connection.incoming.recv().await else { return };
        if version != VERSION {
            let text = format!(
                "this server speaks version {VERSION} and the client {version}: end the server with `loopmon stop --server`, its agents go on"
            );
            let _gone =
                connection.outgoing.send(Message::Bye { message: Some(text), error: true }.into()).await;
            return;
        }
        let welcome = Message::Welcome { version: VERSION, pid: std::process::id() };
        if connection.outgoing.send(welcome.into()).await.is_err() {
            return;
        }
        let _place = self.audience.admit(matches!(kind, ClientKind::Screen { .. } if !inside));
        match kind {
            ClientKind::Script => {
                let rights = if inside { Rights::Look } else { Rights::All };
                scripts::serve(Arc::clone(&self.shared), self.view.clone(), connection, rights).await;
            }
            ClientKind::Agent { session } => {
                let shared = Arc::clone(&self.shared);
                backchannel::serve(shared, self.view.clone(), connection, pid, &session).await;
            }
            ClientKind::Screen { .. } if inside => {
                let text =
                    "refused: this terminal belongs to an agent; mission control is for people".to_owned();
                let _gone =
                    connection.outgoing.send(Message::Bye { message: Some(text), error: true }.into()).await;
            }
            ClientKind::Screen { cols, rows, shows } => {
                let client = ScreenClient::new(
                    Arc::clone(&self.shared),
                    self.view.clone(),
                    connection,
                    (cols, rows),
                    shows,
                    self.audience.watch(),
                );
                let quit = client.serve().await == Farewell::QuitServer;
                // A run may have begun meanwhile, or somebody have come to look.
                let unused = self.audience.count().screens <= 1 && self.view.snapshot.borrow().run.is_none();
                if quit && unused {
                    self.shared.send(ToRuntime::Shutdown);
                }
            }
        }
    }
}

/// One server per project: the lock is freed by the kernel, however its holder ends.
fn lock(places: &Places) -> Result<File, ServerError> {
    let path = places.lock();
    let io = |source| ServerError::Place(PlaceError::Io { path: path.clone(), source });
    let mut file =
        File::options().create(true).read(true).write(true).truncate(false).open(&path).map_err(io)?;
    let give_up = Instant::now() + ENDING_LIMIT;
    while file.try_lock().is_err() {
        // One that holds the lock and does not listen is about to begin, or about to end.
        if daemon::connect(places).is_some() || Instant::now() > give_up {
            let mut pid = String::new();
            let _unreadable = file.read_to_string(&mut pid);
            return Err(ServerError::Running { pid: pid.trim().to_owned() });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(io)?;
    Ok(file)
}

async fn accept(listener: UnixListener, door: Door) {
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let Some(peer) = socket::own_peer(&stream) else { continue };
                    let inside = socket::is_inside_session(&peer);
                    let door = door.clone();
                    let pid = Some(peer.pid);
                    conversations.spawn(async move { door.serve_caller(socket::converse(stream), inside, pid).await });
                }
                Err(error) => {
                    tracing::error!(%error, "a client could not be let in");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = conversations.join_next() => {}
        }
    }
}

/// Ends a server that nobody looks at and that has nothing to do.
async fn end_when_idle(door: Door) {
    if until_idle(door.view.snapshot.clone(), door.audience.watch(), LINGER).await {
        door.shared.send(ToRuntime::Shutdown);
    }
}

/// Waits until nobody was connected and nothing moved for so long; whether that came before the runtime's end.
async fn until_idle(
    mut snapshot: watch::Receiver<Arc<Snapshot>>,
    mut audience: watch::Receiver<Count>,
    linger: Duration,
) -> bool {
    loop {
        let alone = audience.borrow_and_update().all == 0;
        let idle = alone && scripts::is_at_rest(&snapshot.borrow_and_update());
        tokio::select! {
            changed = snapshot.changed() => if changed.is_err() { return false },
            changed = audience.changed() => if changed.is_err() { return false },
            () = tokio::time::sleep(linger), if idle => return true,
        }
    }
}

async fn end_on_signal(shared: Arc<Shared>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    shared.send(ToRuntime::Shutdown);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_at_rest_ends_after_the_last_client_has_left_and_not_before() {
        let (send, snapshot) = watch::channel(Arc::new(Snapshot::default()));
        let audience = Audience::new();
        let script = audience.admit(false);
        let screen = audience.admit(true);
        let linger = Duration::from_millis(20);
        let ended = tokio::spawn(until_idle(snapshot, audience.watch(), linger));
        drop(screen);
        tokio::time::sleep(linger * 4).await;
        assert!(!ended.is_finished(), "a script is connected");
        drop(script);
        // Nothing else happens that could wake it.
        let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
        assert!(ended.expect("it waits for ever").unwrap());
        assert_eq!(audience.count(), Count::default());
        drop(send);
    }
}
