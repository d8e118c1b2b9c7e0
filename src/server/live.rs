//! Sessions that run, by the effect that started them: what control effects need to know of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::{EffectId, SessionId};

/// What is typed into an agent's terminal for a person's answers.
#[derive(Clone, Debug, Default)]
pub struct AnswerKeys {
    /// To allow.
    pub approve: String,
    /// To deny.
    pub deny: String,
    /// To interrupt a turn.
    pub interrupt: String,
}

/// A session that runs.
#[derive(Debug)]
pub struct LiveSession {
    /// Its id.
    pub id: SessionId,
    /// Its keys.
    pub keys: AnswerKeys,
    ending: AtomicBool,
    standstill: Mutex<Standstill>,
}

/// The time in which a session could not work, because it was paused or waited for a person.
#[derive(Debug, Default)]
struct Standstill {
    paused: bool,
    asking: bool,
    waiting: bool,
    since: Option<Instant>,
    past: Duration,
}

impl Standstill {
    fn settle(&mut self) {
        let holds = self.paused || self.asking || self.waiting;
        match self.since {
            None if holds => self.since = Some(Instant::now()),
            Some(since) if !holds => {
                self.past += since.elapsed();
                self.since = None;
            }
            _ => {}
        }
    }
}

impl LiveSession {
    /// A session that has just begun.
    pub fn new(id: SessionId, keys: AnswerKeys) -> LiveSession {
        LiveSession { id, keys, ending: AtomicBool::new(false), standstill: Mutex::default() }
    }

    /// It is being ended on request: however it ends now, it was cancelled.
    pub fn set_ending(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// Whether it is being ended on request.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Its processes are stopped, or go on.
    pub fn set_paused(&self, paused: bool) {
        let mut standstill = self.standstill();
        standstill.paused = paused;
        standstill.settle();
    }

    /// Whether its processes are stopped.
    pub fn is_paused(&self) -> bool {
        self.standstill().paused
    }

    /// It waits for a person's answer, or has it.
    pub fn set_asking(&self, asking: bool) {
        let mut standstill = self.standstill();
        standstill.asking = asking;
        standstill.settle();
    }

    /// One of its calls waits for a person, or does not any more.
    pub fn set_waiting(&self, waiting: bool) {
        let mut standstill = self.standstill();
        standstill.waiting = waiting;
        standstill.settle();
    }

    /// Whether it can't work at this moment.
    pub fn stands_still(&self) -> bool {
        self.standstill().since.is_some()
    }

    /// How long it could not work so far: no limit of its time counts that.
    pub fn stood_still(&self) -> Duration {
        let standstill = self.standstill();
        standstill.past + standstill.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn standstill(&self) -> MutexGuard<'_, Standstill> {
        self.standstill.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every session that runs.
#[derive(Debug, Default)]
pub struct LiveSessions(Mutex<BTreeMap<EffectId, Arc<LiveSession>>>);

impl LiveSessions {
    /// Adds one.
    pub fn add(&self, effect: EffectId, session: LiveSession) -> Arc<LiveSession> {
        let session = Arc::new(session);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(effect, Arc::clone(&session));
        session
    }

    /// The session of an effect.
    pub fn get(&self, effect: EffectId) -> Option<Arc<LiveSession>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&effect).cloned()
    }

    /// Takes one away that has ended.
    pub fn remove(&self, effect: EffectId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&effect);
    }
}
