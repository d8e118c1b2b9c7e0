//! A terminal as a client sees it: scrolling, moving the cursor of scroll mode, going from hit to hit, what is marked.
//!
//! Not for keys (`update::scroll`) nor drawing. Invariant: what is scrolled back to stays in sight while the program
//! prints, while its oldest lines are forgotten and while lines are wrapped anew.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::reading::start;
use super::state::ViewState;
use super::widgets::terminal::{Highlight, top_row};
use crate::model::SessionId;
use crate::term::{Cell, Emulator, Place, Search, Stretch};

/// Styles of what is marked.
#[derive(Clone, Copy, Debug)]
pub struct MarkStyles {
    /// Selected text.
    pub selected: Style,
    /// What was found.
    pub hit: Style,
    /// The hit that the cursor is on.
    pub current: Style,
}

/// A terminal in its area, to move in.
pub struct Sight<'a> {
    /// The terminal.
    pub emulator: &'a mut Emulator,
    view: &'a mut ViewState,
    area: Rect,
}

impl<'a> Sight<'a> {
    /// What this client sees of the terminal, as it is now.
    pub fn new(view: &'a mut ViewState, session: &SessionId, emulator: &'a mut Emulator, area: Rect) -> Self {
        if view.reading.belong_to(session) {
            view.back = 0;
        }
        let mut sight = Sight { emulator, view, area };
        sight.hold();
        sight
    }

    /// What is scrolled back to stays in sight while the program prints.
    fn hold(&mut self) {
        // The keyboard reads what is in sight: that stays, wherever it is.
        let is_read = self.view.reading.cursor.is_some();
        if self.view.back == 0 && !is_read {
            // Rows of the history are not counted for nothing, which a flood makes dear.
            self.view.reading.top = None;
            return;
        }
        let end = self.end();
        if let Some(top) = self.view.reading.top {
            let gone = top.line < *self.emulator.line_range().start();
            let row = self.emulator.position_of(top).map(|(row, _)| row).or(gone.then_some(0));
            let least = usize::from(!is_read);
            self.view.back = row.map_or(self.view.back, |row| end.saturating_sub(row).max(least));
        }
        self.set_back(self.view.back);
    }

    /// The row at the top when nothing is scrolled back.
    fn end(&mut self) -> usize {
        top_row(self.emulator, self.area.height, 0)
    }

    fn set_back(&mut self, back: usize) {
        let end = self.end();
        self.view.back = back.min(end);
        let top = end - self.view.back;
        let stays = self.view.back > 0 || self.view.reading.cursor.is_some();
        self.view.reading.top = stays.then(|| self.emulator.place_at(top, 0));
    }

    /// The row at the top.
    pub fn top(&mut self) -> usize {
        self.end().saturating_sub(self.view.back)
    }

    fn last_row(&mut self) -> usize {
        let (_, rows) = self.emulator.size();
        self.emulator.history_len() + usize::from(rows) - 1
    }

    fn height(&self) -> usize {
        usize::from(self.area.height).max(1)
    }

    /// Scrolls by rows, up or down; the cursor of scroll mode stays in sight.
    pub fn scroll(&mut self, up: usize, down: usize) {
        self.set_back(self.view.back.saturating_add(up).saturating_sub(down));
        if self.view.reading.cursor.is_some() {
            let (top, height) = (self.top(), self.height());
            let (row, column) = self.cursor();
            self.place_cursor(row.clamp(top, top + height - 1), column);
        }
    }

    /// Where the cursor of scroll mode is; at first where the program's is.
    pub fn cursor(&mut self) -> (usize, u16) {
        let held = self.view.reading.cursor;
        if let Some(position) = held.and_then(|place| self.emulator.position_of(place)) {
            return position;
        }
        let (top, history) = (self.top(), self.emulator.history_len());
        let own = self.emulator.cursor().filter(|_| self.view.back == 0);
        let (row, column) = match own {
            Some((column, row)) => (history + usize::from(row), column),
            None => (top + self.height() - 1, 0),
        };
        self.place_cursor(row, column);
        (row, column)
    }

    fn place_cursor(&mut self, row: usize, column: u16) {
        let row = row.min(self.last_row());
        let place = self.emulator.place_at(row, column);
        self.view.reading.cursor = Some(place);
        if let Some(selection) = &mut self.view.reading.selection {
            selection.to = place;
        }
    }

    /// Puts the cursor on a cell and scrolls as little as brings it in sight.
    pub fn go_to(&mut self, row: usize, column: u16) {
        self.place_cursor(row, column);
        let (row, _) = self.cursor();
        let (top, height) = (self.top(), self.height());
        let wanted = if row < top { row } else { top.max((row + 1).saturating_sub(height)) };
        let end = self.end();
        self.set_back(end.saturating_sub(wanted));
    }

    /// Puts the cursor on a place; one out of sight comes to the middle.
    pub fn jump_to(&mut self, place: Place) {
        let Some((row, column)) = self.emulator.position_of(place) else { return };
        let (top, height) = (self.top(), self.height());
        if !(top..top + height).contains(&row) {
            let end = self.end();
            self.set_back(end.saturating_sub(row.saturating_sub(height / 2)));
        }
        self.place_cursor(row, column);
    }

    /// Moves the cursor by rows; `along` scrolls as far.
    pub fn move_rows(&mut self, up: usize, down: usize, along: bool) {
        let (row, column) = self.cursor();
        if along {
            self.set_back(self.view.back.saturating_add(up).saturating_sub(down));
        }
        self.go_to(row.saturating_add(down).saturating_sub(up), column);
    }

    /// Moves the cursor to the beginning of the first row, or of the last.
    pub fn move_to_edge(&mut self, end: bool) {
        let row = if end { self.last_row() } else { 0 };
        self.go_to(row, 0);
    }

    /// Moves the cursor by a cell.
    pub fn move_cells(&mut self, right: bool) {
        let (row, column) = self.cursor();
        let last = self.emulator.size().0 - 1;
        if !right {
            return self.go_to(row, column.saturating_sub(1));
        }
        // The second half of a wide character is the same place.
        let here = self.emulator.place_at(row, column);
        let next = (column..=last).find(|next| self.emulator.place_at(row, *next) != here);
        if let Some(next) = next {
            self.go_to(row, next);
        }
    }

    /// Moves the cursor to the beginning of its line, or to its last character.
    pub fn move_in_line(&mut self, end: bool) {
        let (row, column) = self.cursor();
        let here = self.emulator.place_at(row, column);
        let length = if end { self.emulator.last_column(here.line) } else { 0 };
        if let Some((row, column)) = self.emulator.position_of(Place { column: length, ..here }) {
            self.go_to(row, column);
        }
    }

    /// Goes to the prompt before or after the cursor's line; whether there is one.
    pub fn move_to_prompt(&mut self, after: bool) -> bool {
        let (row, column) = self.cursor();
        let here = self.emulator.place_at(row, column);
        let Some(line) = self.emulator.prompt_from(here.line, after) else { return false };
        self.jump_to(Place { line, column: 0 });
        true
    }

    /// Where the cursor of scroll mode stands on the screen, if it is in sight.
    pub fn cursor_on_screen(&mut self) -> Option<Position> {
        let (top, (row, column)) = (self.top(), self.cursor());
        let row = u16::try_from(row.checked_sub(top)?).ok()?;
        let position = Position { x: self.area.x.checked_add(column)?, y: self.area.y.checked_add(row)? };
        self.area.contains(position).then_some(position)
    }

    /// The place under the pointer.
    pub fn place_under(&mut self, at: Position) -> Place {
        let top = self.top();
        let row = at.y.clamp(self.area.y, self.area.bottom().saturating_sub(1)) - self.area.y;
        let column = at.x.clamp(self.area.x, self.area.right().saturating_sub(1)) - self.area.x;
        self.emulator.place_at(top + usize::from(row), column)
    }

    /// The rows in sight.
    pub fn rows(&mut self) -> std::ops::RangeInclusive<usize> {
        let top = self.top();
        top..=(top + self.height() - 1).min(self.last_row())
    }

    /// The cells of a row, of the history or the screen.
    pub fn each_cell(&mut self, row: usize, take: impl FnMut(Cell<'_>)) {
        let history = self.emulator.history_len();
        match row.checked_sub(history).map(u16::try_from) {
            None => self.emulator.history_row(row).for_each(take),
            Some(Ok(row)) => self.emulator.row(row).for_each(take),
            Some(Err(_)) => {}
        }
    }

    /// Goes on with the search; whether it is done. Then the hit that was to be gone to is.
    pub fn search(&mut self) -> bool {
        let Some(search) = &mut self.view.reading.search else { return true };
        if !self.emulator.search(search) {
            return false;
        }
        if let Some(from) = self.view.reading.goal.take() {
            self.go_to_hit(from, self.view.reading.upwards, true);
        }
        true
    }

    /// Goes to the next hit after the cursor, or before it; what to say if it went round or there is none.
    pub fn next_hit(&mut self, upwards: bool) -> Option<&'static str> {
        let (row, column) = self.cursor();
        let here = self.emulator.place_at(row, column);
        self.go_to_hit(here, upwards, false)
    }

    /// Whether there is a hit after the cursor, or before it.
    pub fn has_hit(&mut self, upwards: bool) -> bool {
        let (row, column) = self.cursor();
        let here = self.emulator.place_at(row, column);
        let hits = self.view.reading.search.as_ref().map(Search::hits).unwrap_or_default();
        hits.iter().any(|hit| if upwards { start(*hit) < here } else { start(*hit) > here })
    }

    fn go_to_hit(&mut self, from: Place, upwards: bool, or_here: bool) -> Option<&'static str> {
        let hits = self.view.reading.search.as_ref().map(Search::hits).unwrap_or_default();
        let before = hits.partition_point(|hit| start(*hit) < from);
        let here = hits.get(before).is_some_and(|hit| start(*hit) == from);
        let (next, round) = if upwards {
            let before = if here && or_here { before + 1 } else { before };
            (before.checked_sub(1), hits.len().checked_sub(1))
        } else {
            let after = if here && !or_here { before + 1 } else { before };
            (Some(after).filter(|after| *after < hits.len()), Some(0))
        };
        let Some(hit) = next.or(round).and_then(|at| hits.get(at)).copied() else {
            return Some("nothing found");
        };
        self.jump_to(start(hit));
        match (next, upwards) {
            (Some(_), _) => None,
            (None, true) => Some("from the bottom again"),
            (None, false) => Some("from the top again"),
        }
    }

    /// The text that is selected.
    pub fn selected_text(&mut self) -> Option<String> {
        let stretch = self.selected()?;
        Some(self.emulator.text_of(stretch))
    }

    fn selected(&self) -> Option<Stretch> {
        let selection = self.view.reading.selection?;
        Some(self.emulator.stretch(selection.unit, selection.from, selection.to))
    }

    /// What is marked of the rows in sight.
    pub fn highlights(&mut self, styles: MarkStyles) -> Vec<Highlight> {
        let reading = &self.view.reading;
        if reading.search.is_none() && reading.selection.is_none() {
            return Vec::new();
        }
        let rows = self.rows();
        let lines =
            self.emulator.place_at(*rows.start(), 0).line..=self.emulator.place_at(*rows.end(), 0).line;
        let mut marked = Vec::new();
        let current = self.view.reading.current_hit();
        let found = self.view.reading.search.as_ref().map(|search| search.hits_within(lines));
        if let Some((first, hits)) = found {
            for (at, hit) in (first..).zip(hits) {
                let last = Place { line: hit.line, column: hit.to.saturating_sub(1) };
                let style = if Some(at) == current { styles.current } else { styles.hit };
                let ends = self.emulator.position_of(start(*hit)).zip(self.emulator.position_of(last));
                marked.extend(ends.map(|(from, to)| Highlight { from, to, block: false, style }));
            }
        }
        if let Some(stretch) = self.selected() {
            marked.extend(self.highlight(stretch, styles.selected));
        }
        marked
    }

    fn highlight(&mut self, stretch: Stretch, style: Style) -> Option<Highlight> {
        if stretch.block {
            let (rows, columns) = self.emulator.block(stretch)?;
            let (from, to) = ((*rows.start(), *columns.start()), (*rows.end(), *columns.end()));
            return Some(Highlight { from, to, block: true, style });
        }
        let gone = stretch.from.line < *self.emulator.line_range().start();
        let from = self.emulator.position_of(stretch.from).or(gone.then_some((0, 0)))?;
        let to = self.emulator.position_of(stretch.to)?;
        Some(Highlight { from, to, block: false, style })
    }
}
