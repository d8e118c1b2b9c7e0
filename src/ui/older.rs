//! Lines that are older than a terminal's history in memory, from its recording, within scroll mode.
//!
//! Going up at the top of the history shows them; going down at the end of them leads back to now. Not for full-screen
//! programs (`past`). Invariant: nothing is read unless the history has forgotten something.

use std::sync::{Arc, Mutex, PoisonError};

use super::Ui;
use super::contract::World;
use super::past::Past;
use super::reading::Reading;
use crate::keymap::Motion;
use crate::term::Emulator;

/// Where the cursor of scroll mode is.
struct Edges {
    /// In the first row of all.
    first: bool,
    /// The first row of all is in sight.
    sees_first: bool,
    /// In the last row of all.
    last: bool,
    forgot: bool,
}

impl Reading {
    /// Places are of another terminal from now on.
    pub(super) fn forget_places(&mut self) {
        (self.top, self.cursor, self.goal) = (None, None, None);
    }

    /// Has lines of the past wrapped for an area.
    pub(super) fn fit(&self, cols: u16, rows: u16) {
        if let Some(Past::Lines(lines)) = &self.past {
            lines.lock().unwrap_or_else(PoisonError::into_inner).resize(cols, rows);
        }
    }
}

impl Ui {
    /// Moves out of the history in memory, or back into it, if a motion means that here; whether it does.
    pub(super) fn older_motion(&mut self, motion: Motion, world: &World<'_>) -> bool {
        let Some(edges) = self.edges(world) else { return false };
        let up = match motion {
            Motion::Up | Motion::Top => edges.first,
            Motion::PageUp | Motion::HalfUp => edges.sees_first,
            _ => false,
        };
        let down = motion == Motion::Bottom
            || (edges.last && matches!(motion, Motion::Down | Motion::PageDown | Motion::HalfDown));
        match &self.view.reading.past {
            Some(Past::Loading { .. }) => true,
            Some(Past::Lines(_)) if down => {
                self.view.reading.leave_past();
                self.view.back = 0;
                self.say("this is now", false, world.now);
                true
            }
            Some(Past::Lines(_)) if up => {
                self.say("nothing earlier is kept here: loopmon replay has all", false, world.now);
                false
            }
            None if up && edges.forgot => {
                self.view.reading.past = Some(Past::Loading { percent: 0, motion });
                self.said = None;
                true
            }
            _ => false,
        }
    }

    fn edges(&mut self, world: &World<'_>) -> Option<Edges> {
        self.sight(world, |sight| {
            let rows = sight.rows();
            let (row, _) = sight.cursor();
            let (_, height) = sight.emulator.size();
            Edges {
                first: row == 0,
                sees_first: *rows.start() == 0,
                last: row + 1 >= sight.emulator.history_len() + usize::from(height),
                forgot: sight.emulator.has_forgotten(),
            }
        })
    }

    /// They were read: they are shown from where the history ended, as far as was asked to go.
    pub(super) fn older_came(&mut self, lines: Arc<Mutex<Emulator>>, motion: Motion, world: &World<'_>) {
        let length = |emulator: &Mutex<Emulator>| {
            emulator.lock().unwrap_or_else(PoisonError::into_inner).history_len()
        };
        let area = self.drawn.screen.view.inner;
        let reading = &mut self.view.reading;
        let before = reading.session().and_then(|id| world.panes.pane(id)).map_or(0, |pane| length(&pane));
        reading.past = Some(Past::Lines(Arc::clone(&lines)));
        reading.fit(area.width, area.height);
        if length(&lines) <= before {
            reading.past = None;
            return self.say("nothing older was recorded", false, world.now);
        }
        reading.forget_places();
        reading.renew();
        self.said = None;
        // As many rows are behind what is in sight as were before.
        self.sight(world, |sight| {
            let top = sight.top();
            sight.go_to(top, 0);
        });
        self.scroll_by(motion, world);
    }
}
