//! The box that every popup stands in: centred, cleared, framed, with a title and its own hints.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget};

use super::frame::{self, Frame};
use super::row::Row;
use crate::theme::Role;
use crate::ui::look::Look;

/// A popup's box.
pub struct PopupBox<'a> {
    /// What it is.
    pub title: &'a str,
    /// Its hints, at the lower edge.
    pub hints: Row,
    /// Columns that it would like, frame included.
    pub columns: u16,
    /// Rows that it would like, frame included.
    pub rows: u16,
}

impl PopupBox<'_> {
    /// Where it stands on `screen`: in the middle, never larger than it.
    pub fn place(&self, screen: Rect) -> Rect {
        let (width, height) = (self.columns.min(screen.width), self.rows.min(screen.height));
        let x = screen.x + (screen.width - width) / 2;
        let y = screen.y + (screen.height - height) / 2;
        Rect { x, y, width, height }
    }

    /// Draws it and returns the room inside.
    pub fn draw(&self, screen: Rect, buf: &mut Buffer, look: Look<'_>) -> Rect {
        let place = self.place(screen);
        Clear.render(place, buf);
        buf.set_style(place, look.style(Role::Text));
        let mut lines = Frame::new(place);
        lines.outline(place);
        let style = look.style(Role::Focus);
        lines.draw(buf, style, style, look.glyphs.boxes);
        let mark = look.glyphs.ellipsis;
        let title = Row::of(&format!(" {} ", self.title), look.style(Role::Title));
        frame::title(place, &title, &Row::new(), buf, mark);
        let below = Rect { y: place.bottom().saturating_sub(1), ..place };
        if place.height > 1 {
            let at = frame::title(below, &Row::new(), &self.hints, buf, mark);
            look.presses.add(self.hints.presses(at));
        }
        inside(place)
    }
}

/// The room within a frame, with a column of air at each side where there is room for it.
fn inside(place: Rect) -> Rect {
    if place.width < 3 || place.height < 3 {
        return Rect { width: 0, height: 0, ..place };
    }
    let air = u16::from(place.width > 20);
    Rect { x: place.x + 1 + air, y: place.y + 1, width: place.width - 2 - 2 * air, height: place.height - 2 }
}
