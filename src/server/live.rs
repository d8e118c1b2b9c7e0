//! Sessions that run, by the effect that started them: what control effects need to know of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::model::{EffectId, SessionId, Usage};

/// Hooks' events that may wait.
const HOOKED: usize = 64;

/// What is typed into an agent's terminal for a person's answers.
#[derive(Clone, Debug, Default)]
pub struct AnswerKeys {
    /// To allow.
    pub approve: String,
    /// To deny.
    pub deny: String,
    /// To interrupt a turn.
    pub interrupt: String,
    /// It is told apart when it works and when it is between turns: words wait for that.
    pub has_turns: bool,
    /// It is headless, and answers and words are given to it while it works.
    pub talks: bool,
}

/// A person's answer to what an agent asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it may.
    pub allow: bool,
    /// What is typed for that, if it has a terminal.
    pub keys: String,
    /// The person's words.
    pub words: String,
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
    /// What answers the dialog that its screen shows, where that is not its usual keys.
    answers: Mutex<(Option<String>, Option<String>)>,
    /// A person's answer, which it has to take.
    answer: Mutex<Option<Answer>>,
    /// A person wants its turn to end.
    interrupting: AtomicBool,
    /// Words that wait until it is between turns.
    words: Mutex<Vec<String>>,
    /// What its program's hooks told.
    hooked: Mutex<Vec<Hooked>>,
}

/// What a hook of a session's program told.
#[derive(Clone, Debug)]
pub struct Hooked {
    /// The event, as that program says it.
    pub event: Value,
    /// What the provider's session has used in all, if the program keeps an account of it.
    pub usage: Option<Usage>,
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
        LiveSession {
            id,
            keys,
            ending: AtomicBool::new(false),
            standstill: Mutex::default(),
            answers: Mutex::default(),
            answer: Mutex::default(),
            interrupting: AtomicBool::new(false),
            words: Mutex::default(),
            hooked: Mutex::default(),
        }
    }

    /// What is typed to answer what it asks now.
    pub fn answer_keys(&self, allow: bool) -> String {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (special, usual) =
            if allow { (&answers.0, &self.keys.approve) } else { (&answers.1, &self.keys.deny) };
        special.as_ref().unwrap_or(usual).clone()
    }

    /// Sets what answers the dialog that its screen shows.
    pub fn set_answers(&self, approve: Option<String>, deny: Option<String>) {
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner) = (approve, deny);
    }

    /// Has what it asks answered.
    pub fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    /// Takes a person's answer.
    pub fn take_answer(&self) -> Option<Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Has its turn ended, by whoever speaks to it.
    pub fn interrupt(&self) {
        self.interrupting.store(true, Ordering::Release);
    }

    /// Whether its turn is to end; asked once for each time.
    pub fn take_interrupt(&self) -> bool {
        self.interrupting.swap(false, Ordering::AcqRel)
    }

    /// Has words wait until it is between turns.
    pub fn say(&self, text: String) {
        self.words.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// Takes the words that wait.
    pub fn take_words(&self) -> Vec<String> {
        std::mem::take(&mut *self.words.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes note of what a hook told; of too many the oldest are forgotten.
    pub fn hook(&self, hooked: Hooked) {
        let mut all = self.hooked.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= HOOKED {
            all.remove(0);
        }
        all.push(hooked);
    }

    /// Takes what hooks told, the oldest first.
    pub fn take_hooked(&self) -> Vec<Hooked> {
        std::mem::take(&mut *self.hooked.lock().unwrap_or_else(PoisonError::into_inner))
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
