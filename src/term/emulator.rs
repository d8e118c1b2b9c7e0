//! The terminal of one pane: bytes in, cells, events and replies out.
//!
//! Not for: threads and locks (the server has them), and drawing. Invariant: nothing that is fed can panic through here;
//! a screen whose grid failed is rebuilt empty, with its history, and the fault is counted.

mod prompts;
mod search;
mod text;
#[cfg(test)]
mod text_tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::cell::{Cell, CellStyle};
use super::grid::Grid;
use super::history::History;
use super::modes::Modes;
use super::notice::Notification;
use super::palette::{Dynamic, Palette};
use super::reflow;
use super::replies::Colours;
use super::status::StatusReport;
use super::sweep;
use super::translate::Translator;

pub use search::{Hit, PatternError, Search};
pub use text::{Place, Stretch, Unit};

/// The smallest width and height.
const MIN_SIZE: u16 = 2;
/// The largest width and height.
const MAX_SIZE: u16 = 1000;
/// How long a change that is to be shown as one may keep the picture before it.
pub const SYNCHRONIZED: Duration = Duration::from_millis(150);
/// Bytes of history that a pane holds if nothing else is said: 4 MiB.
const HISTORY: usize = 4 * 1024 * 1024;

/// Something that a program said beside its screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TermEvent {
    /// The window's title (OSC 0 and 2), cleaned.
    Title(String),
    /// BEL.
    Bell,
    /// A status report (OSC 7501).
    Status(StatusReport),
    /// A notification or a piece of one (OSC 9, 99 and 777).
    Notification(Notification),
    /// The program's working directory (OSC 7).
    Cwd(String),
    /// Text that the program wants in the clipboard (OSC 52), as it is.
    Clipboard(String),
    /// A prompt, a command or its output begins, or ends (OSC 133).
    Prompt(PromptMark),
    /// A full reset (RIS): what was reported before doesn't count any more.
    Reset,
    /// The emulator itself failed on the output: the screen began anew.
    Failed,
}

/// The parts that a shell marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptMark {
    /// The prompt begins.
    Prompt,
    /// What is typed begins.
    Input,
    /// The command's output begins.
    Output,
    /// The command has ended.
    End,
}

/// An emulated terminal.
pub struct Emulator {
    grid: Grid,
    translator: Translator,
    /// The picture before a change that is to be shown as one.
    held: Option<Box<vt100::Screen>>,
    /// Whether it was drawn since that was taken.
    drawn: bool,
    version: u64,
    faults: u32,
    /// Where output is cut so that prompts are found.
    cutter: prompts::Cutter,
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (cols, rows) = self.size();
        f.debug_struct("Emulator")
            .field("cols", &cols)
            .field("rows", &rows)
            .field("version", &self.version)
            .finish()
    }
}

impl Emulator {
    /// An empty terminal; the size is brought into 2x2 … 1000x1000.
    #[must_use]
    pub fn new(cols: u16, rows: u16, colours: Colours) -> Self {
        Self::with_history(cols, rows, colours, HISTORY)
    }

    /// An empty terminal that holds at most so many bytes of history.
    #[must_use]
    pub fn with_history(cols: u16, rows: u16, colours: Colours, bytes: usize) -> Self {
        let (cols, rows) = clamp(cols, rows);
        let grid = Grid::new(rows, cols, History::new(bytes, cols));
        let translator = Translator::new(Palette::new(colours));
        let cutter = prompts::Cutter::default();
        Self { grid, translator, held: None, drawn: false, version: 0, faults: 0, cutter }
    }

    /// Takes the program's output, in any pieces.
    pub fn feed(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.version += 1;
        self.guarded(|emulator| {
            let mut rest = bytes;
            while !rest.is_empty() {
                let (piece, after, marks) = emulator.cutter.cut(rest);
                emulator.take(piece);
                if marks && emulator.translator.events.last() == Some(&TermEvent::Prompt(PromptMark::Prompt))
                {
                    emulator.note_prompt();
                }
                rest = after;
            }
        });
    }

    fn take(&mut self, bytes: &[u8]) {
        let drawn = self.drawn;
        let mut held = None;
        self.translator.feed(bytes, &mut self.grid, &mut |grid| {
            // Who did not draw since the last picture was taken has nothing newer to go back from.
            if drawn {
                held = Some(Box::new(grid.screen().clone()));
            }
        });
        if held.is_some() {
            (self.held, self.drawn) = (held, false);
        }
        if self.translator.writer.marks.is_crowded() {
            sweep::sweep(&mut self.grid, self.held.as_deref(), &mut self.translator.writer);
        }
    }

    /// Changes the size. Lines of the main screen are wrapped anew; what doesn't fit any more goes to the history, and
    /// comes back from there when there is room. The alternate screen is cut: its program draws it anew.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        let (cols, rows) = clamp(cols, rows);
        if (cols, rows) == self.size() {
            return;
        }
        self.version += 1;
        self.held = None;
        self.guarded(|emulator| {
            reflow::resize(&mut emulator.grid, rows, cols);
            emulator.translator.settings.forget_regions();
        });
        if self.size() != (cols, rows) {
            self.grid.rebuild(rows, cols);
        }
    }

    /// Sets what colour queries are answered with.
    pub fn set_colours(&mut self, colours: Colours) {
        self.translator.palette.give(colours);
        if self.translator.settings.tells_colours {
            let background = self.translator.palette.dynamic(Dynamic::Background);
            self.translator.replies.brightness(background);
        }
    }

    /// What is to be sent to the program: answers to its queries since the last call.
    pub fn take_replies(&mut self) -> Vec<u8> {
        self.translator.replies.take()
    }

    /// What the program said since the last call, in order; the bell, however often it rang, once at the end.
    pub fn take_events(&mut self) -> Vec<TermEvent> {
        let mut events = std::mem::take(&mut self.translator.events);
        if std::mem::take(&mut self.grid.behind().bells) > 0 {
            events.push(TermEvent::Bell);
        }
        events
    }

    /// Whether the program is in the middle of a change that is to be shown as one (`?2026`).
    #[must_use]
    pub fn is_synchronized(&self) -> bool {
        self.translator.settings.synchronized.is_some()
    }

    /// Since when it is.
    #[must_use]
    pub fn synchronized_since(&self) -> Option<Instant> {
        self.translator.settings.synchronized
    }

    /// Since when a frame shows the picture from before a change that isn't whole yet: until that changes, so long as
    /// it is young, output shows nothing.
    #[must_use]
    pub fn holds_since(&self) -> Option<Instant> {
        let young = self.synchronized_since().filter(|since| since.elapsed() < SYNCHRONIZED);
        young.filter(|_| self.held.is_some())
    }

    /// Takes note that the picture is drawn now; answers whether it is the one from before a change that isn't whole
    /// yet. That is shown no longer than 150 ms: a program that forgets the end is seen at work.
    pub fn begin_frame(&mut self) -> bool {
        self.drawn = true;
        self.holds_since().is_some()
    }

    /// A row as it is to be drawn: `held` is what `begin_frame` answered.
    pub fn frame_row(&self, row: u16, held: bool) -> impl Iterator<Item = Cell<'_>> {
        self.cells(self.frame_screen(held), row)
    }

    /// The cursor as it is to be drawn.
    #[must_use]
    pub fn frame_cursor(&self, held: bool) -> Option<(u16, u16)> {
        self.cursor_of(self.frame_screen(held))
    }

    fn frame_screen(&self, held: bool) -> &vt100::Screen {
        self.held.as_deref().filter(|_| held).unwrap_or_else(|| self.grid.screen())
    }

    /// Changes with everything that may have changed the picture.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How often the grid failed and was rebuilt.
    #[must_use]
    pub fn faults(&self) -> u32 {
        self.faults
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        let (rows, cols) = self.grid.size();
        (cols, rows)
    }

    /// Column and row of the cursor; `None` if it is hidden.
    #[must_use]
    pub fn cursor(&self) -> Option<(u16, u16)> {
        self.cursor_of(self.grid.screen())
    }

    fn cursor_of(&self, screen: &vt100::Screen) -> Option<(u16, u16)> {
        let ((row, col), (cols, rows)) = (screen.cursor_position(), self.size());
        (!screen.hide_cursor()).then(|| (col.min(cols - 1), row.min(rows - 1)))
    }

    /// What the program asked of its input.
    #[must_use]
    pub fn modes(&self) -> Modes {
        let screen = self.grid.screen();
        let keyboard = self.translator.settings.shown_keyboard(&self.grid);
        Modes {
            application_cursor: screen.application_cursor(),
            application_keypad: screen.application_keypad(),
            bracketed_paste: screen.bracketed_paste(),
            mouse: screen.mouse_protocol_mode().into(),
            mouse_encoding: screen.mouse_protocol_encoding().into(),
            focus: self.translator.settings.focus,
            alternate_screen: screen.alternate_screen(),
            alternate_scroll: self.translator.settings.alternate_scroll,
            keyboard: keyboard.flags(),
            other_keys: keyboard.other_keys,
        }
    }

    /// The cells of a row of the screen, from left to right; empty beyond the last row. The widths add up to the
    /// number of columns.
    pub fn row(&self, row: u16) -> impl Iterator<Item = Cell<'_>> {
        self.cells(self.grid.screen(), row)
    }

    fn cells<'a>(&'a self, screen: &'a vt100::Screen, row: u16) -> impl Iterator<Item = Cell<'a>> {
        let (cols, _) = self.size();
        let (marks, palette) = (&self.translator.writer.marks, &self.translator.palette);
        let (given, reverse) = (palette.is_given(), self.translator.settings.reverse);
        let mut col = 0;
        std::iter::from_fn(move || {
            let cell = screen.cell(row, col)?;
            let width = if cell.is_wide() && col + 1 < cols { 2 } else { 1 };
            let is_half = cell.is_wide_continuation() || (cell.is_wide() && width == 1);
            col += u16::from(width);
            let mut style = CellStyle::from(cell);
            style.inverse ^= reverse;
            let text = if is_half { "" } else { cell.contents() };
            let cell = Cell::of(text, width, style, marks);
            Some(if given { cell } else { cell.in_colours(palette) })
        })
    }

    /// The screen's text: rows that one line was wrapped into are joined, empty rows at the end are left out.
    #[must_use]
    pub fn text(&self) -> String {
        let (screen, (cols, rows)) = (self.grid.screen(), self.size());
        let mut text = String::new();
        for row in 0..rows {
            let has_text = |col: &u16| screen.cell(row, *col).is_some_and(vt100::Cell::has_contents);
            let written = (0..cols).rev().find(has_text).map_or(0, |col| col + 1);
            let mut column = 0;
            for cell in self.row(row) {
                if column < written {
                    text.push_str(cell.text);
                }
                column += u16::from(cell.width);
            }
            if !screen.row_wrapped(row) {
                text.push('\n');
            }
        }
        text.truncate(text.trim_end_matches('\n').len());
        text
    }

    /// Rows that scrolled off the screen, at its present width.
    pub fn history_len(&mut self) -> usize {
        self.grid.behind().history.rows()
    }

    /// The cells of a row of the history; the oldest row is 0. A row may be shorter than the screen is wide.
    pub fn history_row(&mut self, row: usize) -> impl Iterator<Item = Cell<'_>> {
        let (marks, palette) = (&self.translator.writer.marks, &self.translator.palette);
        let given = palette.is_given();
        let cells = self.grid.behind().history.row(row);
        cells.map(move |cell| {
            let cell = Cell::of(cell.text, cell.width, cell.style, marks);
            if given { cell } else { cell.in_colours(palette) }
        })
    }

    /// Whether the history once held lines that it had to give up.
    #[must_use]
    pub fn has_forgotten(&self) -> bool {
        self.grid.history().has_forgotten()
    }

    /// Bytes that the history holds.
    #[must_use]
    pub fn history_bytes(&self) -> usize {
        self.grid.history().bytes()
    }

    /// Holds at most so many bytes of history from now on.
    pub fn set_history_limit(&mut self, bytes: usize) {
        self.grid.behind().history.set_limit(bytes);
    }

    /// Forgets the oldest lines of the history until it holds at most so many bytes.
    pub fn trim_history(&mut self, bytes: usize) {
        self.version += 1;
        self.grid.behind().history.keep(bytes);
    }

    fn guarded(&mut self, work: impl FnOnce(&mut Self)) {
        // What is half done is thrown away if the work panics, so nobody sees it.
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            let (rows, cols) = self.grid.size();
            self.grid.rebuild(rows, cols);
            self.translator.reset();
            (self.held, self.cutter) = (None, prompts::Cutter::default());
            self.faults = self.faults.saturating_add(1);
            self.translator.tell(TermEvent::Failed);
        }
    }

    /// Has it panic as a fault of its own would.
    #[cfg(test)]
    pub(crate) fn fail(&mut self) {
        self.guarded(|emulator| {
            emulator.grid.process(b"half of what was to be written");
            std::panic::resume_unwind(Box::new("injected"));
        });
    }
}

fn clamp(cols: u16, rows: u16) -> (u16, u16) {
    (cols.clamp(MIN_SIZE, MAX_SIZE), rows.clamp(MIN_SIZE, MAX_SIZE))
}
