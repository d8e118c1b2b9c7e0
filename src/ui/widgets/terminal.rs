//! A pane's cells on the screen: the live grid, or its history while scrolled back, with selected text marked.
//!
//! Not for input. Invariant: cells are shown in the program's own colours; where it asked for none, in the theme's.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

use crate::term::{self, Cell, CellStyle, Emulator};
use crate::theme::ColourDepth;
use crate::ui::state::Selection;

/// A terminal.
pub struct TerminalView<'a> {
    /// Its grid and history.
    pub emulator: &'a mut Emulator,
    /// Rows scrolled back.
    pub back: usize,
    /// Selected text.
    pub selection: Option<&'a Selection>,
    /// The style of selected text.
    pub mark: Style,
    /// The style of what has none of its own.
    pub ground: Style,
    /// How many colours can be shown.
    pub depth: ColourDepth,
}

/// Which rows of a terminal stand in an area: the first of them, counted from the beginning of the history.
pub fn top_row(emulator: &mut Emulator, height: u16, back: usize) -> usize {
    let history = emulator.history_len();
    first_row(emulator, height, back, history)
}

fn first_row(emulator: &Emulator, height: u16, back: usize, history: usize) -> usize {
    let (_, rows) = emulator.size();
    // A grid that is higher than the area (another screen shows it too) keeps its cursor in sight.
    let hidden = match emulator.cursor() {
        Some((_, row)) => (row + 1).saturating_sub(height),
        None => rows.saturating_sub(height),
    };
    (history + usize::from(hidden)).saturating_sub(back)
}

impl<'a> TerminalView<'a> {
    /// Where the program's cursor stands; none if it is hidden or scrolled away.
    fn cursor(&self, area: Rect, top: usize, history: usize, held: bool) -> Option<Position> {
        let (column, row) = self.emulator.frame_cursor(held)?;
        let row = (history + usize::from(row)).checked_sub(top)?;
        let place =
            Position { x: area.x.checked_add(column)?, y: area.y.checked_add(u16::try_from(row).ok()?)? };
        area.contains(place).then_some(place)
    }

    /// Draws it and answers where its cursor stands.
    pub fn draw(self, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let area = area.intersection(*buf.area());
        let held = self.emulator.begin_frame();
        // Where nothing of the history is shown or marked, its rows need not be counted, which a flood makes dear.
        let is_live = self.back == 0 && self.selection.is_none();
        let history = if is_live { 0 } else { self.emulator.history_len() };
        let (_, rows) = self.emulator.size();
        let top = first_row(self.emulator, area.height, self.back, history);
        let paint = self.paint();
        for (at, y) in (top..).zip(area.y..area.bottom()) {
            let line = Rect { y, height: 1, ..area };
            match at.checked_sub(history).map(u16::try_from) {
                None => paint.draw_row(self.emulator.history_row(at), at, line, buf),
                Some(Ok(row)) if row < rows => {
                    paint.draw_row(self.emulator.frame_row(row, held), at, line, buf)
                }
                Some(_) => break,
            }
        }
        self.cursor(area, top, history, held)
    }

    fn paint(&self) -> Paint<'a> {
        Paint { selection: self.selection, mark: self.mark, ground: self.ground, depth: self.depth }
    }
}

/// How cells become cells.
struct Paint<'a> {
    selection: Option<&'a Selection>,
    mark: Style,
    ground: Style,
    depth: ColourDepth,
}

impl Paint<'_> {
    fn style(&self, style: CellStyle) -> Style {
        let mut out = self.ground;
        let colour = |colour| match colour {
            term::Color::Default => None,
            term::Color::Index(index) => self.depth.lower(Color::Indexed(index)),
            term::Color::Rgb(r, g, b) => self.depth.lower(Color::Rgb(r, g, b)),
        };
        out.fg = colour(style.fg).or(out.fg);
        out.bg = colour(style.bg).or(out.bg);
        for (on, modifier) in [
            (style.bold, Modifier::BOLD),
            (style.dim, Modifier::DIM),
            (style.italic, Modifier::ITALIC),
            (style.underline, Modifier::UNDERLINED),
            (style.inverse, Modifier::REVERSED),
            (style.strike, Modifier::CROSSED_OUT),
            (style.blink, Modifier::SLOW_BLINK),
            (style.conceal, Modifier::HIDDEN),
        ] {
            if on {
                out = out.add_modifier(modifier);
            }
        }
        out
    }

    fn draw_row<'c>(
        &self,
        cells: impl IntoIterator<Item = Cell<'c>>,
        row: usize,
        line: Rect,
        buf: &mut Buffer,
    ) {
        let mut x = line.x;
        for cell in cells {
            let next = x.saturating_add(u16::from(cell.width.max(1)));
            if next > line.right() {
                return;
            }
            let selected = self.selection.is_some_and(|selection| selection.contains(row, x - line.x));
            let style =
                if selected { self.style(cell.style).patch(self.mark) } else { self.style(cell.style) };
            if let Some(target) = buf.cell_mut((x, line.y)) {
                target.set_symbol(cell.text).set_style(style);
            }
            if let Some(follower) = buf.cell_mut((x + 1, line.y)).filter(|_| next - x == 2) {
                follower.set_symbol(" ").set_style(style);
            }
            x = next;
        }
    }
}

/// The selected words: lines end where they do on the screen, without blanks at their ends.
pub fn selected_text(emulator: &mut Emulator, selection: &Selection) -> String {
    let ((first, from), (last, to)) = selection.ends();
    let history = emulator.history_len();
    let (_, rows) = emulator.size();
    let mut lines = Vec::new();
    for at in first..=last.min(history + usize::from(rows).saturating_sub(1)) {
        let start = if at == first { from } else { 0 };
        let end = if at == last { to } else { u16::MAX };
        let line = match at.checked_sub(history).map(u16::try_from) {
            None => cut(emulator.history_row(at), start, end),
            Some(Ok(row)) => cut(emulator.row(row), start, end),
            Some(Err(_)) => break,
        };
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

fn cut<'c>(cells: impl IntoIterator<Item = Cell<'c>>, from: u16, to: u16) -> String {
    let mut column: u16 = 0;
    let mut text = String::new();
    for cell in cells {
        if (from..=to).contains(&column) {
            text.push_str(cell.text);
        }
        column = column.saturating_add(u16::from(cell.width.max(1)));
    }
    text
}
