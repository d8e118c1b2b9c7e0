//! A pane's cells on the screen: the live grid, or its history while scrolled back, with selected text marked.
//!
//! Not for input. Invariant: cells are shown in the program's own colours; where it asked for none, in the theme's.

use std::cell::RefCell;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

use crate::term::{self, Cell, CellStyle, Emulator};
use crate::theme::ColourDepth;
use crate::ui::underline::{self, LINKED, LinkRun, OVERLINE};

/// A terminal.
pub struct TerminalView<'a> {
    /// Its grid and history.
    pub emulator: &'a mut Emulator,
    /// Rows scrolled back.
    pub back: usize,
    /// What is marked.
    pub marked: &'a [Highlight],
    /// The style of what has none of its own.
    pub ground: Style,
    /// What is laid over it where a cell leads somewhere.
    pub link: Style,
    /// How many colours can be shown.
    pub depth: ColourDepth,
    /// Whether lines under text can be shown that are not straight, and in colours of their own.
    pub underlines: bool,
    /// Where it is noted which cells lead where; nowhere if the client's terminal is not to know.
    pub links: Option<&'a RefCell<Vec<LinkRun>>>,
}

/// Marked cells; rows are counted from the beginning of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Highlight {
    /// The first: row, column.
    pub from: (usize, u16),
    /// The last.
    pub to: (usize, u16),
    /// Whether it is the same columns in each row, and not all text between.
    pub block: bool,
    /// How they look.
    pub style: Style,
}

impl Highlight {
    fn contains(&self, row: usize, column: u16) -> bool {
        if self.block {
            return (self.from.0..=self.to.0).contains(&row) && (self.from.1..=self.to.1).contains(&column);
        }
        (row, column) >= self.from && (row, column) <= self.to
    }
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
        let is_live = self.back == 0 && self.marked.is_empty();
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
        Paint {
            marked: self.marked,
            ground: self.ground,
            link: self.link,
            depth: self.depth,
            underlines: self.underlines,
            links: self.links,
        }
    }
}

/// How a program's cell looks: in its own colours, lowered to those that can be shown, on `ground` where it asked for none.
fn cell_style(style: CellStyle, ground: Style, depth: ColourDepth) -> Style {
    let mut out = ground;
    out.fg = colour(style.fg, depth).or(out.fg);
    out.bg = colour(style.bg, depth).or(out.bg);
    for (on, modifier) in [
        (style.bold, Modifier::BOLD),
        (style.dim, Modifier::DIM),
        (style.italic, Modifier::ITALIC),
        (style.underline, Modifier::UNDERLINED),
        (style.inverse, Modifier::REVERSED),
        (style.strike, Modifier::CROSSED_OUT),
        (style.blink, Modifier::SLOW_BLINK),
        (style.conceal, Modifier::HIDDEN),
        (style.overline, OVERLINE),
    ] {
        if on {
            out = out.add_modifier(modifier);
        }
    }
    out
}

/// The same with the lines under text that are not straight, and their colours, where they can be shown.
pub fn program_style(style: CellStyle, ground: Style, depth: ColourDepth, underlines: bool) -> Style {
    let own = cell_style(style, ground, depth);
    if !(underlines && style.underline) {
        return own;
    }
    let line = underline::with(own, style.underline_kind);
    Style { underline_color: colour(style.underline_colour, depth), ..line }
}

/// A program's colour among those that can be shown; none if it asked for none.
fn colour(colour: term::Color, depth: ColourDepth) -> Option<Color> {
    match colour {
        term::Color::Default => None,
        term::Color::Index(index) => depth.lower(Color::Indexed(index)),
        term::Color::Rgb(r, g, b) => depth.lower(Color::Rgb(r, g, b)),
    }
}

/// How cells become cells.
struct Paint<'a> {
    marked: &'a [Highlight],
    ground: Style,
    link: Style,
    depth: ColourDepth,
    underlines: bool,
    links: Option<&'a RefCell<Vec<LinkRun>>>,
}

/// What of a program's own look stays on marked text: its colours and what makes it faint go, so that it can be read.
const KEPT: Modifier = Modifier::BOLD
    .union(Modifier::ITALIC)
    .union(Modifier::UNDERLINED)
    .union(Modifier::CROSSED_OUT)
    .union(Modifier::HIDDEN)
    .union(OVERLINE)
    .union(LINKED);

impl Paint<'_> {
    fn style(&self, cell: &Cell<'_>) -> Style {
        let style = |ground| program_style(cell.style, ground, self.depth, self.underlines);
        if cell.link.is_none() {
            return style(self.ground);
        }
        let linked = style(self.ground.patch(self.link)).add_modifier(Modifier::UNDERLINED);
        if self.links.is_some() { linked.add_modifier(LINKED) } else { linked }
    }

    /// Notes that cells lead somewhere; what stands beside others that do is one with them.
    fn note_link(&self, target: &str, y: u16, from: u16, to: u16) {
        let Some(links) = self.links else { return };
        let mut links = links.borrow_mut();
        match links.last_mut() {
            Some(last) if (last.y, last.to) == (y, from) && *last.target == *target => last.to = to,
            _ => links.push(LinkRun { y, from, to, target: target.into() }),
        }
    }

    fn marked_style(&self, own: Style, mark: Style) -> Style {
        let kept = own.add_modifier.intersection(KEPT);
        self.ground.patch(mark).add_modifier(kept)
    }

    fn draw_row<'c>(
        &self,
        cells: impl IntoIterator<Item = Cell<'c>>,
        row: usize,
        line: Rect,
        buf: &mut Buffer,
    ) {
        let marked: Vec<&Highlight> =
            self.marked.iter().filter(|marked| (marked.from.0..=marked.to.0).contains(&row)).collect();
        // Most cells look like the one before them.
        let (mut last, mut own) = (None, self.ground);
        let targets = row_of(buf, line);
        let mut x = 0;
        for cell in cells {
            let next = x + usize::from(cell.width.max(1));
            let Some([target, followers @ ..]) = targets.get_mut(x..next) else { return };
            let look = Some((cell.style, cell.link.is_some()));
            if look != last {
                (last, own) = (look, self.style(&cell));
            }
            let column = u16::try_from(x).unwrap_or(u16::MAX);
            let mark = marked.iter().rfind(|marked| marked.contains(row, column));
            let style = mark.map_or(own, |marked| self.marked_style(own, marked.style));
            if target.symbol() != cell.text {
                target.set_symbol(cell.text);
            }
            target.set_style(style);
            for follower in followers {
                follower.set_symbol(" ").set_style(style);
            }
            if let Some(target) = cell.link {
                let at = |x| line.x.saturating_add(u16::try_from(x).unwrap_or(u16::MAX));
                self.note_link(target, line.y, at(x), at(next));
            }
            x = next;
        }
    }
}

/// The cells of a line of one row.
fn row_of(buf: &mut Buffer, line: Rect) -> &mut [ratatui::buffer::Cell] {
    let area = *buf.area();
    let down = usize::from(line.y.saturating_sub(area.y)) * usize::from(area.width);
    let from = down + usize::from(line.x.saturating_sub(area.x));
    buf.content.get_mut(from..from + usize::from(line.width)).unwrap_or_default()
}
