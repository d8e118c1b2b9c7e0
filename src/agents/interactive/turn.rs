//! The state of a turn, and what follows from what is seen.

use std::collections::VecDeque;

use super::manners::Manners;
use super::screen::{Found, Screens};
use crate::agents::failure;
use crate::agents::limit::Limit;
use crate::model::agent::AgentKind;
use crate::model::{AgentState, AgentStatus, FailureKind};

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

/// What is seen of an agent at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// What it reports of itself, by the status protocol.
    pub reported: Option<Report<'a>>,
    /// What its hooks told.
    pub hooked: Option<Report<'a>>,
    /// The limit that they told of last, unless it goes on since.
    pub limit: Option<&'a Limit>,
    /// The title of its window.
    pub title: &'a str,
    /// The rows of its screen.
    pub lines: &'a [String],
}

/// A status that was told.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The status.
    pub status: &'a AgentStatus,
    /// When it was told.
    pub at: u64,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Paste this.
    Paste(String),
    /// Type this.
    Type(String),
    /// Its status is this now, and these keys answer it.
    Status(AgentStatus, Option<String>, Option<String>),
    /// The prompt does not reach it.
    Unheard,
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
    status: Option<AgentStatus>,
    /// Since when it shows that.
    status_since: u64,
    /// What its screen and title showed last, and since when.
    seen: (Option<AgentState>, u64),
    /// Whether its hooks have told anything: then they tell the end of a turn.
    hooked: bool,
    /// What a person answers to what it asks.
    answer: Option<Answer>,
    /// Since when it has been between turns.
    idle_since: Option<u64>,
    words: String,
    /// The limit that it has reached, by what is seen now.
    limit: Option<Limit>,
    /// Whether it was ended because of that.
    gave_up: bool,
    /// When the last turn ended.
    ended_at: u64,
}

/// Keys that answer a dialog, until it is gone.
#[derive(Debug)]
struct Answer {
    keys: String,
    due: u64,
    tries: u32,
}

/// What it does, whether that is nothing, and when that was told.
#[derive(Debug, Clone, Copy)]
struct Stand {
    state: AgentState,
    rests: bool,
    told: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
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
    Unheard,
    /// Its work is done: it is asked to go.
    Going { next: usize, at: u64 },
    /// It was ended.
    Over,
}

impl Turn {
    /// A turn that begins with this prompt; without one, it is under way.
    pub fn new(kind: AgentKind, prompt: Option<String>, now: u64) -> Turn {
        let phase = if prompt.is_some() { Phase::Open } else { Phase::Working };
        Turn {
            kind,
            manners: Manners::of(kind),
            queue: prompt.into_iter().collect(),
            phase,
            changed: None,
            last_change: now,
            typed: None,
            status: None,
            status_since: now,
            seen: (None, 0),
            hooked: false,
            answer: None,
            idle_since: None,
            words: String::new(),
            limit: None,
            gave_up: false,
            ended_at: 0,
        }
    }

    /// Its screen has changed.
    pub fn changed(&mut self, now: u64) {
        self.changed.get_or_insert(now);
        self.last_change = now;
    }

    /// A person has typed into its terminal.
    pub fn typed(&mut self, now: u64) {
        self.typed = Some(now);
    }

    /// Words for it: they go in when it is between turns.
    pub fn say(&mut self, text: String) {
        self.queue.push_back(text);
    }

    /// A person's answer to what it asks.
    pub fn answer(&mut self, keys: String, now: u64) {
        self.answer = Some(Answer { keys, due: now.max(self.status_since + DIALOG_UP), tries: 0 });
    }

    /// Whether its work was done: however its process ends now, it ended well.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Going { .. } | Phase::Over) && !self.gave_up
    }

    /// The limit for which it was ended: it can go on when that ends.
    pub fn limited(&self) -> Option<&Limit> {
        self.limit.as_ref().filter(|_| self.gave_up)
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
            Phase::Unheard | Phase::Over => None,
        };
        look.into_iter().chain(waits).chain(self.answer.as_ref().map(|answer| answer.due)).min()
    }

    /// Looks at it; what is to be done, in order.
    pub fn look(&mut self, sight: &Sight<'_>, now: u64) -> Vec<Act> {
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
        if let Some(found) = found
            && self.status.as_ref() != Some(&found.status)
        {
            if self.status.as_ref().map(|status| status.state) != Some(found.status.state) {
                self.status_since = now;
            }
            self.status = Some(found.status.clone());
            acts.push(Act::Status(found.status, found.approve, found.deny));
        }
        let rests = matches!(state, AgentState::Idle | AgentState::Done | AgentState::Error);
        self.idle_since = if rests { self.idle_since.or(Some(now)) } else { None };
        self.give_answer(state, now, &mut acts);
        self.advance(Stand { state, rests, told }, sight.lines, now, &mut acts);
        acts
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
            answer.tries += 1;
            answer.due = now + ANSWER_RECEIPT;
            self.answer = Some(answer);
        }
    }

    /// The best source that tells anything, and when it told that.
    fn found(&mut self, sight: &Sight<'_>, now: u64) -> (Option<Found>, u64) {
        let seen = Screens::of(self.kind).find(sight.title, sight.lines);
        let shown = seen.as_ref().map(|seen| seen.status.state);
        if self.seen.0 != shown {
            self.seen = (shown, now);
        }
        if let Some(seen) = seen.as_ref().filter(|seen| seen.silent) {
            return (Some(seen.clone()), self.seen.1);
        }
        if let Some((limit, report)) = sight.limit.zip(sight.hooked) {
            let status = AgentStatus { message: limit.words.clone(), ..report.status.clone() };
            return (
                Some(Found { status, approve: None, deny: None, silent: false, limited: true }),
                report.at,
            );
        }
        let Some(report) = self.report(sight) else { return (seen, self.seen.1) };
        let at_rest = matches!(report.status.state, AgentState::Error | AgentState::Idle);
        if let Some(seen) = seen.as_ref().filter(|seen| seen.limited && at_rest) {
            return (Some(seen.clone()), report.at);
        }
        let mut status = report.status.clone();
        let same = seen.filter(|seen| seen.status.state == status.state);
        // It says that it is blocked, and its screen says on what.
        if status.message.is_empty()
            && let Some(seen) = &same
        {
            status.message.clone_from(&seen.status.message);
        }
        let (approve, deny) = same.map(|seen| (seen.approve, seen.deny)).unwrap_or_default();
        (Some(Found { status, approve, deny, silent: false, limited: false }), report.at)
    }

    /// What it reports; or what its hooks told, which don't tell everything (an interrupt, mostly) and may come late: what
    /// changed on the screen since is newer.
    fn report<'a>(&self, sight: &Sight<'a>) -> Option<Report<'a>> {
        let known = |report: &Report<'_>| report.status.state != AgentState::Unknown;
        let (reported, hooked) = (sight.reported.filter(known), sight.hooked.filter(known));
        match (reported, hooked) {
            (Some(reported), _) => Some(reported),
            (None, Some(hooked)) if self.is_newer(hooked) => None,
            (None, hooked) => hooked,
        }
    }

    /// Whether the screen has changed to something else since a hook told this. A turn that has ended is more than a screen
    /// that rests.
    fn is_newer(&self, hooked: Report<'_>) -> bool {
        let has_ended = matches!(hooked.status.state, AgentState::Done | AgentState::Error);
        match self.seen {
            (None, _) => false,
            (Some(AgentState::Idle), _) if has_ended => false,
            (Some(_), since) => since > hooked.at,
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
                self.send_again(text, tries, now, acts)
            }
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

    /// First its Enter alone may have been lost; then the whole is given again.
    fn send_again(&mut self, text: String, tries: u32, now: u64, acts: &mut Vec<Act>) {
        if tries >= TRIES {
            acts.push(Act::Unheard);
            self.phase = Phase::Unheard;
        } else if tries % 2 == 1 {
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

/// The limit that it has reached, by what was found; a program may tell of it only as of an error.
fn limit_of(found: Option<&Found>, sight: &Sight<'_>) -> Option<Limit> {
    let found = found.filter(|found| found.status.state == AgentState::Error)?;
    let words = &found.status.message;
    let says = || matches!(failure::kind(None, words), FailureKind::Quota { .. });
    let seen =
        || (found.limited || says()).then(|| Limit { words: words.clone(), until: failure::reset(words) });
    sight.limit.cloned().or_else(seen)
}

/// Whether this program tells the end of a turn apart from its interruption.
fn reports_done(kind: AgentKind) -> bool {
    matches!(kind, AgentKind::Claude | AgentKind::Codex)
}

#[cfg(test)]
#[path = "turn_tests.rs"]
mod tests;
