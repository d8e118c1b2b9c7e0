//! The past of a full-screen program: gone back to, gone forth in, searched, left.

use std::sync::Arc;

use super::*;
use crate::ui::contract::{Recorded, Reel, Still};

/// T14's terminal with a full-screen program in it, in scroll mode.
fn full_screen() -> Bench {
    let mut bench = Bench::new(busy());
    bench.ui.view.select(Some("T14".into()));
    bench.draw();
    let pane = bench.panes.pane(&"r-14".into()).unwrap();
    pane.lock().unwrap().feed(b"\x1b[?1049h\x1b[2J\x1b[Hnow");
    bench.press("[");
    bench
}

fn still(seconds: i64, text: &str) -> Still {
    let screen = format!("\x1b[1;1H{}", text.replace('\n', "\r\n"));
    Still {
        at: Timestamp(NOW.0 - seconds * 1000),
        cols: 80,
        rows: 23,
        screen: screen.into_bytes().into(),
        text: text.into(),
    }
}

fn reel() -> Arc<Reel> {
    let middle = (2..300).map(|number| still(3_700 - number * 10, &format!("screen {number}")));
    let stills = std::iter::once(still(3_723, "the needle\nof the first"))
        .chain(middle)
        .chain([still(42, "just before"), still(1, "now")]);
    Arc::new(Reel { stills: stills.collect() })
}

fn come(bench: &mut Bench, reel: Result<Arc<Reel>, String>) -> Vec<Request> {
    let reply = Reply::Past { session: "r-14".into(), found: reel.map(Recorded::Screens) };
    let requests = bench.with(|ui, world| ui.reply(reply, world));
    bench.draw();
    requests
}

fn top(bench: &mut Bench) -> String {
    let buf = bench.draw();
    let area = bench.ui.drawn.screen.view.inner;
    (area.x..area.right()).map(|x| buf[(x, area.y)].symbol()).collect::<String>().trim_end().to_owned()
}

fn bottom(bench: &mut Bench) -> String {
    bench.text().lines().last().unwrap_or("").to_owned()
}

#[test]
fn scrolling_up_shows_what_was_shown_earlier_and_down_leads_to_now() {
    let mut bench = full_screen();
    assert!(bottom(&mut bench).contains("pageup shows what it showed earlier"), "{}", bottom(&mut bench));
    assert_eq!(bench.press("pageup"), [Request::LoadPast("r-14".into())]);
    bench.now = bench.now.plus(9_000);
    bench.with(|ui, world| ui.reply(Reply::PastProgress { session: "r-14".into(), percent: 42 }, world));
    assert!(
        bottom(&mut bench).contains("PAST   reading the recording, 42 %: esc stops"),
        "{}",
        bottom(&mut bench)
    );
    assert_eq!(bench.press("pageup k"), [], "it is asked for once");
    assert_eq!(come(&mut bench, Ok(reel())), []);
    assert_eq!(top(&mut bench), "just before", "the last one that differs");
    let screen = bench.text();
    assert!(screen.contains("\u{2212}00:51 screen 300 of 301"), "{screen}");
    assert!(
        bottom(&mut bench).contains("PAST   \u{2212}00:51 300/301  pageup earlier  G now"),
        "{}",
        bottom(&mut bench)
    );
    let size = std::mem::replace(&mut bench.size, (80, 24));
    assert!(
        bottom(&mut bench).contains("\u{2212}00:51 300/301  pageup earlier  G now"),
        "{}",
        bottom(&mut bench)
    );
    bench.size = size;
    bench.press("pageup");
    assert_eq!(top(&mut bench), "screen 299");
    bench.press("g");
    assert_eq!(top(&mut bench), "the needle");
    assert!(bench.text().contains("\u{2212}1:02:12"), "{}", bench.text());
    bench.press("pageup");
    assert!(bottom(&mut bench).contains("nothing earlier was recorded"));
    bench.press("pagedown");
    assert_eq!(top(&mut bench), "screen 2");
    assert_eq!(bench.press("G"), [Request::LeavePast]);
    assert_eq!(top(&mut bench), "now");
    assert_eq!(bench.ui.view.focus, state::Focus::View, "scroll mode goes on");
}

#[test]
fn the_past_is_copied_from_and_left_one_step_at_a_time() {
    let mut bench = full_screen();
    bench.press("pageup");
    come(&mut bench, Ok(reel()));
    bench.press("g");
    // The cursor walks over the screen of then, and what it selects is of then.
    bench.press("k k k k k k k k k k k k k k k k k k k k k k k k k k");
    assert_eq!(top(&mut bench), "the needle");
    let copied = bench.press("V y");
    assert_eq!(copied, [Request::Copy("the needle".to_owned())]);
    bench.press("v");
    bench.press("esc");
    assert_eq!(top(&mut bench), "the needle", "esc first leaves the selection");
    assert_eq!(bench.press("esc"), [Request::LeavePast]);
    assert_eq!((top(&mut bench).as_str(), bench.ui.view.focus), ("now", state::Focus::View));
    bench.press("esc");
    assert_eq!(bench.ui.view.focus, state::Focus::Board);
}

#[test]
fn reading_is_given_up_and_nothing_to_show_is_told() {
    let mut bench = full_screen();
    bench.press("ctrl-u");
    assert_eq!(bench.press("esc"), [Request::LeavePast]);
    assert_eq!(come(&mut bench, Ok(reel())), [], "it comes too late");
    assert_eq!(top(&mut bench), "now");
    bench.press("pageup");
    come(&mut bench, Ok(Arc::new(Reel { stills: vec![still(5, "now")] })));
    assert!(bottom(&mut bench).contains("nothing else was shown before this"), "{}", bottom(&mut bench));
    bench.press("pageup");
    come(&mut bench, Err("no such file".to_owned()));
    assert!(bottom(&mut bench).contains("the past can't be shown: no such file"), "{}", bottom(&mut bench));
    // Whatever leads out of scroll mode leaves the past.
    bench.press("pageup");
    come(&mut bench, Ok(reel()));
    assert!(bench.press("enter").contains(&Request::LeavePast));
    assert_eq!((top(&mut bench).as_str(), bench.ui.view.focus), ("now", state::Focus::Terminal));
}

#[test]
fn the_past_is_searched_screen_after_screen() {
    let mut bench = full_screen();
    bench.press("pageup");
    come(&mut bench, Ok(reel()));
    bench.press("?");
    bench.type_text("needle");
    bench.press("enter");
    for _ in 0..8 {
        bench.draw();
    }
    assert_eq!(top(&mut bench), "the needle");
    bench.press("n");
    bench.draw();
    assert!(bottom(&mut bench).contains("nothing found earlier"), "{}", bottom(&mut bench));
    bench.press("/");
    bench.type_text("screen 1[0-9]$");
    bench.press("enter");
    for _ in 0..8 {
        bench.draw();
    }
    assert_eq!(top(&mut bench), "screen 10");
    bench.press("n");
    bench.draw();
    assert_eq!(top(&mut bench), "screen 11");
    bench.press("N");
    bench.draw();
    assert_eq!(top(&mut bench), "screen 10");
}

#[test]
fn the_wheel_goes_back_in_time_and_a_program_that_asked_for_it_gets_none_of_it_there() {
    let mut bench = full_screen();
    bench.press("esc");
    let area = bench.ui.drawn.screen.view.inner;
    let wheel = |bench: &mut Bench, kind| bench.input(mouse(kind, area.x + 3, area.y + 3));
    assert_eq!(wheel(&mut bench, MouseEventKind::ScrollUp), [Request::LoadPast("r-14".into())]);
    come(&mut bench, Ok(reel()));
    let pane = bench.panes.pane(&"r-14".into()).unwrap();
    pane.lock().unwrap().feed(b"\x1b[?1000h");
    assert_eq!(wheel(&mut bench, MouseEventKind::ScrollUp), []);
    assert_eq!(top(&mut bench), "screen 299");
    wheel(&mut bench, MouseEventKind::ScrollDown);
    wheel(&mut bench, MouseEventKind::ScrollDown);
    assert_eq!(top(&mut bench), "now");
}
