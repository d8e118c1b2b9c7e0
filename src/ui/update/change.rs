//! What is asked of a person before a task is changed: which finding, which other task, which round, and whether.
//!
//! Not for carrying anything out. Invariant: what can't be undone is asked for with all that follows from it.

use super::super::Ui;
use super::super::contract::{Request, World};
use super::super::enabled::can_take_over;
use super::super::popups::Popup;
use super::super::popups::confirm::Confirm;
use super::super::popups::pick::{Choice, Next, Pick};
use super::super::popups::words::{Words, WordsFor};
use super::super::state::Tab;
use crate::model::finding::place;
use crate::model::snapshot::TaskView;
use crate::model::{Command, Finding, FindingState};

/// Rounds that are offered to go back to: the latest of them.
const ROUNDS_LISTED: usize = 100;

impl Ui {
    /// Whether a task is to be given up, with what that means for others.
    pub(super) fn ask_to_cancel(&mut self, task: &TaskView, world: &World<'_>) -> Vec<Request> {
        let impact = world.snapshot.impact_of_cancel(&task.id);
        let consequence = format!("Its agents are ended; its branch and its work are kept. {impact}");
        self.popups.push(Popup::Confirm(Confirm {
            question: format!("Give up {} “{}”?", task.id, task.title),
            consequence: consequence.trim_end().to_owned(),
            requests: vec![Request::Command(Command::Cancel(task.id.clone()))],
        }));
        Vec::new()
    }

    /// What is wrong: where a diff is read, at the place that is read.
    pub(super) fn ask_for_comment(&mut self, task: &TaskView) -> Vec<Request> {
        let diff = self.loaded.diff(Some(&task.id)).filter(|_| self.view.tab == Tab::Diff);
        let start = match diff.and_then(|diff| diff.place(self.view.scroll)) {
            Some((file, line)) => format!("{file}:{}: ", line.max(1)),
            None => String::new(),
        };
        let context = format!("{}: it goes to the next fix with all that is open", task.title);
        let words = Words::new(WordsFor::Comment(task.id.clone()), &context).with(&start);
        self.popups.push(Popup::Words(Box::new(words)));
        Vec::new()
    }

    /// The findings of which a person may say that they are not so.
    pub(super) fn list_findings(&mut self, task: &TaskView) -> Vec<Request> {
        let choice = |finding: &Finding| Choice {
            text: format!("{}. {}", finding.number, first_line(&finding.description)),
            right: format!("{} {}", state(finding), place(&finding.file, finding.line)),
            told: format!(
                "{:?}, {}, round {}, by {}: {}",
                finding.severity,
                place(&finding.file, finding.line),
                finding.round,
                finding.source,
                finding.description.trim()
            ),
            next: Next::Words(
                WordsFor::Dismiss(task.id.clone(), finding.number),
                first_line(&finding.description),
            ),
        };
        let choices = task.findings.iter().filter(|finding| finding.can_be_dismissed()).map(choice).collect();
        self.pick(format!("Dismiss a finding of {}", task.id), choices)
    }

    /// The tasks that a task can take over.
    pub(super) fn list_partners(&mut self, task: &TaskView, world: &World<'_>) -> Vec<Request> {
        let id = &task.id;
        let choice = |other: &TaskView| Choice {
            text: format!("{} {}", other.id, other.title),
            right: other.phase.name().to_owned(),
            told: other.description.clone(),
            next: Next::Sure(Confirm {
                question: format!("Join {} “{}” into {id}?", other.id, other.title),
                consequence: format!(
                    "{id} takes over what {0} asks, and who waits for it. {0} is given up: its agents are ended, its \
                     branch is kept.",
                    other.id
                ),
                requests: vec![Request::Command(Command::Join(vec![id.clone(), other.id.clone()]))],
            }),
        };
        let choices =
            world.snapshot.tasks.iter().filter(|other| can_take_over(task, other)).map(choice).collect();
        self.pick(format!("Join which task into {id}?"), choices)
    }

    /// The rounds that a task can be put back to.
    pub(super) fn list_rounds(&mut self, task: &TaskView) -> Vec<Request> {
        let id = &task.id;
        let choice = |round: u32| {
            let found = task.findings.iter().filter(|finding| finding.round == round).count();
            Choice {
                text: format!("round {round}"),
                right: if round == task.round { "now".to_owned() } else { String::new() },
                told: match found {
                    0 => String::new(),
                    1 => "One finding was raised in it.".to_owned(),
                    more => format!("{more} findings were raised in it."),
                },
                next: Next::Sure(Confirm {
                    question: format!("Put {id} back to the beginning of round {round}?"),
                    consequence:
                        "Its agents are ended, its branch and worktree are put back, and it is implemented \
                                  from there. What came after is kept (`loopmon trash`)."
                            .to_owned(),
                    requests: vec![Request::Command(Command::Rewind(id.clone(), round))],
                }),
            }
        };
        let choices = (1..=task.round).rev().take(ROUNDS_LISTED).map(choice).collect();
        self.pick(format!("Put {id} back to the beginning of a round"), choices)
    }

    fn pick(&mut self, title: String, choices: Vec<Choice>) -> Vec<Request> {
        self.popups.push(Popup::Pick(Box::new(Pick::new(title, choices))));
        Vec::new()
    }
}

fn state(finding: &Finding) -> &'static str {
    match finding.state {
        FindingState::Raised => "open",
        FindingState::Reopened => "open again",
        FindingState::Deferred => "deferred",
        FindingState::Dismissed => "dismissed",
        FindingState::Fixed(_) => "fixed",
    }
}

fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().to_owned()
}
