//! The past of a full-screen program: the screens that it showed, from its recording.
//!
//! A screen is kept where the program rested, and now and then while it did not. Not for programs that print lines (`lines`
//! has those). Invariants: what is kept is bounded, however long the recording is; reading ends soon after nobody wants it
//! any more.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Meter;
use crate::model::Timestamp;
use crate::record::{self, Event, Kind, RecordError};
use crate::term::{Cell, CellStyle, Color, Colours, Emulator, Underline};
use crate::ui::{Reel, Still};

/// Seconds without output after which a program rests.
const REST: f64 = 0.25;
/// Seconds between two screens at least.
const LEAST: f64 = 0.5;
/// Seconds of output after which one is kept though the program does not rest.
const MOST: f64 = 2.0;
/// Screens that are kept at most.
const STILLS: usize = 4_000;
/// Bytes of them.
const BYTES: usize = 64 << 20;
/// Screens at the end that are not thinned out.
const FRESH: usize = 200;

/// Reads a recording. `progress` hears of hundredths; `None` when it was told to stop.
pub fn develop(
    recording: &Path,
    stop: &AtomicBool,
    progress: impl FnMut(u8),
) -> Result<Option<Reel>, RecordError> {
    let older = record::rotated(recording);
    let paths = [Some(older.as_path()).filter(|path| path.exists()), Some(recording)];
    let (mut camera, mut meter) = (None, Meter::new(recording, progress));
    for path in paths.into_iter().flatten() {
        let (header, events) = record::read(path)?;
        let begun = header.timestamp.and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(0) * 1000;
        let camera = camera.get_or_insert_with(|| Camera::new(header.cols, header.rows, begun));
        camera.take(&resized(header.cols, header.rows, camera.last));
        for event in events {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            meter.read(&event.data);
            camera.take(&event);
        }
    }
    Ok(camera.map(Camera::finish))
}

fn resized(cols: u16, rows: u16, time: f64) -> Event {
    Event { time, kind: Kind::Resize, data: format!("{cols}x{rows}") }
}

/// A terminal whose screen is photographed.
struct Camera {
    emulator: Emulator,
    /// Milliseconds since 1970 at the beginning.
    begun: i64,
    stills: Vec<Still>,
    bytes: usize,
    /// Whether anything was printed since the last picture.
    dirty: bool,
    /// Seconds at the last event, and at the last picture.
    last: f64,
    taken: f64,
}

impl Camera {
    fn new(cols: u16, rows: u16, begun: i64) -> Camera {
        let emulator = Emulator::with_history(cols, rows, Colours::default(), 0);
        Camera { emulator, begun, stills: Vec::new(), bytes: 0, dirty: false, last: 0.0, taken: 0.0 }
    }

    fn take(&mut self, event: &Event) {
        let rest = event.time - self.last;
        let rested = rest >= LEAST || (rest >= REST && self.last - self.taken >= LEAST);
        if self.dirty && (rested || event.time - self.taken >= MOST) {
            self.shoot();
        }
        match event.kind {
            Kind::Output => {
                self.emulator.feed(event.data.as_bytes());
                // Nobody is there who would hear them.
                drop((self.emulator.take_replies(), self.emulator.take_events()));
                self.dirty = true;
            }
            Kind::Resize => {
                let size = event.data.split_once('x');
                let size = size.and_then(|(cols, rows)| Some((cols.parse().ok()?, rows.parse().ok()?)));
                size.into_iter().for_each(|(cols, rows)| self.emulator.resize(cols, rows));
            }
            Kind::Input | Kind::Marker | Kind::Other => {}
        }
        self.last = event.time.max(self.last);
    }

    fn shoot(&mut self) {
        if self.emulator.is_synchronized() {
            return;
        }
        (self.dirty, self.taken) = (false, self.last);
        let screen = picture(&self.emulator);
        if self.stills.last().is_some_and(|still| *still.screen == *screen) {
            return;
        }
        let (cols, rows) = self.emulator.size();
        let text = self.emulator.text();
        self.bytes += screen.len() + text.len();
        let at = Timestamp(self.begun + (self.last * 1000.0) as i64);
        self.stills.push(Still { at, cols, rows, screen: screen.into(), text: text.into() });
        if self.stills.len() > STILLS || self.bytes > BYTES {
            self.thin_out();
        }
    }

    /// Keeps every second of the older ones.
    fn thin_out(&mut self) {
        let old = self.stills.len().saturating_sub(FRESH);
        let mut at = 0;
        self.stills.retain(|_| {
            at += 1;
            at > old || at % 2 == 0
        });
        self.bytes = self.stills.iter().map(|still| still.screen.len() + still.text.len()).sum();
    }

    fn finish(mut self) -> Reel {
        if self.dirty {
            self.shoot();
        }
        Reel { stills: self.stills }
    }
}

/// What brings an empty terminal of the same size to show the same, made from the cells alone.
fn picture(emulator: &Emulator) -> Vec<u8> {
    let (_, rows) = emulator.size();
    let mut out = Vec::new();
    for row in 0..rows {
        draw_row(emulator.row(row), row, &mut out);
    }
    match emulator.cursor() {
        Some((column, row)) => out.extend(format!("\x1b[m\x1b[{};{}H", row + 1, column + 1).into_bytes()),
        None => out.extend(b"\x1b[m\x1b[?25l"),
    }
    out
}

fn draw_row<'c>(cells: impl Iterator<Item = Cell<'c>>, row: u16, out: &mut Vec<u8>) {
    let (mut style, mut link) = (CellStyle::default(), None);
    let mut begun = false;
    let (mut column, mut drawn) = (0, 0);
    for cell in cells {
        let is_blank = cell.text == " " && cell.style == CellStyle::default() && cell.link.is_none();
        let at = column;
        column += u16::from(cell.width.max(1));
        if is_blank {
            continue;
        }
        if !begun || drawn != at {
            out.extend(format!("\x1b[{};{}H", row + 1, at + 1).into_bytes());
            begun = true;
        }
        if cell.style != style {
            style = cell.style;
            write_style(style, out);
        }
        if cell.link != link {
            link = cell.link;
            out.extend(format!("\x1b]8;;{}\x1b\\", link.unwrap_or_default()).into_bytes());
        }
        out.extend(cell.text.as_bytes());
        drawn = column;
    }
    if link.is_some() {
        out.extend(b"\x1b]8;;\x1b\\");
    }
    if style != CellStyle::default() {
        out.extend(b"\x1b[m");
    }
}

fn write_style(style: CellStyle, out: &mut Vec<u8>) {
    out.extend(b"\x1b[0");
    for (is_set, number) in [
        (style.bold, 1),
        (style.dim, 2),
        (style.italic, 3),
        (style.blink, 5),
        (style.inverse, 7),
        (style.conceal, 8),
        (style.strike, 9),
        (style.overline, 53),
    ] {
        if is_set {
            out.extend(format!(";{number}").into_bytes());
        }
    }
    if style.underline {
        let kind = match style.underline_kind {
            Underline::Plain => 1,
            Underline::Double => 2,
            Underline::Curly => 3,
            Underline::Dotted => 4,
            Underline::Dashed => 5,
        };
        out.extend(format!(";4:{kind}").into_bytes());
    }
    for (colour, number) in [(style.fg, 38), (style.bg, 48), (style.underline_colour, 58)] {
        match colour {
            Color::Default => {}
            Color::Index(index) => out.extend(format!(";{number};5;{index}").into_bytes()),
            Color::Rgb(r, g, b) => out.extend(format!(";{number};2;{r};{g};{b}").into_bytes()),
        }
    }
    out.push(b'm');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn developed(lines: &[String]) -> Reel {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.cast");
        let header = "{\"version\": 2, \"width\": 20, \"height\": 3, \"timestamp\": 1000}";
        std::fs::write(&path, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
        develop(&path, &AtomicBool::new(false), |_| {}).unwrap().unwrap()
    }

    fn output(time: f64, text: &str) -> String {
        serde_json::to_string(&(time, "o", text)).unwrap()
    }

    #[test]
    fn screens_are_kept_where_the_program_rested_each_once() {
        let lines = [
            output(1.0, "\x1b[?1049h\x1b[Hone"),
            output(1.1, " and"),
            output(1.2, " more"),
            output(1.5, " still"),
            output(1.9, "\x1b[2J\x1b[Hshort"),
            output(9.0, "\x1b[2J\x1b[Htwo"),
            output(20.0, "\x1b[2J\x1b[Htwo"),
            "[30, \"r\", \"30x4\"]".to_owned(),
            output(30.0, "\x1b[2J\x1b[H\x1b[31mthree"),
        ];
        let reel = developed(&lines);
        let told: Vec<_> = reel.stills.iter().map(|still| (&*still.text, still.at.0, still.cols)).collect();
        assert_eq!(
            told,
            [
                ("one and more", 1_001_200, 20),
                ("short", 1_001_900, 20),
                ("two", 1_009_000, 20),
                ("three", 1_030_000, 30)
            ]
        );
    }

    #[test]
    fn a_program_that_never_rests_is_seen_now_and_then_and_not_without_end() {
        let lines: Vec<String> =
            (0..60_000).map(|tenth| output(f64::from(tenth) / 10.0, &format!("\x1b[Hat {tenth}"))).collect();
        let reel = developed(&lines);
        assert!((1_000..=STILLS).contains(&reel.stills.len()), "{}", reel.stills.len());
        let gaps = reel.stills.windows(2).map(|pair| pair[1].at.since(pair[0].at));
        assert!(gaps.max().unwrap() < 20_000);
        assert_eq!(&*reel.stills.last().unwrap().text, "at 59999");
    }

    #[test]
    fn who_is_told_to_stop_stops() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.cast");
        let header = "{\"version\": 2, \"width\": 20, \"height\": 3}";
        std::fs::write(&path, format!("{header}\n{}\n", output(1.0, "x"))).unwrap();
        assert!(develop(&path, &AtomicBool::new(true), |_| {}).unwrap().is_none());
        assert!(develop(&dir.path().join("none"), &AtomicBool::new(false), |_| {}).is_err());
    }

    #[test]
    fn progress_goes_up_to_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.cast");
        let lines: Vec<String> =
            (0..2_000).map(|at| output(f64::from(at), "\x1b[32mthe quick\x1b[m brown fox\r\n")).collect();
        std::fs::write(
            &path,
            format!("{{\"version\": 2, \"width\": 20, \"height\": 3}}\n{}\n", lines.join("\n")),
        )
        .unwrap();
        let mut told = Vec::new();
        develop(&path, &AtomicBool::new(false), |percent| told.push(percent)).unwrap();
        assert!(told.is_sorted() && told.len() > 80, "{told:?}");
    }

    proptest! {
        #[test]
        fn a_picture_shows_what_the_screen_showed(pieces in prop::collection::vec(piece(), 0..60)) {
            let mut emulator = Emulator::with_history(17, 5, Colours::default(), 0);
            pieces.iter().for_each(|piece| emulator.feed(piece.as_bytes()));
            let mut again = Emulator::with_history(17, 5, Colours::default(), 0);
            again.feed(b"\x1b[?1049h");
            again.feed(&picture(&emulator));
            for row in 0..5 {
                let cells = |emulator: &Emulator| {
                    let cell = |cell: Cell<'_>| (cell.text.to_owned(), cell.width, cell.style, cell.link.map(str::to_owned));
                    emulator.row(row).map(cell).collect::<Vec<_>>()
                };
                prop_assert_eq!(cells(&again), cells(&emulator), "row {}", row);
            }
            prop_assert_eq!(again.cursor(), emulator.cursor());
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z ]{1,12}",
            Just("漢字".to_owned()),
            Just("e\u{301}👍🏽".to_owned()),
            Just("\r\n".to_owned()),
            (1_u16..6, 1_u16..18).prop_map(|(row, col)| format!("\x1b[{row};{col}H")),
            prop::sample::select(vec![
                "\x1b[m",
                "\x1b[1;31m",
                "\x1b[2;44m",
                "\x1b[4:3;58:2::1:2:3m",
                "\x1b[7;9m",
                "\x1b[38;2;9;8;7m",
                "\x1b[K",
                "\x1b[?25l",
                "\x1b[?25h",
                "\x1b]8;;https://a.b\x1b\\",
                "\x1b]8;;\x1b\\",
                "\x1b[5;53m",
                "\x1b[2J",
            ])
            .prop_map(str::to_owned),
        ]
    }
}
