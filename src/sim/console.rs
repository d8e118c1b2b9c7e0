//! Where a simulated agent prints and listens: a terminal with a spinner and keys, or plain pipes.
//!
//! Invariant: however it ends, the terminal's modes are restored; while it is silent, not a byte is written.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::terminal;
use thiserror::Error;

use super::status::{State, report};

/// Why a turn ends before its script does.
#[derive(Debug, Error)]
pub(super) enum Halt {
    /// It ends with this code.
    #[error("end with code {0}")]
    Exit(i32),
    /// The terminal is gone.
    #[error("write to the terminal")]
    Io(#[from] io::Error),
}

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A line that was typed or pasted and sent off with Enter.
    Line(String),
    /// A key, while a dialog is up.
    Key(char),
    /// Enter on an empty line.
    Enter,
    /// Escape.
    Escape,
    /// Ctrl-C or SIGINT.
    Interrupt,
}

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const TICK: Duration = Duration::from_millis(100);

/// The terminal or the pipes.
pub(super) struct Console {
    tty: bool,
    speed: f64,
    line: String,
    /// A dialog is up: keys are answers, and what is pasted is lost.
    dialog: bool,
    spinning: Option<String>,
    frame: usize,
    since: Instant,
    interrupted: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
    /// Answers that a test has ready for whatever waits without an end.
    rehearsed: VecDeque<Input>,
}

impl Console {
    pub(super) fn open(speed: f64) -> io::Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        let terminated = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted))?;
        signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&terminated))?;
        let tty = io::stdin().is_terminal() && io::stdout().is_terminal();
        if tty {
            terminal::enable_raw_mode()?;
            print(&format!("\x1b[?2004h\x1b[?25l{}", report(State::Idle, "", None)))?;
        }
        Ok(Self { interrupted, terminated, ..Self::new(speed, tty) })
    }

    fn new(speed: f64, tty: bool) -> Self {
        let speed = if speed.is_finite() { speed.clamp(0.05, 1000.0) } else { 1.0 };
        Self {
            tty,
            speed,
            line: String::new(),
            dialog: false,
            spinning: None,
            frame: 0,
            since: Instant::now(),
            interrupted: Arc::default(),
            terminated: Arc::default(),
            rehearsed: VecDeque::new(),
        }
    }

    /// Pipes on which these answers come in.
    #[cfg(test)]
    pub(super) fn rehearse(answers: impl IntoIterator<Item = Input>) -> Self {
        Self { rehearsed: answers.into_iter().collect(), ..Self::new(1000.0, false) }
    }

    /// Restores the terminal. Nothing can be done if it is gone.
    pub(super) fn close(&mut self) {
        if self.tty {
            let _ = print(&format!("\r\x1b[K{}\x1b[?2004l\x1b[?25h\x1b[0m", report(State::Clear, "", None)));
            let _ = terminal::disable_raw_mode();
        }
    }

    /// Whether anybody can answer.
    pub(super) fn can_listen(&self) -> bool {
        self.tty || !self.rehearsed.is_empty()
    }

    /// Columns to write in.
    pub(super) fn width(&self) -> usize {
        let columns =
            if self.tty { terminal::size().map_or(80, |(columns, _)| usize::from(columns)) } else { 80 };
        columns.clamp(20, 100)
    }

    /// A coloured piece of text; plain on pipes.
    pub(super) fn paint(&self, sgr: &str, text: &str) -> String {
        if self.tty { format!("\x1b[{sgr}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Tells the terminal what is going on.
    pub(super) fn status(&mut self, state: State, message: &str, progress: Option<u8>) -> Result<(), Halt> {
        if self.tty { Ok(print(&report(state, message, progress))?) } else { Ok(()) }
    }

    /// Prints one line in place of the spinner's.
    pub(super) fn line(&mut self, text: &str) -> Result<(), Halt> {
        let (clear, end) = if self.tty { ("\r\x1b[K", "\r\n") } else { ("", "\n") };
        Ok(print(&format!("{clear}{text}{end}"))?)
    }

    /// Spins with this label during the next waits; nothing if none.
    pub(super) fn spin(&mut self, label: Option<&str>) {
        self.spinning = label.map(str::to_owned);
        self.since = Instant::now();
    }

    /// Waits for so many seconds of the script, or until something comes in.
    pub(super) fn wait(&mut self, seconds: f64) -> Result<Option<(Input, f64)>, Halt> {
        let seconds = if seconds.is_finite() { seconds.clamp(0.0, 3600.0) } else { 0.0 };
        let end = Instant::now() + Duration::from_secs_f64(seconds / self.speed);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if let Some(input) = self.listen(left.min(TICK))? {
                let left = end.saturating_duration_since(Instant::now()).as_secs_f64() * self.speed;
                return Ok(Some((input, left)));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            self.tick()?;
        }
    }

    /// Waits for input as long as it takes, in silence.
    pub(super) fn wait_for_input(&mut self) -> Result<Input, Halt> {
        if let Some(input) = self.rehearsed.pop_front() {
            return Ok(input);
        }
        loop {
            if let Some(input) = self.listen(Duration::from_millis(250))? {
                return Ok(input);
            }
        }
    }

    /// Clears the spinner's line.
    pub(super) fn clear_spinner(&mut self) -> Result<(), Halt> {
        if self.tty { Ok(print("\r\x1b[K")?) } else { Ok(()) }
    }

    fn tick(&mut self) -> Result<(), Halt> {
        let Some(label) = self.spinning.as_ref().filter(|_| self.tty) else { return Ok(()) };
        self.frame = (self.frame + 1) % FRAMES.len();
        let frame = FRAMES.get(self.frame).copied().unwrap_or("·");
        let seconds = self.since.elapsed().as_secs();
        let text = format!("\x1b[35m{frame}\x1b[0m {label}… \x1b[2m({seconds}s · esc to interrupt)\x1b[0m");
        Ok(print(&format!("\r\x1b[K{text}"))?)
    }

    fn listen(&mut self, timeout: Duration) -> Result<Option<Input>, Halt> {
        if self.terminated.load(Ordering::Relaxed) {
            return Err(Halt::Exit(143));
        }
        if self.interrupted.swap(false, Ordering::Relaxed) {
            return if self.tty { Ok(Some(Input::Interrupt)) } else { Err(Halt::Exit(130)) };
        }
        if !self.tty {
            std::thread::sleep(timeout);
            return Ok(None);
        }
        match event::poll(timeout) {
            Ok(false) => Ok(None),
            Ok(true) => Ok(self.take(event::read()?)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn take(&mut self, event: Event) -> Option<Input> {
        match event {
            Event::Paste(text) => {
                if !self.dialog {
                    self.line.push_str(&text);
                }
                None
            }
            Event::Key(key) if key.kind == KeyEventKind::Press => self.key(key),
            _ => None,
        }
    }

    fn key(&mut self, key: KeyEvent) -> Option<Input> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => Some(Input::Interrupt),
            KeyCode::Esc => {
                self.line.clear();
                Some(Input::Escape)
            }
            KeyCode::Enter if self.line.trim().is_empty() => Some(Input::Enter),
            KeyCode::Enter => Some(Input::Line(std::mem::take(&mut self.line))),
            KeyCode::Backspace => {
                self.line.pop();
                None
            }
            KeyCode::Char(c) if !control && self.dialog => Some(Input::Key(c)),
            KeyCode::Char(c) if !control => {
                self.line.push(c);
                None
            }
            _ => None,
        }
    }

    /// Opens or closes a dialog; what was typed before it is forgotten.
    pub(super) fn set_dialog(&mut self, open: bool) {
        self.dialog = open;
        self.line.clear();
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
