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

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::worktree::{ensure_content, io};
use super::{Customs, Dirtiness, Git, GitError, Head, OpenError, Repository, parse_oid};

pub use member::Member;

/// Where the workspace keeps which commit of a member a commit of its own stands for.
const OF: &str = "refs/loopmon/of";
/// Commits of the workspace that were made of members' commits, not of work.
const STATES: &str = "refs/loopmon/state";
/// In a member: keeps the commits that states of the workspace are made of.
const KEPT: &str = "refs/loopmon/state";

/// What a repository knows as a workspace.
#[derive(Debug, Default)]
pub(super) struct Roof {
    members: Vec<Member>,
    /// Commits of members, by member and commit of the workspace: what was found out once.
    known: Mutex<BTreeMap<(usize, String), String>>,
}

impl Repository {
    /// The workspace of these repositories. `root` is the folder that it is worked from, `home` where its own store is,
    /// which is made if it isn't there. Fails if two of them are the same, or keep objects in different formats.
    pub fn workspace(git: Git, root: &Path, home: &Path, members: Vec<Member>) -> Result<Self, OpenError> {
        member::check(&members)?;
        let root = root.canonicalize().map_err(io("resolve", root))?;
        furnish(&git, home, &members)?;
        let home = home.canonicalize().map_err(io("resolve", home))?;
        let roof = Roof { members, known: Mutex::default() };
        let workspace = Repository::assembled(git, root, home, roof);
        workspace.trust_config()?;
        Ok(workspace)
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
            // What lies behind the end of a shallow history can't be asked for, so none of it is promised.
            if !member.is_shallow() && !parents.contains(&tip.as_str()) {
                parents.push(tip);
            }
        }
        let tree = parse_oid(&self.call("mktree").arg("-z").input(entries).text()?)?;
        let message = format!("The repositories as they stand\n\n{text}");
        let state = self.commit_tree(&tree, &parents, &message, Some(date))?;
        for (place, (member, tip)) in self.members().iter().zip(tips).enumerate() {
            member.keep(&format!("{KEPT}/{state}"), tip)?;
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

    /// Fails if a tree of the workspace holds anything beside its members: nobody would get that.
    pub(super) fn check_members_only(&self, tree: &str) -> Result<(), GitError> {
        if !self.is_workspace() {
            return Ok(());
        }
        let listed = self.call("ls-tree").args(["-z", "--name-only", tree]).text()?;
        let is_foreign = |name: &&str| self.members().iter().all(|member| member.name != *name);
        match listed.split('\0').filter(|name| !name.is_empty()).find(is_foreign) {
            Some(name) => Err(GitError::OutsideMembers { path: PathBuf::from(name) }),
            None => Ok(()),
        }
    }

    /// Notes which commit of a member one of the workspace's stands for.
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

/// Makes the workspace's own store, or brings it up to date with the members.
fn furnish(git: &Git, home: &Path, members: &[Member]) -> Result<(), GitError> {
    std::fs::create_dir_all(home).map_err(io("create", home))?;
    let format = members.first().map_or("sha1".to_owned(), |member| member.format.clone());
    let format = format!("--object-format={format}");
    // Doing it again changes nothing, and mends what was broken off.
    git.call(home, "init")
        .args(["--bare", "--quiet", "--template=", "-b", "none", &format])
        .arg(home)
        .run()?;
    let (mut stores, mut kept) = (Vec::new(), "/*\n".to_owned());
    for member in members {
        stores.extend(member.repository.common_dir().join("objects").as_os_str().as_bytes());
        stores.push(b'\n');
        kept.push_str(&format!("!/{}/\n", member.name));
    }
    for folder in ["info", "objects/info"] {
        let folder = home.join(folder);
        std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
    }
    ensure_content(&home.join("objects/info/alternates"), &stores)?;
    ensure_content(&home.join("info/exclude"), kept.as_bytes())?;
    let mut settings = vec![
        ("gc.auto", "0".to_owned()),
        ("maintenance.auto", "false".to_owned()),
        ("uploadpack.allowAnySHA1InWant", "true".to_owned()),
    ];
    for key in ["user.name", "user.email"] {
        let own = members.iter().find_map(|member| member.setting(key).ok().flatten());
        settings.extend(own.map(|value| (key, value)));
    }
    for (key, value) in settings {
        let call = || git.call(home, "config").args(["--file", "config"]);
        if call().args(["--get", key]).accept(&[0, 1]).text()? != value {
            call().args(["--replace-all", key, &value]).run()?;
        }
    }
    Ok(())
}
