//! A task's worktree, there and usable whenever something is to be done in it: made, or made again if somebody took it
//! away; files that git does not hold are copied from the user's checkout, and the project's
//! setup lines are run, once.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::git::describe;
use crate::agents;
use crate::git::{GitError, Worktree};
use crate::server::environment;
use crate::server::project::Project;
use crate::server::shared::Shared;

/// Written into the worktree's own git folder when it is done.
const DONE: &str = "loopmon-setup-done";
/// Lines of a failed setup that are told.
const TOLD: usize = 12;

/// Why there is no usable worktree.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorktreeError {
    /// git failed.
    #[error("{}", describe(.0))]
    Git(#[from] GitError),
    /// It could not be outfitted.
    #[error("{0}")]
    Outfit(String),
}

/// The worktree at `path` for a branch that begins at `base`, as it stands or new, and outfitted.
pub(super) fn present(
    shared: &Shared,
    path: &Path,
    branch: &str,
    base: &str,
) -> Result<Worktree, WorktreeError> {
    let worktree = shared.repository.add_worktree(path, branch, base)?;
    outfit(&shared.project(), &shared.places.root, &worktree).map_err(WorktreeError::Outfit)?;
    Ok(worktree)
}

/// Outfits a worktree, unless that was done before; the error says what failed.
fn outfit(project: &Project, root: &Path, worktree: &Worktree) -> Result<(), String> {
    let done = worktree.git_dir.join(DONE);
    if done.exists() {
        return Ok(());
    }
    for pattern in &project.copy {
        copy(root, &worktree.path, pattern)?;
    }
    for line in &project.setup {
        run(line, worktree, project.setup_timeout)?;
    }
    File::create(&done).map_err(|error| format!("{} can't be written: {error}", done.display()))?;
    Ok(())
}

/// Copies what matches below the checkout's root and is not there yet; links are not followed out of it.
fn copy(root: &Path, to: &Path, pattern: &str) -> Result<(), String> {
    let escaped = glob::Pattern::escape(&root.display().to_string());
    let found = glob::glob(&format!("{escaped}/{pattern}"))
        .map_err(|error| format!("copy \"{pattern}\": {error}"))?;
    for path in found.flatten() {
        let Some(relative) = inside(root, &path) else { continue };
        let target = to.join(&relative);
        if !path.is_file() || target.exists() {
            continue;
        }
        let failed = |error: std::io::Error| format!("{} can't be copied: {error}", relative.display());
        target.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(failed)?;
        std::fs::copy(&path, &target).map_err(failed)?;
    }
    Ok(())
}

fn inside(root: &Path, path: &Path) -> Option<PathBuf> {
    let real = path.canonicalize().ok()?;
    real.starts_with(root.canonicalize().ok()?).then(|| path.strip_prefix(root).map(Path::to_owned).ok())?
}

fn run(line: &str, worktree: &Worktree, limit: Duration) -> Result<(), String> {
    let path = worktree.git_dir.join("loopmon-setup.log");
    let failed = |error: std::io::Error| format!("setup `{line}` can't be run: {error}");
    let log = File::create(&path).map_err(failed)?;
    let mut child = Command::new("sh")
        .args(["-c", line])
        .current_dir(&worktree.path)
        .env_clear()
        .envs(agents::gate_environment(&environment::of_this_process(), &[]))
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let deadline = Instant::now() + limit;
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break Some(status),
            None if Instant::now() > deadline => {
                i32::try_from(child.id())
                    .ok()
                    .and_then(Pid::from_raw)
                    .map(|pid| kill_process_group(pid, Signal::KILL));
                let _reaped = child.wait();
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("setup `{line}` failed ({status}): {}", tail(&path))),
        None => Err(format!("setup `{line}` did not end within {} s: {}", limit.as_secs(), tail(&path))),
    }
}

fn tail(path: &Path) -> String {
    let text =
        std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(TOLD)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worktree(dir: &Path) -> Worktree {
        let (path, git_dir) = (dir.join("tree"), dir.join("git"));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::create_dir_all(&git_dir).unwrap();
        Worktree { path, git_dir, branch: None }
    }

    #[test]
    fn files_are_copied_but_never_from_outside_or_over_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let (root, tree) = (dir.path().join("root"), worktree(dir.path()));
        std::fs::create_dir_all(root.join("conf")).unwrap();
        std::fs::write(root.join("conf/.env"), "A=1").unwrap();
        std::fs::write(root.join(".env"), "B=2").unwrap();
        std::fs::write(tree.path.join(".env"), "kept").unwrap();
        std::fs::write(dir.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink("../secret", root.join("link.env")).unwrap();
        for pattern in ["**/.env", "*.env", "../secret"] {
            copy(&root, &tree.path, pattern).unwrap();
        }
        assert_eq!(std::fs::read_to_string(tree.path.join("conf/.env")).unwrap(), "A=1");
        assert_eq!(std::fs::read_to_string(tree.path.join(".env")).unwrap(), "kept");
        assert!(!tree.path.join("link.env").exists() && !tree.path.join("../secret").join("x").exists());
    }

    #[test]
    fn a_failing_or_endless_setup_is_told_with_its_last_words() {
        let dir = tempfile::tempdir().unwrap();
        let tree = worktree(dir.path());
        run("echo fine", &tree, Duration::from_secs(20)).unwrap();
        let failed = run("echo no room; exit 3", &tree, Duration::from_secs(20)).unwrap_err();
        assert!(failed.contains("no room") && failed.contains('3'), "{failed}");
        let endless = run("echo waiting; sleep 600", &tree, Duration::from_millis(300)).unwrap_err();
        assert!(endless.contains("did not end"), "{endless}");
    }
}
