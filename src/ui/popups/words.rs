//! Words to write for one purpose: a reason, a prompt, a goal, a path, an amount.

use std::sync::Arc;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::confirm::Confirm;
use super::{Outcome, Popup, Stage, hints};
use crate::keymap::{Action, Compose, Context};
use crate::model::finding::placed;
use crate::model::{Command, PlanTask, TaskId};
use crate::theme::Role;
use crate::ui::contract::{Purpose, Request};
use crate::ui::look::Look;
use crate::ui::widgets::editor::{Editor, EditorView};
use crate::ui::widgets::popup::PopupBox;
use crate::ui::widgets::row::Row;

/// What the words are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordsFor {
    /// Why a task's work or an agent's request is rejected.
    Reject(TaskId),
    /// What an agent that asks for leave is told besides no; may be empty.
    Deny(TaskId),
    /// Words for a task's agent.
    Prompt(TaskId),
    /// What is wrong with a task's work, at a place or at none.
    Comment(TaskId),
    /// Why a task's finding of that number is not so.
    Dismiss(TaskId, u32),
    /// A new task of that id, from a few words.
    NewTask(TaskId),
    /// A goal.
    Goal,
    /// The path of a plan.
    Import,
    /// Why the plan goes back.
    RejectPlan,
    /// Dollars.
    Budget,
    /// The name of a file for this text.
    Save(Arc<str>),
}

/// Words being written.
#[derive(Debug)]
pub struct Words {
    /// Their purpose.
    pub purpose: WordsFor,
    /// What they answer, shown above.
    pub context: String,
    /// The words.
    pub editor: Editor,
    problem: Option<String>,
}

impl Words {
    /// An empty input.
    pub fn new(purpose: WordsFor, context: &str) -> Self {
        let editor = match purpose {
            WordsFor::Import | WordsFor::Budget | WordsFor::Save(_) => Editor::single(),
            _ => Editor::multi(),
        };
        Self { purpose, context: context.to_owned(), editor, problem: None }
    }

    /// The same with words to begin with.
    pub fn with(mut self, text: &str) -> Self {
        self.editor = self.editor.with(text);
        self
    }

    fn title(&self) -> String {
        match &self.purpose {
            WordsFor::Reject(task) => format!("Reject {task}: why?"),
            WordsFor::Deny(task) => format!("Deny what {task} asks for"),
            WordsFor::Prompt(task) => format!("Words for {task}'s agent"),
            WordsFor::Comment(task) => format!("Comment on {task}"),
            WordsFor::Dismiss(task, number) => format!("Dismiss finding {number} of {task}: why?"),
            WordsFor::NewTask(task) => format!("New task {task}"),
            WordsFor::Goal => "Goal".to_owned(),
            WordsFor::Import => "Plan file".to_owned(),
            WordsFor::RejectPlan => "What should be different?".to_owned(),
            WordsFor::Budget => "Budget in dollars".to_owned(),
            WordsFor::Save(_) => "Write to a file".to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        match self.purpose {
            WordsFor::Reject(_) => "what is wrong; the agent reads it",
            WordsFor::Deny(_) => "what to do instead, if you like",
            WordsFor::Prompt(_) => "delivered at once, or with its next turn",
            WordsFor::Comment(_) => "src/a.rs:7: what is wrong; without a place, of all the work",
            WordsFor::Dismiss(..) => "reviewers read it, so that they do not raise it again",
            WordsFor::NewTask(_) => "first line: the title; then what to do",
            WordsFor::Goal => "what should be true when it is done",
            WordsFor::Import => "path of a plan: TOML, JSON or a Markdown checklist",
            WordsFor::RejectPlan => "the planner tries again with it; empty drops the run",
            WordsFor::Save(_) => "path of a new file; relative ones begin in the project",
            WordsFor::Budget => "such as 5 or 12.50; 0 is no limit",
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: &KeyEvent, action: Option<Action>) -> Outcome {
        match action {
            Some(Action::Compose(Compose::Submit)) => self.submit(),
            Some(Action::Compose(Compose::Newline)) => {
                self.editor.insert("\n");
                Outcome::Stay
            }
            Some(Action::Compose(Compose::External)) => Outcome::Ask(vec![Request::EditText {
                text: self.editor.text().to_owned(),
                suffix: ".md",
                purpose: Purpose::Words,
            }]),
            Some(Action::Compose(Compose::Cancel)) => Outcome::Close,
            _ => {
                self.editor.key(key);
                self.problem = None;
                Outcome::Stay
            }
        }
    }

    fn submit(&mut self) -> Outcome {
        let text = self.editor.text().trim().to_owned();
        let send = |command| Outcome::Send(vec![Request::Command(command)]);
        match &self.purpose {
            WordsFor::RejectPlan if text.is_empty() => Outcome::Become(drop_run()),
            WordsFor::RejectPlan => send(Command::RejectPlan(text)),
            WordsFor::Deny(task) => send(Command::Reject(task.clone(), text)),
            _ if text.is_empty() => {
                self.problem = Some("write something first, or throw it away with esc".to_owned());
                Outcome::Stay
            }
            WordsFor::Reject(task) => send(Command::Reject(task.clone(), text)),
            WordsFor::Prompt(task) => send(Command::Prompt(task.clone(), text)),
            WordsFor::Comment(task) => self.comment(task.clone(), &text),
            WordsFor::Dismiss(task, number) => send(Command::Dismiss(task.clone(), *number, text)),
            WordsFor::NewTask(id) => send(Command::Add(Box::new(task_from(id, &text)))),
            WordsFor::Goal => Outcome::Send(vec![Request::StartRun { goal: text }]),
            WordsFor::Import => Outcome::Send(vec![Request::ImportPlan { path: text }]),
            WordsFor::Save(content) => {
                Outcome::Send(vec![Request::WriteFile { path: text, text: Arc::clone(content) }])
            }
            WordsFor::Budget => match micros(&text) {
                Some(micros) => send(Command::SetBudget(micros)),
                None => {
                    self.problem = Some(format!("`{text}` is no amount"));
                    Outcome::Stay
                }
            },
        }
    }

    fn comment(&mut self, task: TaskId, text: &str) -> Outcome {
        // What was filled in before a person wrote ends with its colon.
        let whole = format!("{text} ");
        let (file, line, text) = placed(&whole).unwrap_or(("", 0, text));
        if text.is_empty() {
            self.problem = Some("say what is wrong there, or throw it away with esc".to_owned());
            return Outcome::Stay;
        }
        let (file, text) = (file.to_owned(), text.to_owned());
        Outcome::Send(vec![Request::Command(Command::Comment { task, file, line, text })])
    }

    /// Draws it.
    pub fn draw(&self, screen: Rect, buf: &mut Buffer, stage: Stage<'_>, look: Look<'_>) -> Option<Position> {
        let rows = if self.editor.is_single() { 5 } else { 11 };
        let hints = hints(stage.keymap, Context::Input, look);
        let inner = PopupBox { title: &self.title(), hints, columns: 78, rows }.draw(screen, buf, look);
        let mut field = inner;
        let note =
            self.problem.as_ref().map_or((self.context.as_str(), Role::Dim), |p| (p.as_str(), Role::Need));
        if !note.0.is_empty() && inner.height > 1 {
            Row::of(note.0, look.style(note.1)).draw(Rect { height: 1, ..inner }, buf, look.glyphs.ellipsis);
            let gap = if inner.height > 3 { 2 } else { 1 };
            field = Rect { y: inner.y + gap, height: inner.height - gap, ..inner };
        }
        let editor = EditorView {
            editor: &self.editor,
            style: look.style(Role::Text),
            placeholder: self.placeholder(),
            faint: look.style(Role::Dim),
        };
        editor.render(field, buf);
        editor.cursor(field)
    }
}

fn drop_run() -> Popup {
    Popup::Confirm(Confirm {
        question: "Drop this run?".to_owned(),
        consequence: "Without a reason the planner is not asked again: the run ends before any work."
            .to_owned(),
        requests: vec![Request::Command(Command::RejectPlan(String::new()))],
    })
}

/// The first line is the title, the rest says what to do.
fn task_from(id: &TaskId, text: &str) -> PlanTask {
    let (title, rest) = text.split_once('\n').unwrap_or((text, ""));
    let description = if rest.trim().is_empty() { title } else { rest.trim() };
    PlanTask {
        id: id.clone(),
        title: title.trim().to_owned(),
        description: description.to_owned(),
        ..PlanTask::default()
    }
}

/// Micro-dollars of `5`, `$5`, `12.50`.
fn micros(text: &str) -> Option<u64> {
    let text = text.trim().trim_start_matches('$').trim();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || part.len() > 6 || (text.contains('.') && !digits(part)) {
        return None;
    }
    let part: u64 = format!("{part:0<6}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        assert_eq!(micros("5"), Some(5_000_000));
        assert_eq!(micros("$12.50"), Some(12_500_000));
        assert_eq!(micros("0.015"), Some(15_000));
        for bad in ["", "five", "-1", "1.", ".5", "1e3", "99999999999999999999"] {
            assert_eq!(micros(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_task_takes_its_title_from_the_first_line() {
        let task = task_from(&"T9".into(), "Fix the parser\n\nIt drops commas.");
        assert_eq!((task.title.as_str(), task.description.as_str()), ("Fix the parser", "It drops commas."));
        assert_eq!(task_from(&"T9".into(), "One line").description, "One line");
    }
}
