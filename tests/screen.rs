//! The screen as a person meets it, in a real terminal: the first screen, settings that change under it, the mouse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod support;

use std::fs;
use std::path::Path;

use support::real::Bench;
use support::tty::Tty;
use support::{LOOPMON, Machine, errors, git, text, wait_for};

/// The program in that folder; what it lays out for itself lies on the machine too.
fn open(machine: &Machine, dir: &Path, size: (u16, u16)) -> Tty {
    fs::create_dir_all(machine.path("tmp")).unwrap();
    let mut env = machine.env();
    env.push(("TMPDIR".to_owned(), machine.path("tmp").display().to_string()));
    Tty::open(LOOPMON, &[], dir, &env, size)
}

/// How many folders of demos there are.
fn demos(machine: &Machine) -> usize {
    fs::read_dir(machine.path("tmp")).unwrap().count()
}

#[test]
fn where_there_is_no_repository_the_first_screen_says_what_can_be_done() {
    let machine = Machine::new();
    let dir = machine.path("home");
    for size in [(120, 36), (80, 24), (200, 50)] {
        let mut tty = open(&machine, &dir, size);
        let screen = tty.wait("none here");
        for told in ["demo", "git init", "loopmon init", "loopmon run", "agents", "quit"] {
            assert!(screen.contains(told), "{told:?} is not on\n{screen}");
        }
        tty.type_text("n");
        tty.wait("there is no git repository here");
        tty.type_text("t");
        tty.wait("tokyonight");
        tty.type_text("\x1b");
        tty.wait_gone("tokyonight");
        tty.type_text("q");
        assert_eq!(tty.ended(), 0);
    }
    // Nothing was started and nothing was written.
    assert_eq!(fs::read_dir(machine.path("state")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(machine.path("run")).unwrap().count(), 0);
    let output = machine.loopmon_in(&dir, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("is not inside a git repository"), "{}", errors(&output));
}

#[test]
fn what_a_headless_agent_and_a_gate_print_is_seen() {
    let mut bench = Bench::new();
    bench.agent("worker", "echo words of the worker; echo more of them; echo x > x.txt; sleep 600");
    bench.ready("", "");
    let run = bench.start(&bench.one_task());
    wait_for("the agent to run", || (!bench.keepers().is_empty()).then_some(()));
    let mut tty = open(&bench.machine, &bench.project(), (120, 36));
    let screen = tty.wait("more of them");
    let starts = |words: &str| {
        let line = screen.lines().find(|line| line.contains(words)).unwrap();
        line.split(words).next().unwrap().chars().count()
    };
    assert_eq!(starts("words of the worker"), starts("more of them"), "lines begin at the left:\n{screen}");
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
    run.kill();
}

#[test]
fn a_repository_that_no_run_can_start_from_is_told_with_what_to_do() {
    let machine = Machine::new();
    let project = machine.project();
    git(&project, &["init", "-q", "-b", "main"]);
    let mut tty = open(&machine, &project, (80, 24));
    let screen = tty.wait("no commit yet");
    assert!(screen.contains("git commit"), "{screen}");
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
    git(&machine.path(""), &["init", "-q", "--bare", "bare.git"]);
    let mut tty = open(&machine, &machine.path("bare.git"), (120, 36));
    tty.wait("has no work tree");
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
    let output = machine.loopmon(&["-C", "/no/such/place"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).is_empty());
}

#[test]
fn mistakes_in_ones_own_settings_are_told_on_the_first_screen() {
    let machine = Machine::new();
    let dir = machine.path("home/.config/loopmon");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("config.toml"), "[ui]\ntheme = \"nrod\"\n").unwrap();
    git(&machine.project(), &["init", "-q", "-b", "main"]);
    for (dir, also) in [(machine.path("home"), "none here"), (machine.project(), "no commit yet")] {
        let mut tty = open(&machine, &dir, (120, 36));
        let screen = tty.wait("did you mean `nord`?");
        assert!(screen.contains("config.toml:2:9") && screen.contains(also), "{screen}");
        tty.type_text("q");
        assert_eq!(tty.ended(), 0);
    }
}

#[test]
fn the_first_screen_starts_the_demo_in_its_place() {
    let machine = Machine::new();
    machine.commit(&[("README.md", "hello\n")]);
    for dir in [machine.path("home"), machine.project()] {
        let mut tty = open(&machine, &dir, (120, 36));
        tty.wait("simulated agents");
        tty.type_text("d");
        tty.wait("1 Tasks 8");
        assert_eq!(demos(&machine), 1);
        tty.type_text("Q");
        tty.wait("Stop the run");
        tty.type_text("y");
        tty.wait("run stopped");
        tty.type_text("q");
        assert_eq!(tty.ended(), 0);
        // One that is over is taken away when it is left.
        assert_eq!(demos(&machine), 0, "{}", tty.text());
    }
    // The project's own server went with the person who left it.
    wait_for("the end of the project's server", || {
        machine.server_pid(&machine.project()).is_none().then_some(())
    });
    assert_eq!(machine.git(&["status", "--porcelain"]), "");
}

/// The colour of the first cell of `wanted` on the screen.
fn colour(tty: &Tty, wanted: &str) -> String {
    format!("{:?}", tty.style_of(wanted))
}

#[test]
fn settings_that_are_saved_change_the_open_screen_and_mistakes_are_told_until_they_are_put_right() {
    let machine = Machine::new();
    let agent = "[agents.worker]\ncommand = [\"true\"]\n";
    let with = |ui: &str, keys: &str| format!("{agent}[ui]\n{ui}\n[keys]\n{keys}\n");
    let own = machine.path("home/.config/loopmon/themes");
    fs::create_dir_all(&own).unwrap();
    machine.commit(&[("loopmon.toml", &with("", ""))]);
    let config = machine.project().join("loopmon.toml");
    let save = |path: &Path, text: &str| {
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    };
    let mut tty = open(&machine, &machine.project(), (100, 30));
    tty.wait("d   demo");
    let before = colour(&tty, "d   demo");
    // A theme by name, and a key: both at once, without a key pressed.
    save(&config, &with("theme = \"nord\"", "demo = \"y\""));
    tty.wait("y   demo");
    let nord = colour(&tty, "y   demo");
    assert_ne!(nord, before);
    // A mistake: what was there stays, and where it is stands on the screen as long as it is there.
    save(&config, &with("theme = \"nrod\"", "demo = \"o\""));
    tty.wait("loopmon.toml:4:9: ui.theme");
    let screen = tty.wait("y   demo");
    assert!(!screen.contains("o   demo"), "{screen}");
    tty.wait("! loopmon.toml:4:9");
    tty.type_text("M");
    tty.wait("did you mean `nord`?");
    tty.type_text("\x1b");
    tty.wait_gone("Meanwhile");
    // One that is followed by another is replaced by it.
    save(&config, &with("theme = \"nord\"", "dmeo = \"o\""));
    tty.wait("! loopmon.toml:6:1");
    // Repaired: nothing of it is left.
    save(&config, &with("theme = \"mine\"", "demo = \"o\""));
    tty.wait("there is no theme");
    save(&own.join("mine.toml"), "inherits = \"nord\"\n[roles]\nkey = \"#010203\"\n");
    tty.wait("o   demo");
    let screen = tty.wait_gone("! loopmon.toml");
    assert!(!screen.contains("there is no theme"), "{screen}");
    let mine = colour(&tty, "o   demo");
    assert_ne!(mine, nord);
    tty.type_text("M");
    let screen = tty.wait("Meanwhile");
    assert!(!screen.contains("there is no theme"), "{screen}");
    tty.type_text("\x1b");
    tty.wait_gone("Meanwhile");
    // The theme's own file: broken, then another colour.
    save(&own.join("mine.toml"), "inherits = \"nord\"\n[roles]\nkye = \"#010203\"\n");
    tty.wait("! mine.toml:3:1");
    assert_eq!(colour(&tty, "o   demo"), mine);
    save(&own.join("mine.toml"), "inherits = \"nord\"\n[roles]\nkey = \"#f10203\"\n");
    tty.wait_gone("! mine.toml");
    tty.wait_until("the new colour", |_| colour(&tty, "o   demo").contains("241"));
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
}

#[test]
fn a_theme_that_was_chosen_on_the_screen_outlives_a_change_of_other_settings() {
    let machine = Machine::new();
    machine.commit(&[("loopmon.toml", "[agents.worker]\ncommand = [\"true\"]\n")]);
    let config = machine.project().join("loopmon.toml");
    let mut tty = open(&machine, &machine.project(), (100, 30));
    tty.wait("d   demo");
    let before = colour(&tty, "d   demo");
    tty.type_text("t");
    tty.wait("tokyonight");
    // The end key, and enter.
    tty.type_text("\x1b[F\r");
    tty.wait_gone("tokyonight");
    tty.wait_until("the theme", |_| colour(&tty, "d   demo") != before);
    let chosen = colour(&tty, "d   demo");
    fs::write(&config, "[agents.worker]\ncommand = [\"true\"]\n[keys]\ndemo = \"y\"\n").unwrap();
    tty.wait("y   demo");
    assert_eq!(colour(&tty, "y   demo"), chosen);
    fs::write(&config, "[agents.worker]\ncommand = [\"true\"]\n[ui]\ntheme = \"nord\"\n").unwrap();
    tty.wait("d   demo");
    tty.wait_until("the theme by name", |_| colour(&tty, "d   demo") != chosen);
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
}

/// Where that text begins on the screen: column and row, from 1.
fn place(tty: &Tty, wanted: &str) -> (usize, usize) {
    let screen = tty.wait(wanted);
    let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains(wanted)).unwrap();
    (line.split(wanted).next().unwrap().chars().count() + 1, row + 1)
}

/// Presses and releases the left button there.
fn click(tty: &mut Tty, wanted: &str) {
    let (x, y) = place(tty, wanted);
    tty.type_text(&format!("\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m"));
}

fn wheel(tty: &mut Tty, up: bool, (x, y): (usize, usize)) {
    let button = if up { 64 } else { 65 };
    tty.type_text(&format!("\x1b[<{button};{x};{y}M"));
}

#[test]
fn the_mouse_does_what_it_points_at() {
    let machine = Machine::new();
    let dir = machine.path("demo");
    let args = ["demo", "--speed", "4", "--keep", "--dir", dir.to_str().unwrap()];
    let mut tty = Tty::open(LOOPMON, &args, &machine.path("home"), &machine.env(), (120, 36));
    tty.wait("Needs you 1");
    assert!(String::from_utf8_lossy(&tty.written()).contains("\x1b[?1006h"), "the mouse was not asked for");
    // A task.
    click(&mut tty, "└ export");
    tty.wait("─ export ─");
    // What needs a person: gone to, then answered where it says how.
    click(&mut tty, "approve: sh tools");
    tty.wait("─ sample ─");
    click(&mut tty, "a allow");
    tty.wait_gone("approve: sh tools");
    // A terminal is entered, and left by a click elsewhere. The one that went silent stays.
    tty.wait("no progress");
    click(&mut tty, "└ export");
    tty.wait("─ export ─");
    click(&mut tty, "simulated agent");
    tty.wait("keys go to");
    click(&mut tty, "water ✓");
    tty.wait_gone("keys go to");
    // The last screen of a task that is long done is brought back.
    click(&mut tty, "sample ✓");
    tty.wait("─ sample ─");
    tty.wait("passed, 0 failed");
    click(&mut tty, "└ export");
    tty.wait("─ export ─");
    // Hints, lists and the answers of a popup.
    click(&mut tty, "? help");
    tty.wait("go to the next that");
    click(&mut tty, "esc close");
    tty.wait_gone("go to the next that");
    click(&mut tty, ": commands");
    tty.wait("what do you want to do?");
    click(&mut tty, "esc close");
    tty.wait_gone("what do you want to do?");
    tty.type_text("Q");
    tty.wait("Stop the run");
    click(&mut tty, "n no");
    tty.wait_gone("Stop the run");
    // The wheel over the board moves the selection.
    let board = place(&tty, "└ export");
    wheel(&mut tty, true, board);
    tty.wait_gone("─ export ─");
    // What a task changes is scrolled under the pointer.
    click(&mut tty, "water ✓");
    tty.type_text("d");
    tty.wait("new file mode");
    let first = tty.wait("DIFF").lines().nth(5).unwrap().to_owned();
    let change = place(&tty, "cmd_water() {");
    wheel(&mut tty, false, change);
    tty.wait_until("the change to scroll", |screen| screen.lines().nth(5) != Some(first.as_str()));
    // There `q` leaves the view, so detaching is offered on the board alone.
    assert!(!tty.wait("DIFF").contains("q detach"));
    click(&mut tty, "esc back");
    tty.wait("q detach");
    click(&mut tty, "q detach");
    assert_eq!(tty.ended(), 0);
    // On a narrow screen the pages have names to press.
    let mut tty = Tty::open(LOOPMON, &[], &dir, &machine.env(), (80, 24));
    tty.wait("[1 Tasks]");
    click(&mut tty, "2 Agent");
    tty.wait("[2 Agent]");
    click(&mut tty, "4 Log");
    tty.wait("[4 Log]");
    tty.type_text("q");
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
}

#[test]
fn the_mouse_is_left_to_the_terminal_if_the_settings_say_so() {
    let machine = Machine::new();
    let text = "[agents.worker]\ncommand = [\"true\"]\n";
    machine.commit(&[("loopmon.toml", &format!("{text}[ui]\nmouse = false\n"))]);
    let mut tty = open(&machine, &machine.project(), (100, 30));
    tty.wait("d   demo");
    assert!(!String::from_utf8_lossy(&tty.written()).contains("\x1b[?1006h"));
    fs::write(machine.project().join("loopmon.toml"), text).unwrap();
    wait_for("the mouse to be asked for", || {
        String::from_utf8_lossy(&tty.written()).contains("\x1b[?1006h").then_some(())
    });
    click(&mut tty, "n   goal");
    tty.wait("esc discard");
    click(&mut tty, "esc discard");
    tty.wait_gone("esc discard");
    click(&mut tty, "q   quit");
    assert_eq!(tty.ended(), 0);
}
