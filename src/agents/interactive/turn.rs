//! The state of a turn, and what follows from what is seen.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::manners::Manners;
use crate::agents::limit::Limit;
use crate::agents::stream::GO_ON;
use crate::model::agent::AgentKind;
use crate::model::{AgentState, AgentStatus};
use found::{Dialog, limit_of};

mod found;

pub use found::{Report, Sight};

/// An agent is looked at this long after its screen changed.
const REST: u64 = 120;
/// A screen that rests this long has come up.
const UP: u64 = 600;
/// A prompt that has not begun after this is sent off again.
const RECEIPT: u64 = 6_000;
/// So often it is tried.
const TRIES: u32 = 4;
/// A turn has ended when its agent was between turns for this long.
const SETTLED: u64 = 1_500;
/// A person who typed within this is still at it.
const TYPING: u64 = 10_000;
/// A dialog that came up less than this ago may not take keys yet.
const DIALOG_UP: u64 = 500;
/// An answer that a dialog did not take is given again after this.
const ANSWER_RECEIPT: u64 = 1_500;
/// A person who typed within this may have more to say: the agent is not sent away.
const TALKING: u64 = 60_000;
/// An agent that does not go when it is asked to is ended after this.
const GOING: u64 = 5_000;
/// One that rests without having ended its turn is put before a person after this: its end may be told late.
const LATE: u64 = 10_000;
/// One that has not come up after this, too; one that shows nothing at all is ended, to be started again.
const COMING_UP: u64 = 120_000;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Paste this.
    Paste(String),
    /// Type this.
    Type(String),
    /// Its status is this now, and these keys answer it.
    Status(AgentStatus, Option<String>, Option<String>),
    /// A person has to say how it goes on: why.
    Ask(String),
    /// It is to be ended by signals.
    End,
}

/// A turn. Times are milliseconds of any clock that only goes on.
#[derive(Debug)]
pub struct Turn {
    kind: AgentKind,
    manners: Manners,
    queue: VecDeque<String>,
    phase: Phase,
    /// When its screen changed last, until that was looked at.
    changed: Option<u64>,
    last_change: u64,
    typed: Option<u64>,
    /// When a person last typed into it or answered it.
    heeded: u64,
    status: Option<AgentStatus>,
    /// Since when it shows that.
    status_since: u64,
    /// What its screen and title showed last, and since when.
    seen: (Option<AgentState>, u64),
    /// When the change began that brought that, as far as is known.
    shown_from: u64,
    /// When the change began that is looked at.
    looked_from: u64,
    /// Whether its hooks have told anything: then they tell the end of a turn.
    hooked: bool,
    /// What a person answers to what it asks.
    answer: Option<Answer>,
    /// The dialog that it shows.
    dialog: Dialog,
    /// When a person is asked how it goes on, unless it does so by itself; none once that was done.
    ask_at: Option<u64>,
    /// Whether they are asked now.
    asking: bool,
    /// Since when it has been between turns.
    idle_since: Option<u64>,
    words: String,
    /// The limit that it has reached, by what is seen now.
    limit: Option<Limit>,
    /// Whether it was ended because of that.
    gave_up: bool,
    /// When the last turn ended; 0 before one has.
    ended_at: u64,
    /// Whether its first prompt was given.
    given: bool,
    /// Whether it was ended because it never came up.
    is_stillborn: bool,
}

/// Keys that answer a dialog, until it is gone.
#[derive(Debug)]
struct Answer {
    keys: String,
    due: u64,
    tries: u32,
    /// The dialog that the person saw: they answer nothing else.
    of: Dialog,
}

/// What it does, whether that is nothing, and when that was told.
#[derive(Debug, Clone, Copy)]
struct Stand {
    state: AgentState,
    rests: bool,
    told: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Phase {
    /// It comes up, or is between turns: the next of the queue may go in.
    Open,
    /// A prompt was pasted, its Enter is due.
    Pasted { text: String, enter: u64, tries: u32 },
    /// It was sent off: the agent has to show that it has begun.
    Sent { text: String, at: u64, tries: u32 },
    /// It works on it.
    Working,
    /// It did not begin, however often it was sent.
    Unheard { text: String },
    /// Its work is done: it is asked to go.
    Going { next: usize, at: u64 },
    /// It is to be ended.
    Ending,
    /// It was ended.
    Over,
}

/// What a later server has to know of a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    phase: Phase,
    queue: Vec<String>,
    /// Whether its first prompt was given.
    given: bool,
    /// Whether a turn of it has ended.
    ended: bool,
    /// Whether a person was asked how it goes on.
    asking: bool,
}

impl Turn {
    /// A turn that begins with this prompt; without one, it is under way.
    pub fn new(kind: AgentKind, prompt: Option<String>, now: u64) -> Turn {
        let given = prompt.is_none();
        let phase = if given { Phase::Working } else { Phase::Open };
        Turn {
            kind,
            manners: Manners::of(kind),
            queue: prompt.into_iter().collect(),
            phase,
            changed: None,
            last_change: now,
            typed: None,
            heeded: 0,
            status: None,
            status_since: now,
            seen: (None, 0),
            shown_from: 0,
            looked_from: now,
            hooked: false,
            answer: None,
            dialog: Dialog::default(),
            ask_at: Some(now + COMING_UP),
            asking: false,
            idle_since: None,
            words: String::new(),
            limit: None,
            gave_up: false,
            ended_at: 0,
            given,
            is_stillborn: false,
        }
    }

    /// The turn that an earlier server noted. What was pasted may not have been sent off.
    pub fn recalled(kind: AgentKind, noted: Noted, now: u64) -> Turn {
        let phase = match noted.phase {
            Phase::Pasted { text, .. } | Phase::Sent { text, .. } => Phase::Sent { text, at: now, tries: 1 },
            Phase::Going { .. } => Phase::Going { next: 0, at: now },
            phase => phase,
        };
        let ask_at = now + if noted.ended { LATE } else { COMING_UP };
        Turn {
            phase,
            queue: noted.queue.into(),
            given: noted.given,
            ended_at: u64::from(noted.ended),
            ask_at: Some(ask_at).filter(|_| !noted.asking),
            asking: noted.asking,
            ..Turn::new(kind, None, now)
        }
    }

    /// What a later server has to know.
    pub fn noted(&self) -> Noted {
        let queue = self.queue.iter().cloned().collect();
        let (given, ended, asking) = (self.given, self.ended_at > 0, self.asking);
        Noted { phase: self.phase.clone(), queue, given, ended, asking }
    }

    /// Whether that is what was noted.
    pub fn is_noted(&self, noted: &Noted) -> bool {
        let Noted { phase, queue, given, ended, asking } = noted;
        let now = (&self.phase, self.given, self.ended_at > 0, self.asking);
        (phase, *given, *ended, *asking) == now && self.queue == *queue
    }

    /// Words that it has not heard, and will not.
    pub fn take_unsaid(&mut self) -> Vec<String> {
        let prompt = usize::from(!self.given);
        self.queue.drain(..).skip(prompt).collect()
    }

    /// Its screen has changed.
    pub fn changed(&mut self, now: u64) {
        self.changed.get_or_insert(now);
        self.last_change = now;
    }

    /// A person has typed into its terminal.
    pub fn typed(&mut self, now: u64) {
        (self.typed, self.heeded) = (Some(now), now + 1);
        // What it still asks after that is told anew.
        self.status.take_if(|status| matches!(status.state, AgentState::Blocked(_)));
    }

    /// Words for it: they go in when it is between turns.
    pub fn say(&mut self, text: String) {
        self.say_again();
        self.queue.push_back(text);
    }

    /// A person's answer to what it asks, or to how it goes on.
    pub fn answer(&mut self, allow: bool, keys: String, now: u64) {
        if self.asking {
            return self.goes_on(allow);
        }
        let due = now.max(self.status_since + DIALOG_UP);
        self.answer = Some(Answer { keys, due, tries: 0, of: self.dialog.clone() });
    }

    /// What was not heard is said again, and who stopped is told to go on; or it is ended, and nothing counts as done.
    fn goes_on(&mut self, allow: bool) {
        self.asking = false;
        if !allow {
            self.queue.clear();
            self.gave_up = true;
            self.phase = Phase::Ending;
        } else if !matches!(self.phase, Phase::Unheard { .. }) && self.queue.is_empty() {
            self.queue.push_back(GO_ON.to_owned());
        } else {
            self.say_again();
        }
    }

    fn say_again(&mut self) {
        if let Phase::Unheard { text } = &self.phase {
            self.queue.push_front(text.clone());
            self.phase = Phase::Open;
        }
    }

    /// Whether its work was done: however its process ends now, it ended well.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Going { .. } | Phase::Over) && !self.gave_up
    }

    /// The limit for which it was ended: it can go on when that ends.
    pub fn limited(&self) -> Option<&Limit> {
        self.limit.as_ref().filter(|_| self.gave_up)
    }

    /// Whether it was ended because it never came up: nothing is lost if it is started again.
    pub fn is_stillborn(&self) -> bool {
        self.is_stillborn
    }

    /// Its last words on the screen.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// When it wants to be looked at again.
    pub fn deadline(&self) -> Option<u64> {
        let look = self.changed.map(|at| at + REST);
        let waits = match &self.phase {
            // A dialog, or a turn that somebody else began: what ends that changes its screen.
            Phase::Open if self.queue.is_empty() || self.idle_since.is_none() => None,
            Phase::Open => Some(self.last_change.max(self.typed.map_or(0, |at| at + TYPING)) + UP),
            Phase::Pasted { enter, .. } => Some(*enter),
            Phase::Sent { at, .. } => Some((at + RECEIPT).max(self.typed.map_or(0, |at| at + TYPING))),
            Phase::Working => {
                self.idle_since.map(|at| at.max(self.typed.map_or(0, |at| at + TALKING)) + SETTLED)
            }
            Phase::Going { at, .. } => Some(*at),
            Phase::Ending => Some(self.last_change),
            Phase::Unheard { .. } | Phase::Over => None,
        };
        let answer = self.answer.as_ref().map(|answer| answer.due);
        look.into_iter().chain(waits).chain(answer).chain(self.ask_at).min()
    }

    /// Looks at it; what is to be done, in order.
    pub fn look(&mut self, sight: &Sight<'_>, now: u64) -> Vec<Act> {
        self.looked_from = self.changed.unwrap_or(now);
        if self.changed.is_some_and(|at| at + REST <= now) {
            self.changed = None;
        }
        let mut acts = Vec::new();
        self.hooked |= sight.hooked.is_some();
        let (found, told) = self.found(sight, now);
        if !self.gave_up {
            self.limit = limit_of(found.as_ref(), sight);
        }
        let state = found.as_ref().map(|found| found.status.state).unwrap_or_default();
        if matches!(state, AgentState::Blocked(_)) {
            self.drop_stale_answer();
        }
        let rests = matches!(state, AgentState::Idle | AgentState::Done | AgentState::Error);
        // Who asks how it goes on has the word until something comes of it.
        self.asking &= rests || state == AgentState::Unknown;
        if let Some(found) = found.filter(|_| !self.asking)
            && self.status.as_ref() != Some(&found.status)
        {
            if self.status.as_ref().map(|status| status.state) != Some(found.status.state) {
                self.status_since = now;
            }
            self.status = Some(found.status.clone());
            acts.push(Act::Status(found.status, found.approve, found.deny));
        }
        self.idle_since = if rests { self.idle_since.or(Some(now)) } else { None };
        self.give_answer(state, now, &mut acts);
        self.advance(Stand { state, rests, told }, sight.lines, now, &mut acts);
        self.ask_in_time(state, sight.lines, now, &mut acts);
        acts
    }

    /// Another dialog than the one that the person saw is not answered: they are asked again.
    fn drop_stale_answer(&mut self) {
        match &mut self.answer {
            Some(answer) if answer.of.may_be(&self.dialog) => answer.of.learn(&self.dialog),
            Some(_) => (self.answer, self.status) = (None, None),
            None => {}
        }
    }

    /// Puts it before a person where nothing else would go on.
    fn ask_in_time(&mut self, state: AgentState, lines: &[String], now: u64, acts: &mut Vec<Act>) {
        let waits = match (&self.phase, self.ended_at) {
            (Phase::Open, 0) => !self.queue.is_empty() && !matches!(state, AgentState::Blocked(_)),
            (Phase::Open, _) => self.queue.is_empty(),
            (Phase::Pasted { .. } | Phase::Sent { .. }, 0) => true,
            _ => false,
        };
        if !waits {
            self.ask_at = None;
        } else if self.ask_at.take_if(|at| now >= *at).is_some() && matches!(self.phase, Phase::Open) {
            if self.ended_at == 0 && lines.iter().all(|line| line.trim().is_empty()) {
                (self.phase, self.gave_up, self.is_stillborn) = (Phase::Ending, true, true);
                return self.changed(now);
            }
            let failed = self.status.as_ref().filter(|status| status.state == AgentState::Error);
            let why = match (failed, self.ended_at) {
                (_, 0) => "it has not come up: look into its terminal".to_owned(),
                (Some(status), _) => format!("its turn failed: {}", status.message),
                (None, _) => "it stopped without an end: say how to go on".to_owned(),
            };
            self.ask(why, acts);
        }
    }

    fn ask(&mut self, why: String, acts: &mut Vec<Act>) {
        self.asking = true;
        acts.push(Act::Ask(why));
    }

    /// An answer is given until the dialog is gone; one that is never taken has the person asked again.
    fn give_answer(&mut self, state: AgentState, now: u64, acts: &mut Vec<Act>) {
        let Some(mut answer) = self.answer.take() else { return };
        if !matches!(state, AgentState::Blocked(_)) {
            return;
        }
        if answer.due > now {
            self.answer = Some(answer);
        } else if answer.tries >= TRIES {
            self.status = None;
        } else {
            acts.push(Act::Type(answer.keys.clone()));
            self.heeded = now + 1;
            answer.tries += 1;
            answer.due = now + ANSWER_RECEIPT;
            self.answer = Some(answer);
        }
    }

    fn advance(&mut self, stand: Stand, lines: &[String], now: u64, acts: &mut Vec<Act>) {
        let Stand { state, rests, told } = stand;
        let typed_within = |span: u64| self.typed.is_some_and(|at| now < at + span);
        let (person, talks) = (typed_within(TYPING), typed_within(TALKING));
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Open => {
                let is_up = now >= self.last_change + UP;
                // A person began a turn by hand; or what ended as if it were interrupted has ended well, and told it late.
                let late = state == AgentState::Done && told > self.ended_at;
                let begun = (state == AgentState::Working || late) && self.queue.is_empty();
                self.phase = if begun { Phase::Working } else { Phase::Open };
                if rests
                    && is_up
                    && !person
                    && let Some(text) = self.queue.pop_front()
                {
                    acts.push(Act::Paste(text.clone()));
                    self.given = true;
                    self.phase = Phase::Pasted { text, enter: now + self.manners.paste_pause, tries: 1 };
                }
            }
            Phase::Pasted { text, enter, tries } if now >= enter => {
                acts.push(Act::Type("\r".to_owned()));
                self.idle_since = None;
                self.phase = Phase::Sent { text, at: now, tries };
            }
            Phase::Sent { .. } if !rests && state != AgentState::Unknown => self.phase = Phase::Working,
            // A turn can be over before anybody looked.
            Phase::Sent { at, .. } if matches!(state, AgentState::Done | AgentState::Error) && told > at => {
                self.phase = Phase::Working
            }
            Phase::Sent { text, at, tries } if now >= at + RECEIPT && !person => {
                self.send_again(text, tries, lines, now, acts)
            }
            // Somebody sent it off by hand.
            Phase::Unheard { .. } if state == AgentState::Working => self.phase = Phase::Working,
            Phase::Ending => acts.push(Act::End),
            Phase::Working if rests && !talks && self.has_settled(now) => {
                self.turn_ended(state, lines, now, acts)
            }
            Phase::Going { next, at } if now >= at => self.go(next, now, acts),
            phase => self.phase = phase,
        }
    }

    fn has_settled(&self, now: u64) -> bool {
        self.idle_since.is_some_and(|at| now >= at + SETTLED)
    }

    /// First its Enter alone may have been lost; then the whole is given again, unless it stands there still.
    fn send_again(&mut self, text: String, tries: u32, lines: &[String], now: u64, acts: &mut Vec<Act>) {
        if tries >= TRIES {
            self.phase = Phase::Unheard { text };
            self.ask("it did not take its prompt: look into its terminal".to_owned(), acts);
        } else if tries % 2 == 1 || is_written(&text, lines) {
            acts.push(Act::Type("\r".to_owned()));
            self.phase = Phase::Sent { text, at: now, tries: tries + 1 };
        } else {
            acts.push(Act::Paste(text.clone()));
            self.phase = Phase::Pasted { text, enter: now + self.manners.paste_pause, tries: tries + 1 };
        }
    }

    fn turn_ended(&mut self, state: AgentState, lines: &[String], now: u64, acts: &mut Vec<Act>) {
        self.phase = Phase::Open;
        self.ended_at = now;
        self.words = self.manners.last_words(lines);
        // Who was interrupted waits for the person who did that; a program that only knows that it rests has ended.
        let interrupted = state == AgentState::Idle && (reports_done(self.kind) || self.hooked);
        if self.queue.is_empty() && self.limit.is_some() {
            // Others can work until that ends, and it goes on in its session then.
            acts.push(Act::End);
            (self.phase, self.gave_up) = (Phase::Over, true);
        } else if self.queue.is_empty() && !interrupted && state != AgentState::Error {
            self.phase = Phase::Going { next: 0, at: now };
            self.go(0, now, acts);
        } else if self.queue.is_empty() {
            self.ask_at = Some(now + LATE);
        }
    }

    fn go(&mut self, next: usize, now: u64, acts: &mut Vec<Act>) {
        match self.manners.quit.get(next) {
            Some((keys, pause)) => {
                acts.push(Act::Type((*keys).to_owned()));
                let is_last = next + 1 >= self.manners.quit.len();
                self.phase = Phase::Going { next: next + 1, at: now + if is_last { GOING } else { *pause } };
            }
            None => {
                acts.push(Act::End);
                self.phase = Phase::Over;
            }
        }
    }
}

/// Whether a prompt stands on the screen, or a program's word for a long one.
fn is_written(text: &str, lines: &[String]) -> bool {
    let begin: String = text.trim_start().chars().take_while(|c| *c != '\n').take(24).collect();
    let shows = |line: &String| line.contains("[Pasted ") || (!begin.is_empty() && line.contains(&begin));
    lines.iter().any(shows)
}

/// Whether this program tells the end of a turn apart from its interruption.
fn reports_done(kind: AgentKind) -> bool {
    matches!(kind, AgentKind::Claude | AgentKind::Codex)
}

#[cfg(test)]
#[path = "turn_tests.rs"]
mod tests;
