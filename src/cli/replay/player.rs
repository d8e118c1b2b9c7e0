//! The player: what is shown, what keys do to it, and how it moves with time.
//!
//! Not for: the terminal and the clock (`stage`), and drawing (`draw`). Invariant: it moves only by keys and by time that
//! it is told of.

use std::path::Path;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::film::{Film, Found, Journey, Scout};
use super::source::{Mark, Source};
use crate::cli::{Failure, shown};
use crate::model::counted;
use crate::record::Broken;

/// The slowest and the fastest.
const SPEEDS: std::ops::RangeInclusive<f64> = 1.0 / 16.0..=256.0;
/// Seconds that an arrow goes.
const LEAP: f64 = 5.0;
/// Seconds that are waited at most, if nothing else is said.
const IDLE_LIMIT: f64 = 2.0;

/// What is to happen after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It goes on.
    Go,
    /// The person leaves.
    Quit,
    /// The person goes back to the shell for a while.
    Suspend,
}

/// A recording in the player.
#[derive(Debug)]
pub struct Loaded {
    /// The recording.
    pub film: Film,
    /// What it is called.
    pub title: String,
    /// What happened in the run, and marks of the recording itself.
    pub marks: Vec<Mark>,
    /// What of it could not be read, in words.
    broken: Option<String>,
}

/// What takes its time: it goes on in pieces, and esc stops it.
#[derive(Debug)]
enum UnderWay {
    Search(Scout),
    Journey(Journey),
}

/// The player.
#[derive(Debug)]
pub struct Player<'a> {
    dir: &'a Path,
    sources: &'a [Source],
    /// Which of the sources is loaded.
    pub at: usize,
    /// What is loaded.
    pub loaded: Loaded,
    /// Whether it moves.
    pub playing: bool,
    /// How much faster than it was recorded.
    pub speed: f64,
    /// Seconds that are waited at most.
    pub idle_limit: f64,
    /// Whether they are.
    pub skips_idle: bool,
    /// What is searched for, while it is typed.
    pub typing: Option<String>,
    /// The last search.
    searched: String,
    /// What takes its time.
    under_way: Option<UnderWay>,
    /// Whether the keys are explained.
    pub helps: bool,
    /// Words at the bottom until the next key.
    pub said: Option<String>,
}

impl<'a> Player<'a> {
    /// Begins with the first of the sources.
    pub fn new(
        dir: &'a Path,
        sources: &'a [Source],
        speed: f64,
        idle_limit: Option<f64>,
    ) -> Result<Player<'a>, Failure> {
        let first = sources.first().ok_or_else(|| Failure::new("there is no recording"))?;
        let (loaded, own_limit) = load(dir, first)?;
        let said = loaded.broken.clone();
        Ok(Player {
            dir,
            sources,
            at: 0,
            loaded,
            playing: true,
            speed: speed.clamp(*SPEEDS.start(), *SPEEDS.end()),
            idle_limit: idle_limit.or(own_limit).unwrap_or(IDLE_LIMIT),
            skips_idle: true,
            typing: None,
            searched: String::new(),
            under_way: None,
            helps: false,
            said,
        })
    }

    /// How many sources there are.
    pub fn count(&self) -> usize {
        self.sources.len()
    }

    /// Seconds until the screen changes by itself; none if it does not.
    pub fn wait(&self) -> Option<f64> {
        if !self.playing || self.under_way.is_some() {
            return None;
        }
        Some(self.loaded.film.wait(self.limit())? / self.speed)
    }

    /// Lets so many seconds pass. Whether the picture changed, its time aside.
    pub fn pass(&mut self, seconds: f64) -> bool {
        if !self.playing || self.under_way.is_some() {
            return false;
        }
        let limit = self.limit();
        let changed = self.loaded.film.advance(seconds * self.speed, limit);
        self.playing = !self.loaded.film.is_over();
        changed
    }

    /// Does what a key says.
    pub fn press(&mut self, key: KeyEvent) -> Next {
        self.said = None;
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('c') => return Next::Quit,
                KeyCode::Char('z') => return Next::Suspend,
                _ => {}
            }
        }
        if self.helps {
            let leaves = matches!(key.code, KeyCode::Esc | KeyCode::Enter | KeyCode::Char('?' | 'q'));
            self.helps = !leaves;
            return Next::Go;
        }
        if key.code == KeyCode::Esc && self.under_way.take().is_some() {
            return Next::Go;
        }
        if self.typing.is_some() {
            self.type_search(key.code);
            return Next::Go;
        }
        if matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
            return Next::Quit;
        }
        self.act(key);
        Next::Go
    }

    fn act(&mut self, key: KeyEvent) {
        let shift = key.modifiers.contains(KeyModifiers::SHIFT);
        // Several arrows in a row add up, however long the way is.
        let now = match &self.under_way {
            Some(UnderWay::Journey(journey)) => journey.to(),
            _ => self.loaded.film.now(),
        };
        match key.code {
            KeyCode::Char(' ') => self.toggle(),
            KeyCode::Char('[') => self.change_speed(0.5),
            KeyCode::Left if shift => self.change_speed(0.5),
            KeyCode::Char(']') => self.change_speed(2.0),
            KeyCode::Right if shift => self.change_speed(2.0),
            KeyCode::Left => self.go(now - LEAP),
            KeyCode::Right => self.go(now + LEAP),
            KeyCode::Home => self.go(0.0),
            KeyCode::End => self.go(f64::MAX),
            KeyCode::Char('?') => self.helps = true,
            KeyCode::Char('.') => {
                self.under_way = None;
                self.playing = false;
                self.loaded.film.step();
            }
            KeyCode::Char(digit @ '0'..='9') => {
                let tenths = f64::from(u32::from(digit) - u32::from('0'));
                self.go(self.loaded.film.length() * tenths / 10.0);
            }
            KeyCode::Char('/') => self.typing = Some(String::new()),
            KeyCode::Char('n') => self.search(),
            KeyCode::Char('i') => self.skips_idle = !self.skips_idle,
            KeyCode::Tab => self.change_source(1),
            KeyCode::BackTab => self.change_source(self.sources.len().saturating_sub(1)),
            _ => {}
        }
    }

    /// Sets out for a moment.
    fn go(&mut self, to: f64) {
        let film = &self.loaded.film;
        match &mut self.under_way {
            Some(UnderWay::Journey(journey)) => journey.turn(to, film),
            other => *other = Some(UnderWay::Journey(film.journey(to))),
        }
    }

    fn limit(&self) -> Option<f64> {
        self.skips_idle.then_some(self.idle_limit)
    }

    /// Plays or stops; at the end it plays again.
    fn toggle(&mut self) {
        if self.loaded.film.is_over() {
            self.under_way = None;
            self.loaded.film.seek(0.0);
            self.playing = true;
        } else {
            self.playing = !self.playing;
        }
    }

    fn change_speed(&mut self, by: f64) {
        self.speed = (self.speed * by).clamp(*SPEEDS.start(), *SPEEDS.end());
    }

    fn type_search(&mut self, key: KeyCode) {
        let Some(text) = &mut self.typing else { return };
        match key {
            KeyCode::Char(c) => text.push(c),
            KeyCode::Backspace if text.is_empty() => self.typing = None,
            KeyCode::Backspace => drop(text.pop()),
            KeyCode::Esc => self.typing = None,
            KeyCode::Enter => {
                if !text.is_empty() {
                    self.searched = std::mem::take(text);
                }
                self.typing = None;
                self.search();
            }
            _ => {}
        }
    }

    /// Goes to where the text is next seen, and stops there.
    fn search(&mut self) {
        if self.searched.is_empty() {
            self.said = Some("nothing was searched for yet: / and a text".to_owned());
            return;
        }
        self.under_way = Some(UnderWay::Search(self.loaded.film.scout(&self.searched)));
    }

    /// Whether something takes its time: then [`Player::work_on`] is to be called.
    pub fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    /// Goes on with what takes its time, for about so long; whether the picture changed.
    pub fn work_on(&mut self, time: Duration) -> bool {
        match &mut self.under_way {
            None => return false,
            Some(UnderWay::Journey(journey)) => {
                if !journey.run(&mut self.loaded.film, time) {
                    return true;
                }
            }
            Some(UnderWay::Search(scout)) => {
                let before = scout.percent();
                match scout.run(time) {
                    Found::NotYet => return scout.percent() != before,
                    Found::Here(film) => {
                        self.loaded.film = *film;
                        self.playing = false;
                    }
                    Found::Never => {
                        self.said = Some(format!("{} does not come up any more", self.searched));
                    }
                }
            }
        }
        self.under_way = None;
        true
    }

    /// What the bottom line says instead of the title.
    pub fn words(&self) -> Option<String> {
        let (doing, percent) = match &self.under_way {
            None => return self.said.clone(),
            Some(UnderWay::Search(scout)) => ("searching", scout.percent()),
            Some(UnderWay::Journey(journey)) => ("on the way", journey.percent(&self.loaded.film)),
        };
        Some(format!("{doing}, {percent} %: esc stops"))
    }

    fn change_source(&mut self, by: usize) {
        let at = (self.at + by) % self.sources.len().max(1);
        if at == self.at {
            return;
        }
        let Some(source) = self.sources.get(at) else { return };
        match load(self.dir, source) {
            Ok((loaded, _)) => {
                (self.at, self.loaded, self.playing) = (at, loaded, true);
                self.under_way = None;
                self.said.clone_from(&self.loaded.broken);
            }
            Err(error) => self.said = Some(shown(&error.text)),
        }
    }
}

/// Reads a recording and what belongs to it; also how long it wants to be waited.
fn load(dir: &Path, source: &Source) -> Result<(Loaded, Option<f64>), Failure> {
    let tape = source.load(dir)?;
    let mut marks = source.marks(dir, &tape)?;
    let (limit, missing) = (tape.header.idle_limit, tape.missing);
    let title = match (&source.session, &tape.header.title) {
        (None, Some(title)) => title.clone(),
        _ => source.title.clone(),
    };
    let broken = broken(&tape.broken);
    let film = Film::new(tape);
    marks.extend(broken.clone().map(|text| Mark { time: 0.0, text, own: true }));
    if missing > 0 {
        let text = format!("{} of the output not kept any more", counted(missing, "byte"));
        marks.push(Mark { time: 0.0, text, own: true });
    }
    marks.extend(film.marks().map(|(time, text)| Mark {
        time,
        text: shown(text).replace('\n', " "),
        own: true,
    }));
    marks.sort_by(|a, b| a.time.total_cmp(&b.time));
    Ok((Loaded { film, title: shown(&title).replace('\n', " "), marks, broken }, limit))
}

/// What of a recording could not be read; none if there is nothing of the kind.
pub fn broken(broken: &Broken) -> Option<String> {
    let (line, reason) = broken.first.as_ref()?;
    let left_out = counted(broken.count, "line");
    let first = if broken.count > 1 { "the first is " } else { "" };
    Some(shown(&format!("{left_out} left out, {first}line {line}: {reason}")).replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast(dir: &Path, name: &str, lines: &str) -> Source {
        let path = dir.join(name);
        let header = "{\"version\": 2, \"width\": 20, \"height\": 4, \"title\": \"t\\u001b[31m\"}";
        std::fs::write(&path, format!("{header}\n{lines}\n")).unwrap();
        Source { path, title: name.to_owned(), session: None }
    }

    fn press(player: &mut Player<'_>, keys: &str) {
        for key in keys.chars() {
            let code = match key {
                '\n' => KeyCode::Enter,
                '<' => KeyCode::Left,
                '>' => KeyCode::Right,
                '\t' => KeyCode::Tab,
                key => KeyCode::Char(key),
            };
            assert_eq!(player.press(KeyEvent::from(code)), Next::Go, "{key:?}");
            while player.is_busy() {
                player.work_on(Duration::from_millis(1));
            }
        }
    }

    #[test]
    fn keys_do_what_the_bottom_line_says() {
        let dir = tempfile::tempdir().unwrap();
        let one = cast(
            dir.path(),
            "one.cast",
            "[10, \"o\", \"one\"]\n[50, \"o\", \" two\"]\n[100, \"o\", \" end\"]",
        );
        let other = cast(dir.path(), "other.cast", "[1, \"o\", \"other\"]");
        let sources = [one, other];
        let mut player = Player::new(dir.path(), &sources, 1.0, None).unwrap();
        assert_eq!(player.loaded.title, "t", "a title can't act on the terminal");
        press(&mut player, ">>");
        assert_eq!(player.loaded.film.now(), 10.0);
        press(&mut player, "<");
        assert_eq!(player.loaded.film.now(), 5.0);
        press(&mut player, "5");
        assert_eq!(player.loaded.film.now(), 50.0);
        press(&mut player, "]]");
        assert_eq!(player.speed, 4.0);
        press(&mut player, "[");
        player.press(KeyEvent::new(KeyCode::Left, KeyModifiers::SHIFT));
        assert_eq!(player.speed, 1.0);
        press(&mut player, "0/TWO\n");
        assert_eq!((player.loaded.film.now(), player.playing), (50.0, false));
        press(&mut player, "n");
        assert!(player.said.as_ref().unwrap().contains("does not come up"));
        press(&mut player, ".");
        assert_eq!((player.loaded.film.now(), player.said.clone()), (100.0, None));
        press(&mut player, " ");
        assert_eq!((player.loaded.film.now(), player.playing), (0.0, true), "at the end it plays again");
        press(&mut player, "\t");
        assert_eq!((player.at, player.loaded.film.length()), (1, 1.0));
        press(&mut player, "\t");
        assert_eq!(player.at, 0);
        assert_eq!(player.press(KeyEvent::from(KeyCode::Char('q'))), Next::Quit);
        let ctrl = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
        assert_eq!((player.press(ctrl('c')), player.press(ctrl('z'))), (Next::Quit, Next::Suspend));
    }

    #[test]
    fn a_long_search_goes_on_in_pieces_shows_how_far_it_is_and_is_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let lines: Vec<String> = (0..3_000).map(|at| format!("[{at}, \"o\", \"line {at}\\r\\n\"]")).collect();
        let sources = [cast(dir.path(), "s.cast", &lines.join("\n"))];
        let mut player = Player::new(dir.path(), &sources, 1.0, None).unwrap();
        let key = |code| KeyEvent::from(code);
        let begin = |player: &mut Player<'_>| {
            for code in [KeyCode::Char('/'), KeyCode::Char('X'), KeyCode::Enter] {
                assert_eq!(player.press(key(code)), Next::Go);
            }
        };
        begin(&mut player);
        let mut told = Vec::new();
        while player.is_busy() {
            told.extend(player.words());
            player.work_on(Duration::from_micros(200));
        }
        told.dedup();
        assert!(told.len() > 5 && told[0] == "searching, 0 %: esc stops", "{told:?}");
        assert!(player.words().unwrap().contains("does not come up"));
        begin(&mut player);
        player.work_on(Duration::from_micros(200));
        assert_eq!(player.press(key(KeyCode::Esc)), Next::Go, "esc stops the search and no more");
        assert_eq!((player.is_busy(), player.words()), (false, None));
        assert_eq!(player.press(key(KeyCode::Esc)), Next::Quit);
    }

    #[test]
    fn time_passes_by_speed_and_idle_limit() {
        let dir = tempfile::tempdir().unwrap();
        let sources = [cast(dir.path(), "s.cast", "[10, \"o\", \"one\"]\n[50, \"o\", \" two\"]")];
        let mut player = Player::new(dir.path(), &sources, 4.0, None).unwrap();
        assert_eq!(player.wait(), Some(0.5), "two seconds at four times the speed");
        assert!(player.pass(0.5));
        assert_eq!(player.loaded.film.now(), 10.0);
        press(&mut player, "i");
        assert_eq!(player.wait(), Some(10.0));
        assert!(!player.pass(1.0));
        assert_eq!(player.loaded.film.now(), 14.0);
        press(&mut player, " ");
        assert!(!player.pass(1.0));
        assert_eq!((player.wait(), player.loaded.film.now()), (None, 14.0));
        press(&mut player, " ");
        assert!(player.pass(60.0));
        assert!(!player.playing, "the end is the end");
    }

    #[test]
    fn a_source_that_is_broken_is_told_and_the_other_stays() {
        let dir = tempfile::tempdir().unwrap();
        let sources = [
            cast(dir.path(), "good.cast", "[1, \"o\", \"x\"]"),
            cast(dir.path(), "bad.cast", "[1, \"o\"]"),
            cast(dir.path(), "torn.cast", "[1, \"o\", \"x\"]\n[2, \"o\"]\n[3]\n[4, \"o\", \"y\"]"),
        ];
        let mut player = Player::new(dir.path(), &sources, 1.0, Some(9.0)).unwrap();
        press(&mut player, "\t");
        assert!(player.said.as_ref().unwrap().contains("bad.cast:2: "), "{:?}", player.said);
        assert_eq!((player.at, player.idle_limit), (0, 9.0));
        // What is readable of another is played, and the rest is told until a key is pressed.
        player.press(KeyEvent::from(KeyCode::BackTab));
        let told = player.said.clone().unwrap();
        assert!(told.starts_with("2 lines left out, the first is line 3: it is no event"), "{told}");
        assert_eq!((player.at, player.loaded.film.length()), (2, 4.0));
        assert!(player.loaded.marks[0].text.starts_with("2 lines left out"), "and among what happened");
        press(&mut player, " ");
        assert_eq!(player.words(), None);
        press(&mut player, " ");
        press(&mut player, "\t");
        assert_eq!((player.at, player.said.clone()), (0, None));
    }

    #[test]
    fn a_long_way_is_gone_in_pieces_shows_how_far_it_is_and_is_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let lines: Vec<String> = (0..3_000).map(|at| format!("[{at}, \"o\", \"line {at}\\r\\n\"]")).collect();
        let sources = [cast(dir.path(), "s.cast", &lines.join("\n"))];
        let mut player = Player::new(dir.path(), &sources, 1.0, None).unwrap();
        let key = |code| KeyEvent::from(code);
        let step = Duration::from_nanos(1);
        player.press(key(KeyCode::End));
        let mut told = Vec::new();
        while player.is_busy() {
            told.extend(player.words());
            assert!(player.wait().is_none() && !player.pass(9.0), "it does not play meanwhile");
            player.work_on(step);
        }
        told.dedup();
        assert!(told.len() > 50 && told[0] == "on the way, 0 %: esc stops", "{told:?}");
        assert_eq!(player.loaded.film.now(), 2999.0);
        // Backwards the picture stands until it is there; arrows add up.
        player.press(key(KeyCode::Left));
        player.work_on(step);
        player.press(key(KeyCode::Left));
        assert_eq!(player.loaded.film.now(), 2999.0);
        while player.is_busy() {
            player.work_on(step);
        }
        assert_eq!(player.loaded.film.now(), 2989.0);
        player.press(key(KeyCode::Char('1')));
        player.work_on(step);
        assert_eq!(player.press(key(KeyCode::Esc)), Next::Go, "esc stops the way and no more");
        assert_eq!((player.is_busy(), player.loaded.film.now()), (false, 2989.0));
        assert_eq!(player.press(key(KeyCode::Esc)), Next::Quit);
    }

    #[test]
    fn help_has_the_keys_until_it_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let sources = [cast(dir.path(), "s.cast", "[10, \"o\", \"one\"]")];
        let mut player = Player::new(dir.path(), &sources, 1.0, None).unwrap();
        for closes in [KeyCode::Esc, KeyCode::Char('?'), KeyCode::Char('q'), KeyCode::Enter] {
            press(&mut player, "?5");
            assert!(player.helps && player.loaded.film.now() == 0.0, "{closes:?}");
            assert_eq!(player.press(KeyEvent::from(closes)), Next::Go);
            assert!(!player.helps, "{closes:?}");
        }
        assert_eq!(player.press(KeyEvent::from(KeyCode::Esc)), Next::Quit);
    }
}
