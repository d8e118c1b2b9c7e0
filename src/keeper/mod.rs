//! The keeper: the tiny parent process of every session.
//!
//! It opens the terminal or the pipes, starts the child, records its output, passes input and signals on, and outlives
//! the server. Not for: understanding anything of what passes (the server does). Invariants: output is recorded before
//! it is sent; nothing that a peer does or fails to do loses recorded output or ends the session; when the keeper ends,
//! nothing of the child's tree is left, and `exit.json` says how it ended. It sleeps in one `poll` and has no timers when
//! nothing is under way.

mod ending;
mod peer;
mod pump;
mod queue;
mod signals;

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::process::{Identity, read_environment, read_spec, write_atomic, write_keeper};
use crate::protocol::keeper::{
    CLAIM_FILE, EXIT_FILE, Exit, ExitFile, KEEPER_FILE, KeeperFile, KeeperSpec, LAUNCH_FAILED, Mode, VERSION,
};
use crate::pty::{LaunchError, Line, Program, Stdin, open_pipes, open_pty};
use crate::record::{RecordError, Recorder, Start};

use pump::Pump;
use signals::Signals;

/// How long another keeper that has the session gets to start its child.
const CLAIM_LIMIT: Duration = Duration::from_secs(10);

/// Why a keeper could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// One of its files can't be read or written.
    #[error("{action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The spec was written by another version.
    #[error("read a spec of version {0} (this keeper understands {VERSION})")]
    Version(u32),
    /// The session's program did not start; `exit.json` says so too.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The recording can't be begun.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The kernel refused what a keeper can't do without.
    #[error("{action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
}

/// Keeps one session, from `spec.json` in `dir` to `exit.json`; returns when it is over. Closes standard output as soon
/// as the child runs or failed to, which is what the starter waits for.
pub fn run(dir: &Path) -> Result<(), KeeperError> {
    // A keeper that is run by hand may lead its group already; it is as well off.
    let _ = rustix::process::setsid();
    let Some(_claim) = claim(dir)? else {
        say_ready();
        return Ok(());
    };
    let mut spec = read_spec(dir).map_err(|source| file("read", &dir.join("spec.json"), source))?;
    if spec.version != VERSION {
        return Err(KeeperError::Version(spec.version));
    }
    let given = read_environment(io::stdin().lock());
    spec.env.extend(given.map_err(|source| KeeperError::Io { action: "read the environment", source })?);
    let launched = launch(dir, &spec).or_else(|error| write_failure(dir, &spec, &error).and(Err(error)));
    say_ready();
    let mut pump = launched?;
    pump.run_until_the_child_ends();
    let exit = pump.end(dir);
    let _ = std::fs::remove_file(&spec.socket);
    exit
}

/// The right to run this session, held as long as this process lives; `None` if another keeper had it first. A server
/// that was killed may have started one just before, which its successor can't see yet: only one of them may run.
fn claim(dir: &Path) -> Result<Option<File>, KeeperError> {
    let path = dir.join(CLAIM_FILE);
    let mut options = File::options();
    let claim = options.create(true).write(true).truncate(false).open(&path);
    let claim = claim.map_err(|source| file("open", &path, source))?;
    let begun = || dir.join(KEEPER_FILE).exists() || dir.join(EXIT_FILE).exists();
    let give_up = Instant::now() + CLAIM_LIMIT;
    loop {
        match claim.try_lock() {
            // Whoever had it before may have run it to its end.
            Ok(()) => return Ok((!begun()).then_some(claim)),
            Err(TryLockError::WouldBlock) if begun() || Instant::now() >= give_up => return Ok(None),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
            Err(TryLockError::Error(source)) => return Err(file("lock", &path, source)),
        }
    }
}

/// Everything up to a running child whose keeper can be reached.
fn launch(dir: &Path, spec: &KeeperSpec) -> Result<Pump, KeeperError> {
    let io = |action| move |source: io::Error| KeeperError::Io { action, source };
    let signals = Signals::listen().map_err(io("listen for signals"))?;
    // What the child's children leave behind comes to this process, so that no part of the tree gets away.
    let own = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(own)).map_err(|e| io("become the subreaper")(e.into()))?;
    let recorder = Recorder::create(&spec.recording, spec.recording_limit, start_of(spec))?;
    let listener = listen(&spec.socket).map_err(|source| file("listen on", &spec.socket, source))?;
    let first = first_input(spec)?;
    let line = open(spec)?;
    let gone = || io("look at the child")(io::ErrorKind::NotFound.into());
    let child = Identity::of(line.child()).ok_or_else(gone)?;
    let keeper = Identity::own().ok_or_else(gone)?;
    let known = KeeperFile {
        version: VERSION,
        session: spec.session.clone(),
        keeper: keeper.into(),
        child: child.into(),
        socket: spec.socket.clone(),
    };
    if let Err(source) = write_keeper(dir, &known) {
        // Nobody could find this session again: it must not live on.
        let _ = crate::process::kill_tree(child, ending::KILL_LIMIT);
        return Err(file("write", &dir.join(KEEPER_FILE), source));
    }
    let mut pump = Pump::new(spec.clone(), line, recorder, listener, signals, child, keeper);
    pump.queue_input(&first);
    Ok(pump)
}

/// What a child whose input stays open gets before anything else.
fn first_input(spec: &KeeperSpec) -> Result<Vec<u8>, KeeperError> {
    match spec.stdin_file.as_ref().filter(|_| spec.stdin_open) {
        Some(path) => std::fs::read(path).map_err(|source| file("read", path, source)),
        None => Ok(Vec::new()),
    }
}

fn open(spec: &KeeperSpec) -> Result<Line, LaunchError> {
    let program = Program { argv: spec.argv.clone(), env: spec.env.clone(), cwd: spec.cwd.clone() };
    match spec.mode {
        Mode::Pty { cols, rows } => open_pty(&program, cols.max(1), rows.max(1)),
        Mode::Pipes if spec.stdin_open => open_pipes(&program, Stdin::Open),
        Mode::Pipes => open_pipes(&program, spec.stdin_file.as_deref().map_or(Stdin::Null, Stdin::File)),
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // The mask is the child's too, so it is set for this call only.
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
    let listener = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = listener?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A launch that failed is an end like any other: it has an exit file and a recording that says why.
fn write_failure(dir: &Path, spec: &KeeperSpec, error: &KeeperError) -> Result<(), KeeperError> {
    let message = error.to_string();
    let text = format!("loopmon: failed to {message}\r\n");
    let recorder =
        Recorder::create(&spec.recording, spec.recording_limit, start_of(spec)).map(|mut recorder| {
            recorder.output(text.as_bytes());
            recorder
        });
    let _ = std::fs::remove_file(&spec.socket);
    let path = dir.join(EXIT_FILE);
    let exit = ExitFile {
        version: VERSION,
        session: spec.session.clone(),
        exit: Exit { code: Some(LAUNCH_FAILED), signal: None, at_ms: now_ms() },
        offset: recorder.map_or(0, |recorder| recorder.offset()),
        message: Some(message),
        survivors: Vec::new(),
    };
    write_atomic(&path, &exit).map_err(|source| file("write", &path, source))
}

fn start_of(spec: &KeeperSpec) -> Start {
    let (cols, rows) = match spec.mode {
        Mode::Pty { cols, rows } => (cols, rows),
        // Pipes have no size; players want one.
        Mode::Pipes => (120, 36),
    };
    Start { cols, rows, title: spec.title.clone(), timestamp: now_ms() / 1000 }
}

/// Tells the starter to go on, by closing the pipe that it reads.
fn say_ready() {
    if let Ok(null) = std::fs::OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(null);
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn file(action: &'static str, path: &Path, source: io::Error) -> KeeperError {
    KeeperError::File { action, path: path.to_owned(), source }
}
