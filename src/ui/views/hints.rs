//! The line at the bottom: the mode, the keys that are valid now, or what has just been said.
//!
//! Invariant: it collapses from its end by width; what leads out of a mode and to help is kept longest.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::Action;
use crate::theme::Role;
use crate::ui::look::Look;
use crate::ui::text;
use crate::ui::widgets::row::{Row, put};

/// Columns between what was said and the keys at the right end.
const GAP: usize = 2;

/// A key and what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The key.
    pub key: String,
    /// A word or two.
    pub word: String,
    /// What a click on it does.
    pub action: Action,
}

impl Hint {
    fn columns(&self) -> usize {
        text::width(&self.key) + text::width(&self.word) + 1
    }
}

/// The hint bar.
pub struct Hints<'a> {
    /// The mode.
    pub mode: &'a str,
    /// What there is to say instead of keys, and whether it is bad news.
    pub said: Option<(&'a str, bool)>,
    /// Words before the keys.
    pub lead: &'a str,
    /// Keys, the most useful first.
    pub keys: &'a [Hint],
    /// Keys at the right end.
    pub fixed: &'a [Hint],
    /// How to draw.
    pub look: Look<'a>,
}

impl Hints<'_> {
    /// Draws it and answers where each hint stands.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) -> Vec<(Rect, Action)> {
        if area.is_empty() {
            return Vec::new();
        }
        let columns = usize::from(area.width);
        let mut zones = Vec::new();
        let badge = format!(" {} ", self.mode);
        let mut x = put(buf, area.x, area.y, &badge, self.look.style(Role::Badge), columns);
        let fixed: usize = self.fixed.iter().map(|hint| hint.columns() + 2).sum();
        let room = if x + fixed + 12 < columns { columns - fixed } else { columns };
        // Bad news that is longer than the room beside the keys is read to its end.
        let long = |(said, bad): (&str, bool)| bad && x + 2 + text::width(said) + GAP > room;
        let room = if self.said.is_some_and(long) { columns } else { room };
        if room < columns {
            let mut at = room;
            for hint in self.fixed {
                self.pair(hint, at, area, buf, &mut zones);
                at += hint.columns() + 2;
            }
        }
        x += 2;
        if let Some((said, bad)) = self.said {
            let style = self.look.style(if bad { Role::Need } else { Role::Text });
            let end = if room < columns { room.saturating_sub(GAP) } else { columns };
            self.words(said, style, x, end.saturating_sub(x), area, buf);
            return zones;
        }
        if !self.lead.is_empty() {
            let wide = text::width(self.lead);
            if x + wide > room {
                return zones;
            }
            self.words(self.lead, self.look.style(Role::Text), x, wide, area, buf);
            x += wide + 2;
        }
        for hint in self.keys {
            if x + hint.columns() + 1 > room {
                break;
            }
            self.pair(hint, x, area, buf, &mut zones);
            x += hint.columns() + 2;
        }
        zones
    }

    fn words(
        &self,
        words: &str,
        style: ratatui::style::Style,
        x: usize,
        columns: usize,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let Ok(offset) = u16::try_from(x) else { return };
        let width = u16::try_from(columns).unwrap_or(u16::MAX).min(area.width.saturating_sub(offset));
        let place = Rect { x: area.x.saturating_add(offset), width, height: 1, ..area };
        Row::of(words, style).draw(place, buf, self.look.glyphs.ellipsis);
    }

    fn pair(&self, hint: &Hint, x: usize, area: Rect, buf: &mut Buffer, zones: &mut Vec<(Rect, Action)>) {
        let (key, word) = (self.look.style(Role::Key), self.look.style(Role::Dim));
        let wide = text::width(&hint.key);
        self.words(&hint.key, key, x, wide, area, buf);
        self.words(&hint.word, word, x + wide + 1, text::width(&hint.word), area, buf);
        let (Ok(offset), Ok(width)) = (u16::try_from(x), u16::try_from(hint.columns())) else { return };
        zones.push((Rect { x: area.x.saturating_add(offset), width, height: 1, ..area }, hint.action));
    }
}
