//! Reviews: votes are counted when every reviewer is terminal, and only for the round and tree that they were given on.

use super::effect::{ControlAction, EffectKind};
use super::state::{Review, Slot, State, StepRun};
use super::turn::Turn;
use crate::model::verdict::Remark;
use crate::model::{
    AgentName, AttentionReason, EffectId, Finding, FindingState, Oid, Phase, PlanTask, Severity, StepKind,
    TaskId, Verdict, Vote,
};

impl State {
    /// Who reviews a task: those that are configured, or as many of those that are known, and as far from its
    /// implementer's make as can be.
    pub fn reviewers_of(&self, spec: &PlanTask) -> Vec<AgentName> {
        let team = &self.policy.team;
        if !team.choose_reviewers {
            return team.reviewers.clone();
        }
        let implementer = self.implementer(spec);
        let mut candidates: Vec<(u8, &AgentName)> = Vec::new();
        for agent in &team.known {
            candidates.push((self.closeness(&implementer, agent), agent));
        }
        candidates.sort_by_key(|(closeness, _)| *closeness);
        // Of a kindred one there is no need while a stranger can have two slots, each in a session of its own.
        let strangers = candidates.iter().filter(|(closeness, _)| *closeness == 0).count();
        let pool = if strangers > 0 { strangers } else { candidates.len() };
        let cycle = candidates.iter().take(pool).map(|(_, agent)| (*agent).clone()).cycle();
        cycle.take(if pool == 0 { 0 } else { team.reviewers.len() }).collect()
    }

    /// How near two agents are: 0 for another provider, 1 for another model, 2 for the same.
    pub fn closeness(&self, one: &AgentName, other: &AgentName) -> u8 {
        let maker = |agent: &AgentName| self.policy.team.makers.get(agent).cloned().unwrap_or_default();
        let (one, other) = (maker(one), maker(other));
        match (one.provider == other.provider, one.model == other.model) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 2,
        }
    }
}

impl Turn<'_> {
    /// Says so where nobody but agents of the implementer's own make can judge its work.
    pub fn warn_of_kin(&mut self) {
        let implementer = self.state.implementer(&PlanTask::default());
        let reviewers = self.state.reviewers_of(&PlanTask::default());
        let are_known = !self.state.policy.team.makers.is_empty() && !reviewers.is_empty();
        if are_known && reviewers.iter().all(|reviewer| self.state.closeness(&implementer, reviewer) == 2) {
            let text = format!(
                "{implementer} is reviewed by agents of its own make alone: another provider or model sees more ([review] agents)"
            );
            self.note(true, text);
        }
    }

    /// A review of this tree in this round, with every slot to be filled.
    pub fn open_review(&mut self, id: &TaskId, oid: &Oid) {
        let Some(task) = self.state.tasks.get(id) else { return };
        let reviewers = self.state.reviewers_of(&task.spec);
        let slots = self.slots(id, reviewers);
        let Some(task) = self.task(id) else { return };
        task.review = Some(Review { round: task.round, oid: oid.clone(), slots });
    }

    pub fn voted(&mut self, id: &TaskId, number: u32, verdict: Verdict) {
        if let Some(slot) = self.slot(id, number) {
            slot.step.at = super::state::Attempt::Ended;
            slot.verdict = Some(verdict);
        }
        self.keep_standing(id, number);
    }

    /// Somebody else takes the slot over, as long as there is one that has not tried; then there is no vote.
    pub fn no_vote(&mut self, id: &TaskId, slot: u32, why: String) {
        let fallback = self.state.policy.review.fallback.clone();
        let Some(slot) = self.slot(id, slot) else { return };
        slot.tried.push(slot.agent.clone());
        match fallback.into_iter().find(|agent| !slot.tried.contains(agent)) {
            Some(agent) => (slot.agent, slot.step) = (agent, StepRun::default()),
            None => {
                slot.step.at = super::state::Attempt::Ended;
                slot.failure = Some(why);
                if !self.state.policy.review.continue_on_fail {
                    self.cut_reviewers_off(id);
                }
            }
        }
    }

    /// Who still judges need not: the vote that is missing decides nothing without a person.
    fn cut_reviewers_off(&mut self, id: &TaskId) {
        let reviews = |kind: &EffectKind| match kind {
            EffectKind::RunStep { task: Some(of), brief, .. } => of == id && brief.step == StepKind::Review,
            _ => false,
        };
        let others: Vec<EffectId> =
            self.state.in_flight.iter().filter(|(_, kind)| reviews(kind)).map(|(id, _)| *id).collect();
        let task = self.task(id).and_then(|task| task.review.as_mut());
        for slot in task.into_iter().flat_map(|review| &mut review.slots).filter(|slot| !slot.is_terminal()) {
            slot.step.at = super::state::Attempt::Ended;
            slot.failure = Some("another gave no vote".to_owned());
        }
        others.into_iter().for_each(|target| self.control(target, ControlAction::End));
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
        // Who was cut off because another gave no vote might have spoken against it.
        let cut_off = !self.state.policy.review.continue_on_fail
            && review.slots.iter().any(|slot| slot.failure.is_some());
        let enough = approvals >= quorum.wanted(review.slots.len()) && !cut_off;
        if !wants_changes && !enough {
            let missing: Vec<String> = review
                .slots
                .iter()
                .filter_map(|slot| Some(format!("{}: {}", slot.agent, slot.failure.as_ref()?)))
                .collect();
            return self.need(id, AttentionReason::VoteMissing(missing.join("; ")));
        }
        self.remember_review(id);
        self.record_remarks(id);
        if !wants_changes {
            return self.enter(id, Phase::Approved);
        }
        self.next_step(id);
        self.enter(id, Phase::Fixing);
        self.count_repeats(id);
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
        self.add_remark(id, source, remark, FindingState::Raised);
    }

    /// The same, whole.
    pub fn add_remark(&mut self, id: &TaskId, source: &str, remark: Remark, state: FindingState) {
        if let Some(task) = self.task(id) {
            add_finding(&mut task.findings, task.round, source.to_owned(), remark, state);
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
