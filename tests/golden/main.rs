//! Screens of real programs, compared cell by cell with those of an independent terminal: tmux.
//!
//! The recordings beside this file were made by `record.sh`. Each is compared at several moments, not only at its end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use loopmon::term::{Cell, CellStyle, Color, Colours, Emulator};

const COLS: u16 = 80;
const ROWS: u16 = 24;
/// Moments at which a recording is compared.
const MOMENTS: usize = 12;

/// What is compared of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    text: String,
    fg: Color,
    bg: Color,
    flags: [bool; 6],
}

impl Seen {
    fn of(text: &str, style: CellStyle) -> Seen {
        // A colour that is not seen is none: tmux forgets that of a blank.
        let blank = text == " ";
        let hidden = blank && !style.underline && !style.inverse && !style.strike;
        let flags = [style.bold, style.dim, style.italic, style.underline, style.inverse, style.strike];
        Seen {
            text: text.to_owned(),
            fg: if hidden { Color::Default } else { style.fg },
            bg: style.bg,
            flags: if blank {
                [false, false, false, style.underline, style.inverse, style.strike]
            } else {
                flags
            },
        }
    }
}

fn cells(emulator: &Emulator) -> Vec<Vec<Seen>> {
    let inverse = (0..ROWS).flat_map(|row| emulator.row(row)).filter(|cell| cell.style.inverse).count();
    // tmux does not know a screen that is reversed as a whole (DECSCNM).
    let reversed = inverse > usize::from(COLS * ROWS / 2);
    let seen = |cell: Cell<'_>| {
        Seen::of(cell.text, CellStyle { inverse: cell.style.inverse ^ reversed, ..cell.style })
    };
    (0..ROWS).map(|row| emulator.row(row).map(seen).collect()).collect()
}

/// A tmux of our own, with one window that shows a file.
struct Tmux {
    dir: tempfile::TempDir,
}

impl Tmux {
    fn start() -> Option<Tmux> {
        Command::new("tmux").arg("-V").output().ok()?;
        let tmux = Tmux { dir: tempfile::tempdir().unwrap() };
        let conf = "set -g default-terminal tmux-256color\nset -g status off\nset -g escape-time 0\nset -g remain-on-exit on\n";
        std::fs::write(tmux.path("conf"), conf).unwrap();
        let size = [COLS.to_string(), ROWS.to_string()];
        tmux.run(&["new-session", "-d", "-s", "main", "-x", &size[0], "-y", &size[1], "sleep 600"]);
        Some(tmux)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, args: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-f", self.path("conf").to_str().unwrap(), "-S", self.path("socket").to_str().unwrap()])
            .args(args)
            .env("LC_ALL", "C.UTF-8")
            .env_remove("TMUX")
            .output()
            .unwrap();
        assert!(output.status.success(), "tmux {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The screen after these bytes.
    fn screen(&self, bytes: &[u8]) -> Vec<Vec<Seen>> {
        let (file, done) = (self.path("bytes"), self.path("done"));
        std::fs::write(&file, bytes).unwrap();
        let _none = std::fs::remove_file(&done);
        let show = format!("stty raw -echo; cat {}; : >{}; sleep 600", file.display(), done.display());
        self.run(&["respawn-window", "-k", "-t", "main", &show]);
        let deadline = Instant::now() + Duration::from_secs(60);
        // It is all read once the shell went on and the screen is the same twice.
        let mut last = String::new();
        loop {
            assert!(Instant::now() < deadline, "tmux does not come to rest");
            std::thread::sleep(Duration::from_millis(30));
            let now = self.run(&["capture-pane", "-p", "-e", "-N", "-t", "main"]);
            if done.exists() && now == last {
                return parse(&now);
            }
            last = now;
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _gone =
            Command::new("tmux").args(["-S", self.path("socket").to_str().unwrap(), "kill-server"]).output();
    }
}

/// Rows of text with SGR in it, read by a parser that knows nothing else.
fn parse(captured: &str) -> Vec<Vec<Seen>> {
    let mut style = CellStyle::default();
    captured.split('\n').take(usize::from(ROWS)).map(|line| parse_line(line, &mut style)).collect()
}

fn parse_line(line: &str, style: &mut CellStyle) -> Vec<Seen> {
    use unicode_segmentation::UnicodeSegmentation;
    use unicode_width::UnicodeWidthStr;

    let (mut row, mut columns, mut rest) = (Vec::new(), 0, line);
    let mut graphic = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("\x1b[") {
            let end = after.find('m').unwrap();
            apply(style, &after[..end]);
            rest = &after[end + 1..];
        } else if let Some(after) = rest.strip_prefix('\x0e') {
            (graphic, rest) = (true, after);
        } else if let Some(after) = rest.strip_prefix('\x0f') {
            (graphic, rest) = (false, after);
        } else {
            let cluster = rest.graphemes(true).next().unwrap();
            columns += cluster.width().clamp(1, 2);
            let shown = if graphic { lines(cluster) } else { cluster };
            row.push(Seen::of(shown, *style));
            rest = &rest[cluster.len()..];
        }
    }
    assert!(columns <= usize::from(COLS), "{line:?}");
    row
}

fn lines(letter: &str) -> &str {
    match letter {
        "j" => "┘",
        "k" => "┐",
        "l" => "┌",
        "m" => "└",
        "n" => "┼",
        "q" => "─",
        "t" => "├",
        "u" => "┤",
        "v" => "┴",
        "w" => "┬",
        "x" => "│",
        "a" => "▒",
        "`" => "◆",
        "f" => "°",
        "g" => "±",
        "~" => "·",
        other => other,
    }
}

fn apply(style: &mut CellStyle, parameters: &str) {
    let mut numbers = parameters.split([';', ':']).map(|number| number.parse::<u16>().unwrap_or(0));
    while let Some(number) = numbers.next() {
        match number {
            0 => *style = CellStyle::default(),
            1 => style.bold = true,
            2 => style.dim = true,
            22 => (style.bold, style.dim) = (false, false),
            3 | 23 => style.italic = number == 3,
            4 | 24 => style.underline = number == 4,
            7 | 27 => style.inverse = number == 7,
            9 | 29 => style.strike = number == 9,
            30..=37 => style.fg = Color::Index((number - 30) as u8),
            40..=47 => style.bg = Color::Index((number - 40) as u8),
            90..=97 => style.fg = Color::Index((number - 82) as u8),
            100..=107 => style.bg = Color::Index((number - 92) as u8),
            38 => style.fg = colour(&mut numbers),
            48 => style.bg = colour(&mut numbers),
            39 => style.fg = Color::Default,
            49 => style.bg = Color::Default,
            _ => {}
        }
    }
}

fn colour(numbers: &mut impl Iterator<Item = u16>) -> Color {
    let mut next = || numbers.next().unwrap_or(0) as u8;
    match next() {
        5 => Color::Index(next()),
        _ => Color::Rgb(next(), next(), next()),
    }
}

fn compare(tmux: &Tmux, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.raw"));
    let bytes = std::fs::read(path).unwrap();
    for moment in 1..=MOMENTS {
        let upto = &bytes[..bytes.len() * moment / MOMENTS];
        let mut emulator = Emulator::new(COLS, ROWS, Colours::default());
        emulator.feed(upto);
        let (ours, theirs) = (cells(&emulator), tmux.screen(upto));
        for (row, (our, their)) in ours.iter().zip(&theirs).enumerate() {
            // tmux leaves blanks at the end of a row out, coloured or not.
            let rest = our.iter().skip(their.len()).find(|cell| cell.text != " ");
            assert_eq!(rest, None, "{name} after {} bytes: row {row}\n{}", upto.len(), emulator.text());
            for (column, (our, their)) in our.iter().zip(their).enumerate() {
                assert_eq!(
                    our,
                    their,
                    "{name} after {} bytes: row {row}, cell {column}\n{}",
                    upto.len(),
                    emulator.text()
                );
            }
        }
    }
}

macro_rules! golden {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            let Some(tmux) = Tmux::start() else {
                // CI has it; a person without it misses only this comparison.
                assert!(std::env::var_os("CI").is_none(), "tmux is missing");
                return;
            };
            compare(&tmux, stringify!($name));
        })*
    };
}

golden!(vim htop less fzf vttest claude codex gemini opencode);
