//! The simulated agent: a program like any other in a terminal of its own. It prints as agents do, edits real files,
//! runs real commands and follows a script. It says that it is simulated, and it calls nobody.
//!
//! Not for deciding anything: verdicts, gates and merges around it are real. Invariant: what it shows as done, it did.

mod conflict;
mod console;
mod defaults;
mod demo;
mod dialog;
mod edits;
mod player;
mod result;
mod script;
mod shell;
mod status;
mod turn;

use std::path::PathBuf;

use anyhow::Context;

pub use demo::demo_files;

/// Arguments of `loopmon sim-agent`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SimArgs {
    /// The script that it follows (TOML); without one it does something sensible for each step.
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// How many times faster than a person would like to watch; `LOOPMON_SIM_SPEED` says the same.
    #[arg(long, value_name = "FACTOR")]
    pub speed: Option<f64>,
    /// Wait until the prompt is pasted or typed, even if there is a prompt file.
    #[arg(long)]
    pub wait: bool,
}

/// Plays one turn and gives the exit code.
///
/// # Errors
/// If the script cannot be read, or the terminal is gone.
pub fn run(args: SimArgs) -> anyhow::Result<i32> {
    let script = match &args.script {
        Some(path) => script::Script::read(path)
            .with_context(|| format!("failed to read the script {}", path.display()))?,
        None => script::Script::default(),
    };
    let turn = turn::Turn::from_env();
    let speed = args.speed.or_else(speed_from_env).unwrap_or(1.0);
    let mut console = console::Console::open(speed)?;
    let played = player::play(&mut console, &script, &turn, &std::env::current_dir()?, args.wait);
    console.close();
    match played {
        Ok(code) | Err(console::Halt::Exit(code)) => Ok(code),
        Err(console::Halt::Io(error)) => Err(error.into()),
    }
}

fn speed_from_env() -> Option<f64> {
    std::env::var("LOOPMON_SIM_SPEED").ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
