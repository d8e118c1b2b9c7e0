//! A run as progress lines: every event in words, what needs a person at once, and an exit code.

use std::collections::BTreeSet;

use super::out::{say, say_words};
use super::project;
use super::status::attention_line;
use super::{Failure, Outcome};
use crate::client::Link;
use crate::engine::{self, State, attention};
use crate::model::event::RunEvent;
use crate::model::snapshot::{AttentionKind, AttentionRow, RunPhase};
use crate::model::{Command, EffectId, Event, Record, TaskId, Timestamp};
use crate::protocol::client::{Ask, Message};
use crate::server::places::Places;
use crate::server::{clock, describe};

/// Exit code when only a person can go on.
const NEEDS_PERSON: u8 = 3;

/// Who answers what waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Nobody: the rows are printed.
    Nobody,
    /// The demo's policy: allow, approve, re-prompt. Each answer is printed.
    Policy,
}

/// Follows the run to its end.
pub fn follow(places: &Places, answers: Answers) -> Outcome {
    let mut events = project::link(places)?;
    let mut runner = Runner { link: project::link(places)?, state: None, answers, told: BTreeSet::new() };
    let mut message = events.ask(Ask::Follow { after: 0 })?;
    loop {
        match message {
            Message::Event { record, at_rest } => {
                if let Some(code) = runner.take(&record, at_rest)? {
                    return Ok(code);
                }
            }
            Message::Notice { text, bad } => {
                let sign = if bad { "! note" } else { "  note" };
                let text = text.replace('\n', "\n                  ");
                say!("{}", super::shown(&format!("          {sign}: {text}")));
            }
            Message::Refused(reason) => return Err(Failure::new(reason)),
            _ => {}
        }
        message = events.receive()?;
    }
}

struct Runner {
    link: Link,
    state: Option<State>,
    answers: Answers,
    /// Rows that were printed or answered, by what they ask and since when.
    told: BTreeSet<(Option<TaskId>, Option<EffectId>, Timestamp, String)>,
}

impl Runner {
    /// Takes an event in; the exit code, if that was the last.
    fn take(&mut self, record: &Record, at_rest: bool) -> Result<Option<u8>, Failure> {
        match (&mut self.state, &record.event) {
            (_, Event::Run(RunEvent::Started(start))) => {
                let (state, _) = engine::start(start, record.at);
                print(&state, record);
                self.state = Some(state);
            }
            (Some(state), event) => {
                print(state, record);
                drop(engine::update(state, event, record.at));
            }
            (None, _) => return Ok(None),
        }
        let answered = self.rows()?;
        if !at_rest || answered {
            return Ok(None);
        }
        self.end()
    }

    /// Prints rows that are new, and answers them if the policy does; whether it answered any.
    fn rows(&mut self) -> Result<bool, Failure> {
        let Some(state) = &self.state else { return Ok(false) };
        let mut answered = false;
        for row in attention::rows(state) {
            let key = (row.task.clone(), row.effect, row.since, row.text.clone());
            if !self.told.insert(key) {
                continue;
            }
            say_words!("          {}", attention_line(&row, clock::now()));
            let command = (self.answers == Answers::Policy).then(|| policy_answer(&row)).flatten();
            if let Some((command, words)) = command {
                say!("          policy: {words}");
                match self.link.ask(Ask::Command(command))? {
                    Message::Done => answered = true,
                    Message::Refused(reason) => say!("          refused: {reason}"),
                    _ => {}
                }
            }
        }
        Ok(answered)
    }

    fn end(&mut self) -> Result<Option<u8>, Failure> {
        let Some(state) = &self.state else { return Ok(None) };
        let snapshot = engine::snapshot(state, "", clock::now());
        let counts = snapshot.counts();
        let total = snapshot.tasks.len();
        say!(
            "{} of {total} tasks done, {} · {}",
            counts.done,
            state.run.usage.dollars(),
            state.integration_branch()
        );
        Ok(Some(match engine::snapshot::run_phase(state) {
            RunPhase::Complete => 0,
            RunPhase::Incomplete | RunPhase::Stopped => 1,
            RunPhase::Planning | RunPhase::Proposed | RunPhase::Working => {
                say!(
                    "only you can go on: `loopmon` shows it; answer there, or with `loopmon approve`, `reject`, `retry`"
                );
                NEEDS_PERSON
            }
        }))
    }
}

fn print(before: &State, record: &Record) {
    if let Some((task, text)) = describe::line(before, &record.event) {
        say!("{}", super::events::event_line(record, task.as_ref(), &text));
    }
}

/// What the demo's policy answers, and how it says so.
fn policy_answer(row: &AttentionRow) -> Option<(Command, String)> {
    let task = row.task.clone()?;
    match row.kind {
        AttentionKind::Approval => {
            Some((Command::Approve(task.clone()), format!("allow what {} asks for {task}", row.source)))
        }
        AttentionKind::Review => {
            Some((Command::Approve(task.clone()), format!("approve {task}: its gates and reviewers passed")))
        }
        AttentionKind::Stuck if row.effect.is_some() => {
            let text = "You went quiet. Go on with your task.".to_owned();
            Some((
                Command::Prompt(task.clone(), text),
                format!("re-prompt {}, which went silent on {task}", row.source),
            ))
        }
        AttentionKind::Stuck => Some((Command::Retry(task.clone()), format!("try {task} again"))),
        AttentionKind::Question | AttentionKind::Conflict | AttentionKind::Budget | AttentionKind::Said => {
            None
        }
    }
}
