//! Pictures: text and styles of whole screens.

use super::*;
use crate::model::snapshot::RunPhase;
use crate::theme::{ColourDepth, Themes};

fn picture(bench: &mut Bench) -> String {
    styled(&bench.draw())
}

#[test]
fn a_busy_run_at_three_sizes() {
    for (cols, rows) in [(80, 24), (120, 36), (200, 50)] {
        let mut bench = Bench::sized(busy(), cols, rows);
        insta::assert_snapshot!(format!("busy_{cols}x{rows}"), picture(&mut bench));
    }
}

#[test]
fn an_agent_that_may_do_anything_is_shown_as_that() {
    let mut bench = Bench::sized(busy(), 120, 36);
    assert!(!picture(&mut bench).contains("unguarded"));
    let mut snapshot = busy();
    snapshot.unguarded = snapshot.sessions.iter().map(|session| session.name.as_str().into()).collect();
    let mut bench = Bench::sized(snapshot, 120, 36);
    assert!(picture(&mut bench).contains("unguarded"));
}

#[test]
fn the_narrow_screen_shows_the_agent_on_a_page() {
    let mut bench = Bench::sized(busy(), 80, 24);
    bench.press("2");
    insta::assert_snapshot!("narrow_agent", picture(&mut bench));
    bench.press("5");
    insta::assert_snapshot!("narrow_evidence", picture(&mut bench));
}

#[test]
fn the_first_screen_teaches() {
    let mut bench = Bench::sized(Snapshot::default(), 100, 30);
    insta::assert_snapshot!("welcome", picture(&mut bench));
    bench.welcome = Welcome::default();
    insta::assert_snapshot!("welcome_nowhere", picture(&mut bench));
}

#[test]
fn a_plan_waits() {
    let mut bench = Bench::new(proposed());
    insta::assert_snapshot!("plan", picture(&mut bench));
}

#[test]
fn popups() {
    let mut bench = Bench::new(busy());
    for (name, open) in [
        ("help", "?"),
        ("palette", ":"),
        ("explain", "e"),
        ("confirm", "D"),
        ("pick", "J"),
        ("spend", "$"),
        ("form", "n"),
    ] {
        bench.press(open);
        insta::assert_snapshot!(name, picture(&mut bench));
        bench.press("esc");
    }
}

#[test]
fn without_colours_shapes_and_weight_say_it() {
    let mut bench = Bench::new(busy());
    let settings = Settings { depth: ColourDepth::None, ascii: true, ..Settings::default() };
    bench.ui.set_settings(settings);
    let buf = bench.draw();
    let colourless = buf.content().iter().all(|cell| {
        let reset = ratatui::style::Color::Reset;
        (cell.fg, cell.bg) == (reset, reset)
    });
    assert!(colourless, "no colour is drawn, not even an agent's");
    let text = plain(&buf);
    for row in &text[..5] {
        assert!(row.is_ascii(), "{row}");
    }
}

#[test]
fn an_idle_screen_asks_for_no_clock_and_a_busy_one_for_the_next_change() {
    let mut idle = busy();
    idle.attention.clear();
    idle.sessions.retain(|session| !session.is_live());
    idle.tasks.retain(|task| task.phase == Phase::Done);
    let run = idle.run.as_mut().unwrap();
    (run.phase, run.ended) = (RunPhase::Complete, Some(NOW));
    let mut bench = Bench::new(idle);
    assert_eq!(bench.with(|ui, world| ui.needs_clock(world)), None);
    let mut bench = Bench::new(busy());
    let wake = bench.with(|ui, world| ui.needs_clock(world)).unwrap();
    assert!((1..=1000).contains(&wake), "{wake}");
    let before = bench.text();
    bench.now = NOW.plus(wake);
    assert_ne!(bench.text(), before);
}

/// The busy run as it is after a stop.
fn stopped() -> Snapshot {
    let mut stopped = busy();
    stopped.run.as_mut().unwrap().phase = RunPhase::Stopped;
    stopped.attention.clear();
    for session in &mut stopped.sessions {
        session.ended = Some(NOW);
    }
    stopped
}

#[test]
fn in_a_stopped_run_nothing_is_shown_to_run_or_to_wait() {
    let open = stopped().tasks.iter().filter(|task| !task.phase.is_terminal()).count();
    for (ascii, sign) in [(false, "■"), (true, "#")] {
        let mut bench = Bench::sized(stopped(), 200, 50);
        bench.ui.set_settings(Settings { depth: ColourDepth::None, ascii, ..Settings::default() });
        bench.press("j");
        let text = bench.text();
        let header = text.lines().next().unwrap_or_default().to_owned();
        assert!(header.contains(&format!("{sign} {open} stopped")), "{header}");
        assert!(!header.contains(" run ") && !header.contains(" wait "), "{header}");
        for task in stopped().tasks.iter().filter(|task| !task.phase.is_terminal()) {
            let wanted = format!("{} {sign} ", task.id);
            let row = text.lines().find(|line| line.contains(&wanted));
            assert!(row.is_some_and(|row| row.contains("stopped")), "{wanted}: {row:?}");
        }
    }
}

#[test]
fn red_is_drawn_only_where_a_person_is_wanted() {
    let mut calm = busy();
    calm.attention.clear();
    calm.tasks.retain(|task| task.phase != Phase::AwaitingHuman);
    for session in &mut calm.sessions {
        session.status.state = AgentState::Working;
    }
    for keys in ["j", "d", "esc tab", "tab", "$"] {
        let mut bench = Bench::new(calm.clone());
        bench.panes = TestPanes::default();
        bench.press(keys);
        let buf = bench.draw();
        let red = buf.content().iter().filter(|cell| cell.fg == ratatui::style::Color::Red).count();
        assert_eq!(red, 0, "after {keys}:\n{}", plain(&buf).join("\n"));
    }
}

/// For looking at it as a person does: `LOOPMON_DUMP=dir cargo nextest run --lib dump`.
#[test]
fn dump() {
    let Some(dir) = std::env::var_os("LOOPMON_DUMP").map(std::path::PathBuf::from) else { return };
    let themes = Themes::default();
    let shots = [
        ("busy-80", busy(), 80, 24, ""),
        ("agent-80", busy(), 80, 24, "2"),
        ("busy-120", busy(), 120, 36, ""),
        ("busy-200", busy(), 200, 50, ""),
        ("typing-120", busy(), 120, 36, "enter"),
        ("evidence-120", busy(), 120, 36, "tab tab"),
        ("welcome-100", Snapshot::default(), 100, 30, ""),
        ("plan-120", proposed(), 120, 36, ""),
        ("plan-80", proposed(), 80, 24, ""),
        ("help-120", busy(), 120, 36, "?"),
        ("palette-120", busy(), 120, 36, ":"),
        ("explain-120", busy(), 120, 36, "e"),
        ("confirm-120", busy(), 120, 36, "D"),
        ("spend-120", busy(), 120, 36, "$"),
        ("form-120", busy(), 120, 36, "n"),
        ("reject-80", busy(), 80, 24, "x"),
        ("zoom-120", busy(), 120, 36, "z"),
        ("diff-120", busy(), 120, 36, "d"),
    ];
    for theme in ["default", "light", "catppuccin-mocha", "high-contrast", "tokyonight"] {
        for (name, snapshot, cols, rows, keys) in &shots {
            let mut bench = Bench::sized(snapshot.clone(), *cols, *rows);
            bench.ui.set_settings(Settings { theme: themes.load(theme).unwrap(), ..Settings::default() });
            if !keys.is_empty() {
                bench.press(keys);
            }
            let text = "diff --git a/src/routes/users.rs b/src/routes/users.rs\n@@ -38,4 +38,6 @@ impl Users\n fn a() {\n-    todo!()\n+    let page = q.page()?;\n+    Ok(page)\n }\n";
            let task = TaskId::from("T14");
            bench.with(|ui, world| ui.reply(Reply::Diff { task, text: text.to_owned() }, world));
            std::fs::write(dir.join(format!("{name}.{theme}.ansi")), ansi(&bench.draw())).unwrap();
        }
    }
}
