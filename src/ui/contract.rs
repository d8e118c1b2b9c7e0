//! What goes into the screen and what comes out of it: settings, input, the world to show, requests and replies.
//!
//! Not for how anything is drawn or decided. Invariant: nothing here does anything; whoever owns the screen carries
//! requests out and brings replies back.

use std::sync::{Arc, Mutex};

use crossterm::event::{KeyEvent, MouseEvent};

use crate::config::Clipboard;
use crate::keymap::Keymap;
use crate::model::{Command, SessionId, Snapshot, TaskId, Timestamp, Verb};
use crate::term::{self, Emulator, KeyParts};
use crate::theme::{ColourDepth, Theme};

/// The largest text that is offered to a terminal's clipboard, bytes: terminals refuse more.
pub const COPY_LIMIT: usize = 100_000;

/// How a person wants the screen.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The keys.
    pub keymap: Keymap,
    /// The theme as loaded; it is lowered to `depth` here.
    pub theme: Theme,
    /// How many colours the terminal shows.
    pub depth: ColourDepth,
    /// Whether the terminal shows lines under text that are not straight, and in colours of their own.
    pub underlines: bool,
    /// Whether the terminal knows links.
    pub links: bool,
    /// Draw with ASCII signs alone.
    pub ascii: bool,
    /// Whether the terminal was asked for its mouse; hints then speak of it.
    pub mouse: bool,
    /// Ring when something first needs a person.
    pub bell: bool,
    /// What becomes of text that programs put into the clipboard.
    pub clipboard: Clipboard,
}

/// What a recording holds of the time before what a terminal has in memory.
#[derive(Clone, Debug)]
pub enum Recorded {
    /// The screens of a program that draws its whole screen.
    Screens(Arc<Reel>),
    /// Every line that any other printed, in the history of a terminal.
    Lines(Arc<Mutex<Emulator>>),
}

/// What a terminal showed, from its recording.
#[derive(Debug, Default)]
pub struct Reel {
    /// Its screens, the oldest first.
    pub stills: Vec<Still>,
}

/// A screen that a terminal showed.
#[derive(Debug)]
pub struct Still {
    /// From when on.
    pub at: Timestamp,
    /// Its width in cells.
    pub cols: u16,
    /// Its height in cells.
    pub rows: u16,
    /// What brings an empty terminal of that size to show it.
    pub screen: Box<[u8]>,
    /// Its text.
    pub text: Box<str>,
}

/// What a person's terminal sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key; releases matter only to programs that asked for them.
    Key(KeyEvent),
    /// A key of which the terminal told more.
    Stroke(KeyEvent, KeyParts),
    /// The mouse.
    Mouse(MouseEvent),
    /// Pasted text.
    Paste(String),
    /// The terminal's size: columns, rows.
    Resize(u16, u16),
    /// Whether the terminal has the focus.
    Focus(bool),
}

/// What a terminal is asked to tell of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeysWanted {
    /// Flags of kitty's protocol.
    pub flags: u16,
    /// Whether the keypad's keys are told apart (DECKPAM).
    pub keypad: bool,
}

impl Default for KeysWanted {
    /// What the client asks for when it takes the terminal.
    fn default() -> Self {
        KeysWanted { flags: term::host_flags(&term::Modes::default()), keypad: false }
    }
}

/// Everything that is shown, at one moment.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// The run.
    pub snapshot: &'a Snapshot,
    /// The terminals.
    pub panes: &'a dyn Panes,
    /// Now, as ages are counted.
    pub now: Timestamp,
    /// Now, as the header shows it: `14:02` in the user's zone.
    pub clock: &'a str,
    /// What the first screen tells.
    pub welcome: &'a Welcome,
    /// How many terminals look at this server.
    pub clients: usize,
    /// The place of a mistake in the settings' files since they were changed: what held before goes on holding.
    pub mistake: Option<&'a str>,
}

/// The terminals of sessions.
pub trait Panes {
    /// The screen of a session, if it has one.
    fn pane(&self, id: &SessionId) -> Option<Arc<Mutex<Emulator>>>;
    /// What a session did last, in a few words.
    fn last_action(&self, id: &SessionId) -> Option<String>;
    /// What the program of a session put into the clipboard last.
    fn clip(&self, id: &SessionId) -> Option<Clip>;
}

/// Text that a program put into the clipboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// Which of that session's it is, from 1.
    pub number: u64,
    /// The text, without controls.
    pub text: Arc<str>,
}

/// What the first screen tells of this place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Welcome {
    /// The repository's path; none outside one.
    pub repository: Option<String>,
    /// Why no run can start here: no commit yet, a wrong configuration.
    pub problem: Option<String>,
    /// The configuration file that is in use; none if there is none.
    pub config: Option<String>,
    /// Agents that are installed.
    pub agents: Vec<AgentFound>,
}

/// An agent's program that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFound {
    /// Its name.
    pub name: String,
    /// Its version, if it told.
    pub version: Option<String>,
    /// Whether it is logged in, or what is missing.
    pub note: String,
}

/// Why a text goes to the person's editor and comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The plan that waits, as TOML; the screen sends the plan along and the server writes and reads the text.
    Plan(Box<crate::model::Plan>),
    /// A task of the plan that is worked on, as TOML; the server writes and reads the text, and carries the change out.
    Task(Box<crate::model::PlanTask>),
    /// A task that is to be cut, and an example of a further part, as TOML; as with [`Purpose::Task`].
    Split(Box<(crate::model::PlanTask, crate::model::PlanTask)>),
    /// The words of the input that is open.
    Words,
    /// To be read; nothing comes back.
    Read,
}

/// What the screen asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A request to the engine. It is answered by [`Reply::Done`] or [`Reply::Refused`], in order.
    Command(Command),
    /// Start a run from a goal.
    StartRun {
        /// In the person's words.
        goal: String,
    },
    /// Start a run from a plan in a file.
    ImportPlan {
        /// The file, as typed.
        path: String,
    },
    /// Start the demo.
    StartDemo,
    /// Bytes for a session's terminal.
    ToPane {
        /// The session.
        session: SessionId,
        /// As its terminal encodes them.
        bytes: Vec<u8>,
    },
    /// What a task changes; answered by [`Reply::Diff`].
    LoadDiff(TaskId),
    /// The events of a task; answered by [`Reply::Events`].
    LoadEvents(TaskId),
    /// Open the person's editor; answered by [`Reply::Edited`]. For [`Purpose::Plan`] and
    /// [`Purpose::Task`] the text is empty.
    EditText {
        /// What to edit.
        text: String,
        /// The file name's end, for the editor's colours.
        suffix: &'static str,
        /// Comes back with the answer.
        purpose: Purpose,
    },
    /// Open the person's pager.
    Page {
        /// What to read.
        text: String,
    },
    /// Write text to a file that is not there yet; answered by [`Reply::Notice`].
    WriteFile {
        /// The file, as typed.
        path: String,
        /// What to write.
        text: Arc<str>,
    },
    /// Use this theme, and remember it.
    SetTheme(String),
    /// The themes; answered by [`Reply::Themes`].
    ListThemes,
    /// Text for the clipboard.
    Copy(String),
    /// Read what a session's terminal showed from its recording. Answered by [`Reply::PastProgress`] and, unless it is
    /// left before, [`Reply::Past`].
    LoadPast(SessionId),
    /// That is not wanted any more.
    LeavePast,
    /// Open a link of a session's terminal; the person has seen where it leads. Answered by [`Reply::Notice`].
    OpenLink {
        /// The session.
        session: SessionId,
        /// Where it leads.
        target: String,
    },
    /// What a session says is taken from the strip.
    Dismiss(SessionId),
    /// What this client's terminal is to tell of keys.
    Keyboard(KeysWanted),
    /// Ring.
    Bell,
    /// The terminal's title.
    Title(String),
    /// Draw every cell anew.
    Redraw,
    /// This client leaves.
    Detach,
    /// There is no run and the last client leaves: the server may end.
    QuitServer,
}

/// Answers to requests.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A command is durable.
    Done {
        /// Which kind.
        verb: Verb,
    },
    /// A command was refused.
    Refused {
        /// Which kind.
        verb: Verb,
        /// Why.
        reason: String,
    },
    /// What a task changes, as `git diff` writes it.
    Diff {
        /// The task.
        task: TaskId,
        /// The text.
        text: String,
    },
    /// A task's events.
    Events {
        /// The task.
        task: TaskId,
        /// One line each, oldest first.
        lines: Vec<String>,
    },
    /// The editor was closed.
    Edited {
        /// As asked.
        purpose: Purpose,
        /// The words as edited ([`Purpose::Words`]).
        text: String,
    },
    /// A plan was edited; the purpose of the answer holds the edited plan, or it is refused.
    PlanEdited(Result<Box<crate::model::Plan>, String>),
    /// The themes, in order.
    Themes(Vec<Theme>),
    /// How far the reading of a recording is.
    PastProgress {
        /// Of which session.
        session: SessionId,
        /// In hundredths.
        percent: u8,
    },
    /// What a session's terminal showed, or why that can't be told.
    Past {
        /// The session.
        session: SessionId,
        /// What was found.
        found: Result<Recorded, String>,
    },
    /// Something to know.
    Notice {
        /// One line.
        text: String,
        /// Whether it is bad news.
        bad: bool,
    },
}
