//! The screen of one client: what it looks at, what its input means, and the picture of it.
//!
//! Not for: terminals' modes, sockets, files, clocks; the server owns those. Everything here is a pure function of what
//! is handed in ([`World`]), the view state and the input; what is to be done comes out as [`Request`]s.
//! Invariants: a key reaches an agent only while its terminal is entered; nothing is said to be done before the answer
//! says so; no character that could steer the outer terminal reaches a cell.

mod bar;
mod clipboard;
mod contract;
mod draw;
mod enabled;
mod layout;
mod links;
mod loaded;
mod look;
mod older;
mod past;
mod popups;
mod reading;
mod sight;
mod state;
mod text;
pub mod underline;
mod update;
mod views;
mod widgets;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use crossterm::event::KeyCode;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use underline::LinkRun;
use widgets::terminal::Highlight;
pub use widgets::terminal::program_style;

pub use contract::{
    AgentFound, COPY_LIMIT, Clip, Input, KeysWanted, Panes, Purpose, Recorded, Reel, Reply, Request,
    Settings, Still, Welcome, World,
};

use crate::keymap::{Action, Key};
use crate::model::{Plan, SessionId, Timestamp, Verb};
use crate::theme::Theme;

/// One client's screen.
#[derive(Debug, Default)]
pub struct Ui {
    settings: Settings,
    theme: Theme,
    preview: Option<Theme>,
    view: state::ViewState,
    popups: Vec<popups::Popup>,
    loaded: loaded::Loaded,
    pending: Vec<Pending>,
    said: Option<Said>,
    drawn: Drawn,
    seen: Seen,
    clips: clipboard::Clips,
}

/// A command that is on its way.
#[derive(Clone, Debug)]
struct Pending {
    verb: Verb,
    target: String,
    since: Timestamp,
}

/// Words at the bottom of the screen.
#[derive(Clone, Debug)]
struct Said {
    text: String,
    bad: bool,
    until: Timestamp,
}

/// What the last picture was, for the mouse and for the server.
#[derive(Debug, Default)]
struct Drawn {
    area: Rect,
    screen: layout::Screen,
    /// The live session whose terminal is drawn.
    terminal: Option<(SessionId, Rect)>,
    /// The session whose screen is drawn, live or from its recording.
    session: Option<SessionId>,
    /// What is marked in the terminal that is drawn.
    marked: Vec<Highlight>,
    /// Where its cells lead.
    links: Vec<LinkRun>,
    /// Where the cursor of scroll mode stands.
    cursor: Option<Position>,
    zones: Vec<(Rect, Action)>,
    presses: Vec<(Rect, Key)>,
    wake: Option<Timestamp>,
}

/// What this client has been told of already.
#[derive(Debug, Default)]
struct Seen {
    attention: usize,
    title: String,
    focused: Option<bool>,
    plan: Option<Plan>,
    notice: Option<Timestamp>,
    /// Whose past was asked for.
    past: Option<SessionId>,
    /// What was said last that this person has seen in its terminal.
    dismissed: Option<(SessionId, Timestamp)>,
    /// What its terminal was asked to tell of keys.
    keyboard: KeysWanted,
    /// The last key that was pressed for this screen and not for a program.
    own_key: Option<KeyCode>,
}

impl Ui {
    /// A screen that nothing was drawn on yet.
    pub fn new(settings: Settings) -> Ui {
        let theme = settings.theme.at(settings.depth);
        Ui { settings, theme, ..Ui::default() }
    }

    /// Takes over changed settings; what is looked at stays.
    pub fn set_settings(&mut self, settings: Settings) {
        self.theme = settings.theme.at(settings.depth);
        self.settings = settings;
        if !self.popups.iter().any(|popup| matches!(popup, popups::Popup::Themes(_))) {
            self.preview = None;
        }
    }

    /// Takes input.
    pub fn handle(&mut self, input: Input, world: &World<'_>) -> Vec<Request> {
        let mut requests = self.input(input, world);
        requests.extend(self.observe(world));
        requests
    }

    /// Takes the answer to a request.
    pub fn reply(&mut self, reply: Reply, world: &World<'_>) -> Vec<Request> {
        let mut requests = self.answered(reply, world);
        requests.extend(self.observe(world));
        requests
    }

    /// Takes notice of a new snapshot: to be called with each, before it is drawn.
    pub fn observe(&mut self, world: &World<'_>) -> Vec<Request> {
        let mut requests = self.news(world);
        requests.extend(self.want_keys(world));
        requests
    }

    /// Takes notice of what the programs that are shown did beside their screens: to be called when they changed, and by
    /// the clock.
    pub fn listen(&mut self, world: &World<'_>) -> Vec<Request> {
        let mut requests = self.clip(world);
        requests.extend(self.want_keys(world));
        requests
    }

    /// Draws everything, the cursor too.
    pub fn draw(&mut self, frame: &mut Frame<'_>, world: &World<'_>) {
        let area = frame.area();
        let cursor = self.paint(area, frame.buffer_mut(), world);
        if let Some(cursor) = cursor {
            frame.set_cursor_position(cursor);
        }
    }

    /// Where cells of the last picture lead, in the order of the screen; those that something lies over are not
    /// [`underline::LINKED`] any more.
    pub fn links(&self) -> Vec<LinkRun> {
        self.drawn.links.clone()
    }

    /// Terminals as they were drawn last: session, columns, rows. The server makes them that size.
    pub fn pane_sizes(&self) -> Vec<(SessionId, u16, u16)> {
        let terminal = self.drawn.terminal.iter();
        terminal.map(|(id, area)| (id.clone(), area.width, area.height)).collect()
    }

    /// Milliseconds from now until the picture changes by time alone; none if it does not.
    pub fn needs_clock(&self, world: &World<'_>) -> Option<u64> {
        self.drawn.wake.map(|wake| wake.since(world.now).max(1))
    }

    /// Sessions whose output changes this picture.
    pub fn visible_sessions(&self) -> Vec<SessionId> {
        self.drawn.session.iter().cloned().collect()
    }

    /// The theme as drawn: a preview, or the one that is set.
    fn current_theme(&self) -> &Theme {
        self.preview.as_ref().unwrap_or(&self.theme)
    }

    /// Says something for a few seconds; bad news stays longer.
    fn say(&mut self, text: impl Into<String>, bad: bool, now: Timestamp) {
        let until = now.plus(if bad { 8_000 } else { 4_000 });
        self.said = Some(Said { text: text.into(), bad, until });
    }
}
