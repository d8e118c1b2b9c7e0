//! Reviews: votes are counted when every reviewer is terminal, and only for the round and tree that they were given on.

use super::state::{Review, Slot, StepRun};
use super::turn::Turn;
use crate::model::verdict::Remark;
use crate::model::{AttentionReason, Finding, FindingState, Oid, Phase, Severity, TaskId, Verdict, Vote};

impl Turn<'_> {
    /// A review of this tree in this round, with every slot to be filled.
    pub fn open_review(&mut self, id: &TaskId, oid: &Oid) {
        let reviewers = self.state.policy.team.reviewers.clone();
        let Some(task) = self.task(id) else { return };
        let slots = reviewers
            .into_iter()
            .map(|agent| Slot { agent, step: StepRun::default(), verdict: None, failure: None })
            .collect();
        task.review = Some(Review { round: task.round, oid: oid.clone(), slots });
    }

    pub fn voted(&mut self, id: &TaskId, slot: u32, verdict: Verdict) {
        if let Some(slot) = self.slot(id, slot) {
            slot.step.at = super::state::Attempt::Ended;
            slot.verdict = Some(verdict);
        }
    }

    pub fn no_vote(&mut self, id: &TaskId, slot: u32, why: String) {
        if let Some(slot) = self.slot(id, slot) {
            slot.step.at = super::state::Attempt::Ended;
            slot.failure = Some(why);
        }
    }

    fn slot(&mut self, id: &TaskId, slot: u32) -> Option<&mut Slot> {
        let review = self.task(id)?.review.as_mut()?;
        review.slots.get_mut(usize::try_from(slot).ok()?)
    }

    /// Every slot is terminal: approved, back to a fixer, or a person is asked for the missing votes.
    pub fn count_votes(&mut self, id: &TaskId) {
        let quorum = self.state.policy.quorum;
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        let Some(review) = &task.review else { return };
        let wants_changes = review.slots.iter().any(|slot| vote(slot) == Some(Vote::RequestChanges));
        let approvals = review.slots.iter().filter(|slot| vote(slot) == Some(Vote::Approve)).count();
        let enough = approvals >= quorum.wanted(review.slots.len());
        if !wants_changes && !enough {
            let missing: Vec<String> = review
                .slots
                .iter()
                .filter_map(|slot| Some(format!("{}: {}", slot.agent, slot.failure.as_ref()?)))
                .collect();
            return self.need(id, AttentionReason::VoteMissing(missing.join("; ")));
        }
        self.record_remarks(id);
        if !wants_changes {
            return self.enter(id, Phase::Approved);
        }
        if let Some(task) = self.task(id) {
            task.step = task.step.next();
        }
        self.enter(id, Phase::Fixing);
    }

    /// Remarks become findings of the task: the same one twice is one, one that was fixed before is open again.
    pub fn record_remarks(&mut self, id: &TaskId) {
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        let Some(review) = &task.review else { return };
        let remarks: Vec<(String, Vote, Remark)> = review
            .slots
            .iter()
            .filter_map(|slot| Some((slot, slot.verdict.as_ref()?)))
            .flat_map(|(slot, verdict)| {
                verdict
                    .remarks
                    .iter()
                    .map(move |remark| (slot.agent.to_string(), verdict.vote, remark.clone()))
            })
            .collect();
        for (source, vote, remark) in remarks {
            let keep = vote == Vote::Approve && remark.severity >= Severity::Minor;
            let state = if keep { FindingState::Deferred } else { FindingState::Raised };
            add_finding(&mut task.findings, task.round, source, remark, state);
        }
    }

    /// What somebody beside the reviewers found.
    pub fn add_finding_of(&mut self, id: &TaskId, source: &str, file: &str, text: &str) {
        let remark = Remark {
            severity: Severity::Major,
            file: file.to_owned(),
            line: 0,
            description: text.to_owned(),
            suggestion: String::new(),
        };
        if let Some(task) = self.task(id) {
            add_finding(&mut task.findings, task.round, source.to_owned(), remark, FindingState::Raised);
        }
    }
}

fn vote(slot: &Slot) -> Option<Vote> {
    slot.verdict.as_ref().map(|verdict| verdict.vote)
}

fn add_finding(findings: &mut Vec<Finding>, round: u32, source: String, remark: Remark, state: FindingState) {
    let number = u32::try_from(findings.len()).unwrap_or(u32::MAX).saturating_add(1);
    let finding = Finding {
        number,
        round,
        source,
        severity: remark.severity,
        file: remark.file,
        line: remark.line,
        description: remark.description,
        suggestion: remark.suggestion,
        why: String::new(),
        state,
    };
    let print = finding.fingerprint();
    match findings.iter_mut().find(|earlier| earlier.fingerprint() == print) {
        None => findings.push(finding),
        Some(earlier) if finding.state == FindingState::Raised => raise_again(earlier, finding),
        Some(_) => {}
    }
}

/// The code has moved since: the newer place and advice count, and the worse severity.
fn raise_again(earlier: &mut Finding, again: Finding) {
    earlier.state = match &earlier.state {
        FindingState::Raised | FindingState::Deferred => FindingState::Raised,
        FindingState::Reopened | FindingState::Fixed(_) | FindingState::Dismissed => FindingState::Reopened,
    };
    earlier.round = again.round;
    earlier.why.clear();
    earlier.line = again.line;
    earlier.severity = earlier.severity.min(again.severity);
    if !again.suggestion.trim().is_empty() {
        earlier.suggestion = again.suggestion;
    }
}
