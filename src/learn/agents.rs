//! Agents on the PATH.
//!
//! Not for driving them. Invariant: a program is asked for its version with a clean environment, no input and a limit
//! of time, and its whole process group is ended after that.

use std::ffi::OsString;
use std::io::{Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::FoundAgent;

/// Where to look for programs, and what they may know of the person.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The PATH.
    pub path: OsString,
    /// The HOME.
    pub home: OsString,
    /// How long a program may take to tell its version.
    pub patience: Duration,
}

impl Machine {
    /// This one.
    pub fn current() -> Self {
        let variable = |name| std::env::var_os(name).unwrap_or_default();
        Self { path: variable("PATH"), home: variable("HOME"), patience: Duration::from_secs(5) }
    }

    /// Where a program is on the PATH.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        let folders = std::env::split_paths(&self.path).filter(|folder| folder.is_absolute());
        folders.map(|folder| folder.join(program)).find(|path| is_executable(path))
    }

    /// Where a program of a command is: on the PATH, or at the path that the command names.
    pub fn locate(&self, program: &str) -> Option<PathBuf> {
        if program.contains('/') {
            return Some(PathBuf::from(program)).filter(|path| is_executable(path));
        }
        self.find(program)
    }

    /// What each of these commands answers to `--version`, asked side by side.
    pub fn versions(&self, commands: &[Vec<String>]) -> Vec<Option<String>> {
        std::thread::scope(|scope| {
            let asked: Vec<_> =
                commands.iter().map(|command| scope.spawn(|| version(self, command))).collect();
            asked.into_iter().map(|answer| answer.join().ok().flatten()).collect()
        })
    }
}

/// The known agents, in order of preference.
const KNOWN: [&str; 4] = ["claude", "codex", "gemini", "opencode"];
const ANSWER_LIMIT: u64 = 4096;

/// The known agents on the PATH with their versions, asked side by side.
pub fn find_agents(machine: &Machine) -> Vec<FoundAgent> {
    std::thread::scope(|scope| {
        let programs = KNOWN.iter().filter_map(|name| Some((*name, machine.find(name)?)));
        let asked: Vec<_> = programs
            .map(|(name, path)| {
                let command = [path.to_string_lossy().into_owned()];
                (name, path, scope.spawn(move || version(machine, &command)))
            })
            .collect();
        let answered = asked.into_iter().map(|(name, path, answer)| {
            let version = answer.join().ok().flatten();
            FoundAgent { name, path, version }
        });
        answered.collect()
    })
}

/// The first line of what `<command> --version` prints.
fn version(machine: &Machine, command: &[String]) -> Option<String> {
    let (program, arguments) = command.split_first()?;
    // A file takes the answer, so that a grandchild that keeps a pipe open can hold nobody up.
    let mut answer = tempfile::tempfile().ok()?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg("--version")
        .env_clear()
        .env("PATH", &machine.path)
        .env("HOME", &machine.home);
    command.stdin(Stdio::null()).stdout(answer.try_clone().ok()?).stderr(Stdio::null());
    let mut child = command.current_dir("/").process_group(0).spawn().ok()?;
    wait_for_end(&child, machine.patience);
    // The child is not reaped yet, so its id is still that of its group and of nobody else.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    if !child.wait().ok()?.success() {
        return None;
    }
    let mut bytes = Vec::new();
    answer.rewind().ok()?;
    answer.take(ANSWER_LIMIT).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).take(80).collect())
}

/// Waits until the child has ended, without reaping it, or until patience does.
fn wait_for_end(child: &Child, patience: Duration) {
    let deadline = Instant::now() + patience;
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(Pid::from_child(child)), look), Ok(None)) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
