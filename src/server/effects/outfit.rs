//! A task's worktree, there and usable whenever something is to be done in it: made, or made again if somebody took it
//! away; files that git does not hold are copied from the user's checkout.
//!
//! Not for running the project's setup lines: it says which are due.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::git::describe;
use crate::git::{GitError, Repository, Worktree};
use crate::model::SetupLine;
use crate::server::shared::Shared;

/// Written into the worktree's own git folder when it is outfitted: files copied, setup lines run.
const DONE: &str = "loopmon-setup-done";

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

/// A worktree that stands.
pub(super) struct Present {
    /// It.
    pub worktree: Worktree,
    /// The lines that have to be run in it before anybody can work there.
    pub setup: Vec<SetupLine>,
}

/// The worktree at `path` for a branch that begins at `base`, as it stands or new, with its files.
pub(super) fn present(
    shared: &Shared,
    path: &Path,
    branch: &str,
    base: &str,
) -> Result<Present, WorktreeError> {
    let worktree = shared.repository.add_worktree(path, branch, base)?;
    let setup = outfit(shared, &worktree).map_err(WorktreeError::Outfit)?;
    Ok(Present { worktree, setup })
}

/// Copies a new worktree's files; the lines that are due then.
fn outfit(shared: &Shared, worktree: &Worktree) -> Result<Vec<SetupLine>, String> {
    let project = shared.project();
    if worktree.git_dir.join(DONE).exists() {
        return Ok(Vec::new());
    }
    for pattern in &project.copy {
        if !shared.repository.is_workspace() {
            copy(&shared.places.root, &worktree.path, pattern)?;
        }
        for member in shared.repository.members() {
            if let Some(pattern) = within(&member.name, pattern) {
                copy(member.repository.root(), &worktree.path.join(&member.name), pattern)?;
            }
        }
    }
    if project.setup.is_empty() {
        mark(worktree)?;
    }
    Ok(project.setup.clone())
}

/// Notes that every line was run in the worktree at `path`.
pub(super) fn mark_done(repository: &Repository, path: &Path) -> Result<(), String> {
    let worktree = repository.open_worktree(path).map_err(|error| describe(&error))?;
    mark(&worktree)
}

fn mark(worktree: &Worktree) -> Result<(), String> {
    let done = worktree.git_dir.join(DONE);
    File::create(&done).map(drop).map_err(|error| format!("{} can't be written: {error}", done.display()))
}

/// A pattern of a workspace as it holds inside of one of its repositories, if it does.
fn within<'a>(name: &str, pattern: &'a str) -> Option<&'a str> {
    match pattern.split_once('/') {
        Some(("**", _)) => Some(pattern),
        Some((first, rest)) if first == "*" || first == name => Some(rest),
        _ => None,
    }
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
    fn a_pattern_of_a_workspace_holds_in_the_repositories_that_it_names() {
        assert_eq!(within("api", "api/conf/.env"), Some("conf/.env"));
        assert_eq!(within("api", "*/.env"), Some(".env"));
        assert_eq!(within("api", "**/.env"), Some("**/.env"));
        assert_eq!((within("api", "web/.env"), within("api", ".env")), (None, None));
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
}
