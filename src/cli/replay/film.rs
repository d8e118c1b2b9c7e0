//! A recording on its way through an emulator: where it stands, what comes next, and any other moment of it.
//!
//! Not for: the clock, keys and drawing. Invariant: the screen is what the program's output up to now made of it, however
//! that moment was come to; nothing that was recorded gets past the emulator.

use std::sync::Arc;

use crate::record::{Moment, Tape, What};
use crate::term::{Colours, Emulator};

/// Screens that a search looks at in a second of the recording.
const LOOKS: f64 = 10.0;
/// Bytes of history that are held: nobody scrolls back here, one goes back in time.
const HISTORY: usize = 0;

/// A recording being played.
#[derive(Debug)]
pub struct Film {
    moments: Arc<[Moment]>,
    /// Columns and rows at the beginning.
    size: (u16, u16),
    emulator: Emulator,
    /// The first moment that is still to come.
    next: usize,
    /// Seconds since the beginning.
    now: f64,
}

impl Film {
    /// A recording at its beginning.
    pub fn new(tape: Tape) -> Film {
        let size = (tape.header.cols, tape.header.rows);
        let mut film =
            Film { moments: tape.moments.into(), size, emulator: emulator(size), next: 0, now: 0.0 };
        film.seek(0.0);
        film
    }

    /// Seconds in all.
    pub fn length(&self) -> f64 {
        self.moments.last().map_or(0.0, |moment| moment.time)
    }

    /// Seconds since the beginning.
    pub fn now(&self) -> f64 {
        self.now
    }

    /// Whether nothing comes any more.
    pub fn is_over(&self) -> bool {
        self.next >= self.moments.len()
    }

    /// The screen.
    pub fn screen(&mut self) -> &mut Emulator {
        &mut self.emulator
    }

    /// Marks that were set in the recording, with their times.
    pub fn marks(&self) -> impl Iterator<Item = (f64, &str)> {
        self.moments.iter().filter_map(|moment| match &moment.what {
            What::Mark(text) => Some((moment.time, text.as_str())),
            What::Output(_) | What::Size(..) => None,
        })
    }

    /// Goes to a moment; what happened at it is shown.
    pub fn seek(&mut self, to: f64) {
        let to = to.clamp(0.0, self.length());
        if to < self.now {
            self.rewind();
        }
        while self.moments.get(self.next).is_some_and(|moment| moment.time <= to) {
            self.take();
        }
        self.now = to;
    }

    /// Goes on by so many seconds; with a limit no more than that is waited for anything. Whether the screen changed.
    pub fn advance(&mut self, seconds: f64, limit: Option<f64>) -> bool {
        let (mut left, before) = (seconds, self.next);
        while let Some(wait) = self.wait(limit) {
            if wait > left {
                self.now += left;
                break;
            }
            left -= wait;
            self.take();
        }
        self.next != before
    }

    /// Seconds until the next thing happens; none at the end.
    pub fn wait(&self, limit: Option<f64>) -> Option<f64> {
        let next = self.moments.get(self.next)?;
        let until = (next.time - self.now).max(0.0);
        let before = self.next.checked_sub(1).and_then(|before| self.moments.get(before));
        let since = (self.now - before.map_or(0.0, |before| before.time)).max(0.0);
        Some(limit.map_or(until, |limit| until.min((limit - since).max(0.0))))
    }

    /// Goes to the next thing that happens.
    pub fn step(&mut self) {
        while let Some(moment) = self.moments.get(self.next) {
            let is_silent = matches!(&moment.what, What::Output(text) if text.is_empty());
            self.take();
            if !is_silent {
                return;
            }
        }
    }

    /// When the screen next shows this text that it did not show just before. Letters of either case are the same.
    pub fn find(&self, text: &str) -> Option<f64> {
        let wanted = text.to_lowercase();
        let mut scout = Film::new_at(self);
        let mut shown = scout.shows(&wanted);
        while !scout.is_over() {
            // What is overwritten at once, nobody saw.
            let look = scout.wait(None).unwrap_or(0.0).max(1.0 / LOOKS);
            scout.seek(scout.now + look);
            let shows = scout.shows(&wanted);
            if shows && !shown {
                return Some(scout.now);
            }
            shown = shows;
        }
        None
    }

    fn new_at(other: &Film) -> Film {
        let mut film = Film {
            moments: Arc::clone(&other.moments),
            size: other.size,
            emulator: emulator(other.size),
            next: 0,
            now: 0.0,
        };
        film.seek(other.now);
        film
    }

    fn shows(&self, wanted: &str) -> bool {
        self.emulator.text().to_lowercase().contains(wanted)
    }

    fn rewind(&mut self) {
        self.emulator = emulator(self.size);
        (self.next, self.now) = (0, 0.0);
    }

    /// Lets the next thing happen.
    fn take(&mut self) {
        let moments = Arc::clone(&self.moments);
        let Some(moment) = moments.get(self.next) else { return };
        match &moment.what {
            What::Output(text) => self.emulator.feed(text.as_bytes()),
            What::Size(cols, rows) => self.emulator.resize(*cols, *rows),
            What::Mark(_) => {}
        }
        // Nobody is there who would hear them.
        drop((self.emulator.take_replies(), self.emulator.take_events()));
        self.now = moment.time.max(self.now);
        self.next += 1;
    }
}

fn emulator((cols, rows): (u16, u16)) -> Emulator {
    Emulator::with_history(cols, rows, Colours::default(), HISTORY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Recorder, Start};

    fn film(lines: &[&str]) -> Film {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.cast");
        let header = "{\"version\": 2, \"width\": 20, \"height\": 4}";
        std::fs::write(&path, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
        Film::new(Tape::load(&path).unwrap())
    }

    fn usual() -> Film {
        film(&[
            r#"[0.5, "o", "one"]"#,
            r#"[1.0, "i", "typed"]"#,
            r#"[2.0, "m", "half"]"#,
            r#"[2.0, "o", "\r\ntwo"]"#,
            r#"[60.0, "r", "30x5"]"#,
            r#"[60.0, "o", "\u001b[2Jthree"]"#,
        ])
    }

    #[test]
    fn any_moment_is_what_was_printed_up_to_it() {
        let mut film = usual();
        assert_eq!((film.screen().text().as_str(), film.length()), ("", 60.0));
        for (to, text) in
            [(0.5, "one"), (1.9, "one"), (2.0, "one\ntwo"), (99.0, "three"), (1.0, "one"), (-1.0, "")]
        {
            film.seek(to);
            assert_eq!(film.screen().text().trim(), text, "at {to}");
        }
        film.seek(60.0);
        assert_eq!((film.screen().size(), film.is_over()), ((30, 5), true));
        film.seek(59.0);
        assert_eq!((film.screen().size(), film.is_over()), ((20, 4), false));
        assert_eq!(film.marks().collect::<Vec<_>>(), [(2.0, "half")]);
    }

    #[test]
    fn playing_waits_as_it_was_recorded_or_no_longer_than_the_limit() {
        let mut film = usual();
        assert_eq!(film.wait(None), Some(0.5));
        assert!(!film.advance(0.25, None));
        assert!(film.advance(0.25, None));
        assert_eq!((film.now(), film.screen().text().as_str()), (0.5, "one"));
        // A limit is for all that is waited between two things, whatever was waited already.
        film.seek(2.0);
        assert_eq!((film.wait(None), film.wait(Some(3.0))), (Some(58.0), Some(3.0)));
        film.advance(1.0, Some(3.0));
        assert_eq!((film.now(), film.wait(Some(3.0))), (3.0, Some(2.0)));
        film.advance(2.0, Some(3.0));
        assert_eq!((film.now(), film.is_over(), film.wait(None)), (60.0, true, None));
        film.advance(5.0, None);
        assert_eq!(film.now(), 60.0);
    }

    #[test]
    fn a_step_goes_to_what_is_seen_next() {
        let mut film = usual();
        let mut times = Vec::new();
        while !film.is_over() {
            film.step();
            times.push(film.now());
        }
        assert_eq!(times, [0.5, 2.0, 2.0, 60.0, 60.0], "what was typed is not seen");
    }

    #[test]
    fn text_is_found_when_it_comes_up_and_not_while_it_stands() {
        let mut film = film(&[
            r#"[1.0, "o", "Needle"]"#,
            r#"[2.0, "o", " more"]"#,
            r#"[3.0, "o", "\u001b[2J"]"#,
            r#"[4.0, "o", "nee"]"#,
            r#"[5.0, "o", "dle"]"#,
            r#"[6.0, "o", "\u001b[2Jhay\u001b[2Jgone"]"#,
        ]);
        assert_eq!(film.find("needle"), Some(1.0));
        film.seek(1.5);
        assert_eq!(film.find("needle"), Some(5.0));
        film.seek(5.0);
        assert_eq!(film.find("needle"), None);
        film.seek(0.0);
        assert_eq!(film.find("hay"), None, "nobody could see it");
        assert_eq!(film.now(), 0.0, "a search moves nothing");
    }

    #[test]
    fn a_rotated_recording_plays_on_from_what_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.cast");
        let start = Start { cols: 40, rows: 5, title: String::new(), timestamp: 0 };
        let mut recorder = Recorder::create(&path, 600, start).unwrap();
        for number in 0..100 {
            recorder.output(format!("line {number}\r\n").as_bytes());
        }
        let tape = Tape::load(&path).unwrap();
        assert!(tape.missing > 0 && tape.missing < recorder.offset());
        let mut film = Film::new(tape);
        film.seek(f64::MAX);
        assert_eq!(film.screen().text(), "line 96\nline 97\nline 98\nline 99");
    }

    #[test]
    fn ten_megabytes_are_sought_at_once() {
        let line =
            "\x1b[32mthe quick\x1b[0m brown fox jumps over the \x1b[1mlazy dog\x1b[m again and again\r\n";
        let count = 10_000_000 / line.len() / 20;
        let moment = |at: usize| Moment { time: at as f64, what: What::Output(line.repeat(20)) };
        let header = crate::record::Header {
            version: 2,
            cols: 200,
            rows: 50,
            timestamp: None,
            title: None,
            idle_limit: None,
            offset: 0,
        };
        let mut film = Film::new(Tape { header, moments: (0..count).map(moment).collect(), missing: 0 });
        let cpu = || {
            let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
        };
        film.seek(f64::MAX);
        let before = cpu();
        film.seek(film.length() - 5.0);
        let took = cpu() - before;
        // Unoptimised; what is built for use is several times as fast.
        assert!(took < 3.0, "{took} s to go back five seconds at the end");
    }
}
