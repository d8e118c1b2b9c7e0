//! Real edits of real files below the current folder, and the diffs that are shown of them.
//!
//! Invariant: an edit that was made already is not made twice, so that a repeated attempt ends in the same tree.

use std::fs;
use std::path::{Component, Path, PathBuf};

use thiserror::Error;

use super::conflict;

/// Why an edit was not made.
#[derive(Debug, Error)]
pub(super) enum EditError {
    #[error("leave the worktree: {0}")]
    Outside(String),
    #[error("find the text to replace in {0}")]
    NotFound(String),
    #[error("choose between several places in {0}")]
    Ambiguous(String),
    #[error("edit {path}: {source}")]
    Io { path: String, source: std::io::Error },
}

/// An edit, as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Diff {
    /// Line of the first change, from 1.
    pub(super) line: usize,
    pub(super) removed: Vec<String>,
    pub(super) added: Vec<String>,
}

pub(super) fn write(root: &Path, path: &str, text: &str) -> Result<Diff, EditError> {
    change(root, path, |_| Ok(text.to_owned()))
}

pub(super) fn append(root: &Path, path: &str, text: &str) -> Result<Diff, EditError> {
    change(root, path, |old| Ok(if old.ends_with(text) { old.to_owned() } else { format!("{old}{text}") }))
}

pub(super) fn patch(root: &Path, path: &str, find: &str, replace: &str) -> Result<Diff, EditError> {
    let made = |old: &str| {
        !replace.is_empty() && old.contains(replace) && (replace.contains(find) || !old.contains(find))
    };
    change(root, path, |old| match old.matches(find).count() {
        _ if made(old) => Ok(old.to_owned()),
        0 => Err(EditError::NotFound(path.to_owned())),
        1 => Ok(old.replacen(find, replace, 1)),
        _ => Err(EditError::Ambiguous(path.to_owned())),
    })
}

/// Resolves the conflicts of a file; none if it has no conflict.
pub(super) fn resolve(root: &Path, path: &str, with: Option<&str>) -> Result<Option<Diff>, EditError> {
    let mut count = 0;
    let diff = change(root, path, |old| {
        let (text, conflicts) = conflict::resolve(old, with);
        count = conflicts;
        Ok(text)
    })?;
    Ok((count > 0).then_some(diff))
}

pub(super) fn delete(root: &Path, path: &str) -> Result<Diff, EditError> {
    let full = inside(root, path)?;
    let old = read(&full, path)?;
    match fs::remove_file(&full) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(EditError::Io { path: path.to_owned(), source })
        }
        _ => Ok(diff(&old, "")),
    }
}

fn change(
    root: &Path,
    path: &str,
    edit: impl FnOnce(&str) -> Result<String, EditError>,
) -> Result<Diff, EditError> {
    let full = inside(root, path)?;
    let old = read(&full, path)?;
    let new = edit(&old)?;
    if new != old {
        let io = |source| EditError::Io { path: path.to_owned(), source };
        full.parent().map_or(Ok(()), fs::create_dir_all).map_err(io)?;
        fs::write(&full, &new).map_err(io)?;
    }
    Ok(diff(&old, &new))
}

fn read(full: &Path, path: &str) -> Result<String, EditError> {
    match fs::read_to_string(full) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(EditError::Io { path: path.to_owned(), source })
        }
        text => Ok(text.unwrap_or_default()),
    }
}

fn inside(root: &Path, path: &str) -> Result<PathBuf, EditError> {
    let normal =
        !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if normal { Ok(root.join(path)) } else { Err(EditError::Outside(path.to_owned())) }
}

/// What lies between the common beginning and the common end.
fn diff(old: &str, new: &str) -> Diff {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let between = |lines: &[&str]| -> Vec<String> {
        lines.get(head..lines.len() - tail).into_iter().flatten().map(|line| (*line).to_owned()).collect()
    };
    Diff { line: head + 1, removed: between(&old), added: between(&new) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_real_and_repeatable() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let text = || fs::read_to_string(root.join("a/b.txt")).unwrap();
        for _ in 0..2 {
            write(root, "a/b.txt", "one\ntwo\nthree\n").unwrap();
            for _ in 0..2 {
                patch(root, "a/b.txt", "two\n", "TWO\n2\n").unwrap();
                append(root, "a/b.txt", "end\n").unwrap();
            }
            assert_eq!(text(), "one\nTWO\n2\nthree\nend\n");
        }
        assert!(matches!(patch(root, "a/b.txt", "nowhere", "x"), Err(EditError::NotFound(_))));
        assert!(matches!(patch(root, "a/b.txt", "e", "x"), Err(EditError::Ambiguous(_))));
        assert_eq!(delete(root, "a/b.txt").unwrap().removed.len(), 5);
        assert!(!root.join("a/b.txt").exists());
        delete(root, "a/b.txt").unwrap();
    }

    #[test]
    fn nothing_outside_the_worktree_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["../x", "/etc/passwd", "a/../../x", "", "./x"] {
            assert!(matches!(write(dir.path(), path, "x"), Err(EditError::Outside(_))), "{path}");
        }
    }

    #[test]
    fn a_diff_shows_what_changed_and_where() {
        let shown = diff("a\nb\nc\n", "a\nB\nB2\nc\n");
        assert_eq!(
            shown,
            Diff { line: 2, removed: vec!["b".to_owned()], added: vec!["B".to_owned(), "B2".to_owned()] }
        );
        assert_eq!(diff("a\na\n", "a\n").removed, ["a"]);
    }
}
