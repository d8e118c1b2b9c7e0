//! Taking out of text what could act on a terminal or deceive a reader.
//!
//! Not for: input to a program (`input` has its own rule for pastes). Invariant: what comes out has no control character
//! of C0 or C1, no bidirectional control and no invisible character but joiners.

/// Text that may be shown: controls are gone (line breaks and tabs become blanks), and it has at most `limit` characters.
#[must_use]
pub fn clean(text: &str, limit: usize) -> String {
    let mut shown =
        text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }).filter(|c| is_clean(*c));
    let mut out: String = shown.by_ref().take(limit).collect();
    if shown.next().is_some() {
        out.pop();
        out.push('…');
    }
    out.trim().to_owned()
}

/// Whether a character may be shown.
pub(super) fn is_clean(c: char) -> bool {
    !(c.is_control() || is_bidi(c) || is_invisible(c))
}

/// A cell's text up to the first character that may not be shown.
pub(super) fn clean_cell(text: &str) -> &str {
    match text.as_bytes() {
        [] => " ",
        [0x20..=0x7e] => text,
        _ => match text.char_indices().find(|(_, c)| !is_clean(*c)) {
            None => text,
            Some((0, _)) => " ",
            Some((at, _)) => text.get(..at).unwrap_or(" "),
        },
    }
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_or_deceives_is_taken_out() {
        assert_eq!(clean("  a\u{1b}[31mb\u{7}\u{9b}c\u{202e}d\ne  ", 99), "a[31mbcd e");
        assert_eq!(clean("abcdef", 4), "abc…");
        assert_eq!(clean_cell("e\u{301}"), "e\u{301}");
        assert_eq!(clean_cell("a\u{202e}"), "a");
        assert_eq!((clean_cell(""), clean_cell("\u{202e}")), (" ", " "));
    }
}
