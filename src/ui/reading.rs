//! What is read of a terminal: what of it is in sight, the cursor in it, selected text, what is searched for.
//!
//! Not for moving in it (`sight`). Invariant: everything here is held by places in the text, so it stays on
//! its text while the program prints, while rows go into the history and while lines are wrapped anew.

use ratatui::layout::Position;

use super::past::Past;
use super::widgets::editor::Editor;
use crate::model::{SessionId, Timestamp};
use crate::term::{Hit, Place, Search, Unit};

/// Two presses within so many milliseconds are a double click.
const DOUBLE_CLICK: u64 = 400;

/// What is read of one terminal.
#[derive(Debug, Default)]
pub struct Reading {
    /// Whose terminal.
    pub(super) session: Option<SessionId>,
    /// The first row in sight while it is scrolled back.
    pub top: Option<Place>,
    /// The cursor of scroll mode.
    pub cursor: Option<Place>,
    /// Selected text.
    pub selection: Option<Selection>,
    /// What is searched for, and where it was found.
    pub search: Option<Search>,
    /// Whether the search goes upwards.
    pub upwards: bool,
    /// Words to search for, while they are written.
    pub asking: Option<Asking>,
    /// Where to look for the nearest hit from, once the search is done.
    pub goal: Option<Place>,
    /// What it showed earlier, if that is looked at.
    pub past: Option<Past>,
    /// Whether the terminal was chosen only so that it stays while it is read.
    pub pinned: bool,
    /// The last press of the button in it.
    press: Option<Press>,
}

/// Selected text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// What it is selected by.
    pub unit: Unit,
    /// Where it began.
    pub from: Place,
    /// Where the cursor or the pointer is.
    pub to: Place,
}

/// Words to search for, being written.
#[derive(Debug)]
pub struct Asking {
    /// The words.
    pub editor: Editor,
    /// Where the cursor was.
    pub origin: Place,
    /// What is wrong with them.
    pub problem: Option<String>,
    /// What was searched for before.
    pub before: Option<Search>,
}

/// A press of the button.
#[derive(Clone, Copy, Debug)]
struct Press {
    at: Position,
    when: Timestamp,
    count: u8,
}

impl Reading {
    /// Forgets everything if it is another terminal's; whether it is.
    pub fn belong_to(&mut self, session: &SessionId) -> bool {
        let is_other = self.session.as_ref() != Some(session);
        if is_other {
            let pinned = self.pinned;
            *self = Reading { session: Some(session.clone()), pinned, ..Reading::default() };
        }
        is_other
    }

    /// Whose terminal it is.
    pub fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }

    /// Leaves scroll mode.
    pub fn leave(&mut self) {
        *self = Reading { session: self.session.take(), press: self.press.take(), ..Reading::default() };
    }

    /// Forgets what is selected.
    pub fn leave_selection(&mut self) {
        self.selection = None;
    }

    /// The button went down: how often it did so there in a row, up to three times.
    pub fn count_press(&mut self, at: Position, now: Timestamp) -> u8 {
        let again = self.press.filter(|press| press.at == at && now.since(press.when) <= DOUBLE_CLICK);
        let count = again.map_or(1, |press| press.count % 3 + 1);
        self.press = Some(Press { at, when: now, count });
        count
    }

    /// The number of the hit that the cursor is on or was on last, from 0.
    pub fn current_hit(&self) -> Option<usize> {
        let (hits, cursor) = (self.search.as_ref()?.hits(), self.cursor?);
        let behind = hits.partition_point(|hit| start(*hit) <= cursor);
        let at = behind.checked_sub(1)?;
        hits.get(at).filter(|hit| hit.line == cursor.line && cursor.column < hit.to).map(|_| at)
    }

    /// How the search goes, in a few words.
    pub fn standing(&self) -> Option<String> {
        let search = self.search.as_ref()?;
        let more = if search.is_cut() { "+" } else { "" };
        Some(match (search.hits().len(), self.current_hit()) {
            (0, _) => "nothing found".to_owned(),
            (count, Some(at)) => format!("{} of {count}{more}", at + 1),
            (count, None) => format!("{count}{more} found"),
        })
    }
}

/// Where a hit begins.
pub fn start(hit: Hit) -> Place {
    Place { line: hit.line, column: hit.from }
}
