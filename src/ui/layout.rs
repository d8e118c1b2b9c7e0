//! Where everything stands: a function of the screen's size and of how much there is to show.
//!
//! Invariant: a live terminal gets 80 columns before the board gets its share; below [`WIDE`] columns there are pages.
//! Panels share their borders; every rectangle lies within the screen.

use ratatui::layout::Rect;

/// From so many columns on, board and terminal stand side by side.
pub const WIDE: u16 = 118;
/// Columns that a terminal gets first.
const TERMINAL: u16 = 80;

/// What decides the layout besides the size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// There is no run.
    pub welcome: bool,
    /// The view has the whole screen.
    pub zoom: bool,
    /// The narrow screen shows the view instead of the tasks.
    pub page: bool,
    /// Rows of the attention strip.
    pub attention: usize,
    /// Sessions besides the one that is shown.
    pub others: usize,
    /// None of them lives.
    pub alone: bool,
}

/// Kinds of layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Nothing but the first screen.
    #[default]
    Welcome,
    /// Panels side by side.
    Wide,
    /// One page at a time.
    Narrow,
    /// The view alone.
    Zoomed,
}

/// A panel: its frame, which it may share, and the room inside. Without a frame both are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Panel {
    /// With its frame.
    pub outer: Rect,
    /// Without.
    pub inner: Rect,
}

impl Panel {
    fn framed(outer: Rect) -> Panel {
        let inner = Rect {
            x: outer.x.saturating_add(1),
            y: outer.y.saturating_add(1),
            width: outer.width.saturating_sub(2),
            height: outer.height.saturating_sub(2),
        };
        let inner = if inner.width == 0 || inner.height == 0 { Rect::default() } else { inner };
        Panel { outer, inner }
    }

    fn bare(inner: Rect) -> Panel {
        Panel { outer: inner, inner }
    }

    /// Whether there is anything of it.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }
}

/// The rectangles of a screen. What is not shown is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// Which kind.
    pub shape: Shape,
    /// The line at the top.
    pub header: Rect,
    /// The pages' names.
    pub tabs: Rect,
    /// What needs a person.
    pub strip: Panel,
    /// The tasks.
    pub board: Panel,
    /// The selected task.
    pub detail: Panel,
    /// Terminal, diff, evidence or log.
    pub view: Panel,
    /// The other sessions.
    pub others: Panel,
    /// The line at the bottom.
    pub hints: Rect,
}

/// Lays a screen out.
pub fn layout(area: Rect, wants: Wants) -> Screen {
    if area.is_empty() {
        return Screen::default();
    }
    let line = |y: u16| Rect { x: area.x, y, width: area.width, height: 1 };
    let mut screen = Screen::default();
    let hints = u16::from(area.height > 2);
    if hints > 0 {
        screen.hints = line(area.bottom() - 1);
    }
    let top = u16::from(area.height > 3);
    if top > 0 {
        screen.header = line(area.y);
    }
    let body = Rect { y: area.y + top, height: area.height - top - hints, ..area };
    if wants.welcome {
        screen.shape = Shape::Welcome;
        screen.view = Panel::bare(body);
    } else if wants.zoom {
        screen.shape = Shape::Zoomed;
        screen.view = Panel::bare(body);
    } else if area.width >= WIDE && area.height >= 16 {
        screen.shape = Shape::Wide;
        wide(&mut screen, body, wants);
    } else {
        screen.shape = Shape::Narrow;
        narrow(&mut screen, body, wants);
    }
    screen
}

fn wide(screen: &mut Screen, body: Rect, wants: Wants) {
    let rows = strip_rows(body.height, wants.attention);
    let mut lower = body;
    if rows > 0 {
        screen.strip = Panel::framed(Rect { height: rows + 2, ..body });
        // The strip's lower border is the upper one of what lies below.
        lower = Rect { y: body.y + rows + 1, height: body.height - rows - 1, ..body };
    }
    let columns = board_columns(body.width);
    let left = Rect { width: columns + 2, ..lower };
    let right = Rect { x: lower.x + columns + 1, width: lower.width - columns - 1, ..lower };
    let detail = detail_rows(lower.height);
    screen.board = Panel::framed(Rect { height: left.height - detail - 1, ..left });
    screen.detail = Panel::framed(Rect { y: left.bottom() - detail - 2, height: detail + 2, ..left });
    let others = others_rows(lower.height, wants.others).min(if wants.alone { 1 } else { u16::MAX });
    if others == 0 {
        screen.view = Panel::framed(right);
        return;
    }
    screen.view = Panel::framed(Rect { height: right.height - others - 1, ..right });
    screen.others = Panel::framed(Rect { y: right.bottom() - others - 2, height: others + 2, ..right });
}

fn strip_rows(height: u16, attention: usize) -> u16 {
    u16::try_from(attention).unwrap_or(u16::MAX).min((height / 8).clamp(1, 6))
}

/// The board gets what the terminal leaves, and from then on a third, up to what a title needs.
fn board_columns(width: u16) -> u16 {
    let spare = width.saturating_sub(TERMINAL + 3);
    spare.min((width * 3 / 10).max(37)).min(64)
}

fn detail_rows(height: u16) -> u16 {
    (height * 2 / 5).clamp(4, 16).min(height.saturating_sub(6))
}

/// Its height depends on the screen and not on how many agents run: a terminal must not be resized each time that
/// one starts. Only while none runs it is one row.
fn others_rows(height: u16, others: usize) -> u16 {
    match height {
        _ if others == 0 => 0,
        0..14 => 0,
        14..22 => 1,
        22..30 => 3,
        30..40 => 4,
        _ => 6,
    }
}

fn narrow(screen: &mut Screen, body: Rect, wants: Wants) {
    let mut rest = body;
    let mut take = |rows: u16| {
        let rows = rows.min(rest.height);
        let taken = Rect { height: rows, ..rest };
        rest = Rect { y: rest.y + rows, height: rest.height - rows, ..rest };
        taken
    };
    if body.height > 2 {
        screen.tabs = take(1);
    }
    if wants.attention > 0 && body.height > 4 {
        screen.strip = Panel::bare(take(1));
    }
    if wants.page {
        screen.view = Panel::bare(rest);
        return;
    }
    if rest.height < 9 {
        screen.board = Panel::bare(rest);
        return;
    }
    let detail = (rest.height * 2 / 5).clamp(4, 14);
    screen.board = Panel::bare(Rect { height: rest.height - detail - 1, ..rest });
    let outer = Rect { y: rest.bottom() - detail - 1, height: detail + 1, ..rest };
    screen.detail = Panel { outer, inner: Rect { y: outer.y + 1, height: detail, ..outer } };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(width: u16, height: u16, wants: Wants) -> Screen {
        layout(Rect::new(0, 0, width, height), wants)
    }

    #[test]
    fn a_terminal_beside_the_board_has_80_columns_and_the_board_the_rest() {
        let busy = Wants { attention: 3, others: 3, ..Wants::default() };
        let columns = |width| {
            let screen = at(width, 36, busy);
            (screen.shape, screen.board.inner.width, screen.view.inner.width)
        };
        assert_eq!(columns(120), (Shape::Wide, 37, 80));
        assert_eq!(columns(118), (Shape::Wide, 35, 80));
        assert_eq!(columns(200), (Shape::Wide, 60, 137));
        assert_eq!(at(117, 36, busy).shape, Shape::Narrow);
    }

    #[test]
    fn the_strip_is_gone_when_nothing_needs_a_person() {
        let none = at(120, 36, Wants { others: 2, ..Wants::default() });
        assert!(none.strip.is_empty());
        let three = at(120, 36, Wants { attention: 3, others: 2, ..Wants::default() });
        assert_eq!(three.strip.inner.height, 3);
        assert_eq!(at(120, 36, Wants { attention: 30, ..Wants::default() }).strip.inner.height, 4);
    }

    #[test]
    fn a_terminal_keeps_its_size_while_agents_come_and_go() {
        let height = |others| at(120, 36, Wants { others, ..Wants::default() }).view.inner.height;
        assert_eq!(height(1), height(7));
    }

    #[test]
    fn where_no_other_agent_runs_the_terminal_has_the_room() {
        for height in [24, 36, 60] {
            let alone = at(120, height, Wants { others: 9, alone: true, ..Wants::default() });
            assert_eq!(alone.others.inner.height, 1, "{height}");
        }
    }

    #[test]
    fn the_narrow_screen_gives_the_terminal_all_but_three_lines() {
        let page = Wants { page: true, attention: 1, ..Wants::default() };
        assert_eq!(at(80, 24, page).view.inner, Rect::new(0, 3, 80, 20));
        assert_eq!(at(80, 24, Wants { attention: 0, ..page }).view.inner, Rect::new(0, 2, 80, 21));
    }

    proptest! {
        #[test]
        fn every_rectangle_lies_within_the_screen(
            width in 0_u16..260, height in 0_u16..90,
            welcome: bool, zoom: bool, page: bool,
            attention in 0_usize..40, others in 0_usize..40,
        ) {
            let area = Rect::new(0, 0, width, height);
            let s = layout(area, Wants { welcome, zoom, page, attention, others, alone: others % 2 == 0 });
            let panels = [s.strip, s.board, s.detail, s.view, s.others];
            let rects = panels.iter().flat_map(|p| [p.outer, p.inner]).chain([s.header, s.tabs, s.hints]);
            for rect in rects.filter(|rect| !rect.is_empty()) {
                prop_assert_eq!(rect.intersection(area), rect);
            }
        }
    }
}
