//! Several repositories worked on as one.
//!
//! A workspace is a bare repository of loopmon's own, whose commits hold one folder for each of the repositories; it has
//! their objects by alternates. A state of all of them is one commit, so work on several is merged by one
//! compare-and-swap: in all or in none. What is merged is then told to each repository as commits of its own
//! (`projection`), on branches of the same name.
//!
//! Not for deciding what is merged. Invariant: a branch of a member moves only after the workspace's has, to what that
//! says; a move that was broken off is finished by the next call.

mod landing;
mod member;
mod moves;
mod projection;
mod store;
mod work;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::worktree::io;
use super::{Customs, Dirtiness, Git, GitError, Head, OpenError, Repository, parse_oid};

pub use member::Member;

/// Where the workspace keeps which commit of a member a state of its own was made of.
const OF: &str = "refs/loopmon/of";
/// Commits of the workspace that were made of members' commits, not of work. In a member refs of the same names keep the
/// commits that they were made of.
const STATES: &str = "refs/loopmon/state";

/// What a repository knows as a workspace.
#[derive(Debug, Default)]
pub(super) struct Roof {
    members: Vec<Member>,
    /// Commits of members, by member and commit of the workspace: what was found out once.
    known: Mutex<BTreeMap<(usize, String), String>>,
    /// The folders of commits, which can't change.
    folders: Mutex<BTreeMap<String, Folders>>,
    /// What decides which files count, as it was when it was last made.
    rules: Mutex<Vec<Option<Vec<u8>>>>,
}

/// The trees of a commit's folders, by name; none of what is no folder.
type Folders = Arc<BTreeMap<String, Option<String>>>;

/// Commits whose folders are kept; then they are collected anew.
const FOLDERS: usize = 4096;

impl Repository {
    /// The workspace of these repositories. `root` is the folder that it is worked from, `home` where its own store is,
    /// which is made if it isn't there. Fails if two of them are the same, or keep objects in different formats.
    pub fn workspace(git: Git, root: &Path, home: &Path, members: Vec<Member>) -> Result<Self, OpenError> {
        member::check(&members)?;
        let root = root.canonicalize().map_err(io("resolve", root))?;
        // Those who only look must not change what a server works with.
        if !home.join("HEAD").exists() {
            store::furnish(&git, home, &members)?;
        }
        let home = home.canonicalize().map_err(io("resolve", home))?;
        let rules = Mutex::new(store::rules(&home));
        let roof = Roof { members, rules, ..Roof::default() };
        let workspace = Repository::assembled(git, root, home, roof);
        workspace.trust_config()?;
        Ok(workspace)
    }

    /// Takes up what has changed in the members' own settings. Before a run begins, never during one.
    pub fn refresh(&self) -> Result<(), OpenError> {
        if self.is_workspace() {
            store::furnish(&self.inner.git, self.common_dir(), self.members())?;
            let mut rules = self.inner.roof.rules.lock().unwrap_or_else(PoisonError::into_inner);
            *rules = store::rules(self.common_dir());
        }
        for member in self.members() {
            member.repository.trust_config()?;
        }
        self.trust_config()?;
        Ok(())
    }

    /// The repositories of a workspace; none for an ordinary one.
    pub fn members(&self) -> &[Member] {
        &self.inner.roof.members
    }

    /// Whether it stands for several.
    pub fn is_workspace(&self) -> bool {
        !self.members().is_empty()
    }

    /// What the members' checkouts stand on. The branch is one name if it is the same in all, else `name:branch` of each.
    pub(super) fn heads(&self) -> Result<Head, GitError> {
        let (mut tips, mut branches) = (Vec::new(), Vec::new());
        for member in self.members() {
            let head = member.repository.head()?;
            tips.push(head.oid().to_owned());
            if let Head::Branch { name, .. } = head {
                branches.push((member.name.as_str(), name));
            }
        }
        let oid = self.state(&tips)?;
        if branches.len() < tips.len() {
            return Ok(Head::Detached { oid });
        }
        Ok(Head::Branch { name: landing::join(&branches), oid })
    }

    /// The commit of the workspace in which each member is at the named commit. The same ones give the same commit.
    pub(super) fn state(&self, tips: &[String]) -> Result<String, GitError> {
        let (mut entries, mut parents, mut text) = (Vec::new(), Vec::new(), String::new());
        let mut date = 0;
        for (member, tip) in self.members().iter().zip(tips) {
            let tree = self.tree_of(tip)?;
            entries.extend(format!("040000 tree {tree}\t{}", member.name).into_bytes());
            entries.push(0);
            text.push_str(&format!("{} {tip}\n", member.name));
            date = date.max(member.date_of(tip)?);
            if !parents.contains(&tip.as_str()) {
                parents.push(tip);
            }
        }
        let tree = parse_oid(&self.call("mktree").arg("-z").input(entries).text()?)?;
        let message = format!("The repositories as they stand\n\n{text}");
        let state = self.commit_tree(&tree, &parents, &message, Some(date))?;
        for (place, (member, tip)) in self.members().iter().zip(tips).enumerate() {
            member.keep(&format!("{STATES}/{state}"), tip)?;
            self.remember(place, &state, tip)?;
        }
        self.pin(&format!("{STATES}/{state}"), &state)?;
        Ok(state)
    }

    /// What is uncommitted in the members' checkouts, each path below its member's name.
    pub(super) fn dirt_of_members(&self) -> Result<Dirtiness, GitError> {
        let mut all = Dirtiness::default();
        for member in self.members() {
            let dirt = member.repository.dirtiness()?;
            let below = |path: PathBuf| Path::new(&member.name).join(path);
            all.tracked.extend(dirt.tracked.into_iter().map(below));
            all.untracked.extend(dirt.untracked.into_iter().map(below));
            all.operation = all.operation.or(dirt.operation);
        }
        Ok(all)
    }

    /// The members' hooks and submodules.
    pub(super) fn customs_of_members(&self) -> Result<Customs, GitError> {
        let mut all = Customs { of_several: true, ..Customs::default() };
        for member in self.members() {
            let customs = member.repository.customs("HEAD")?;
            let named = |hook: String| format!("{}/{hook}", member.name);
            all.hooks.extend(customs.hooks.into_iter().map(named));
            let below = |path: PathBuf| Path::new(&member.name).join(path);
            all.submodules.extend(customs.submodules.into_iter().map(below));
        }
        Ok(all)
    }

    /// Whether a branch of that name is there, in the workspace or in a member.
    pub fn has_branch(&self, name: &str) -> Result<bool, GitError> {
        let mut all = std::iter::once(self).chain(self.members().iter().map(|member| &member.repository));
        all.try_fold(false, |found, repository| Ok(found || repository.branch_tip(name)?.is_some()))
    }

    /// The names of the members in which two commits of the workspace differ; of an ordinary repository none.
    pub fn touched(&self, base: &str, tip: &str) -> Result<Vec<String>, GitError> {
        if !self.is_workspace() {
            return Ok(Vec::new());
        }
        let listed = self.call("diff-tree").args(["-z", "--name-only", "--no-renames", base, tip]).text()?;
        let names: Vec<&str> = listed.split('\0').collect();
        let changed = self.members().iter().filter(|member| names.contains(&member.name.as_str()));
        Ok(changed.map(|member| member.name.clone()).collect())
    }

    /// Fails if the files that decide which files count are not those that were made of the members'.
    pub(super) fn check_rules(&self) -> Result<(), GitError> {
        if !self.is_workspace() {
            return Ok(());
        }
        let rules = self.inner.roof.rules.lock().unwrap_or_else(PoisonError::into_inner);
        match *rules == store::rules(self.common_dir()) {
            true => Ok(()),
            false => {
                Err(GitError::ConfigChanged { keys: vec!["info/exclude or info/attributes".to_owned()] })
            }
        }
    }

    /// What stands at the top of a tree: the folders with their trees, and what is none.
    fn folders(&self, tree: &str) -> Result<Folders, GitError> {
        let known = self.inner.roof.folders.lock().unwrap_or_else(PoisonError::into_inner).get(tree).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let listed = self.call("ls-tree").args(["-z", tree]).text()?;
        let mut folders = BTreeMap::new();
        for entry in listed.split('\0').filter(|entry| !entry.is_empty()) {
            let (facts, name) = entry.split_once('\t').unwrap_or((entry, ""));
            let oid = facts.strip_prefix("040000 tree ").map(parse_oid).transpose()?;
            folders.insert(name.to_owned(), oid);
        }
        let folders = Arc::new(folders);
        if parse_oid(tree).is_ok() {
            let mut known = self.inner.roof.folders.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= FOLDERS {
                known.clear();
            }
            known.insert(tree.to_owned(), Arc::clone(&folders));
        }
        Ok(folders)
    }

    /// Fails if a run that began at this commit is not one of just these members.
    pub fn check_members_of(&self, base: &str) -> Result<(), GitError> {
        if !self.is_workspace() {
            return Ok(());
        }
        self.check_members_only(base).map_err(|error| match error {
            GitError::NoFolder { name } => GitError::NotInRun { name },
            other => other,
        })
    }

    /// Notes which commit of a member a state stands for.
    fn remember(&self, place: usize, commit: &str, of: &str) -> Result<(), GitError> {
        let Some(member) = self.members().get(place) else { return Ok(()) };
        self.pin(&format!("{OF}/{}/{commit}", member.name), of)?;
        self.learn(place, commit, of);
        Ok(())
    }

    fn learn(&self, place: usize, commit: &str, of: &str) {
        let mut known = self.inner.roof.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((place, commit.to_owned()), of.to_owned());
    }

    fn recall(&self, place: usize, commit: &str) -> Option<String> {
        let known = self.inner.roof.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(place, commit.to_owned())).cloned()
    }

    /// A ref of loopmon's own that never moves.
    pub(super) fn pin(&self, name: &str, oid: &str) -> Result<(), GitError> {
        if self.ref_value(name)?.as_deref() != Some(oid) {
            self.call("update-ref").args([name, oid]).run()?;
        }
        Ok(())
    }
}
