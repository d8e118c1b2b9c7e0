//! One repository of a workspace.
//!
//! Not for what the workspace makes of it. Invariant: its name is the name of its folder in the workspace's commits.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::super::{Git, GitError, OpenError, Repository, parse_oid};

/// A repository under its name in a workspace.
#[derive(Debug, Clone)]
pub struct Member {
    /// The name of its folder.
    pub name: String,
    /// It.
    pub repository: Repository,
    /// How it names objects: "sha1" or "sha256".
    pub(super) format: String,
}

impl Member {
    /// Opens the repository whose top is `path`.
    pub fn open(git: Git, name: &str, path: &Path) -> Result<Self, OpenError> {
        let wrong = |problem: String| OpenError::Member { name: name.to_owned(), problem };
        let repository = Repository::discover_with(git, path).map_err(|error| match error.hint() {
            Some(hint) => wrong(format!("{error}; {hint}")),
            None => wrong(error.to_string()),
        })?;
        let top = repository.root().canonicalize().unwrap_or_else(|_| repository.root().to_owned());
        if path.canonicalize().ok().as_ref() != Some(&top) {
            return Err(wrong(format!(
                "{} is inside the repository {}: name its top",
                path.display(),
                top.display()
            )));
        }
        let member = Member { name: name.to_owned(), repository, format: String::new() };
        if member.repository.common_dir().as_os_str().as_bytes().contains(&b'\n') {
            return Err(wrong("there is a line break in its path, which git can't borrow from".to_owned()));
        }
        let is_promised = |(key, value): (&String, &String)| {
            key == "extensions.partialclone" || (key.ends_with(".promisor") && value == "true")
        };
        if member.own_settings()?.iter().any(is_promised) {
            return Err(wrong(
                "it is a partial clone, whose missing files only its own git can fetch: clone it whole"
                    .to_owned(),
            ));
        }
        let format = member.repository.call("rev-parse").arg("--show-object-format").text()?;
        Ok(Member { format: format.trim().to_owned(), ..member })
    }

    /// Seconds since 1970 at which a commit was made.
    pub(super) fn date_of(&self, commit: &str) -> Result<i64, GitError> {
        let call = self.repository.call("show").args(["-s", "--no-color", "--format=%ct", commit]);
        Ok(call.text()?.trim().parse().unwrap_or(0))
    }

    /// The tip of one of its branches.
    pub(super) fn tip(&self, branch: &str) -> Result<String, GitError> {
        let named = |source| GitError::InMember { name: self.name.clone(), source: Box::new(source) };
        self.repository.tip_of(branch).map_err(named)
    }

    /// Keeps a commit by a ref that never moves.
    pub(super) fn keep(&self, name: &str, commit: &str) -> Result<(), GitError> {
        self.repository.pin(name, commit)
    }

    /// The settings of its own files; of a key that is there several times the last.
    pub(super) fn own_settings(&self) -> Result<BTreeMap<String, String>, GitError> {
        let listed = self.repository.call("config").args(["--local", "--list", "--includes", "-z"]).text()?;
        let entries = listed.split('\0').filter(|entry| !entry.is_empty());
        let pair = |entry: &str| match entry.split_once('\n') {
            Some((key, value)) => (key.to_owned(), value.to_owned()),
            None => (entry.to_owned(), "true".to_owned()),
        };
        Ok(entries.map(pair).collect())
    }

    /// Brings a commit of the workspace's store, with all that belongs to it, into this repository.
    pub(super) fn take(&self, from: &Path, commit: &str) -> Result<(), GitError> {
        let commit = parse_oid(commit)?;
        // Whether all of it is there already git finds out by itself: that the commit is would not say that its files are.
        let fetch = self.repository.call("fetch").setting("protocol.file.allow=always");
        let args =
            ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-gc"];
        fetch.args(args).arg("--end-of-options").arg(from).arg(commit).run()?;
        Ok(())
    }
}

/// What is wrong with a list of members.
pub(super) fn check(members: &[Member]) -> Result<(), OpenError> {
    for (place, member) in members.iter().enumerate() {
        let wrong = |problem: String| Err(OpenError::Member { name: member.name.clone(), problem });
        let store = |member: &Member| -> PathBuf {
            let dir = member.repository.common_dir();
            dir.canonicalize().unwrap_or_else(|_| dir.to_owned())
        };
        for other in members.iter().take(place) {
            if other.name == member.name || store(other) == store(member) {
                return wrong(format!("it is the same repository as {}", other.name));
            }
            if other.format != member.format {
                let (one, two) = (&other.format, &member.format);
                return wrong(format!("it names objects by {two}, and {} by {one}", other.name));
            }
        }
    }
    Ok(())
}
