//! Modes: set, reset, saved, and told as they are.
//!
//! Invariant: a mode is told to be set only if it is obeyed; what can't be changed is told as permanent.

use std::time::Instant;

use super::area;
use super::grid::Grid;
use super::modes::MouseMode;
use super::params::Control;
use super::translate::Translator;

/// `CSI … h` and `l`.
pub(super) fn set_ansi(t: &mut Translator, control: &Control<'_>) {
    let on = control.last == b'h';
    for mode in control.numbers().flatten() {
        match mode {
            4 => t.writer.insert = on,
            20 => t.writer.newline = on,
            _ => {}
        }
    }
}

/// `CSI ? … h` and `l`.
pub(super) fn set_private(t: &mut Translator, control: &Control<'_>, grid: &mut Grid) {
    control.numbers().flatten().for_each(|mode| set(t, mode, control.last == b'h', grid));
}

/// XTSAVE.
pub(super) fn save(t: &mut Translator, control: &Control<'_>, grid: &Grid) {
    for mode in control.numbers().flatten() {
        if let Some(on) = is_set(t, mode, grid) {
            t.settings.saved_modes.insert(mode, on);
        }
    }
}

/// XTRESTORE.
pub(super) fn restore(t: &mut Translator, control: &Control<'_>, grid: &mut Grid) {
    for mode in control.numbers().flatten() {
        if let Some(on) = t.settings.saved_modes.get(&mode).copied() {
            set(t, mode, on, grid);
        }
    }
}

fn set(t: &mut Translator, mode: u16, on: bool, grid: &mut Grid) {
    let settings = &mut t.settings;
    match mode {
        5 => settings.reverse = on,
        6 => settings.origin = on,
        7 => t.writer.wrap = on,
        66 => return grid.process(if on { b"\x1b=" } else { b"\x1b>" }),
        // vt100 does not know these.
        1004 => return settings.focus = on,
        1007 => return settings.alternate_scroll = on,
        // A change that is begun again is the same one: it is not held any longer for that.
        2026 if on => {
            settings.synchronized.get_or_insert_with(Instant::now);
            return;
        }
        2026 => return settings.synchronized = None,
        2031 => return settings.tells_colours = on,
        47 | 1047 => return switch_screen(mode, on, grid),
        1048 if on => return t.save_cursor(grid),
        1048 => return t.restore_cursor(grid),
        1049 if on && !grid.screen().alternate_screen() => {
            t.save_cursor(grid);
            return grid.process(b"\x1b[?1049h");
        }
        1049 if !on && grid.screen().alternate_screen() => {
            grid.process(b"\x1b[?1049l");
            return t.restore_cursor(grid);
        }
        1049 => return,
        _ => {}
    }
    grid.process(format!("\x1b[?{mode}{}", if on { 'h' } else { 'l' }).as_bytes());
}

/// To the alternate screen or back; the cursor stays where it is (vt100 has one for each).
fn switch_screen(mode: u16, on: bool, grid: &mut Grid) {
    if on == grid.screen().alternate_screen() {
        return;
    }
    // The alternate screen is cleared when it is left.
    if mode == 1047 && !on {
        grid.process(b"\x1b[2J");
    }
    let (row, column) = grid.screen().cursor_position();
    let attributes = grid.screen().attributes_formatted();
    grid.process(if on { b"\x1b[?47h" } else { b"\x1b[?47l" });
    area::go(grid, row, column.min(grid.size().1 - 1));
    grid.process(attributes.as_bytes());
}

/// What DECRQM is told: 0 unknown, 1 set, 2 reset, 3 always set, 4 always reset.
pub(super) fn report(t: &Translator, private: bool, mode: u16, grid: &Grid) -> u8 {
    let on = match (private, mode) {
        // Keys that are held repeat, and clusters are one character, always.
        (true, 8 | 2027) => return 3,
        // Smooth scrolling, column switches and their like have no meaning here.
        (true, 3 | 4 | 10 | 12 | 18 | 19 | 40 | 42 | 45 | 67 | 69 | 95) => return 4,
        (false, 2 | 12) => return 4,
        (false, 1 | 5 | 7 | 10 | 11 | 13..=19) => return 4,
        (false, 4) => Some(t.writer.insert),
        (false, 20) => Some(t.writer.newline),
        (false, _) => None,
        (true, mode) => is_set(t, mode, grid),
    };
    match on {
        Some(true) => 1,
        Some(false) => 2,
        None => 0,
    }
}

fn is_set(t: &Translator, mode: u16, grid: &Grid) -> Option<bool> {
    let screen = grid.screen();
    let mouse = MouseMode::from(screen.mouse_protocol_mode());
    let encoding = screen.mouse_protocol_encoding();
    Some(match mode {
        1 => screen.application_cursor(),
        5 => t.settings.reverse,
        6 => t.settings.origin,
        7 => t.writer.wrap,
        9 => mouse == MouseMode::Press,
        25 => !screen.hide_cursor(),
        47 | 1047 | 1049 => screen.alternate_screen(),
        66 => screen.application_keypad(),
        1000 => mouse == MouseMode::PressRelease,
        1002 => mouse == MouseMode::Drag,
        1003 => mouse == MouseMode::Motion,
        1004 => t.settings.focus,
        1005 => encoding == vt100::MouseProtocolEncoding::Utf8,
        1006 => encoding == vt100::MouseProtocolEncoding::Sgr,
        1007 => t.settings.alternate_scroll,
        2004 => screen.bracketed_paste(),
        2026 => t.settings.synchronized.is_some(),
        2031 => t.settings.tells_colours,
        _ => return None,
    })
}
