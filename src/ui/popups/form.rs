//! A new task, field by field.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::{Outcome, Stage, hints};
use crate::keymap::{Action, Compose, Context};
use crate::model::{AgentName, Command, PlanTask, Snapshot, TaskId};
use crate::theme::Role;
use crate::ui::contract::{Purpose, Request};
use crate::ui::look::Look;
use crate::ui::widgets::editor::{Editor, EditorView};
use crate::ui::widgets::popup::PopupBox;
use crate::ui::widgets::row::Row;

/// The fields: name, what to write there, rows.
const FIELDS: [(&str, &str, u16); 5] = [
    ("title", "one line", 1),
    ("what", "what to do and what to know; ctrl-g for your editor", 6),
    ("wanted", "what must be true when it is done, one a line", 3),
    ("after", "tasks whose work it needs: T1, T2", 1),
    ("agent", "who does it; empty is the usual implementer", 1),
];

/// A new task being written.
#[derive(Debug)]
pub struct Form {
    id: TaskId,
    fields: [Editor; 5],
    at: usize,
    problem: Option<String>,
}

impl Form {
    /// An empty form for a task of that id.
    pub fn new(id: TaskId) -> Self {
        let fields = FIELDS.map(|(_, _, rows)| if rows == 1 { Editor::single() } else { Editor::multi() });
        Self { id, fields, at: 0, problem: None }
    }

    fn field(&mut self) -> Option<&mut Editor> {
        self.fields.get_mut(self.at)
    }

    /// Takes a key.
    pub fn key(&mut self, key: &KeyEvent, action: Option<Action>, stage: Stage<'_>) -> Outcome {
        match action {
            Some(Action::Compose(Compose::Submit)) => return self.submit(stage.world.snapshot),
            Some(Action::Compose(Compose::NextField)) => self.at = (self.at + 1) % FIELDS.len(),
            Some(Action::Compose(Compose::PreviousField)) => {
                self.at = (self.at + FIELDS.len() - 1) % FIELDS.len()
            }
            Some(Action::Compose(Compose::Newline)) => self.paste("\n"),
            Some(Action::Compose(Compose::Cancel)) => return Outcome::Close,
            Some(Action::Compose(Compose::External)) => {
                let text = self.field().map(|field| field.text().to_owned()).unwrap_or_default();
                return Outcome::Ask(vec![Request::EditText {
                    text,
                    suffix: ".md",
                    purpose: Purpose::Words,
                }]);
            }
            _ => {
                if let Some(field) = self.field() {
                    field.key(key);
                }
                self.problem = None;
            }
        }
        Outcome::Stay
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        if let Some(field) = self.field() {
            field.insert(text);
        }
    }

    /// Takes text from the person's editor.
    pub fn edited(&mut self, text: &str) {
        if let Some(field) = self.field() {
            field.set(text);
        }
    }

    fn submit(&mut self, snapshot: &Snapshot) -> Outcome {
        let [title, what, wanted, after, agent] = self.fields.each_ref().map(|field| field.text().trim());
        if title.is_empty() {
            (self.at, self.problem) = (0, Some("it needs a title".to_owned()));
            return Outcome::Stay;
        }
        let depends_on: Vec<TaskId> =
            after.split([',', ' ']).filter(|word| !word.is_empty()).map(TaskId::from).collect();
        if let Some(unknown) = depends_on.iter().find(|id| snapshot.task(id).is_none()) {
            (self.at, self.problem) = (3, Some(format!("there is no task {unknown}")));
            return Outcome::Stay;
        }
        let task = PlanTask {
            id: self.id.clone(),
            title: title.to_owned(),
            description: if what.is_empty() { title } else { what }.to_owned(),
            acceptance: wanted
                .lines()
                .map(|line| line.trim().to_owned())
                .filter(|line| !line.is_empty())
                .collect(),
            depends_on,
            agent: (!agent.is_empty()).then(|| AgentName::from(agent)),
            ..PlanTask::default()
        };
        Outcome::Send(vec![Request::Command(Command::Add(Box::new(task)))])
    }

    /// Draws it.
    pub fn draw(&self, screen: Rect, buf: &mut Buffer, stage: Stage<'_>, look: Look<'_>) -> Option<Position> {
        let title = format!("New task {}", self.id);
        let next = stage.keymap.key_of(Context::Input, Action::Compose(Compose::NextField));
        let hints = hints(stage.keymap, Context::Input, look)
            .left(&format!(" {next}"), look.style(Role::Key))
            .left(" field ", look.style(Role::Dim));
        let inner = PopupBox { title: &title, hints, columns: 80, rows: 19 }.draw(screen, buf, look);
        let mut y = inner.y;
        let mut cursor = None;
        for (at, ((name, placeholder, rows), editor)) in FIELDS.iter().zip(&self.fields).enumerate() {
            let rows = (*rows).min(inner.bottom().saturating_sub(y));
            if rows == 0 {
                break;
            }
            let role = if at == self.at { Role::Focus } else { Role::Dim };
            let label = Rect { y, height: 1, width: inner.width.min(9), ..inner };
            Row::of(name, look.style(role)).draw(label, buf, look.glyphs.ellipsis);
            let field = Rect {
                x: inner.x + label.width,
                y,
                width: inner.width.saturating_sub(label.width),
                height: rows,
            };
            let view = EditorView {
                editor,
                style: look.style(Role::Text),
                placeholder,
                faint: look.style(Role::Dim),
            };
            view.render(field, buf);
            if at == self.at {
                cursor = view.cursor(field);
            }
            y = y.saturating_add(rows + 1).min(inner.bottom());
        }
        if let (Some(problem), true) = (&self.problem, inner.height > 0) {
            let line = Rect { y: inner.bottom() - 1, height: 1, ..inner };
            Row::of(problem, look.style(Role::Need)).draw(line, buf, look.glyphs.ellipsis);
        }
        cursor
    }
}

/// An id for a new task: `T` and the first number after every other's.
pub fn next_id(snapshot: &Snapshot) -> TaskId {
    let number = |id: &TaskId| id.as_str().strip_prefix('T').and_then(|digits| digits.parse::<u64>().ok());
    let last = snapshot.tasks.iter().filter_map(|task| number(&task.id)).max().unwrap_or(0);
    TaskId(format!("T{}", last.saturating_add(1)))
}
