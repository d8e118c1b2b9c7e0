//! Starting a server in the background, and finding the one that runs.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::ground;
use super::places::Places;

/// How long a server may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Why no server could be reached.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// It could not be started.
    #[error("the server could not be started ({path}): {source}")]
    Spawn {
        /// The program, or the file for its log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended at once.
    #[error("{0}")]
    Ended(String),
    /// It does not listen.
    #[error("the server does not answer; its log is {0}")]
    Silent(PathBuf),
}

/// A connection to the running server, if there is one.
pub fn connect(places: &Places) -> Option<UnixStream> {
    UnixStream::connect(places.socket()).ok()
}

/// The project that holds a directory, if its server runs: whatever could be asked of git was asked by that server.
pub fn running_above(dir: &Path) -> Option<Places> {
    Places::of(&ground::folder_above(dir)?).ok().filter(|places| connect(places).is_some())
}

/// A connection to the running server, which is started if need be.
pub fn connect_or_start(places: &Places, exe: &Path) -> Result<UnixStream, DaemonError> {
    if let Some(stream) = connect(places) {
        return Ok(stream);
    }
    let mut child = spawn(places, exe)?;
    let deadline = Instant::now() + START_LIMIT;
    loop {
        if let Some(stream) = connect(places) {
            return Ok(stream);
        }
        if let Ok(Some(_)) = child.try_wait() {
            // Another terminal may have been faster to start one.
            return connect(places).ok_or_else(|| DaemonError::Ended(last_words(places)));
        }
        if Instant::now() > deadline {
            return Err(DaemonError::Silent(places.server_log()));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn spawn(places: &Places, exe: &Path) -> Result<Child, DaemonError> {
    let path = places.server_log();
    let log = || File::options().create(true).append(true).open(&path);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DaemonError::Spawn { path, source }
    };
    let home = places.home();
    std::fs::create_dir_all(&home).map_err(failed(&home))?;
    File::options().create(true).write(true).truncate(true).open(&path).map_err(failed(&path))?;
    Command::new(exe)
        .arg("server")
        .arg("--project")
        .arg(&places.root)
        .stdin(Stdio::null())
        .stdout(log().map_err(failed(&path))?)
        .stderr(log().map_err(failed(&path))?)
        .process_group(0)
        .spawn()
        .map_err(failed(exe))
}

/// What a server that ended at once wrote last.
fn last_words(places: &Places) -> String {
    let text = std::fs::read_to_string(places.server_log()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let tail = lines.get(lines.len().saturating_sub(12)..).unwrap_or_default().join("\n");
    if tail.is_empty() { "the server ended without a word".to_owned() } else { tail }
}
