//! What the panes are flooded with.

use std::fmt::Write;

/// Kinds of output, a mebibyte of each: what people and agents really print.
pub fn kinds() -> Vec<(&'static str, String)> {
    let repeat = |line: &dyn Fn(usize, &mut String)| {
        let mut text = String::new();
        for number in 0.. {
            line(number, &mut text);
            if text.len() > 1 << 20 {
                break;
            }
        }
        text
    };
    vec![
        ("ascii", repeat(&ascii)),
        ("sgr", repeat(&sgr)),
        ("dense", repeat(&dense)),
        ("unicode", repeat(&unicode)),
        ("cursor", repeat(&cursor)),
        ("agent", repeat(&agent)),
    ]
}

/// Lines of a log.
fn ascii(number: usize, out: &mut String) {
    write!(out, "{number:>8} the quick brown fox jumps over the lazy dog, again and again and again\r\n")
        .unwrap();
}

/// Words in colours.
fn sgr(number: usize, out: &mut String) {
    for word in 0..12 {
        let colour = (number + word) % 8;
        write!(out, "\x1b[3{colour}mword\x1b[0m \x1b[1;4{colour}mother\x1b[m ").unwrap();
    }
    out.push_str("\r\n");
}

/// A colour for each cell.
fn dense(number: usize, out: &mut String) {
    for column in 0..100 {
        let (r, g) = ((number + column) % 256, column * 2 % 256);
        write!(out, "\x1b[38;2;{r};{g};90;48;2;{g};30;{r}m#").unwrap();
    }
    out.push_str("\x1b[m\r\n");
}

fn unicode(number: usize, out: &mut String) {
    write!(out, "{number} 日本語の文字列 ünïcödé text 🌱 ──── 中文 한국어 ✓ done\r\n").unwrap();
}

/// Jumps to everywhere.
fn cursor(number: usize, out: &mut String) {
    write!(out, "\x1b[{};{}Hxy\x1b[K", number * 7 % 45 + 1, number * 13 % 120 + 1).unwrap();
}

/// An agent's screen: a line above is rewritten, text goes on below.
fn agent(number: usize, out: &mut String) {
    write!(
        out,
        "\x1b[?2026h\x1b[2K\x1b[1A\x1b[2K\x1b[G\x1b[38;5;174m✻\x1b[39m \x1b[38;5;174mThinking… \x1b[38;5;246m({number}s · esc to interrupt)\x1b[39m\r\n\
         \x1b[1A\x1b[2K● \x1b[1mUpdate\x1b[22m(src/lib.rs)\r\n  ⎿  Updated src/lib.rs with 3 additions and 1 removal\r\n\
         \x1b[38;5;246m     {number:>4} \x1b[48;2;34;92;43m\x1b[38;2;248;248;242m+    let value = compute(number)?;\x1b[39m\x1b[49m\r\n\r\n\x1b[?2026l"
    )
    .unwrap();
}

/// So many lines of so many columns in colours, each of its own text.
pub fn coloured_lines(lines: usize, columns: usize) -> String {
    let mut text = String::new();
    for line in 0..lines {
        for word in 0..columns / 8 {
            write!(text, "\x1b[38;5;{}m{:07} ", (line + word) % 256, line * 31 + word).unwrap();
        }
        text.push_str("\x1b[m\r\n");
    }
    text
}
