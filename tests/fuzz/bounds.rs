//! What a chunk may cost, whatever is in it.
//!
//! Measured in CPU time of this thread against plain text of the same length right before and after, and what seems too
//! much is measured again: on a busy machine the same work takes twice the time for a while.

use loopmon::term::{Colours, Emulator};
use rustix::time::{ClockId, clock_gettime};

/// A chunk; a quarter of the largest that is read at once.
const CHUNK: usize = 16 * 1024;
/// A screen of a large window.
const SIZE: (u16, u16) = (200, 50);

/// CPU seconds that a chunk costs on a full screen.
fn cost(chunk: &[u8]) -> f64 {
    cost_of(std::iter::once(chunk))
}

fn cost_of<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> f64 {
    let mut emulator = Emulator::new(SIZE.0, SIZE.1, Colours::default());
    emulator.feed("é漢x".repeat(4000).as_bytes());
    let before = clock_gettime(ClockId::ThreadCPUTime);
    chunks.for_each(|chunk| emulator.feed(chunk));
    drop((emulator.take_replies(), emulator.take_events()));
    let after = clock_gettime(ClockId::ThreadCPUTime);
    (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 / 1e9
}

fn filled(with: &str) -> Vec<u8> {
    with.bytes().cycle().take(CHUNK).collect()
}

/// Text that passes the grid; lines without a sequence would only pass through the screen.
const TEXT: &str = "the quick brown fox \x1b[mjumps over the lazy dog\r\n";

/// How many times the cost of plain text something may cost (unoptimised; what it asks of vt100 is optimised).
const BOUND: f64 = 200.0;

/// What costs most for its length.
const DEAR: [&str; 42] = [
    "x\x1b[65535b",
    "\x1b[99999b",
    "\x1b[65535L",
    "\x1b[65535M",
    "\x1b[65535S",
    "\x1b[65535T",
    "\x1b[65535@",
    "\x1b[65535P",
    "\x1b[41m\x1b[65535S",
    "\x1b[41m\x1b[65535L",
    "\x1b[41m\x1b[@",
    "\x1b[65535'}",
    "\x1b['~",
    "\x1b[$z",
    "\x1b[?1049h\x1b[?1049l",
    "\x1b[?2026h\x1b[?2026l",
    "\x1b[65535I",
    "\x1b[65535Z",
    "\x1bc",
    "\x1b[2J",
    "\x1b[3J",
    "\x1b[8;999;999t",
    "\x1b]0;a\x07",
    "\x1b]4;1;?\x07",
    "\x1b[c",
    "\x1b[9mé",
    "\x1b]8;;http://h/a\x07x",
    "x\u{301}",
    "👨\u{200d}👩",
    "\u{fe0f}",
    "\x1bD",
    "\x1b[41m\x1bM",
    "\x1b[41m\n",
    "\x1b[41mx",
    "\x1b[4hx",
    "\x1b[?7lx",
    "\x1b6",
    "\x1b9",
    "\x1b[?1s\x1b[?1r",
    "\t",
    "\x1b[!p",
    "\x1b7\x1b8",
];

/// What has no bound yet: each of these few bytes touches every cell of the screen.
const BOUNDLESS: [&str; 6] = ["\x1b[$v", "\x1b[88$x", "\x1b[${", "\x1b[*y", "\x1b#8", "\x1b[?2J"];

/// How many times the cost of plain text this is; the least that was seen, once that is within the bound.
fn times(bound: f64, work: impl Fn() -> f64) -> f64 {
    let text = filled(TEXT);
    // The first time warms up.
    cost(&text);
    let mut least = f64::INFINITY;
    for _ in 0..5 {
        let before = cost(&text);
        let dear = work();
        least = least.min(dear / before.max(cost(&text)));
        if least <= bound {
            break;
        }
    }
    least
}

fn too_dear(parts: &[&str]) -> Vec<String> {
    let times = |part: &&str| (times(BOUND, || cost(&filled(part))), format!("{part:?}"));
    let dear = parts.iter().map(times).filter(|(times, _)| *times > BOUND);
    dear.map(|(times, part)| format!("{part} costs {times:.0} times as much as text")).collect()
}

#[test]
fn no_sequence_costs_much_more_than_text() {
    assert_eq!(too_dear(&DEAR), [""; 0]);
}

#[test]
fn no_sequence_on_the_whole_screen_costs_much_more_than_text() {
    assert_eq!(too_dear(&BOUNDLESS), [""; 0]);
}

#[test]
fn strings_without_end_cost_less_than_text_in_pieces_too() {
    for (start, fill) in [
        ("\x1b]0;", "a"),
        ("\x1b]52;c;", "A"),
        ("\x1bP+q", "5"),
        ("\x1b_", "x"),
        ("\x1b[", "1;"),
        ("x", "\u{301}"),
        ("🇩", "🇩"),
    ] {
        let chunk: Vec<u8> = start.bytes().chain(fill.bytes().cycle()).take(CHUNK).collect();
        let at_once = times(20.0, || cost(&chunk));
        let in_pieces = times(40.0, || cost_of(chunk.chunks(16)));
        assert!(at_once <= 20.0, "{start:?} {fill:?} costs {at_once:.0} times as much as text");
        assert!(in_pieces <= 40.0, "{start:?} {fill:?} in pieces costs {in_pieces:.0} times as much as text");
    }
}

#[test]
fn a_character_without_end_costs_no_square() {
    let joined = filled("👨\u{200d}");
    let times = times(40.0, || cost_of(joined.chunks(16)));
    assert!(times <= 40.0, "it costs {times:.0} times as much as text");
}
