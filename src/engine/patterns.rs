//! Patterns: whose session goes on, from round to round or from task to task.
//!
//! They are policies on one machine and no states of their own: a session that goes on is a step that begins with the
//! provider's session of an earlier one. Invariant: a standing reviewer judges one task at a time, in the order in which
//! they came to their reviews.

use std::collections::BTreeSet;

use super::state::{Attempt, Review, Slot, State, StepRun, Task};
use super::turn::Turn;
use crate::model::{AgentName, Pattern, Severity, TaskId, Verdict, Vote};

/// Reviewers that go on from task to task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// One a slot.
    pub reviewers: Vec<StandingReviewer>,
    /// What the last reviews by fresh reviewers found, by task, the oldest first.
    recent: Vec<(TaskId, BTreeSet<String>)>,
    /// Whether fresh reviewers have given way to standing ones.
    promoted: bool,
    /// Reviews in a row without a critical or major finding.
    clean: u32,
    /// The last verdict of a fresh reviewer, which the first standing one begins with.
    seed: Option<String>,
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StandingReviewer {
    /// Who.
    pub agent: AgentName,
    /// Its session.
    pub step: StepRun,
    /// What it is told with its first task.
    pub seed: Option<String>,
}

impl State {
    /// The pattern of a task, promotion decided.
    pub fn pattern_of(&self, task: &Task) -> Pattern {
        match task.spec.pattern.unwrap_or(self.policy.pattern) {
            Pattern::Promote if self.is_promoted(task) => Pattern::Standing,
            Pattern::Promote => Pattern::Inline,
            pattern => pattern,
        }
    }

    fn is_promoted(&self, task: &Task) -> bool {
        let rules = &self.policy.promotion;
        let role = task.spec.role.as_ref();
        let named = role.is_some_and(|role| rules.roles.contains(role));
        let alike = || role.map_or(0, |role| self.tasks.open_of(role));
        let many = rules.alike > 0 && alike() >= usize::try_from(rules.alike).unwrap_or(usize::MAX);
        self.standing.promoted || named || many
    }
}

impl Turn<'_> {
    /// The step of a task's implementer in its next round.
    pub fn next_step(&mut self, id: &TaskId) {
        self.state.tasks.settle();
        let Some(task) = self.state.tasks.get(id) else { return };
        let one_shot = self.state.pattern_of(task) == Pattern::Workflow;
        if let Some(task) = self.task(id) {
            task.step = if one_shot { StepRun::default() } else { task.step.next() };
        }
    }

    /// The slots of a review that is opened.
    pub fn slots(&mut self, id: &TaskId, reviewers: Vec<AgentName>) -> Vec<Slot> {
        let Some(task) = self.state.tasks.get(id) else { return Vec::new() };
        let fresh = |agent: AgentName| Slot { agent, ..Slot::default() };
        match self.state.pattern_of(task) {
            Pattern::Pair | Pattern::Trio => {
                let (partners, round) = (task.partners.clone(), task.round);
                self.warn_of_drift(id, round);
                let slots = reviewers.into_iter().enumerate();
                slots
                    .map(|(index, agent)| Slot {
                        step: went_on(&partners, index, &agent),
                        agent,
                        ..Slot::default()
                    })
                    .collect()
            }
            Pattern::Standing => self.standing_slots(reviewers),
            Pattern::Workflow | Pattern::Inline | Pattern::Promote => {
                reviewers.into_iter().map(fresh).collect()
            }
        }
    }

    fn standing_slots(&mut self, reviewers: Vec<AgentName>) -> Vec<Slot> {
        let check = self.state.policy.promotion.spot_check;
        let standing = &mut self.state.standing;
        let seed = standing.seed.take();
        for (index, agent) in reviewers.iter().enumerate() {
            match standing.reviewers.get_mut(index) {
                Some(known) if known.agent == *agent => {}
                Some(other) => {
                    *other = StandingReviewer {
                        agent: agent.clone(),
                        seed: seed.clone(),
                        ..StandingReviewer::default()
                    };
                }
                None => standing.reviewers.push(StandingReviewer {
                    agent: agent.clone(),
                    seed: seed.clone(),
                    ..StandingReviewer::default()
                }),
            }
        }
        let with =
            |(index, agent): (usize, AgentName)| Slot { agent, standing: Some(index), ..Slot::default() };
        let extra = (check > 0 && standing.clean >= check).then(|| reviewers.first().cloned()).flatten();
        let mut slots: Vec<Slot> = reviewers.into_iter().enumerate().map(with).collect();
        // Who has found nothing for long may have stopped looking: somebody fresh judges too, and has a vote.
        slots.extend(extra.map(|agent| Slot { agent, ..Slot::default() }));
        slots
    }

    /// Whether the standing reviewer of a slot has to finish another task first.
    pub fn is_taken(&self, id: &TaskId, slot: &Slot) -> bool {
        let Some(wanted) = slot.standing else { return false };
        let since = |task: &Task| (task.since, task.spec.id.clone());
        let Some(own) = self.state.tasks.get(id).map(since) else { return false };
        self.state.tasks.reviewing().into_iter().filter(|task| task.spec.id != *id).any(|task| {
            let slots = task.review.iter().flat_map(|review| &review.slots);
            let mut same = slots.filter(|other| other.standing == Some(wanted) && !other.is_terminal());
            let busy = |other: &Slot| matches!(other.step.at, Attempt::Running(_) | Attempt::Waiting(_));
            same.any(|other| busy(other) || (task.hold.is_none() && task.placed && since(task) < own))
        })
    }

    /// The session that a slot's step begins with, and what is said with it.
    pub fn begin_standing(&mut self, id: &TaskId, slot: u32) -> Option<String> {
        let index = usize::try_from(slot).ok()?;
        let wanted = self.state.tasks.get(id)?.review.as_ref()?.slots.get(index)?.standing?;
        let reviewer = self.state.standing.reviewers.get_mut(wanted)?;
        let (step, seed) = (reviewer.step.next(), reviewer.seed.take());
        let slot = self.task(id)?.review.as_mut()?.slots.get_mut(index)?;
        // Who has failed in that session, and is to begin without it, does not get it back.
        if slot.step.resume.is_none() && slot.step.failures == 0 {
            (slot.step.resume, slot.step.resume_of) = (step.resume, step.resume_of);
            slot.step.spent = step.spent;
        }
        seed
    }

    /// All votes of a review are there: who judged is remembered, and what was found.
    pub fn remember_review(&mut self, id: &TaskId) {
        let Some(task) = self.state.tasks.get(id) else { return };
        let Some(review) = task.review.clone() else { return };
        if let Some(task) = self.task(id) {
            task.partners = review.slots.iter().map(|slot| (slot.agent.clone(), slot.step.clone())).collect();
        }
        if review.slots.iter().any(|slot| slot.standing.is_some()) {
            self.judge_standing(&review);
        } else {
            self.note_recurrence(id, &review);
        }
    }

    /// A standing reviewer has come to its vote: its session is for the next task.
    pub fn keep_standing(&mut self, id: &TaskId, slot: u32) {
        let review = self.state.tasks.get(id).and_then(|task| task.review.as_ref());
        let slot = review.and_then(|review| review.slots.get(usize::try_from(slot).ok()?));
        let Some((slot, index)) = slot.and_then(|slot| Some((slot.clone(), slot.standing?))) else { return };
        let reviewer = self.state.standing.reviewers.get_mut(index);
        if let Some(reviewer) = reviewer.filter(|reviewer| reviewer.agent == slot.agent) {
            reviewer.step = slot.step;
        }
    }

    /// A standing reviewer that let pass what a fresh one saw is replaced.
    fn judge_standing(&mut self, review: &Review) {
        let serious = |slot: &&Slot| slot.verdict.as_ref().is_some_and(has_serious);
        let (own, fresh): (Vec<&Slot>, Vec<&Slot>) =
            review.slots.iter().partition(|slot| slot.standing.is_some());
        let missed = fresh.iter().any(|slot| serious(slot) && slot.verdict.as_ref().is_some_and(rejects));
        let own_found = own.iter().any(serious);
        let standing = &mut self.state.standing;
        standing.clean = if own_found || !fresh.is_empty() { 0 } else { standing.clean.saturating_add(1) };
        if missed && !own_found {
            let names: Vec<String> =
                standing.reviewers.iter().map(|reviewer| reviewer.agent.to_string()).collect();
            standing.reviewers.clear();
            self.note(
                true,
                format!("{} missed what a fresh reviewer found: a new session takes over", names.join(", ")),
            );
        }
    }

    /// The same finding in the reviews of several tasks in a row: somebody who remembers is worth more than somebody
    /// fresh.
    fn note_recurrence(&mut self, id: &TaskId, review: &Review) {
        let wanted = usize::try_from(self.state.policy.promotion.recurring).unwrap_or(usize::MAX);
        let promotes =
            self.state.tasks.get(id).map(|task| task.spec.pattern.unwrap_or(self.state.policy.pattern));
        if wanted == 0 || promotes != Some(Pattern::Promote) || self.state.standing.promoted {
            return;
        }
        let verdicts = review.slots.iter().filter_map(|slot| slot.verdict.as_ref());
        let prints: BTreeSet<String> = verdicts
            .clone()
            .flat_map(|verdict| &verdict.remarks)
            .map(|remark| print(&remark.description))
            .collect();
        let standing = &mut self.state.standing;
        standing.recent.retain(|(task, _)| task != id);
        standing.recent.push((id.clone(), prints));
        let surplus = standing.recent.len().saturating_sub(wanted);
        standing.recent.drain(..surplus);
        let common = standing.recent.iter().map(|(_, prints)| prints.clone()).reduce(|a, b| &a & &b);
        if standing.recent.len() == wanted && common.is_some_and(|common| !common.is_empty()) {
            standing.promoted = true;
            standing.seed = verdicts.clone().next_back().map(told);
            self.note(
                false,
                format!(
                    "the same finding in {wanted} reviews in a row: reviewers go on from task to task now"
                ),
            );
        }
    }

    fn warn_of_drift(&mut self, id: &TaskId, round: u32) {
        let from = self.state.policy.promotion.drift_round;
        if from > 0 && round >= from {
            self.note(
                false,
                format!("{id}: its pair is in round {round}; see whether they still work on the task"),
            );
        }
    }
}

fn went_on(partners: &[(AgentName, StepRun)], index: usize, agent: &AgentName) -> StepRun {
    let partner = partners.get(index).filter(|(known, _)| known == agent);
    partner.map(|(_, step)| step.next()).unwrap_or_default()
}

fn has_serious(verdict: &Verdict) -> bool {
    verdict.remarks.iter().any(|remark| remark.severity <= Severity::Major)
}

fn rejects(verdict: &Verdict) -> bool {
    verdict.vote == Vote::RequestChanges
}

/// Words alone: the same fault in another file is the same.
fn print(text: &str) -> String {
    text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).take(120).collect()
}

fn told(verdict: &Verdict) -> String {
    let remarks = verdict.remarks.iter().map(|remark| format!("- {}", remark.description.trim()));
    let remarks: Vec<String> = remarks.collect();
    format!("The last review before you took over said: {}\n{}", verdict.summary.trim(), remarks.join("\n"))
}
