//! One update at work: the state, the moment, the effects gathered so far. The areas add their methods in their files.

use super::effect::{ControlAction, Effect, EffectKind};
use super::state::{Session, Stage, State, Task};
use crate::model::snapshot::Notice;
use crate::model::{
    AgentState, AgentStatus, AttentionReason, EffectId, Event, Hold, Phase, StatusSource, TaskId, Timestamp,
};

/// How many notices are kept.
const NOTICES: usize = 50;
/// How many sessions are remembered, ended ones included; their recordings stay.
const SESSIONS: usize = 2_000;

pub(super) struct Turn<'a> {
    pub state: &'a mut State,
    pub now: Timestamp,
    effects: Vec<Effect>,
}

impl<'a> Turn<'a> {
    pub fn new(state: &'a mut State, now: Timestamp) -> Turn<'a> {
        Turn { state, now, effects: Vec::new() }
    }

    pub fn finish(self) -> Vec<Effect> {
        self.effects
    }

    /// Takes the event's facts into the state.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Run(event) => self.apply_run(event),
            Event::Step(event) => self.apply_step(event),
            Event::Work(event) => self.apply_work(event),
            Event::Setup(event) => self.apply_setup(event),
            Event::Gate(event) => self.apply_gate(event),
            Event::Merge(event) => self.apply_merge(event),
            Event::Person(event) => self.apply_person(event),
            Event::Timer(effect) => self.fire(*effect),
        }
    }

    /// Asks for something; it is in flight until its completing event.
    pub fn emit(&mut self, kind: EffectKind) -> EffectId {
        let id = EffectId(self.state.next_effect);
        self.state.next_effect += 1;
        if let Some(session) = self.new_session(&kind) {
            self.forget_oldest_session();
            self.state.sessions.insert(id, session);
        }
        self.state.in_flight.insert(id, kind.clone());
        self.effects.push(Effect { id, kind });
        id
    }

    fn forget_oldest_session(&mut self) {
        if self.state.sessions.len() >= SESSIONS {
            let oldest =
                self.state.sessions.iter().find(|(_, session)| session.ended.is_some()).map(|(id, _)| *id);
            oldest.map(|id| self.state.sessions.remove(&id));
        }
    }

    /// Acts on a session.
    pub fn control(&mut self, target: EffectId, action: ControlAction) {
        self.emit(EffectKind::Control { target, action });
    }

    /// Asks again for everything that is in flight.
    pub fn emit_again(&mut self) {
        self.effects =
            self.state.in_flight.iter().map(|(id, kind)| Effect { id: *id, kind: kind.clone() }).collect();
    }

    /// Takes a completed effect out of flight; `None` for a late or repeated completion.
    pub fn complete(&mut self, effect: EffectId) -> Option<EffectKind> {
        let kind = self.state.in_flight.remove(&effect)?;
        if let Some(session) = self.state.sessions.get_mut(&effect) {
            session.ended = Some(self.now);
            session.stalled = false;
        }
        Some(kind)
    }

    pub fn task(&mut self, id: &TaskId) -> Option<&mut Task> {
        self.state.tasks.get_mut(id)
    }

    /// Moves a task to a phase.
    pub fn enter(&mut self, id: &TaskId, phase: Phase) {
        let now = self.now;
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        let was_over = task.phase.is_terminal();
        // Nobody else is in the queue.
        let waited = matches!(task.phase, Phase::MergeQueued | Phase::Merging);
        task.phase = phase;
        task.since = now;
        task.placed &= phase.is_working();
        if waited && phase != Phase::MergeQueued && phase != Phase::Merging {
            self.state.merge_queue.retain(|queued| queued != id);
        }
        if was_over || phase.is_terminal() {
            self.reconsider_dependents(id);
            self.mark_end();
        }
    }

    /// Those that wait for this task are looked at again.
    pub fn reconsider_dependents(&mut self, id: &TaskId) {
        let waiting = self.state.dependents.get(id).into_iter().flatten().cloned();
        self.state.unblocking.extend(waiting);
    }

    /// Whether the run has ended follows from its tasks, unless a person has stopped it.
    pub fn mark_end(&mut self) {
        if self.state.run.stage != Stage::Stopped {
            let ended = self.state.run.ended.unwrap_or(self.now);
            self.state.tasks.settle();
            self.state.run.ended = self.state.is_over().then_some(ended);
        }
    }

    /// Holds a task until a person acts; a task that is over needs nobody.
    pub fn need(&mut self, id: &TaskId, reason: AttentionReason) {
        let now = self.now;
        if let Some(task) = self.task(id).filter(|task| !task.phase.is_terminal()) {
            task.hold = Some(Hold::NeedsAttention(reason));
            task.placed = false;
            task.since = now;
        }
    }

    pub fn note(&mut self, bad: bool, text: String) {
        self.state.notices.push(Notice { at: self.now, bad, text });
        let surplus = self.state.notices.len().saturating_sub(NOTICES);
        self.state.notices.drain(..surplus);
    }

    fn round_of(&self, task: &TaskId) -> u32 {
        self.state.tasks.get(task).map_or(0, |task| task.round)
    }

    fn new_session(&self, kind: &EffectKind) -> Option<Session> {
        let (name, task, step, round, slot) = match kind {
            EffectKind::RunStep { agent, task, brief, .. } => {
                (agent.to_string(), task.clone(), Some(brief.step), brief.round, brief.slot)
            }
            EffectKind::RunSetup { line, task, .. } => {
                (line.program(), Some(task.clone()), None, self.round_of(task), 0)
            }
            EffectKind::RunGate { gate, task, .. } => {
                (gate.name.clone(), Some(task.clone()), None, self.round_of(task), 0)
            }
            _ => return None,
        };
        let status = AgentStatus {
            state: AgentState::Unknown,
            message: "starting".to_owned(),
            source: StatusSource::Process,
        };
        let setup = matches!(kind, EffectKind::RunSetup { .. });
        Some(Session {
            id: None,
            name,
            task,
            step,
            setup,
            round,
            slot,
            status,
            status_since: self.now,
            asked: None,
            stalled: false,
            paused: false,
            started: self.now,
            ended: None,
            usage: Default::default(),
        })
    }
}
