//! Scroll mode and the mouse in a terminal: what is read stays, what is searched is found, what is copied is right.

use super::*;
use crate::ui::COPY_LIMIT;

/// T14's terminal with this output in it, and scroll mode.
fn reading(output: &str) -> Bench {
    let mut bench = Bench::new(busy());
    bench.ui.view.select(Some("T14".into()));
    bench.draw();
    feed(&bench, &format!("\x1b[2J\x1b[3J\x1b[H{output}"));
    bench.press("[");
    bench
}

fn feed(bench: &Bench, output: &str) {
    bench.panes.pane(&"r-14".into()).unwrap().lock().unwrap().feed(output.as_bytes());
}

fn lines(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|number| format!("line {number} of many\r\n")).collect()
}

/// The terminal's rows, as they are seen.
fn rows(bench: &mut Bench) -> Vec<String> {
    let buf = bench.draw();
    let area = bench.ui.drawn.screen.view.inner;
    let row =
        |y| (area.x..area.right()).map(|x| buf[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (area.y..area.bottom()).map(row).collect()
}

/// The text that is drawn with all of these.
fn marked(bench: &mut Bench, modifier: ratatui::style::Modifier) -> String {
    let buf = bench.draw();
    let area = bench.ui.drawn.screen.view.inner;
    let cells = (area.y..area.bottom()).flat_map(|y| (area.x..area.right()).map(move |x| (x, y)));
    cells
        .map(|at| &buf[at])
        .filter(|cell| cell.modifier.contains(modifier))
        .map(|cell| cell.symbol())
        .collect()
}

fn title(bench: &mut Bench) -> String {
    let buf = bench.draw();
    let y = bench.ui.drawn.screen.view.outer.y;
    plain(&buf)[usize::from(y)].clone()
}

fn bottom(bench: &mut Bench) -> String {
    bench.text().lines().last().unwrap_or("").to_owned()
}

fn copied(requests: &[Request]) -> Option<&str> {
    requests.iter().find_map(|request| match request {
        Request::Copy(text) => Some(text.as_str()),
        _ => None,
    })
}

const CURRENT: ratatui::style::Modifier = ratatui::style::Modifier::UNDERLINED;
const REVERSED: ratatui::style::Modifier = ratatui::style::Modifier::REVERSED;

#[test]
fn the_cursor_moves_and_the_history_comes_along() {
    let mut bench = reading(&lines(0..100));
    assert_eq!(rows(&mut bench)[21], "line 99 of many");
    bench.press("k k k");
    assert_eq!(rows(&mut bench)[21], "line 99 of many", "the cursor moves first");
    bench.press("g");
    assert_eq!(rows(&mut bench)[0], "line 0 of many");
    bench.press("ctrl-d");
    assert_eq!(rows(&mut bench)[0], "line 11 of many", "half a page of 23 rows");
    bench.press("pagedown");
    assert_eq!(rows(&mut bench)[0], "line 32 of many");
    bench.press("G");
    assert_eq!(rows(&mut bench)[21], "line 99 of many");
    assert_eq!(bench.press("k v $ y"), [Request::Copy("line 99 of many".to_owned())]);
    assert_eq!(bench.press("0 l l l v l l y"), [Request::Copy("e 9".to_owned())]);
}

#[test]
fn what_is_read_stays_while_the_oldest_lines_are_forgotten_and_the_width_changes() {
    let mut bench = reading("");
    let pane = bench.panes.pane(&"r-14".into()).unwrap();
    pane.lock().unwrap().set_history_limit(20_000);
    bench.press("esc");
    feed(&bench, &lines(0..600));
    bench.press("[ pageup pageup");
    let before = rows(&mut bench)[0].clone();
    assert!(before.starts_with("line 5"), "{before}");
    for _ in 0..20 {
        feed(&bench, "more\r\n");
        assert_eq!(rows(&mut bench)[0], before);
    }
    bench.size = (160, 40);
    assert_eq!(rows(&mut bench)[0], before);
}

#[test]
fn a_search_marks_every_hit_and_goes_from_one_to_the_next() {
    let mut bench =
        reading(&(lines(0..50) + "the needle is here\r\n" + &lines(50..80) + "and a Needle here\r\n"));
    bench.press("?");
    bench.type_text("needle");
    assert!(bottom(&mut bench).contains("SEARCH   ?needle   2 of 2"), "{}", bottom(&mut bench));
    bench.press("enter");
    assert_eq!(marked(&mut bench, CURRENT), "Needle");
    assert!(title(&mut bench).contains("?needle 2 of 2"), "{}", title(&mut bench));
    bench.press("n");
    assert!(title(&mut bench).contains("?needle 1 of 2"), "{}", title(&mut bench));
    assert_eq!(marked(&mut bench, CURRENT), "needle");
    bench.press("n");
    assert!(bottom(&mut bench).contains("from the bottom again"));
    bench.press("/");
    bench.type_text("Need");
    bench.press("enter");
    assert!(title(&mut bench).contains("/Need 1 of 1"), "a capital counts");
    assert_eq!(marked(&mut bench, REVERSED), "Need");
    bench.press("esc");
    assert_eq!(marked(&mut bench, REVERSED), "", "esc first leaves the search");
    bench.press("esc");
    assert_eq!(bench.ui.view.focus, state::Focus::Board);
}

#[test]
fn a_hit_that_is_wrapped_is_marked_on_both_rows() {
    let filler = "x".repeat(75);
    let mut bench = reading(&format!("{filler}first and second\r\n"));
    bench.press("/");
    bench.type_text("first and");
    bench.press("enter");
    assert_eq!(marked(&mut bench, CURRENT), "first and");
    let shown = rows(&mut bench);
    assert_eq!((&shown[0][75..], shown[1].as_str()), ("first", " and second"));
}

#[test]
fn a_wrong_pattern_says_why_and_keeps_the_words() {
    let mut bench = reading("some (text)\r\n");
    bench.press("/");
    bench.type_text("(te");
    assert!(bottom(&mut bench).contains("unclosed group"), "{}", bottom(&mut bench));
    bench.press("enter");
    bench.type_text(")");
    assert!(!bottom(&mut bench).contains("unclosed"));
    bench.press("enter");
    assert_eq!(marked(&mut bench, CURRENT), "te");
    bench.press("/");
    bench.type_text("nowhere");
    assert!(bottom(&mut bench).contains("nothing found"));
    bench.press("esc");
    assert_eq!(marked(&mut bench, REVERSED), "te", "what was searched for before is back");
}

#[test]
fn hits_are_found_in_output_that_comes_later() {
    let mut bench = reading("one match\r\n");
    bench.press("/");
    bench.type_text("match");
    bench.press("enter");
    feed(&bench, "two match match\r\n");
    assert!(title(&mut bench).contains("1 of 3"), "{}", title(&mut bench));
}

#[test]
fn prompts_are_jumped_to_where_they_are_marked() {
    let mut bench = reading("nothing\r\n");
    bench.press("{");
    assert!(bottom(&mut bench).contains("OSC 133"));
    for command in 0..5 {
        feed(&bench, &format!("\x1b]133;A\x07$ run {command}\r\n\x1b]133;C\x07{}", lines(0..30)));
    }
    bench.press("G { { v $");
    assert_eq!(copied(&bench.press("y")), Some("$ run 3"));
    bench.press("} v $");
    assert_eq!(copied(&bench.press("y")), Some("$ run 4"));
    bench.press("}");
    assert!(bottom(&mut bench).contains("no prompt below"));
}

#[test]
fn text_is_selected_by_characters_lines_and_columns() {
    let mut bench = reading("alpha beta\r\ngamma delta\r\nepsilon zeta\r\n");
    bench.press("g l l v j");
    assert!(bottom(&mut bench).contains("SELECT"));
    assert_eq!(marked(&mut bench, REVERSED).split_whitespace().collect::<String>(), "phabetagam");
    bench.press("V");
    assert_eq!(copied(&bench.press("y")), Some("alpha beta\ngamma delta"));
    bench.press("g l l ctrl-v j j l l");
    assert_eq!(marked(&mut bench, REVERSED), "phammasil");
    assert_eq!(copied(&bench.press("enter")), Some("pha\nmma\nsil"));
    bench.press("g v l l o j");
    assert_eq!(copied(&bench.press("y")), Some("pha beta\ng"), "o goes to the other end");
}

#[test]
fn selected_text_stays_marked_while_it_scrolls_into_the_history() {
    let mut bench = reading("first\r\nkeep this\r\n");
    bench.press("g j v $");
    for _ in 0..40 {
        feed(&bench, "more output\r\n");
        bench.draw();
    }
    assert_eq!(copied(&bench.press("y")), Some("keep this"));
}

#[test]
fn what_is_copied_is_told_and_too_much_is_refused_with_a_way_out() {
    let mut bench = reading("one\r\ntwo\r\n");
    bench.press("g V j y");
    assert!(bottom(&mut bench).contains("2 lines, 7 characters copied"), "{}", bottom(&mut bench));
    feed(&bench, &"0123456789abcdef\r\n".repeat(COPY_LIMIT / 16));
    bench.press("g V G");
    assert_eq!(bench.press("y"), []);
    assert!(bottom(&mut bench).contains("too much for a terminal's clipboard"), "{}", bottom(&mut bench));
    assert!(bottom(&mut bench).contains("write them to a file"));
    bench.press("Y");
    let requests = bench.press("enter");
    let [Request::WriteFile { path, text }] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((path.as_str(), text.lines().count()), ("r-14.txt", 2 + COPY_LIMIT / 16));
}

#[test]
fn everything_is_opened_in_editor_and_pager() {
    let mut bench = reading("\x1b[31mred\x1b[m text\r\n\r\nlast\r\n");
    let text = "red text\n\nlast\n".to_owned();
    let edit = Request::EditText { text: text.clone(), suffix: ".txt", purpose: Purpose::Read };
    assert_eq!(bench.press("e"), [edit]);
    assert_eq!(bench.press("|"), [Request::Page { text }]);
}

#[test]
fn the_hints_show_the_keys_of_scroll_mode_and_never_one_that_means_something_else() {
    let mut bench = reading("text\r\n");
    let hints = bottom(&mut bench);
    assert!(hints.contains("/ find") && hints.contains("v select") && hints.contains("e editor"), "{hints}");
    assert!(!hints.contains("? help") && hints.contains("f1 help"), "{hints}");
    assert!(!hints.contains("n next") && !hints.contains("y copy"), "{hints}");
    bench.press("v");
    assert!(bottom(&mut bench).contains("y copy"));
}

#[test]
fn enter_without_a_selection_goes_into_the_terminal_and_a_full_screen_program_says_it_has_no_history() {
    let mut bench = reading("text\r\n");
    bench.press("enter");
    assert_eq!(bench.ui.view.focus, state::Focus::Terminal);
    bench.press("ctrl-q");
    feed(&bench, "\x1b[?1049h\x1b[Hfull screen");
    bench.press("[");
    assert!(bottom(&mut bench).contains("draws the whole screen"), "{}", bottom(&mut bench));
}

#[test]
fn what_is_read_is_not_taken_away_by_what_comes_to_matter_more() {
    let mut bench = Bench::new(busy());
    bench.ui.view.select(Some("T19".into()));
    bench.draw();
    let shown = bench.ui.visible_sessions();
    bench.press("[");
    let at = bench.snapshot.sessions.iter().position(|session| session.id == shown[0]).unwrap();
    bench.snapshot.sessions[at].ended = Some(NOW);
    bench.observe();
    bench.draw();
    assert_eq!(bench.ui.visible_sessions(), shown, "it has ended, and is still read");
    bench.press("q");
    assert_ne!(bench.ui.visible_sessions(), shown, "now the one that lives is shown");
}

/// The cell of the terminal's area.
fn cell(bench: &Bench, column: u16, row: u16) -> (u16, u16) {
    let area = bench.ui.drawn.screen.view.inner;
    (area.x + column, area.y + row)
}

#[test]
fn two_clicks_select_a_word_three_a_line_and_alt_a_block() {
    let mut bench = reading("see src/ui/draw.rs:12 now\r\nand this  \r\n");
    bench.press("esc");
    let (x, y) = cell(&bench, 8, 0);
    let click = |bench: &mut Bench| {
        bench.input(mouse(DOWN, x, y));
        bench.input(mouse(UP, x, y))
    };
    assert_eq!(copied(&click(&mut bench)), None);
    bench.press("ctrl-q");
    assert_eq!(copied(&click(&mut bench)), Some("src/ui/draw.rs:12"));
    assert_eq!(copied(&click(&mut bench)), Some("see src/ui/draw.rs:12 now"));
    bench.now = bench.now.plus(1_000);
    assert_eq!(copied(&click(&mut bench)), None, "long after, it is one click");
    bench.press("ctrl-q");
    let alt = |kind, (column, row)| {
        let modifiers = crossterm::event::KeyModifiers::ALT;
        Input::Mouse(MouseEvent { kind, column, row, modifiers })
    };
    bench.input(alt(DOWN, cell(&bench, 4, 0)));
    bench.input(alt(DRAG, cell(&bench, 6, 1)));
    assert_eq!(copied(&bench.input(alt(UP, cell(&bench, 6, 1)))), Some("src\nthi"));
}

#[test]
fn a_drag_stays_on_its_text_while_the_agent_prints_and_scrolls_beyond_the_edge() {
    let mut bench = reading(&lines(0..60));
    bench.press("esc");
    let (from, edge) = (cell(&bench, 0, 5), cell(&bench, 0, 0));
    let first = rows(&mut bench)[5].clone();
    bench.input(mouse(DOWN, from.0, from.1));
    bench.input(mouse(DRAG, edge.0, edge.1));
    feed(&bench, "printed meanwhile\r\nand more\r\n");
    for _ in 0..4 {
        bench.input(mouse(DRAG, edge.0, edge.1 - 1));
    }
    let requests = bench.input(mouse(UP, edge.0, edge.1));
    let text = copied(&requests).unwrap();
    assert!(text.ends_with(&format!("\n{}", &first[..1])), "{text}");
    assert!(text.lines().count() >= 6, "{text}");
    bench.press("j");
    assert_eq!(marked(&mut bench, REVERSED), "", "a key forgets what the mouse selected");
}

#[test]
fn selected_text_can_be_read_whatever_colours_the_program_gave_it() {
    let mut bench = reading("\x1b[2;90mfaint\x1b[m \x1b[37;107mpale\x1b[m \x1b[1mbold\x1b[m\r\n");
    for name in crate::theme::Themes::default().names() {
        let theme = crate::theme::Themes::default().load(name).unwrap();
        bench.ui.set_settings(Settings { theme: theme.clone(), ..Settings::default() });
        bench.press("g V");
        let buf = bench.draw();
        let area = bench.ui.drawn.screen.view.inner;
        let cells: Vec<_> = (0..15).map(|x| buf[(area.x + x, area.y)].clone()).collect();
        let first = (cells[0].fg, cells[0].bg);
        assert!(
            cells.iter().all(|cell| (cell.fg, cell.bg) == first),
            "{name}: all of it in one pair of colours"
        );
        assert!(cells.iter().all(|cell| !cell.modifier.contains(ratatui::style::Modifier::DIM)), "{name}");
        assert!(cells[11].modifier.contains(ratatui::style::Modifier::BOLD), "{name}: weight stays");
        let differs = first != (buf[(area.x, area.y + 1)].fg, buf[(area.x, area.y + 1)].bg);
        assert!(differs || cells[0].modifier.contains(REVERSED), "{name}: it is marked");
        bench.press("esc");
    }
}

#[test]
fn lines_under_text_are_as_the_program_drew_them_where_the_terminal_can() {
    let output = "\x1b[4:3;58:2::1:2:3mwave\x1b[m \x1b[4mplain\x1b[m\r\n";
    let mut bench = reading(output);
    bench.press("esc");
    let of = |bench: &mut Bench| {
        let buf = bench.draw();
        let area = bench.ui.drawn.screen.view.inner;
        [0, 5].map(|x| {
            let cell = &buf[(area.x + x, area.y)];
            (cell.modifier.contains(CURRENT), underline::kind_of(cell.modifier), cell.underline_color)
        })
    };
    let none = ratatui::style::Color::Reset;
    assert_eq!(
        of(&mut bench),
        [(true, None, none), (true, None, none)],
        "straight where nothing else is shown"
    );
    bench.ui.set_settings(Settings { underlines: true, ..Settings::default() });
    let wave = (true, Some(3), ratatui::style::Color::Rgb(1, 2, 3));
    assert_eq!(of(&mut bench), [wave, (true, None, none)]);
}

#[test]
fn lines_over_text_are_drawn_and_links_are_handed_on_where_nothing_lies_over_them() {
    use crate::ui::underline::{LINKED, OVERLINE, link_at};
    let output = "\x1b[53mover\x1b[m \x1b]8;;https://a.b/c\x1b\\see\x1b]8;;\x1b\\ \x1b]8;;ssh://h\x1b\\not\x1b]8;;\x1b\\";
    let mut bench = reading(output);
    bench.press("esc");
    let linked = |bench: &mut Bench, x: u16| {
        let buf = bench.draw();
        let area = bench.ui.drawn.screen.view.inner;
        let (x, y) = (area.x + x, area.y);
        let marked = buf[(x, y)].modifier.contains(LINKED);
        link_at(&bench.ui.links(), x, y).filter(|_| marked).map(str::to_owned)
    };
    assert_eq!(linked(&mut bench, 5), None, "this terminal would print it");
    bench.ui.set_settings(Settings { links: true, ..Settings::default() });
    let buf = bench.draw();
    let area = bench.ui.drawn.screen.view.inner;
    assert!(buf[(area.x, area.y)].modifier.contains(OVERLINE));
    assert!(!buf[(area.x + 4, area.y)].modifier.contains(OVERLINE));
    let there = Some("https://a.b/c".to_owned());
    assert_eq!([4, 5, 7, 8, 9].map(|x| linked(&mut bench, x)), [None, there.clone(), there, None, None]);
    bench.size = (40, 12);
    bench.press("?");
    let buf = bench.draw();
    assert!(!buf.content.iter().any(|cell| cell.modifier.contains(LINKED)), "help lies over it");
}

#[test]
fn the_wheel_is_the_arrow_keys_of_a_program_that_asked_for_them() {
    let mut bench = reading("");
    feed(&bench, "\x1b[?1049h\x1b[?1007h\x1b[?1h");
    bench.press("esc enter");
    let (x, y) = cell(&bench, 3, 3);
    let wheel = bench.input(mouse(MouseEventKind::ScrollUp, x, y));
    assert_eq!(wheel, [Request::ToPane { session: "r-14".into(), bytes: b"\x1bOA\x1bOA\x1bOA".to_vec() }]);
}

#[test]
fn what_is_read_stays_from_the_moment_at_which_scroll_mode_begins() {
    let mut bench = reading(&lines(0..100));
    let before = rows(&mut bench);
    feed(&bench, &lines(100..130));
    // Its last row was empty: what comes there is in sight.
    assert_eq!(
        rows(&mut bench)[..20],
        before[..20],
        "nothing was scrolled, and the program goes on printing"
    );
    bench.press("k");
    assert_eq!(rows(&mut bench)[..20], before[..20], "the cursor is where it was");
    bench.press("esc");
    assert!(rows(&mut bench).iter().any(|row| row == "line 129 of many"), "out of it, the end is in sight");
}
