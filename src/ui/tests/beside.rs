//! What programs do beside their screens: text for the clipboard, notifications, links.

use super::*;
use crate::config::Clipboard;
use crate::model::snapshot::{AttentionKind, AttentionRow};
use crate::ui::contract::Clip;

/// A screen that shows T15's terminal, with a policy for the clipboard.
fn showing(clipboard: Clipboard) -> Bench {
    let mut bench = Bench::new(busy());
    bench.ui.set_settings(Settings { clipboard, ..Settings::default() });
    bench.ui.view.select(Some("T15".into()));
    bench.draw();
    bench.with(|ui, world| ui.listen(world));
    bench
}

fn put(bench: &mut Bench, session: &str, number: u64, text: &str) -> Vec<Request> {
    bench.panes.clips.insert(session.into(), Clip { number, text: text.into() });
    bench.now = bench.now.plus(1_000);
    let requests = bench.with(|ui, world| ui.listen(world));
    bench.draw();
    requests
}

fn last(bench: &mut Bench) -> String {
    bench.text().lines().last().unwrap_or("").to_owned()
}

#[test]
fn a_program_s_text_reaches_the_clipboard_as_the_settings_say() {
    for (policy, board, typing) in [
        (Clipboard::Deny, false, false),
        (Clipboard::Ask, false, false),
        (Clipboard::Focused, false, true),
        (Clipboard::Allow, true, true),
    ] {
        let mut bench = showing(policy);
        assert_eq!(put(&mut bench, "r-15", 1, "one").len(), usize::from(board), "{policy:?} on the board");
        bench.press("enter");
        let requests = put(&mut bench, "r-15", 2, "two");
        assert_eq!(requests.len(), usize::from(typing), "{policy:?} while typing");
        match (requests.first(), policy) {
            (Some(request), _) => {
                assert_eq!(*request, Request::Copy("two".to_owned()));
                let told = last(&mut bench);
                assert!(told.contains("codex T15 put 3 characters into your clipboard"), "{told}");
            }
            (None, Clipboard::Deny) => assert!(!last(&mut bench).contains("clipboard")),
            (None, _) => assert!(last(&mut bench).contains("codex T15 offers 3 characters"), "{policy:?}"),
        }
    }
}

#[test]
fn what_is_offered_is_read_before_it_is_taken() {
    let mut bench = showing(Clipboard::Ask);
    bench.press("C");
    assert!(last(&mut bench).contains("no program offers anything"), "{}", last(&mut bench));
    put(&mut bench, "r-15", 1, "rm -rf /\nsecond");
    bench.press("C");
    let screen = bench.text();
    assert!(screen.contains("Put 15 characters from codex T15 into your clipboard?"), "{screen}");
    assert!(screen.contains("rm -rf /") && screen.contains("│ second"), "line by line: {screen}");
    assert_eq!(bench.press("n"), []);
    put(&mut bench, "r-15", 2, "harmless");
    bench.press("C");
    assert_eq!(bench.press("y"), [Request::Copy("harmless".to_owned())]);
    assert!(last(&mut bench).contains("8 characters copied"));
}

#[test]
fn only_who_shows_a_pane_gets_its_text_and_no_flood_of_it() {
    let mut bench = showing(Clipboard::Allow);
    assert_eq!(put(&mut bench, "r-14", 1, "of another"), []);
    bench.ui.view.select(Some("T14".into()));
    bench.draw();
    assert_eq!(bench.with(|ui, world| ui.listen(world)), [], "it was written before it was shown");
    assert_eq!(put(&mut bench, "r-14", 2, "now").len(), 1);
    let mut copied = 0;
    for number in 3..103 {
        bench.panes.clips.insert("r-14".into(), Clip { number, text: "x".into() });
        bench.now = bench.now.plus(10);
        copied += bench.with(|ui, world| ui.listen(world)).len();
        bench.draw();
        if number == 60 {
            let wait = bench.with(|ui, world| ui.needs_clock(world)).unwrap();
            assert!(wait <= 500, "the clock calls for the last one: {wait}");
        }
    }
    assert_eq!(copied, 2, "one in half a second");
    assert_eq!(put(&mut bench, "r-14", 103, &"x".repeat(COPY_LIMIT + 1)), []);
    assert!(last(&mut bench).contains("too much"), "{}", last(&mut bench));
    // Away from it: the text waits to be looked at.
    let mut bench = showing(Clipboard::Focused);
    bench.press("enter");
    bench.input(Input::Focus(false));
    assert_eq!(put(&mut bench, "r-15", 1, "x"), []);
}

fn says(session: &str, task: &str, text: &str) -> AttentionRow {
    AttentionRow {
        kind: AttentionKind::Said,
        task: Some(task.into()),
        session: Some(session.into()),
        effect: Some(EffectId(15)),
        source: "codex".to_owned(),
        text: format!("says: {text}"),
        since: NOW,
        unblocks: 0,
        verbs: Vec::new(),
    }
}

#[test]
fn what_an_agent_says_is_a_row_that_counts_for_nothing() {
    let mut bench = Bench::new(busy());
    let counted = bench.snapshot.counts();
    bench.snapshot.said = vec![says("r-15", "T15", "waiting for your input")];
    bench.observe();
    assert_eq!(bench.snapshot.counts(), counted);
    let screen = bench.text();
    assert!(screen.contains("Needs you 3  1 notice"), "{screen}");
    let row = screen.lines().find(|line| line.contains("says: waiting")).unwrap().to_owned();
    assert!(row.contains("› T15") && row.contains("X dismiss") && row.contains("enter open"), "{row}");
    assert!(screen.contains("! 3 need you"), "{screen}");
    // Nothing else needs anybody: the strip is there for it alone.
    bench.snapshot.attention.clear();
    let screen = bench.text();
    assert!(screen.contains("─ 1 notice ─") && !screen.contains("Needs you"), "{screen}");
    bench.press("w");
    assert_eq!(bench.ui.view.task, Some("T15".into()));
    bench.size = (80, 24);
    assert!(bench.text().contains("› T15  codex    says: waiting"), "{}", bench.text());
}

#[test]
fn what_an_agent_says_is_gone_when_it_was_seen_in_its_terminal_or_dismissed() {
    let mut bench = Bench::new(busy());
    bench.snapshot.attention.clear();
    bench.snapshot.said = vec![says("r-15", "T15", "done")];
    bench.observe();
    bench.press("w");
    assert_eq!(bench.press("X"), [Request::Dismiss("r-15".into())]);
    assert_eq!(bench.press("enter"), [Request::Dismiss("r-15".into())]);
    assert_eq!(bench.observe(), [], "it is asked for once");
    bench.snapshot.said[0].since = NOW.plus(5);
    assert_eq!(bench.observe(), [Request::Dismiss("r-15".into())], "said while it is typed into");
    bench.input(Input::Focus(false));
    bench.snapshot.said[0].since = NOW.plus(9);
    let requests = bench.observe();
    assert!(!requests.contains(&Request::Dismiss("r-15".into())), "nobody is there to see it: {requests:?}");
    bench.press("ctrl-q");
    bench.snapshot.said.clear();
    bench.observe();
    bench.press("X");
    assert!(last(&mut bench).contains("no agent says anything here"));
    // On the whole screen it is seen too.
    bench.input(Input::Focus(true));
    bench.snapshot.said = vec![says("r-15", "T15", "again")];
    bench.observe();
    assert_eq!(bench.press("z"), [Request::Dismiss("r-15".into())]);
}

/// T15's terminal with this in it.
fn printing(output: &str) -> Bench {
    let mut bench = showing(Clipboard::Ask);
    let pane = bench.panes.pane(&"r-15".into()).unwrap();
    pane.lock().unwrap().feed(format!("\x1b[2J\x1b[3J\x1b[H{output}").as_bytes());
    bench.draw();
    bench
}

fn opened(requests: &[Request]) -> Option<&str> {
    requests.iter().find_map(|request| match request {
        Request::OpenLink { target, .. } => Some(target.as_str()),
        _ => None,
    })
}

const LINKS: &str = "read \x1b]8;;https://evil.example/login\x1b\\https://github.com/login\x1b]8;;\x1b\\ now\r\n\
    or \x1b]8;;http://b.c/write\x1b\\write\x1b]8;;\x1b\\, see https://docs.rs/x.\r\n\x1b]8;;ssh://no\x1b\\no\x1b]8;;\x1b\\\r\n";

#[test]
fn links_are_underlined_and_lead_where_their_list_says() {
    let mut bench = printing(LINKS);
    let buf = bench.draw();
    let area = bench.ui.drawn.screen.view.inner;
    let underlined = |x: u16, y: u16| {
        buf[(area.x + x, area.y + y)].modifier.contains(ratatui::style::Modifier::UNDERLINED)
    };
    assert_eq!(
        [underlined(0, 0), underlined(5, 0), underlined(28, 0), underlined(30, 0)],
        [false, true, true, false]
    );
    bench.press("L");
    let screen = bench.text();
    assert!(
        screen.contains("Links on the screen") && screen.contains("https://evil.example/login"),
        "{screen}"
    );
    assert!(screen.contains("leads to evil.example"), "{screen}");
    assert!(screen.contains("! its text names another place: github.com"), "{screen}");
    assert_eq!(opened(&bench.press("down enter")), Some("http://b.c/write"));
    assert_eq!(opened(&bench.press("L down down enter")), Some("https://docs.rs/x"));
    assert_eq!(bench.press("L ctrl-y"), [Request::Copy("https://evil.example/login".to_owned())]);
    let mut bench = printing("nothing here\r\n");
    bench.press("L");
    assert!(last(&mut bench).contains("no link is in sight"), "{}", last(&mut bench));
}

#[test]
fn a_link_under_the_pointer_is_shown_before_it_is_opened_whoever_has_the_mouse() {
    let mut bench = printing(&format!("\x1b[?1000h\x1b[?1006h{LINKS}"));
    let area = bench.ui.drawn.screen.view.inner;
    let press = |bench: &mut Bench, x: u16, y: u16| {
        let modifiers = crossterm::event::KeyModifiers::CONTROL;
        for kind in [DOWN, UP] {
            let event = MouseEvent { kind, column: area.x + x, row: area.y + y, modifiers };
            assert_eq!(bench.input(Input::Mouse(event)), []);
        }
    };
    press(&mut bench, 12, 0);
    let screen = bench.text();
    assert!(screen.contains("Open this link?") && screen.contains("another place"), "{screen}");
    assert_eq!(opened(&bench.press("enter")), Some("https://evil.example/login"));
    press(&mut bench, 20, 1);
    assert_eq!(opened(&bench.press("enter")), Some("https://docs.rs/x"));
    press(&mut bench, 1, 0);
    assert!(!bench.text().contains("Open this link?"), "there is none");
}

#[test]
fn what_can_t_be_shown_whole_is_not_opened() {
    let long = format!("https://host/{}", "x".repeat(3000));
    let mut bench = printing(&format!("\x1b]8;;{long}\x1b\\short\x1b]8;;\x1b\\\r\n"));
    bench.press("L");
    assert_eq!(opened(&bench.press("enter")), None);
    assert!(last(&mut bench).contains("too long to be shown"), "{}", last(&mut bench));
    assert_eq!(bench.press("ctrl-y"), [Request::Copy(long)]);
}

#[test]
fn a_link_over_the_edge_of_a_row_is_one() {
    let target = format!("https://host/{}", "path/".repeat(20));
    let mut bench = printing(&format!("{target}end\r\n"));
    bench.press("L");
    assert_eq!(opened(&bench.press("enter")), Some(format!("{target}end").as_str()));
}
