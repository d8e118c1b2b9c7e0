//! Standard output of commands.
//!
//! Not for the screen. Invariant: a reader that has seen enough (`| head`) ends a command quietly, as the signal would
//! whose default the runtime takes away; any other failure to print is an error and never a panic. Only the command
//! ends by it: servers and keepers print nothing.

use std::fmt;
use std::io::{self, Write};

/// The exit code of a command whose reader is gone: what a shell gives for SIGPIPE.
const READER_GONE: i32 = 128 + 13;

/// Prints a line.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::out::print(format_args!("{}\n", format_args!($($text)*))) };
}
/// Prints words without an end of line.
macro_rules! say_words {
    ($($text:tt)*) => { $crate::cli::out::print(format_args!($($text)*)) };
}
pub(super) use {say, say_words};

/// Prints it all, or ends the command.
pub fn print(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_fmt(text).and_then(|()| out.flush()) {
        end(&error);
    }
}

fn end(error: &io::Error) -> ! {
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(READER_GONE);
    }
    complain(&format!("could not print: {error}"));
    std::process::exit(1);
}

/// Tells what went wrong. Where nobody reads even that, the exit code has to say it.
pub fn complain(text: &str) {
    let _nobody_reads = writeln!(io::stderr().lock(), "loopmon: {text}");
}
