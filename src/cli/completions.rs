//! `loopmon completions`.

use clap::CommandFactory;

use super::Outcome;
use super::args::{Cli, CompletionsArgs};

/// Prints them.
pub fn completions(args: &CompletionsArgs) -> Outcome {
    clap_complete::generate(args.shell, &mut Cli::command(), "loopmon", &mut std::io::stdout());
    Ok(0)
}
