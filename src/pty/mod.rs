//! Opening a pseudo-terminal or a pipe, and starting a child at its other end.
//!
//! Not for: reading, writing or waiting (the keeper does). Invariant: what is handed out never blocks, is closed on exec,
//! and the child has the environment that it was given (portable-pty adds `SHELL` if that is missing).

mod launch;

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use rustix::process::Pid;
use rustix::termios::Winsize;

use launch::check;

/// What is started, and where.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// The working directory.
    pub cwd: PathBuf,
}

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// There is no program to start.
    #[error("start a program without a name")]
    NoProgram,
    /// The working directory is none.
    #[error("enter the working directory {path}: {reason}")]
    BadDirectory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The program is not there, or is none.
    #[error("start {program}: {reason}")]
    BadProgram {
        /// As it was named.
        program: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The kernel refused.
    #[error("{action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// portable-pty refused.
    #[error("open a pseudo-terminal: {0}")]
    Pty(String),
}

/// The end of the line at which this process sits.
#[derive(Debug)]
pub struct Line {
    fd: OwnedFd,
    /// Where input goes, if that is not the same end.
    input: Option<OwnedFd>,
    is_pty: bool,
    child: i32,
}

/// What a program on pipes reads.
#[derive(Debug, Clone, Copy)]
pub enum Stdin<'a> {
    /// Nothing.
    Null,
    /// A file, to its end.
    File(&'a Path),
    /// A pipe that stays open.
    Open,
}

/// Starts the program in a new session on a new pseudo-terminal.
pub fn open_pty(program: &Program, cols: u16, rows: u16) -> Result<Line, LaunchError> {
    let path = check(program)?;
    let failed = |error: anyhow::Error| LaunchError::Pty(format!("{error:#}"));
    let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).map_err(failed)?;
    let mut argv: Vec<OsString> = program.argv.iter().map(OsString::from).collect();
    if let Some(name) = argv.first_mut() {
        // The path was resolved here, so that a missing program is told from any other failure.
        *name = path.into_os_string();
    }
    let mut command = CommandBuilder::from_argv(argv);
    command.env_clear();
    program.env.iter().for_each(|(name, value)| command.env(name, value));
    command.cwd(&program.cwd);
    let child = pair.slave.spawn_command(command).map_err(|error| LaunchError::BadProgram {
        program: program.argv.first().cloned().unwrap_or_default(),
        reason: format!("{error:#}"),
    })?;
    let master = own_master(&*pair.master)?;
    let child = child.process_id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
    never_block(&master)?;
    erase_whole_characters(&master);
    Ok(Line { fd: master, input: None, is_pty: true, child })
}

/// Starts the program in a new process group with its output and errors on one pipe.
pub fn open_pipes(program: &Program, stdin: Stdin<'_>) -> Result<Line, LaunchError> {
    use std::os::unix::process::CommandExt;

    let path = check(program)?;
    let io = |action| move |source| LaunchError::Io { action, source };
    let (stdin, input) = match stdin {
        Stdin::File(path) => {
            let file = std::fs::File::open(path).map_err(io("open the file for standard input"))?;
            (Stdio::from(file), None)
        }
        Stdin::Null => (Stdio::null(), None),
        Stdin::Open => {
            let (theirs, ours) = io::pipe().map_err(io("open a pipe"))?;
            let ours = OwnedFd::from(ours);
            never_block(&ours)?;
            (Stdio::from(theirs), Some(ours))
        }
    };
    let (reader, writer) = io::pipe().map_err(io("open a pipe"))?;
    let second = writer.try_clone().map_err(io("open a pipe"))?;
    let (name, arguments) = program.argv.split_first().ok_or(LaunchError::NoProgram)?;
    let child = Command::new(path)
        .arg0(name)
        .args(arguments)
        .env_clear()
        .envs(program.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&program.cwd)
        .stdin(stdin)
        .stdout(writer)
        .stderr(second)
        .process_group(0)
        .spawn()
        .map_err(|error| LaunchError::BadProgram { program: name.clone(), reason: error.to_string() })?;
    let fd = OwnedFd::from(reader);
    never_block(&fd)?;
    Ok(Line { fd, input, is_pty: false, child: i32::try_from(child.id()).unwrap_or_default() })
}

impl Line {
    /// The child's process number. Who opened the line must wait for the child.
    #[must_use]
    pub fn child(&self) -> i32 {
        self.child
    }

    /// Whether input can be written.
    #[must_use]
    pub fn takes_input(&self) -> bool {
        self.is_pty || self.input.is_some()
    }

    /// The end that input goes to, if that is not this one.
    #[must_use]
    pub fn input(&self) -> Option<BorrowedFd<'_>> {
        self.input.as_ref().map(AsFd::as_fd)
    }

    /// Ends the input of a program on pipes.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Whether this is a pseudo-terminal: only then it has a size.
    #[must_use]
    pub fn is_pty(&self) -> bool {
        self.is_pty
    }

    /// Reads what is there; an error of kind `WouldBlock` if nothing is. On a pseudo-terminal whose last user is gone
    /// this is the end, as it is on a pipe.
    pub fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        match rustix::io::read(&self.fd, into) {
            Err(rustix::io::Errno::IO) => Ok(0),
            other => Ok(other?),
        }
    }

    /// Writes as much as is taken now; an error of kind `WouldBlock` if nothing is.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self.input.as_ref().unwrap_or(&self.fd), bytes)?)
    }

    /// Gives the terminal a size, which tells its foreground processes.
    pub fn resize(&self, cols: u16, rows: u16) -> io::Result<()> {
        let size = Winsize { ws_col: cols, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(rustix::termios::tcsetwinsize(&self.fd, size)?)
    }

    /// The process group in the foreground: of a terminal the one it says, of a pipe the child's.
    #[must_use]
    pub fn foreground(&self) -> Option<Pid> {
        let of_terminal = if self.is_pty { rustix::termios::tcgetpgrp(&self.fd).ok() } else { None };
        of_terminal.or_else(|| Pid::from_raw(self.child))
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A descriptor of our own for the master: portable-pty's writer types a newline and ^D when it is dropped, and blocks.
#[expect(
    unsafe_code,
    reason = "portable-pty hands out a bare number; it is borrowed only while its owner lives"
)]
fn own_master(master: &dyn portable_pty::MasterPty) -> Result<OwnedFd, LaunchError> {
    let number = master.as_raw_fd().ok_or_else(|| LaunchError::Pty("it has no descriptor".to_owned()))?;
    // SAFETY: `master` is alive and owns the descriptor until after the clone was made.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    borrowed
        .try_clone_to_owned()
        .map_err(|source| LaunchError::Io { action: "duplicate a descriptor", source })
}

/// Lets the terminal's own line editing take back UTF-8 characters, not bytes. Best effort: it only matters to programs
/// that read lines.
fn erase_whole_characters(master: &OwnedFd) {
    use rustix::termios::{InputModes, OptionalActions, tcgetattr, tcsetattr};

    if let Ok(mut modes) = tcgetattr(master) {
        modes.input_modes |= InputModes::IUTF8;
        let _ = tcsetattr(master, OptionalActions::Now, &modes);
    }
}

fn never_block(fd: &OwnedFd) -> Result<(), LaunchError> {
    rustix::io::ioctl_fionbio(fd, true)
        .map_err(|error| LaunchError::Io { action: "set a descriptor to non-blocking", source: error.into() })
}

#[cfg(test)]
mod tests;
