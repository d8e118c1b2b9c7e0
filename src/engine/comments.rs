//! People's comments on the work: findings like the reviewers', worked on in one round when the work comes back.
//!
//! A comment starts no round by itself while others still judge the work or a person is about to: all that are open then
//! go together. Invariant: work with an open comment is merged only after a person has approved it as it is.

use super::decide::{Refusal, is_uncertain, task};
use super::state::{State, Task};
use super::turn::Turn;
use crate::model::event::PersonEvent;
use crate::model::{Finding, FindingState, Phase, Severity, StepKind, TaskId};

/// The source of people's findings.
pub(super) const PERSON: &str = "person";

type Decision = Result<PersonEvent, Refusal>;

fn refuse(text: impl Into<String>) -> Decision {
    Err(Refusal(text.into()))
}

pub(super) fn comment(state: &State, id: &TaskId, file: &str, line: u32, text: &str) -> Decision {
    match task(state, id)?.phase {
        Phase::Done => refuse(format!("{id} is merged already: add a task for what is still to be done")),
        Phase::Cancelled => refuse(format!("{id} is cancelled")),
        Phase::Merging => refuse(format!("{id} is being merged at this moment")),
        _ if is_uncertain(state, id) => refuse(format!("{id} may be merged already: retry it first")),
        _ if text.trim().is_empty() => refuse("the comment is empty"),
        _ => Ok(PersonEvent::Commented {
            task: id.clone(),
            file: file.to_owned(),
            line,
            text: text.trim().to_owned(),
        }),
    }
}

pub(super) fn dismiss(state: &State, id: &TaskId, number: u32, why: &str) -> Decision {
    let task = task(state, id)?;
    let Some(finding) = task.findings.iter().find(|finding| finding.number == number) else {
        return refuse(match task.findings.len() {
            0 => format!("{id} has no findings"),
            count => format!("{id} has no finding {number}; there are 1 to {count}"),
        });
    };
    match &finding.state {
        FindingState::Dismissed => refuse(format!("finding {number} of {id} is dismissed already")),
        FindingState::Fixed(oid) => refuse(format!("finding {number} of {id} is fixed in {}", oid.short())),
        _ if why.trim().is_empty() => {
            refuse("say why: reviewers read it, so that they do not raise it again")
        }
        _ => Ok(PersonEvent::Dismissed { task: id.clone(), number, reason: why.trim().to_owned() }),
    }
}

impl Task {
    /// People's findings that nobody has put right.
    pub fn open_comments(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_open() && finding.source == PERSON)
    }

    /// Whether a fix step would have nothing to do: what it was for was dismissed.
    fn has_nothing_to_fix(&self) -> bool {
        let merges = self.merge.is_some() || self.work.merging.is_some();
        !merges && !self.findings.iter().any(Finding::is_open)
    }
}

impl Turn<'_> {
    pub fn commented(&mut self, id: &TaskId, file: &str, line: u32, text: &str) {
        let Some(task) = self.task(id) else { return };
        task.findings.push(Finding {
            number: u32::try_from(task.findings.len()).unwrap_or(u32::MAX).saturating_add(1),
            round: task.round,
            source: PERSON.to_owned(),
            severity: Severity::Major,
            file: file.to_owned(),
            line,
            description: text.to_owned(),
            suggestion: String::new(),
            why: String::new(),
            state: FindingState::Raised,
        });
        if task.phase == Phase::MergeQueued {
            self.grant_round(id, Phase::Fixing);
        }
    }

    pub fn dismissed(&mut self, id: &TaskId, number: u32, reason: &str) {
        let Some(task) = self.task(id) else { return };
        for finding in task.findings.iter_mut().filter(|finding| finding.number == number) {
            finding.state = FindingState::Dismissed;
            reason.clone_into(&mut finding.why);
        }
    }

    /// The reviewers approve: a person who has said something waits for an answer all the same. Whether that is so.
    pub fn fix_comments(&mut self, id: &TaskId) -> bool {
        let open = self.state.tasks.get(id).is_some_and(|task| task.open_comments().next().is_some());
        if open {
            self.grant_round(id, Phase::Fixing);
        }
        open
    }

    /// All that was to be fixed was dismissed: it is judged again, by who knows why. Whether that is so.
    pub fn judge_again(&mut self, id: &TaskId, kind: StepKind) -> bool {
        let idle =
            self.state.tasks.get(id).is_some_and(|task| kind == StepKind::Fix && task.has_nothing_to_fix());
        if idle {
            self.grant_round(id, Phase::Validating);
        }
        idle
    }

    /// A person takes the work as it is: comments that are open are for later.
    pub fn defer_comments(&mut self, id: &TaskId) {
        let Some(task) = self.task(id) else { return };
        for finding in
            task.findings.iter_mut().filter(|finding| finding.is_open() && finding.source == PERSON)
        {
            finding.state = FindingState::Deferred;
            "the work was approved with it open".clone_into(&mut finding.why);
        }
    }
}
