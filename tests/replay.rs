//! Recordings played: asciinema's own and ours, in a terminal and as text, with what is wrong told at its place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::real::Bench;
use support::tty::Tty;
use support::{LOOPMON, Machine, errors, text};

/// `asciinema rec` of version 2.4 made the one; the other is by the specification of version 3.
const FOREIGN: [&str; 2] = ["asciinema.cast", "version3.cast"];

fn recording(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name);
    path.display().to_string()
}

#[test]
fn what_asciinema_recorded_is_shown_at_any_moment() {
    let machine = Machine::new();
    for name in FOREIGN {
        let file = recording(name);
        let shown = |args: &[&str]| {
            let output = machine.loopmon(&[&["replay", &file], args].concat());
            assert_eq!(output.status.code(), Some(0), "{name}: {}", errors(&output));
            text(&output)
        };
        assert_eq!(shown(&["--print"]), "cleared\nthe end\n", "{name}");
        assert_eq!(shown(&["--at", "0"]), "\n", "{name}");
        assert_eq!(shown(&["--at", "0.1"]), "hello from a shell\n", "{name}");
        let both = "hello from a shell\nwide 漢字 and 👍🏽, \"quotes\" and \\ backslash\n";
        assert_eq!(shown(&["--print", "--at", "0.6"]), both, "{name}");
        assert_eq!(shown(&["--at", "3.5"]), "cleared\n", "{name}");
        assert_eq!(shown(&["--at", "99999"]), "cleared\nthe end\n", "{name}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_file_and_line() {
    let machine = Machine::new();
    let file = machine.path("home/x.cast");
    let header = "{\"version\": 2, \"width\": 20, \"height\": 4}\n";
    let shown = |text: &str| {
        fs::write(&file, text).unwrap();
        machine.loopmon(&["replay", file.to_str().unwrap(), "--print"])
    };
    for (lines, told) in [
        ("[2, \"o\"]\n", "x.cast:2: it is no event"),
        ("\n# a comment\n[1, \"r\", \"0x9\"]\n", "x.cast:4: \"0x9\" is no size"),
        ("[-1, \"o\", \"a\"]\n", "x.cast:2: its time, -1, can't be"),
        ("[1e300, \"o\", \"a\"]\n", "x.cast:2: its time"),
    ] {
        let output = shown(&format!("{header}{lines}"));
        assert_eq!(output.status.code(), Some(1), "{lines}");
        assert!(errors(&output).contains(told), "{told:?} is not in {}", errors(&output));
    }
    let output = shown(&format!("{header}[1, \"o\", \"whole\"]\n[2, \"o\", \"cut o"));
    assert_eq!(
        (output.status.code(), text(&output).as_str()),
        (Some(0), "whole\n"),
        "who writes on is no fault"
    );
    // One bad line costs itself alone, and is told.
    let output = shown(&format!("{header}[1, \"o\", \"a\"]\n[2, \"o\"]\n[3, \"o\", \"b\"]\n"));
    assert_eq!((output.status.code(), text(&output).as_str()), (Some(0), "ab\n"));
    let told = errors(&output);
    assert!(told.contains("x.cast: 1 line left out, line 3: it is no event"), "{told}");
    let told = errors(&shown("{\"version\": 1}\n"));
    assert!(told.contains("x.cast:1: its version is 1, and 2 and 3 can be read"), "{told}");
    let told = errors(&shown("{\"version\": 2, \"width\": 0, \"height\": 4}\n"));
    assert!(told.contains("x.cast:1: its width, 0, is no number from 1"), "{told}");
    let output = machine.loopmon(&["replay", "no/such.cast"]);
    assert!(
        errors(&output).contains("there is no file, run, task or session no/such.cast"),
        "{}",
        errors(&output)
    );
    let output = machine.loopmon(&["replay", &recording("asciinema.cast")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("--print"), "{}", errors(&output));
    for wrong in ["0", "-1", "nan", "inf", "x"] {
        assert_eq!(machine.loopmon(&["replay", "x", "--speed", wrong]).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn keys_move_it_and_the_terminal_comes_back() {
    let machine = Machine::new();
    for name in FOREIGN {
        let args = ["replay", &recording(name), "--speed", "0.0625"];
        let mut tty = Tty::open(LOOPMON, &args, &machine.path("home"), &machine.env(), (110, 20));
        tty.wait("0:00 / 0:03");
        tty.type_text(" ");
        tty.wait("‖");
        tty.type_text(".");
        tty.wait("hello from a shell");
        tty.type_text(".");
        tty.wait("漢字 and 👍🏽");
        tty.type_text("/THE END\r");
        tty.wait("the end");
        tty.wait("0:03 / 0:03");
        tty.type_text("n");
        tty.wait("does not come up any more");
        tty.type_text("\x1b[D");
        tty.wait_gone("the end");
        tty.type_text("9");
        tty.wait("cleared");
        tty.type_text("]]");
        tty.wait("0.25x");
        tty.type_text("i");
        tty.wait_gone("idle ≤");
        // `[` and an arrow with the shift key do the same.
        tty.type_text("\x1b[1;2D");
        tty.wait("0.125x");
        tty.type_text("q");
        assert_eq!(tty.ended(), 0);
        let written = String::from_utf8_lossy(&tty.written()).into_owned();
        assert!(written.ends_with("\x1b[?1049l"), "{written:?}");
        assert!(!written.contains("a title"), "a recording's own sequences don't reach the terminal");
    }
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let machine = Machine::new();
    let args = ["replay", &recording("asciinema.cast")];
    let mut tty = Tty::open(LOOPMON, &args, &machine.path("home"), &machine.env(), (80, 24));
    tty.wait("0:00 / 0:03");
    tty.signal(rustix::process::Signal::TERM);
    assert_eq!(tty.ended(), 128 + 15);
    assert!(String::from_utf8_lossy(&tty.written()).ends_with("\x1b[?1049l"));
}

#[test]
fn hostile_recordings_draw_and_do_no_more() {
    let machine = Machine::new();
    let file = machine.path("home/evil.cast");
    let evil = "\\u001b]52;c;ZXZpbA==\\u0007\\u001b]0;evil\\u0007\\u001b[?1003h\\u001b[6n\\u009b31m\\u202eevil\\u001bP+q544e\\u001b\\\\";
    let lines = format!(
        "{{\"version\": 2, \"width\": 10000, \"height\": 10000, \"title\": \"t\\u001b]0;evil\\u0007\"}}\n\
         [0.1, \"o\", \"{evil}\"]\n[0.2, \"m\", \"mark\\u001b[31m\"]\n[0.3, \"r\", \"1x1\"]\n[0.4, \"o\", \"{evil}\"]\n"
    );
    fs::write(&file, lines).unwrap();
    let mut tty =
        Tty::open(LOOPMON, &["replay", "evil.cast"], &machine.path("home"), &machine.env(), (60, 9));
    tty.wait("■ 0:00 / 0:00");
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
    let written = String::from_utf8_lossy(&tty.written()).into_owned();
    for bad in ["\x1b]", "\x1bP", "1003h", "[6n", "\u{9b}", "\u{202e}"] {
        assert!(!written.contains(bad), "{bad:?} reached the terminal");
    }
}

#[test]
fn sessions_are_listed_and_played_with_what_happened_beside_them() {
    let mut bench = Bench::new();
    let script = "printf 'first\\n'; sleep 0.3; printf 'last \\033[31mred\\033[0m\\n'; echo x > x.txt";
    bench.agent("worker", script);
    bench.ready("", "[[gates]]\nname = \"gated\"\ncommand = \"echo checked; test -e x.txt\"\n");
    let project = bench.project().display().to_string();
    bench.loopmon(&["replay"]).says("there is no recording yet");
    bench.run(&bench.one_task()).code(0);
    let list = bench.loopmon(&["replay", "--list"]).code(0);
    let line = |what: &str| {
        list.out.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{}", list.out))
    };
    assert!(line("SESSION").contains("LENGTH"));
    assert!(line("implement").contains("T1") && line("implement").contains("worker"));
    assert!(line("gated").contains("gate"));
    let session = line("implement").split_whitespace().next().unwrap().to_owned();
    let last = "first\nlast red\n";
    bench.loopmon(&["replay", &session, "--print"]).code(0).says(last);
    bench.loopmon(&["replay", "T1", "--print"]).code(0).says(last).says("checked").says("── T1 · gated");
    let run = session.rsplit_once("-e").unwrap().0.to_owned();
    bench.loopmon(&["replay", &run, "--print"]).code(0).says(last);
    bench.loopmon(&["replay", "T9", "--print"]).code(1).says("T9");

    let args = ["-C", &project, "replay", &session, "--speed", "0.0625"];
    let mut tty = Tty::open(LOOPMON, &args, &bench.project(), &bench.machine.env(), (170, 30));
    tty.wait("T1 · implement by worker · round 1");
    tty.wait("worker implements (round 1)");
    tty.type_text("\x1b[F");
    tty.wait("last red");
    tty.wait("worker: done");
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
    // Without a name it is the whole run, session by session.
    let mut tty = Tty::open(LOOPMON, &["replay"], &bench.project(), &bench.machine.env(), (120, 30));
    let screen = tty.wait(" · 1 of ");
    tty.type_text("\t");
    tty.wait(" · 2 of ");
    assert!(!screen.contains(" · 2 of "));
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
}
