//! The emulator's promises, held against a case.
//!
//! Three emulators take the same steps: one in the case's own chunks, one in chunks as large as can be, one byte by byte.
//! What can be read of them is the same.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use loopmon::term::{Cell, Colours, Emulator, TermEvent};

use crate::case::{Case, Step};
use crate::grammar::MARKER;

/// Bytes of history that an emulator may hold here: little, so that it is often full.
const HISTORY: usize = 16 * 1024;
/// What the history may hold beyond that: one line, and the one that is not ended yet.
const LINES: usize = 2 * (64 * 1024 + 1000 * 100);
/// What may wait as answers.
const REPLIES: usize = 64 * 1024 + 4096;
/// Rows of history that are read at each of its ends.
const ROWS_READ: usize = 40;

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}
static HOOK: Once = Once::new();

/// What is wrong, if anything is.
pub fn check(case: &Case) -> Result<(), String> {
    keep_panics();
    PANIC.take();
    match catch_unwind(AssertUnwindSafe(|| Trial::new().run(case))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(fault)) => Err(format!("{fault} {}", PANIC.take())),
        Err(_) => Err(format!("it panicked {}", PANIC.take())),
    }
}

/// Panics of this thread's trials are kept to be told with the fault; others are told as ever.
fn keep_panics() {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            if place.contains("vt100") || place.contains("src/term") {
                PANIC.set(panic.to_string());
            } else {
                before(panic);
            }
        }));
    });
}

struct Trial {
    /// In the case's chunks, in the largest, byte by byte.
    emulators: [Emulator; 3],
    chunk: Vec<u8>,
    whole: Vec<u8>,
}

impl Trial {
    fn new() -> Trial {
        let emulator = || Emulator::with_history(20, 6, Colours::default(), HISTORY);
        Trial { emulators: [emulator(), emulator(), emulator()], chunk: Vec::new(), whole: Vec::new() }
    }

    fn run(mut self, case: &Case) -> Result<(), String> {
        for step in &case.0 {
            match step {
                Step::Feed(bytes) => {
                    self.chunk.extend_from_slice(bytes);
                    self.whole.extend_from_slice(bytes);
                    bytes.iter().for_each(|byte| self.emulators[2].feed(&[*byte]));
                }
                Step::Cut => self.emulators[0].feed(&std::mem::take(&mut self.chunk)),
                Step::Resize(cols, rows) => {
                    self.flush();
                    self.emulators.iter_mut().for_each(|emulator| emulator.resize(*cols, *rows));
                    self.sizes(*cols, *rows)?;
                }
                Step::Frame => {
                    self.flush();
                    self.emulators.iter_mut().try_for_each(frame)?;
                }
                Step::Read => self.read()?,
            }
            let faults: u32 = self.emulators.iter().map(Emulator::faults).sum();
            if faults > 0 {
                return Err("the grid failed".to_owned());
            }
        }
        self.read()
    }

    /// Gives what is held back of the chunks.
    fn flush(&mut self) {
        self.emulators[0].feed(&std::mem::take(&mut self.chunk));
        self.emulators[1].feed(&std::mem::take(&mut self.whole));
    }

    fn sizes(&self, cols: u16, rows: u16) -> Result<(), String> {
        let wanted = (cols.clamp(2, 1000), rows.clamp(2, 1000));
        let got = self.emulators[0].size();
        if got == wanted { Ok(()) } else { Err(format!("{cols}x{rows} became {got:?}")) }
    }

    fn read(&mut self) -> Result<(), String> {
        self.flush();
        let [own, whole, bytes] = &mut self.emulators;
        let seen = Seen::of(own)?;
        for (other, how) in [(whole, "in one piece"), (bytes, "byte by byte")] {
            let also = Seen::of(other)?;
            if let Some(differs) = seen.differs(&also) {
                return Err(format!("{how} it reads otherwise: {differs}"));
            }
        }
        Ok(())
    }
}

/// Everything that can be read of an emulator, in words.
struct Seen(Vec<(&'static str, String)>);

impl Seen {
    fn of(emulator: &mut Emulator) -> Result<Seen, String> {
        let (cols, rows) = emulator.size();
        let mut seen = Vec::new();
        for row in 0..rows {
            seen.push(("row", cells(emulator.row(row), Some(cols))?));
        }
        if emulator.row(rows).next().is_some() {
            return Err("there is a row beyond the last".to_owned());
        }
        seen.push(("cursor", format!("{:?} {:?}", emulator.cursor(), emulator.modes())));
        if let Some((col, row)) = emulator.cursor()
            && (col >= cols || row >= rows)
        {
            return Err(format!("the cursor is at {col}, {row} of {cols}x{rows}"));
        }
        seen.push(("modes", format!("{:?} {}", emulator.modes(), emulator.is_synchronized())));
        is_clean(&emulator.text().replace('\n', ""))?;
        history(emulator, &mut seen)?;
        let replies = emulator.take_replies();
        answers(&replies)?;
        seen.push(("replies", replies.escape_ascii().to_string()));
        for event in emulator.take_events() {
            told(&event)?;
            seen.push(("event", format!("{event:?}")));
        }
        Ok(Seen(seen))
    }

    fn differs(&self, other: &Seen) -> Option<String> {
        if self.0.len() != other.0.len() {
            return Some(format!("{} things are told, and {}", self.0.len(), other.0.len()));
        }
        let (at, (a, b)) = self.0.iter().zip(&other.0).enumerate().find(|(_, (a, b))| a != b)?;
        Some(format!("thing {at}, {}:\n  {}\n  {}", a.0, a.1, b.1))
    }
}

fn history(emulator: &mut Emulator, seen: &mut Vec<(&'static str, String)>) -> Result<(), String> {
    let bytes = emulator.history_bytes();
    if bytes > HISTORY + LINES {
        return Err(format!("the history holds {bytes} bytes"));
    }
    let rows = emulator.history_len();
    seen.push(("history", rows.to_string()));
    let newest = rows.saturating_sub(ROWS_READ);
    for row in (0..rows.min(ROWS_READ)).chain(newest.max(ROWS_READ)..rows) {
        seen.push(("history row", cells(emulator.history_row(row), None)?));
    }
    // Nobody may ask for a row that is not there; who does gets an answer all the same.
    drop(cells(emulator.history_row(rows), None)?);
    Ok(())
}

/// A row in words; its widths add up to the columns, or to no more than can be.
fn cells<'a>(cells: impl Iterator<Item = Cell<'a>>, columns: Option<u16>) -> Result<String, String> {
    let (mut width, mut words) = (0, String::new());
    let mut last = None;
    for cell in cells {
        if !matches!(cell.width, 1 | 2) || cell.text.is_empty() {
            return Err(format!("a cell is {cell:?}"));
        }
        is_clean(cell.text)?;
        is_clean(cell.link.unwrap_or_default())?;
        width += u32::from(cell.width);
        // Looks are told where they change.
        if last != Some((cell.style, cell.link)) {
            if last.is_some() || cell.style != Default::default() {
                words.push_str(&format!("⟨{:?} {:?}⟩", cell.style, cell.link));
            }
            last = Some((cell.style, cell.link));
        }
        words.push_str(cell.text);
        words.push(if cell.width == 1 { '|' } else { '‖' });
    }
    let right = columns.map_or(width <= 1001, |columns| width == u32::from(columns));
    if right { Ok(words) } else { Err(format!("a row of {columns:?} columns is {width} wide: {words}")) }
}

fn frame(emulator: &mut Emulator) -> Result<(), String> {
    let held = emulator.begin_frame();
    let (cols, rows) = emulator.size();
    for row in 0..rows {
        cells(emulator.frame_row(row, held), Some(cols))?;
    }
    match emulator.frame_cursor(held) {
        Some((col, row)) if col >= cols || row >= rows => Err(format!("a frame's cursor is at {col}, {row}")),
        _ => Ok(()),
    }
}

/// Nothing that could act on a terminal, or deceive.
fn is_clean(text: &str) -> Result<(), String> {
    let is_bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    match text.chars().find(|c| is_bad(*c)) {
        None => Ok(()),
        Some(c) => Err(format!("there is {c:?} in {text:?}")),
    }
}

/// Answers are bounded, and hold nothing that the program wrote: neither as it is nor in hexadecimal digits.
fn answers(replies: &[u8]) -> Result<(), String> {
    if replies.len() > REPLIES {
        return Err(format!("{} bytes of answers", replies.len()));
    }
    for four in MARKER.as_bytes().windows(4) {
        let hex: String = four.iter().map(|byte| format!("{byte:02x}")).collect();
        let lower = replies.to_ascii_lowercase();
        let has = |what: &[u8]| lower.windows(what.len()).any(|window| window == what);
        if has(&four.to_ascii_lowercase()) || has(hex.as_bytes()) {
            return Err(format!("an answer holds what was printed: {}", replies.escape_ascii()));
        }
    }
    Ok(())
}

fn told(event: &TermEvent) -> Result<(), String> {
    match event {
        TermEvent::Title(text) | TermEvent::Cwd(text) => is_clean(text),
        TermEvent::Notification(piece) => is_clean(&piece.text),
        TermEvent::Status(report) => [&report.id, &report.app, &report.title, &report.message]
            .into_iter()
            .flatten()
            .try_for_each(|text| is_clean(text)),
        // It is passed on as it is, to be asked about.
        TermEvent::Clipboard(_) | TermEvent::Bell | TermEvent::Prompt(_) | TermEvent::Reset => Ok(()),
        TermEvent::Failed => Err("the emulator failed".to_owned()),
    }
}
