//! Every action by name. What is not possible now stays in sight and says why.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::{Listed, Outcome, Stage, hints, step};
use crate::keymap::{Action, Binding, Context, List};
use crate::theme::Role;
use crate::ui::enabled::enabled;
use crate::ui::look::Look;
use crate::ui::text;
use crate::ui::views::board::first_row;
use crate::ui::widgets::editor::{Editor, EditorView};
use crate::ui::widgets::popup::PopupBox;
use crate::ui::widgets::row::Row;

/// The palette.
#[derive(Debug)]
pub struct Palette {
    query: Editor,
    at: usize,
    page: usize,
    listed: Listed,
}

impl Default for Palette {
    fn default() -> Self {
        Self { query: Editor::single(), at: 0, page: 10, listed: Listed::default() }
    }
}

impl Palette {
    /// Takes a key: what moves, chooses or closes, else it is searched for.
    pub fn key(&mut self, key: &KeyEvent, action: Option<Action>, stage: Stage<'_>) -> Outcome {
        match action {
            Some(action) => self.act(action, stage),
            None => {
                self.query.key(key);
                self.at = 0;
                Outcome::Stay
            }
        }
    }

    /// Takes an action.
    pub fn act(&mut self, action: Action, stage: Stage<'_>) -> Outcome {
        match action {
            Action::Move(motion) => {
                self.at = step(self.at, motion, self.matches(stage).len(), self.page);
                Outcome::Stay
            }
            Action::List(List::Choose) => match self.matches(stage).get(self.at) {
                Some((_, Err(reason))) => Outcome::Say(reason.clone()),
                Some((binding, Ok(()))) => Outcome::Act(binding.entry.action),
                None => Outcome::Stay,
            },
            Action::List(List::Close) => Outcome::Close,
            _ => Outcome::Stay,
        }
    }

    /// The button went down on it.
    pub fn click(&mut self, at: Position, stage: Stage<'_>) -> Outcome {
        match self.listed.row(at) {
            Some(row) if row == self.at => self.act(Action::List(List::Choose), stage),
            Some(row) if row < self.matches(stage).len() => {
                self.at = row;
                Outcome::Stay
            }
            _ => Outcome::Stay,
        }
    }

    /// Takes pasted text into the search.
    pub fn paste(&mut self, text: &str) {
        self.query.insert(text);
        self.at = 0;
    }

    /// Actions that match, the best first; without a search, what is possible comes first.
    fn matches<'s>(&self, stage: Stage<'s>) -> Vec<(&'s Binding, Result<(), String>)> {
        let query = self.query.text();
        let mut found: Vec<_> = stage
            .keymap
            .all()
            .filter(|binding| binding.entry.palette)
            .filter_map(|binding| {
                let name = text::fuzzy(query, &binding.entry.name);
                let words = text::fuzzy(query, &binding.entry.text).map(|score| score - 3);
                name.max(words).map(|score| (score, binding))
            })
            .map(|(score, binding)| {
                let state = enabled(binding.entry.action, stage.view, stage.world);
                (score, binding, state)
            })
            .collect();
        found.sort_by_key(|(score, _, state)| (-score, state.is_err()));
        found.into_iter().map(|(_, binding, state)| (binding, state)).collect()
    }

    fn row(&self, at: usize, binding: &Binding, state: &Result<(), String>, look: Look<'_>) -> Row {
        let keys = if binding.keys.is_empty() { String::new() } else { binding.keys_text() };
        let (name, words) = if state.is_ok() { (Role::Accent, Role::Text) } else { (Role::Dim, Role::Dim) };
        let row = Row::of(&format!(" {:<17}", binding.entry.name), look.style(name));
        let row = match state {
            Ok(()) => row.left(&binding.entry.text, look.style(words)),
            Err(reason) => row.left(&format!("not now: {reason}"), look.style(words)),
        };
        let row =
            row.right(&format!("{keys} "), look.style(if state.is_ok() { Role::Key } else { Role::Dim }));
        if at == self.at { row.ground(look.style(Role::Selection)) } else { row }
    }

    /// Draws it.
    pub fn draw(
        &mut self,
        screen: Rect,
        buf: &mut Buffer,
        stage: Stage<'_>,
        look: Look<'_>,
    ) -> Option<Position> {
        let found = self.matches(stage);
        let hints = hints(stage.keymap, Context::List, look);
        let height = screen.height.saturating_sub(4).clamp(7, 22);
        let inner = PopupBox { title: "Commands", hints, columns: 84, rows: height }.draw(screen, buf, look);
        if inner.height < 2 {
            return None;
        }
        let search = Rect { height: 1, ..inner };
        Row::of(" : ", look.style(Role::Key)).draw(search, buf, look.glyphs.ellipsis);
        let field =
            Rect { x: search.x + 3.min(search.width), width: search.width.saturating_sub(3), ..search };
        let editor = EditorView {
            editor: &self.query,
            style: look.style(Role::Text),
            placeholder: "what do you want to do?",
            faint: look.style(Role::Dim),
        };
        editor.render(field, buf);
        let list = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
        self.page = usize::from(list.height);
        let first = first_row(Some(self.at), found.len(), self.page);
        self.listed = Listed { area: list, first };
        for ((at, (binding, state)), y) in found.iter().enumerate().skip(first).zip(list.y..list.bottom()) {
            let row = self.row(at, binding, state, look);
            row.draw(Rect { y, height: 1, ..list }, buf, look.glyphs.ellipsis);
        }
        editor.cursor(field)
    }
}
