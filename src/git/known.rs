//! Facts that can't change, kept so that git is not asked twice: the tree of a commit, from which others one descends,
//! how two merge.
//!
//! Not for refs, files or settings, which others change. Invariant: forgetting any of it changes no answer; it is bounded.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::config::Checked;

/// Facts of one kind that are kept; then they are collected anew.
const LIMIT: usize = 4096;
/// How long the person's name is taken for the same: it may stand in settings that are not looked at.
const NAME_AGE: Duration = Duration::from_secs(60);

/// What is known.
#[derive(Debug, Default)]
pub(super) struct Known {
    facts: Mutex<Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    trees: HashMap<String, String>,
    descents: HashMap<(String, String), ()>,
    merges: HashMap<(String, String), String>,
    name: Option<(Instant, Checked, Name)>,
}

/// A name and an address.
pub(super) type Name = (String, String);

impl Known {
    /// The tree of a commit, which is an object id.
    pub fn tree(&self, commit: &str) -> Option<String> {
        self.lock().trees.get(commit).cloned()
    }

    /// Whether one commit is known to be an ancestor of another.
    pub fn descends(&self, ancestor: &str, commit: &str) -> bool {
        self.lock().descents.contains_key(&pair(ancestor, commit))
    }

    /// The tree that two commits merge to without a conflict.
    pub fn merge(&self, ours: &str, theirs: &str) -> Option<String> {
        self.lock().merges.get(&pair(ours, theirs)).cloned()
    }

    /// The name of who commits, if that was asked for lately with these settings of the repository.
    pub fn name(&self, settings: &Checked) -> Option<Name> {
        let facts = self.lock();
        let (since, known, name) = facts.name.as_ref()?;
        (since.elapsed() < NAME_AGE && known == settings).then(|| name.clone())
    }

    pub fn learn_tree(&self, commit: &str, tree: &str) {
        keep(&mut self.lock().trees, commit.to_owned(), tree.to_owned());
    }

    pub fn learn_descent(&self, ancestor: &str, commit: &str) {
        keep(&mut self.lock().descents, pair(ancestor, commit), ());
    }

    pub fn learn_merge(&self, ours: &str, theirs: &str, tree: &str) {
        keep(&mut self.lock().merges, pair(ours, theirs), tree.to_owned());
    }

    pub fn learn_name(&self, settings: Checked, name: &Name) {
        self.lock().name = Some((Instant::now(), settings, name.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pair(one: &str, other: &str) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

fn keep<K: Eq + Hash, V>(facts: &mut HashMap<K, V>, key: K, value: V) {
    if facts.len() >= LIMIT {
        facts.clear();
    }
    facts.insert(key, value);
}
