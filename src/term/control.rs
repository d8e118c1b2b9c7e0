//! Control sequences that vt100 misreads, lacks or must not see, done by what it has.
//!
//! Not for: modes (`switch`), questions (`query`), and what vt100 reads right by itself. Invariant: a sequence that
//! nobody knows changes nothing.

use super::area::{self, Area};
use super::grid::Grid;
use super::params::Control;
use super::query;
use super::replies::Replies;
use super::sgr;
use super::switch;
use super::translate::{Translator, column};

/// Acts on what stands after `ESC [`.
pub(super) fn act(t: &mut Translator, body: &[u8], grid: &mut Grid) {
    let Some(control) = Control::of(body) else { return };
    match (control.private, control.intermediates) {
        (None, b"") => plain(t, &control, grid),
        (Some(b'?'), b"") => private(t, &control, grid),
        (Some(b'>' | b'<' | b'='), b"") => keyboard(t, &control, grid),
        (None, b"$" | b"*" | b"'") => areas(t, &control, grid),
        (None, b" ") if control.last == b'q' => pass(&control, grid),
        (None, b"!") if control.last == b'p' => soft_reset(t, grid),
        (None, b"\"") if control.last == b'q' => protect(t, control.at(0, 0)),
        _ => {}
    }
    query::answer(t, &control, grid);
}

fn plain(t: &mut Translator, control: &Control<'_>, grid: &mut Grid) {
    let count = control.at(0, 1);
    match control.last {
        b'm' => attributes(t, control.parameters, grid),
        b'J' if control.parameters == b"3" => grid.behind().history.clear(),
        b'h' | b'l' => switch::set_ansi(t, control),
        b'r' => scroll_region(t, control, grid),
        b's' => t.save_cursor(grid),
        b'u' => t.restore_cursor(grid),
        // One row is all that a program can mean; more only costs time.
        b'b' => t.writer.repeat(count.min(grid.size().1), grid),
        b'I' => t.writer.tab(count, grid),
        b'Z' => {
            let stop = t.writer.tabs.before(column(grid), count);
            grid.process(format!("\x1b[{}G", stop + 1).as_bytes());
        }
        b'g' => match control.at(0, 0) {
            0 => t.writer.tabs.set(column(grid), false),
            3 => t.writer.tabs.clear(),
            _ => {}
        },
        b'D' | b'j' => back(count, grid),
        b'a' => grid.process(format!("\x1b[{count}C").as_bytes()),
        b'e' => grid.process(format!("\x1b[{count}B").as_bytes()),
        b'k' => grid.process(format!("\x1b[{count}A").as_bytes()),
        b'L' | b'M' | b'S' | b'T' | b'@' | b'P' => with_background(t, control, count, grid),
        _ => pass(control, grid),
    }
}

fn private(t: &mut Translator, control: &Control<'_>, grid: &mut Grid) {
    match control.last {
        b'h' | b'l' => switch::set_private(t, control, grid),
        b's' => switch::save(t, control, grid),
        b'r' => switch::restore(t, control, grid),
        b'J' if control.parameters == b"3" => grid.behind().history.clear(),
        b'J' | b'K' => erase_selectively(t, control, grid),
        // DECST8C.
        b'W' if control.at(0, 0) == 5 => t.writer.tabs.reset(),
        _ => {}
    }
}

fn keyboard(t: &mut Translator, control: &Control<'_>, grid: &Grid) {
    let keyboard = t.settings.keyboard(grid);
    match (control.private, control.last) {
        (Some(b'>'), b'u') => keyboard.push(control.at(0, 0)),
        (Some(b'<'), b'u') => keyboard.pop(control.at(0, 1)),
        (Some(b'='), b'u') => keyboard.set(control.at(0, 0), control.at(1, 1)),
        (Some(b'>'), b'm') if control.at(0, 0) == 4 => keyboard.other_keys = control.at(1, 0).min(2),
        (Some(b'>'), b'n') if control.at(0, 0) == 4 => keyboard.other_keys = 0,
        _ => {}
    }
}

fn pass(control: &Control<'_>, grid: &mut Grid) {
    // `CSI 8 t` never gets here as anything that vt100 obeys: a program may not resize its pane.
    if control.last != b't' {
        let body = [control.parameters, control.intermediates, &[control.last]].concat();
        grid.process(&[b"\x1b[", body.as_slice()].concat());
    }
}

fn attributes(t: &mut Translator, parameters: &[u8], grid: &mut Grid) {
    let mut pen = t.writer.pen().clone();
    if let Some(rewritten) = sgr::rewrite(parameters, grid.screen().bold(), &mut pen) {
        grid.process(&[b"\x1b[", rewritten.as_slice(), b"m"].concat());
    }
    t.writer.set_pen(pen);
    t.writer.note_pen(grid);
}

/// A cursor that is about to wrap counts as being in the last column, which vt100 has not.
fn back(count: u16, grid: &mut Grid) {
    let to = column(grid).saturating_sub(count);
    grid.process(format!("\x1b[{}G", to + 1).as_bytes());
}

fn scroll_region(t: &mut Translator, control: &Control<'_>, grid: &mut Grid) {
    let rows = grid.size().0;
    let (top, bottom) = (control.at(0, 1), control.at(1, rows).min(rows));
    if top >= bottom {
        return;
    }
    t.settings.set_region(grid, (top > 1 || bottom < rows).then_some((top - 1, bottom - 1)));
    grid.process(format!("\x1b[{top};{bottom}r").as_bytes());
    // The cursor goes home, wherever that is.
    grid.process(b"\x1b[H");
}

/// What makes new blanks: they have the pen's background, as `bce` promises.
fn with_background(t: &mut Translator, control: &Control<'_>, count: u16, grid: &mut Grid) {
    pass(control, grid);
    if grid.screen().bgcolor() == vt100::Color::Default {
        return;
    }
    let (row, column) = (grid.screen().cursor_position().0, column(grid));
    let (top, bottom) = t.settings.region(grid);
    let columns = grid.size().1;
    let inside = (top..=bottom).contains(&row);
    let from_end = |first: u16| bottom.saturating_sub(count - 1).max(first);
    match control.last {
        b'L' if inside => t.blank_rows(row, count.min(bottom - row + 1), grid),
        b'M' if inside => t.blank_rows(from_end(row), count.min(bottom - row + 1), grid),
        b'S' => t.blank_rows(from_end(top), count.min(bottom - top + 1), grid),
        b'T' => t.blank_rows(top, count.min(bottom - top + 1), grid),
        b'@' => grid.process(format!("\x1b[{count}X").as_bytes()),
        b'P' => {
            let left = columns.saturating_sub(count).max(column);
            let rest = t.settings.rest(grid);
            area::erase(grid, Area { top: row, left, bottom: row, right: columns - 1 });
            rest.put_back(grid);
        }
        _ => {}
    }
}

/// DECSED and DECSEL: what is protected stays.
fn erase_selectively(t: &mut Translator, control: &Control<'_>, grid: &mut Grid) {
    let (rows, columns) = grid.size();
    let (row, column) = (grid.screen().cursor_position().0, column(grid));
    let whole = |top, bottom| Area { top, left: 0, bottom, right: columns - 1 };
    let before = Area { right: column, ..whole(row, row) };
    let after = Area { left: column, ..whole(row, row) };
    let mut areas = Vec::new();
    match (control.last, control.at(0, 0)) {
        (b'K', 0) => areas.push(after),
        (b'K', 1) => areas.push(before),
        (b'K', 2) => areas.push(whole(row, row)),
        (b'J', 0) => {
            areas.push(after);
            areas.extend((row + 1 < rows).then(|| whole(row + 1, rows - 1)));
        }
        (b'J', 1) => {
            areas.extend((row > 0).then(|| whole(0, row - 1)));
            areas.push(before);
        }
        (b'J', 2) => areas.push(whole(0, rows - 1)),
        _ => return,
    }
    if !t.credit.pay(areas.iter().map(|area| area.cells()).sum()) {
        return;
    }
    let rest = t.settings.rest(grid);
    for area in areas {
        area::erase_unprotected(grid, &t.writer.marks, area);
    }
    rest.put_back(grid);
}

fn protect(t: &mut Translator, how: u16) {
    let mut pen = t.writer.pen().clone();
    pen.protected = how == 1;
    t.writer.set_pen(pen);
}

/// DECSTR.
fn soft_reset(t: &mut Translator, grid: &mut Grid) {
    let keep = grid.screen().cursor_position();
    let first = t.settings.first_row(grid);
    grid.process(b"\x1b[?25h\x1b[?1l\x1b>\x1b[?6l\x1b[r\x1b[m");
    // What was saved is the home position from now on.
    grid.process(b"\x1b[H\x1b7");
    area::go(grid, keep.0.max(first), keep.1.min(grid.size().1 - 1));
    t.settings.soft_reset();
    t.settings.keyboard(grid).other_keys = 0;
    t.writer.soft_reset();
    t.writer.note_pen(grid);
}

/// Sequences on rectangles.
fn areas(t: &mut Translator, control: &Control<'_>, grid: &mut Grid) {
    match (control.intermediates, control.last) {
        (b"*", b'y') => {
            let id = control.at(0, 0);
            let area = affordable(t, control, 2, grid);
            let sum = area.map_or(0, |area| area::checksum(grid, &t.writer.marks, area));
            t.replies.checksum(id, sum);
        }
        (b"$", b'x') => {
            let code = u32::from(control.at(0, 0));
            let text = char::from_u32(code).filter(|c| matches!(c, ' '..='~' | '\u{a0}'..='\u{ff}'));
            if let (Some(text), Some(area)) = (text, affordable(t, control, 1, grid)) {
                let rest = t.settings.rest(grid);
                area::fill(grid, area, &t.writer.inked(text));
                rest.put_back(grid);
            }
        }
        (b"$", b'z') => with_area(t, control, grid, |_, grid, area| area::erase(grid, area)),
        (b"$", b'{') => {
            with_area(t, control, grid, |t, grid, area| area::erase_unprotected(grid, &t.writer.marks, area));
        }
        (b"$", b'v') => copy(t, control, grid),
        (b"'", b'}' | b'~') => columns(t, control, grid),
        _ => {}
    }
}

fn with_area(
    t: &mut Translator,
    control: &Control<'_>,
    grid: &mut Grid,
    work: impl FnOnce(&mut Translator, &mut Grid, Area),
) {
    if let Some(area) = affordable(t, control, 0, grid) {
        let rest = t.settings.rest(grid);
        work(t, grid, area);
        rest.put_back(grid);
    }
}

/// Top, left, bottom and right, from 1, at that place of the parameters.
fn area_of(t: &Translator, control: &Control<'_>, at: usize, grid: &Grid) -> Option<Area> {
    let (rows, columns) = grid.size();
    let first = t.settings.first_row(grid);
    let last = if t.settings.origin { t.settings.region(grid).1 } else { rows - 1 };
    let row = |number: u16| first.saturating_add(number - 1);
    let area = Area {
        top: row(control.at(at, 1)),
        left: control.at(at + 1, 1) - 1,
        bottom: row(control.at(at + 2, rows)).min(last),
        right: control.at(at + 3, columns).min(columns) - 1,
    };
    (area.top <= area.bottom && area.left <= area.right).then_some(area)
}

/// The same, paid for.
fn affordable(t: &mut Translator, control: &Control<'_>, at: usize, grid: &Grid) -> Option<Area> {
    area_of(t, control, at, grid).filter(|area| t.credit.pay(area.cells()))
}

/// DECCRA.
fn copy(t: &mut Translator, control: &Control<'_>, grid: &mut Grid) {
    let (Some(from), (rows, columns)) = (affordable(t, control, 0, grid), grid.size()) else { return };
    let first = t.settings.first_row(grid);
    let last = if t.settings.origin { t.settings.region(grid).1 } else { rows - 1 };
    let (top, left) = (first.saturating_add(control.at(5, 1) - 1), control.at(6, 1) - 1);
    if top > last || left >= columns {
        return;
    }
    let (height, width) =
        ((from.bottom - from.top).min(last - top), (from.right - from.left).min(columns - 1 - left));
    let cells = area::read(grid, Area { bottom: from.top + height, right: from.left + width, ..from });
    let rest = t.settings.rest(grid);
    area::draw(grid, top, left, &cells);
    rest.put_back(grid);
}

/// DECIC and DECDC: columns inserted or deleted at the cursor in the whole scroll region.
fn columns(t: &mut Translator, control: &Control<'_>, grid: &mut Grid) {
    let (top, bottom) = t.settings.region(grid);
    let (row, at) = (grid.screen().cursor_position().0, column(grid));
    if (top..=bottom).contains(&row) {
        move_columns(t, at, control.at(0, 1), control.last == b'}', grid);
    }
}

fn move_columns(t: &mut Translator, at: u16, count: u16, insert: bool, grid: &mut Grid) {
    let (top, bottom) = t.settings.region(grid);
    if !t.credit.pay(usize::from(bottom - top + 1) * usize::from(grid.size().1)) {
        return;
    }
    let rest = t.settings.rest(grid);
    let last = if insert { '@' } else { 'P' };
    for row in top..=bottom {
        area::go(grid, row, at);
        grid.process(format!("\x1b[{count}{last}").as_bytes());
    }
    rest.put_back(grid);
}

/// DECBI and DECFI: the cursor back or forward; at the edge the page moves instead.
pub(super) fn shift_page(t: &mut Translator, backwards: bool, grid: &mut Grid) {
    let (at, columns) = (column(grid), grid.size().1);
    match (backwards, at) {
        (true, 0) => move_columns(t, 0, 1, true, grid),
        (true, _) => back(1, grid),
        (false, at) if at + 1 == columns => move_columns(t, 0, 1, false, grid),
        (false, _) => grid.process(b"\x1b[C"),
    }
}

/// A device control string.
pub(super) fn request(t: &mut Translator, body: &[u8], grid: &Grid) {
    let replies: &mut Replies = &mut t.replies;
    if let Some(names) = body.strip_prefix(b"+q") {
        replies.capabilities(names);
    } else if let Some(setting) = body.strip_prefix(b"$q") {
        query::setting(t, setting, grid);
    }
}
