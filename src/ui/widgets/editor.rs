//! A text editor for a few lines or one: paste, undo, word motions, wide characters, input methods.
//!
//! Not for files. Invariant: the cursor stands on a boundary between graphemes, and the text holds no control
//! character but line ends.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Widget;
use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};
use unicode_width::UnicodeWidthStr;

use super::row::put;
use crate::ui::text;

/// Steps that can be taken back.
const UNDO_STEPS: usize = 200;
/// More than this is no longer words for an agent.
const LIMIT: usize = 1 << 20;

/// Words being written.
#[derive(Clone, Debug, Default)]
pub struct Editor {
    text: String,
    cursor: usize,
    single: bool,
    undo: Vec<(String, usize)>,
    redo: Vec<(String, usize)>,
    typing: bool,
}

/// The text as it lies on the screen.
#[derive(Debug, PartialEq, Eq)]
pub struct Laid {
    /// Rows of cells.
    pub rows: Vec<String>,
    /// The cursor's row.
    pub row: usize,
    /// The cursor's column.
    pub column: usize,
}

impl Editor {
    /// An empty editor of several lines.
    pub fn multi() -> Self {
        Self::default()
    }

    /// An empty editor of one line.
    pub fn single() -> Self {
        Self { single: true, ..Self::default() }
    }

    /// The same with this text, the cursor at its end.
    pub fn with(mut self, text: &str) -> Self {
        self.text = self.accept(text);
        self.cursor = self.text.len();
        self
    }

    /// The words.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is a single line.
    pub fn is_single(&self) -> bool {
        self.single
    }

    /// Replaces everything; it can be undone.
    pub fn set(&mut self, text: &str) {
        self.remember(false);
        self.text = self.accept(text);
        self.cursor = self.text.len();
    }

    /// Puts text at the cursor.
    pub fn insert(&mut self, text: &str) {
        self.remember(false);
        self.put(text);
    }

    fn put(&mut self, text: &str) {
        let text = self.accept(text);
        if self.text.len() + text.len() <= LIMIT {
            self.text.insert_str(self.cursor, &text);
            self.cursor += text.len();
            // A combining mark may have joined what stood before; the cursor moves to the end of the whole.
            self.cursor = self.boundary_from(self.cursor);
        }
    }

    fn accept(&self, text: &str) -> String {
        let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
        let keep = |c: &char| *c == '\n' || !text::is_forbidden(*c);
        let one_line = |c: char| if self.single && c == '\n' { ' ' } else { c };
        text.chars().filter(keep).map(one_line).collect()
    }

    /// Takes a key, and tells whether it meant something.
    pub fn key(&mut self, key: &KeyEvent) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Char(c) if ctrl => self.control(c.to_ascii_lowercase()),
            KeyCode::Char(c) if alt => self.meta(c.to_ascii_lowercase()),
            KeyCode::Char(c) => {
                self.remember(!c.is_whitespace());
                self.put(c.encode_utf8(&mut [0; 4]));
                true
            }
            KeyCode::Backspace if ctrl || alt => self.delete(self.word_left()),
            KeyCode::Backspace => self.delete(self.left()),
            KeyCode::Delete if ctrl || alt => self.delete(self.word_right()),
            KeyCode::Delete => self.delete(self.right()),
            KeyCode::Left if ctrl || alt => self.go(self.word_left()),
            KeyCode::Right if ctrl || alt => self.go(self.word_right()),
            KeyCode::Left => self.go(self.left()),
            KeyCode::Right => self.go(self.right()),
            KeyCode::Home if ctrl => self.go(0),
            KeyCode::End if ctrl => self.go(self.text.len()),
            KeyCode::Home => self.go(self.line_start()),
            KeyCode::End => self.go(self.line_end()),
            KeyCode::Up => self.vertical(-1),
            KeyCode::Down => self.vertical(1),
            _ => false,
        }
    }

    fn control(&mut self, c: char) -> bool {
        match c {
            'a' => self.go(self.line_start()),
            'e' => self.go(self.line_end()),
            'b' => self.go(self.left()),
            'f' => self.go(self.right()),
            'h' => self.delete(self.left()),
            'd' => self.delete(self.right()),
            'w' => self.delete(self.word_left()),
            'u' => self.delete(self.line_start()),
            'k' => self.delete(self.kill_end()),
            'z' | '_' | '/' => self.take_back(),
            'y' | 'r' => self.bring_again(),
            _ => false,
        }
    }

    fn meta(&mut self, c: char) -> bool {
        match c {
            'b' => self.go(self.word_left()),
            'f' => self.go(self.word_right()),
            'd' => self.delete(self.word_right()),
            _ => false,
        }
    }

    /// Typing on is one step of undo, so that a word comes back as a word.
    fn remember(&mut self, typing: bool) {
        if !(typing && self.typing) {
            self.undo.push((self.text.clone(), self.cursor));
            let surplus = self.undo.len().saturating_sub(UNDO_STEPS);
            self.undo.drain(..surplus);
        }
        self.redo.clear();
        self.typing = typing;
    }

    fn take_back(&mut self) -> bool {
        if let Some((text, cursor)) = self.undo.pop() {
            self.redo.push((std::mem::replace(&mut self.text, text), self.cursor));
            self.cursor = cursor;
        }
        self.typing = false;
        true
    }

    fn bring_again(&mut self) -> bool {
        if let Some((text, cursor)) = self.redo.pop() {
            self.undo.push((std::mem::replace(&mut self.text, text), self.cursor));
            self.cursor = cursor;
        }
        true
    }

    fn go(&mut self, to: usize) -> bool {
        self.cursor = to;
        self.typing = false;
        true
    }

    /// Deletes from the cursor to `other`, whichever comes first.
    fn delete(&mut self, other: usize) -> bool {
        let (from, to) = (self.cursor.min(other), self.cursor.max(other));
        if from < to {
            self.remember(false);
            self.text.replace_range(from..to, "");
            self.cursor = self.boundary_from(from);
        }
        true
    }

    fn before(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or("")
    }

    fn after(&self) -> &str {
        self.text.get(self.cursor..).unwrap_or("")
    }

    /// The first boundary at or after `at`.
    fn boundary_from(&self, at: usize) -> usize {
        let mut cursor = GraphemeCursor::new(at, self.text.len(), true);
        match cursor.is_boundary(&self.text, 0) {
            Ok(true) => at,
            _ => cursor.next_boundary(&self.text, 0).ok().flatten().unwrap_or(self.text.len()),
        }
    }

    fn left(&self) -> usize {
        self.before().grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        self.cursor + self.after().graphemes(true).next().map_or(0, str::len)
    }

    fn word_left(&self) -> usize {
        let words = self.before().unicode_word_indices();
        words.map(|(at, _)| at).next_back().unwrap_or(0)
    }

    fn word_right(&self) -> usize {
        let mut words = self.after().unicode_word_indices();
        words.next().map_or(self.text.len(), |(at, word)| self.cursor + at + word.len())
    }

    fn line_start(&self) -> usize {
        self.before().rfind('\n').map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        self.after().find('\n').map_or(self.text.len(), |at| self.cursor + at)
    }

    /// At the end of a line, the line end itself.
    fn kill_end(&self) -> usize {
        let end = self.line_end();
        if end == self.cursor { self.right() } else { end }
    }

    /// A line up or down, keeping the column; at the edge there is nothing to do.
    fn vertical(&mut self, by: i32) -> bool {
        if self.single {
            return false;
        }
        let start = self.line_start();
        let column = text::width(self.text.get(start..self.cursor).unwrap_or(""));
        let target = if by < 0 {
            start
                .checked_sub(1)
                .map(|end| (self.text.get(..end).unwrap_or("").rfind('\n').map_or(0, |at| at + 1), end))
        } else {
            let end = self.line_end();
            let next = (end < self.text.len()).then_some(end + 1);
            next.map(|next| {
                let rest = self.text.get(next..).unwrap_or("");
                (next, rest.find('\n').map_or(self.text.len(), |at| next + at))
            })
        };
        let Some((from, to)) = target else { return true };
        let line = self.text.get(from..to).unwrap_or("");
        let mut used = 0;
        let mut at = from;
        for grapheme in line.graphemes(true) {
            used += UnicodeWidthStr::width(grapheme);
            if used > column {
                break;
            }
            at += grapheme.len();
        }
        self.go(at)
    }

    /// The text in rows of `columns` cells, with the cursor's place.
    pub fn lay(&self, columns: usize) -> Laid {
        let columns = columns.max(1);
        let mut laid = Laid { rows: vec![String::new()], row: 0, column: 0 };
        let mut used = 0;
        for (at, grapheme) in self.text.grapheme_indices(true) {
            let wide = UnicodeWidthStr::width(grapheme);
            if grapheme != "\n" && used + wide > columns {
                laid.rows.push(String::new());
                used = 0;
            }
            if at == self.cursor {
                (laid.row, laid.column) = (laid.rows.len() - 1, used);
            }
            if grapheme == "\n" {
                laid.rows.push(String::new());
                used = 0;
            } else {
                used += wide;
                if let Some(row) = laid.rows.last_mut() {
                    row.push_str(grapheme);
                }
            }
        }
        if self.cursor >= self.text.len() {
            if used >= columns {
                laid.rows.push(String::new());
                used = 0;
            }
            (laid.row, laid.column) = (laid.rows.len() - 1, used);
        }
        laid
    }
}

/// Draws an editor so that its cursor can be seen.
pub struct EditorView<'a> {
    /// What to draw.
    pub editor: &'a Editor,
    /// The words' style.
    pub style: Style,
    /// What to say while it is empty.
    pub placeholder: &'a str,
    /// And in which style.
    pub faint: Style,
}

impl EditorView<'_> {
    /// Where the terminal's cursor belongs.
    pub fn cursor(&self, area: Rect) -> Option<Position> {
        if area.is_empty() {
            return None;
        }
        let laid = self.editor.lay(usize::from(area.width));
        let skip = scrolled(laid.row, usize::from(area.height));
        let x = area.x + u16::try_from(laid.column).unwrap_or(0).min(area.width - 1);
        let y = area.y + u16::try_from(laid.row - skip).unwrap_or(0).min(area.height - 1);
        Some(Position { x, y })
    }
}

fn scrolled(row: usize, height: usize) -> usize {
    (row + 1).saturating_sub(height.max(1))
}

impl Widget for &EditorView<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let columns = usize::from(area.width);
        if self.editor.text.is_empty() {
            let words = text::fit(self.placeholder, columns, "");
            put(buf, area.x, area.y, &words, self.faint, columns);
            return;
        }
        let laid = self.editor.lay(columns);
        let skip = scrolled(laid.row, usize::from(area.height));
        for (row, y) in laid.rows.iter().skip(skip).zip(area.y..area.bottom()) {
            put(buf, area.x, y, row, self.style, columns);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn press(editor: &mut Editor, code: KeyCode, modifiers: KeyModifiers) {
        editor.key(&KeyEvent::new(code, modifiers));
    }

    fn typed(text: &str) -> Editor {
        let mut editor = Editor::multi();
        for c in text.chars() {
            press(&mut editor, KeyCode::Char(c), KeyModifiers::NONE);
        }
        editor
    }

    #[test]
    fn words_are_moved_over_and_deleted_whole() {
        let mut editor = typed("fix the parser");
        press(&mut editor, KeyCode::Char('w'), KeyModifiers::CONTROL);
        assert_eq!(editor.text(), "fix the ");
        press(&mut editor, KeyCode::Left, KeyModifiers::CONTROL);
        editor.insert("all of ");
        assert_eq!(editor.text(), "fix all of the ");
        press(&mut editor, KeyCode::Char('k'), KeyModifiers::CONTROL);
        press(&mut editor, KeyCode::Char('u'), KeyModifiers::CONTROL);
        assert_eq!(editor.text(), "");
    }

    #[test]
    fn undo_takes_back_words_and_pastes_and_redo_brings_them_again() {
        let mut editor = typed("one two");
        editor.insert(" pasted\ntext");
        press(&mut editor, KeyCode::Char('z'), KeyModifiers::CONTROL);
        assert_eq!(editor.text(), "one two");
        press(&mut editor, KeyCode::Char('z'), KeyModifiers::CONTROL);
        assert_eq!(editor.text(), "one ");
        press(&mut editor, KeyCode::Char('y'), KeyModifiers::CONTROL);
        press(&mut editor, KeyCode::Char('y'), KeyModifiers::CONTROL);
        assert_eq!(editor.text(), "one two pasted\ntext");
    }

    #[test]
    fn wide_and_combining_characters_are_one_step() {
        let mut editor = Editor::multi().with("日本e\u{301}👩‍👩‍👧");
        assert_eq!(editor.lay(10).column, 7);
        press(&mut editor, KeyCode::Backspace, KeyModifiers::NONE);
        press(&mut editor, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(editor.text(), "日本");
        assert_eq!(editor.lay(3), Laid { rows: vec!["日".into(), "本".into()], row: 1, column: 2 });
    }

    #[test]
    fn lines_are_walked_by_column() {
        let mut editor = Editor::multi().with("a long line\nshort\nanother line");
        press(&mut editor, KeyCode::Up, KeyModifiers::NONE);
        editor.insert("!");
        assert_eq!(editor.text(), "a long line\nshort!\nanother line");
        press(&mut editor, KeyCode::Up, KeyModifiers::NONE);
        editor.insert("?");
        assert_eq!(editor.text(), "a long? line\nshort!\nanother line");
    }

    #[test]
    fn pasted_escapes_and_line_ends_are_tamed() {
        assert_eq!(Editor::single().with("a\r\nb\u{1b}[2J\tc").text(), "a b[2J    c");
        assert_eq!(Editor::multi().with("a\r\nb\rc").text(), "a\nb\nc");
    }

    proptest! {
        #[test]
        fn no_key_breaks_it_and_the_cursor_stays_inside(
            start in "\\PC{0,30}",
            keys in prop::collection::vec((0_usize..16, any::<char>()), 0..60),
            columns in 1_usize..20,
        ) {
            let mut editor = Editor::multi().with(&start);
            for (kind, c) in keys {
                let ctrl = KeyModifiers::CONTROL;
                let none = KeyModifiers::NONE;
                let (code, modifiers) = match kind {
                    0 => (KeyCode::Left, none),
                    1 => (KeyCode::Right, ctrl),
                    2 => (KeyCode::Backspace, none),
                    3 => (KeyCode::Delete, ctrl),
                    4 => (KeyCode::Up, none),
                    5 => (KeyCode::Down, none),
                    6 => (KeyCode::Char('z'), ctrl),
                    7 => (KeyCode::Char('y'), ctrl),
                    8 => (KeyCode::Char('w'), ctrl),
                    9 => (KeyCode::Home, none),
                    10 => (KeyCode::Left, ctrl),
                    11 => { editor.insert("x\ny"); continue; }
                    _ => (KeyCode::Char(c), none),
                };
                press(&mut editor, code, modifiers);
                prop_assert!(editor.text.is_char_boundary(editor.cursor));
                let laid = editor.lay(columns);
                prop_assert!(laid.row < laid.rows.len());
            }
        }
    }
}
