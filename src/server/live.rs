//! Sessions that run, by the effect that started them: what control effects need to know of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

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
    paused: AtomicBool,
    changed: Notify,
}

impl LiveSession {
    /// A session that has just begun.
    pub fn new(id: SessionId, keys: AnswerKeys) -> LiveSession {
        LiveSession {
            id,
            keys,
            ending: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// It is being ended on request: however it ends now, it was cancelled.
    pub fn set_ending(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// Whether it is being ended on request.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Its processes are stopped, or go on: clocks that watch it stop and go on too.
    pub fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
        self.changed.notify_one();
    }

    /// Whether its processes are stopped.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
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
