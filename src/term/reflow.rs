//! A new size: the main screen's lines are wrapped anew.
//!
//! vt100 cuts lines off when it gets narrower. So its screen is read, cleared, resized and written again, with lines
//! taken from or left to the history. Not for: the alternate screen, whose program draws it anew. Invariant: no text of
//! the main screen is lost above the cursor or on its line, and making a screen narrow and wide again brings it back.

use super::grid::Grid;
use super::line::{Extent, columns, extent, first_rows, locate};

/// The main screen, apart from its size.
struct Content {
    /// Whole lines; each starts with the default style.
    lines: Vec<String>,
    cursor: Place,
    saved: Place,
    /// Whether anything stood in the last row: only then rows come back from the history.
    is_full: bool,
}

/// A position in lines, and the attributes in force there.
struct Place {
    line: usize,
    column: u32,
    attributes: String,
}

/// Gives the grid its new size.
pub(super) fn resize(grid: &mut Grid, rows: u16, cols: u16) {
    let alternate = grid.screen().alternate_screen();
    if alternate {
        grid.process(b"\x1b[?47l");
    }
    let attributes = grid.screen().attributes_formatted();
    let mut content = read(grid);
    clear(grid);
    grid.set_size(rows, cols);
    grid.behind().history.set_width(cols);
    take_back(grid, &mut content, rows, cols);
    write(grid, &content, rows, cols);
    if alternate {
        grid.process(b"\x1b[?47h");
    }
    grid.process(attributes.as_bytes());
}

fn read(grid: &mut Grid) -> Content {
    let cursor = place(grid);
    let text = grid.screen().contents_formatted_basic();
    let old_rows = u32::from(grid.size().0);
    // vt100 doesn't tell the saved cursor, but goes there.
    grid.process(b"\x1b8");
    let saved = place(grid);
    let mut lines = split(&text);
    while lines.len() > cursor.line + 1 && lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let used: u32 = lines.iter().map(|line| extent(line, grid.size().1).rows).sum();
    Content { lines, cursor, saved, is_full: used >= old_rows }
}

/// Where the cursor is, in whole lines.
fn place(grid: &Grid) -> Place {
    let (screen, cols) = (grid.screen(), u32::from(grid.size().1));
    let (row, col) = screen.cursor_position();
    let line = (0..row).filter(|row| !screen.row_wrapped(*row)).count();
    let above = (0..row).rev().take_while(|row| screen.row_wrapped(*row)).count();
    let column = u32::try_from(above).unwrap_or(0) * cols + u32::from(col);
    Place { line, column, attributes: screen.attributes_formatted() }
}

/// The lines of formatted text. Its style goes on from line to line, ours starts anew in each.
fn split(text: &str) -> Vec<String> {
    let mut style = String::new();
    let take = |line: &str| {
        let whole = if line.is_empty() { String::new() } else { format!("{style}{line}") };
        for sequence in line.split('\x1b').skip(1).filter_map(|rest| rest.split_once('m')) {
            // A reset makes all before it meaningless, and keeps this short.
            if sequence.0 == "[" {
                style.clear();
            } else {
                style.push('\x1b');
                style.push_str(sequence.0);
                style.push('m');
            }
        }
        whole
    };
    text.split('\n').map(take).collect()
}

/// Empties the screen without anything going to the history.
fn clear(grid: &mut Grid) {
    grid.process(b"\x1b[m\x1b[?6l\x1b[r\x1b[H\x1b[2J");
    // vt100 counts rows that it gave away, and would put as many empty ones on top of a screen that grows.
    grid.screen_mut().clear_scrollback();
}

/// Takes lines back from the history: the one that goes on on the screen, and as many as there is room for.
fn take_back(grid: &mut Grid, content: &mut Content, rows: u16, cols: u16) {
    let history = &mut grid.behind().history;
    if history.is_open()
        && let (Some((text, _)), Some(first)) = (history.pop(), content.lines.first_mut())
    {
        let before = columns(&text);
        *first = format!("{text}\x1b[m{first}");
        for place in [&mut content.cursor, &mut content.saved] {
            place.column += if place.line == 0 { before } else { 0 };
        }
    }
    let mut used: u32 = content.lines.iter().map(|line| extent(line, cols).rows).sum();
    let mut taken = Vec::new();
    while content.is_full && used < u32::from(rows) {
        let Some((text, _)) = history.pop() else { break };
        used += extent(&text, cols).rows;
        taken.push(text.into_string());
    }
    content.cursor.line += taken.len();
    content.saved.line += taken.len();
    content.lines.splice(0..0, taken.into_iter().rev());
}

/// Writes the lines and puts the cursors where they belong.
fn write(grid: &mut Grid, content: &Content, rows: u16, cols: u16) {
    let starts: Vec<u32> = content
        .lines
        .iter()
        .scan(0, |next, line| {
            let start = *next;
            *next += extent(line, cols).rows;
            Some(start)
        })
        .collect();
    let total = content.lines.iter().map(|line| extent(line, cols).rows).sum::<u32>();
    let cursor = row_and_column(content, &starts, &content.cursor, cols);
    // What is above goes to the history; what is below the cursor is cut, as every terminal does it.
    let top = total.saturating_sub(u32::from(rows)).min(cursor.0);
    let mut room = top + u32::from(rows);
    for (index, line) in content
        .lines
        .iter()
        .enumerate()
        .take_while(|(index, _)| starts.get(*index) < Some(&(top + u32::from(rows))))
    {
        let line = first_rows(line, cols, room);
        room -= extent(line, cols).rows.min(room);
        grid.process(if index == 0 { b"\x1b[m" } else { b"\x1b[m\r\n" });
        grid.process(line.as_bytes());
    }
    let saved = row_and_column(content, &starts, &content.saved, cols);
    go_to(grid, saved, top, cols, &content.saved.attributes);
    grid.process(b"\x1b7");
    go_to(grid, cursor, top, cols, &content.cursor.attributes);
}

/// Row from the first line, and column, of a place. Beyond the end of its line it stays as far right as there is room.
fn row_and_column(content: &Content, starts: &[u32], place: &Place, cols: u16) -> (u32, u32) {
    let (Some(line), Some(start)) = (content.lines.get(place.line), starts.get(place.line)) else {
        let last = starts.last().copied().unwrap_or(0);
        return (last, place.column);
    };
    let Extent { rows, column } = locate(line, cols, place.column);
    let beyond = place.column.saturating_sub(columns(line));
    (start + rows - 1, u32::from(column) + beyond)
}

fn go_to(grid: &mut Grid, (row, column): (u32, u32), top: u32, cols: u16, attributes: &str) {
    let row = row.saturating_sub(top) + 1;
    let column = column.min(u32::from(cols) - 1) + 1;
    grid.process(format!("\x1b[{row};{column}H{attributes}").as_bytes());
}
