//! The server: one per project. It owns the run, its log, its sessions and the screens of all who look.
//!
//! Invariants: one server per project (a lock, and a lease in the log); nobody but this user talks to it; it can be
//! killed at any moment, and the next one goes on where it stood, with the agents that lived meanwhile.

pub mod clients;
pub mod clock;
pub mod daemon;
pub mod describe;
pub mod nowhere;
pub mod places;
pub mod plans;
pub mod project;
pub mod scripts;
pub mod settings;
pub mod start;

mod canvas;
mod effects;
mod ended;
mod environment;
mod live;
mod panes;
mod requests;
mod runtime;
mod sessions;
mod shared;
mod socket;
mod status;
mod watching;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::git::{OpenError, Repository};
use crate::protocol::client::{ClientKind, Message, ToServer, VERSION};
use crate::store::{Store, StoreError};
use clients::{Connection, Counted, Farewell, ScreenClient};
use places::{PlaceError, Places};
use project::Project;
use runtime::{Message as ToRuntime, Runtime, View};
use scripts::Rights;
use shared::Shared;

/// How long a server without clients and without work stays.
const LINGER: Duration = Duration::from_secs(30);

/// How long a server that is ending may keep its successor waiting.
const ENDING_LIMIT: Duration = Duration::from_secs(10);

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
    clients: Arc<AtomicUsize>,
    _lock: File,
}

/// A way to connect clients to a server in the same process.
#[derive(Clone)]
pub struct Door {
    shared: Arc<Shared>,
    view: View,
    clients: Arc<AtomicUsize>,
}

impl Server {
    /// Opens the project that holds `root`, with its places as the environment says. `exe` is this program, which
    /// keepers are started from.
    pub fn open(root: &Path, exe: &Path) -> Result<Server, ServerError> {
        let repository = Repository::discover(root)?;
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
        let store = Store::open(&places.log())?;
        let (send, receive) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(places, repository, exe.to_owned(), project, send));
        let (runtime, view) = Runtime::new(Arc::clone(&shared), store, receive)?;
        Ok(Server { shared, runtime, view, clients: Arc::new(AtomicUsize::new(0)), _lock: lock })
    }

    /// Where clients in this process come in.
    pub fn door(&self) -> Door {
        Door { shared: Arc::clone(&self.shared), view: self.view.clone(), clients: Arc::clone(&self.clients) }
    }

    /// Runs until it is told to end, or nobody looks and nothing is left to do.
    pub async fn run(self) -> Result<(), ServerError> {
        let path = self.shared.places.socket();
        let listener =
            socket::listen(&path).map_err(|source| ServerError::Socket { path: path.clone(), source })?;
        let door = self.door();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, door.clone()));
        tasks.spawn(watching::watch(Arc::clone(&self.shared)));
        tasks.spawn(end_when_idle(door));
        tasks.spawn(end_on_signal(Arc::clone(&self.shared)));
        let result = self.runtime.run().await;
        tasks.abort_all();
        let _gone = std::fs::remove_file(&path);
        Ok(result?)
    }
}

impl Door {
    /// Serves a conversation until it ends. `inside` is set for one that comes from a session's own processes.
    pub async fn serve(&self, mut connection: Connection, inside: bool) {
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
        let _counted = Counted::new(&self.clients);
        match kind {
            ClientKind::Script => {
                let rights = if inside { Rights::Look } else { Rights::All };
                scripts::serve(Arc::clone(&self.shared), self.view.clone(), connection, rights).await;
            }
            ClientKind::Screen { .. } if inside => {
                let text =
                    "refused: this terminal belongs to an agent; mission control is for people".to_owned();
                let _gone =
                    connection.outgoing.send(Message::Bye { message: Some(text), error: true }.into()).await;
            }
            ClientKind::Screen { cols, rows, colours } => {
                let client = ScreenClient::new(
                    Arc::clone(&self.shared),
                    self.view.clone(),
                    connection,
                    (cols, rows),
                    colours,
                    Arc::clone(&self.clients),
                );
                if client.serve().await == Farewell::QuitServer && self.clients.load(Ordering::Acquire) <= 1 {
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
                    conversations.spawn(async move { door.serve(socket::converse(stream), inside).await });
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
async fn end_when_idle(mut door: Door) {
    loop {
        let idle = |door: &Door| {
            door.clients.load(Ordering::Acquire) == 0 && scripts::is_at_rest(&door.view.snapshot.borrow())
        };
        let settled = tokio::time::timeout(LINGER, door.view.snapshot.changed()).await.is_err();
        if settled && idle(&door) {
            door.shared.send(ToRuntime::Shutdown);
            return;
        }
        if settled {
            // Looked at, or at work: the next change of the snapshot is soon enough to look again.
            if door.view.snapshot.changed().await.is_err() {
                return;
            }
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
