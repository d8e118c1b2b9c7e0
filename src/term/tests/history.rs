//! What leaves the screen, and what comes back: the history, and changes of the size.

use super::*;

#[test]
fn what_scrolls_off_is_kept_with_its_style_and_cut_anew() {
    let mut emulator = fed(10, 2, b"\x1b[31mred\x1b[m\r\n0123456789abcdef\r\nx\r\ny\r\nz");
    assert_eq!(history(&mut emulator), ["red", "0123456789", "abcdef", "x"]);
    assert_eq!(emulator.history_row(0).next().unwrap().style.fg, Color::Index(1));
    assert_eq!(emulator.history_row(1).next().unwrap().style, CellStyle::default());
    emulator.resize(8, 2);
    assert_eq!(history(&mut emulator), ["red", "01234567", "89abcdef", "x"]);
    emulator.resize(20, 2);
    assert_eq!(history(&mut emulator), ["red", "0123456789abcdef", "x"]);
    emulator.feed(b"\x1b[3J");
    assert_eq!(emulator.history_len(), 0);
    assert_eq!(emulator.text(), "y\nz");
}

#[test]
fn the_alternate_screen_leaves_nothing_in_the_history() {
    let mut emulator = fed(10, 2, b"a\r\nb\r\nc\x1b[?1049h1\r\n2\r\n3\r\n4\x1b[?1049l");
    assert_eq!((history(&mut emulator), emulator.text()), (vec!["a".to_owned()], "b\nc".to_owned()));
}

#[test]
fn the_history_is_bounded_by_bytes() {
    let mut emulator = Emulator::with_history(80, 24, Colours::default(), 100_000);
    for number in 0..20_000 {
        emulator.feed(format!("\x1b[3{}mline {number}\r\n", number % 8).as_bytes());
    }
    assert!(emulator.history_bytes() <= 100_000, "{}", emulator.history_bytes());
    let rows = history(&mut emulator);
    assert!(rows.len() > 1000);
    assert_eq!(rows.last().unwrap(), "line 19976", "the newest are kept, without a gap");
    assert_eq!(rows[rows.len() - 1000], "line 18977");
    // One line without an end is bounded too.
    emulator.feed(&vec![b'x'; 1_000_000]);
    assert!(emulator.history_bytes() <= 200_000);
}

#[test]
fn narrow_and_wide_again_is_as_before() {
    let text = b"$ cargo test --workspace --all-features\r\n\x1b[32mok\x1b[m 1 of a line that is rather long, really\r\n$ ";
    let mut emulator = fed(60, 4, text);
    emulator.feed(b"last");
    let before = visible(&mut emulator);
    emulator.resize(17, 4);
    assert_eq!(row_text(&emulator, 3), "$ last");
    assert_eq!(emulator.cursor(), Some((6, 3)));
    emulator.resize(60, 4);
    assert_eq!(visible(&mut emulator), before);
}

#[test]
fn a_lower_screen_gives_rows_to_the_history_and_a_higher_one_gets_them_back() {
    let mut emulator = fed(20, 6, b"1\r\n2\r\n3\r\n4\r\n5\r\n6");
    emulator.resize(20, 3);
    assert_eq!((emulator.text().as_str(), history(&mut emulator).join("")), ("4\n5\n6", "123".into()));
    emulator.resize(20, 5);
    assert_eq!((emulator.text().as_str(), history(&mut emulator).join("")), ("2\n3\n4\n5\n6", "1".into()));
    assert_eq!(emulator.cursor(), Some((1, 4)));
    // A screen that was cleared stays as it is: its history is not drawn back under the prompt.
    let mut cleared = fed(20, 3, b"1\r\n2\r\n3\r\n4\x1b[H\x1b[2J$ ");
    cleared.resize(30, 10);
    assert_eq!((cleared.text().as_str(), cleared.cursor()), ("$ ", Some((2, 0))));
}

#[test]
fn a_line_that_began_in_the_history_is_joined_again() {
    let mut emulator = fed(10, 2, b"0123456789abcdefghijKLMNOPQRSTu");
    assert_eq!(history(&mut emulator), ["0123456789", "abcdefghij"]);
    emulator.resize(40, 2);
    assert_eq!(emulator.text(), "0123456789abcdefghijKLMNOPQRSTu");
    assert_eq!((emulator.history_len(), emulator.cursor()), (0, Some((31, 0))));
}

#[test]
fn under_an_alternate_screen_the_main_one_is_wrapped_too() {
    let mut emulator = fed(20, 3, b"0123456789abcdef\x1b[31m\x1b[?1049h\x1b[32mother");
    emulator.resize(10, 3);
    assert!(emulator.modes().alternate_screen);
    assert_eq!(emulator.text(), "other");
    emulator.feed(b"\x1b[?1049l!");
    assert_eq!(emulator.text(), "0123456789abcdef!");
    assert_eq!(emulator.row(1).nth(6).unwrap().style.fg, Color::Index(1), "and so are the saved attributes");
}

#[test]
fn sizes_are_brought_into_bounds() {
    let mut emulator = fed(0, 60_000, b"x");
    assert_eq!(emulator.size(), (2, 1000));
    emulator.resize(60_000, 0);
    assert_eq!((emulator.size(), emulator.text()), ((1000, 2), "x".into()));
}
