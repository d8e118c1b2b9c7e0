//! The command line: one file a command, errors with a hint, exit codes that scripts can rely on.
//!
//! Exit codes: 0 done as asked · 1 it failed, or not everything was done · 2 the command line or a file is wrong ·
//! 3 only a person can go on.

mod act;
mod add;
mod agent;
mod args;
mod attach;
mod auth;
mod comment;
mod completions;
mod cost;
mod demo;
mod doctor;
mod edit;
mod emulate;
mod events;
mod fork;
mod headless;
mod hook;
mod import;
mod init;
mod keys;
mod logs;
mod mcp;
mod out;
mod project;
mod replay;
mod run;
mod status;
mod trash;
mod validate;

use std::process::ExitCode;

use clap::Parser;

use crate::{agents, keeper, sim};
use args::{Cli, Hidden, Verb};

/// A command's failure: what is told, and the exit code.
#[derive(Debug)]
pub struct Failure {
    text: String,
    code: u8,
}

impl Failure {
    /// It failed, or was refused.
    pub fn new(text: impl Into<String>) -> Failure {
        Failure { text: text.into(), code: 1 }
    }

    /// The command line or a file is wrong.
    pub fn usage(text: impl Into<String>) -> Failure {
        Failure { text: text.into(), code: 2 }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::new(error.to_string())
    }
}

/// What a command comes to: an exit code, or a failure.
pub type Outcome = Result<u8, Failure>;

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            out::complain(&shown(failure.text.trim_start_matches("loopmon: ")));
            ExitCode::from(failure.code)
        }
    }
}

/// Text as it may be printed: titles, agents' words and file names are foreign, and a terminal obeys what it is sent.
fn shown(text: &str) -> String {
    agents::plain_text(text)
}

fn dispatch(cli: Cli) -> Outcome {
    let dir = cli.directory;
    let Some(command) = cli.command else { return attach::attach(&dir) };
    match command {
        Verb::Demo(args) => demo::demo(&args),
        Verb::Run(args) => run::run(&dir, args),
        Verb::Init(args) => init::init(&dir, &args),
        Verb::Validate(args) => validate::validate(&dir, &args),
        Verb::Agents(verb) => agent::agents(&dir, &verb),
        Verb::Auth(verb) => auth::auth(&dir, &verb),
        Verb::Doctor(args) => doctor::doctor(&dir, &args),
        Verb::Status(args) => status::status(&dir, &args),
        Verb::Logs(args) => logs::logs(&dir, &args),
        Verb::Events(args) => events::events(&dir, &args),
        Verb::Replay(args) => replay::replay(&dir, &args),
        Verb::Add(args) => add::add(&dir, args),
        Verb::Import(args) => import::import(&dir, &args),
        Verb::Edit(args) => edit::edit(&dir, &args),
        Verb::Split(args) => edit::split(&dir, &args),
        Verb::Join(args) => edit::join(&dir, args),
        Verb::Comment(args) => comment::comment(&dir, args),
        Verb::Dismiss(args) => comment::dismiss(&dir, args),
        Verb::Approve(args) => act::approve(&dir, args),
        Verb::Reject(args) => act::reject(&dir, args),
        Verb::Retry(args) => act::retry(&dir, args),
        Verb::Pause(args) => act::pause(&dir, args),
        Verb::Resume(args) => act::resume(&dir, args),
        Verb::Prompt(args) => act::prompt(&dir, args),
        Verb::Cancel(args) => act::cancel(&dir, args),
        Verb::Rewind(args) => act::rewind(&dir, args),
        Verb::Fork(args) => fork::fork(&dir, &args),
        Verb::Cost(args) => cost::cost(&dir, &args),
        Verb::Land(args) => act::land(&dir, &args),
        Verb::Stop(args) => act::stop(&dir, &args),
        Verb::Trash(args) => trash::trash(&dir, &args),
        Verb::Mcp => mcp::mcp(),
        Verb::Keys => keys::keys(&dir),
        Verb::Completions(args) => completions::completions(&args),
        Verb::Hidden(Hidden::Server { project, foreground }) => attach::serve(&project, foreground),
        Verb::Hidden(Hidden::Hook) => hook::hook(),
        Verb::Hidden(Hidden::Keeper { dir }) => {
            keeper::run(&dir).map_err(|error| Failure::new(format!("the keeper failed to {error}")))?;
            Ok(0)
        }
        Verb::Hidden(Hidden::Emulate(args)) => emulate::emulate(args),
        Verb::Hidden(Hidden::SimAgent(args)) => {
            let code = sim::run(args).map_err(|error| Failure::new(format!("{error:#}")))?;
            Ok(u8::try_from(code).unwrap_or(1))
        }
    }
}
