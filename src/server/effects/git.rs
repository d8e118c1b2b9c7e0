//! Effects that git carries out. They block, and run on a thread for that.

use std::path::PathBuf;

use super::checks;
use super::outfit::{self, Present, WorktreeError};
use super::{Facts, failure};
use crate::engine::EffectKind;
use crate::git::{
    Advance, Candidate, CommitRequest, ConflictFile, Delta, GitError, Landing, MergeRequest, Repository,
    Worktree,
};
use crate::model::event::{Change, Conflict, MergeEvent, Overlap, RunEvent, WorkEvent};
use crate::model::{CheckChange, EffectId, Event, Guard, Oid, TaskId, Timestamp, counted};
use crate::server::runtime::Message as ToRuntime;
use crate::server::shared::Shared;

/// Carries one out; the event that completes it.
pub(super) fn carry_out(shared: &Shared, facts: &Facts, kind: EffectKind) -> Event {
    let work = GitWork { shared, repository: &shared.repository, facts, branch: &facts.branch };
    let result = match &kind {
        EffectKind::CreateIntegration { branch, at } => work.create_integration(branch, at),
        EffectKind::PrepareWork { task, base } => work.prepare(task, base),
        EffectKind::CommitWork { task, base, tip, message, merging, conflicted, guard } => {
            let merging = merging.as_ref().zip(tip.as_ref());
            work.commit(task, base, message, merging, conflicted, guard)
        }
        EffectKind::RemoveWork { task } => work.remove(task),
        EffectKind::ResetWork { task, to } => work.reset(task, to),
        EffectKind::BuildMerge { task, onto, tip, message, date } => {
            work.build_merge(task, onto, tip, message, *date)
        }
        EffectKind::Foresee { tip, onto, beside, .. } => work.foresee(tip, onto, beside),
        EffectKind::StageMerge { task, onto, tip } => work.stage_merge(task, onto, tip),
        EffectKind::AdvanceIntegration { branch, old, new, .. } => work.advance(branch, old, new),
        EffectKind::Land { branch, to } => work.land(branch, to),
        EffectKind::UndoLand { branch, from, to } => work.undo_land(branch, from, to),
        EffectKind::RunStep { .. }
        | EffectKind::RunSetup { .. }
        | EffectKind::RunGate { .. }
        | EffectKind::Control { .. }
        | EffectKind::StartTimer { .. } => return failure(facts.effect, &kind, "not git's work".to_owned()),
    };
    result.unwrap_or_else(|error| failure(facts.effect, &kind, error.to_string()))
}

/// The error with its hint.
pub(super) fn describe(error: &GitError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}

/// Written into the worktree's own git folder when a merge was put into it: onto which commit.
const STAGED: &str = "loopmon-staged";

/// Files of an overlap that are listed.
const OVERLAP: usize = 16;

/// Commits of somebody else that are counted.
const FOREIGN: usize = 10_000;

fn conflict(file: ConflictFile) -> Conflict {
    Conflict { path: file.path.display().to_string(), hunks: file.hunks }
}

struct GitWork<'a> {
    shared: &'a Shared,
    repository: &'a Repository,
    facts: &'a Facts,
    /// The task's branch.
    branch: &'a str,
}

impl GitWork<'_> {
    fn effect(&self) -> EffectId {
        self.facts.effect
    }

    fn path(&self, task: &TaskId) -> PathBuf {
        self.shared.places.worktree(&self.facts.run, task)
    }

    /// The task's worktree, made again if it is gone: what was in it and not committed is lost, the task is not.
    fn worktree(&self, task: &TaskId, base: &Oid) -> Result<Worktree, WorktreeError> {
        Ok(self.present(task, base)?.worktree)
    }

    fn present(&self, task: &TaskId, base: &Oid) -> Result<Present, WorktreeError> {
        outfit::present(self.shared, &self.path(task), self.branch, base.as_str())
    }

    fn create_integration(&self, branch: &str, at: &Oid) -> Result<Event, WorktreeError> {
        self.repository.create_branch(branch, at.as_str())?;
        let oid = self.repository.branch_tip(branch)?.map_or_else(|| at.clone(), Oid);
        Ok(Event::Run(RunEvent::IntegrationReady { effect: self.effect(), oid }))
    }

    fn prepare(&self, task: &TaskId, base: &Oid) -> Result<Event, WorktreeError> {
        let setup = self.present(task, base)?.setup;
        Ok(Event::Work(WorkEvent::Prepared { effect: self.effect(), base: base.clone(), setup }))
    }

    fn commit(
        &self,
        task: &TaskId,
        base: &Oid,
        message: &str,
        merging: Option<(&Oid, &Oid)>,
        conflicted: &[String],
        guard: &Guard,
    ) -> Result<Event, WorktreeError> {
        // A merge can be laid out again; what an agent wrote can't.
        if merging.is_none() && !self.path(task).exists() {
            return Ok(Event::Work(WorkEvent::Gone { effect: self.effect() }));
        }
        let worktree = self.worktree(task, base)?;
        if let Some((onto, tip)) = merging {
            self.stage_if_missing(&worktree, task, onto, tip)?;
        }
        let merging = merging.map(|(onto, _)| onto);
        let paths: Vec<PathBuf> = conflicted.iter().map(PathBuf::from).collect();
        let unresolved = self.repository.unresolved_markers(&worktree, &paths)?;
        if !unresolved.is_empty() {
            let files = unresolved.iter().map(|path| path.display().to_string()).collect();
            return Ok(Event::Work(WorkEvent::Unresolved { effect: self.effect(), files }));
        }
        let extra: Vec<&str> = merging.into_iter().map(Oid::as_str).collect();
        let trailers = [("Loopmon-Run", self.facts.run.as_str()), ("Loopmon-Step", task.as_str())];
        let request = CommitRequest {
            message,
            trailers: &trailers,
            extra_parents: &extra,
            branch: self.branch,
            base: base.as_str(),
            moves_submodules: self.shared.project().moves_submodules,
        };
        let outcome = self.repository.commit_all(&worktree, &request)?;
        // After a merge was taken in, the work is what the branch has beyond it.
        let compared = merging.unwrap_or(base);
        let (change, checks) = self.differs(compared.as_str(), &outcome.oid, guard)?;
        let touched = self.repository.touched(compared.as_str(), &outcome.oid)?;
        let (oid, tree) = (Oid(outcome.oid), Some(Oid(outcome.tree)));
        Ok(Event::Work(WorkEvent::Committed { effect: self.effect(), oid, change, tree, checks, touched }))
    }

    /// How much a commit differs from its base, and in which checks.
    fn differs(&self, base: &str, tip: &str, guard: &Guard) -> Result<(Change, Vec<CheckChange>), GitError> {
        let (delta, lines) = std::thread::scope(|scope| {
            let lines = checks::may_differ(guard, base, tip)
                .then(|| scope.spawn(|| self.repository.changed_lines(base, tip)));
            let delta = self.repository.delta(base, tip);
            (delta, lines.map(|lines| lines.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))))
        });
        let Delta { stats, names } = delta?;
        let checks = match lines.transpose()? {
            Some(lines) => checks::changed(self.repository, guard, base, tip, names, lines)?,
            None => Vec::new(),
        };
        let mut change = Change::default();
        for file in stats {
            change.files = change.files.saturating_add(1);
            change.added = change.added.saturating_add(u32::try_from(file.added).unwrap_or(u32::MAX));
            change.removed = change.removed.saturating_add(u32::try_from(file.removed).unwrap_or(u32::MAX));
        }
        Ok((change, checks))
    }

    fn remove(&self, task: &TaskId) -> Result<Event, WorktreeError> {
        let kept = match self.repository.open_worktree(&self.path(task)) {
            Ok(worktree) => self.repository.remove_worktree(&worktree)?,
            // Nothing is there to remove: a person, or an earlier call, was faster.
            Err(_) => None,
        };
        // Every checkout beside it goes too: of gates and merges, and of reviewers that a kill left behind.
        let beside = self.shared.places.checkout(&self.facts.run, task.as_str(), "");
        for checkout in self.repository.own_worktrees()? {
            if checkout.path.as_os_str().as_encoded_bytes().starts_with(beside.as_os_str().as_encoded_bytes())
            {
                self.repository.discard_worktree(&checkout)?;
            }
        }
        let kept = kept.map(|entry| entry.ref_name);
        Ok(Event::Work(WorkEvent::Removed { effect: self.effect(), kept }))
    }

    fn reset(&self, task: &TaskId, to: &Oid) -> Result<Event, WorktreeError> {
        let worktree = self.worktree(task, to)?;
        let kept = self.repository.rewind(&worktree, self.branch, to.as_str())?;
        let kept = kept.into_iter().map(|entry| entry.ref_name).collect();
        Ok(Event::Work(WorkEvent::Reset { effect: self.effect(), kept }))
    }

    fn build_merge(
        &self,
        task: &TaskId,
        onto: &Oid,
        tip: &Oid,
        message: &str,
        date: Timestamp,
    ) -> Result<Event, WorktreeError> {
        let effect = self.effect();
        // A log from a while ago may not know that the branch has it already: nothing is merged twice.
        if self.repository.is_ancestor(tip.as_str(), onto.as_str())? {
            let (commit, onto) = (onto.clone(), onto.clone());
            return Ok(Event::Merge(MergeEvent::CandidateBuilt { effect, commit, onto, tree: None }));
        }
        let event = match self.candidate(task, onto, tip, message, date)? {
            Candidate::Clean { commit, tree } => {
                let (commit, tree) = (Oid(commit), Some(Oid(tree)));
                MergeEvent::CandidateBuilt { effect, commit, onto: onto.clone(), tree }
            }
            Candidate::Conflict { files, .. } => {
                let files = files.into_iter().map(conflict).collect();
                MergeEvent::Conflicted { effect, onto: onto.clone(), files }
            }
        };
        Ok(Event::Merge(event))
    }

    fn foresee(&self, tip: &Oid, onto: &Oid, beside: &[(TaskId, Oid)]) -> Result<Event, WorktreeError> {
        let files = self.conflicts(onto, tip)?;
        let mut overlaps = Vec::new();
        for (task, other) in beside {
            let mut files = self.conflicts(other, tip)?;
            let more = u32::try_from(files.len().saturating_sub(OVERLAP)).unwrap_or(u32::MAX);
            files.truncate(OVERLAP);
            overlaps.push(Overlap { task: task.clone(), files, more });
        }
        overlaps.retain(|overlap| !overlap.files.is_empty());
        Ok(Event::Merge(MergeEvent::Foreseen { effect: self.effect(), files, overlaps }))
    }

    fn conflicts(&self, ours: &Oid, theirs: &Oid) -> Result<Vec<Conflict>, GitError> {
        let files = self.repository.conflicts_between(ours.as_str(), theirs.as_str())?;
        Ok(files.into_iter().map(conflict).collect())
    }

    fn candidate(
        &self,
        task: &TaskId,
        onto: &Oid,
        tip: &Oid,
        message: &str,
        date: Timestamp,
    ) -> Result<Candidate, GitError> {
        let trailers = [("Loopmon-Run", self.facts.run.as_str()), ("Loopmon-Task", task.as_str())];
        let request = MergeRequest {
            ours: onto.as_str(),
            theirs: tip.as_str(),
            message,
            trailers: &trailers,
            date: date.0 / 1000,
        };
        self.repository.merge_candidate(&request)
    }

    fn stage_merge(&self, task: &TaskId, onto: &Oid, tip: &Oid) -> Result<Event, WorktreeError> {
        let worktree = self.worktree(task, tip)?;
        self.stage(&worktree, task, onto, tip)?;
        Ok(Event::Merge(MergeEvent::Staged { effect: self.effect(), onto: onto.clone() }))
    }

    /// Puts the merge, with its conflicts, into the worktree, and notes there that it is.
    fn stage(&self, worktree: &Worktree, task: &TaskId, onto: &Oid, tip: &Oid) -> Result<(), GitError> {
        let tree = match self.candidate(task, onto, tip, "merge", Timestamp(0))? {
            Candidate::Clean { tree, .. } | Candidate::Conflict { tree, .. } => tree,
        };
        self.repository.stage_conflict(worktree, self.branch, &tree)?;
        let path = worktree.git_dir.join(STAGED);
        std::fs::write(&path, onto.as_str()).map_err(|source| GitError::Io { action: "write", path, source })
    }

    /// A worktree that was made again in the middle of a merge holds one side only: committed as a merge, it would
    /// undo the other.
    fn stage_if_missing(
        &self,
        worktree: &Worktree,
        task: &TaskId,
        onto: &Oid,
        tip: &Oid,
    ) -> Result<(), GitError> {
        let staged = std::fs::read_to_string(worktree.git_dir.join(STAGED));
        if staged.is_ok_and(|staged| staged == onto.as_str()) {
            return Ok(());
        }
        self.stage(worktree, task, onto, tip)
    }

    /// Where the branch holds the new commit already, an earlier call had moved it: done once is done.
    fn advance(&self, branch: &str, old: &Oid, new: &Oid) -> Result<Event, WorktreeError> {
        let effect = self.effect();
        let event = match self.repository.advance(branch, new.as_str(), old.as_str())? {
            Advance::Moved => MergeEvent::Advanced { effect, tip: new.clone() },
            Advance::Lost { actual: Some(tip) } if self.repository.is_ancestor(new.as_str(), &tip)? => {
                MergeEvent::Advanced { effect, tip: Oid(tip) }
            }
            Advance::Lost { actual: Some(tip) } if !self.repository.is_ancestor(old.as_str(), &tip)? => {
                MergeEvent::Failed { effect, error: put_back(branch, old, &tip) }
            }
            Advance::Lost { actual: Some(tip) } => {
                self.tell_of_foreign_commits(branch, old, &tip);
                MergeEvent::Lost { effect, tip: Oid(tip) }
            }
            Advance::Lost { actual: None } => {
                let error = format!("the branch {branch} is gone; make it again at {old}");
                MergeEvent::Failed { effect, error }
            }
        };
        Ok(Event::Merge(event))
    }

    /// The merge is built again on what somebody put there, and its gates see it then; the person is to know of it.
    fn tell_of_foreign_commits(&self, branch: &str, old: &Oid, tip: &str) {
        // The merge does not hang on whether they can be named.
        let commits = self.repository.log(old.as_str(), tip, FOREIGN).unwrap_or_default();
        let which = match commits.first() {
            Some(newest) => format!("{} (the newest {:?})", counted(commits.len(), "commit"), newest.subject),
            None => "commits".to_owned(),
        };
        let text = format!(
            "{branch} has {which} of somebody else's since {}: the merge that was under way is built again on top, and \
             its gates see both",
            old.short()
        );
        self.shared.send(ToRuntime::Notice { text, bad: true });
    }

    fn land(&self, branch: &str, to: &Oid) -> Result<Event, WorktreeError> {
        let effect = self.effect();
        let event = match self.repository.land(branch, to.as_str())? {
            Landing::Landed { from, to } => RunEvent::Landed { effect, from: Oid(from), to: Oid(to) },
            Landing::Refused { reason } => RunEvent::LandRefused { effect, reason: reason.to_string() },
        };
        Ok(Event::Run(event))
    }

    fn undo_land(&self, branch: &str, from: &Oid, to: &Oid) -> Result<Event, WorktreeError> {
        let effect = self.effect();
        let event = match self.repository.undo_land(branch, to.as_str(), from.as_str())? {
            Landing::Landed { .. } => RunEvent::LandUndone { effect },
            Landing::Refused { reason } => RunEvent::LandRefused { effect, reason: reason.to_string() },
        };
        Ok(Event::Run(event))
    }
}

/// Why nothing is merged onto a branch that was put back.
fn put_back(branch: &str, old: &Oid, tip: &str) -> String {
    let now = Oid(tip.to_owned());
    format!(
        "somebody moved {branch} from {} to {}: what was merged into it is not on it any more; put it back with \
         `git branch -f {branch} {}` and retry, or begin a new run from here",
        old.short(),
        now.short(),
        old.short()
    )
}
