//! Every key, by context, searched as one types.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::{Outcome, Stage, close_hint, step};
use crate::keymap::{Action, Context, Keymap, List, Motion};
use crate::theme::Role;
use crate::ui::look::Look;
use crate::ui::widgets::editor::{Editor, EditorView};
use crate::ui::widgets::popup::PopupBox;
use crate::ui::widgets::row::{Row, Rows};

/// The help.
#[derive(Debug)]
pub struct Help {
    query: Editor,
    skip: usize,
    page: usize,
}

/// What the editor does by itself, as help tells it.
const WRITING: [(&str, &str); 7] = [
    ("ctrl-a ctrl-e", "to the beginning, to the end of the line"),
    ("alt-b alt-f", "a word back, a word on (also ctrl-left, ctrl-right)"),
    ("ctrl-w", "delete the word before"),
    ("ctrl-u ctrl-k", "delete to the beginning, to the end of the line"),
    ("ctrl-z ctrl-y", "undo, redo"),
    ("wheel", "scroll what is under the pointer"),
    ("drag", "select text in a terminal; it is copied"),
];

impl Default for Help {
    fn default() -> Self {
        Self { query: Editor::single(), skip: 0, page: 10 }
    }
}

impl Help {
    /// Takes a key: what moves or closes, else it is searched for.
    pub fn key(&mut self, key: &KeyEvent, action: Option<Action>) -> Outcome {
        match action {
            Some(action) => self.act(action),
            None => {
                self.query.key(key);
                self.skip = 0;
                Outcome::Stay
            }
        }
    }

    /// Takes an action.
    pub fn act(&mut self, action: Action) -> Outcome {
        match action {
            Action::Move(Motion::Bottom) => self.skip = usize::MAX,
            Action::Move(motion) => self.skip = step(self.skip, motion, usize::MAX, self.page),
            Action::List(List::Close | List::Choose) => return Outcome::Close,
            _ => {}
        }
        Outcome::Stay
    }

    /// Takes pasted text into the search.
    pub fn paste(&mut self, text: &str) {
        self.query.insert(text);
    }

    fn rows(&self, keymap: &Keymap, look: Look<'_>) -> Vec<Row> {
        let query = self.query.text().trim().to_lowercase();
        let wanted = |keys: &str, text: &str| {
            query.is_empty() || keys.to_lowercase().contains(&query) || text.to_lowercase().contains(&query)
        };
        let line = |keys: &str, text: &str| {
            Row::of(&format!("  {keys:<16} "), look.style(Role::Key)).left(text, look.style(Role::Text))
        };
        let mut rows = Vec::new();
        for context in Context::ALL {
            let mut lines: Vec<Row> = keymap
                .of(context)
                .filter(|binding| !binding.keys.is_empty())
                .map(|binding| (binding.keys_text(), binding.entry.text.clone()))
                .filter(|(keys, text)| wanted(keys, text))
                .map(|(keys, text)| line(&keys, &text))
                .collect();
            if context == Context::Input {
                lines.extend(
                    WRITING.iter().filter(|(k, t)| wanted(k, t)).map(|(keys, text)| line(keys, text)),
                );
            }
            if !lines.is_empty() {
                rows.push(Row::of(context.heading(), look.style(Role::Title)));
                rows.append(&mut lines);
                rows.push(Row::new());
            }
        }
        if rows.is_empty() {
            rows.push(Row::of("No key does that.", look.style(Role::Dim)));
        }
        rows
    }

    /// Draws it.
    pub fn draw(
        &mut self,
        screen: Rect,
        buf: &mut Buffer,
        stage: Stage<'_>,
        look: Look<'_>,
    ) -> Option<Position> {
        let rows = self.rows(stage.keymap, look);
        let hints = close_hint(stage.keymap, look);
        let height = screen.height.saturating_sub(4).clamp(8, 40);
        let inner = PopupBox { title: "Keys", hints, columns: 84, rows: height }.draw(screen, buf, look);
        if inner.height < 3 {
            return None;
        }
        let search = Rect { height: 1, ..inner };
        Row::of("find ", look.style(Role::Dim)).draw(search, buf, look.glyphs.ellipsis);
        let field =
            Rect { x: search.x + 5.min(search.width), width: search.width.saturating_sub(5), ..search };
        let editor = EditorView {
            editor: &self.query,
            style: look.style(Role::Text),
            placeholder: "type to search",
            faint: look.style(Role::Dim),
        };
        editor.render(field, buf);
        let list = Rect { y: inner.y + 2, height: inner.height - 2, ..inner };
        self.page = usize::from(list.height);
        self.skip = self.skip.min(rows.len().saturating_sub(self.page));
        Rows { rows: &rows, skip: self.skip, mark: look.glyphs.ellipsis }.render(list, buf);
        editor.cursor(field)
    }
}
