//! A recording on its way through an emulator: where it stands, what comes next, and any other moment of it.
//!
//! Not for: the clock, keys and drawing. Invariant: the screen is what the program's output up to now made of it, however
//! that moment was come to; nothing that was recorded gets past the emulator.

use std::sync::Arc;
use std::time::{Duration, Instant};

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
        while !self.go_on(to, Duration::MAX) {}
    }

    /// Goes on towards a moment for about so long; whether it has come there.
    fn go_on(&mut self, to: f64, time: Duration) -> bool {
        let begun = Instant::now();
        while self.moments.get(self.next).is_some_and(|moment| moment.time <= to) {
            self.take();
            if begun.elapsed() >= time {
                return false;
            }
        }
        self.now = to;
        true
    }

    /// The way to another moment, to be gone a little at a time.
    pub fn journey(&self, to: f64) -> Journey {
        let to = to.clamp(0.0, self.length());
        let ahead = (to < self.now).then(|| Film::new_at(self));
        let from = if ahead.is_some() { 0 } else { self.next };
        Journey { to, ahead, from }
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

    /// A search for the moment at which the screen next shows this text that it did not show just before. Letters of
    /// either case are the same.
    pub fn scout(&self, text: &str) -> Scout {
        let wanted = text.to_lowercase();
        let ahead = Film::new_at(self);
        Scout { shown: None, wanted, ahead, look_at: self.now }
    }

    fn new_at(other: &Film) -> Film {
        Film {
            moments: Arc::clone(&other.moments),
            size: other.size,
            emulator: emulator(other.size),
            next: 0,
            now: 0.0,
        }
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

/// A way to another moment. Forwards the film itself goes it, backwards one that begins anew, which takes its place at the
/// end.
#[derive(Debug)]
pub struct Journey {
    /// The moment, in seconds.
    to: f64,
    ahead: Option<Film>,
    /// The moment of the recording at which it began.
    from: usize,
}

impl Journey {
    /// The moment that it leads to, in seconds.
    pub fn to(&self) -> f64 {
        self.to
    }

    /// How much of it is gone, in hundredths.
    pub fn percent(&self, film: &Film) -> u8 {
        let film = self.ahead.as_ref().unwrap_or(film);
        let last = film.moments.partition_point(|moment| moment.time <= self.to);
        let (gone, whole) = (film.next.saturating_sub(self.from), last.saturating_sub(self.from).max(1));
        u8::try_from(gone * 100 / whole).unwrap_or(100)
    }

    /// Leads elsewhere; what is gone of it already is kept if it lies on the way.
    pub fn turn(&mut self, to: f64, film: &Film) {
        let to = to.clamp(0.0, film.length());
        match &self.ahead {
            Some(ahead) if to < film.now && to >= ahead.now => self.to = to,
            _ => *self = film.journey(to),
        }
    }

    /// Goes on for about so long; whether it is at its end.
    pub fn run(&mut self, film: &mut Film, time: Duration) -> bool {
        let Some(ahead) = &mut self.ahead else { return film.go_on(self.to, time) };
        if !ahead.go_on(self.to, time) {
            return false;
        }
        let rest = Film::new_at(ahead);
        *film = std::mem::replace(ahead, rest);
        true
    }
}

/// A search under way: it runs ahead of the film that it was begun from, a little at a time.
#[derive(Debug)]
pub struct Scout {
    wanted: String,
    ahead: Film,
    /// Seconds at the next look; the first is where the search began.
    look_at: f64,
    /// Whether the text was seen at the last one.
    shown: Option<bool>,
}

/// What a search has come to.
#[derive(Debug)]
pub enum Found {
    /// Nothing yet.
    NotYet,
    /// The text: the film at that moment.
    Here(Box<Film>),
    /// It does not come up any more.
    Never,
}

impl Scout {
    /// How much of the recording it has seen, in hundredths.
    pub fn percent(&self) -> u8 {
        let count = self.ahead.moments.len().max(1);
        u8::try_from(self.ahead.next * 100 / count).unwrap_or(100)
    }

    /// Goes on for about so long.
    pub fn run(&mut self, time: Duration) -> Found {
        let begun = Instant::now();
        let mut steps = 0_u64;
        loop {
            // However little time there is, it comes on.
            if steps > 0 && begun.elapsed() >= time {
                return Found::NotYet;
            }
            steps += 1;
            if self.ahead.moments.get(self.ahead.next).is_some_and(|moment| moment.time <= self.look_at) {
                self.ahead.take();
                continue;
            }
            self.ahead.now = self.look_at.max(self.ahead.now);
            let shows = self.ahead.shows(&self.wanted);
            if self.shown.replace(shows) == Some(false) && shows {
                let rest = Film::new_at(&self.ahead);
                return Found::Here(Box::new(std::mem::replace(&mut self.ahead, rest)));
            }
            if self.ahead.is_over() {
                return Found::Never;
            }
            // What is overwritten at once, nobody saw.
            let wait = self.ahead.wait(None).unwrap_or(0.0).max(1.0 / LOOKS);
            self.look_at = (self.ahead.now + wait).min(self.ahead.length());
        }
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

    /// When a text next comes up, in steps that are as small as can be.
    fn find(film: &Film, text: &str) -> Option<f64> {
        let mut scout = film.scout(text);
        loop {
            match scout.run(Duration::from_nanos(1)) {
                Found::NotYet => {}
                Found::Here(found) => return Some(found.now()),
                Found::Never => return None,
            }
        }
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
        assert_eq!(find(&film, "needle"), Some(1.0));
        film.seek(1.5);
        assert_eq!(find(&film, "needle"), Some(5.0));
        film.seek(5.0);
        assert_eq!(find(&film, "needle"), None);
        film.seek(0.0);
        assert_eq!(find(&film, "hay"), None, "nobody could see it");
        assert_eq!(film.now(), 0.0, "a search moves nothing");
    }

    #[test]
    fn a_journey_in_small_steps_comes_to_where_a_seek_does() {
        let lines: Vec<String> = (0..300).map(|at| format!("[{at}, \"o\", \"line {at}\\r\\n\"]")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (mut film, mut other) = (film(&lines), film(&lines));
        for to in [250.5, 20.0, 21.0, 0.0, 1e9, -5.0] {
            let mut journey = film.journey(to);
            let (mut steps, mut last) = (0, 0);
            while !journey.run(&mut film, Duration::from_nanos(1)) {
                let percent = journey.percent(&film);
                assert!((last..=100).contains(&percent), "{percent} after {last}");
                (steps, last) = (steps + 1, percent);
            }
            other.seek(to);
            assert_eq!((film.now(), film.screen().text()), (other.now(), other.screen().text()), "to {to}");
            assert!(steps > 0 || to < 22.0, "to {to}");
        }
        // What was begun backwards is gone on with, if the new moment lies ahead of it.
        film.seek(299.0);
        let mut journey = film.journey(200.0);
        for _ in 0..100 {
            journey.run(&mut film, Duration::from_nanos(1));
        }
        assert_eq!((film.now(), journey.percent(&film)), (299.0, 49), "the picture stands until it is there");
        journey.turn(150.0, &film);
        assert!(journey.percent(&film) > 60);
        while !journey.run(&mut film, Duration::from_nanos(1)) {}
        assert_eq!(film.now(), 150.0);
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
        let mut film = Film::new(Tape {
            header,
            moments: (0..count).map(moment).collect(),
            missing: 0,
            broken: Default::default(),
        });
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
