//! What holds for all output, in whatever pieces and at whatever size.

use proptest::prelude::*;

use super::*;

/// Bytes like a terminal's: text, wide and combining characters, sequences whole and broken, and noise.
fn output() -> impl Strategy<Value = Vec<u8>> {
    let number =
        prop_oneof![Just(String::new()), (0u32..30).prop_map(|n| n.to_string()), Just("65535".to_owned())];
    let csi = (
        prop_oneof![Just(""), Just("?"), Just(">"), Just("=")],
        prop::collection::vec(number, 0..4),
        prop_oneof![Just(""), Just("$"), Just(" "), Just("!")],
        prop::char::range('@', '~'),
    )
        .prop_map(|(mark, numbers, between, last)| {
            format!("\x1b[{mark}{}{between}{last}", numbers.join(";")).into_bytes()
        });
    let modes =
        prop_oneof![Just(6), Just(25), Just(47), Just(1047), Just(1048), Just(1049), Just(2026), Just(2004)];
    let mode = (modes, prop::bool::ANY)
        .prop_map(|(mode, on)| format!("\x1b[?{mode}{}", if on { 'h' } else { 'l' }).into_bytes());
    let texts = [
        "\u{26a0}\u{fe0f}",
        "漢字",
        "e\u{301}",
        "👩‍👩‍👧",
        "\u{202e}",
        "plain text ",
        "\r\n",
        "\n",
        "\x08",
        "\t",
        "\u{9b}31m",
        "━",
    ];
    let text = prop::sample::select(texts.to_vec()).prop_map(|text| text.as_bytes().to_vec());
    let strings = [
        "\x1b]0;title\x07",
        "\x1b]8;;x\x1b\\",
        "\x1bPq\x1b\\",
        "\x1b]10;?",
        "\x1b_G",
        "\x1b7",
        "\x1b8",
        "\x1bM",
        "\x1bD",
        "\x1bE",
        "\x1bc",
        "\x1b",
        "\x1b[",
    ];
    let string = prop::sample::select(strings.to_vec()).prop_map(|text| text.as_bytes().to_vec());
    let noise = prop::collection::vec(any::<u8>(), 0..12);
    let long = (1usize..400).prop_map(|length| vec![b'w'; length]);
    let piece = prop_oneof![4 => text, 3 => csi, 1 => mode, 1 => string, 1 => noise, 1 => long];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn cases() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(asked.unwrap_or(300))
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn how_output_is_cut_into_pieces_changes_nothing(
        bytes in output(),
        steps in prop::collection::vec(1usize..9, 1..20),
        (cols, rows) in (2u16..40, 2u16..12),
    ) {
        let mut whole = fed(cols, rows, &bytes);
        let mut pieces = Emulator::new(cols, rows, Colours::default());
        let (mut rest, mut step) = (bytes.as_slice(), steps.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*step.next().unwrap()).min(rest.len()));
            pieces.feed(piece);
            rest = after;
        }
        prop_assert_eq!((whole.faults(), pieces.faults()), (0, 0));
        prop_assert_eq!(visible(&mut whole), visible(&mut pieces));
    }

    #[test]
    fn no_output_and_no_size_breaks_the_screen(
        work in prop::collection::vec((output(), 0u16..30, 0u16..15), 1..8),
    ) {
        let mut emulator = Emulator::new(20, 6, Colours::default());
        for (bytes, cols, rows) in work {
            emulator.feed(&bytes);
            emulator.resize(cols, rows);
            prop_assert_eq!(emulator.size(), (cols.max(2), rows.max(2)));
            prop_assert!(!everything(&mut emulator).contains('\u{202e}'), "an override came through");
            for row in 0..emulator.size().1 {
                let width: u16 = emulator.row(row).map(|cell| u16::from(cell.width)).sum();
                prop_assert_eq!(width, emulator.size().0);
            }
        }
        prop_assert_eq!(emulator.faults(), 0, "vt100 panicked behind the guard");
    }

    #[test]
    fn no_reply_holds_what_the_program_wrote(
        secret in "[a-zG-Z]{4,12}",
        holes in prop::collection::vec(0usize..12, 1..12),
    ) {
        let queries = [
            "\x1b]0;{}\x07\x1b[21t", "\x1b]11;{}\x07", "\x1b]4;1;{}\x07\x1b]4;1;?\x07", "\x1bP+q{}\x1b\\", "\x1bP$q{}\x1b\\",
            "\x1b]7501;{}\x07\x1b]7501;?\x07", "\x1b]52;c;{}\x07\x1b]52;c;?\x07", "{}\x1b[6n\x1b[c", "\x1b[?{}$p\x1b[?1$p",
            "\x1b]10;?{}\x07", "\x1b_G{}\x1b\\", "\x1b]{};?\x07",
        ];
        let bytes: String = holes.iter().map(|hole| queries[*hole].replace("{}", &secret)).collect();
        let answered = String::from_utf8(fed(80, 24, bytes.as_bytes()).take_replies()).unwrap();
        for window in secret.as_bytes().windows(4) {
            prop_assert!(!answered.contains(std::str::from_utf8(window).unwrap()), "{:?}", answered);
        }
    }

    #[test]
    fn making_it_narrow_and_wide_loses_no_text(
        lines in prop::collection::vec("[a-z漢字 ]{0,50}", 1..20),
        sizes in prop::collection::vec((2u16..60, 2u16..20), 1..6),
    ) {
        let mut emulator = fed(40, 10, lines.join("\r\n").as_bytes());
        let letters = |text: String| text.replace(' ', "");
        let before = letters(everything(&mut emulator));
        for (cols, rows) in sizes {
            emulator.resize(cols, rows);
            prop_assert_eq!(&letters(everything(&mut emulator)), &before, "at {}x{}", cols, rows);
        }
    }
}
