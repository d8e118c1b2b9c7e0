//! `loopmon emulate`: a program in a pane's emulator without a screen. Its output is read as a pane reads it, its
//! questions are answered, standard input is typed into it, and nothing is shown.
//!
//! For conformance suites, which ask the terminal what it holds, and for recordings that tests compare. Not for: agents.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::args::EmulateArgs;
use super::out::say;
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
    let record = args.record.map(File::create).transpose()?;
    converse(&line, &mut emulator, &typed(), record)?;
    if args.print {
        say!("{}", emulator.text());
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

/// What is typed on standard input, unless that is a terminal.
fn typed() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    if !io::stdin().is_terminal() {
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = io::stdin().lock().read(&mut buffer) {
                if sender.send(buffer.get(..count).unwrap_or_default().to_vec()).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

/// Reads until the last user of the terminal is gone.
fn converse(
    line: &Line,
    emulator: &mut Emulator,
    typed: &mpsc::Receiver<Vec<u8>>,
    mut record: Option<File>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut unsent: Vec<u8> = Vec::new();
    loop {
        match line.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                emulator.feed(bytes);
                record.as_mut().map_or(Ok(()), |file| file.write_all(bytes))?;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(REST),
            Err(error) => return Err(error),
        }
        unsent.append(&mut emulator.take_replies());
        unsent.extend(typed.try_iter().flatten());
        send(line, &mut unsent);
    }
}

/// Writes what is taken now. A program that does not read goes on writing: its output is taken meanwhile.
fn send(line: &Line, unsent: &mut Vec<u8>) {
    if unsent.is_empty() {
        return;
    }
    match line.write(unsent) {
        Ok(count) => drop(unsent.drain(..count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        // Who asked is gone.
        Err(_) => unsent.clear(),
    }
}
