//! Landing a workspace's work on the users' branches of all members, or of none.
//!
//! Not for anything that happens without a person asking. Invariant: nothing moves before all of them may; what a refusal
//! or an error in the middle left moved is moved back; where everything stood before is on the disk first, so that a
//! landing that was broken off is finished or taken back by the next call.

use super::super::{GitError, LandRefusal, Landing, Repository};
use super::Member;

/// Where the members' branches stood before a landing, by what was landed.
const LANDINGS: &str = "refs/loopmon/landing";

/// One member's part of a landing.
struct Part<'a> {
    member: &'a Member,
    branch: String,
    from: String,
    to: String,
}

/// Where a landing goes.
#[derive(Clone, Copy)]
enum Way {
    Forth,
    Back,
}

impl Way {
    fn other(self) -> Way {
        match self {
            Way::Forth => Way::Back,
            Way::Back => Way::Forth,
        }
    }
}

impl Part<'_> {
    fn go(&self, way: Way) -> Result<Landing, GitError> {
        match way {
            Way::Forth => self.member.repository.land(&self.branch, &self.to),
            Way::Back => self.member.repository.undo_land(&self.branch, &self.from, &self.to),
        }
    }

    /// Whether the branch is there already.
    fn is_done(&self, way: Way) -> Result<bool, GitError> {
        let goal = match way {
            Way::Forth => &self.to,
            Way::Back => &self.from,
        };
        Ok(self.member.tip(&self.branch)? == *goal)
    }
}

impl Repository {
    /// Lands a commit of the workspace on the members' branches.
    pub(in crate::git) fn land_all(&self, branches: &str, merged: &str) -> Result<Landing, GitError> {
        let to = self.resolve(merged)?;
        let branches = split(branches, self.members());
        let (mut tips, mut targets) = (Vec::new(), Vec::new());
        for (place, (member, branch)) in self.members().iter().zip(&branches).enumerate() {
            tips.push(member.tip(branch)?);
            let target = self.project(place, &to)?;
            member.take(self.common_dir(), &target)?;
            targets.push(target);
        }
        let from = self.standing_before(&to, &tips, &targets)?;
        let parts = self.parts(&branches, &from, &targets)?;
        if parts.is_empty() {
            return Ok(refused(LandRefusal::NothingNew));
        }
        if let Some(reason) = refusal(&parts)? {
            return Ok(refused(reason));
        }
        self.swap_ref(
            &format!("{LANDINGS}/{to}"),
            &from,
            self.ref_value(&format!("{LANDINGS}/{to}"))?.as_deref(),
        )?;
        let refusal = all_or_none(&parts, Way::Forth)?;
        Ok(refusal.map_or(Landing::Landed { from, to }, refused))
    }

    /// Takes a landing back in all members, or in none.
    pub(in crate::git) fn undo_land_all(
        &self,
        branches: &str,
        from: &str,
        to: &str,
    ) -> Result<Landing, GitError> {
        let (from, to) = (self.resolve(from)?, self.resolve(to)?);
        let branches = split(branches, self.members());
        let mut targets = Vec::new();
        for place in 0..self.members().len() {
            targets.push(self.project(place, &to)?);
        }
        let parts = self.parts(&branches, &from, &targets)?;
        for part in &parts {
            let tip = part.member.tip(&part.branch)?;
            let reason = match &tip {
                tip if *tip == part.from => None,
                tip if *tip == part.to => part.member.repository.dirt_refusal(&part.branch)?,
                _ => Some(LandRefusal::Moved { branch: part.branch.clone() }),
            };
            if let Some(reason) = reason {
                return Ok(refused(within(part.member, reason)));
            }
        }
        let refusal = all_or_none(&parts, Way::Back)?;
        Ok(refusal.map_or(Landing::Landed { from: to, to: from }, refused))
    }

    /// The members whose branches have to move, with where from and where to.
    fn parts(&self, branches: &[String], from: &str, targets: &[String]) -> Result<Vec<Part<'_>>, GitError> {
        let mut parts = Vec::new();
        for (place, ((member, branch), to)) in self.members().iter().zip(branches).zip(targets).enumerate() {
            let from = self.project(place, from)?;
            if !self.is_ancestor(to, &from)? {
                parts.push(Part { member, branch: branch.clone(), from, to: to.clone() });
            }
        }
        Ok(parts)
    }

    /// The state that a landing begins from: the present one, or that of one which was broken off.
    fn standing_before(&self, to: &str, tips: &[String], targets: &[String]) -> Result<String, GitError> {
        if let Some(from) = self.ref_value(&format!("{LANDINGS}/{to}"))? {
            let mut is_between = true;
            for (place, (tip, target)) in tips.iter().zip(targets).enumerate() {
                is_between &= tip == target || *tip == self.project(place, &from)?;
            }
            // One that is whole is no longer under way.
            if is_between && tips != targets {
                return Ok(from);
            }
        }
        self.state(tips)
    }
}

/// Moves each part; on a refusal or an error, those that were moved go back. The refusal, if there was one.
fn all_or_none(parts: &[Part<'_>], way: Way) -> Result<Option<LandRefusal>, GitError> {
    let mut moved: Vec<&Part<'_>> = Vec::new();
    for part in parts {
        let outcome = match part.is_done(way)? {
            true => None,
            false => Some(part.go(way)),
        };
        let trouble = match outcome {
            None | Some(Ok(Landing::Landed { .. })) => {
                moved.push(part);
                continue;
            }
            Some(Ok(Landing::Refused { reason })) => Ok(Some(within(part.member, reason))),
            Some(Err(error)) => Err(error),
        };
        let why = match &trouble {
            Ok(reason) => reason.as_ref().map(ToString::to_string).unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        go_back(&moved, way, part, why)?;
        return trouble;
    }
    Ok(None)
}

/// Takes moved parts back, because of another one.
fn go_back(moved: &[&Part<'_>], way: Way, because: &Part<'_>, why: String) -> Result<(), GitError> {
    let is_stuck = |part: &&Part<'_>| !matches!(part.go(way.other()), Ok(Landing::Landed { .. }));
    let stuck: Vec<String> =
        moved.iter().rev().copied().filter(is_stuck).map(|part| part.member.name.clone()).collect();
    match stuck.is_empty() {
        true => Ok(()),
        false => Err(GitError::HalfLanded { moved: stuck, stuck: because.member.name.clone(), why }),
    }
}

/// Why a landing can't be, as far as that is known before anything moves. Parts that an earlier one, which broke off, had
/// moved go back then.
fn refusal(parts: &[Part<'_>]) -> Result<Option<LandRefusal>, GitError> {
    let mut moved = Vec::new();
    let mut refused = None;
    for part in parts {
        if part.is_done(Way::Forth)? {
            moved.push(part);
        } else if refused.is_none()
            && let Some(reason) = part.member.repository.land_refusal(&part.branch, &part.to)?
        {
            refused = Some((part, within(part.member, reason)));
        }
    }
    let Some((part, reason)) = refused else { return Ok(None) };
    go_back(&moved, Way::Forth, part, reason.to_string())?;
    Ok(Some(reason))
}

fn refused(reason: LandRefusal) -> Landing {
    Landing::Refused { reason }
}

fn within(member: &Member, reason: LandRefusal) -> LandRefusal {
    match reason {
        inner @ LandRefusal::InMember { .. } => inner,
        reason => LandRefusal::InMember { name: member.name.clone(), reason: Box::new(reason) },
    }
}

/// The members' branches as one text: the name that all have, else `name:branch` of each (no branch's name has a colon).
pub(super) fn join(branches: &[(&str, String)]) -> String {
    match branches {
        [(_, first), rest @ ..] if rest.iter().all(|(_, branch)| branch == first) => first.clone(),
        all => all.iter().map(|(name, branch)| format!("{name}:{branch}")).collect::<Vec<_>>().join(" "),
    }
}

/// Each member's branch in such a text.
fn split(text: &str, members: &[Member]) -> Vec<String> {
    let of = |member: &Member| {
        let mut named = text.split(' ').filter_map(|part| part.split_once(':'));
        named.find(|(name, _)| *name == member.name).map_or(text, |(_, branch)| branch).to_owned()
    };
    members.iter().map(of).collect()
}
