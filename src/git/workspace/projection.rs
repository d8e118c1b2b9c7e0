//! Commits of a workspace as commits of one of its members.
//!
//! Not for moving branches. Invariant: the same commit always gives the same one, for everything in it (author, dates,
//! words) comes from there; a commit that changes nothing of a member stands for the member's commit before it.

use super::super::{GitError, Repository, parse_oid};
use super::{OF, STATES};

/// Looks that are taken for one answer, two for a commit. A long run's merges are gone through once after a restart; what is
/// none of a run's was refused when it was committed.
const LIMIT: usize = 100_000;

/// What of a commit goes into a member's.
struct Facts {
    parents: Vec<String>,
    /// The lines from the author to the blank one.
    headers: Vec<u8>,
    message: Vec<u8>,
}

impl Repository {
    /// The member's commit that a commit of the workspace stands for. It is in the workspace's store, if not in the member's.
    pub(super) fn project(&self, place: usize, commit: &str) -> Result<String, GitError> {
        let mut waiting = vec![parse_oid(commit)?];
        let mut steps = 0;
        while let Some(next) = waiting.last().cloned() {
            steps += 1;
            if steps > LIMIT {
                let what = format!("{commit} has too many commits that no run of this workspace made");
                return Err(GitError::Output { command: "projection".to_owned(), what });
            }
            if self.projected(place, &next)?.is_some() {
                waiting.pop();
                continue;
            }
            let mut facts = self.facts(&next)?;
            // What changes nothing of the member stands for what was there before, whatever else it merged.
            if let Some(first) = facts.parents.first()
                && self.folder(place, first)? == self.folder(place, &next)?
            {
                facts.parents.truncate(1);
            }
            let mut missing = Vec::new();
            for parent in &facts.parents {
                if self.projected(place, parent)?.is_none() {
                    missing.push(parent.clone());
                }
            }
            if missing.is_empty() {
                let made = self.make_projection(place, &next, &facts)?;
                self.learn(place, &next, &made);
                waiting.pop();
            }
            waiting.extend(missing);
        }
        let unknown = || GitError::NoSuchRevision { rev: commit.to_owned() };
        self.projected(place, commit)?.ok_or_else(unknown)
    }

    /// The same where it is known already.
    fn projected(&self, place: usize, commit: &str) -> Result<Option<String>, GitError> {
        if let Some(known) = self.recall(place, commit) {
            return Ok(Some(known));
        }
        let Some(member) = self.members().get(place) else { return Ok(None) };
        // Only of states: what work stands for is always the same, and made anew where it is not known.
        if self.ref_value(&format!("{STATES}/{commit}"))?.is_none() {
            return Ok(None);
        }
        match self.ref_value(&format!("{OF}/{}/{commit}", member.name))? {
            Some(kept) if self.is_of(place, commit, &kept)? => {
                self.learn(place, commit, &kept);
                Ok(Some(kept))
            }
            _ => Err(GitError::NotInRun { name: member.name.clone() }),
        }
    }

    fn make_projection(&self, place: usize, commit: &str, facts: &Facts) -> Result<String, GitError> {
        let tree = match self.folder(place, commit)? {
            Some(tree) => tree,
            None => parse_oid(&self.call("mktree").input(Vec::new()).text()?)?,
        };
        let mut parents: Vec<String> = Vec::new();
        for parent in &facts.parents {
            let Some(parent) = self.projected(place, parent)? else { continue };
            // What the first has already was not brought by this commit.
            let is_held = match parents.first() {
                Some(first) => self.is_ancestor(&parent, first)? || parents.contains(&parent),
                None => false,
            };
            if !is_held {
                parents.push(parent);
            }
        }
        if let [only] = &parents[..]
            && self.tree_of(only)? == tree
        {
            return Ok(only.clone());
        }
        let mut object = format!("tree {tree}\n").into_bytes();
        for parent in &parents {
            object.extend(format!("parent {parent}\n").into_bytes());
        }
        object.extend(&facts.headers);
        object.push(b'\n');
        object.extend(&facts.message);
        parse_oid(&self.call("hash-object").args(["-t", "commit", "-w", "--stdin"]).input(object).text()?)
    }

    /// The member's folder in a commit, if there is one.
    pub(super) fn folder(&self, place: usize, commit: &str) -> Result<Option<String>, GitError> {
        let folders = self.folders(commit)?;
        let member = self.members().get(place);
        Ok(member.and_then(|member| folders.get(&member.name)).cloned().flatten())
    }

    /// Whether a commit has the files of the member's folder in one of the workspace's: agents can write refs too.
    fn is_of(&self, place: usize, commit: &str, kept: &str) -> Result<bool, GitError> {
        let Some(kept) = self.look_up(kept)? else { return Ok(false) };
        Ok(self.folder(place, commit)? == Some(self.tree_of(&kept)?))
    }

    fn facts(&self, commit: &str) -> Result<Facts, GitError> {
        let raw = self.call("cat-file").args(["commit", commit]).run()?.stdout;
        let end = raw.windows(2).position(|pair| pair == b"\n\n").map_or(raw.len(), |end| end + 1);
        let (head, rest) = raw.split_at(end);
        let mut facts = Facts {
            parents: Vec::new(),
            headers: Vec::new(),
            message: rest.get(1..).unwrap_or_default().to_vec(),
        };
        for line in head.split_inclusive(|byte| *byte == b'\n') {
            let text = String::from_utf8_lossy(line);
            if let Some(parent) = text.strip_prefix("parent ") {
                facts.parents.push(parse_oid(parent)?);
            } else if ["author ", "committer ", "encoding "].iter().any(|key| text.starts_with(key)) {
                facts.headers.extend(line);
            }
            // A signature is of the whole commit, and proves nothing of a part of it.
        }
        Ok(facts)
    }
}
