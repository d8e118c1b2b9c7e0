//! `loopmon completions`.

use clap::CommandFactory;

use super::Outcome;
use super::args::{Cli, CompletionsArgs};
use super::out::say_words;

/// Prints them.
pub fn completions(args: &CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "loopmon", &mut script);
    say_words!("{}", String::from_utf8_lossy(&script));
    Ok(0)
}
