//! Floods of plain text: lines that only pass through the screen go to the history by themselves.
//!
//! In one piece of output there may be many times more lines than the screen has rows. Of all but the last ones nothing
//! stays on the screen, so they need no cells. Not for: text with styles or sequences in it, and screens on which not
//! all rows scroll (who calls knows). Invariant: grid and history are what they would be, had all of it passed the grid.

use memchr::{memchr_iter, memrchr_iter};
use unicode_width::UnicodeWidthChar;

use super::grid::Grid;

/// Shorter text is not worth a look.
pub(super) const LEAST: usize = 1024;
/// A longer line passes the grid: the history ends lines at a length of its own.
const LONGEST: usize = 16 * 1024;
/// Columns between two tab stops, where nobody moved them.
const TAB: usize = 8;

/// Writes text without sequences, on the main screen, with the usual pen and tab stops, where all rows scroll.
pub(super) fn write(text: &[u8], grid: &mut Grid) {
    let Some((before, after)) = ends(text, grid) else { return grid.process(text) };
    let (begin, through) = (text.get(..before), text.get(before..after));
    let (Some(begin), Some(through)) = (begin, through) else { return grid.process(text) };
    let (rows, columns) = grid.size();
    let columns = usize::from(columns);
    let mut scratch = String::new();
    if lines(through).take(usize::from(rows)).any(|(_, line)| plain(line, columns, &mut scratch).is_none()) {
        return grid.process(text);
    }
    grid.process(begin);
    if !grid.scroll_off() {
        return grid.process(text.get(before..).unwrap_or_default());
    }
    let mut passed = before;
    for (end, line) in lines(through) {
        // From the first that needs the grid on, it takes the rest: that has line feeds enough in any case.
        let Some(line) = plain(line, columns, &mut scratch) else { break };
        grid.behind().history.push_plain(line);
        passed = before + end;
    }
    grid.fill(text.get(passed..).unwrap_or_default());
}

/// Where the lines begin and end that may only pass through: before them the cursor comes to the start of a last row
/// that is new, after them come line feeds enough to fill the screen, and something that is printed.
fn ends(text: &[u8], grid: &Grid) -> Option<(usize, usize)> {
    let rows = usize::from(grid.size().0);
    let row = usize::from(grid.screen().cursor_position().0);
    let before = memchr_iter(b'\n', text).nth(rows.checked_sub(row + 1)?)? + 1;
    let after = memrchr_iter(b'\n', text).nth(rows - 1)? + 1;
    let prints = text.get(after..)?.iter().any(|byte| matches!(byte, 0x20..=0x7e));
    let starts = text.get(..before)?.ends_with(b"\r\n");
    let is_worth = memchr_iter(b'\n', text.get(before..after)?).nth(2 * rows).is_some();
    (prints && starts && is_worth).then_some((before, after))
}

/// Each line of text that ends in a line feed, without that, and where the next one begins.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut from = 0;
    memchr_iter(b'\n', text).filter_map(move |at| {
        let line = text.get(from..at)?;
        from = at + 1;
        Some((from, line))
    })
}

/// A line as the history holds it, if it begins in the first column, ends in a return and is known cell by cell. Only
/// one that is ASCII without tabs may be wider than the screen.
fn plain<'t>(line: &'t [u8], columns: usize, scratch: &'t mut String) -> Option<&'t str> {
    let line = line.strip_suffix(b"\r").filter(|line| line.len() <= LONGEST)?;
    let is_printed = line.iter().fold(true, |all, byte| all & matches!(byte, 0x20..=0x7e));
    let text = std::str::from_utf8(line).ok()?;
    if is_printed {
        return Some(text);
    }
    scratch.clear();
    let (mut column, mut written) = (0, 0);
    for c in text.chars() {
        if c == '\t' {
            column += TAB - column % TAB;
            if column >= columns {
                return None;
            }
            continue;
        }
        // Blanks that a tab went over are there only if something is behind them.
        scratch.extend(std::iter::repeat_n(' ', column - written));
        column += c.width().filter(|width| matches!(width, 1 | 2))?;
        written = column;
        scratch.push(c);
    }
    (column <= columns).then_some(scratch.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::history::History;
    use super::*;

    /// Everything that is on the screen and above it.
    fn all(grid: &mut Grid) -> (String, Vec<bool>, (u16, u16), Vec<String>, usize) {
        let screen = grid.screen();
        let wrapped = (0..grid.size().0).map(|row| screen.row_wrapped(row)).collect();
        let (text, cursor) = (screen.contents_formatted_basic(), screen.cursor_position());
        let history = &mut grid.behind().history;
        let rows = history.rows();
        let rows = (0..rows).map(|row| history.row(row).map(|cell| cell.text).collect()).collect();
        (text, wrapped, cursor, rows, history.bytes())
    }

    fn both(size: (u16, u16), limit: usize, before: &str, text: &str) -> (Grid, Grid) {
        let grid = || Grid::new(size.0, size.1, History::new(limit, size.1));
        let (mut slow, mut fast) = (grid(), grid());
        slow.process(before.as_bytes());
        slow.process(text.as_bytes());
        fast.process(before.as_bytes());
        write(text.as_bytes(), &mut fast);
        (slow, fast)
    }

    #[test]
    fn a_flood_takes_the_short_way() {
        let text: String = (0..500).map(|number| format!("line {number}\r\n")).collect();
        let (_, mut fast) = both((24, 80), 1 << 20, "$ cat log\r\n", &text);
        let Some((before, after)) = ends(text.as_bytes(), &Grid::new(24, 80, History::new(0, 80))) else {
            panic!("it has lines enough");
        };
        assert!(before < 300 && after > text.len() - 300, "{before} {after}");
        assert_eq!(fast.behind().history.rows(), 500 + 1 - 23);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn screen_and_history_are_as_if_all_had_passed_the_grid(
            lines in prop::collection::vec(
                prop_oneof![
                    8 => "[ -~]{0,30}\r\n",
                    4 => "[ -~]{28,90}\r\n",
                    2 => "[a-z \t]{0,20}\r\n",
                    2 => "[a-z é漢─ü]{0,12}\r\n",
                    1 => Just("\r\n".to_owned()),
                    1 => Just(" \t \t\r\n".to_owned()),
                    1 => "[a-z]{0,12}(\n|\r|\r\r\n|\u{b}|\u{301}\r\n|\u{ad}\r\n|\u{7}|\u{7f}\r\n)",
                ],
                0..120,
            ),
            rare in 0usize..3,
            before in "([a-z]{0,40}(\r\n|\n)){0,9}(\u{1b}\\[[1-5];[1-9]H)?[a-z]{0,30}(\u{1b}\\[2[LM])?",
            end in "[a-z]{0,50}",
            size in (2u16..7, 5u16..34),
            limit in prop::sample::select(vec![0, 300, 1 << 20]),
        ) {
            // Streams of the plain kinds alone take the short way to its end.
            let is_plain = |line: &String| line.ends_with("\r\n") && line.is_ascii() && !line.contains('\u{7f}');
            let kept: Vec<String> = lines.into_iter().filter(|line| rare > 0 || is_plain(line)).collect();
            let text = kept.concat() + &end;
            let (mut slow, mut fast) = both(size, limit, &before, &text);
            prop_assert_eq!(all(&mut slow), all(&mut fast));
            // What is written next repeats, wraps and scrolls as ever.
            for next in ["\x1b[3b", "x\r\ny\r\n\n\n\n\n\n\n"] {
                slow.process(next.as_bytes());
                fast.process(next.as_bytes());
                prop_assert_eq!(all(&mut slow), all(&mut fast));
            }
        }
    }
}
