//! The repository's own configuration, watched for what an agent could plant there.
//!
//! Not for reading settings of loopmon. Invariant: entries that change in daily use and cannot make git run anything
//! (`branch.*`, remotes' addresses, the user's name) don't count; everything else does.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use sha2::{Digest, Sha256};

use super::{GitError, Repository};

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
        *self.inner.trusted.lock().unwrap_or_else(PoisonError::into_inner) = entries;
        Ok(trusted)
    }

    /// Fails with [`GitError::ConfigChanged`] if the configuration is not the trusted one. Calls that could run
    /// filters or merge drivers make this check by themselves.
    pub fn check_config(&self) -> Result<(), GitError> {
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
