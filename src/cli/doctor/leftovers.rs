//! What runs or lies about from before: servers, keepers, sockets, worktrees.
//!
//! Nothing is ended or removed here: a person decides that, with the command that is told.

use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use super::project::Known;
use crate::cli::project as this;
use crate::client::{Link, LinkError};
use crate::model::{RunId, counted};
use crate::process::{self, Identity};
use crate::server::daemon;
use crate::server::places::{self, Places};
use crate::store::Store;

const LEFT: &str = "left over";
/// Paths that are named at most.
const NAMED: usize = 3;

/// Everything of this project, and sockets of all.
pub fn findings(project: &Known) -> Vec<Finding> {
    let mut found: Vec<Finding> = dead_sockets(&places::runtime_dir()).into_iter().collect();
    if let Some(places) = project.lies() {
        let latest = latest_run(places);
        found.extend(server(places));
        found.extend(keepers(places, latest.as_ref()));
        found.extend(worktrees(project, places, latest.as_ref()));
    }
    if found.is_empty() {
        found.push(Finding::ok(LEFT, "nothing"));
    }
    found
}

fn latest_run(places: &Places) -> Option<RunId> {
    let store = Store::open_reader(&places.log()).ok().flatten()?;
    Some(store.runs().ok()?.pop()?.id)
}

/// The server that runs, if it speaks to this program.
fn server(places: &Places) -> Option<Finding> {
    let stream = daemon::connect(places)?;
    let pid = process::peer(&stream).map(|peer| peer.pid).unwrap_or(0);
    Some(match Link::open(stream) {
        Ok(_) => Finding::ok(LEFT, format!("this project's server runs (pid {pid})")),
        Err(LinkError::Refused(words)) => Finding::warn(
            LEFT,
            format!("a server of another version runs (pid {pid}): {words}"),
            "loopmon stop --server",
        ),
        Err(LinkError::Gone | LinkError::Silent(_)) => {
            let remedy = format!("if it stays so: kill {pid}; its agents go on");
            Finding::warn(LEFT, format!("a server listens and does not answer (pid {pid})"), remedy)
        }
    })
}

/// Keepers that live: agents that go on without a server, or of a run that is over.
fn keepers(places: &Places, latest: Option<&RunId>) -> Vec<Finding> {
    let mut found = Vec::new();
    let served = this::running(places).is_some();
    for (run, living) in living(places) {
        let count = living.len();
        let pids: Vec<String> = living.iter().map(|keeper| keeper.pid.to_string()).collect();
        if latest.is_none_or(|latest| *latest != run) {
            let text = format!("{} of the earlier run {run} still runs", counted(count, "session"));
            found.push(Finding::warn(LEFT, text, format!("to end it: kill {}", pids.join(" "))));
        } else if !served {
            let text = format!("{} of the run {run} goes on without a server", counted(count, "session"));
            found.push(Finding::warn(LEFT, text, "loopmon takes it up again; loopmon stop ends it"));
        }
    }
    found
}

fn living(places: &Places) -> Vec<(RunId, Vec<Identity>)> {
    let runs = places.home().join("runs");
    let mut found = Vec::new();
    for run in entries(&runs) {
        let sessions = entries(&run.join("sessions")).into_iter();
        let keepers = sessions.filter_map(|dir| process::read_keeper(&dir).ok().flatten());
        let living: Vec<Identity> =
            keepers.map(|file| Identity::from(file.keeper)).filter(Identity::is_alive).collect();
        if !living.is_empty() {
            let name = run.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            found.push((RunId::from(name.as_str()), living));
        }
    }
    found
}

/// Worktrees of runs before the latest.
fn worktrees(project: &Known, places: &Places, latest: Option<&RunId>) -> Option<Finding> {
    let all = project.repository.as_ref()?.own_worktrees().ok()?;
    let current = latest.map(|run| places.worktrees().join(run.as_str()));
    let old: Vec<String> = all
        .iter()
        .filter(|tree| tree.path.starts_with(places.worktrees()))
        .filter(|tree| current.as_ref().is_none_or(|current| !tree.path.starts_with(current)))
        .map(|tree| tree.path.display().to_string())
        .collect();
    let remedy = format!("branches stay: git worktree remove --force {}", named(&old));
    let text = || format!("{} of earlier runs", counted(old.len(), "worktree"));
    (!old.is_empty()).then(|| Finding::warn(LEFT, text(), remedy))
}

/// Sockets that nobody listens at any more.
fn dead_sockets(dir: &Path) -> Option<Finding> {
    let is_socket =
        |path: &PathBuf| std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let refused = |path: &PathBuf| {
        UnixStream::connect(path).is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
    };
    let dead: Vec<String> = entries(dir)
        .into_iter()
        .filter(|path| is_socket(path) && refused(path))
        .map(|path| path.display().to_string())
        .collect();
    let text = || format!("{} that nobody listens at", counted(dead.len(), "socket"));
    (!dead.is_empty())
        .then(|| Finding::warn(LEFT, text(), format!("harmless; to tidy up: rm {}", named(&dead))))
}

fn named(paths: &[String]) -> String {
    let more = if paths.len() > NAMED { " …" } else { "" };
    format!("{}{more}", paths.iter().take(NAMED).cloned().collect::<Vec<_>>().join(" "))
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
