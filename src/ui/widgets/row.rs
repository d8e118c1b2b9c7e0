//! A line of styled words, left and right: the piece that nearly everything is made of.
//!
//! Invariant: words are cleaned when they enter; the right side is kept and the left side is cut.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::keymap::Key;
use crate::ui::text;

/// Words with a style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    text: String,
    style: Style,
}

/// A line of pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    left: Vec<Piece>,
    right: Vec<Piece>,
    ground: Option<Style>,
    /// Keys that are pressed where they stand: the side, the columns before it on that side, its columns.
    keys: Vec<(Side, usize, usize, Key)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Row {
    /// An empty line.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of one piece.
    pub fn of(text: &str, style: Style) -> Self {
        Self::new().left(text, style)
    }

    /// Adds to the left side.
    pub fn left(mut self, text: &str, style: Style) -> Self {
        self.push(text, style);
        self
    }

    /// Adds to the right side.
    pub fn right(mut self, text: &str, style: Style) -> Self {
        self.right.push(Piece { text: text::clean(text).into_owned(), style });
        self
    }

    /// Adds to the left side in place.
    pub fn push(&mut self, text: &str, style: Style) {
        self.left.push(Piece { text: text::clean(text).into_owned(), style });
    }

    /// Lets the last `columns` of the left side stand for a key, for the mouse.
    pub fn press_left(&mut self, key: Key, columns: usize) {
        self.keys.push((Side::Left, self.left_width().saturating_sub(columns), columns, key));
    }

    /// Lets the last `columns` of the right side stand for a key, for the mouse.
    pub fn press_right(&mut self, key: Key, columns: usize) {
        self.keys.push((Side::Right, self.right_width().saturating_sub(columns), columns, key));
    }

    /// Where its keys stand when it is drawn on the first row of `area`; those that are cut off are left out.
    pub fn presses(&self, area: Rect) -> impl Iterator<Item = (Rect, Key)> {
        let (left, right) = self.sides(usize::from(area.width));
        self.keys.iter().filter_map(move |(side, before, columns, key)| {
            let (start, room) = match side {
                Side::Left => (0, left),
                Side::Right => (usize::from(area.width) - right, right),
            };
            let x = area.x.checked_add(u16::try_from(start + before).ok()?)?;
            let fits = before + columns <= room;
            fits.then_some((Rect { x, width: u16::try_from(*columns).ok()?, height: 1, ..area }, *key))
        })
    }

    /// The columns that each side gets of so many. A right side that would leave nothing of the left gives way.
    fn sides(&self, columns: usize) -> (usize, usize) {
        let wanted = self.right_width();
        let right = if wanted + 4 > columns && !self.left.is_empty() { 0 } else { wanted.min(columns) };
        let gap = usize::from(right > 0 && !self.left.is_empty());
        (columns.saturating_sub(right + gap), right)
    }

    fn right_width(&self) -> usize {
        self.right.iter().map(|piece| text::width(&piece.text)).sum()
    }

    /// Lays a style over the whole line: the selected row.
    pub fn ground(mut self, style: Style) -> Self {
        self.ground = Some(style);
        self
    }

    /// Columns of the left side.
    pub fn left_width(&self) -> usize {
        self.left.iter().map(|piece| text::width(&piece.text)).sum()
    }

    /// Columns of both sides.
    pub fn width(&self) -> usize {
        let gap = usize::from(!self.left.is_empty() && !self.right.is_empty());
        self.left_width() + gap + self.right_width()
    }

    /// The words, without styles.
    pub fn plain(&self) -> String {
        self.left.iter().chain(&self.right).map(|piece| piece.text.as_str()).collect()
    }

    /// Draws on the first row of `area`, cutting with `mark`.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, mark: &str) {
        let area = area.intersection(*buf.area());
        if area.is_empty() {
            return;
        }
        let columns = usize::from(area.width);
        let (left, right) = self.sides(columns);
        draw_pieces(&self.left, area, left, buf, mark);
        if right > 0 {
            let x = area.x + u16::try_from(columns - right).unwrap_or(0);
            let place = Rect { x, width: area.right().saturating_sub(x), ..area };
            draw_pieces(&self.right, place, right, buf, mark);
        }
        if let Some(style) = self.ground {
            buf.set_style(Rect { height: 1, ..area }, style);
        }
    }
}

impl Widget for &Row {
    fn render(self, area: Rect, buf: &mut Buffer) {
        self.draw(area, buf, "…");
    }
}

fn draw_pieces(pieces: &[Piece], area: Rect, columns: usize, buf: &mut Buffer, mark: &str) {
    let mut left = columns;
    let mut x = area.x;
    for piece in pieces {
        if left == 0 {
            return;
        }
        let words = text::fit(&piece.text, left, mark);
        let used = put(buf, x, area.y, &words, piece.style, left);
        x = x.saturating_add(u16::try_from(used).unwrap_or(u16::MAX));
        // A piece that was cut ends the line, whatever room a wide character left.
        left = if words.len() < piece.text.len() { 0 } else { left - used };
    }
}

/// Puts clean words into cells, at most `columns`, and answers how many were used.
pub fn put(buf: &mut Buffer, x: u16, y: u16, words: &str, style: Style, columns: usize) -> usize {
    let mut used = 0;
    for grapheme in words.graphemes(true) {
        let wide = UnicodeWidthStr::width(grapheme);
        let Some(column) = u16::try_from(used).ok().and_then(|used| x.checked_add(used)) else { break };
        if used + wide > columns || usize::from(buf.area().right()) < usize::from(column) + wide {
            break;
        }
        if wide == 0 {
            continue;
        }
        let Some(cell) = buf.cell_mut((column, y)) else { break };
        cell.set_symbol(grapheme).set_style(style);
        for follower in 1..wide {
            let next = column.saturating_add(u16::try_from(follower).unwrap_or(1));
            if let Some(cell) = buf.cell_mut((next, y)) {
                // The wide character before it covers this cell; an own sign there would be drawn over it.
                cell.set_symbol(" ").set_style(style);
            }
        }
        used += wide;
    }
    used
}

/// Rows below each other, from `skip` on.
pub struct Rows<'a> {
    /// The rows.
    pub rows: &'a [Row],
    /// How many are scrolled away.
    pub skip: usize,
    /// Where words are cut.
    pub mark: &'a str,
}

impl Widget for Rows<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        for (row, y) in self.rows.iter().skip(self.skip).zip(area.y..area.bottom()) {
            row.draw(Rect { y, height: 1, ..area }, buf, self.mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(row: &Row, columns: u16) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, columns, 1));
        row.render(*buf.area(), &mut buf);
        buf.content().iter().map(|cell| cell.symbol()).collect()
    }

    #[test]
    fn the_right_side_is_kept_and_the_left_is_cut() {
        let row = Row::of("users endpoint", Style::new()).right("claude 3/8", Style::new());
        assert_eq!(drawn(&row, 26), "users endpoint  claude 3/8");
        assert_eq!(drawn(&row, 20), "users en… claude 3/8");
        assert_eq!(drawn(&row, 12), "users endpo…");
        assert_eq!(drawn(&row, 0), "");
    }

    #[test]
    fn wide_characters_are_never_halved() {
        let row = Row::of("日本語", Style::new()).left("x", Style::new());
        assert_eq!(drawn(&row, 5), "日 本 …");
        assert_eq!(drawn(&row, 4), "日 … ");
    }

    #[test]
    fn escapes_never_reach_a_cell() {
        let row = Row::of("a\u{1b}]0;x\u{7}\u{202e}b", Style::new());
        assert_eq!(drawn(&row, 8), "a]0;xb  ");
    }
}
