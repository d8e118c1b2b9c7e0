//! Foreign text made harmless: escape sequences and controls taken out, lengths bounded.

/// Text without escape sequences, control characters and bidi overrides; line breaks and tabs stay.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => skip_escape(&mut chars),
            '\n' | '\t' => out.push(c),
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            _ if is_hidden(c) => {}
            _ => out.push(c),
        }
    }
    out
}

/// The text on one line of at most `limit` characters.
pub(super) fn one_line(text: &str, limit: usize) -> String {
    let line = plain(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= limit {
        return line;
    }
    let kept: String = line.chars().take(limit.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// The last `lines` lines that are not blank, of at most `bytes` bytes together.
pub(super) fn tail(text: &str, lines: usize, bytes: usize) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut size = 0;
    for line in text.lines().rev().map(str::trim_end).filter(|line| !line.is_empty()).take(lines) {
        size += line.len() + 1;
        if size > bytes && !kept.is_empty() {
            break;
        }
        kept.push(last_bytes(line, bytes));
    }
    kept.reverse();
    kept.join("\n")
}

/// The end of the text, at most `bytes` bytes, cut at a character.
pub(super) fn last_bytes(text: &str, bytes: usize) -> &str {
    let mut start = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or_default()
}

fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => while chars.next().is_some_and(|c| !('\x40'..='\x7e').contains(&c)) {},
        Some(']' | 'P' | '_' | '^' | 'X') => skip_string(chars),
        Some('(' | ')' | '*' | '+' | '#' | '%' | ' ') => {
            chars.next();
        }
        _ => {}
    }
}

fn skip_string(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next() {
        if c == '\x07' {
            return;
        }
        if c == '\x1b' {
            chars.next_if_eq(&'\\');
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_controls_go_and_text_stays() {
        let text = "\x1b[1;31mred\x1b[0m \x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1bPq..\x1b\\c\x08\u{202e}d\r\ne\rf";
        assert_eq!(plain(text), "red abcd\ne\nf");
    }

    #[test]
    fn one_line_is_bounded() {
        assert_eq!(one_line("a\n b\tc", 10), "a b c");
        assert_eq!(one_line("ääääää", 4), "äää…");
    }

    #[test]
    fn the_tail_keeps_whole_lines_from_the_end() {
        assert_eq!(tail("a\n\nb\nc\n", 2, 100), "b\nc");
        assert_eq!(tail("aaaa\nbbbb\n", 9, 6), "bbbb");
        assert_eq!(tail("äöü", 1, 4), "öü");
    }
}
