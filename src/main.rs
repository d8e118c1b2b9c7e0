//! The `loopmon` binary: hands the arguments to the command line.

fn main() -> std::process::ExitCode {
    loopmon::cli::main()
}
