//! Finding out before a launch why it would fail.
//!
//! Not for: the launch. portable-pty takes `$HOME` for a working directory that is none and lets a script with a missing
//! interpreter die of SIGABRT; both are told apart here. Invariant: nothing is changed by looking.

use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::{LaunchError, Program};

/// The program's path, if it can be started in its working directory.
pub(super) fn check(program: &Program) -> Result<PathBuf, LaunchError> {
    let name = program.argv.first().filter(|name| !name.is_empty()).ok_or(LaunchError::NoProgram)?;
    check_directory(&program.cwd)?;
    if program.argv.iter().any(|argument| argument.contains('\0')) {
        return Err(bad(name, "an argument holds a zero byte"));
    }
    let path = resolve(name, program)?;
    check_interpreter(name, &path)?;
    Ok(path)
}

fn check_directory(path: &Path) -> Result<(), LaunchError> {
    let bad =
        |reason: &str| Err(LaunchError::BadDirectory { path: path.to_owned(), reason: reason.to_owned() });
    match std::fs::metadata(path) {
        Err(error) => bad(&error.to_string()),
        Ok(found) if !found.is_dir() => bad("it is not a directory"),
        Ok(_) if access(path, Access::EXEC_OK).is_err() => bad("it may not be entered"),
        Ok(_) => Ok(()),
    }
}

/// As `execvp` does it: a name with a slash is a path, any other is looked for in the child's own `PATH`.
fn resolve(name: &str, program: &Program) -> Result<PathBuf, LaunchError> {
    if name.contains('/') {
        let path = program.cwd.join(name);
        return fault(&path).map_or(Ok(path), |reason| Err(bad(name, reason)));
    }
    let search = program.env.iter().rev().find(|(variable, _)| variable == "PATH");
    let search = search.map_or("/usr/local/bin:/usr/bin:/bin", |(_, value)| value.as_str());
    let mut reason = "it is not in PATH";
    for directory in std::env::split_paths(search) {
        let path = program.cwd.join(directory).join(name);
        match fault(&path) {
            None => return Ok(path),
            Some("there is no such file") => {}
            Some(other) => reason = other,
        }
    }
    Err(bad(name, reason))
}

fn fault(path: &Path) -> Option<&'static str> {
    match std::fs::metadata(path) {
        Err(_) => Some("there is no such file"),
        Ok(found) if found.is_dir() => Some("it is a directory"),
        Ok(_) if access(path, Access::EXEC_OK).is_err() => Some("it is not executable"),
        Ok(_) => None,
    }
}

/// A script whose `#!` names something that isn't there fails with the error of a missing file, which misleads.
fn check_interpreter(name: &str, path: &Path) -> Result<(), LaunchError> {
    let mut start = [0u8; 256];
    let read = std::fs::File::open(path).and_then(|mut file| file.read(&mut start)).unwrap_or(0);
    let Some(line) = start.get(..read).and_then(|start| start.strip_prefix(b"#!")) else { return Ok(()) };
    let line =
        String::from_utf8_lossy(line.split(|byte| *byte == b'\n').next().unwrap_or_default()).into_owned();
    let Some(interpreter) = line.split_ascii_whitespace().next() else { return Ok(()) };
    match fault(Path::new(interpreter)) {
        Some(reason) => Err(bad(name, &format!("its interpreter {interpreter}: {reason}"))),
        None => Ok(()),
    }
}

fn bad(program: &str, reason: &str) -> LaunchError {
    LaunchError::BadProgram { program: program.to_owned(), reason: reason.to_owned() }
}
