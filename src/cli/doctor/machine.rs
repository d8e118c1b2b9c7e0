//! The machine: git, what could hold agents in, the folders that things are put into.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{Access, access};

use super::finding::Finding;
use crate::git::{Git, GitError, OpenError};
use crate::learn::Machine;
use crate::server::ground;
use crate::server::places;
use crate::server::settings;

/// How long a sandbox may take to say that it works.
const TRY_LIMIT: Duration = Duration::from_secs(5);
const GIT: &str = "git";
const SANDBOX: &str = "sandbox";
const FOLDERS: &str = "folders";

/// git itself, who commits, and whether there is a repository that it trusts.
pub fn git(dir: &Path) -> Vec<Finding> {
    let git = Git::default();
    let hint = |error: &GitError| error.hint().unwrap_or("look at what git says").to_owned();
    let mut found = match git.version() {
        Ok(version) => vec![Finding::ok(GIT, format!("git {version}"))],
        Err(error) => return vec![Finding::bad(GIT, error.to_string(), hint(&error))],
    };
    found.push(match git.identity(dir) {
        Ok(Some((name, email))) => Finding::ok(GIT, format!("commits as {name} <{email}>")),
        Ok(None) => Finding::warn(
            GIT,
            "nobody's name is configured: commits are loopmon's own",
            "git config --global user.name \"…\" and git config --global user.email \"…\"",
        ),
        Err(error) => Finding::warn(GIT, error.to_string(), hint(&error)),
    });
    found.push(match ground::open(dir) {
        Ok(workspace) if workspace.is_workspace() => {
            let names: Vec<&str> = workspace.members().iter().map(|member| member.name.as_str()).collect();
            Finding::ok(GIT, format!("workspace {} of {}", workspace.root().display(), names.join(", ")))
        }
        Ok(repository) => Finding::ok(GIT, format!("repository {}", repository.root().display())),
        Err(error @ OpenError::NotARepository { .. }) => Finding::warn(
            GIT,
            format!("{error}: what belongs to a project was not looked at"),
            open_hint(&error),
        ),
        Err(error @ OpenError::ForeignOwner { .. }) => {
            let path = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
            let remedy =
                format!("if you trust it: git config --global --add safe.directory {}", path.display());
            Finding::bad(GIT, error.to_string(), remedy)
        }
        Err(error) => Finding::bad(GIT, error.to_string(), open_hint(&error)),
    });
    found
}

fn open_hint(error: &OpenError) -> String {
    error.hint().unwrap_or("look at what git says").to_owned()
}

/// What there is that could hold an agent in; loopmon uses none of it yet.
pub fn sandbox() -> Vec<Finding> {
    let mut there = vec![match Machine::current().find("bwrap") {
        Some(path) if works(&path) => format!("bwrap works ({})", path.display()),
        Some(path) => format!("bwrap is there and can't make a sandbox here ({})", path.display()),
        None => "bwrap is not installed".to_owned(),
    }];
    there.push(match std::fs::read_to_string("/sys/kernel/security/lsm") {
        Ok(list) if list.split(',').any(|name| name.trim() == "landlock") => {
            "this kernel has Landlock".to_owned()
        }
        Ok(_) => "this kernel has no Landlock".to_owned(),
        Err(_) => "whether this kernel has Landlock can't be seen".to_owned(),
    });
    let remedy =
        "choose permissions with that in mind, or run loopmon in a container or as a user of its own";
    let text = format!("agents can do what you can do: loopmon has no sandbox yet ({})", there.join("; "));
    vec![Finding::warn(SANDBOX, text, remedy)]
}

/// Whether it can start the least of programs.
fn works(bwrap: &Path) -> bool {
    let mut command = Command::new(bwrap);
    command.args(["--ro-bind", "/", "/", "--dev", "/dev", "--unshare-all", "true"]).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let Ok(mut child) = command.spawn() else { return false };
    let give_up = Instant::now() + TRY_LIMIT;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < give_up => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                let _ended = child.kill();
                let _reaped = child.wait();
                return false;
            }
        }
    }
}

/// The folders of the person's that loopmon writes to or reads from.
pub fn folders() -> Vec<Finding> {
    let mut found = Vec::new();
    match places::state_home() {
        Ok(path) => found.push(writable("state", &path)),
        Err(error) => found.push(Finding::bad(FOLDERS, error.to_string(), "export HOME")),
    }
    match settings::user_config() {
        Some(path) if path.exists() => {
            found.push(Finding::ok(FOLDERS, format!("your configuration {}", path.display())));
        }
        Some(path) => {
            found.push(Finding::ok(FOLDERS, format!("no configuration of yours ({})", path.display())))
        }
        None => {}
    }
    found.push(runtime(&places::runtime_dir()));
    found
}

/// A folder that is written to, or will be made.
fn writable(what: &str, path: &Path) -> Finding {
    let nearest = existing(path);
    if access(&nearest, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let remedy = format!("check the owner and the mode of {}", nearest.display());
        return Finding::bad(FOLDERS, format!("{what} {} can't be written", path.display()), remedy);
    }
    let made = if nearest == path { "" } else { " (made when it is needed)" };
    Finding::ok(FOLDERS, format!("{what} {}{made}", path.display()))
}

/// The nearest folder above that is there.
pub fn existing(path: &Path) -> PathBuf {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// The folder of sockets has to be this user's alone.
fn runtime(path: &Path) -> Finding {
    let Ok(found) = std::fs::symlink_metadata(path) else {
        let finding = writable("sockets", path);
        let unset = std::env::var_os("XDG_RUNTIME_DIR").is_none();
        return match unset && finding.remedy.is_none() {
            true => Finding::warn(
                FOLDERS,
                format!("{}; XDG_RUNTIME_DIR is not set", finding.text),
                "a login session sets it",
            ),
            false => finding,
        };
    };
    let own = rustix::process::geteuid().as_raw();
    let mode = found.permissions().mode() & 0o777;
    let wrong = if !found.is_dir() {
        Some("is no directory".to_owned())
    } else if found.uid() != own {
        Some("belongs to another user".to_owned())
    } else if mode & 0o077 != 0 {
        Some(format!("can be entered by others (mode {mode:o})"))
    } else {
        None
    };
    match wrong {
        Some(wrong) => {
            let remedy = "remove it, or set XDG_RUNTIME_DIR to a directory of your own";
            Finding::bad(FOLDERS, format!("sockets {} {wrong}", path.display()), remedy)
        }
        None => Finding::ok(FOLDERS, format!("sockets {} (mode {mode:o})", path.display())),
    }
}
