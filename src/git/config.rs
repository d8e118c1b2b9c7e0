//! The repository's own configuration, watched for what an agent could plant there.
//!
//! Not for reading settings of loopmon. Invariant: entries that change in daily use and cannot make git run anything
//! (`branch.*`, remotes' addresses, the user's name) don't count; everything else does.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::PoisonError;

use sha2::{Digest, Sha256};

use super::{GitError, Repository};

/// A longer file of settings is read by git alone.
const FILE_LIMIT: u64 = 1 << 20;

/// The files that the repository's configuration is made of, byte by byte; none for one that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked([Option<Vec<u8>>; 3]);

impl Repository {
    /// A digest (SHA-256, hexadecimal) of the configuration entries that could change what git runs. A changed value
    /// between two calls means that somebody, perhaps an agent, edited `.git/config`.
    pub fn config_fingerprint(&self) -> Result<String, GitError> {
        Ok(fingerprint(&self.counted_config()?))
    }

    /// Takes the configuration as it is now for trusted, and answers its fingerprint. Opening does this once.
    pub fn trust_config(&self) -> Result<String, GitError> {
        let entries = self.counted_config()?;
        let trusted = fingerprint(&entries);
        *self.inner.checked.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.inner.trusted.lock().unwrap_or_else(PoisonError::into_inner) = entries;
        Ok(trusted)
    }

    /// Fails with [`GitError::ConfigChanged`] if the configuration is not the trusted one. Calls that could run
    /// filters or merge drivers make this check by themselves.
    pub fn check_config(&self) -> Result<(), GitError> {
        self.check_rules()?;
        let files = self.config_files();
        let checked = || self.inner.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if files.is_some() && *checked() == files {
            return Ok(());
        }
        self.check_entries()?;
        // Only what was there before and after says what git has read.
        *checked() = files.filter(|files| self.config_files().as_ref() == Some(files));
        Ok(())
    }

    fn check_entries(&self) -> Result<(), GitError> {
        let now = self.counted_config()?;
        let trusted = self.inner.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        let keys: BTreeSet<String> = now
            .symmetric_difference(&trusted)
            .map(|entry| entry.split('\n').next().unwrap_or_default().to_owned())
            .collect();
        if keys.is_empty() {
            Ok(())
        } else {
            Err(GitError::ConfigChanged { keys: keys.into_iter().collect() })
        }
    }

    /// The files as they are, if they hold all of it: the same bytes say the same. None if they include others, or can't be
    /// read as plain files.
    pub(super) fn config_files(&self) -> Option<Checked> {
        let common = self.common_dir();
        let files = [
            plain(&common.join("config"))?,
            plain(&common.join("config.worktree"))?,
            plain(&self.git_dir().join("config.worktree"))?,
        ];
        let includes = |bytes: &Vec<u8>| bytes.to_ascii_lowercase().windows(7).any(|part| part == b"include");
        (!files.iter().flatten().any(includes)).then_some(Checked(files))
    }

    /// `key\nvalue` of each counted entry of the repository's files, those they include among them.
    fn counted_config(&self) -> Result<BTreeSet<String>, GitError> {
        let output = self.call("config").args(["--list", "-z", "--show-scope", "--includes"]).run()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut fields = text.split('\0');
        let mut entries = BTreeSet::new();
        while let (Some(scope), Some(entry)) = (fields.next(), fields.next()) {
            let key = entry.split('\n').next().unwrap_or_default();
            if matches!(scope, "local" | "worktree") && !is_harmless(key) {
                entries.insert(entry.to_owned());
            }
        }
        Ok(entries)
    }
}

/// The bytes of a file, `Some(None)` if there is none; `None` if it is none to be read like this.
fn plain(path: &Path) -> Option<Option<Vec<u8>>> {
    match path.metadata() {
        Ok(meta) if meta.is_file() && meta.len() <= FILE_LIMIT => std::fs::read(path).ok().map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Some(None),
        Ok(_) | Err(_) => None,
    }
}

fn fingerprint(entries: &BTreeSet<String>) -> String {
    let mut digest = Sha256::new();
    for entry in entries {
        digest.update(entry.len().to_le_bytes());
        digest.update(entry.as_bytes());
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_harmless(key: &str) -> bool {
    let (section, rest) = key.split_once('.').unwrap_or((key, ""));
    let last = rest.rsplit('.').next().unwrap_or_default();
    match section {
        "branch" => true,
        "user" => matches!(rest, "name" | "email"),
        "remote" => matches!(last, "url" | "pushurl" | "fetch"),
        "submodule" => matches!(last, "url" | "active"),
        "lfs" => matches!(last, "access" | "repositoryformatversion"),
        _ => false,
    }
}
