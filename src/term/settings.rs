//! Settings of the terminal that vt100 does not know, or does not tell.
//!
//! Not for: acting on them. Invariant: the scroll region here is the one that vt100 has.

use std::collections::BTreeMap;
use std::time::Instant;

use super::area::Rest;
use super::charset::Charsets;
use super::grid::Grid;
use super::keyboard::Keyboard;
use super::mark::Extra;

/// What DECSC saves beside vt100.
type Saved = (Charsets, Extra, bool);

/// The settings.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// Since when the program wants its changes to be shown together (`?2026`).
    pub(super) synchronized: Option<Instant>,
    /// `?1004`.
    pub(super) focus: bool,
    /// `?6`: rows are counted from the scroll region.
    pub(super) origin: bool,
    /// `?5`: the whole screen in reverse.
    pub(super) reverse: bool,
    /// `?1007`: the wheel is cursor keys on the alternate screen.
    pub(super) alternate_scroll: bool,
    /// `?2031`: changes of the colours are told.
    pub(super) tells_colours: bool,
    /// How keys are wanted, on each screen.
    pub(super) keyboard: [Keyboard; 2],
    /// Modes by XTSAVE.
    pub(super) saved_modes: BTreeMap<u16, bool>,
    regions: [Option<(u16, u16)>; 2],
    cursors: [Saved; 2],
}

/// 0 for the main screen, 1 for the other.
fn which(grid: &Grid) -> usize {
    usize::from(grid.screen().alternate_screen())
}

impl Settings {
    /// First and last row of the scroll region.
    pub(super) fn region(&self, grid: &Grid) -> (u16, u16) {
        let last = grid.size().0 - 1;
        self.regions[which(grid)].map_or((0, last), |(top, bottom)| (top.min(last), bottom.min(last)))
    }

    /// Whether this is the main screen, and all of its rows scroll.
    pub(super) fn is_whole_page(&self, grid: &Grid) -> bool {
        !self.origin && !grid.screen().alternate_screen() && self.region(grid) == (0, grid.size().0 - 1)
    }

    pub(super) fn set_region(&mut self, grid: &Grid, region: Option<(u16, u16)>) {
        self.regions[which(grid)] = region;
    }

    /// A new size has no regions.
    pub(super) fn forget_regions(&mut self) {
        self.regions = [None; 2];
    }

    /// The row that the first one is counted from.
    pub(super) fn first_row(&self, grid: &Grid) -> u16 {
        if self.origin { self.region(grid).0 } else { 0 }
    }

    /// Takes note of where the cursor is, and of the origin.
    pub(super) fn rest(&self, grid: &mut Grid) -> Rest {
        let origin = self.origin.then(|| self.region(grid).0);
        Rest::take(grid, origin)
    }

    pub(super) fn save_cursor(&mut self, grid: &Grid, saved: Saved) {
        self.cursors[which(grid)] = saved;
    }

    pub(super) fn saved_cursor(&self, grid: &Grid) -> Saved {
        self.cursors[which(grid)].clone()
    }

    /// The keyboard of the screen that is shown.
    pub(super) fn keyboard(&mut self, grid: &Grid) -> &mut Keyboard {
        &mut self.keyboard[which(grid)]
    }

    /// How the keyboard of the shown screen is.
    pub(super) fn shown_keyboard(&self, grid: &Grid) -> Keyboard {
        self.keyboard[which(grid)].clone()
    }

    /// As DECSTR leaves them.
    pub(super) fn soft_reset(&mut self) {
        (self.origin, self.reverse) = (false, false);
        self.regions = [None; 2];
        self.cursors = Default::default();
    }
}
