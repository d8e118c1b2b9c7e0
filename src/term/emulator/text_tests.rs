//! Places stay on their text; what is cut out and found is what a person sees.

use super::*;
use crate::term::Colours;

fn terminal(cols: u16, rows: u16, output: &str) -> Emulator {
    let mut emulator = Emulator::new(cols, rows, Colours::default());
    emulator.feed(output.as_bytes());
    emulator
}

/// The cell at a place, as it would be drawn.
fn cell(emulator: &mut Emulator, place: Place) -> Option<String> {
    let (row, column) = emulator.position_of(place)?;
    let history = emulator.history_len();
    let mut at = 0;
    let find = |cell: Cell<'_>| {
        let here = at == column;
        at += u16::from(cell.width);
        here.then(|| cell.text.to_owned())
    };
    match row.checked_sub(history) {
        None => emulator.history_row(row).find_map(find),
        Some(row) => emulator.row(u16::try_from(row).unwrap()).find_map(find),
    }
}

fn found(emulator: &mut Emulator, pattern: &str) -> Vec<String> {
    let mut search = Search::new(pattern).unwrap();
    while !emulator.search(&mut search) {}
    let text = |hit: &Hit| {
        let from = Place { line: hit.line, column: hit.from };
        let to = Place { line: hit.line, column: hit.to - 1 };
        emulator.text_of(Stretch { from, to, block: false })
    };
    search.hits().iter().map(text).collect()
}

#[test]
fn a_place_stays_on_its_text_while_it_scrolls_and_is_wrapped_anew() {
    let mut emulator = terminal(20, 4, "one\r\ntwo\r\nabcdefghijklmnopqrst\u{6f22}X uvw\r\n");
    let x = emulator.place_at(3, 2);
    assert_eq!(cell(&mut emulator, x).as_deref(), Some("X"));
    assert_eq!(
        emulator.place_at(3, 1),
        emulator.place_at(3, 0),
        "both halves of a wide character are one place"
    );
    for step in 0..60u16 {
        match step % 3 {
            0 => emulator.feed(format!("more {step}\r\n").as_bytes()),
            1 => emulator.resize(7 + (step * 5) % 40, 3 + step % 4),
            _ => emulator.feed(format!("a line that is longer than most widths {step}\r\n").as_bytes()),
        }
        assert_eq!(cell(&mut emulator, x).as_deref(), Some("X"), "after step {step}");
        let (row, column) = emulator.position_of(x).unwrap();
        assert_eq!(emulator.place_at(row, column), x, "there and back, step {step}");
    }
}

#[test]
fn every_cell_of_every_row_has_a_place_of_its_own_and_is_found_there() {
    let output = "\u{6f22}\u{5b57}\u{6f22}\u{5b57} wrapped over rows and more\r\n\r\nshort\r\n\x1b[31mred\x1b[m e\u{301}nd\r\n";
    for cols in 3..30 {
        let mut emulator = terminal(cols, 3, &output.repeat(4));
        let rows = emulator.history_len() + 3;
        let mut before = None;
        for row in 0..rows {
            let place = emulator.place_at(row, 0);
            assert_eq!(emulator.position_of(place), Some((row, 0)), "row {row} of {cols} columns");
            assert!(before < Some(place), "places go up");
            before = Some(place);
        }
    }
}

#[test]
fn text_that_was_forgotten_has_no_place_and_no_other_text_takes_it() {
    let mut emulator = Emulator::with_history(20, 3, Colours::default(), 2_000);
    emulator.feed(b"first\r\n");
    let first = emulator.place_at(0, 0);
    for line in 0..200 {
        emulator.feed(format!("line {line}\r\n").as_bytes());
    }
    assert_eq!(emulator.position_of(first), None);
    let place = emulator.place_at(0, 0);
    emulator.feed(b"\x1b[3J");
    assert_eq!((emulator.history_len(), emulator.position_of(place)), (0, None));
    let main = emulator.place_at(0, 0);
    emulator.feed(b"\x1b[?1049h\x1b[Hfull screen");
    assert_eq!(emulator.position_of(main), None, "the alternate screen has places of its own");
    let inside = emulator.place_at(0, 0);
    emulator.feed(b"\x1b[?1049l");
    assert_eq!(emulator.position_of(inside), None);
    assert_eq!(emulator.position_of(main), Some((0, 0)));
}

#[test]
fn lines_are_cut_out_whole_over_wraps_and_without_blanks_at_their_ends() {
    let mut emulator =
        terminal(10, 4, "0123456789abcdef   \r\n\x1b[44m  two   \x1b[m\r\nthree\r\n\r\nfive\r\n");
    let text = |emulator: &mut Emulator, unit, one: (usize, u16), other: (usize, u16)| {
        let (one, other) = (emulator.place_at(one.0, one.1), emulator.place_at(other.0, other.1));
        let stretch = emulator.stretch(unit, other, one);
        emulator.text_of(stretch)
    };
    assert_eq!(text(&mut emulator, Unit::Char, (0, 8), (1, 2)), "89abc");
    assert_eq!(text(&mut emulator, Unit::Char, (1, 4), (3, 2)), "ef\n  two\nthr");
    assert_eq!(text(&mut emulator, Unit::Line, (1, 4), (2, 3)), "0123456789abcdef\n  two");
    assert_eq!(
        text(&mut emulator, Unit::Block, (0, 2), (3, 4)),
        "234\ncdef".replace("cdef", "cde") + "\ntwo\nree"
    );
    assert_eq!(emulator.whole_text(), "0123456789abcdef\n  two\nthree\n\nfive\n");
}

#[test]
fn a_block_keeps_its_columns_and_wide_characters_are_whole() {
    let mut emulator = terminal(20, 4, "a\u{6f22}b\u{5b57}c\r\n abcdefg\r\n\u{6f22}\u{5b57}xyz\r\n");
    let (one, other) = (emulator.place_at(0, 3), emulator.place_at(2, 5));
    let stretch = emulator.stretch(Unit::Block, one, other);
    assert_eq!(emulator.text_of(stretch), "b\u{5b57}\ncde\n xy");
}

#[test]
fn a_word_is_a_path_too_and_goes_over_a_wrap() {
    let mut emulator = terminal(10, 4, "see (src/term/line.rs:42), ok\r\n");
    let at = emulator.place_at(1, 3);
    let stretch = emulator.stretch(Unit::Word, at, at);
    assert_eq!(emulator.text_of(stretch), "src/term/line.rs:42");
    let sign = emulator.place_at(0, 4);
    let stretch = emulator.stretch(Unit::Word, sign, sign);
    assert_eq!(emulator.text_of(stretch), "(");
}

#[test]
fn a_search_finds_in_history_and_screen_over_wraps_styles_and_wide_characters() {
    let mut emulator = terminal(
        10,
        3,
        "error: \x1b[31mbro\x1b[1mken\x1b[m pipe\r\n\u{6f22}\u{5b57} Error\r\nx\r\ny\r\nlast error\r\n",
    );
    assert_eq!(found(&mut emulator, "broken pipe"), ["broken pipe"]);
    assert_eq!(found(&mut emulator, "error"), ["error", "Error", "error"]);
    assert_eq!(found(&mut emulator, "Error"), ["Error"]);
    assert_eq!(found(&mut emulator, r"\Srror$"), ["Error", "error"], "a class is no upper-case letter");
    assert_eq!(found(&mut emulator, "\u{5b57} e"), ["\u{5b57} E"]);
    assert_eq!(found(&mut emulator, "x*"), ["x"], "nothing is no hit");
}

#[test]
fn a_wrong_pattern_is_told_in_a_few_words() {
    let told = |pattern: &str| Search::new(pattern).unwrap_err().to_string();
    assert_eq!(told("(a"), "unclosed group");
    assert_eq!(told("[z-a]"), "invalid character class range, the start must be <= the end");
    assert_eq!(told(r"(\w{200}){200}"), "pattern is too large");
}

#[test]
fn hits_follow_the_output_and_go_with_their_lines() {
    let mut emulator = Emulator::with_history(20, 3, Colours::default(), 4_000);
    let mut search = Search::new("hit").unwrap();
    let mut fresh = |emulator: &mut Emulator| {
        while !emulator.search(&mut search) {}
        let mut again = Search::new("hit").unwrap();
        while !emulator.search(&mut again) {}
        assert_eq!(search.hits(), again.hits(), "searched on and searched anew are the same");
        search.hits().len()
    };
    let mut most = 0;
    for line in 0..300u16 {
        emulator.feed(format!("hit {line}\r\nmiss and a hit\x1b[K that is wrapped\r\n").as_bytes());
        match line % 7 {
            0 => emulator.resize(10 + line % 30, 3),
            3 => emulator.feed(b"\x1b[H\x1b[2Knothing\x1b[3;1H"),
            5 => emulator.feed(b"\x1b[?1049hhit hit\x1b[?1049l"),
            _ => {}
        }
        most = most.max(fresh(&mut emulator));
    }
    assert!((20..300).contains(&most), "{most}: the history is bounded, and so are the hits");
    emulator.feed(b"\x1b[2J\x1b[3J");
    assert_eq!(fresh(&mut emulator), 0);
}

#[test]
fn ten_thousand_lines_are_searched_in_slices() {
    let mut emulator = Emulator::with_history(200, 50, Colours::default(), 64 << 20);
    let line = format!("\x1b[32m{}\x1b[m needle {}\r\n", "word ".repeat(20), "x".repeat(60));
    emulator.feed(line.repeat(10_000).as_bytes());
    let mut search = Search::new("needle x+$").unwrap();
    let begun = Instant::now();
    let mut longest = Duration::ZERO;
    loop {
        let slice = Instant::now();
        let is_done = emulator.search(&mut search);
        longest = longest.max(slice.elapsed());
        if is_done {
            break;
        }
    }
    assert_eq!(search.hits().len(), 10_000);
    println!("10,000 lines in {:?}, the longest slice {longest:?}", begun.elapsed());
}

#[test]
fn prompts_are_found_wherever_they_have_gone() {
    let mut emulator = Emulator::with_history(30, 5, Colours::default(), 3_000);
    for command in 0..20 {
        emulator.feed(format!("\x1b]133;A\x07$ \x1b]133;B\x07run {command}\r\n\x1b]133;C\x07").as_bytes());
        emulator.feed("output of it that is longer than a row\r\n".repeat(3).as_bytes());
    }
    emulator.resize(17, 6);
    let mut at = *emulator.line_range().end();
    let mut seen = Vec::new();
    while let Some(line) = emulator.prompt_from(at, false) {
        at = line;
        seen.push(emulator.text_of(Stretch {
            from: Place { line, column: 0 },
            to: Place { line, column: u32::MAX },
            block: false,
        }));
    }
    assert!(seen.len() > 5 && seen[0] == "$ run 19" && seen[4] == "$ run 15", "{seen:?}");
    assert_eq!(emulator.prompt_from(at, true).is_some(), seen.len() > 1);
    emulator.feed(b"\x1b[2J\x1b[3J\x1b[H\x1b]133;A\x07$ ");
    let last = emulator.prompt_from(u64::MAX, false).unwrap();
    assert_eq!(emulator.position_of(Place { line: last, column: 0 }).unwrap().0, emulator.history_len());
}
