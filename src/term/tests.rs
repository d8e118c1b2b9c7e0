//! Tests of the emulator: bytes in, cells, replies and events out.

mod history;
mod properties;

use super::*;

fn fed(cols: u16, rows: u16, bytes: &[u8]) -> Emulator {
    let mut emulator = Emulator::new(cols, rows, Colours::default());
    emulator.feed(bytes);
    emulator
}

fn replies(bytes: &str) -> String {
    String::from_utf8(fed(80, 24, bytes.as_bytes()).take_replies()).unwrap()
}

fn style_of(sgr: &str) -> CellStyle {
    fed(10, 2, format!("\x1b[{sgr}mx").as_bytes()).row(0).next().unwrap().style
}

fn row_text(emulator: &Emulator, row: u16) -> String {
    emulator.row(row).map(|cell| cell.text).collect::<String>().trim_end().to_owned()
}

fn history(emulator: &mut Emulator) -> Vec<String> {
    (0..emulator.history_len())
        .map(|row| emulator.history_row(row).map(|cell| cell.text).collect::<String>())
        .collect()
}

/// All text there is, from the oldest row of the history to the last of the screen, as one string.
fn everything(emulator: &mut Emulator) -> String {
    let above: String = history(emulator).concat();
    let screen: String = (0..emulator.size().1).map(|row| row_text(emulator, row)).collect();
    above + &screen
}

/// Everything that a user or the server can see of it.
fn visible(emulator: &mut Emulator) -> String {
    let mut out = String::new();
    for row in 0..emulator.size().1 {
        out.push_str(&format!("{:?}\n", emulator.row(row).collect::<Vec<_>>()));
    }
    out.push_str(&format!("{:?} {:?} {:?}", emulator.cursor(), emulator.modes(), emulator.is_synchronized()));
    out.push_str(&format!("{:?} {:?}", emulator.take_events(), String::from_utf8(emulator.take_replies())));
    out + &history(emulator).join("\n")
}

#[test]
fn attributes_that_vt100_misreads_come_out_right() {
    let plain = CellStyle::default();
    let underlined = CellStyle { underline: true, ..plain };
    let rgb = |r, g, b| CellStyle { fg: Color::Rgb(r, g, b), ..plain };
    let cases = [
        ("58;5;1", CellStyle { underline_colour: Color::Index(1), ..plain }),
        ("58;2;1;4;7", CellStyle { underline_colour: Color::Rgb(1, 4, 7), ..plain }),
        ("58:2::1:4:7", CellStyle { underline_colour: Color::Rgb(1, 4, 7), ..plain }),
        ("58;5;1;59", plain),
        ("4:3", CellStyle { underline_kind: Underline::Curly, ..underlined }),
        ("4:3;4", underlined),
        ("21", CellStyle { underline_kind: Underline::Double, ..underlined }),
        ("5;8;9;53", CellStyle { blink: true, conceal: true, strike: true, overline: true, ..plain }),
        ("5;8;9;53;25;28;29;55", plain),
        ("9;0", plain),
        ("1;2", CellStyle { bold: true, dim: true, ..plain }),
        ("1;2;22", plain),
        ("4;4:0", plain),
        ("38:2::10:20:30", rgb(10, 20, 30)),
        ("38:2:10:20:30", rgb(10, 20, 30)),
        ("38;2;10;20;30", rgb(10, 20, 30)),
        ("48:5:200", CellStyle { bg: Color::Index(200), ..plain }),
        ("1;38;5;58", CellStyle { bold: true, fg: Color::Index(58), ..plain }),
        ("7;3;2;91", CellStyle { inverse: true, italic: true, dim: true, fg: Color::Index(9), ..plain }),
        ("31;", plain),
    ];
    for (sgr, expected) in cases {
        assert_eq!(style_of(sgr), expected, "{sgr}");
    }
    // An attribute that is left out leaves the ones before it alone.
    assert_eq!(fed(10, 2, b"\x1b[31m\x1b[58;5;1mx").row(0).next().unwrap().style.fg, Color::Index(1));
}

#[test]
fn queries_are_answered_truthfully() {
    let cases = [
        ("\x1b[c", "\x1b[?64;6;22;28c"),
        ("\x1b[0c\x1b[>c\x1b[=c", "\x1b[?64;6;22;28c\x1b[>41;10;0c\x1bP!|00000000\x1b\\"),
        ("\x1b[5n", "\x1b[0n"),
        ("ab\x1b[6n", "\x1b[1;3R"),
        ("\x1b[5;9H\x1b[?6n", "\x1b[?5;9R"),
        ("\x1b[?2026$p", "\x1b[?2026;2$y"),
        ("\x1b[?2026h\x1b[?2026$p", "\x1b[?2026;1$y"),
        ("\x1b[?2004;1004h\x1b[?2004$p\x1b[?1004$p", "\x1b[?2004;1$y\x1b[?1004;1$y"),
        ("\x1b[?1049h\x1b[?1049$p\x1b[?25$p\x1b[?7$p", "\x1b[?1049;1$y\x1b[?25;1$y\x1b[?7;1$y"),
        ("\x1b[?1016$p\x1b[?2027$p\x1b[4$p", "\x1b[?1016;0$y\x1b[?2027;3$y\x1b[4;2$y"),
        ("\x1b[?u\x1b[>5u\x1b[?u\x1b[<u\x1b[=1u\x1b[?u", "\x1b[?0u\x1b[?5u\x1b[?1u"),
        // Each screen has its own keyboard.
        ("\x1b[>5u\x1b[?1049h\x1b[?u\x1b[?1049l\x1b[?u", "\x1b[?0u\x1b[?5u"),
        ("\x1b[>4;2m\x1b[?4m\x1b[>4n\x1b[?4m", "\x1b[>4;2m\x1b[>4;0m"),
        ("\x1b[?7l\x1b[4h\x1b[?7s\x1b[?7h\x1b[?7r\x1b[?7$p\x1b[4$p", "\x1b[?7;2$y\x1b[4;1$y"),
        ("\x1b]4;1;rgb:12/34/56\x07\x1b]4;1;?\x07", "\x1b]4;1;rgb:1212/3434/5656\x07"),
        ("\x1b]11;#fff\x07\x1b[?996n\x1b]111\x07\x1b[?996n", "\x1b[?997;2n\x1b[?997;1n"),
        ("ab\x1b[1;1;1;1;1;2*y", "\x1bP1!~FF3D\x1b\\"),
        ("\x1b[2;5r\x1bP$qr\x1b\\\x1b[1;4m\x1bP$qm\x1b\\", "\x1bP1$r2;5r\x1b\\\x1bP1$r0;1;4m\x1b\\"),
        ("\x1b[14t\x1b[16t\x1b[18t", "\x1b[4;384;640t\x1b[6;16;8t\x1b[8;24;80t"),
        ("\x1b[?996n", "\x1b[?997;1n"),
        ("\x1b[1;4:3;9;58:2::1:2:3m\x1bP$qm\x1b\\", "\x1bP1$r0;1;4;9;4:3;58:2::1:2:3m\x1b\\"),
        ("\x1bP+q4d73;436f\x1b\\\x1bP$qz\x1b\\", "\x1bP0+r\x1b\\\x1bP1+r436F=323536\x1b\\\x1bP0$r\x1b\\"),
        ("\x1b]11;?\x07", "\x1b]11;rgb:0000/0000/0000\x07"),
        ("\x1b[21t\x1b[20t\x1b]52;c;?\x07\x1b_Ga=q;AAAA\x1b\\\x1b[3J\x1b[8;5;5t", ""),
    ];
    for (asked, answered) in cases {
        assert_eq!(replies(asked), answered, "{asked:?}");
    }
    assert!(replies("\x1b[>0q").starts_with("\x1bP>|loopmon("));
    // The status protocol is announced before DA1, which programs wait for.
    let told = replies("\x1b]7501;?\x07\x1b[c");
    assert!(told.starts_with("\x1b]7501;?:states=") && told.ends_with("\x1b\\\x1b[?64;6;22;28c"), "{told:?}");
}

/// The rows of a small screen after some output, blanks at their ends left out.
fn screen(bytes: &str) -> Vec<String> {
    let emulator = fed(10, 4, bytes.as_bytes());
    let mut rows: Vec<String> = (0..4).map(|row| row_text(&emulator, row)).collect();
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    rows
}

#[test]
fn what_other_terminals_do_is_done() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("insert mode", "abc\x1b[4h\x1b[1GX漢\x1b[4lY", &["X漢Ybc"]),
        ("no wrapping", "\x1b[?7labcdefghijklm", &["abcdefghim"]),
        ("no wrapping of a wide one", "\x1b[?7labcdefghij漢", &["abcdefgh漢"]),
        ("wrapping again", "\x1b[?7l\x1b[?7habcdefghijkl", &["abcdefghij", "kl"]),
        ("a line feed that returns", "\x1b[20hab\ncd", &["ab", "cd"]),
        ("own tab stops", "\x1b[3g\x1b[4G\x1bH\r\tx\r\t\ty", &["   x     y"]),
        ("usual tab stops again", "\x1b[3g\x1b[?5W\r\tx", &["        x"]),
        ("tabs by number", "\x1b[Ix\x1b[Zy", &["        y"]),
        ("line drawing", "\x1b(0lqk\x1b(Blqk\x1b)0\x0elqk\x0fq", &["┌─┐lqk┌─┐q"]),
        ("index and next line", "a\x1bDb\x1bEc", &["a", " b", "c"]),
        ("alignment", "\x1b#8\x1b[2J\x1b[1;1Hx", &["x"]),
        ("save and restore", "a\x1b[sbc\x1b[uX", &["aXc"]),
        ("pen and charset are saved", "\x1b(0\x1b7\x1b(B\x1b8q", &["─"]),
        ("origin", "\x1b[2;3r\x1b[?6hA\x1b[9;1HB\x1b[?6lC", &["C", "A", "B"]),
        ("repeat", "ab\x1b[3b", &["abbbb"]),
        ("repeat what pushes the rest on", "xy\x1b[G\x1b[4ha\x1b[2b", &["aaaxy"]),
        ("repeat without wrapping", "\x1b[?7l12345678a\x1b[9bz", &["12345678az"]),
        (
            "repeat what has several parts",
            "👨\u{200d}👩\u{200d}👧\x1b[b|",
            &["👨\u{200d}👩\u{200d}👧👨\u{200d}👩\u{200d}👧|"],
        ),
        ("repeat after something else", "a\r\x1b[2bb", &["b"]),
        ("columns out and in", "abcd\x1b[2G\x1b[2'~\x1b['}", &["a d"]),
        ("a rectangle filled", "\x1b[88;1;2;2;3$x", &[" XX", " XX"]),
        ("a rectangle copied", "ab\r\ncd\x1b[1;1;2;2;1;3;4;1$v", &["ab", "cd", "   ab", "   cd"]),
        ("a rectangle erased", "abc\x1b[1;2;1;2$z", &["a c"]),
        ("selective erase", "\x1b[1\"qa\x1b[0\"qb\x1b[?2J", &["a"]),
        ("a soft reset", "\x1b[4h\x1b[?7l\x1b[2;3r\x1b[!pabcdefghijk\x1b[1GX", &["abcdefghij", "X"]),
        ("back from the edge", "abcdefghij\x08X", &["abcdefghXj"]),
        ("back from the edge by number", "abcdefghij\x1b[2DX", &["abcdefgXij"]),
        ("the alternate screen's cursor", "ab\x1b[?1047hc\x1b[?1047ld", &["ab d"]),
        ("what can't be decoded is seen", "a\u{fffd}b", &["a\u{fffd}b"]),
    ];
    for (what, bytes, rows) in cases {
        assert_eq!(screen(bytes), *rows, "{what}: {bytes:?}");
    }
}

#[test]
fn characters_of_several_parts_are_one_and_as_wide_as_people_see_them() {
    let family = "👩\u{200d}👩\u{200d}👧";
    let cases = [
        (family, 2),
        ("👍🏽", 2),
        ("🇩🇪", 2),
        ("❤\u{fe0f}\u{200d}🔥", 2),
        ("🏳\u{fe0f}\u{200d}🌈", 2),
        ("1\u{fe0f}\u{20e3}", 2),
        ("e\u{301}", 1),
        ("⚠\u{fe0f}", 2),
        ("⌚\u{fe0e}", 1),
        ("漢", 2),
        ("한", 2),
    ];
    for (cluster, width) in cases {
        let whole = format!("{cluster}x");
        // In one piece, and in every way of cutting it in two.
        for at in 0..whole.len() {
            let (first, second) = whole.as_bytes().split_at(at);
            let mut emulator = Emulator::new(20, 3, Colours::default());
            emulator.feed(first);
            emulator.feed(second);
            let cells: Vec<_> =
                emulator.row(0).take(2).map(|cell| (cell.text.to_owned(), cell.width)).collect();
            assert_eq!(cells, [(cluster.to_owned(), width), ("x".to_owned(), 1)], "{cluster} cut at {at}");
        }
    }
    // They stay whole on their way through the history and a change of size.
    let mut emulator = fed(20, 2, format!("{family}a\r\n\x1b[9mb\x1b[m\r\nc\r\nd").as_bytes());
    assert_eq!(history(&mut emulator)[0].trim_end(), format!("{family}a"));
    emulator.resize(9, 4);
    let struck: Vec<bool> = (0..4).map(|row| emulator.row(row).next().unwrap().style.strike).collect();
    assert_eq!(struck, [false, true, false, false]);
    assert_eq!(emulator.row(0).next().unwrap().text, family);
}

#[test]
fn new_rows_have_the_pens_background() {
    let ground = |bytes: &str, row: u16| {
        let emulator = fed(6, 3, bytes.as_bytes());
        emulator
            .row(row)
            .map(|cell| if cell.style.bg == Color::Index(4) { 'b' } else { '.' })
            .collect::<String>()
    };
    let cases = [
        ("\x1b[3;1H\x1b[44m\n", 2, "bbbbbb"),
        ("\x1b[3;1H\x1b[44mabcdefg", 2, "bbbbbb"),
        ("\x1b[44m\x1b[L", 0, "bbbbbb"),
        ("\x1b[44m\x1b[S", 2, "bbbbbb"),
        ("\x1b[44m\x1bM", 0, "bbbbbb"),
        ("\x1b[44m\x1b[2@", 0, "bb...."),
        ("\x1b[44m\x1b[2P", 0, "....bb"),
        ("\x1b[44m\x1b[m\x1b[3;1H\n", 2, "......"),
    ];
    for (bytes, row, wanted) in cases {
        assert_eq!(ground(bytes, row), wanted, "{bytes:?}");
    }
}

#[test]
fn links_lead_where_they_say_and_only_to_places_that_can_be_shown() {
    let link = |address: &str| {
        let emulator = fed(20, 2, format!("\x1b]8;id=1;{address}\x1b\\a\x1b]8;;\x1b\\b").as_bytes());
        let mut cells = emulator.row(0);
        let (first, second) = (cells.next().unwrap(), cells.next().unwrap());
        assert_eq!((first.text, second.text, second.link), ("a", "b", None));
        first.link.map(str::to_owned)
    };
    assert_eq!(link("https://example.org/a?b=c;d").as_deref(), Some("https://example.org/a?b=c;d"));
    assert_eq!(link("file:///srv/a").as_deref(), Some("file:///srv/a"));
    for hostile in ["javascript:alert(1)", "ssh://host", "https://a\u{202e}b", ""] {
        assert_eq!(link(hostile), None, "{hostile}");
    }
}

#[test]
fn colours_that_a_program_sets_are_shown() {
    let emulator = fed(4, 2, b"\x1b]4;1;#010203\x07\x1b]11;#040506\x07\x1b[31mx");
    let style = emulator.row(0).next().unwrap().style;
    assert_eq!((style.fg, style.bg), (Color::Rgb(1, 2, 3), Color::Rgb(4, 5, 6)));
}

#[test]
fn a_reversed_screen_is_reversed_as_a_whole() {
    let emulator = fed(4, 2, b"\x1b[?5ha\x1b[7mb");
    let inverse: Vec<bool> = emulator.row(0).map(|cell| cell.style.inverse).collect();
    assert_eq!(inverse, [true, false, true, true]);
}

#[test]
fn sequences_that_nobody_knows_leave_no_trace() {
    let noise = "\x1b]66;w=1; \x1b\\\x1b]1337;Capabilities\x07\x1b_Gi=31;AAA\x1b\\\x1bPabc\x1b\\\x1b^x\x1b\\\x1bXx\x07y\x1b\\\
                 \x1b]8;;http://x\x1b\\\x1b[>5u\x1b[?2031h\x1b[22;0t\x1b[8;3;3t\x1b(B\x0f\x1b[1;2;3;4x\x1b]52;c;aGk=\x07";
    let emulator = fed(20, 3, format!("a{noise}b").as_bytes());
    assert_eq!(emulator.text(), "ab");
    assert_eq!(emulator.size(), (20, 3), "a program can't resize its pane");
}

#[test]
fn what_vt100_lacks_is_done_by_what_it_has() {
    assert_eq!(fed(20, 3, b"ab\x1bDc\x1bEd").text(), "ab\n  c\nd");
    assert_eq!(fed(20, 3, b"ab\x1b[sxyz\x1b[uc").text(), "abcyz");
    assert_eq!(fed(20, 3, b"a\x1b[?1048hbc\x1b[?1048lX").text(), "aXc");
    let mut emulator = fed(20, 3, b"main\x1b[?1047h\x1b[Hother");
    assert_eq!((emulator.text().as_str(), emulator.modes().alternate_screen), ("other", true));
    emulator.feed(b"\x1b[?1047l");
    assert_eq!(emulator.text(), "main");
    assert_eq!(fed(20, 3, b"a\x1b[60000b").text(), "a".repeat(21), "a repeat is one row at most");
    assert_eq!(fed(20, 3, b"a\x1b[2\rCx").text(), "a x", "a control acts before the sequence it is in");
}

#[test]
fn events_are_told_clean_and_in_order() {
    let mut emulator = fed(
        80,
        24,
        "\x1b]0;one\x07\x1b]2;t\u{202e}wo;x\x1b\\\x07\x07\x1b]7501;state=blocked:kind=question\x07\x1b]9;look\x07\x1bc".as_bytes(),
    );
    let events = emulator.take_events();
    assert_eq!(events.len(), 5, "{events:?}");
    assert_eq!(events[0], TermEvent::Title("two;x".into()), "of titles the last counts");
    let TermEvent::Status(report) = &events[1] else { panic!("{events:?}") };
    assert_eq!(report.state, StatusState::Blocked(Some(BlockedKind::Question)));
    let look = Notification { id: None, part: NoticePart::Title, more: false, text: "look".to_owned() };
    assert_eq!(events[2..], [TermEvent::Notification(look), TermEvent::Reset, TermEvent::Bell]);
    assert!(emulator.take_events().is_empty());
}

#[test]
fn a_sign_made_wide_in_the_last_corner_harms_nothing() {
    let mut bytes = b"\x1b[24;1H".to_vec();
    bytes.extend(std::iter::repeat_n(b'a', 79));
    bytes.extend("\u{26a0}\u{fe0f}".as_bytes());
    bytes.extend(b"\x1b[23;1H");
    bytes.extend(std::iter::repeat_n(b'b', 80));
    let whole = fed(80, 24, &bytes);
    assert_eq!(whole.faults(), 0);
    assert_eq!(row_text(&whole, 22), "b".repeat(80));
    let mut split = Emulator::new(80, 24, Colours::default());
    bytes.iter().for_each(|byte| split.feed(std::slice::from_ref(byte)));
    assert_eq!((split.faults(), split.text()), (0, whole.text()));
    // Elsewhere the sign is wide, as it should be.
    assert_eq!(fed(80, 24, "\u{26a0}\u{fe0f}".as_bytes()).row(0).next().unwrap().width, 2);
}

#[test]
fn cells_hold_whole_characters_and_nothing_that_acts() {
    let emulator = fed(10, 2, "漢e\u{301}a\u{202e}b".as_bytes());
    let cells: Vec<_> = emulator.row(0).map(|cell| (cell.text, cell.width)).collect();
    assert_eq!(cells[..4], [("漢", 2), ("e\u{301}", 1), ("a", 1), ("b", 1)]);
    assert_eq!(cells.iter().map(|(_, width)| u16::from(*width)).sum::<u16>(), 10);
    assert_eq!(emulator.row(2).count(), 0);
}

#[test]
fn synchronized_output_is_seen_from_its_start_to_its_end() {
    let mut emulator = fed(10, 2, b"\x1b[?2026hhalf");
    assert!(emulator.is_synchronized() && emulator.synchronized_since().is_some());
    emulator.feed(b"\x1b[?2026l");
    assert!(!emulator.is_synchronized());
}

#[test]
fn a_change_that_is_to_be_shown_as_one_is_never_seen_half() {
    let mut emulator = fed(10, 2, b"before");
    let shown = |emulator: &mut Emulator| {
        let held = emulator.begin_frame();
        emulator.frame_row(0, held).map(|cell| cell.text).collect::<String>().trim_end().to_owned()
    };
    assert_eq!(shown(&mut emulator), "before");
    emulator.feed(b"\x1b[?2026h\x1b[2J\x1b[Haf");
    assert_eq!((shown(&mut emulator), emulator.text()), ("before".to_owned(), "af".to_owned()));
    emulator.feed(b"ter\x1b[?2026l");
    assert_eq!(shown(&mut emulator), "after");
    // Two in one piece of output: what is shown in the middle of the second is whole, if not the newest.
    emulator.feed(b"\x1b[?2026h\x1b[2J\x1b[Hone\x1b[?2026l\x1b[?2026h\x1b[2J\x1b[Htw");
    assert!(["after", "one"].contains(&shown(&mut emulator).as_str()));
    // A program that forgets the end is seen at work.
    std::thread::sleep(SYNCHRONIZED);
    assert_eq!(shown(&mut emulator), "tw");
    emulator.feed(b"\x1b[?2026l\x1b[?2026h\x1b[2J");
    emulator.resize(20, 2);
    assert_eq!(shown(&mut emulator), "", "a new size is drawn at once");
}

#[test]
fn a_picture_of_an_agent_at_work() {
    let stream = concat!(
        "\x1b[?25l\x1b[?2004h\x1b[?1004h\x1b]0;agent\x07\x1b[?2026h",
        "\x1b[38;5;174m✻\x1b[39m \x1b[1mWelcome\x1b[22m 漢字 ✅\r\n\r\n",
        "\x1b[2m⎿\x1b[22m  \x1b[48;2;34;92;43m+ let x = 1;\x1b[K\x1b[49m\r\n",
        "   \x1b[9;58:2::255:0:0;4:3mwarning\x1b[0m: unused\r\n",
        "\x1b[90m────────────────\x1b[39m\r\n❯ \x1b[7m \x1b[27m\r\n",
        "\x1b[2K\x1b[1A\x1b[2G\x1b[C\x1b[31mtype here\x1b[0m\x1b[1B\r\x1b[33m⠋\x1b[39m Working…\x1b[?2026l",
    );
    let emulator = fed(24, 8, stream.as_bytes());
    insta::assert_snapshot!(emulator.text(), @r"
    ✻ Welcome 漢字 ✅

    ⎿  + let x = 1;
       warning: unused
    ────────────────
    ❯ type here
    ⠋ Working…
    ");
    let styled = |row: u16, col: usize| emulator.row(row).nth(col).unwrap().style;
    assert_eq!(styled(0, 0).fg, Color::Index(174));
    assert!(styled(0, 2).bold && !styled(0, 10).bold);
    assert_eq!(styled(2, 23).bg, Color::Rgb(34, 92, 43), "a line is filled to its end");
    assert!(styled(3, 3).underline && styled(3, 3).fg == Color::Default);
    assert_eq!((styled(5, 2).fg, styled(6, 0).fg), (Color::Index(1), Color::Index(3)));
    assert_eq!(emulator.cursor(), None);
    assert!(emulator.modes().bracketed_paste && emulator.modes().focus);
}

#[test]
fn every_feed_and_resize_that_may_show_is_a_new_version() {
    let mut emulator = fed(10, 2, b"a");
    let first = emulator.version();
    emulator.feed(b"b");
    let second = emulator.version();
    emulator.resize(11, 2);
    assert!(first < second && second < emulator.version());
    let third = emulator.version();
    emulator.resize(11, 2);
    emulator.feed(b"");
    assert_eq!(emulator.version(), third);
}

#[test]
fn a_change_that_is_begun_again_and_again_is_held_no_longer() {
    let mut emulator = Emulator::new(8, 2, Colours::default());
    emulator.feed(b"\x1b[?2026h");
    let since = emulator.synchronized_since().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2));
    emulator.feed(b"x\x1b[?2026h");
    assert_eq!(emulator.synchronized_since(), Some(since));
    emulator.feed(b"\x1b[?2026l");
    assert_eq!(emulator.synchronized_since(), None);
}

#[test]
fn what_is_repeated_has_what_the_pen_has() {
    let emulator = fed(10, 2, b"\x1b[9m\x1b]8;;https://host/\x1b\\a\x1b[2b");
    let cells: Vec<_> =
        emulator.row(0).take(4).map(|cell| (cell.text, cell.style.strike, cell.link)).collect();
    assert_eq!(cells[..3], [("a", true, Some("https://host/")); 3]);
    assert_eq!(cells[3], (" ", false, None));
}

#[test]
fn links_without_end_leave_room_for_new_ones_and_old_ones_stay_where_they_are_shown() {
    let link = |number: u32| format!("\x1b]8;;https://host/{number}\x1b\\x\x1b]8;;\x1b\\");
    let mut emulator = Emulator::with_history(40, 4, Colours::default(), 4096);
    emulator.feed(link(0).as_bytes());
    emulator.feed(b"\x1b[?1049h");
    for first in (1..200_000).step_by(500) {
        let page: String = (first..first + 500).map(|number| link(number) + "\r\n").collect();
        emulator.feed(page.as_bytes());
    }
    let links = |emulator: &Emulator| -> Vec<String> {
        (0..4)
            .flat_map(|row| {
                emulator.row(row).filter_map(|cell| cell.link.map(str::to_owned)).collect::<Vec<_>>()
            })
            .collect()
    };
    assert_eq!(links(&emulator), ["https://host/199998", "https://host/199999", "https://host/200000"]);
    emulator.feed(b"\x1b[?1049l");
    assert_eq!(links(&emulator), ["https://host/0"], "it was not shown, and not forgotten");
}

#[test]
fn a_long_text_reaches_the_clipboard_however_it_is_cut() {
    use base64::Engine;
    let text = "twenty thousand lines\n".repeat(20_000);
    let data = base64::engine::general_purpose::STANDARD.encode(&text);
    let bytes = format!("a\x1b]52;c;{data}\x1b\\b");
    for piece in [bytes.len(), 8 * 1024, 8 * 1024 + 7, 4] {
        let mut emulator = fed(10, 2, b"");
        bytes.as_bytes().chunks(piece).for_each(|piece| emulator.feed(piece));
        assert_eq!(row_text(&emulator, 0), "ab");
        assert_eq!(emulator.take_events(), [TermEvent::Clipboard(text.clone())], "in pieces of {piece}");
    }
}
