//! What every widget needs to draw: styles by role, signs, and ages that know when they change.
//!
//! Invariant: an age that was drawn is in [`Ages::next`], so that a picture which changes by time alone is drawn anew,
//! and one which does not is not.

use std::cell::{Cell, RefCell};

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::keymap::Key;
use crate::model::Timestamp;
use crate::model::time::human_span;
use crate::theme::{Role, Theme};
use crate::ui::underline::LinkRun;

/// Everything a widget draws with.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The colours.
    pub theme: &'a Theme,
    /// The signs.
    pub glyphs: &'a Glyphs,
    /// The ages.
    pub ages: &'a Ages,
    /// The keys that the mouse can press.
    pub presses: &'a Presses,
    /// Where it is noted which cells lead where; nowhere if the client's terminal is not to know.
    pub links: Option<&'a RefCell<Vec<LinkRun>>>,
}

/// Keys that were drawn, and where: there the mouse presses them.
#[derive(Debug, Default)]
pub struct Presses(RefCell<Vec<(Rect, Key)>>);

impl Presses {
    /// More of them.
    pub fn add(&self, keys: impl Iterator<Item = (Rect, Key)>) {
        self.0.borrow_mut().extend(keys);
    }

    /// Something was drawn over them all.
    pub fn cover(&self) {
        self.0.borrow_mut().clear();
    }

    /// All of them.
    pub fn into_keys(self) -> Vec<(Rect, Key)> {
        self.0.into_inner()
    }
}

impl Look<'_> {
    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }
}

/// Signs. Each says by its shape what its colour says too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// A person is wanted.
    pub need: &'static str,
    /// At work.
    pub run: &'static str,
    /// Waits.
    pub wait: &'static str,
    /// Passed, merged.
    pub ok: &'static str,
    /// Failed.
    pub fail: &'static str,
    /// Held by a person.
    pub paused: &'static str,
    /// Left undone by a run that was stopped.
    pub stopped: &'static str,
    /// Given up.
    pub gone: &'static str,
    /// Nothing has told.
    pub unknown: &'static str,
    /// Where text is cut.
    pub ellipsis: &'static str,
    /// A branch of a tree that goes on.
    pub branch: &'static str,
    /// The last branch.
    pub last: &'static str,
    /// A tree's trunk.
    pub trunk: &'static str,
    /// The full part of a bar.
    pub full: &'static str,
    /// The empty part of a bar.
    pub empty: &'static str,
    /// Between words of one kind.
    pub dot: &'static str,
    /// A row that is pointed at.
    pub pointer: &'static str,
    /// A vertical line within a panel.
    pub bar: &'static str,
    /// A horizontal line within a panel.
    pub rule: &'static str,
    /// Frames of the one spinner.
    pub spinner: &'static [&'static str],
    /// Whether frames are drawn with box lines.
    pub boxes: bool,
}

/// The usual signs.
pub const UNICODE: Glyphs = Glyphs {
    need: "!",
    run: "●",
    wait: "○",
    ok: "✓",
    fail: "✗",
    paused: "‖",
    stopped: "■",
    gone: "–",
    unknown: "?",
    ellipsis: "…",
    branch: "├ ",
    last: "└ ",
    trunk: "│ ",
    full: "━",
    empty: "─",
    dot: "·",
    pointer: "›",
    bar: "│",
    rule: "─",
    spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
    boxes: true,
};

/// Signs of ASCII alone.
pub const ASCII: Glyphs = Glyphs {
    need: "!",
    run: "*",
    wait: "o",
    ok: "+",
    fail: "x",
    paused: "=",
    stopped: "#",
    gone: "-",
    unknown: "?",
    ellipsis: "~",
    branch: "|-",
    last: "`-",
    trunk: "| ",
    full: "#",
    empty: "-",
    dot: "-",
    pointer: ">",
    bar: "|",
    rule: "-",
    spinner: &["|", "/", "-", "\\"],
    boxes: false,
};

/// Ages as of now, and when the first of those that were drawn changes.
#[derive(Debug)]
pub struct Ages {
    now: Timestamp,
    next: Cell<Option<u64>>,
}

impl Ages {
    /// Ages as of `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { now, next: Cell::new(None) }
    }

    /// The moment this is of.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// How long ago, as people read it.
    pub fn since(&self, then: Timestamp) -> String {
        let millis = self.now.since(then);
        let unit = if millis < 60_000 { 1_000 } else { 60_000 };
        self.within(unit - millis % unit);
        human_span(millis)
    }

    /// How long until, as people read it; `now` once it is past.
    pub fn until(&self, then: Timestamp) -> String {
        let millis = then.since(self.now);
        if millis == 0 {
            return "now".to_owned();
        }
        let unit = if millis < 60_000 { 1_000 } else { 60_000 };
        self.within(millis % unit + 1);
        human_span(millis)
    }

    /// How long ago with seconds, for what is watched closely: `12s`, `1m 04s`.
    pub fn fine(&self, then: Timestamp) -> String {
        let millis = self.now.since(then);
        if !(60_000..3_600_000).contains(&millis) {
            return self.since(then);
        }
        self.within(1_000 - millis % 1_000);
        format!("{}m {:02}s", millis / 60_000, millis / 1_000 % 60)
    }

    /// The picture changes within so many milliseconds.
    pub fn within(&self, millis: u64) {
        let sooner = self.next.get().map_or(millis, |known| known.min(millis));
        self.next.set(Some(sooner));
    }

    /// When the first thing drawn changes; none if nothing does.
    pub fn next(&self) -> Option<Timestamp> {
        self.next.get().map(|millis| self.now.plus(millis.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_of_minutes_ask_once_a_minute_and_ages_of_seconds_once_a_second() {
        let ages = Ages::new(Timestamp(1_000_000));
        assert_eq!(ages.next(), None);
        assert_eq!(ages.since(Timestamp(1_000_000 - 90_500)), "1m");
        assert_eq!(ages.next(), Some(Timestamp(1_000_000 + 29_500)));
        assert_eq!(ages.since(Timestamp(1_000_000 - 1_200)), "1s");
        assert_eq!(ages.next(), Some(Timestamp(1_000_800)));
    }

    #[test]
    fn what_is_watched_closely_has_seconds() {
        let ages = Ages::new(Timestamp(1_000_000));
        assert_eq!(ages.fine(Timestamp(1_000_000 - 64_000)), "1m 04s");
        assert_eq!(ages.fine(Timestamp(1_000_000 - 12_000)), "12s");
        assert_eq!(ages.until(Timestamp(1_012_000)), "12s");
        assert_eq!(ages.until(Timestamp(5)), "now");
    }
}
