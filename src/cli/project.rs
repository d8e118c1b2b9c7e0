//! The project that a command works on, and the way to its server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Failure;
use crate::client::{Link, LinkError};
use crate::engine::State;
use crate::git::{OpenError, Repository};
use crate::model::Snapshot;
use crate::process::SESSION_MARKER;
use crate::protocol::client::{Ask, Message};
use crate::server::places::Places;
use crate::server::settings::{self, Checked};
use crate::server::{clock, daemon, ground, start};
use crate::store::Store;

/// How often and after which pause a server is called again that hung up at once.
const ENDING_TRIES: usize = 40;
const ENDING_PAUSE: Duration = Duration::from_millis(25);

/// A project on the disk.
pub struct Project {
    /// Its repository, or the workspace of several.
    pub repository: Repository,
    /// Where its things lie.
    pub places: Places,
}

/// The project that holds a directory.
pub fn open(dir: &Path) -> Result<Project, Failure> {
    let repository = ground::open(dir).map_err(|error| unopened(&error))?;
    let places = Places::of(repository.root())?;
    Ok(Project { repository, places })
}

/// Why there is no project, with what can be done about it.
pub fn unopened(error: &OpenError) -> Failure {
    let hint = error.hint().map(|hint| format!("\n  {hint}")).unwrap_or_default();
    Failure::usage(format!("{error}{hint}\n  `loopmon demo` needs no repository"))
}

/// The settings that hold in a directory: those of its project, or outside of any yours.
pub fn settings(dir: &Path) -> Result<Checked, Failure> {
    let checked = match root(dir) {
        Some(root) => settings::of_project(&Places::of(&root)?),
        None => settings::of_user(),
    };
    checked.map_err(|problems| Failure::usage(problems.to_string()))
}

/// The top of the repository that holds a directory, also of one in which no run could start yet.
pub fn root(dir: &Path) -> Option<PathBuf> {
    match ground::open(dir) {
        Ok(repository) => Some(repository.root().to_owned()),
        Err(OpenError::UnbornBranch { root, .. }) => Some(root),
        Err(_) => None,
    }
}

/// This program, for servers and keepers.
pub fn exe() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::new(format!("this program's own path can't be found: {error}")))
}

/// A conversation with the server, which is started if need be.
pub fn link(places: &Places) -> Result<Link, Failure> {
    let exe = exe()?;
    for _ in 0..ENDING_TRIES {
        match Link::open(daemon::connect_or_start(places, &exe)?) {
            // A server on its way out still takes connections for a moment: the next one is started after it.
            Err(LinkError::Gone) => std::thread::sleep(ENDING_PAUSE),
            answer => return Ok(answer?),
        }
    }
    Err(Failure::new(format!("the server hangs up at once; its log is {}", places.server_log().display())))
}

/// A conversation with the server, if one runs.
pub fn running(places: &Places) -> Option<Link> {
    Link::open(daemon::connect(places)?).ok()
}

/// Decisions belong to people: not to what runs inside an agent's session. The server checks it too.
pub fn refuse_inside_session() -> Result<(), Failure> {
    match std::env::var_os(SESSION_MARKER) {
        Some(_) => Err(Failure::new(
            "refused: this runs inside an agent's session; only a person outside may decide",
        )),
        None => Ok(()),
    }
}

/// How everything stands: from the server, or from the log if none runs.
pub fn snapshot(places: &Places) -> Result<Snapshot, Failure> {
    standing(places).map(|(snapshot, _)| snapshot)
}

/// The same, and whether a server runs: without one nothing goes on but what the agents do.
pub fn standing(places: &Places) -> Result<(Snapshot, bool), Failure> {
    if let Some(mut link) = running(places)
        && let Message::Status(snapshot) = link.ask(Ask::Status)?
    {
        return Ok((*snapshot, true));
    }
    let name = places.name();
    let snapshot = match state(places)? {
        Some(state) => crate::engine::snapshot(&state, &name, clock::now()),
        None => Snapshot { project: name, ..Snapshot::default() },
    };
    Ok((snapshot, false))
}

/// The latest run's state, from the log.
pub fn state(places: &Places) -> Result<Option<State>, Failure> {
    match Store::open_reader(&places.log())? {
        Some(store) => Ok(start::latest(&store)?),
        None => Ok(None),
    }
}
