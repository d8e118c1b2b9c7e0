//! Lines that a terminal's history has forgotten: gone back to, searched, left.

use std::sync::{Arc, Mutex};

use super::*;
use crate::term::{Colours, Emulator};
use crate::ui::contract::Recorded;

fn printed(emulator: &mut Emulator) {
    let lines: String = (0..2_000).map(|number| format!("line {number}\r\n")).collect();
    emulator.feed(lines.as_bytes());
}

/// T14's terminal with a program that printed more than is kept, in scroll mode.
fn forgetful() -> Bench {
    let mut bench = Bench::new(busy());
    bench.ui.view.select(Some("T14".into()));
    bench.draw();
    let pane = bench.panes.pane(&"r-14".into()).unwrap();
    let mut emulator = pane.lock().unwrap();
    emulator.set_history_limit(20_000);
    printed(&mut emulator);
    drop(emulator);
    bench.press("[");
    bench
}

fn whole() -> Recorded {
    let mut emulator = Emulator::with_history(70, 20, Colours::default(), 10 << 20);
    printed(&mut emulator);
    Recorded::Lines(Arc::new(Mutex::new(emulator)))
}

fn come(bench: &mut Bench, found: Result<Recorded, String>) {
    let reply = Reply::Past { session: "r-14".into(), found };
    bench.with(|ui, world| ui.reply(reply, world));
    bench.draw();
}

fn top(bench: &mut Bench) -> String {
    let buf = bench.draw();
    let area = bench.ui.drawn.screen.view.inner;
    (area.x..area.right()).map(|x| buf[(x, area.y)].symbol()).collect::<String>().trim_end().to_owned()
}

fn bottom(bench: &mut Bench) -> String {
    bench.text().lines().last().unwrap_or("").to_owned()
}

fn number(line: &str) -> i32 {
    line.strip_prefix("line ").and_then(|number| number.parse().ok()).unwrap_or(-1)
}

#[test]
fn beyond_the_top_the_recording_goes_on_and_down_leads_back_to_now() {
    let mut bench = forgetful();
    assert_eq!(bench.press("g"), [], "what is in memory is there at once");
    let oldest = number(&top(&mut bench));
    assert!(oldest > 100, "{oldest}");
    assert_eq!(bench.press("k"), [Request::LoadPast("r-14".into())]);
    come(&mut bench, Ok(whole()));
    assert_eq!(number(&top(&mut bench)), oldest - 1, "it goes on without a gap");
    bench.press("pageup");
    assert!(number(&top(&mut bench)) < oldest - 5);
    bench.press("g");
    assert_eq!(top(&mut bench), "line 0");
    bench.press("k");
    assert!(bottom(&mut bench).contains("nothing earlier is kept here"), "{}", bottom(&mut bench));
    bench.press("pagedown");
    assert!(number(&top(&mut bench)) > 5);
    bench.now = bench.now.plus(9_000);
    assert!(bottom(&mut bench).contains("from the recording  G now"), "{}", bottom(&mut bench));
    assert_eq!(bench.press("G"), [Request::LeavePast]);
    assert!(bench.text().contains("line 1999"), "{}", bench.text());
    assert_eq!(bench.ui.view.focus, state::Focus::View, "scroll mode goes on");
}

#[test]
fn they_are_searched_copied_and_wrapped_as_any_others() {
    let mut bench = forgetful();
    bench.press("g");
    bench.press("g");
    come(&mut bench, Ok(whole()));
    assert_eq!(top(&mut bench), "line 0", "as far as was asked to go");
    bench.press("/");
    bench.type_text("line 77$");
    bench.press("enter");
    (0..5).for_each(|_| drop(bench.draw()));
    assert_eq!(bench.press("V y"), [Request::Copy("line 77".to_owned())]);
    bench.size = (100, 30);
    bench.draw();
    bench.press("g");
    assert_eq!(top(&mut bench), "line 0");
    assert_eq!(bench.press("esc"), [], "esc first leaves the search");
    assert_eq!(bench.press("esc"), [Request::LeavePast]);
    assert!(number(&top(&mut bench)) > 100, "the oldest line in memory");
}

#[test]
fn nothing_is_read_where_nothing_was_forgotten_and_nothing_older_is_told() {
    let mut bench = Bench::new(busy());
    bench.ui.view.select(Some("T14".into()));
    bench.draw();
    bench.press("[");
    assert_eq!(bench.press("g k pageup"), []);
    let mut bench = forgetful();
    bench.press("g");
    bench.press("pageup");
    let short = Emulator::new(70, 20, Colours::default());
    come(&mut bench, Ok(Recorded::Lines(Arc::new(Mutex::new(short)))));
    assert!(bottom(&mut bench).contains("nothing older was recorded"), "{}", bottom(&mut bench));
    bench.press("k");
    come(&mut bench, Err("no such file".to_owned()));
    assert!(bottom(&mut bench).contains("the past can't be shown: no such file"), "{}", bottom(&mut bench));
    bench.press("k");
    assert_eq!(bench.press("esc"), [Request::LeavePast]);
    come(&mut bench, Ok(whole()));
    assert!(number(&top(&mut bench)) > 100, "it came too late");
}

#[test]
fn the_wheel_goes_there_too() {
    let mut bench = forgetful();
    bench.press("g");
    bench.press("esc");
    let area = bench.ui.drawn.screen.view.inner;
    let wheel = |bench: &mut Bench, kind| bench.input(mouse(kind, area.x + 3, area.y + 3));
    let mut asked = Vec::new();
    for _ in 0..2_000 {
        asked = wheel(&mut bench, MouseEventKind::ScrollUp);
        if !asked.is_empty() {
            break;
        }
    }
    assert_eq!(asked, [Request::LoadPast("r-14".into())]);
    come(&mut bench, Ok(whole()));
    let at = number(&top(&mut bench));
    wheel(&mut bench, MouseEventKind::ScrollUp);
    assert!(number(&top(&mut bench)) < at);
    let left = (0..2_000)
        .find_map(|_| Some(wheel(&mut bench, MouseEventKind::ScrollDown)).filter(|asked| !asked.is_empty()));
    assert_eq!(left, Some(vec![Request::LeavePast]));
}
