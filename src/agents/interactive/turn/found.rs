//! What an agent does, from the best of the sources that tell it.
//!
//! Not for what follows from that. Invariant: who says that it works or waits counts more than a screen that rests.

use super::Turn;
use crate::agents::failure;
use crate::agents::interactive::screen::{Found, Screens};
use crate::agents::limit::Limit;
use crate::model::{AgentState, AgentStatus, FailureKind};

/// What is seen of an agent at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// What it reports of itself, by the status protocol.
    pub reported: Option<Report<'a>>,
    /// What its hooks told.
    pub hooked: Option<Report<'a>>,
    /// What a notification of its terminal meant.
    pub noticed: Option<Report<'a>>,
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

/// A dialog, by what each source says of it: they say the same in words of their own, and not all at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dialog {
    /// When it was reported.
    reported: Option<u64>,
    /// When a hook told of it.
    hooked: Option<u64>,
    /// When a notification told of it.
    noticed: Option<u64>,
    /// What the screen asks.
    shown: Option<String>,
}

impl Dialog {
    fn of(sight: &Sight<'_>, seen: Option<&Found>) -> Dialog {
        let asks = |status: &AgentStatus| matches!(status.state, AgentState::Blocked(_));
        let at =
            |report: Option<Report<'_>>| report.filter(|report| asks(report.status)).map(|report| report.at);
        let shown = seen.filter(|seen| asks(&seen.status)).map(|seen| seen.status.message.clone());
        Dialog { reported: at(sight.reported), hooked: at(sight.hooked), noticed: at(sight.noticed), shown }
    }

    /// Whether no source says that another is up now.
    pub(super) fn may_be(&self, now: &Dialog) -> bool {
        fn agree<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        agree(&self.reported, &now.reported)
            && agree(&self.hooked, &now.hooked)
            && agree(&self.noticed, &now.noticed)
            && agree(&self.shown, &now.shown)
    }

    /// A source that had said nothing of it says something now.
    pub(super) fn learn(&mut self, now: &Dialog) {
        self.reported = self.reported.or(now.reported);
        self.hooked = self.hooked.or(now.hooked);
        self.noticed = self.noticed.or(now.noticed);
        self.shown = self.shown.take().or_else(|| now.shown.clone());
    }
}

impl Turn {
    /// The best source that tells anything, and when it told that.
    pub(super) fn found(&mut self, sight: &Sight<'_>, now: u64) -> (Option<Found>, u64) {
        let seen = Screens::of(self.kind).find(sight.title, sight.lines);
        let shown = seen.as_ref().map(|seen| seen.status.state);
        self.dialog = Dialog::of(sight, seen.as_ref());
        if self.seen.0 != shown {
            self.seen = (shown, now);
            self.shown_from = self.looked_from;
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
        let Some(report) = self.report(sight) else {
            return self.noticed(sight).map_or((seen, self.seen.1), |(found, at)| (Some(found), at));
        };
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

    /// What a notification meant, where nothing else tells more: it says when it asks for a person, and nothing once they
    /// have answered. What it does then is unknown until its screen shows something else: an idle one showed that it was
    /// idle while it asked.
    fn noticed(&self, sight: &Sight<'_>) -> Option<(Found, u64)> {
        let noticed = sight.noticed.filter(|noticed| noticed.at >= self.shown_from)?;
        let is_open = matches!(self.seen.0, None | Some(AgentState::Idle));
        let mut status = noticed.status.clone();
        if noticed.at < self.heeded {
            (status.state, status.message) = (AgentState::Unknown, String::new());
        }
        let found = Found { status, approve: None, deny: None, silent: false, limited: false };
        is_open.then_some((found, noticed.at))
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
}

/// The limit that it has reached, by what was found; a program may tell of it only as of an error.
pub(super) fn limit_of(found: Option<&Found>, sight: &Sight<'_>) -> Option<Limit> {
    let found = found.filter(|found| found.status.state == AgentState::Error)?;
    let words = &found.status.message;
    let says = || matches!(failure::kind(None, words), FailureKind::Quota { .. });
    let seen =
        || (found.limited || says()).then(|| Limit { words: words.clone(), until: failure::reset(words) });
    sight.limit.cloned().or_else(seen)
}
