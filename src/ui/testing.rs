//! A screen to press keys on, and its picture as text: for tests alone. What it shows is in `samples`.

mod samples;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use super::{Clip, Input, Panes, Request, Settings, Ui, Welcome, World};
use crate::model::snapshot::*;
use crate::model::*;
use crate::term::{Colours, Emulator};

use samples::panes;
pub use samples::{busy, plan, proposed, welcome};

/// Now, in every test.
pub const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Terminals by session.
#[derive(Default)]
pub struct TestPanes {
    panes: BTreeMap<SessionId, Arc<Mutex<Emulator>>>,
    actions: BTreeMap<SessionId, String>,
    pub clips: BTreeMap<SessionId, Clip>,
}

impl TestPanes {
    pub fn put(&mut self, id: &str, cols: u16, rows: u16, bytes: &str) {
        let mut emulator = Emulator::new(cols, rows, Colours::default());
        emulator.feed(bytes.as_bytes());
        self.panes.insert(id.into(), Arc::new(Mutex::new(emulator)));
    }

    fn act(&mut self, id: &str, action: &str) {
        self.actions.insert(id.into(), action.to_owned());
    }
}

impl Panes for TestPanes {
    fn pane(&self, id: &SessionId) -> Option<Arc<Mutex<Emulator>>> {
        self.panes.get(id).cloned()
    }

    fn last_action(&self, id: &SessionId) -> Option<String> {
        self.actions.get(id).cloned()
    }

    fn clip(&self, id: &SessionId) -> Option<Clip> {
        self.clips.get(id).cloned()
    }
}

/// A screen with a world, to press keys on.
pub struct Bench {
    pub ui: Ui,
    pub snapshot: Snapshot,
    pub panes: TestPanes,
    pub welcome: Welcome,
    pub now: Timestamp,
    pub size: (u16, u16),
}

impl Bench {
    pub fn new(snapshot: Snapshot) -> Self {
        let settings = Settings { bell: true, mouse: true, ..Settings::default() };
        let mut bench = Bench {
            ui: Ui::new(settings),
            snapshot,
            panes: panes(),
            welcome: welcome(),
            now: NOW,
            size: (120, 36),
        };
        bench.draw();
        bench.observe();
        bench.draw();
        bench
    }

    pub fn sized(snapshot: Snapshot, cols: u16, rows: u16) -> Self {
        let mut bench = Self::new(snapshot);
        bench.size = (cols, rows);
        bench.draw();
        bench
    }

    pub fn with<T>(&mut self, act: impl FnOnce(&mut Ui, &World<'_>) -> T) -> T {
        let world = World {
            snapshot: &self.snapshot,
            panes: &self.panes,
            now: self.now,
            clock: "14:02",
            welcome: &self.welcome,
            clients: 1,
            mistake: None,
        };
        act(&mut self.ui, &world)
    }

    pub fn observe(&mut self) -> Vec<Request> {
        self.with(|ui, world| ui.observe(world))
    }

    /// Presses keys, written as in the configuration, and draws after each.
    pub fn press(&mut self, keys: &str) -> Vec<Request> {
        let mut requests = Vec::new();
        for key in keys.split(' ') {
            requests.extend(self.input(Input::Key(key_event(key))));
        }
        requests
    }

    pub fn type_text(&mut self, text: &str) -> Vec<Request> {
        let key = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        text.chars().flat_map(|c| self.input(Input::Key(key(c)))).collect()
    }

    pub fn input(&mut self, input: Input) -> Vec<Request> {
        let requests = self.with(|ui, world| ui.handle(input, world));
        self.draw();
        requests
    }

    pub fn draw(&mut self) -> Buffer {
        let (cols, rows) = self.size;
        let mut terminal = Terminal::new(TestBackend::new(cols, rows)).unwrap();
        self.with(|ui, world| terminal.draw(|frame| ui.draw(frame, world)).map(|_| ())).unwrap();
        // Terminals get the size that they were drawn at, as the server sees to.
        for (id, cols, rows) in self.ui.pane_sizes() {
            if let Some(pane) = self.panes.pane(&id) {
                let mut pane = pane.lock().unwrap();
                if pane.size() != (cols, rows) {
                    pane.resize(cols, rows);
                }
            }
        }
        self.with(|ui, world| terminal.draw(|frame| ui.draw(frame, world)).map(|_| ())).unwrap();
        terminal.backend().buffer().clone()
    }

    pub fn text(&mut self) -> String {
        plain(&self.draw()).join("\n")
    }
}

/// A key as it is written in a configuration.
pub fn key_event(text: &str) -> KeyEvent {
    let mut modifiers = KeyModifiers::NONE;
    let mut rest = text;
    for (name, modifier) in
        [("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT), ("shift-", KeyModifiers::SHIFT)]
    {
        if let Some(tail) = rest.strip_prefix(name) {
            modifiers |= modifier;
            rest = tail;
        }
    }
    let code = match rest {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" if modifiers == KeyModifiers::SHIFT => KeyCode::BackTab,
        "tab" => KeyCode::Tab,
        "space" => KeyCode::Char(' '),
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "backspace" => KeyCode::Backspace,
        other => KeyCode::Char(other.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}

/// The rows of a buffer as text.
pub fn plain(buf: &Buffer) -> Vec<String> {
    let width = usize::from(buf.area().width).max(1);
    buf.content().chunks(width).map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect()
}

/// Text and styles: after each row that has any, its styles as a row of letters, explained at the end.
pub fn styled(buf: &Buffer) -> String {
    let width = usize::from(buf.area().width).max(1);
    let mut legend: Vec<String> = Vec::new();
    let mut out = String::new();
    let mut styles = String::new();
    for row in buf.content().chunks(width) {
        let mut text = String::new();
        let mut covered = 0;
        for cell in row {
            if covered == 0 {
                text.push_str(cell.symbol());
                covered = super::text::width(cell.symbol());
            }
            covered = covered.saturating_sub(1);
        }
        let _ = writeln!(out, "{}", text.trim_end());
        let letters: String = row.iter().map(|cell| letter(cell.style(), &mut legend)).collect();
        let _ = writeln!(styles, "{}", letters.trim_end_matches('.'));
    }
    let _ = writeln!(out, "---");
    out.push_str(&styles);
    let _ = writeln!(out, "---");
    for (at, name) in legend.iter().enumerate() {
        let _ = writeln!(out, "{} {name}", LETTERS[at % LETTERS.len()]);
    }
    out
}

const LETTERS: [char; 52] = {
    let mut letters = ['a'; 52];
    let mut at = 0;
    while at < 26 {
        letters[at] = (b'a' + at as u8) as char;
        letters[at + 26] = (b'A' + at as u8) as char;
        at += 1;
    }
    letters
};

fn letter(style: Style, legend: &mut Vec<String>) -> char {
    let fg = style.fg.unwrap_or(Color::Reset);
    let bg = style.bg.unwrap_or(Color::Reset);
    if (fg, bg, style.add_modifier) == (Color::Reset, Color::Reset, Modifier::empty()) {
        return '.';
    }
    let name = format!("{fg:?} on {bg:?} {:?}", style.add_modifier);
    let at = legend.iter().position(|known| *known == name).unwrap_or_else(|| {
        legend.push(name);
        legend.len() - 1
    });
    LETTERS[at % LETTERS.len()]
}

/// A buffer as a terminal would be told of it.
pub fn ansi(buf: &Buffer) -> String {
    let colour = |c: Color, base: u8| match c {
        Color::Reset => (base + 9).to_string(),
        Color::Rgb(r, g, b) => format!("{};2;{r};{g};{b}", base + 8),
        Color::Indexed(i) => format!("{};5;{i}", base + 8),
        other => {
            let all = [
                Color::Black,
                Color::Red,
                Color::Green,
                Color::Yellow,
                Color::Blue,
                Color::Magenta,
                Color::Cyan,
                Color::Gray,
                Color::DarkGray,
                Color::LightRed,
                Color::LightGreen,
                Color::LightYellow,
                Color::LightBlue,
                Color::LightMagenta,
                Color::LightCyan,
                Color::White,
            ];
            format!("{};5;{}", base + 8, all.iter().position(|known| *known == other).unwrap_or(7))
        }
    };
    let mut out = String::from("\x1b[2J\x1b[H\x1b[?25l");
    for (y, row) in buf.content().chunks(usize::from(buf.area().width).max(1)).enumerate() {
        let _ = write!(out, "\x1b[{};1H", y + 1);
        let mut skip = 0;
        for cell in row {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            skip = super::text::width(cell.symbol()).saturating_sub(1);
            let _ = write!(out, "\x1b[0;{};{}", colour(cell.fg, 30), colour(cell.bg, 40));
            for (modifier, code) in [
                (Modifier::BOLD, 1),
                (Modifier::DIM, 2),
                (Modifier::ITALIC, 3),
                (Modifier::UNDERLINED, 4),
                (Modifier::REVERSED, 7),
            ] {
                if cell.modifier.contains(modifier) {
                    let _ = write!(out, ";{code}");
                }
            }
            let _ = write!(out, "m{}", cell.symbol());
        }
    }
    out.push_str("\x1b[0m");
    out
}
