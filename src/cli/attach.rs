//! `loopmon` without a command, and the server behind it.

use std::io::IsTerminal;
use std::path::Path;

use super::args::DemoArgs;
use super::{Failure, Outcome, demo, project};
use crate::client::{self, Ending};
use crate::server::places::Places;
use crate::server::{Server, daemon, ground, nowhere};

/// Mission control of the project that holds `dir`; where none can be opened, the first screen says what is missing.
pub fn attach(dir: &Path) -> Outcome {
    project::refuse_inside_session()?;
    // Asking git takes several times as long as the first frame.
    if let Some(places) = daemon::running_above(dir) {
        return to(&places);
    }
    match ground::open(dir) {
        Ok(repository) => to(&Places::of(repository.root())?),
        Err(error) if dir.is_dir() && is_seen() => ended(client::attach(nowhere::open(dir, &error)?)?),
        Err(error) => Err(project::unopened(&error)),
    }
}

/// Whether a person sits at a terminal here.
fn is_seen() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

fn ended(ending: Ending) -> Outcome {
    match ending {
        Ending::Left => Ok(0),
        Ending::Demo => demo::demo(&DemoArgs::default()),
        Ending::Signal(number) => Ok(u8::try_from(128 + number).unwrap_or(1)),
    }
}

/// Mission control of a project, with its server started if need be.
pub fn to(places: &Places) -> Outcome {
    // A word first, before the terminal is taken: one that is on its way out does not answer, and is replaced.
    drop(project::link(places)?);
    let stream = daemon::connect_or_start(places, &project::exe()?)?;
    ended(client::attach(stream)?)
}

/// The server itself.
pub fn serve(root: &Path, foreground: bool) -> Outcome {
    if !foreground {
        // Away from the terminal that started it: its hang-up is none of the server's business.
        let _leader_already = rustix::process::setsid();
    }
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        // A log that can't be written (a full disk) ends no server: its own complaint would be a panic.
        .log_internal_errors(false)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("LOOPMON_LOG").unwrap_or_else(|_| "info".into()),
        )
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .thread_name("loopmon")
        .enable_all()
        .build()?;
    let exe = project::exe()?;
    let result = runtime.block_on(async {
        let server = Server::open(root, &exe)?;
        server.run().await
    });
    // Threads that wait for git must not keep a finished server alive.
    runtime.shutdown_background();
    result.map_err(|error| Failure::new(error.to_string()))?;
    Ok(0)
}
