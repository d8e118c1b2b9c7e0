//! Character attributes, rewritten into the forms that vt100 reads right.
//!
//! Not for: attributes that vt100's cells can't hold (blink, strike, underline colour and shape): they are left out.
//! Invariant: what is left out takes its own numbers with it, and never turns into another attribute.

use std::io::Write;

/// Whether vt100 reads these parameters right as they are. Most do: no colon, no 58, no 21.
pub(super) fn is_plain(parameters: &[u8]) -> bool {
    !parameters.contains(&b':') && !parameters.windows(2).any(|pair| pair == b"58" || pair == b"21")
}

/// The parameters in vt100's forms; `None` if nothing is left of them (an empty list would be a reset).
pub(super) fn rewrite(parameters: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(parameters.len());
    let mut fields = parameters.split(|byte| *byte == b';');
    while let Some(field) = fields.next() {
        match field {
            b"58" => skip_colour(&mut fields),
            b"38" | b"48" => copy_colour(field, &mut fields, &mut out),
            // A double underline is shown as an underline.
            b"21" => push(&mut out, b"4"),
            _ if field.contains(&b':') => with_subparameters(field, &mut out),
            _ => push(&mut out, if field.is_empty() { b"0" } else { field }),
        }
    }
    (!out.is_empty()).then_some(out)
}

fn push(out: &mut Vec<u8>, field: &[u8]) {
    if !out.is_empty() {
        out.push(b';');
    }
    out.extend_from_slice(field);
}

/// `58;5;n` and `58;2;r;g;b`: vt100 would take the rest for attributes.
fn skip_colour<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) {
    let count = match fields.next() {
        Some(b"5") => 1,
        Some(b"2") => 3,
        _ => 0,
    };
    fields.by_ref().take(count).for_each(drop);
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

fn with_subparameters(field: &[u8], out: &mut Vec<u8>) {
    let numbers: Vec<u16> = field
        .split(|byte| *byte == b':')
        .map(|number| std::str::from_utf8(number).ok().and_then(|number| number.parse().ok()).unwrap_or(0))
        .collect();
    let mut colour = |ground: u16, kind: u16, values: &[u16]| {
        push(out, &[]);
        let _ = write!(out, "{ground};{kind}");
        for value in values {
            let _ = write!(out, ";{}", value.min(&255));
        }
    };
    match numbers.as_slice() {
        [4, 0] => push(out, b"24"),
        [4, _] => push(out, b"4"),
        [ground @ (38 | 48), 5, index, ..] => colour(*ground, 5, &[*index]),
        // With and without the colour space, which nobody fills in.
        [ground @ (38 | 48), 2, _, r, g, b, ..] | [ground @ (38 | 48), 2, r, g, b] => {
            colour(*ground, 2, &[*r, *g, *b])
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_vt100_misreads_are_rewritten() {
        let cases: [(&str, Option<&str>); 15] = [
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
            ("58", None),
        ];
        for (from, to) in cases {
            assert_eq!(rewrite(from.as_bytes()).as_deref(), to.map(str::as_bytes), "{from}");
        }
        assert!(is_plain(b"1;38;5;208") && !is_plain(b"4:3") && !is_plain(b"1;58;5;2"));
    }
}
