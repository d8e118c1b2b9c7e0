//! The pass in front of the grid: what vt100 reads right goes through untouched, all else is acted on here.
//!
//! Not for: the sequences' ends (`scan`), and what control sequences do (`control`). Invariants: bytes go to vt100 in the
//! order in which they came; a piece that isn't whole waits for its rest; text without escapes costs a few searches and
//! no copy.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;

use super::area::{self, Area};
use super::control;
use super::credit::Credit;
use super::emulator::TermEvent;
use super::flood;
use super::grid::Grid;
use super::long::{Long, Progress};
use super::osc;
use super::palette::Palette;
use super::replies::Replies;
use super::run::Run;
use super::scan::{ESC, Scan, Sequence, scan};
use super::settings::Settings;
use super::sgr;
use super::writer::Writer;

/// Events that may wait; of more the oldest are forgotten.
const MAX_EVENTS: usize = 512;

/// Takes all cells of the row away from the cursor on.
const TAKE_REST_AWAY: &[u8] = b"\x1b[65535P";
/// Changes from here on are to be shown as one.
const BEGIN_SYNCHRONIZED: Sequence<'_> = Sequence::Csi(b"?2026h");

/// The state of the pass, and what came out of it.
#[derive(Debug, Default)]
pub(super) struct Translator {
    /// The beginning of a sequence or character whose rest hasn't come yet.
    pending: Vec<u8>,
    /// A sequence that is too long to be read.
    long: Option<Long>,
    pub(super) replies: Replies,
    pub(super) events: Vec<TermEvent>,
    /// The beginning of a run, if it is not sent as it came.
    rewritten: Vec<u8>,
    pub(super) palette: Palette,
    pub(super) settings: Settings,
    pub(super) writer: Writer,
    /// What sequences on many cells may still cost.
    pub(super) credit: Credit,
}

impl Translator {
    pub(super) fn new(palette: Palette) -> Self {
        Self { palette, ..Self::default() }
    }

    /// Takes the next bytes of the program's output. `before` sees the grid when a change begins that is to be shown as
    /// one.
    pub(super) fn feed(&mut self, bytes: &[u8], grid: &mut Grid, before: &mut dyn FnMut(&Grid)) {
        if self.pending.is_empty() {
            self.translate(bytes, grid, before);
        } else {
            let mut joined = std::mem::take(&mut self.pending);
            joined.extend_from_slice(bytes);
            self.translate(&joined, grid, before);
        }
    }

    /// Forgets what waits for its rest, and every setting; for a grid that was rebuilt, or reset.
    pub(super) fn reset(&mut self) {
        self.pending.clear();
        self.long = None;
        self.settings = Settings::default();
        self.writer.reset();
        self.palette.reset();
    }

    fn translate(&mut self, bytes: &[u8], grid: &mut Grid, before: &mut dyn FnMut(&Grid)) {
        let mut at = self.skip_over(bytes, grid);
        if self.long.is_some() {
            return;
        }
        let mut run = self.begin(at, grid);
        while let Some(found) = bytes.get(at..).and_then(|rest| memchr(ESC, rest)) {
            self.text(&mut run, bytes, at..at + found, grid);
            at += found;
            let rest = bytes.get(at..).unwrap_or_default();
            let scanned = scan(rest);
            if let Scan::Complete(length, _) = scanned {
                self.credit.earn(length, grid);
            }
            match scanned {
                Scan::Complete(length, Sequence::Csi(b"K" | b"0K")) if run.leaves_nothing() => {
                    // vt100 takes cells away at once, and erases them one by one: at the end of a row it is the same.
                    self.rewritten.extend_from_slice(bytes.get(run.start..at).unwrap_or_default());
                    self.rewritten.extend_from_slice(TAKE_REST_AWAY);
                    at += length;
                    run.start = at;
                }
                Scan::Complete(length, sequence) if self.joins(&sequence, &mut run, grid) => at += length,
                Scan::Complete(length, sequence) => {
                    self.send(&mut run, bytes, at, grid);
                    if sequence == BEGIN_SYNCHRONIZED && self.settings.synchronized.is_none() {
                        before(grid);
                    }
                    self.act(sequence, grid);
                    at += length;
                    run = self.begin(at, grid);
                }
                Scan::Incomplete => {
                    self.send(&mut run, bytes, at, grid);
                    self.pending = rest.to_vec();
                    return;
                }
                Scan::TooLong(kind) => {
                    self.send(&mut run, bytes, at, grid);
                    self.credit.earn(2, grid);
                    // What follows its first two bytes may hold the first half of its end.
                    let body = rest.get(2..).unwrap_or_default();
                    self.long = Some(Long::new(kind, body));
                    self.skip_over(body, grid);
                    return;
                }
            }
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let whole = rest.len() - unfinished(rest);
        let end = at + whole - half_flag(rest.get(..whole).unwrap_or_default());
        self.text(&mut run, bytes, at..end, grid);
        self.send(&mut run, bytes, end, grid);
        self.pending = bytes.get(end..).unwrap_or_default().to_vec();
    }

    /// Text joins the run if it may; if not, it is written by itself.
    fn text(&mut self, run: &mut Run, bytes: &[u8], place: Range<usize>, grid: &mut Grid) {
        let columns = usize::from(grid.size().1);
        let text = bytes.get(place.clone()).unwrap_or_default();
        self.credit.earn(text.len(), grid);
        if text.len() >= flood::LEAST && !run.is_coloured() && self.settings.is_whole_page(grid) {
            self.send(run, bytes, place.start, grid);
            self.writer.bottom = self.settings.region(grid).1;
            self.writer.write_flood(text, grid);
            *run = self.begin(place.end, grid);
            return;
        }
        if text.is_empty() || run.takes(text, columns) {
            return;
        }
        self.send(run, bytes, place.start, grid);
        run.set_room(columns.saturating_sub(usize::from(grid.screen().cursor_position().1)));
        if !run.takes(text, columns) {
            self.write(text, grid);
            *run = self.begin(place.end, grid);
        }
    }

    /// Sends the run, which ends there. A character that a sequence cuts off can't be finished any more.
    fn send(&mut self, run: &mut Run, bytes: &[u8], end: usize, grid: &mut Grid) {
        let known = bytes.get(run.start..end).unwrap_or_default();
        let mut rewritten = std::mem::take(&mut self.rewritten);
        self.writer.bottom = self.settings.region(grid).1;
        if !rewritten.is_empty() {
            rewritten.extend_from_slice(known);
            self.writer.write_run(&rewritten, grid);
            rewritten.clear();
        } else if !known.is_empty() {
            self.writer.write_run(known, grid);
        }
        self.rewritten = rewritten;
        *run = self.begin(end, grid);
    }

    /// An empty run.
    fn begin(&mut self, at: usize, grid: &Grid) -> Run {
        self.writer.note_pen(grid);
        Run::new(at, self.writer.grid_pen())
    }

    /// How many bytes belong to a sequence that is too long for one piece.
    fn skip_over(&mut self, bytes: &[u8], grid: &Grid) -> usize {
        match self.long.as_mut().map(|long| long.take(bytes)) {
            None => 0,
            Some(Progress::GoesOn(length)) => {
                self.credit.earn(length, grid);
                self.pending = bytes.get(length..).unwrap_or_default().to_vec();
                bytes.len()
            }
            Some(Progress::Over(length, text)) => {
                self.credit.earn(length, grid);
                self.long = None;
                text.into_iter().for_each(|(text, bell)| self.command(&text, bell));
                length
            }
        }
    }

    fn act(&mut self, sequence: Sequence<'_>, grid: &mut Grid) {
        match sequence {
            Sequence::Csi(body) => {
                let is_clean = body.iter().all(|byte| matches!(byte, 0x20..=0x7e));
                let body = if is_clean { Cow::Borrowed(body) } else { self.without_controls(body, grid) };
                control::act(self, &body, grid);
            }
            Sequence::Escape(body) => self.escape(body, grid),
            Sequence::Osc(body, bell) => self.command(body, bell),
            Sequence::Dcs(body) => control::request(self, body, grid),
            Sequence::Ignored => {}
        }
    }

    fn command(&mut self, body: &[u8], bell: bool) {
        let event = osc::act(body, bell, &mut self.palette, &mut self.replies, &mut self.writer);
        event.into_iter().for_each(|event| self.tell(event));
    }

    /// Controls inside a sequence act before it.
    fn without_controls<'b>(&mut self, body: &[u8], grid: &mut Grid) -> Cow<'b, [u8]> {
        let controls: Vec<u8> = body.iter().copied().filter(|byte| *byte < 0x20).collect();
        self.write(&controls, grid);
        body.iter().copied().filter(|byte| matches!(byte, 0x20..=0x7e)).collect()
    }

    fn escape(&mut self, body: &[u8], grid: &mut Grid) {
        match body {
            b"D" => self.line_feed(grid),
            b"E" => {
                grid.process(b"\r");
                self.line_feed(grid);
            }
            b"M" => {
                let (row, _) = grid.screen().cursor_position();
                grid.process(b"\x1bM");
                if row == self.settings.region(grid).0 {
                    self.blank_rows(row, 1, grid);
                }
            }
            b"H" => self.writer.tabs.set(column(grid), true),
            b"7" => self.save_cursor(grid),
            b"8" => self.restore_cursor(grid),
            b"6" | b"9" => control::shift_page(self, body == b"6", grid),
            b"Z" => self.replies.primary_attributes(),
            b"#8" => self.alignment(grid),
            b"N" => self.writer.charsets.shift_once(2),
            b"O" => self.writer.charsets.shift_once(3),
            b"n" => self.writer.charsets.shift(2),
            b"o" => self.writer.charsets.shift(3),
            b"=" | b">" | b"g" => grid.process(&[&[ESC], body].concat()),
            b"c" => {
                grid.process(b"\x1bc");
                self.reset();
                self.tell(TermEvent::Reset);
            }
            [intermediate @ (b'('..=b'/'), set @ ..] => self.writer.charsets.designate(*intermediate, set),
            _ => {}
        }
    }

    fn line_feed(&mut self, grid: &mut Grid) {
        let (row, _) = grid.screen().cursor_position();
        grid.process(b"\n");
        if row == self.settings.region(grid).1 {
            self.blank_rows(row, 1, grid);
        }
    }

    /// New rows have the pen's background (vt100 gives them the default one). One row is what programs scroll by; more
    /// of them are paid for.
    pub(super) fn blank_rows(&mut self, top: u16, count: u16, grid: &mut Grid) {
        if grid.screen().bgcolor() == vt100::Color::Default || count == 0 {
            return;
        }
        let (rows, columns) = grid.size();
        if !self.credit.pay(usize::from(count - 1) * usize::from(columns)) {
            return;
        }
        let bottom = top.saturating_add(count - 1).min(rows - 1);
        let rest = self.settings.rest(grid);
        area::erase(grid, Area { top, left: 0, bottom, right: columns - 1 });
        rest.put_back(grid);
    }

    /// DECALN: the whole screen full of E, margins gone.
    fn alignment(&mut self, grid: &mut Grid) {
        let (rows, columns) = grid.size();
        if !self.credit.pay(usize::from(rows) * usize::from(columns)) {
            return;
        }
        self.settings.set_region(grid, None);
        self.settings.origin = false;
        grid.process(b"\x1b[?6l\x1b[r\x1b[m");
        area::fill(grid, Area { top: 0, left: 0, bottom: rows - 1, right: columns - 1 }, "E");
        grid.process(b"\x1b[H");
    }

    /// DECSC: what vt100 saves, and what it doesn't know of.
    pub(super) fn save_cursor(&mut self, grid: &mut Grid) {
        grid.process(b"\x1b7");
        let saved = (self.writer.charsets, self.writer.pen().clone(), self.settings.origin);
        self.settings.save_cursor(grid, saved);
    }

    /// DECRC.
    pub(super) fn restore_cursor(&mut self, grid: &mut Grid) {
        grid.process(b"\x1b8");
        let (charsets, pen, origin) = self.settings.saved_cursor(grid);
        self.writer.charsets = charsets;
        self.writer.set_pen(pen);
        self.settings.origin = origin;
        self.writer.note_pen(grid);
    }

    pub(super) fn tell(&mut self, event: TermEvent) {
        // Of titles only the last counts; a spinner in the title would fill the list otherwise.
        if let (Some(TermEvent::Title(last)), TermEvent::Title(next)) = (self.events.last_mut(), &event) {
            last.clone_from(next);
            return;
        }
        // So with the clipboard, whose texts may be long.
        if matches!(event, TermEvent::Clipboard(_)) {
            self.events.retain(|event| !matches!(event, TermEvent::Clipboard(_)));
        }
        if self.events.len() >= MAX_EVENTS {
            self.events.remove(0);
        }
        self.events.push(event);
    }

    fn write(&mut self, bytes: &[u8], grid: &mut Grid) {
        if !bytes.is_empty() {
            self.writer.bottom = self.settings.region(grid).1;
            self.writer.write(bytes, grid);
        }
    }

    /// Whether the sequence goes to vt100 with the run: it reads it right, and nothing here wants to know of it.
    fn joins(&self, sequence: &Sequence<'_>, run: &mut Run, grid: &Grid) -> bool {
        let Sequence::Csi(body) = sequence else { return false };
        let Some((last, parameters)) = body.split_last() else { return false };
        if *last == b'm' {
            let ground = if self.writer.has_plain_pen() { sgr::ground(parameters) } else { None };
            ground.into_iter().for_each(|ground| run.paints(ground, parameters));
            return ground.is_some();
        }
        let clean = parameters.iter().all(|byte| matches!(byte, b'0'..=b'9' | b';'));
        match last {
            b'A' | b'B' | b'K' | b'X' | b'd' => clean,
            b'J' => clean && *parameters != *b"3",
            b'H' | b'f' => {
                run.moves(room_at(second(parameters), grid));
                clean
            }
            b'G' | b'`' => {
                run.moves(room_at(parameters, grid));
                clean
            }
            b'C' | b'E' | b'F' => {
                run.moves(None);
                clean
            }
            b'L' | b'M' | b'P' | b'S' | b'T' | b'@' => {
                run.moves(None);
                clean && !run.is_coloured()
            }
            _ => false,
        }
    }
}

/// The second of two parameters.
fn second(parameters: &[u8]) -> &[u8] {
    let rest = memchr(b';', parameters).and_then(|at| parameters.get(at + 1..));
    rest.unwrap_or_default()
}

/// Columns that are free behind a cursor that was put on this one; none is the first.
fn room_at(parameter: &[u8], grid: &Grid) -> Option<usize> {
    let digits = parameter.iter().map(|byte| byte.checked_sub(b'0').filter(|digit| *digit < 10));
    let add = |number: usize, digit: Option<u8>| Some((number * 10 + usize::from(digit?)).min(0xffff));
    let column = digits.take(8).try_fold(0, add)?.max(1);
    let columns = usize::from(grid.size().1);
    (parameter.len() < 8).then(|| columns + 1 - column.min(columns))
}

/// How many bytes at the end could become a character with more behind them.
fn unfinished(bytes: &[u8]) -> usize {
    let last = bytes.get(bytes.len().saturating_sub(3)..).unwrap_or_default();
    let Some(start) = last.iter().rposition(|byte| *byte >= 0xc0) else { return 0 };
    let tail = last.get(start..).unwrap_or_default();
    if std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none()) { tail.len() } else { 0 }
}

/// How many bytes at the end are the first half of a flag: its two letters are shown together.
fn half_flag(bytes: &[u8]) -> usize {
    let is_letter = |four: &[u8]| matches!(four, [0xf0, 0x9f, 0x87, 0xa6..=0xbf]);
    let count = bytes.rchunks_exact(4).take_while(|four| is_letter(four)).count();
    if count % 2 == 1 { 4 } else { 0 }
}

/// The cursor's column; one that is about to wrap is still in the last.
pub(super) fn column(grid: &Grid) -> u16 {
    grid.screen().cursor_position().1.min(grid.size().1 - 1)
}
