//! `loopmon emulate`: a program in a pane's emulator without a screen. Its output is read as a pane reads it, its
//! questions are answered, and nothing is shown.
//!
//! For conformance suites, which ask the terminal what it holds. Not for: agents.

use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use super::args::EmulateArgs;
use super::{Failure, Outcome};
use crate::pty::{self, Line, Program};
use crate::term::{Colours, Emulator};

/// How long to look away when there is nothing to read or no room to write.
const REST: Duration = Duration::from_millis(1);

/// Runs the program to its end; its exit code is ours.
pub fn emulate(args: EmulateArgs) -> Outcome {
    let (cols, rows) = args.size;
    let mut env: Vec<(String, String)> = std::env::vars().filter(|(name, _)| name != "TERM").collect();
    env.push(("TERM".to_owned(), "xterm-256color".to_owned()));
    let cwd = std::env::current_dir()?;
    let line = pty::open_pty(&Program { argv: args.command, env, cwd }, cols, rows)?;
    let child = wait(&line);
    let mut emulator = Emulator::new(cols, rows, Colours::default());
    converse(&line, &mut emulator)?;
    if args.print {
        println!("{}", emulator.text());
    }
    child.join().unwrap_or(Ok(1)).map_err(Failure::from)
}

/// Waits for the child's end beside the conversation with it.
fn wait(line: &Line) -> JoinHandle<io::Result<u8>> {
    let child = rustix::process::Pid::from_raw(line.child());
    std::thread::spawn(move || {
        let status = rustix::process::waitpid(child, rustix::process::WaitOptions::empty())?;
        let code = status.and_then(|(_, status)| status.exit_status());
        Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
    })
}

/// Reads until the last user of the terminal is gone.
fn converse(line: &Line, emulator: &mut Emulator) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match line.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => emulator.feed(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(REST),
            Err(error) => return Err(error),
        }
        answer(line, &emulator.take_replies())?;
    }
}

fn answer(line: &Line, mut reply: &[u8]) -> io::Result<()> {
    while !reply.is_empty() {
        match line.write(reply) {
            Ok(count) => reply = reply.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(REST),
            // Who asked is gone.
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}
