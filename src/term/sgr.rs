//! Character attributes, rewritten into the forms that vt100 reads right; what its cells can't hold goes to the pen.
//!
//! Invariant: what is taken out takes its own numbers with it, and never turns into another attribute.

use super::cell::Color;
use super::mark::{Extra, Underline};

/// What attributes do to the pen's background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// Nothing.
    Same,
    /// It has a colour from now on.
    Coloured,
    /// It has none.
    Usual,
}

/// What the parameters do to the background; `None` if vt100 would misread them, or has no place for what they say.
pub(super) fn ground(parameters: &[u8]) -> Option<Ground> {
    // A list that is empty, or ends in nothing, has a reset at its end.
    let ends_in_reset = parameters.last().is_none_or(|byte| *byte == b';');
    let mut ground = Ground::Same;
    let mut fields = Fields { rest: parameters };
    while let Some(field) = fields.next() {
        match field {
            Field::Number(1 | 3 | 4 | 7 | 22..=24 | 27 | 30..=37 | 39 | 90..=97) => {}
            Field::Number(0 | 49) => ground = Ground::Usual,
            Field::Number(40..=47 | 100..=107) => ground = Ground::Coloured,
            Field::Number(which @ (38 | 48)) => {
                let count = match fields.next() {
                    Some(Field::Number(5)) => 1,
                    Some(Field::Number(2)) => 3,
                    _ => return None,
                };
                let numbers = fields.by_ref().take(count);
                if numbers.filter(|field| matches!(field, Field::Number(_))).count() < count {
                    return None;
                }
                if which == 48 {
                    ground = Ground::Coloured;
                }
            }
            _ => return None,
        }
    }
    Some(if ends_in_reset { Ground::Usual } else { ground })
}

/// The fields between semicolons.
struct Fields<'a> {
    rest: &'a [u8],
}

enum Field {
    Number(u16),
    Other,
}

impl Iterator for Fields<'_> {
    type Item = Field;

    fn next(&mut self) -> Option<Field> {
        if self.rest.is_empty() {
            return None;
        }
        let mut number: u16 = 0;
        let mut field = None;
        let mut used = 0;
        for byte in self.rest {
            used += 1;
            match byte {
                b'0'..=b'9' => number = number.saturating_mul(10).saturating_add(u16::from(byte - b'0')),
                b';' => break,
                _ => field = Some(Field::Other),
            }
        }
        self.rest = self.rest.get(used..).unwrap_or_default();
        Some(field.unwrap_or(Field::Number(number)))
    }
}

/// The parameters in vt100's forms; `None` if nothing is left of them (an empty list would be a reset). `bold` is
/// whether vt100's pen is: with it, faint is the pen's.
pub(super) fn rewrite(parameters: &[u8], mut bold: bool, pen: &mut Extra) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(parameters.len());
    let mut fields = parameters.split(|byte| *byte == b';');
    while let Some(field) = fields.next() {
        match field {
            b"58" => pen.underline_colour = colour(&mut fields).unwrap_or(pen.underline_colour),
            b"38" | b"48" => copy_colour(field, &mut fields, &mut out),
            _ if field.contains(&b':') => with_subparameters(field, pen, &mut out),
            _ => {
                let number = if field.is_empty() { Some(0) } else { text(field).parse().ok() };
                number.into_iter().for_each(|number: u16| one(number, &mut bold, pen, &mut out));
            }
        }
    }
    (!out.is_empty()).then_some(out)
}

/// A number that stands alone.
fn one(number: u16, bold: &mut bool, pen: &mut Extra, out: &mut Vec<u8>) {
    match number {
        0 => {
            *pen = Extra { link: pen.link.take(), protected: pen.protected, ..Extra::default() };
            *bold = false;
        }
        // Bold and faint can be both; vt100 holds the last of them.
        1 => *bold = true,
        2 if *bold => {
            pen.faint = true;
            return;
        }
        22 => (*bold, pen.faint) = (false, false),
        4 | 24 => pen.underline = Underline::Plain,
        21 => {
            pen.underline = Underline::Double;
            return push(out, b"4");
        }
        5 | 6 | 25 => return pen.blink = number != 25,
        8 | 28 => return pen.conceal = number == 8,
        9 | 29 => return pen.strike = number == 9,
        53 | 55 => return pen.overline = number == 53,
        59 => return pen.underline_colour = Color::Default,
        _ => {}
    }
    push(out, number.to_string().as_bytes());
}

fn text(field: &[u8]) -> &str {
    std::str::from_utf8(field).unwrap_or_default()
}

fn push(out: &mut Vec<u8>, field: &[u8]) {
    if !out.is_empty() {
        out.push(b';');
    }
    out.extend_from_slice(field);
}

fn small(field: Option<&[u8]>) -> u8 {
    let number: u16 = field.and_then(|field| text(field).parse().ok()).unwrap_or(0);
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// What follows 58: `5;n` or `2;r;g;b`.
fn colour<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Color> {
    match fields.next() {
        Some(b"5") => Some(Color::Index(small(fields.next()))),
        Some(b"2") => Some(Color::Rgb(small(fields.next()), small(fields.next()), small(fields.next()))),
        _ => None,
    }
}

/// `38;5;n` and `38;2;r;g;b` go on as they are; their numbers may look like anything.
fn copy_colour<'a>(field: &[u8], fields: &mut impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    let (kind, count) = match fields.next() {
        Some(kind @ b"5") => (kind, 1),
        Some(kind @ b"2") => (kind, 3),
        _ => return,
    };
    push(out, field);
    push(out, kind);
    fields.by_ref().take(count).for_each(|number| push(out, if number.is_empty() { b"0" } else { number }));
}

fn with_subparameters(field: &[u8], pen: &mut Extra, out: &mut Vec<u8>) {
    let numbers: Vec<u16> =
        field.split(|byte| *byte == b':').map(|field| text(field).parse().unwrap_or(0)).collect();
    let low = |number: &u16| u8::try_from(*number).unwrap_or(u8::MAX);
    let (ground, colour) = match numbers.as_slice() {
        [4, kind, ..] => return underline(*kind, pen, out),
        [ground @ (38 | 48 | 58), 5, index, ..] => (*ground, Color::Index(low(index))),
        // With and without the colour space, which nobody fills in.
        [ground @ (38 | 48 | 58), 2, _, r, g, b, ..] | [ground @ (38 | 48 | 58), 2, r, g, b] => {
            (*ground, Color::Rgb(low(r), low(g), low(b)))
        }
        _ => return,
    };
    match (ground, colour) {
        (58, colour) => pen.underline_colour = colour,
        (_, Color::Index(index)) => push(out, format!("{ground};5;{index}").as_bytes()),
        (_, Color::Rgb(r, g, b)) => push(out, format!("{ground};2;{r};{g};{b}").as_bytes()),
        (_, Color::Default) => {}
    }
}

fn underline(kind: u16, pen: &mut Extra, out: &mut Vec<u8>) {
    pen.underline = match kind {
        2 => Underline::Double,
        3 => Underline::Curly,
        4 => Underline::Dotted,
        5 => Underline::Dashed,
        _ => Underline::Plain,
    };
    push(out, if kind == 0 { b"24" } else { b"4" });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_vt100_misreads_are_rewritten() {
        let cases: [(&str, Option<&str>); 18] = [
            ("58;5;1", None),
            ("1;58;5;1;31", Some("1;31")),
            ("58;2;1;2;3;4", Some("4")),
            ("58:2::1:2:3", None),
            ("4:3", Some("4")),
            ("4:0;1", Some("24;1")),
            ("38:2::10:20:30", Some("38;2;10;20;30")),
            ("48:2:10:20:30;1", Some("48;2;10;20;30;1")),
            ("38:5:208", Some("38;5;208")),
            ("38;5;58;1", Some("38;5;58;1")),
            ("38;2;58;21;7", Some("38;2;58;21;7")),
            ("21", Some("4")),
            (";58;5;1;", Some("0;0")),
            ("38;2;999:1", Some("38;2;999:1")),
            ("9;5;31;53;8", Some("31")),
            ("1;2;3", Some("1;3")),
            ("2", Some("2")),
            ("58", None),
        ];
        for (from, to) in cases {
            let rewritten = rewrite(from.as_bytes(), false, &mut Extra::default());
            assert_eq!(rewritten.as_deref(), to.map(str::as_bytes), "{from}");
        }
        let plain = [
            ("1;38;5;208", Ground::Same),
            ("", Ground::Usual),
            ("0", Ground::Usual),
            ("42;", Ground::Usual),
            ("1;49", Ground::Usual),
            ("38;2;58;21;9;1", Ground::Same),
            ("38;5;48", Ground::Same),
            ("31;39;1;7", Ground::Same),
            ("0;42", Ground::Coloured),
            ("107;1", Ground::Coloured),
            ("48;5;0", Ground::Coloured),
            ("1;48;2;0;49;0;3", Ground::Coloured),
        ];
        for (plain, does) in plain {
            assert_eq!(ground(plain.as_bytes()), Some(does), "{plain}");
        }
        for other in ["4:3", "1;58;5;2", "9", "5", "2", "21", "38:5:1", "38", "53", "?1", "48;5", "48;2;1;2"]
        {
            assert_eq!(ground(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn what_vt100_does_not_hold_is_on_the_pen_until_it_is_taken_back() {
        let mut pen = Extra::default();
        rewrite(b"9;5;8;53;4:3;58:2::1:2:3;1;2", false, &mut pen);
        let all = Extra {
            blink: true,
            conceal: true,
            strike: true,
            overline: true,
            faint: true,
            underline: Underline::Curly,
            underline_colour: Color::Rgb(1, 2, 3),
            ..Extra::default()
        };
        assert_eq!(pen, all);
        rewrite(b"29;25;28;55;24;59;22", true, &mut pen);
        assert_eq!(pen, Extra::default());
        let mut pen = Extra { link: Some("x".into()), protected: true, ..all };
        rewrite(b"", true, &mut pen);
        assert_eq!(pen, Extra { link: Some("x".into()), protected: true, ..Extra::default() });
    }
}
