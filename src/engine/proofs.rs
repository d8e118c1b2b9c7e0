//! What gates said of trees. Two commits with the same tree need one proof: a merge onto an unmoved branch has the tree of
//! the task's tip, and the next task's base is a merge that was proven.
//!
//! Invariant: only results of a tree as it is stand here, none that was got with checks from elsewhere.

use std::collections::BTreeMap;

use crate::model::{GateResult, GateSpec, Oid};

/// Results by tree and gate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    /// The trees of commits; one without is taken for a tree of its own.
    trees: BTreeMap<Oid, Oid>,
    results: BTreeMap<Oid, BTreeMap<String, GateResult>>,
}

impl Proofs {
    /// A commit has that tree.
    pub(super) fn note_tree(&mut self, commit: &Oid, tree: Option<&Oid>) {
        if let Some(tree) = tree {
            self.trees.insert(commit.clone(), tree.clone());
        }
    }

    /// A gate has spoken about a commit. Its words stay with the evidence of who asked.
    pub(super) fn note(&mut self, result: &GateResult) {
        if result.checks_of.is_none() {
            let kept = GateResult { tail: String::new(), ..result.clone() };
            let of_tree = self.results.entry(self.tree(&result.oid).clone()).or_default();
            of_tree.insert(result.gate.clone(), kept);
        }
    }

    /// Whether a gate failed on the tree of a commit; none if it was not run on it.
    pub fn failed(&self, commit: &Oid, gate: &str) -> Option<bool> {
        self.results.get(self.tree(commit))?.get(gate).map(|result| !result.passed())
    }

    /// That a gate has passed on the tree of a commit, as evidence for this one.
    pub(super) fn passed(&self, commit: &Oid, gate: &GateSpec) -> Option<GateResult> {
        let result = self.results.get(self.tree(commit))?.get(&gate.name)?;
        let from = (result.oid != *commit).then(|| result.oid.clone());
        (result.passed() && !gate.always).then(|| GateResult {
            oid: commit.clone(),
            reused_from: from.or_else(|| result.reused_from.clone()),
            duration_ms: 0,
            ..result.clone()
        })
    }

    /// The gates have changed: nothing that was said before counts.
    pub(super) fn forget(&mut self) {
        self.results.clear();
    }

    fn tree<'a>(&'a self, commit: &'a Oid) -> &'a Oid {
        self.trees.get(commit).unwrap_or(commit)
    }
}
