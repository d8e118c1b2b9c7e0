//! The runtime: the one writer of the state. Everything that happens comes in one line, is made durable, is taken into
//! the state, and only then acted upon.
//!
//! Invariant: no effect runs, and nobody is told "done", before the event behind it is on the disk. If the log can't be
//! written, nothing new is started and what happened meanwhile waits here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::effects;
use super::project::Project;
use super::said::{Said, Saying};
use super::shared::Shared;
use super::{clock, failpoints, settings, start};
use crate::config::Problems;
use crate::engine::{self, State};
use crate::model::event::{PersonEvent, RunEvent, StepEvent};
use crate::model::snapshot::Notice;
use crate::model::{Command, Event, Record, RunId, SessionId, Snapshot, Timestamp, counted};
use crate::protocol::client::StartRun;
use crate::store::{Store, StoreError};

/// Between two snapshots at least.
const FRAME: Duration = Duration::from_millis(16);
/// Making them takes one part in so many of the time at most: of thousands of tasks one takes longer than a frame.
const SHARE: u32 = 8;
/// Between two snapshots at most.
const SLOWEST: Duration = Duration::from_secs(1);
/// Between two tries to write a log that could not be written.
const RETRY: Duration = Duration::from_secs(2);
/// Notices of the server itself that are kept.
const NOTICES: usize = 20;

/// Said of settings that were taken up; only the last time is worth a notice.
const READ_AGAIN: &str = "the settings were read again";

/// A message to the runtime.
#[derive(Debug)]
pub enum Message {
    /// Something happened to the run.
    Happened(Event),
    /// A person or script asks.
    Command {
        /// What.
        command: Command,
        /// Where the answer goes: the refusal, if it is one.
        answer: oneshot::Sender<Result<(), String>>,
    },
    /// A run is to be started.
    Start {
        /// Which.
        request: Box<StartRun>,
        /// Where the answer goes.
        answer: oneshot::Sender<Result<RunId, String>>,
    },
    /// The configuration was read anew: taken up, or refused with its problems.
    Configured(Result<Box<Project>, Problems>),
    /// Something that people should know.
    Notice {
        /// One line.
        text: String,
        /// Whether it is bad news.
        bad: bool,
    },
    /// An agent says something by a notification of its terminal.
    Said {
        /// Which.
        session: SessionId,
        /// What.
        saying: Saying,
    },
    /// What agents ask people has changed.
    Asked,
    /// A person has seen what an agent says.
    Dismiss(SessionId),
    /// The server is to end; sessions go on under their keepers.
    Shutdown,
}

/// What the rest of the server sees of the runtime.
#[derive(Clone, Debug)]
pub struct View {
    /// The latest snapshot.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Every event since the server began, for followers.
    pub records: tokio::sync::broadcast::Sender<Arc<(RunId, Record)>>,
}

/// The runtime and all it owns.
pub struct Runtime {
    shared: Arc<Shared>,
    store: Store,
    state: Option<State>,
    messages: mpsc::UnboundedReceiver<Message>,
    snapshot: watch::Sender<Arc<Snapshot>>,
    records: tokio::sync::broadcast::Sender<Arc<(RunId, Record)>>,
    /// Events that could not be written yet, and why.
    unwritten: VecDeque<Event>,
    why_unwritten: String,
    retry_at: Option<Instant>,
    notices: Vec<Notice>,
    said: Said,
    /// The notice of mistakes in the settings that are there now.
    mistakes: Option<String>,
    dirty: bool,
    published: Instant,
    /// Between that and the next.
    frame: Duration,
}

impl Runtime {
    /// The runtime, with the latest run taken up from the log.
    pub fn new(
        shared: Arc<Shared>,
        store: Store,
        messages: mpsc::UnboundedReceiver<Message>,
    ) -> Result<(Runtime, View), StoreError> {
        let (snapshot, receiver) = watch::channel(Arc::new(Snapshot::default()));
        let (records, _) = tokio::sync::broadcast::channel(4096);
        let view = View { snapshot: receiver, records: records.clone() };
        let state = start::latest(&store)?;
        let mut runtime = Runtime {
            shared,
            store,
            state,
            messages,
            snapshot,
            records,
            unwritten: VecDeque::new(),
            why_unwritten: String::new(),
            retry_at: None,
            notices: Vec::new(),
            said: Said::default(),
            mistakes: None,
            dirty: true,
            published: Instant::now(),
            frame: FRAME,
        };
        runtime.recover()?;
        runtime.publish();
        Ok((runtime, view))
    }

    /// Until the server ends. The error is why it has to.
    pub async fn run(mut self) -> Result<(), StoreError> {
        let ended = self.serve().await;
        if let Err(error) = &ended {
            let hint = "agents go on; put that right and start `loopmon` again";
            self.shared.set_last_words(format!("the server has ended: {error}; {hint}"));
        }
        ended
    }

    async fn serve(&mut self) -> Result<(), StoreError> {
        loop {
            let publish_at = self.dirty.then_some(self.published + self.frame);
            tokio::select! {
                message = self.messages.recv() => {
                    let Some(message) = message else { return Ok(()) };
                    if self.take_all(message)? {
                        return Ok(());
                    }
                }
                () = at(publish_at) => self.publish(),
                () = at(self.retry_at) => self.write_again()?,
            }
            if self.dirty && self.published.elapsed() >= self.frame {
                self.publish();
            }
        }
    }

    /// Takes a message and all that wait behind it; events in a row are written together. Whether it is over.
    fn take_all(&mut self, first: Message) -> Result<bool, StoreError> {
        let mut next = Some(first);
        let mut events = Vec::new();
        while let Some(message) = next {
            match message {
                Message::Happened(event) => events.push(event),
                other => {
                    self.happen(std::mem::take(&mut events))?;
                    if self.take(other)? {
                        return Ok(true);
                    }
                }
            }
            next = self.messages.try_recv().ok();
        }
        self.happen(events)?;
        Ok(false)
    }

    fn take(&mut self, message: Message) -> Result<bool, StoreError> {
        match message {
            Message::Happened(event) => self.happen(vec![event])?,
            Message::Command { command, answer } => {
                let result = self.command(&command)?;
                // Whoever asks next sees what this changed.
                self.publish();
                let _gone = answer.send(result);
            }
            Message::Start { request, answer } => {
                let result = self.start(*request)?;
                self.publish();
                let _gone = answer.send(result);
            }
            Message::Configured(result) => self.configured(result)?,
            Message::Notice { text, bad } => self.notice(text, bad),
            Message::Said { session, saying } => {
                self.said.take(session, saying, clock::now());
                self.dirty = true;
            }
            Message::Asked => self.dirty = true,
            Message::Dismiss(session) => self.dirty |= self.said.dismiss(&session),
            Message::Shutdown => return Ok(true),
        }
        Ok(false)
    }

    fn command(&mut self, command: &Command) -> Result<Result<(), String>, StoreError> {
        if let Some(why) = self.still_unwritten()? {
            return Ok(Err(why));
        }
        let Some(state) = &self.state else {
            return Ok(Err("there is no run yet".to_owned()));
        };
        let event = match self.decide(state, command) {
            Err(refusal) => return Ok(Err(refusal.0)),
            Ok(event) => event,
        };
        match self.write(vec![Event::Person(event.clone())]) {
            Ok(()) => Ok(Ok(())),
            Err(error @ StoreError::Fenced { .. }) => Err(error),
            Err(error) => {
                self.shared.questions.not_decided(&event);
                Ok(Err(error.to_string()))
            }
        }
    }

    /// What a request becomes. Where an agent asks, words for its task are the answer, and so is what else would be
    /// refused.
    fn decide(&self, state: &State, command: &Command) -> Result<PersonEvent, engine::Refusal> {
        let decision = engine::decide(state, command);
        if !matches!(decision, Err(_) | Ok(PersonEvent::Prompted { .. })) {
            return decision;
        }
        self.shared.questions.answer_by(command).map_or(decision, Ok)
    }

    fn start(&mut self, request: StartRun) -> Result<Result<RunId, String>, StoreError> {
        if let Some(why) = self.still_unwritten()? {
            return Ok(Err(why));
        }
        if let Some(state) = &self.state
            && let Err(reason) = start::may_follow(state)
        {
            return Ok(Err(reason));
        }
        let begun = match start::prepare(&self.shared, &self.store, request) {
            Ok(begun) => begun,
            Err(reason) => return Ok(Err(reason)),
        };
        let (run, now) = (begun.run.clone(), clock::now());
        let record =
            Record { seq: 1, at: now, event: Event::Run(RunEvent::Started(Box::new(begun.clone()))) };
        failpoints::pass("a run, not in the log yet");
        match self.store.add_run(&run, now, &begun.goal, std::slice::from_ref(&record)) {
            Err(error @ StoreError::Fenced { .. }) => return Err(error),
            Err(error) => return Ok(Err(error.to_string())),
            Ok(()) => {}
        }
        failpoints::pass("a run, in the log");
        let (state, effects) = engine::start(&begun, now);
        self.state = Some(state);
        self.tell(&run, record);
        self.execute(effects, now);
        self.dirty = true;
        Ok(Ok(run))
    }

    /// Takes events in; those that can't be written wait.
    fn happen(&mut self, events: Vec<Event>) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        if !self.unwritten.is_empty() {
            self.unwritten.extend(events);
            return Ok(());
        }
        match self.write(events.clone()) {
            Ok(()) => Ok(()),
            Err(error @ StoreError::Fenced { .. }) => Err(error),
            Err(error) => {
                self.why_unwritten = format!("nothing new is started: {error}");
                self.notice(self.why_unwritten.clone(), true);
                self.unwritten.extend(events);
                self.retry_at = Some(Instant::now() + RETRY);
                Ok(())
            }
        }
    }

    /// What came before a request goes into the log before it: why it can't, if it can't.
    fn still_unwritten(&mut self) -> Result<Option<String>, StoreError> {
        if !self.unwritten.is_empty() {
            self.write_again()?;
        }
        Ok((!self.unwritten.is_empty()).then(|| self.why_unwritten.clone()))
    }

    fn write_again(&mut self) -> Result<(), StoreError> {
        self.retry_at = None;
        let events: Vec<Event> = self.unwritten.drain(..).collect();
        let count = events.len();
        self.happen(events)?;
        if self.unwritten.is_empty() {
            self.notice(
                format!(
                    "the log can be written again; what came meanwhile was kept ({})",
                    counted(count, "event")
                ),
                false,
            );
        }
        Ok(())
    }

    /// Durable first, then taken in, then acted upon.
    fn write(&mut self, events: Vec<Event>) -> Result<(), StoreError> {
        let Some(state) = &mut self.state else { return Ok(()) };
        let (run, now) = (state.run.id.clone(), clock::now());
        let records: Vec<Record> = events
            .into_iter()
            .zip(state.seq + 1..)
            .map(|(event, seq)| Record { seq, at: now, event })
            .collect();
        let store = &mut self.store;
        failpoints::pass("events, not in the log yet");
        tokio::task::block_in_place(|| store.append(&run, &records))?;
        failpoints::pass("events, in the log");
        let mut effects = Vec::new();
        for record in &records {
            effects.extend(engine::update(state, &record.event, record.at));
        }
        for record in records {
            self.tell(&run, record);
        }
        self.execute(effects, now);
        self.dirty = true;
        Ok(())
    }

    fn tell(&self, run: &RunId, record: Record) {
        let _nobody_listens = self.records.send(Arc::new((run.clone(), record)));
    }

    fn execute(&self, effects: Vec<engine::Effect>, now: Timestamp) {
        let Some(state) = &self.state else { return };
        for effect in effects {
            if self.shared.questions.carry_out(&effect) {
                self.shared.report(Event::Step(StepEvent::Controlled { effect: effect.id, error: None }));
                continue;
            }
            effects::execute(&self.shared, state, effect, now);
        }
    }

    /// The log was taken up: what was in flight is looked at, told, and asked for again.
    fn recover(&mut self) -> Result<(), StoreError> {
        if let Some(text) = self.state.as_ref().and_then(|state| start::other_ground(&self.shared, state)) {
            self.notice(text, true);
        }
        match &self.state {
            Some(state) if !state.in_flight.is_empty() => {
                self.happen(vec![Event::Run(start::recovered(&self.shared, state))])
            }
            _ => Ok(()),
        }
    }

    fn configured(&mut self, result: Result<Box<Project>, Problems>) -> Result<(), StoreError> {
        // Whatever was wrong before is put right, or told anew.
        let told = self.mistakes.take();
        self.notices.retain(|notice| Some(&notice.text) != told.as_ref() && notice.text != READ_AGAIN);
        let project = match result {
            Ok(project) => project.following(&self.shared.project()),
            Err(problems) => {
                self.shared.set_mistake(problems.list.first().map(settings::place));
                self.mistaken(format!("{problems}\nthe settings from before hold until this is put right"));
                return Ok(());
            }
        };
        self.shared.set_mistake(project.spare.first().map(settings::place));
        let spare: Vec<String> = project.spare.iter().map(ToString::to_string).collect();
        let changed = self.state.as_ref().map(|state| start::policy_for(state, &project));
        if project.other_ground {
            let text = "[repositories] is read when the server starts: `loopmon stop --server` ends it, agents go on";
            self.notice(text.to_owned(), true);
        }
        self.shared.set_project(project);
        if spare.is_empty() {
            self.notice(READ_AGAIN.to_owned(), false);
        } else {
            self.mistaken(format!(
                "{}\nthis theme is not in use; everything else was read again",
                spare.join("\n")
            ));
        }
        if let (Some(policy), Some(state)) = (changed, &self.state)
            && policy != state.policy
        {
            self.happen(vec![Event::Run(RunEvent::PolicyChanged(Box::new(policy)))])?;
        }
        Ok(())
    }

    /// Tells of mistakes in the settings, as long as they are there.
    fn mistaken(&mut self, text: String) {
        self.notice(text.clone(), true);
        self.mistakes = Some(text);
    }

    fn notice(&mut self, text: String, bad: bool) {
        tracing::info!(bad, "{text}");
        if self.notices.last().is_none_or(|last| last.text != text) {
            self.notices.push(Notice { at: clock::now(), bad, text });
        }
        let surplus = self.notices.len().saturating_sub(NOTICES);
        self.notices.drain(..surplus);
        self.dirty = true;
    }

    fn publish(&mut self) {
        let begin = Instant::now();
        let project = self.shared.places.name();
        let mut snapshot = match &self.state {
            Some(state) => engine::snapshot(state, &project, clock::now()),
            None => Snapshot { project, ..Snapshot::default() },
        };
        self.shared.questions.show(&mut snapshot);
        for words in self.said.settle(&snapshot.sessions) {
            self.notice(words, false);
        }
        snapshot.said = self.said.rows(&snapshot.sessions);
        snapshot.unguarded.clone_from(&self.shared.project().unguarded);
        snapshot.notices.extend(self.notices.iter().cloned());
        snapshot.notices.sort_by_key(|notice| notice.at);
        self.snapshot.send_replace(Arc::new(snapshot));
        self.dirty = false;
        self.published = Instant::now();
        self.frame = (self.published.duration_since(begin) * SHARE).clamp(FRAME, SLOWEST);
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
