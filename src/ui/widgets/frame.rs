//! One frame with merged borders: lines are laid down, and where they meet the right sign is drawn.
//!
//! Invariant: a sign depends only on which of its four neighbours it is joined to, so no order of drawing is wrong.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::row::Row;

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// Lines within an area.
pub struct Frame {
    area: Rect,
    joints: Vec<u8>,
    bright: Vec<bool>,
}

impl Frame {
    /// No lines yet.
    pub fn new(area: Rect) -> Self {
        let cells = usize::from(area.width) * usize::from(area.height);
        Self { area, joints: vec![0; cells], bright: vec![false; cells] }
    }

    fn index(&self, x: u16, y: u16) -> Option<usize> {
        let inside = x >= self.area.x && x < self.area.right() && y >= self.area.y && y < self.area.bottom();
        inside.then(|| {
            usize::from(y - self.area.y) * usize::from(self.area.width) + usize::from(x - self.area.x)
        })
    }

    fn join(&mut self, x: u16, y: u16, sides: u8) {
        if let Some(joint) = self.index(x, y).and_then(|at| self.joints.get_mut(at)) {
            *joint |= sides;
        }
    }

    /// The outline of a rectangle, joined to whatever it meets.
    pub fn outline(&mut self, rect: Rect) {
        if rect.width < 2 || rect.height < 2 {
            return;
        }
        self.horizontal(rect.x, rect.right() - 1, rect.y);
        self.horizontal(rect.x, rect.right() - 1, rect.bottom() - 1);
        self.vertical(rect.x, rect.y, rect.bottom() - 1);
        self.vertical(rect.right() - 1, rect.y, rect.bottom() - 1);
    }

    fn horizontal(&mut self, from: u16, to: u16, y: u16) {
        for x in from..=to {
            let sides = if x > from { LEFT } else { 0 } | if x < to { RIGHT } else { 0 };
            self.join(x, y, sides);
        }
    }

    fn vertical(&mut self, x: u16, from: u16, to: u16) {
        for y in from..=to {
            let sides = if y > from { UP } else { 0 } | if y < to { DOWN } else { 0 };
            self.join(x, y, sides);
        }
    }

    /// Makes the outline of a rectangle bright.
    pub fn focus(&mut self, rect: Rect) {
        for y in rect.y..rect.bottom() {
            for x in rect.x..rect.right() {
                let edge = x == rect.x || y == rect.y || x + 1 == rect.right() || y + 1 == rect.bottom();
                if let (true, Some(bright)) = (edge, self.index(x, y).and_then(|at| self.bright.get_mut(at)))
                {
                    *bright = true;
                }
            }
        }
    }

    /// Draws the lines: `dim` usually, `bright` round what has the focus.
    pub fn draw(&self, buf: &mut Buffer, dim: Style, bright: Style, boxes: bool) {
        for y in self.area.y..self.area.bottom() {
            for x in self.area.x..self.area.right() {
                let Some(at) = self.index(x, y) else { continue };
                let joint = self.joints.get(at).copied().unwrap_or(0);
                let Some(cell) = buf.cell_mut((x, y)).filter(|_| joint != 0) else { continue };
                let style = if self.bright.get(at) == Some(&true) { bright } else { dim };
                cell.set_symbol(if boxes { sign(joint) } else { ascii(joint) }).set_style(style);
            }
        }
    }
}

fn sign(joint: u8) -> &'static str {
    const ALL: u8 = UP | DOWN | LEFT | RIGHT;
    match joint {
        ALL => "┼",
        j if j == UP | DOWN | RIGHT => "├",
        j if j == UP | DOWN | LEFT => "┤",
        j if j == LEFT | RIGHT | DOWN => "┬",
        j if j == LEFT | RIGHT | UP => "┴",
        j if j == DOWN | RIGHT => "╭",
        j if j == DOWN | LEFT => "╮",
        j if j == UP | RIGHT => "╰",
        j if j == UP | LEFT => "╯",
        j if j & (UP | DOWN) != 0 && j & (LEFT | RIGHT) == 0 => "│",
        _ => "─",
    }
}

fn ascii(joint: u8) -> &'static str {
    match (joint & (UP | DOWN) != 0, joint & (LEFT | RIGHT) != 0) {
        (true, false) => "|",
        (false, _) => "-",
        (true, true) => "+",
    }
}

/// A title on the upper edge of a panel, `left` at its beginning and `right` at its end. Answers where `right` stands.
pub fn title(rect: Rect, left: &Row, right: &Row, buf: &mut Buffer, mark: &str) -> Rect {
    let room = rect.width.saturating_sub(4);
    if room == 0 || rect.height == 0 {
        return Rect::default();
    }
    let wanted = |row: &Row| u16::try_from(row.left_width()).unwrap_or(u16::MAX);
    let left_columns = wanted(left).min(room);
    let left_at = Rect { x: rect.x + 2, y: rect.y, width: left_columns, height: 1 };
    left.draw(left_at, buf, mark);
    // One joint of the line stays between them, so that two titles never read as one.
    let free = room.saturating_sub(left_columns + 1);
    let right_columns = wanted(right);
    if right_columns == 0 || right_columns > free {
        return Rect::default();
    }
    let x = rect.right().saturating_sub(2 + right_columns);
    let right_at = Rect { x, y: rect.y, width: right_columns, height: 1 };
    right.draw(right_at, buf, mark);
    right_at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(frame: &Frame, boxes: bool) -> Vec<String> {
        let mut buf = Buffer::empty(frame.area);
        frame.draw(&mut buf, Style::new(), Style::new(), boxes);
        let width = usize::from(frame.area.width).max(1);
        buf.content().chunks(width).map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect()
    }

    #[test]
    fn borders_merge_where_panels_meet() {
        let mut frame = Frame::new(Rect::new(0, 0, 9, 5));
        frame.outline(Rect::new(0, 0, 9, 5));
        frame.outline(Rect::new(0, 0, 5, 5));
        frame.outline(Rect::new(4, 0, 5, 3));
        assert_eq!(lines(&frame, true), ["╭───┬───╮", "│   │   │", "│   ├───┤", "│   │   │", "╰───┴───╯"]);
        assert_eq!(lines(&frame, false)[2], "|   +---+");
    }

    #[test]
    fn nothing_is_drawn_where_there_is_no_room() {
        let mut frame = Frame::new(Rect::new(0, 0, 0, 0));
        frame.outline(Rect::new(0, 0, 9, 5));
        frame.focus(Rect::new(0, 0, 9, 5));
        assert!(lines(&frame, true).is_empty());
    }
}
