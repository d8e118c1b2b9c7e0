//! `loopmon` without a command, and the server behind it.

use std::path::Path;

use super::project::{self, Project};
use super::{Failure, Outcome};
use crate::client::{self, Ending};
use crate::server::places::Places;
use crate::server::{Server, daemon};

/// Mission control of the project that holds `dir`.
pub fn attach(dir: &Path) -> Outcome {
    project::refuse_inside_session()?;
    let Project { places, .. } = project::open(dir)?;
    to(&places)
}

/// Mission control of a project, with its server started if need be.
pub fn to(places: &Places) -> Outcome {
    // A word first, before the terminal is taken: one that is on its way out does not answer, and is replaced.
    drop(project::link(places)?);
    let stream = daemon::connect_or_start(places, &project::exe()?)?;
    match client::attach(stream)? {
        Ending::Left => Ok(0),
        Ending::Signal(number) => Ok(u8::try_from(128 + number).unwrap_or(1)),
    }
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
