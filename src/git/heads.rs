//! What checkouts stand on and where branches are, read from the files that say it.
//!
//! Not for moving anything. Invariant: what these files don't say for certain (refs that are not kept
//! in files, a link, something half written) is no answer, and git is asked.

use std::path::Path;

use super::{Repository, parse_oid};

/// What a checkout stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stand {
    /// The full ref of a branch, which may not exist yet.
    Branch(String),
    /// A commit without a branch.
    Commit,
}

/// What the checkout of this git folder stands on, if that is certain.
pub(super) fn stand(git_dir: &Path) -> Option<Stand> {
    let path = git_dir.join("HEAD");
    path.symlink_metadata().ok().filter(|meta| meta.is_file() && meta.len() < 4096)?;
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.strip_suffix('\n')?;
    match line.strip_prefix("ref: ") {
        // Where refs are kept in tables this file is a dummy.
        Some("refs/heads/.invalid") => None,
        Some(full) => full.starts_with("refs/").then(|| Stand::Branch(full.to_owned())),
        None => parse_oid(line).ok().map(|_| Stand::Commit),
    }
}

/// The value of a ref that has a file of its own, if that is certain. (One that has none may be among the packed ones.)
pub(super) fn loose_ref(common_dir: &Path, full: &str) -> Option<String> {
    let path = common_dir.join(full);
    path.symlink_metadata().ok().filter(|meta| meta.is_file() && meta.len() < 4096)?;
    let text = std::fs::read_to_string(path).ok()?;
    parse_oid(text.strip_suffix('\n')?).ok()
}

/// Whether a ref's file holds the name of another, or may.
fn is_symbolic(common_dir: &Path, full: &str) -> bool {
    match std::fs::read(common_dir.join(full)) {
        Ok(content) => content.starts_with(b"ref:"),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

impl Repository {
    /// Whether no checkout stands on this ref, for certain; if this is false git has to be asked.
    pub(super) fn stands_nowhere(&self, full: &str) -> bool {
        let elsewhere = |git_dir: &Path| match stand(git_dir) {
            // A ref that is another's name may lead there all the same.
            Some(Stand::Branch(branch)) => branch != full && !is_symbolic(self.common_dir(), &branch),
            Some(Stand::Commit) => true,
            None => false,
        };
        let linked = self.admin_folders();
        !self.keeps_refs_in_tables()
            && elsewhere(self.common_dir())
            && linked.is_ok_and(|folders| folders.iter().all(|folder| elsewhere(folder)))
    }

    /// Whether a checkout is in the middle of a rebase or a bisection, which hold branches too.
    pub(super) fn holds_branches(&self) -> bool {
        const SIGNS: [&str; 3] = ["rebase-merge", "rebase-apply", "BISECT_LOG"];
        let holds = |git_dir: &Path| SIGNS.iter().any(|sign| git_dir.join(sign).exists());
        let linked = self.admin_folders();
        holds(self.common_dir()) || linked.is_ok_and(|folders| folders.iter().any(|folder| holds(folder)))
    }

    /// Whether refs are kept otherwise than in files.
    pub(super) fn keeps_refs_in_tables(&self) -> bool {
        self.common_dir().join("reftable").exists()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_is_an_answer() {
        let dir = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            std::fs::write(dir.path().join("HEAD"), text).unwrap();
            stand(dir.path())
        };
        let main = Stand::Branch("refs/heads/main".to_owned());
        assert_eq!(read("ref: refs/heads/main\n"), Some(main));
        assert_eq!(read(&format!("{}\n", "a1".repeat(20))), Some(Stand::Commit));
        for unclear in ["", "ref: refs/heads/ma", "ref: refs/heads/.invalid\n", "ref: HEAD\n", "a1b2\n"] {
            assert_eq!(read(unclear), None, "{unclear:?}");
        }
        std::fs::remove_file(dir.path().join("HEAD")).unwrap();
        std::os::unix::fs::symlink("refs/heads/main", dir.path().join("HEAD")).unwrap();
        assert_eq!(stand(dir.path()), None);
    }

    #[test]
    fn a_ref_in_a_file_is_read_and_any_other_is_left_to_git() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("refs/heads")).unwrap();
        let oid = "a1".repeat(20);
        for (text, value) in [
            (format!("{oid}\n"), Some(oid.clone())),
            (oid.clone(), None),
            ("ref: refs/heads/other\n".to_owned(), None),
            (String::new(), None),
        ] {
            std::fs::write(dir.path().join("refs/heads/x"), text).unwrap();
            assert_eq!(loose_ref(dir.path(), "refs/heads/x"), value);
        }
        assert_eq!(loose_ref(dir.path(), "refs/heads/y"), None);
    }
}
