//! The view beside the board: a session's terminal, or the diff, evidence or log of the selected task; its title too.
//!
//! Invariant: what is missing is said in words, with what comes next.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use crate::model::event::Change;
use crate::model::snapshot::{RunPhase, SessionView, TaskView};
use crate::model::{Phase, Snapshot, counted};
use crate::theme::{ColourDepth, Role};
use crate::ui::contract::Panes;
use crate::ui::loaded::Loaded;
use crate::ui::look::Look;
use crate::ui::past::ago;
use crate::ui::state::{Tab, ViewState, number_of};
use crate::ui::text;
use crate::ui::views::diff::{Diff, DiffView};
use crate::ui::views::{evidence, log, signs};
use crate::ui::widgets::row::{Row, Rows};
use crate::ui::widgets::terminal::{Highlight, TerminalView};

/// The view.
pub struct Pane<'a> {
    /// Which, and how far it is scrolled.
    pub view: &'a ViewState,
    /// The run.
    pub snapshot: &'a Snapshot,
    /// The terminals.
    pub panes: &'a dyn Panes,
    /// What was loaded.
    pub loaded: &'a Loaded,
    /// What is marked in the terminal.
    pub marked: &'a [Highlight],
    /// How many colours a terminal's cells may have.
    pub depth: ColourDepth,
    /// Whether lines under text may be curly, and have colours.
    pub underlines: bool,
    /// How to draw.
    pub look: Look<'a>,
}

impl Pane<'_> {
    fn task(&self) -> Option<&TaskView> {
        self.view.selected(self.snapshot)
    }

    fn session(&self) -> Option<&SessionView> {
        self.view.shown(self.snapshot)
    }

    /// The title: what is shown, and at its end how it goes.
    pub fn title(&self) -> (Row, Row) {
        match (self.view.tab, self.session()) {
            (Tab::Terminal, Some(session)) => (self.session_title(session), self.session_note(session)),
            (tab, _) => (self.task_title(tab), self.task_note(tab)),
        }
    }

    fn session_title(&self, session: &SessionView) -> Row {
        let look = self.look;
        let sign = signs::session(session, self.snapshot, look);
        let number = number_of(self.snapshot, &session.id).filter(|n| *n < 10);
        let mut row = Row::of(" ", look.style(Role::Title));
        if let Some(number) = number {
            row.push(&format!("{number} "), look.style(Role::Key));
        }
        row.push(&format!("{} ", sign.glyph), look.style(sign.role));
        row.push(&session.name, look.style(signs::agent(&session.name, self.snapshot)));
        if session.step.is_some() && self.snapshot.unguarded.iter().any(|name| name.as_str() == session.name)
        {
            row.push(" unguarded", look.style(Role::Fail));
        }
        row.push(&format!(" {}  ", signs::purpose(session)), look.style(Role::Dim));
        if let Some(id) = &session.task {
            let title = self.snapshot.task(id).map_or("", |task| task.title.as_str());
            row.push(id.as_str(), look.style(Role::Accent));
            row.push(&format!(" {title} "), look.style(Role::Title));
        }
        row
    }

    fn session_note(&self, session: &SessionView) -> Row {
        let look = self.look;
        let mut row = Row::of(" ", look.style(Role::Dim));
        if let (Some(standing), None) = (self.view.reading.standing(), &self.view.reading.asking) {
            let pattern = self.view.reading.search.as_ref().map_or("", |search| search.pattern());
            let sign = if self.view.reading.upwards { "?" } else { "/" };
            row.push(
                &format!("{sign}{} ", text::fit(pattern, 20, look.glyphs.ellipsis)),
                look.style(Role::Dim),
            );
            return row.left(&format!("{standing} "), look.style(Role::Accent));
        }
        if let Some(past) = self.view.reading.past_shown() {
            let (at, count) = past.place();
            let millis = look.ages.now().since(past.since());
            look.ages.within(1_000 - millis % 1_000);
            row.push(&format!("{} ", ago(millis)), look.style(Role::Accent));
            return row.left(&format!("screen {at} of {count} "), look.style(Role::Dim));
        }
        if self.view.back > 0 {
            row.push(&format!("{} back  ", counted(self.view.back, "row")), look.style(Role::Accent));
        }
        let siblings = self.view.sessions(self.snapshot);
        if let (true, Some(at)) =
            (siblings.len() > 1, siblings.iter().position(|other| other.id == session.id))
        {
            row.push(&format!("{}/{}  ", at + 1, siblings.len()), look.style(Role::Dim));
        }
        if session.round > 0 {
            let limit =
                session.task.as_ref().and_then(|id| self.snapshot.task(id)).map(|task| task.max_rounds);
            let limit = limit.map(|limit| format!("/{limit}")).unwrap_or_default();
            row.push(&format!("round {}{limit}  ", session.round), look.style(Role::Text));
        }
        let sign = signs::session(session, self.snapshot, look);
        if session.is_live() {
            row.push(
                &format!("{} {} ", sign.word, look.ages.since(session.status_since)),
                look.style(Role::Dim),
            );
        } else {
            row.push("ended ", look.style(Role::Dim));
        }
        row
    }

    fn task_title(&self, tab: Tab) -> Row {
        let look = self.look;
        let row = Row::of(&format!(" {} ", tab.name()), look.style(Role::Title));
        match self.task() {
            Some(task) => row
                .left(task.id.as_str(), look.style(Role::Accent))
                .left(&format!(" {} ", task.title), look.style(Role::Title)),
            None => row,
        }
    }

    fn task_note(&self, tab: Tab) -> Row {
        let look = self.look;
        let Some(task) = self.task().filter(|task| tab == Tab::Diff && task.base.is_some()) else {
            return Row::new();
        };
        // While an agent works, what is read is its worktree, which is ahead of its commits.
        let in_work = matches!(task.phase, Phase::Implementing | Phase::Fixing);
        let read = self.loaded.diff(Some(&task.id)).map(Diff::change).filter(|_| in_work);
        let change = read.unwrap_or(task.change);
        let committed = match (change == task.change, task.change == Change::default()) {
            (true, true) if in_work => ", nothing committed yet ",
            (true, _) => " ",
            (false, true) => ", not committed yet ",
            (false, false) => ", not all committed yet ",
        };
        let files = counted(change.files, "file");
        if change == Change::default() {
            return Row::of(&format!(" no file changed{committed}"), look.style(Role::Dim));
        }
        Row::of(&format!(" +{}", change.added), look.style(Role::DiffAdd))
            .left(&format!(" -{}", change.removed), look.style(Role::DiffRemove))
            .left(&format!("  {files}{committed}"), look.style(Role::Dim))
    }

    /// How many rows there are to scroll through, for a view that is read.
    pub fn height(&self, columns: u16) -> usize {
        match self.view.tab {
            Tab::Terminal => 0,
            Tab::Diff => self.loaded.diff(self.view.task.as_ref()).map_or(0, |diff| diff.height()),
            Tab::Evidence | Tab::Log => self.rows(columns).len(),
        }
    }

    fn rows(&self, columns: u16) -> Vec<Row> {
        let columns = usize::from(columns);
        match (self.view.tab, self.task()) {
            (Tab::Evidence, Some(task)) => evidence::rows(task, self.look, columns),
            (Tab::Log, Some(task)) => self
                .loaded
                .events(Some(&task.id))
                .map(|lines| log::rows(lines, self.look, columns))
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Draws it and answers where the terminal's cursor belongs, if a terminal is shown.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) -> Option<Position> {
        if area.is_empty() {
            return None;
        }
        match self.view.tab {
            Tab::Terminal => return self.draw_terminal(area, buf),
            Tab::Diff => match self.loaded.diff(self.view.task.as_ref()) {
                Some(diff) if diff.height() > 0 => {
                    DiffView { diff, skip: self.view.scroll, look: self.look }.render(area, buf);
                }
                Some(_) => self.say("Nothing is changed yet.", "", area, buf),
                None => self.say(self.nothing_to_load("reading the change"), "", area, buf),
            },
            Tab::Evidence | Tab::Log => {
                let rows = self.rows(area.width);
                if rows.is_empty() {
                    self.say(self.nothing_to_load("nothing has happened yet"), "", area, buf);
                }
                Rows { rows: &rows, skip: self.view.scroll, mark: self.look.glyphs.ellipsis }
                    .render(area, buf);
            }
        }
        None
    }

    fn nothing_to_load(&self, otherwise: &'static str) -> &'static str {
        if self.task().is_none() { "No task is selected." } else { otherwise }
    }

    fn draw_terminal(&self, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let Some(session) = self.session() else {
            let (first, second) = self.no_session();
            self.say(&first, &second, area, buf);
            return None;
        };
        let Some(pane) = self.view.pane(self.panes, &session.id) else {
            self.say("This session's screen is not here yet.", "", area, buf);
            return None;
        };
        let mut emulator = pane.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let terminal = TerminalView {
            emulator: &mut emulator,
            back: self.view.back,
            marked: self.marked,
            ground: self.look.style(Role::Text),
            link: self.look.style(Role::Link),
            depth: self.depth,
            underlines: self.underlines,
            links: self.look.links,
        };
        terminal.draw(area, buf)
    }

    /// Why no terminal is shown, and what will bring one.
    fn no_session(&self) -> (String, String) {
        if let Some(task) = self.task() {
            let why = &task.explanation.why;
            let why = if why.is_empty() { task.phase.name().to_owned() } else { why.clone() };
            return (format!("No agent has worked on {} yet.", task.id), why);
        }
        match self.snapshot.run.as_ref().map(|run| run.phase) {
            Some(RunPhase::Planning) => ("The planner is about to start.".to_owned(), String::new()),
            Some(RunPhase::Proposed) => ("The plan waits for your word.".to_owned(), "v shows it".to_owned()),
            _ => ("No agent runs.".to_owned(), String::new()),
        }
    }

    fn say(&self, first: &str, second: &str, area: Rect, buf: &mut Buffer) {
        let columns = usize::from(area.width.saturating_sub(4));
        let mut rows = vec![Row::of(first, self.look.style(Role::Dim))];
        let more = text::wrap(second, columns);
        rows.extend(more.iter().map(|line| Row::of(line, self.look.style(Role::Text))));
        let top = area.height / 3;
        let place = Rect {
            x: area.x + 2.min(area.width),
            y: area.y + top,
            width: area.width.saturating_sub(4),
            height: area.height - top,
        };
        Rows { rows: &rows, skip: 0, mark: self.look.glyphs.ellipsis }.render(place, buf);
    }
}
