//! The past of a program from its recording, within scroll mode: what the screen of a full-screen program showed earlier.
//!
//! Such a program leaves no history to scroll back in; those that do are in `older`. Not for reading recordings: the server
//! does, beside the screen. Invariants: while the past is shown nothing of it reaches the program; whatever leaves scroll mode
//! leaves the past.

use std::sync::{Arc, Mutex};

use super::Ui;
use super::contract::{Recorded, Reel, Request, World};
use super::reading::Reading;
use super::state::{Focus, Tab};
use crate::keymap::{Action, Context, Motion};
use crate::model::{SessionId, Timestamp};
use crate::term::{Colours, Emulator, Place, Search};

/// Screens of the past that are searched in one go; the next frame goes on.
const STRIDE: usize = 64;

/// The past of one terminal.
#[derive(Debug)]
pub enum Past {
    /// Its recording is being read.
    Loading {
        /// How much of it, in hundredths.
        percent: u8,
        /// Where to go when it was.
        motion: Motion,
    },
    /// A screen of it is shown.
    Shown(Shown),
    /// A terminal with all lines of the recording is shown.
    Lines(Arc<Mutex<Emulator>>),
}

/// A screen of the past.
pub struct Shown {
    reel: Arc<Reel>,
    at: usize,
    emulator: Arc<Mutex<Emulator>>,
    /// Where the search goes on, and whether to earlier ones.
    seek: Option<(usize, bool)>,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shown").field("at", &self.at).field("of", &self.reel.stills.len()).finish()
    }
}

impl Shown {
    fn new(reel: Arc<Reel>, at: usize) -> Option<Shown> {
        let still = reel.stills.get(at)?;
        let mut emulator = Emulator::with_history(still.cols, still.rows, Colours::default(), 0);
        // Its places are those of a full screen, as the program's own are.
        emulator.feed(b"\x1b[?1049h");
        emulator.feed(&still.screen);
        let emulator = Arc::new(Mutex::new(emulator));
        Some(Shown { reel, at, emulator, seek: None })
    }

    /// Which of how many screens it is, from 1.
    pub fn place(&self) -> (usize, usize) {
        (self.at + 1, self.reel.stills.len())
    }

    /// When it was shown.
    pub fn since(&self) -> Timestamp {
        self.reel.stills.get(self.at).map(|still| still.at).unwrap_or_default()
    }
}

impl Reading {
    /// The screen of the past that is shown.
    pub fn past_shown(&self) -> Option<&Shown> {
        match &self.past {
            Some(Past::Shown(shown)) => Some(shown),
            Some(Past::Loading { .. } | Past::Lines(_)) | None => None,
        }
    }

    /// The terminal of the past that is shown.
    pub fn past_emulator(&self) -> Option<Arc<Mutex<Emulator>>> {
        match &self.past {
            Some(Past::Shown(shown)) => Some(Arc::clone(&shown.emulator)),
            Some(Past::Lines(lines)) => Some(Arc::clone(lines)),
            Some(Past::Loading { .. }) | None => None,
        }
    }

    /// Shows another screen of the past.
    fn show_still(&mut self, reel: Arc<Reel>, at: usize) {
        let Some(shown) = Shown::new(reel, at) else { return };
        self.past = Some(Past::Shown(shown));
        self.renew();
    }

    /// Goes back to the present.
    pub fn leave_past(&mut self) -> bool {
        let past = self.past.take();
        if matches!(past, Some(Past::Lines(_))) {
            self.forget_places();
        }
        if past.is_some() {
            self.renew();
        }
        past.is_some()
    }

    /// What is in sight has become another text.
    pub(super) fn renew(&mut self) {
        self.selection = None;
        self.search = self.search.take().and_then(|search| Search::new(search.pattern()).ok());
    }
}

impl Ui {
    /// Asks for what the past needs, once, and gives it up when it is left.
    pub(super) fn follow_past(&mut self) -> Vec<Request> {
        if self.view.focus != Focus::View || self.view.tab != Tab::Terminal {
            self.view.reading.leave_past();
        }
        let reading = &self.view.reading;
        let wanted = reading.past.as_ref().and_then(|_| reading.session().cloned());
        if wanted == self.seen.past {
            return Vec::new();
        }
        let left = self.seen.past.is_some().then_some(Request::LeavePast);
        let next = wanted.clone().map(Request::LoadPast);
        self.seen.past = wanted;
        left.into_iter().chain(next).collect()
    }

    /// How far the reading of a recording is.
    pub(super) fn past_progress(&mut self, session: &SessionId, percent: u8) {
        let reading = &mut self.view.reading;
        if let (Some(Past::Loading { percent: shown, .. }), true) =
            (&mut reading.past, reading.session.as_ref() == Some(session))
        {
            *shown = percent;
        }
    }

    /// A recording was read: the screen before the present one is shown.
    pub(super) fn past_came(
        &mut self,
        session: &SessionId,
        found: Result<Recorded, String>,
        world: &World<'_>,
    ) {
        let reading = &mut self.view.reading;
        let Some(Past::Loading { motion, .. }) = reading.past else { return };
        if reading.session() != Some(session) {
            return;
        }
        let reel = match found {
            Ok(Recorded::Screens(reel)) => reel,
            Ok(Recorded::Lines(lines)) => return self.older_came(lines, motion, world),
            Err(reason) => {
                reading.past = None;
                return self.say(format!("the past can't be shown: {reason}"), true, world.now);
            }
        };
        let now = world
            .panes
            .pane(session)
            .map(|pane| pane.lock().unwrap_or_else(std::sync::PoisonError::into_inner).text());
        let before = reel.stills.iter().rposition(|still| now.as_deref() != Some(&*still.text));
        match before {
            Some(at) => {
                reading.show_still(reel, at);
                self.said = None;
            }
            None => {
                reading.past = None;
                self.say("nothing else was shown before this", false, world.now);
            }
        }
    }

    /// Moves through the past if that is what a motion means here; whether it is.
    pub(super) fn past_motion(&mut self, motion: Motion, world: &World<'_>) -> bool {
        if self.view.focus != Focus::View || self.view.tab != Tab::Terminal {
            return false;
        }
        let edges = self.sight(world, |sight| {
            let rows = sight.rows();
            let (row, _) = sight.cursor();
            (row <= *rows.start(), row >= *rows.end(), sight.emulator.modes().alternate_screen)
        });
        let Some((at_top, at_bottom, is_full)) = edges else { return false };
        if !is_full {
            return self.older_motion(motion, world);
        }
        let by = match motion {
            Motion::Up if at_top => Some(-1),
            Motion::Down if at_bottom => Some(1),
            Motion::PageUp | Motion::HalfUp => Some(-1),
            Motion::PageDown | Motion::HalfDown => Some(1),
            Motion::Top => Some(isize::MIN),
            Motion::Bottom => Some(isize::MAX),
            _ => None,
        };
        let Some(by) = by else { return false };
        match &self.view.reading.past {
            Some(Past::Loading { .. }) => true,
            Some(Past::Lines(_)) => false,
            Some(Past::Shown(shown)) => {
                let (reel, at) = (Arc::clone(&shown.reel), shown.at.saturating_add_signed(by));
                if by < 0 && shown.at == 0 {
                    self.say("nothing earlier was recorded", false, world.now);
                } else if at < reel.stills.len() {
                    self.view.reading.show_still(reel, at);
                } else {
                    self.view.reading.leave_past();
                    self.say("this is now", false, world.now);
                }
                true
            }
            None if by < 0 => {
                self.view.reading.past = Some(Past::Loading { percent: 0, motion });
                self.said = None;
                true
            }
            None => false,
        }
    }

    /// Looks for the next hit in other screens of the past, if this one has no further; whether it does.
    pub(super) fn seek_past(&mut self, upwards: bool, world: &World<'_>) -> bool {
        if self.view.reading.past_shown().is_none() {
            return false;
        }
        let more_here = self.sight(world, |sight| sight.has_hit(upwards)).unwrap_or(false);
        let Some(Past::Shown(shown)) = self.view.reading.past.as_mut().filter(|_| !more_here) else {
            return false;
        };
        let next = if upwards { shown.at.checked_sub(1) } else { Some(shown.at + 1) };
        shown.seek = Some((next.unwrap_or(usize::MAX), upwards));
        true
    }

    /// Goes on with the search in the past, a stride at a time; whether there is more to do.
    pub(super) fn stride_past(&mut self, world: &World<'_>) -> bool {
        let reading = &mut self.view.reading;
        let (Some(Past::Shown(shown)), Some(search)) = (&mut reading.past, &reading.search) else {
            return false;
        };
        let Some((from, upwards)) = shown.seek.take() else { return false };
        let mut at = Some(from);
        for _ in 0..STRIDE {
            let Some((here, still)) = at.and_then(|at| Some((at, shown.reel.stills.get(at)?))) else {
                let words = if upwards { "nothing found earlier" } else { "nothing found later" };
                self.say(words, false, world.now);
                return false;
            };
            if search.is_in(&still.text) {
                let reel = Arc::clone(&shown.reel);
                reading.show_still(reel, here);
                let line = if upwards { u64::MAX } else { 0 };
                reading.goal = Some(Place { line, column: 0 });
                reading.upwards = upwards;
                return true;
            }
            at = if upwards { here.checked_sub(1) } else { Some(here + 1) };
        }
        shown.seek = Some((at.unwrap_or(usize::MAX), upwards));
        true
    }

    /// What the hint bar says of the past, and of the way back.
    pub(super) fn past_lead(&self, now: Timestamp) -> Option<String> {
        let key = |motion| self.settings.keymap.key_of(Context::Scroll, Action::Move(motion));
        Some(match self.view.reading.past.as_ref()? {
            Past::Loading { percent, .. } => format!("reading the recording, {percent} %: esc stops"),
            Past::Lines(_) => format!("from the recording  {} now", key(Motion::Bottom)),
            Past::Shown(shown) => {
                let (at, count) = shown.place();
                let when = ago(now.since(shown.since()));
                let (earlier, end) = (key(Motion::PageUp), key(Motion::Bottom));
                format!("{when} {at}/{count}  {earlier} earlier  {end} now")
            }
        })
    }
}

/// How long ago, as a player shows it: `−00:42`, `−1:02:03`.
pub fn ago(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds / 3600 {
        0 => format!("−{:02}:{:02}", seconds / 60, seconds % 60),
        hours => format!("−{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}
