//! The picture: layout, frame, views, popups, in this order.
//!
//! Not for deciding. Invariant: the same view state and world give the same cells.

use std::cell::RefCell;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::widgets::{Clear, Widget};

use super::bar::{SEARCH_COLUMN, SEARCH_COLUMNS};
use super::contract::World;
use super::layout::{Screen, Shape, Wants, layout};
use super::look::{ASCII, Ages, Glyphs, Look, Presses, UNICODE};
use super::popups::Stage;
use super::reading::Asking;
use super::sight::{MarkStyles, Sight};
use super::state::{Focus, Tab, numbered};
use super::views::board::Board;
use super::views::detail::Detail;
use super::views::header::Header;
use super::views::others::Others;
use super::views::pane::Pane;
use super::views::strip::{self, Strip};
use super::views::tabs::Tabs;
use super::views::welcome::WelcomeView;
use super::widgets::frame::{self, Frame};
use super::widgets::row::Row;
use super::{Ui, clipboard, enabled};
use crate::model::Snapshot;
use crate::model::snapshot::{RunPhase, SessionView};
use crate::theme::Role;

impl Ui {
    /// Draws everything into `buf` and answers where the cursor belongs.
    pub(super) fn paint(&mut self, area: Rect, buf: &mut Buffer, world: &World<'_>) -> Option<Position> {
        let theme = self.current_theme().clone();
        let ages = Ages::new(world.now);
        let presses = Presses::default();
        let glyphs = glyphs(self.settings.ascii);
        let runs = RefCell::new(Vec::new());
        let links = self.settings.links.then_some(&runs);
        let look = Look { theme: &theme, glyphs, ages: &ages, presses: &presses, links };
        Clear.render(area, buf);
        buf.set_style(area, theme.style(Role::Text));
        let screen = layout(area, self.wants(world));
        self.settle(&screen, world, look);
        let shown = self.drawn.session.clone();
        self.hear_clips_of(shown.as_ref(), world);
        let mut cursor = self.paint_screen(&screen, buf, world, look);
        (self.drawn.area, self.drawn.screen) = (area, screen);
        let stage = Stage { world, view: &self.view, keymap: &self.settings.keymap };
        for popup in &mut self.popups {
            presses.cover();
            cursor = popup.draw(area_above(area, screen.hints), buf, stage, look);
        }
        self.drawn.zones = self.hints(world, look).draw(screen.hints, buf, look);
        self.drawn.wake = self.wake(&ages);
        self.drawn.presses = presses.into_keys();
        self.drawn.links = runs.into_inner();
        cursor
    }

    fn wants(&self, world: &World<'_>) -> Wants {
        let snapshot = world.snapshot;
        let running = snapshot.run.as_ref().is_some_and(|run| run.ended.is_none());
        let sessions = snapshot.sessions.len();
        Wants {
            welcome: snapshot.run.is_none(),
            zoom: self.view.zoom,
            page: self.view.page,
            attention: snapshot.rows().count(),
            // While the run goes on there is always a place for others, so that terminals keep their size.
            others: if running { sessions.max(2) } else { sessions.saturating_sub(1) },
            alone: self.others_live(snapshot) == 0,
        }
    }

    /// Brings what was scrolled too far back, and keeps what is read in a terminal's history in its place.
    fn settle(&mut self, screen: &Screen, world: &World<'_>, look: Look<'_>) {
        let area = screen.view.inner;
        let height = self.pane(world, look).height(area.width);
        self.view.scroll = self.view.scroll.min(height.saturating_sub(usize::from(area.height)));
        (self.drawn.terminal, self.drawn.session, self.drawn.cursor) = (None, None, None);
        self.drawn.marked.clear();
        let seen = !area.is_empty() && self.view.tab == Tab::Terminal && screen.shape != Shape::Welcome;
        let Some(session) = self.view.shown(world.snapshot).filter(|_| seen) else { return };
        self.drawn.session = Some(session.id.clone());
        if session.is_live() {
            self.drawn.terminal = Some((session.id.clone(), area));
        }
        let id = session.id.clone();
        if self.stride_past(world) {
            look.ages.within(1);
        }
        let Some(pane) = self.view.pane(world.panes, &id) else { return };
        self.view.reading.fit(area.width, area.height);
        let mut emulator = pane.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let reads = self.view.focus == Focus::View;
        let mut sight = Sight::new(&mut self.view, &id, &mut emulator, area);
        let is_searched = sight.search();
        self.drawn.marked = sight.highlights(marks(look));
        self.drawn.cursor = if reads { sight.cursor_on_screen() } else { None };
        if !is_searched {
            look.ages.within(1);
        }
    }

    fn wake(&self, ages: &Ages) -> Option<crate::model::Timestamp> {
        if !self.pending.is_empty() {
            ages.within(120);
        }
        if self.clips.waits() {
            ages.within(clipboard::PACE);
        }
        if let Some(said) = &self.said {
            ages.within(said.until.since(ages.now()).max(1));
        }
        ages.next()
    }

    fn pane<'a>(&'a self, world: &World<'a>, look: Look<'a>) -> Pane<'a> {
        Pane {
            view: &self.view,
            snapshot: world.snapshot,
            panes: world.panes,
            loaded: &self.loaded,
            marked: &self.drawn.marked,
            depth: self.settings.depth,
            underlines: self.settings.underlines,
            look,
        }
    }

    fn paint_screen(
        &self,
        screen: &Screen,
        buf: &mut Buffer,
        world: &World<'_>,
        look: Look<'_>,
    ) -> Option<Position> {
        let snapshot = world.snapshot;
        self.paint_header(screen, buf, world, look);
        if screen.shape == Shape::Welcome {
            let refusal = enabled::can_start(world).err();
            let keymap = &self.settings.keymap;
            let welcome = WelcomeView { welcome: world.welcome, refusal: refusal.as_deref(), keymap, look };
            welcome.render(screen.view.inner, buf);
            return None;
        }
        self.paint_frames(screen, buf, look);
        self.paint_titles(screen, buf, world, look);
        let current = self.view.row(snapshot);
        Strip { snapshot, current, keymap: &self.settings.keymap, look }.render(screen.strip.inner, buf);
        self.paint_board(screen.board.inner, buf, world, look);
        match self.view.selected(snapshot) {
            Some(task) => Detail { task, snapshot, keymap: &self.settings.keymap, look }
                .render(screen.detail.inner, buf),
            None => self.paint_run(screen.detail.inner, buf, snapshot, look),
        }
        let others = self.others(snapshot);
        Others { sessions: &others, snapshot, panes: world.panes, look }.render(screen.others.inner, buf);
        let terminal = self.pane(world, look).draw(screen.view.inner, buf);
        if self.view.filtering {
            let at = if screen.shape == Shape::Narrow { screen.tabs } else { screen.board.outer };
            return self.filter_cursor(at);
        }
        if let Some(asking) = &self.view.reading.asking {
            return search_cursor(screen.hints, asking);
        }
        match self.view.focus {
            Focus::View => self.drawn.cursor,
            Focus::Terminal => terminal.filter(|_| self.view.back == 0),
            Focus::Board => None,
        }
    }

    fn paint_header(&self, screen: &Screen, buf: &mut Buffer, world: &World<'_>, look: Look<'_>) {
        let snapshot = world.snapshot;
        if screen.shape == Shape::Zoomed {
            let (title, note) = self.pane(world, look).title();
            title.draw(screen.header, buf, look.glyphs.ellipsis);
            let wide = u16::try_from(note.width() + 14).unwrap_or(u16::MAX).min(screen.header.width);
            let at = Rect { x: screen.header.right() - wide, width: wide, ..screen.header };
            let need = snapshot.attention.len();
            let need =
                if need > 0 { format!("{} {need} need you ", look.glyphs.need) } else { String::new() };
            if usize::from(screen.header.width) > title.width() + usize::from(wide) {
                note.right(&need, look.style(Role::Need)).draw(at, buf, look.glyphs.ellipsis);
            }
            return;
        }
        let moves = snapshot.sessions.iter().any(SessionView::is_live) || snapshot.rows().next().is_some();
        let clock = if moves { world.clock } else { "" };
        if moves {
            let into_minute = u64::try_from(world.now.0.rem_euclid(60_000)).unwrap_or(0);
            look.ages.within(60_000 - into_minute);
        }
        Header { snapshot, clock, clients: world.clients, mistake: world.mistake, look }
            .render(screen.header, buf);
    }

    fn paint_frames(&self, screen: &Screen, buf: &mut Buffer, look: Look<'_>) {
        if screen.shape != Shape::Wide {
            return;
        }
        let panels = [screen.strip, screen.board, screen.detail, screen.view, screen.others];
        let outer = panels.iter().map(|panel| panel.outer).filter(|rect| !rect.is_empty());
        let whole = outer.clone().reduce(Rect::union).unwrap_or_default();
        let mut lines = Frame::new(whole);
        for rect in outer {
            lines.outline(rect);
        }
        let focus = if self.view.focus == Focus::Board { screen.board } else { screen.view };
        lines.focus(focus.outer);
        lines.draw(buf, look.style(Role::Border), look.style(Role::Focus), look.glyphs.boxes);
    }

    fn paint_titles(&self, screen: &Screen, buf: &mut Buffer, world: &World<'_>, look: Look<'_>) {
        let snapshot = world.snapshot;
        let mark = look.glyphs.ellipsis;
        let (title, note) = self.pane(world, look).title();
        let detail = self.detail_title(snapshot, look);
        if screen.shape == Shape::Narrow {
            let page = if self.view.page { Some(self.view.tab) } else { None };
            let note = if self.view.page { title } else { self.filter_words(look) };
            Tabs { page, note: &note, look }.render(screen.tabs, buf);
            if !screen.detail.is_empty() {
                let rule = Rect { height: 1, ..screen.detail.outer };
                let line = look.glyphs.rule.repeat(usize::from(rule.width));
                Row::of(&line, look.style(Role::Border)).draw(rule, buf, "");
                frame::title(rule, &detail, &Row::new(), buf, mark);
            }
            return;
        }
        if screen.shape != Shape::Wide {
            return;
        }
        if let Some(oldest) = snapshot.rows().map(|row| row.since).min() {
            let count = strip::title(snapshot, look);
            let age = Row::of(&format!(" oldest {} ", look.ages.since(oldest)), look.style(Role::Dim));
            frame::title(screen.strip.outer, &count, &age, buf, mark);
        }
        frame::title(
            screen.board.outer,
            &self.board_title(snapshot, look),
            &self.filter_words(look),
            buf,
            mark,
        );
        frame::title(screen.detail.outer, &detail, &Row::new(), buf, mark);
        frame::title(screen.view.outer, &title, &note, buf, mark);
        frame::title(screen.others.outer, &self.others_title(snapshot, look), &Row::new(), buf, mark);
    }

    fn board_title(&self, snapshot: &Snapshot, look: Look<'_>) -> Row {
        let (shown, all) = (self.view.tasks(snapshot).len(), snapshot.tasks.len());
        let count = if shown == all { all.to_string() } else { format!("{shown} of {all}") };
        Row::of(" 1", look.style(Role::Key))
            .left(" Tasks ", look.style(Role::Title))
            .left(&format!("{count} "), look.style(Role::Dim))
    }

    fn filter_words(&self, look: Look<'_>) -> Row {
        if !self.view.filtering && self.view.filter.text().is_empty() {
            return Row::new();
        }
        Row::of(" /", look.style(Role::Key))
            .left(&format!("{} ", self.view.filter.text()), look.style(Role::Accent))
    }

    /// The cursor stands where the filter's words end on the board's upper edge.
    fn filter_cursor(&self, board: Rect) -> Option<Position> {
        let x = board.right().checked_sub(if board.height > 1 { 3 } else { 1 })?;
        (!board.is_empty()).then_some(Position { x, y: board.y })
    }

    fn detail_title(&self, snapshot: &Snapshot, look: Look<'_>) -> Row {
        match self.view.selected(snapshot) {
            Some(task) => Row::of(&format!(" {} ", task.id), look.style(Role::Accent)),
            None => Row::of(" Run ", look.style(Role::Title)),
        }
    }

    fn others_title(&self, snapshot: &Snapshot, look: Look<'_>) -> Row {
        let live = self.others_live(snapshot);
        let words = match live {
            0 => " no other agent runs ".to_owned(),
            1 => " 1 more agent ".to_owned(),
            more => format!(" {more} more agents "),
        };
        Row::of(&words, look.style(if live == 0 { Role::Dim } else { Role::Title }))
    }

    /// How many agents run besides the one that is shown.
    fn others_live(&self, snapshot: &Snapshot) -> usize {
        let shown = self.view.shown(snapshot).map(|session| &session.id);
        let others = snapshot.sessions.iter().filter(|session| Some(&session.id) != shown);
        others.filter(|session| session.is_live()).count()
    }

    /// The sessions that are not shown: live ones with their numbers, then the latest of those that have ended.
    pub(super) fn others<'w>(&self, snapshot: &'w Snapshot) -> Vec<(Option<usize>, &'w SessionView)> {
        let shown = self.view.shown(snapshot).map(|session| session.id.clone());
        let live = numbered(snapshot).into_iter().enumerate().map(|(at, session)| (Some(at + 2), session));
        let ended =
            snapshot.sessions.iter().filter(|session| !session.is_live()).map(|session| (None, session));
        live.chain(ended).filter(|(_, session)| Some(&session.id) != shown.as_ref()).collect()
    }

    fn paint_board(&self, area: Rect, buf: &mut Buffer, world: &World<'_>, look: Look<'_>) {
        let snapshot = world.snapshot;
        let tasks = self.view.tasks(snapshot);
        if !tasks.is_empty() {
            let focused = self.view.focus == Focus::Board;
            let tree = self.view.filter.text().is_empty();
            let selected = self.view.task.as_ref();
            Board { tasks: &tasks, snapshot, selected, focused, tree, look }.render(area, buf);
            return;
        }
        let words = match snapshot.run.as_ref().map(|run| run.phase) {
            _ if !snapshot.tasks.is_empty() => "No task matches. esc shows all.",
            Some(RunPhase::Planning) => "The planner reads the repository and cuts the goal into tasks.",
            Some(RunPhase::Proposed) => "A plan waits for your word: v shows it.",
            Some(RunPhase::Stopped) => "The run was stopped before it had tasks.",
            _ => "No tasks yet: n adds one.",
        };
        let room = Rect { x: area.x + area.width.min(1), width: area.width.saturating_sub(2), ..area };
        let rows = super::text::wrap(words, usize::from(room.width));
        for (line, y) in rows.iter().zip(room.y..room.bottom()) {
            Row::of(line, look.style(Role::Dim)).draw(
                Rect { y, height: 1, ..room },
                buf,
                look.glyphs.ellipsis,
            );
        }
    }

    /// Without a task the run itself is told of: its goal, and what is wrong with its plan.
    fn paint_run(&self, area: Rect, buf: &mut Buffer, snapshot: &Snapshot, look: Look<'_>) {
        let Some(run) = &snapshot.run else { return };
        let columns = usize::from(area.width.saturating_sub(2));
        let goal = super::text::wrap(&run.goal, columns);
        let mut rows: Vec<Row> =
            goal.iter().map(|line| Row::of(&format!(" {line}"), look.style(Role::Text))).collect();
        let refused = (!run.plan_problems.is_empty()).then_some("the planner's last answer was refused:");
        for told in refused.into_iter().chain(run.plan_problems.iter().map(String::as_str)) {
            for line in super::text::wrap(told, columns) {
                rows.push(Row::of(&format!(" {line}"), look.style(Role::Accent)));
            }
        }
        super::widgets::row::Rows { rows: &rows, skip: 0, mark: look.glyphs.ellipsis }.render(area, buf);
    }
}

/// The cursor stands in the words that are searched for, behind the mode and the sign.
fn search_cursor(hints: Rect, asking: &Asking) -> Option<Position> {
    let column = SEARCH_COLUMN + asking.editor.lay(usize::MAX).column.min(SEARCH_COLUMNS);
    let last = hints.right().checked_sub(1)?;
    let x = hints.x.saturating_add(u16::try_from(column).unwrap_or(u16::MAX)).min(last);
    (!hints.is_empty()).then_some(Position { x, y: hints.y })
}

/// How selected text and hits look; the hit that the cursor is on differs without colours too.
fn marks(look: Look<'_>) -> MarkStyles {
    let selected = look.style(Role::Mark);
    let hit = Style::new().patch(look.style(Role::Accent)).add_modifier(Modifier::REVERSED);
    MarkStyles { selected, hit, current: selected.add_modifier(Modifier::BOLD | Modifier::UNDERLINED) }
}

fn glyphs(ascii: bool) -> &'static Glyphs {
    if ascii { &ASCII } else { &UNICODE }
}

/// Popups leave the hints in sight.
fn area_above(area: Rect, hints: Rect) -> Rect {
    Rect { height: area.height - hints.height.min(area.height), ..area }
}
