//! Words on a grid of cells: what may be drawn, how wide it is, how it is cut and wrapped.
//!
//! Invariant: nothing that passes here holds a control, an escape or a sign that turns the direction of writing.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Whether a character must never reach a terminal's cell: controls (C0, DEL, C1), directional marks and isolates,
/// line and paragraph separators, invisible operators.
pub fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e001f}')
}

/// The text without what must not be drawn. Tabs and line ends become a space.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_forbidden) {
        return Cow::Borrowed(text);
    }
    let keep = |c: char| match c {
        '\t' | '\n' => Some(' '),
        c if is_forbidden(c) => None,
        c => Some(c),
    };
    Cow::Owned(text.chars().filter_map(keep).collect())
}

/// Columns that a clean text takes.
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// The text, cut to `columns` with `mark` at its end where it is cut.
pub fn fit<'a>(text: &'a str, columns: usize, mark: &str) -> Cow<'a, str> {
    if text.len() <= columns || width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let room = columns.saturating_sub(width(mark));
    let mut used = 0;
    let mut cut = String::new();
    for grapheme in text.graphemes(true) {
        used += UnicodeWidthStr::width(grapheme);
        if used > room {
            break;
        }
        cut.push_str(grapheme);
    }
    if columns > 0 {
        cut.push_str(mark);
    }
    Cow::Owned(cut)
}

/// The text in lines of at most `columns`, broken between words; words that are longer are cut. Line ends stay, and a
/// command between backticks stays on one line if it can.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        wrap_paragraph(&clean(paragraph), columns, &mut lines);
    }
    lines
}

fn wrap_paragraph(text: &str, columns: usize, lines: &mut Vec<String>) {
    let mut line = String::new();
    let mut used = 0;
    for word in words(text, columns) {
        let wide = width(word);
        if used + wide > columns && !line.is_empty() {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
            used = 0;
            if word.trim().is_empty() {
                continue;
            }
        }
        if wide <= columns {
            line.push_str(word);
            used += wide;
            continue;
        }
        for grapheme in word.graphemes(true) {
            let wide = UnicodeWidthStr::width(grapheme);
            if wide > columns {
                // It has no place in this line nor in any other.
                continue;
            }
            if used + wide > columns && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push_str(grapheme);
            used += wide;
        }
    }
    lines.push(line.trim_end().to_owned());
}

/// The pieces between which a line may be broken: blanks, and what stands between them with its punctuation.
fn words(text: &str, columns: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let blank = first.is_whitespace();
        let mut quoted = false;
        let end = rest.char_indices().find(|(at, c)| {
            if *c == '`' && !blank {
                quoted = !quoted && rest.get(at + 1..).is_some_and(|after| after.contains('`'));
            }
            !quoted && c.is_whitespace() != blank
        });
        let (word, after) = rest.split_at_checked(end.map_or(rest.len(), |(at, _)| at)).unwrap_or((rest, ""));
        rest = after;
        // Scripts without blanks are broken where their own words end, and so are commands that no line could hold.
        let breaks = width(word) > word.chars().count() || (!blank && width(word) > columns);
        if breaks { words.extend(word.split_word_bounds()) } else { words.push(word) }
    }
    words
}

/// How well `pattern` matches `text` as a subsequence, ignoring case: none if it does not; more is better.
pub fn fuzzy(pattern: &str, text: &str) -> Option<i32> {
    let mut score = 0;
    let mut previous: Option<usize> = None;
    let folded: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let mut from = 0;
    for wanted in pattern.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase) {
        let at = from + folded.iter().skip(from).position(|c| *c == wanted)?;
        let starts_word = at == 0 || folded.get(at - 1).is_some_and(|c| !c.is_alphanumeric());
        score += if previous.is_some_and(|p| p + 1 == at) { 5 } else { 0 };
        score += if starts_word { 8 } else { 0 };
        score -= i32::try_from(at.min(40)).unwrap_or(40) / 8;
        previous = Some(at);
        from = at + 1;
    }
    if !pattern.is_empty() && text.to_lowercase().contains(&pattern.trim().to_lowercase()) {
        score += 20;
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_steer_a_terminal_or_turn_the_writing_is_taken_out() {
        assert_eq!(clean("a\u{1b}[31mb\u{7}\u{9b}c\u{202e}d\u{2066}e\tf\r\n"), "a[31mbcde f ");
        assert_eq!(clean("ユーザー e\u{301} 👩‍👩‍👧"), "ユーザー e\u{301} 👩‍👩‍👧");
    }

    #[test]
    fn cutting_counts_columns_and_keeps_characters_whole() {
        assert_eq!(fit("users endpoint", 8, "…"), "users e…");
        assert_eq!(fit("ユーザー", 5, "…"), "ユー…");
        assert_eq!(fit("ユーザー", 4, "~"), "ユ~");
        assert_eq!(fit("ab", 0, "…"), "");
        assert_eq!(fit("ab", 2, "…"), "ab");
    }

    #[test]
    fn wrapping_breaks_between_words_and_cuts_what_is_too_long() {
        assert_eq!(wrap("the quick brown fox", 9), ["the quick", "brown fox"]);
        assert_eq!(wrap("a verylongword b", 6), ["a", "verylo", "ngword", "b"]);
        assert_eq!(wrap("it ends. (Or `git add -A`?)", 9), ["it ends.", "(Or `git", "add -A`?)"]);
        assert_eq!(wrap("say `git init`, then go", 12), ["say", "`git init`,", "then go"]);
        assert_eq!(wrap("one ` backtick", 10), ["one `", "backtick"]);
        assert_eq!(wrap("one\n\ntwo", 10), ["one", "", "two"]);
        assert_eq!(wrap("a가\u{11347}b", 2), ["ab"], "a character that is wider than the line is left out");
    }

    #[test]
    fn a_subsequence_matches_and_word_starts_win() {
        assert!(fuzzy("apr", "approve what waits").is_some());
        assert!(fuzzy("zz", "approve").is_none());
        assert!(fuzzy("gd", "grid mode") < fuzzy("gd", "go down"));
        assert_eq!(fuzzy("", "anything"), Some(0));
    }

    proptest! {
        #[test]
        fn lines_never_exceed_their_width(text in "\\PC{0,80}", columns in 2_usize..40) {
            for line in wrap(&text, columns) {
                prop_assert!(width(&line) <= columns, "{line:?}");
            }
            let cleaned = clean(&text);
            prop_assert!(width(&fit(&cleaned, columns, "…")) <= columns);
        }
    }
}
