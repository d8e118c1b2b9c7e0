//! What is worth keeping of a run's events, by task and round.
//!
//! Not for how it looks. Invariant: entries are only added; what changes later (a finding's state) is in the state.

use std::collections::BTreeMap;

use super::page;
use crate::engine::{self, EffectKind, GateTree, State};
use crate::model::event::{GateEvent, MergeEvent, PersonEvent, RunEvent, StepEvent, WorkEvent};
use crate::model::{
    Event, GateResult, Record, RunId, StepKind, StepOutcome, TaskId, Timestamp, Verdict, Vote, counted,
};
use crate::server::describe;

/// Something that was said of a task's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// In which round; 0 before the first.
    pub round: u32,
    /// The first line, and what belongs to it.
    pub text: String,
}

/// A run and what was said in it.
pub struct Book {
    state: State,
    entries: BTreeMap<TaskId, Vec<Entry>>,
    /// Pages as they were last written.
    written: BTreeMap<TaskId, String>,
}

impl Book {
    /// The book of a run that begins.
    pub fn new(first: &Record) -> Option<Book> {
        let Event::Run(RunEvent::Started(start)) = &first.event else { return None };
        let (state, _) = engine::start(start, first.at);
        Some(Book { state, entries: BTreeMap::new(), written: BTreeMap::new() })
    }

    /// Of which run it is.
    pub fn run(&self) -> &RunId {
        &self.state.run.id
    }

    /// Takes an event in; whether it is the next one, or known already.
    pub fn take(&mut self, record: &Record) -> bool {
        if record.seq <= self.state.seq {
            return true;
        }
        if record.seq > self.state.seq + 1 {
            return false;
        }
        if let Some((task, text)) = said(&self.state, &record.event) {
            let round = self.state.tasks.get(&task).map_or(0, |task| task.round);
            self.entries.entry(task).or_default().push(Entry { at: record.at, round, text });
        }
        drop(engine::update(&mut self.state, &record.event, record.at));
        true
    }

    /// Pages that are not as they were written last; they count as written.
    pub fn changed(&mut self) -> Vec<(TaskId, String)> {
        let mut changed = Vec::new();
        for (id, entries) in &self.entries {
            let Some(task) = self.state.tasks.get(id) else { continue };
            let text = page::page(&self.state, task, entries);
            if self.written.get(id) != Some(&text) {
                changed.push((id.clone(), text));
            }
        }
        self.written.extend(changed.iter().cloned());
        changed
    }
}

/// What an event says of a task's work.
fn said(before: &State, event: &Event) -> Option<(TaskId, String)> {
    let flying = |effect| before.in_flight.get(&effect);
    match event {
        Event::Step(StepEvent::Ended { effect, outcome }) => match flying(*effect)? {
            EffectKind::RunStep { task: Some(task), agent, brief, .. } if brief.step == StepKind::Review => {
                let tip = brief.tip.as_ref().map_or("?", |tip| tip.short());
                Some((task.clone(), format!("**{agent}** on `{tip}`: {}", voted(outcome)?)))
            }
            _ => None,
        },
        Event::Gate(GateEvent::Finished { effect, result }) => match flying(*effect)? {
            EffectKind::RunGate { task, on, .. } => Some((task.clone(), gate(*on, result))),
            _ => None,
        },
        Event::Work(WorkEvent::Committed { effect, oid, change, .. }) => {
            let (files, added, removed) = (counted(change.files, "file"), change.added, change.removed);
            let text = format!("commit `{}`: {files}, +{added} −{removed}", oid.short());
            Some((flying(*effect)?.task()?.clone(), text))
        }
        Event::Merge(event) => merge(before, event),
        Event::Person(event) => person(before, event),
        Event::Run(_)
        | Event::Step(_)
        | Event::Gate(_)
        | Event::Work(_)
        | Event::Setup(_)
        | Event::Timer(_) => None,
    }
}

fn voted(outcome: &StepOutcome) -> Option<String> {
    Some(match outcome {
        StepOutcome::Reviewed { verdict: Verdict { vote, summary, remarks } } => {
            let vote = match vote {
                Vote::Approve => "approves",
                Vote::RequestChanges => "requests changes",
            };
            let found = if remarks.is_empty() {
                String::new()
            } else {
                format!(" ({})", counted(remarks.len(), "remark"))
            };
            format!("{vote}{found}\n{}", summary.trim())
        }
        StepOutcome::Failed { message, .. } => format!("no vote: {message}"),
        StepOutcome::Invalid { errors } => format!("no vote, asked again: {}", errors.join("; ")),
        StepOutcome::TimedOut => "no vote: it ran out of time".to_owned(),
        StepOutcome::Lost => "no vote: its process is gone".to_owned(),
        StepOutcome::Worked { .. } | StepOutcome::Planned { .. } | StepOutcome::Cancelled => return None,
    })
}

fn gate(on: GateTree, result: &GateResult) -> String {
    let tree = match on {
        GateTree::Work => "",
        GateTree::Merge => ", the merged tree",
        GateTree::Base => ", before the task",
    };
    let how = match (result.passed(), result.timed_out, result.code) {
        (true, ..) => "passed".to_owned(),
        (_, true, _) => "ran out of time".to_owned(),
        (_, _, Some(code)) => format!("**failed** with exit code {code}"),
        (_, _, None) => "was ended by a signal".to_owned(),
    };
    let seconds = result.duration_ms / 1000;
    let log = if result.log.is_empty() { String::new() } else { format!("; `loopmon logs {}`", result.log) };
    format!("gate {} on `{}`{tree}: {how} ({seconds} s{log})", result.gate, result.oid.short())
}

fn merge(before: &State, event: &MergeEvent) -> Option<(TaskId, String)> {
    let task = |effect| before.in_flight.get(effect).and_then(|kind| kind.task().cloned());
    Some(match event {
        MergeEvent::CandidateBuilt { effect, commit, onto, .. } => {
            (task(effect)?, format!("merge `{}` built on `{}`", commit.short(), onto.short()))
        }
        MergeEvent::Conflicted { effect, files, .. } => {
            let names: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
            (task(effect)?, format!("its merge conflicts in {}", names.join(", ")))
        }
        MergeEvent::Advanced { effect, tip } => {
            (task(effect)?, format!("**merged**: {} is at `{}`", before.integration_branch(), tip.short()))
        }
        MergeEvent::Foreseen { .. } => {
            let (task, text) = describe::line(before, &Event::Merge(event.clone()))?;
            (task?, text)
        }
        MergeEvent::Staged { .. } | MergeEvent::Lost { .. } | MergeEvent::Failed { .. } => return None,
    })
}

fn person(before: &State, event: &PersonEvent) -> Option<(TaskId, String)> {
    // Pausing and the like says nothing of the work.
    if matches!(event, PersonEvent::Paused { .. } | PersonEvent::Resumed { .. }) {
        return None;
    }
    let (task, text) = describe::line(before, &Event::Person(event.clone()))?;
    Some((task?, text))
}
