//! The pass in front of the grid: what vt100 reads right goes through untouched, all else is acted on here.
//!
//! Not for: the sequences' ends (`scan`). Invariants: bytes go to vt100 in the order in which they came; a piece that
//! isn't whole waits for its rest; text without escapes costs one search and no copy.

use std::time::Instant;

use memchr::memchr;

use super::emulator::TermEvent;
use super::grid::Grid;
use super::modes::MouseMode;
use super::osc;
use super::replies::{Colours, Replies};
use super::scan::{ESC, Scan, Sequence, Skip, scan, skip};
use super::sgr;

/// Events that may wait; of more the oldest are forgotten.
const MAX_EVENTS: usize = 512;

/// The state of the pass, and what came out of it.
#[derive(Debug, Default)]
pub(super) struct Translator {
    /// The beginning of a sequence or character whose rest hasn't come yet.
    pending: Vec<u8>,
    /// A sequence that is too long to be read.
    skipping: Option<Skip>,
    pub(super) replies: Replies,
    pub(super) events: Vec<TermEvent>,
    pub(super) colours: Colours,
    /// Since when the program wants its changes to be shown together (`?2026`).
    pub(super) synchronized: Option<Instant>,
    /// `?1004`.
    pub(super) focus: bool,
    /// `?6`; vt100 knows it, but doesn't tell.
    origin: bool,
}

impl Translator {
    pub(super) fn new(colours: Colours) -> Self {
        Self { colours, ..Self::default() }
    }

    /// Takes the next bytes of the program's output.
    pub(super) fn feed(&mut self, bytes: &[u8], grid: &mut Grid) {
        if self.pending.is_empty() {
            self.translate(bytes, grid);
        } else {
            let mut joined = std::mem::take(&mut self.pending);
            joined.extend_from_slice(bytes);
            self.translate(&joined, grid);
        }
    }

    /// Forgets what waits for its rest; for a grid that was rebuilt.
    pub(super) fn reset(&mut self) {
        self.pending.clear();
        self.skipping = None;
        (self.synchronized, self.focus, self.origin) = (None, false, false);
    }

    fn translate(&mut self, bytes: &[u8], grid: &mut Grid) {
        let mut at = self.skip_over(bytes);
        // What was looked at and goes to vt100 as it is.
        let mut run = at;
        while let Some(found) = bytes.get(at..).and_then(|rest| memchr(ESC, rest)) {
            at += found;
            let rest = bytes.get(at..).unwrap_or_default();
            match scan(rest) {
                Scan::Complete(length, sequence) if is_for_vt100(&sequence) => at += length,
                Scan::Complete(length, sequence) => {
                    send(grid, bytes.get(run..at));
                    self.act(sequence, grid);
                    at += length;
                    run = at;
                }
                Scan::Incomplete => {
                    send(grid, bytes.get(run..at));
                    self.pending = rest.to_vec();
                    return;
                }
                Scan::TooLong(kind) => {
                    send(grid, bytes.get(run..at));
                    self.skipping = Some(kind);
                    // What follows its first two bytes may hold the first half of its end.
                    let body = rest.get(2..).unwrap_or_default();
                    let (skipped, _) = skip(body, kind);
                    self.pending = body.get(skipped..).unwrap_or_default().to_vec();
                    return;
                }
            }
        }
        let rest = bytes.get(run..).unwrap_or_default();
        let (whole, cut) = rest.split_at(rest.len() - unfinished(rest));
        grid.process(whole);
        self.pending = cut.to_vec();
    }

    fn skip_over(&mut self, bytes: &[u8]) -> usize {
        let Some(kind) = self.skipping else { return 0 };
        let (skipped, over) = skip(bytes, kind);
        if over {
            self.skipping = None;
            return skipped;
        }
        self.pending = bytes.get(skipped..).unwrap_or_default().to_vec();
        bytes.len()
    }

    fn act(&mut self, sequence: Sequence<'_>, grid: &mut Grid) {
        match sequence {
            Sequence::Csi(body) => self.control(body, grid),
            Sequence::Escape(body) => self.escape(body, grid),
            Sequence::Osc(body, bell) => {
                let event = osc::act(body, bell, &self.colours, &mut self.replies);
                event.into_iter().for_each(|event| self.tell(event));
            }
            Sequence::Dcs(body) if body.starts_with(b"+q") => self.replies.no_capability(),
            Sequence::Dcs(body) if body.starts_with(b"$q") => self.replies.no_setting(),
            Sequence::Dcs(_) | Sequence::Ignored => {}
        }
    }

    fn escape(&mut self, body: &[u8], grid: &mut Grid) {
        match body {
            b"D" => grid.process(b"\n"),
            b"E" => grid.process(b"\r\n"),
            b"c" => {
                grid.process(b"\x1bc");
                self.reset();
                self.tell(TermEvent::Reset);
            }
            _ => {}
        }
    }

    fn control(&mut self, body: &[u8], grid: &mut Grid) {
        let controls: Vec<u8> = body.iter().copied().filter(|byte| matches!(byte, 0x07..=0x0d)).collect();
        let body: Vec<u8> = body.iter().copied().filter(|byte| matches!(byte, 0x20..=0x7e)).collect();
        // Controls inside a sequence act before it.
        grid.process(&controls);
        let Some((last, parameters)) = body.split_last() else { return };
        match (parameters, last) {
            (_, b'm') if !is_private(parameters) => self.attributes(parameters, grid),
            ([b'?', rest @ ..], b'h' | b'l') => rest
                .split(|byte| *byte == b';')
                .filter_map(number)
                .for_each(|mode| self.set_mode(mode, *last == b'h', grid)),
            (_, b'J') if matches!(parameters, b"3" | b"?3") => grid.behind().history.clear(),
            (_, b'b') if !is_private(parameters) => {
                // One row is all that a program can mean; more only costs time.
                let count = number(parameters).unwrap_or(1).clamp(1, grid.size().1);
                grid.process(format!("\x1b[{count}b").as_bytes());
            }
            (b"", b's') => grid.process(b"\x1b7"),
            (b"", b'u') => grid.process(b"\x1b8"),
            (_, b'c' | b'q' | b'n' | b'p' | b'u' | b't') => self.query(parameters, *last, grid),
            _ => send_control(&body, grid),
        }
    }

    fn attributes(&mut self, parameters: &[u8], grid: &mut Grid) {
        let rewritten =
            if sgr::is_plain(parameters) { Some(parameters.to_vec()) } else { sgr::rewrite(parameters) };
        if let Some(parameters) = rewritten {
            send_control(&[parameters.as_slice(), b"m"].concat(), grid);
        }
    }

    fn set_mode(&mut self, mode: u16, on: bool, grid: &mut Grid) {
        match mode {
            6 => self.origin = on,
            1004 => self.focus = on,
            2026 => self.synchronized = on.then(Instant::now),
            1047 => {
                // The alternate screen is cleared when it is left.
                if !on && grid.screen().alternate_screen() {
                    grid.process(b"\x1b[2J");
                }
                return grid.process(if on { b"\x1b[?47h" } else { b"\x1b[?47l" });
            }
            1048 => return grid.process(if on { b"\x1b7" } else { b"\x1b8" }),
            _ => {}
        }
        grid.process(format!("\x1b[?{mode}{}", if on { 'h' } else { 'l' }).as_bytes());
    }

    fn query(&mut self, parameters: &[u8], last: u8, grid: &mut Grid) {
        let ((rows, cols), screen) = (grid.size(), grid.screen());
        let replies = &mut self.replies;
        match (parameters, last) {
            (b"" | b"0", b'c') => replies.primary_attributes(),
            (b">" | b">0", b'c') => replies.secondary_attributes(),
            (b"=" | b"=0", b'c') => replies.tertiary_attributes(),
            (b">" | b">0", b'q') => replies.version(),
            (b"5", b'n') => replies.operating(),
            (b"6" | b"?6", b'n') => {
                let (row, col) = screen.cursor_position();
                replies.cursor(parameters.len() > 1, row, col.min(cols - 1));
            }
            (b"?996", b'n') => replies.brightness(&self.colours),
            (b"?", b'u') => replies.keyboard(),
            (b"14", b't') => replies.pixels(rows, cols),
            (b"16", b't') => replies.cell_pixels(),
            (b"18", b't') => replies.size(rows, cols),
            ([b'?', mode @ .., b'$'], b'p') => {
                if let Some(mode) = number(mode) {
                    let value = self.mode(mode, grid);
                    self.replies.mode(true, mode, value);
                }
            }
            ([mode @ .., b'$'], b'p') => {
                if let Some(mode) = number(mode) {
                    replies.mode(false, mode, 0);
                }
            }
            // The cursor's shape; everything else of these letters is nothing that vt100 should see.
            ([.., b' '], b'q') => send_control(&[parameters, b"q"].concat(), grid),
            _ => {}
        }
    }

    /// What DECRQM is told: only what is really so.
    fn mode(&self, mode: u16, grid: &Grid) -> u8 {
        let screen = grid.screen();
        let mouse = MouseMode::from(screen.mouse_protocol_mode());
        let encoding = screen.mouse_protocol_encoding();
        let is_set = match mode {
            1 => screen.application_cursor(),
            6 => self.origin,
            // Lines wrap always.
            7 => return 3,
            9 => mouse == MouseMode::Press,
            25 => !screen.hide_cursor(),
            47 | 1047 | 1049 => screen.alternate_screen(),
            1000 => mouse == MouseMode::PressRelease,
            1002 => mouse == MouseMode::Drag,
            1003 => mouse == MouseMode::Motion,
            1004 => self.focus,
            1005 => encoding == vt100::MouseProtocolEncoding::Utf8,
            1006 => encoding == vt100::MouseProtocolEncoding::Sgr,
            2004 => screen.bracketed_paste(),
            2026 => self.synchronized.is_some(),
            _ => return 0,
        };
        if is_set { 1 } else { 2 }
    }

    fn tell(&mut self, event: TermEvent) {
        // Of titles only the last counts; a spinner in the title would fill the list otherwise.
        if let (Some(TermEvent::Title(last)), TermEvent::Title(next)) = (self.events.last_mut(), &event) {
            last.clone_from(next);
            return;
        }
        if self.events.len() >= MAX_EVENTS {
            self.events.remove(0);
        }
        self.events.push(event);
    }
}

/// Whether vt100 reads the sequence right, and nothing here wants to know of it.
fn is_for_vt100(sequence: &Sequence<'_>) -> bool {
    match sequence {
        Sequence::Csi(body) => {
            let Some((last, parameters)) = body.split_last() else { return false };
            let clean = parameters.iter().all(|byte| matches!(byte, b'0'..=b'9' | b';'));
            match last {
                b'A'..=b'H'
                | b'K'
                | b'L'
                | b'M'
                | b'P'
                | b'S'
                | b'T'
                | b'X'
                | b'@'
                | b'`'
                | b'd'
                | b'f'
                | b'r' => clean,
                b'J' => clean && *parameters != *b"3",
                b'm' => clean && sgr::is_plain(parameters),
                _ => false,
            }
        }
        Sequence::Escape(body) => matches!(*body, b"7" | b"8" | b"=" | b">" | b"M" | b"g"),
        Sequence::Osc(..) | Sequence::Dcs(_) | Sequence::Ignored => false,
    }
}

/// Whether there is more than numbers: the same letter means something else then.
fn is_private(parameters: &[u8]) -> bool {
    !parameters.iter().all(|byte| matches!(byte, b'0'..=b';'))
}

/// `CSI 8 t` and the like never come here: a program may not resize its pane.
fn send_control(body: &[u8], grid: &mut Grid) {
    grid.process(&[b"\x1b[", body].concat());
}

/// Text before a sequence. A character that it cuts off can't be finished any more, and is dropped here, so that vt100
/// doesn't take it together with what follows.
fn send(grid: &mut Grid, bytes: Option<&[u8]>) {
    let bytes = bytes.unwrap_or_default();
    grid.process(bytes.get(..bytes.len() - unfinished(bytes)).unwrap_or_default());
}

/// How many bytes at the end could become a character with more behind them.
fn unfinished(bytes: &[u8]) -> usize {
    let last = bytes.get(bytes.len().saturating_sub(3)..).unwrap_or_default();
    let Some(start) = last.iter().rposition(|byte| *byte >= 0xc0) else { return 0 };
    let tail = last.get(start..).unwrap_or_default();
    if std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none()) { tail.len() } else { 0 }
}

fn number(digits: &[u8]) -> Option<u16> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
