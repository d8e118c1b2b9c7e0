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
