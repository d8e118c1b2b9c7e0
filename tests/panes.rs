//! What programs in terminals do beside their screens, as a person at a real terminal meets it: text for the clipboard,
//! notifications, links, the past of a full-screen program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod support;

use std::fs;

use support::real::{Bench, Running};
use support::tty::Tty;
use support::{LOOPMON, wait_for};

/// A project with an agent in a terminal that does this, and its run under way.
fn in_a_terminal(does: &str, ui: &str) -> (Bench, Running) {
    let mut bench = Bench::new();
    let path = bench.machine.path("bin/worker").display().to_string();
    let keys = format!("command = [{path:?}]\nmode = \"interactive\"\nprompt = \"file\"");
    bench.agent_with("worker", &keys, "");
    bench.script("worker", &format!("#!/bin/sh\nset -eu\nstty -echo\n{does}\nsleep 600\n"));
    bench.ready("", &format!("[ui]\n{ui}"));
    let run = bench.start(&bench.one_task());
    wait_for("the agent to run", || (!bench.keepers().is_empty()).then_some(()));
    (bench, run)
}

fn open(bench: &Bench, size: (u16, u16)) -> Tty {
    Tty::open(LOOPMON, &[], &bench.project(), &bench.machine.env(), size)
}

fn written(tty: &Tty, wanted: &str) -> bool {
    String::from_utf8_lossy(&tty.written()).contains(wanted)
}

fn leave(mut tty: Tty) {
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
}

/// "from the agent" for the clipboard.
const CLIP: &str =
    "while read word; do printf '\\033]52;c;ZnJvbSB0aGUgYWdlbnQ=\\007wrote %s\\r\\n' \"$word\"; done";

#[test]
fn a_program_s_clipboard_is_offered_and_other_settings_hold_at_once() {
    let (bench, run) = in_a_terminal(&format!("echo ready\n{CLIP}"), "");
    let (mut typist, onlooker) = (open(&bench, (120, 36)), open(&bench, (80, 24)));
    typist.wait("ready");
    onlooker.wait("[1 Tasks]");
    typist.type_text("\rone\r");
    typist.wait("wrote one");
    typist.wait("worker T1 offers 14 characters for your clipboard");
    assert!(!written(&typist, "\x1b]52;"), "nothing is written unasked");
    typist.type_text("\x11C");
    typist.wait("Put 14 characters from worker T1");
    typist.wait("from the agent");
    typist.type_text("y");
    typist.wait("14 characters copied");
    assert!(written(&typist, "\x1b]52;c;ZnJvbSB0aGUgYWdlbnQ=\x1b\\"));
    // The setting is taken up as it is saved.
    let path = bench.project().join("loopmon.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("[ui]\n", "[ui]\nclipboard = \"focused\"\n")).unwrap();
    typist.wait("the settings were read again");
    let before = typist.written().len();
    typist.type_text("\rtwo\r");
    typist.wait("worker T1 put 14 characters into your clipboard");
    assert!(String::from_utf8_lossy(&typist.written()[before..]).contains("\x1b]52;c;"));
    assert!(!written(&onlooker, "\x1b]52;"), "who does not show the pane gets nothing of it");
    typist.type_text("\x11");
    leave(typist);
    leave(onlooker);
    run.kill();
}

#[test]
fn keys_are_told_as_the_program_asked_and_the_terminal_can_tell_them() {
    // It prints what reaches it.
    let reads = "stty raw -echo\nprintf '\\033[>15u\\033=ready'\n\
        while b=$(dd bs=64 count=1 2>/dev/null | od -An -c | tr -d ' \\n'); do printf '\\r\\n<%s>' \"$b\"; done";
    let (bench, run) = in_a_terminal(reads, "");
    let mut tty = open(&bench, (120, 36));
    tty.wait("ready");
    assert!(!written(&tty, "\x1b[=31;1u"), "nobody types into it yet");
    tty.type_text("\r");
    tty.wait_until("what the terminal is asked for", |_| written(&tty, "\x1b[=31;1u\x1b="));
    // As kitty writes them with all its flags.
    for (typed, wanted) in [
        ("\x1b[97;;97u", "<033[97u>"),
        ("\x1b[97;1:3u", "<033[97;1:3u>"),
        ("\x1b[49:33;2;33u", "<033[49:33;2u>"),
        ("\x1b[57404;129;53u", "<033[57404;129u>"),
        ("\x1b[1;2R", "<033[13;2~>"),
        ("\x1b[57441;2u", "<033[57441;2u>"),
        // A key of an old terminal, and ESC by itself.
        ("b", "<033[98u>"),
        ("\x1b", "<033[27u>"),
    ] {
        tty.type_text(typed);
        tty.wait(wanted);
    }
    // Both forms of the key that leads out do so.
    tty.type_text("\x1b[113;5u");
    tty.wait_until("the old ways", |_| written(&tty, "\x1b[=1;1u\x1b>"));
    leave(tty);
    run.kill();
}

#[test]
fn what_an_agent_notifies_is_a_row_until_it_was_seen() {
    let says = "printf '\\033]99;i=1:d=0;Build\\033\\\\\\033]99;i=1:p=body;1 of 2\\033\\\\'\nread word\n\
        printf '\\033]99;i=1;2 of 2\\033\\\\'\nread word\nprintf '\\033]777;notify;Claude;needs \\033you\\007'";
    let (bench, run) = in_a_terminal(says, "");
    let row = wait_for("what it says", || bench.status()["said"].as_array()?.first().cloned());
    assert_eq!((row["text"].as_str(), row["task"].as_str()), (Some("says: Build: 1 of 2"), Some("T1")));
    assert_eq!(bench.status()["attention"].as_array().map(Vec::len), Some(0), "it counts for nothing");
    let mut tty = open(&bench, (120, 36));
    tty.wait("says: Build: 1 of 2");
    tty.wait("1 notice");
    tty.type_text("wX");
    tty.wait_gone("says: Build");
    // Said while it is typed into: the row is gone as soon as it came.
    tty.type_text("\r\r");
    tty.wait("keys go to worker");
    wait_for("the row to be seen", || bench.status()["said"].as_array()?.is_empty().then_some(()));
    tty.type_text("\x11");
    leave(tty);
    run.kill();
}

#[test]
fn a_link_is_opened_by_the_browser_and_a_file_of_the_worktree_by_the_editor() {
    let says = "printf 'go \\033]8;;https://evil.example/$(id)\\007https://good.example\\033]8;;\\007\\r\\n'\n\
        echo text > 'a file.txt'\n\
        printf 'or \\033]8;;file://host%s/a%%20file.txt\\007file\\033]8;;\\007\\r\\n' \"$PWD\"\n\
        printf 'or \\033]8;;file:///etc/passwd\\007secret\\033]8;;\\007\\r\\n'";
    let (bench, run) = in_a_terminal(says, "");
    let told = bench.machine.path("told");
    let tell = |name: &str| {
        let text = format!("#!/bin/sh\nprintf '%s' \"$*\" > {}\n", told.display());
        bench.script(name, &text).display().to_string()
    };
    let mut env = bench.machine.env();
    env.push(("BROWSER".to_owned(), format!("{} --new", tell("browser"))));
    env.push(("VISUAL".to_owned(), tell("editor")));
    let mut tty = Tty::open(LOOPMON, &[], &bench.project(), &env, (120, 36));
    tty.wait("go https://good.example");
    tty.type_text("L");
    tty.wait("leads to evil.example");
    tty.wait("its text names another place: good.example");
    tty.type_text("\r");
    tty.wait("opened with ");
    let heard = |wanted: &str| {
        wait_for(wanted, || fs::read_to_string(&told).ok().filter(|text| text.contains(wanted)))
    };
    assert_eq!(heard("evil"), "--new https://evil.example/$(id)");
    // Where a link leads is drawn before it is opened, however fast the keys come.
    tty.type_text("L\x1b[B");
    tty.wait("file://host");
    tty.type_text("\r");
    assert!(heard("a file.txt").ends_with("/a file.txt"));
    tty.wait("or secret");
    tty.type_text("L\x1b[B\x1b[B");
    tty.wait("file:///etc/passwd");
    tty.type_text("\r");
    tty.wait("lies outside the agent's worktree");
    // By the mouse: the address is on the screen before anything happens.
    let row =
        tty.wait("go https://good").lines().position(|line| line.contains("go https://good")).unwrap() + 1;
    let column = tty.text().lines().nth(row - 1).unwrap().split("https").next().unwrap().chars().count() + 3;
    tty.type_text(&format!("\x1b[<16;{column};{row}M\x1b[<16;{column};{row}m"));
    tty.wait("Open this link?");
    tty.type_text("\x1b");
    tty.wait_gone("Open this link?");
    leave(tty);
    run.kill();
}

#[test]
fn a_full_screen_program_is_scrolled_by_its_recording() {
    let says = "printf '\\033[?1049h'\n\
        for number in 1 2 3 4; do printf '\\033[2J\\033[Hscreen %s of it' $number; sleep 0.8; done\n\
        read word\nprintf '\\033[2J\\033[Hit read %s' \"$word\"";
    let (bench, run) = in_a_terminal(says, "");
    let mut tty = open(&bench, (120, 36));
    tty.wait("screen 4 of it");
    tty.type_text("[");
    tty.wait("pageup shows what it showed earlier");
    tty.type_text("\x1b[5~");
    tty.wait("screen 3 of it");
    tty.wait("\u{2212}00:0");
    tty.type_text("\x1b[5~");
    tty.wait("screen 2 of it");
    tty.type_text("?screen 1\r");
    tty.wait("screen 1 of it");
    tty.type_text("G");
    tty.wait("screen 4 of it");
    // Nothing of it reached the program.
    tty.type_text("\r");
    tty.wait("keys go to worker");
    tty.type_text("hello\r");
    tty.wait("it read hello");
    tty.type_text("\x11");
    leave(tty);
    run.kill();
}

#[test]
fn lines_that_were_forgotten_are_read_on_from_the_recording() {
    let says =
        "awk 'BEGIN { for (n = 0; n < 150000; n++) printf \"printed line number %d\\r\\n\", n }'\necho all";
    let (bench, run) = in_a_terminal(says, "");
    let mut tty = open(&bench, (120, 36));
    tty.wait("printed line number 149999");
    tty.type_text("[");
    tty.wait("SCROLL");
    tty.type_text("g");
    tty.wait_until("the oldest line in memory", |screen| !screen.contains("149999"));
    assert!(!tty.text().contains("line number 0 "), "{}", tty.text());
    tty.type_text("g");
    tty.wait("from the recording");
    tty.wait_until("the first line of all", |screen| {
        screen.lines().any(|line| line.contains("printed line number 0 "))
    });
    tty.type_text("/number 77123$\r");
    tty.wait("printed line number 77124");
    tty.type_text("G");
    tty.wait("printed line number 149999");
    tty.type_text("\x1b");
    tty.wait_gone("/number");
    tty.type_text("\x1b");
    tty.wait_gone("SCROLL");
    leave(tty);
    run.kill();
}
