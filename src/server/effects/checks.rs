//! Checks in commits and checkouts: what a commit changed of them, and the earlier ones put back for a gate.

use std::path::{Path, PathBuf};

use crate::git::{GitError, Graft, NameStatus, Repository, Worktree};
use crate::guard::{self, Touched};
use crate::model::{CheckChange, ChecksOf, Guard, HowChanged};

/// Stands for what was not looked at.
const TOO_LONG: &str = "more than 64 MiB of changes, not all of them looked at";
/// Longest manifest that is read (1 MiB).
const MANIFEST_LIMIT: usize = 1 << 20;

/// Whether two commits can differ in checks.
pub(super) fn may_differ(guard: &Guard, base: &str, tip: &str) -> bool {
    base != tip && *guard != Guard::default()
}

/// The checks in which two commits differ, by the names and lines in which they do.
pub(super) fn changed(
    repository: &Repository,
    guard: &Guard,
    base: &str,
    tip: &str,
    names: Vec<NameStatus>,
    lines: (String, bool),
) -> Result<Vec<CheckChange>, GitError> {
    let mut files = Vec::new();
    let mut unnamed = Vec::new();
    for change in names {
        let path = change.path.to_string_lossy().into_owned();
        if change.path.to_str().is_none() {
            unnamed.push(path.clone());
        }
        let texts = match (change.before, change.after, guard::is_manifest(&path)) {
            (true, true, true) => {
                let text = |rev| manifest(repository, rev, &change.path);
                Some((text(base)?, text(tip)?))
            }
            _ => None,
        };
        files.push(Touched { path, before: change.before, after: change.after, texts });
    }
    let (lines, is_whole) = lines;
    let mut changes = guard::changes(guard, &files, &lines);
    for change in changes.iter_mut().filter(|change| unnamed.contains(&change.path)) {
        // Its name is no text, so it can't be put back by its name: a person looks.
        (change.how, change.allowed) = (HowChanged::Weakened, false);
    }
    if !is_whole {
        changes.push(CheckChange { path: TOO_LONG.to_owned(), how: HowChanged::Weakened, allowed: false });
    }
    Ok(changes)
}

fn manifest(repository: &Repository, rev: &str, path: &Path) -> Result<String, GitError> {
    let bytes = repository.read_file(rev, path, MANIFEST_LIMIT)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Puts a checkout to a commit with the checks of an earlier one: those that were changed or taken away are there again,
/// those that were added are gone, and of manifests the scripts are the earlier ones.
pub(super) fn put_back(
    repository: &Repository,
    checkout: &Worktree,
    commit: &str,
    from: &ChecksOf,
) -> Result<(), GitError> {
    let mut grafts = Vec::new();
    for change in &from.changes {
        let path = PathBuf::from(&change.path);
        match change.how {
            HowChanged::Changed | HowChanged::Extended | HowChanged::Removed => {
                grafts.push(Graft::Taken(path))
            }
            HowChanged::Added => grafts.push(Graft::Dropped(path)),
            HowChanged::Scripts => {
                let of = manifest(repository, from.at.as_str(), &path)?;
                let into = manifest(repository, commit, &path)?;
                // One that can't be read as a manifest is taken whole.
                grafts.push(match guard::with_scripts_of(&change.path, &of, &into) {
                    Some(text) => Graft::Written(path, text.into_bytes()),
                    None => Graft::Taken(path),
                });
            }
            HowChanged::Weakened => {}
        }
    }
    repository.check_out_grafted(checkout, commit, from.at.as_str(), &grafts)
}
