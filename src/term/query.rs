//! Questions of the program: which one it is, and with what it is answered.
//!
//! Not for: the answers' form (`replies`). Invariant: nothing but numbers of our own is in an answer.

use super::cell::Color;
use super::grid::Grid;
use super::mark::{Extra, Underline};
use super::params::{Control, number};
use super::switch;
use super::translate::{Translator, column};

/// Answers a control sequence that asks something.
pub(super) fn answer(t: &mut Translator, control: &Control<'_>, grid: &Grid) {
    let (rows, columns) = grid.size();
    let first = control.at(0, 0);
    let replies = &mut t.replies;
    match (control.private, control.intermediates, control.last) {
        (None, b"", b'c') if first == 0 => replies.primary_attributes(),
        (Some(b'>'), b"", b'c') if first == 0 => replies.secondary_attributes(),
        (Some(b'='), b"", b'c') if first == 0 => replies.tertiary_attributes(),
        (Some(b'>'), b"", b'q') if first == 0 => replies.version(),
        (None, b"", b'n') if first == 5 => replies.operating(),
        (None | Some(b'?'), b"", b'n') if first == 6 => {
            let row = grid.screen().cursor_position().0.saturating_sub(t.settings.first_row(grid));
            t.replies.cursor(control.private.is_some(), row, column(grid));
        }
        (Some(b'?'), b"", b'n') => device(t, first),
        (Some(b'?'), b"", b'u') => {
            let flags = t.settings.keyboard(grid).flags();
            t.replies.keyboard(flags);
        }
        (Some(b'?'), b"", b'm') if first == 4 => {
            let other_keys = t.settings.keyboard(grid).other_keys;
            t.replies.other_keys(other_keys);
        }
        (None, b"", b't') => window(t, first, rows, columns),
        (None, b"", b'x') if first <= 1 => replies.parameters(first),
        (private @ (None | Some(b'?')), b"$", b'p') => {
            if let Some(mode) = number(control.parameters) {
                let value = switch::report(t, private.is_some(), mode, grid);
                t.replies.mode(private.is_some(), mode, value);
            }
        }
        _ => {}
    }
}

/// Device status of the DEC kind: there is no printer, no user-defined key, no locator.
fn device(t: &mut Translator, what: u16) {
    let replies = &mut t.replies;
    match what {
        15 => replies.status(13),
        25 => replies.status(21),
        26 => replies.keyboard_status(),
        53 | 55 => replies.status(50),
        56 => replies.locator(),
        62 => replies.macro_space(),
        75 => replies.status(70),
        85 => replies.status(83),
        996 => replies.brightness(t.palette.dynamic(super::palette::Dynamic::Background)),
        _ => {}
    }
}

/// XTWINOPS: what it reports; nothing that it does.
fn window(t: &mut Translator, what: u16, rows: u16, columns: u16) {
    let replies = &mut t.replies;
    match what {
        11 => replies.window_state(),
        13 => replies.window_position(),
        14 => replies.pixels(4, rows, columns),
        15 => replies.pixels(5, rows, columns),
        16 => replies.cell_pixels(),
        18 => replies.size(8, rows, columns),
        19 => replies.size(9, rows, columns),
        _ => {}
    }
}

/// DECRQSS: settings, told in our own words.
pub(super) fn setting(t: &mut Translator, what: &[u8], grid: &Grid) {
    let told = match what {
        b"m" => {
            // vt100 begins with a reset, and writes one sequence for all.
            let attributes = grid.screen().attributes_formatted();
            let numbers: Vec<&str> = attributes
                .split("\x1b[")
                .filter_map(|part| part.strip_suffix('m'))
                .filter(|part| !part.is_empty())
                .collect();
            let own = beyond_the_grid(t.writer.pen());
            let all = std::iter::once("0").chain(numbers).map(str::to_owned).chain(own);
            format!("{}m", all.collect::<Vec<_>>().join(";"))
        }
        b"r" => {
            let (top, bottom) = t.settings.region(grid);
            format!("{};{}r", top + 1, bottom + 1)
        }
        b" q" => format!("{} q", shape(grid.screen().cursor_style())),
        b"\"q" => format!("{}\"q", u8::from(t.writer.pen().protected)),
        b"\"p" => "64;1\"p".to_owned(),
        b"t" => format!("{}t", grid.size().0),
        b"*|" => format!("{}*|", grid.size().0),
        b"$|" => format!("{}$|", grid.size().1),
        b"s" => format!("1;{}s", grid.size().1),
        _ => return t.replies.no_setting(),
    };
    t.replies.setting(&told);
}

fn shape(style: vt100::CursorStyle) -> u8 {
    use vt100::CursorStyle;

    match style {
        CursorStyle::Default | CursorStyle::BlinkBlock => 1,
        CursorStyle::SteadyBlock => 2,
        CursorStyle::BlinkUnderline => 3,
        CursorStyle::SteadyUnderline => 4,
        CursorStyle::BlinkVerticalBar => 5,
        CursorStyle::SteadyVerticalBar => 6,
    }
}

/// The parameters of SGR for what vt100 does not hold of a pen.
fn beyond_the_grid(pen: &Extra) -> Vec<String> {
    let kind = match pen.underline {
        Underline::Plain => "",
        Underline::Double => "4:2",
        Underline::Curly => "4:3",
        Underline::Dotted => "4:4",
        Underline::Dashed => "4:5",
    };
    let flags =
        [(pen.faint, "2"), (pen.blink, "5"), (pen.conceal, "8"), (pen.strike, "9"), (pen.overline, "53")];
    let set = flags.iter().filter(|(on, _)| *on).map(|(_, number)| *number);
    let mut all: Vec<String> = set.chain([kind]).filter(|text| !text.is_empty()).map(str::to_owned).collect();
    match pen.underline_colour {
        Color::Default => {}
        Color::Index(index) => all.push(format!("58:5:{index}")),
        Color::Rgb(red, green, blue) => all.push(format!("58:2::{red}:{green}:{blue}")),
    }
    all
}
