//! Why a task is where it is: the rule, where that is known from, how old it is, and what is not possible.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::{Outcome, Stage, close_hint, step};
use crate::keymap::{Action, List};
use crate::model::snapshot::{SessionView, TaskView};
use crate::model::{StatusSource, TaskId, Verb};
use crate::theme::Role;
use crate::ui::look::Look;
use crate::ui::text;
use crate::ui::views::signs;
use crate::ui::widgets::popup::PopupBox;
use crate::ui::widgets::row::{Row, Rows};

/// The explanation.
#[derive(Debug)]
pub struct Explain {
    task: Option<TaskId>,
    skip: usize,
    page: usize,
}

/// The verbs that a person looks for, with their words.
const VERBS: [(Verb, &str); 7] = [
    (Verb::Approve, "approve"),
    (Verb::Reject, "reject"),
    (Verb::Retry, "retry"),
    (Verb::Pause, "pause"),
    (Verb::Resume, "resume"),
    (Verb::Prompt, "prompt"),
    (Verb::Cancel, "give up"),
];

impl Explain {
    /// Of a task, or of the run.
    pub fn new(task: Option<TaskId>) -> Self {
        Self { task, skip: 0, page: 10 }
    }

    /// Takes an action.
    pub fn key(&mut self, action: Option<Action>) -> Outcome {
        match action {
            Some(Action::Move(motion)) => self.skip = step(self.skip, motion, usize::MAX, self.page),
            Some(Action::List(List::Close | List::Choose)) => return Outcome::Close,
            _ => {}
        }
        Outcome::Stay
    }

    fn rows(&self, stage: Stage<'_>, look: Look<'_>, columns: usize) -> Vec<Row> {
        let snapshot = stage.world.snapshot;
        let Some(task) = self.task.as_ref().and_then(|id| snapshot.task(id)) else {
            return run_rows(stage, look, columns);
        };
        let sign = signs::task(task, snapshot, look);
        let state = if snapshot.is_stopped(task) { "stopped" } else { task.phase.name() };
        let mut rows = vec![
            Row::of(&format!("{} {} ", sign.glyph, state), look.style(sign.role))
                .left(&format!("for {}", look.ages.since(task.since)), look.style(Role::Dim)),
            Row::new(),
        ];
        field(&mut rows, "why", &task.explanation.why, look, columns);
        field(&mut rows, "rule", &task.explanation.rule, look, columns);
        field(&mut rows, "source", &task.explanation.source, look, columns);
        let waiting: Vec<_> =
            snapshot.tasks.iter().filter(|other| other.depends_on.contains(&task.id)).collect();
        if !task.depends_on.is_empty() {
            let names: Vec<String> = task.depends_on.iter().map(|id| dependency(id, stage, look)).collect();
            field(&mut rows, "after", &names.join("  "), look, columns);
        }
        if !waiting.is_empty() {
            let names: Vec<&str> = waiting.iter().map(|other| other.id.as_str()).collect();
            field(&mut rows, "before", &names.join("  "), look, columns);
        }
        session_rows(&mut rows, task, stage, look, columns);
        refusal_rows(&mut rows, task, look, columns);
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
        let columns = 84.min(screen.width);
        let rows = self.rows(stage, look, usize::from(columns.saturating_sub(4)));
        let wanted = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(2);
        let height = wanted.min(screen.height.saturating_sub(2).max(3));
        let title = match &self.task {
            Some(task) => format!("Why is {task} here?"),
            None => "Why is the run here?".to_owned(),
        };
        let hints = close_hint(stage.keymap, look);
        let inner = PopupBox { title: &title, hints, columns, rows: height }.draw(screen, buf, look);
        self.page = usize::from(inner.height);
        self.skip = self.skip.min(rows.len().saturating_sub(self.page));
        Rows { rows: &rows, skip: self.skip, mark: look.glyphs.ellipsis }.render(inner, buf);
        None
    }
}

fn field(rows: &mut Vec<Row>, name: &str, words: &str, look: Look<'_>, columns: usize) {
    let words = if words.is_empty() { "not known" } else { words };
    for (at, line) in text::wrap(words, columns.saturating_sub(10)).iter().enumerate() {
        let name = if at == 0 { name } else { "" };
        rows.push(Row::of(&format!("{name:<10}"), look.style(Role::Dim)).left(line, look.style(Role::Text)));
    }
}

fn dependency(id: &TaskId, stage: Stage<'_>, look: Look<'_>) -> String {
    let snapshot = stage.world.snapshot;
    let glyph = snapshot.task(id).map_or(look.glyphs.unknown, |task| signs::task(task, snapshot, look).glyph);
    format!("{id} {glyph}")
}

fn source_word(source: StatusSource) -> &'static str {
    match source {
        StatusSource::Process => "its process",
        StatusSource::Stream => "its structured events",
        StatusSource::Terminal => "the status protocol in its terminal",
        StatusSource::Hook => "a hook that it ran",
        StatusSource::Notification => "a notification of its terminal",
        StatusSource::Screen => "what its screen shows",
    }
}

fn session_rows(rows: &mut Vec<Row>, task: &TaskView, stage: Stage<'_>, look: Look<'_>, columns: usize) {
    let snapshot = stage.world.snapshot;
    let mine = snapshot
        .sessions
        .iter()
        .filter(|session| session.task.as_ref() == Some(&task.id) && session.is_live());
    for (at, session) in mine.enumerate() {
        if at == 0 {
            rows.push(Row::new());
        }
        let words = session_words(session, signs::session(session, snapshot, look), look);
        field(rows, if at == 0 { "sessions" } else { "" }, &words, look, columns);
    }
}

fn session_words(session: &SessionView, sign: signs::Sign, look: Look<'_>) -> String {
    let age = look.ages.since(session.status_since);
    let from = source_word(session.status.source);
    let said = if session.status.message.is_empty() {
        String::new()
    } else {
        format!(": {}", session.status.message)
    };
    format!("{} {} ({}) for {age}, known from {from}{said}", sign.glyph, session.name, sign.word)
}

fn refusal_rows(rows: &mut Vec<Row>, task: &TaskView, look: Look<'_>, columns: usize) {
    let refused =
        VERBS.iter().filter_map(|(verb, name)| task.refusals.get(verb).map(|reason| (name, reason)));
    for (at, (name, reason)) in refused.enumerate() {
        if at == 0 {
            rows.push(Row::new());
        }
        field(rows, if at == 0 { "not now" } else { "" }, &format!("{name}: {reason}"), look, columns);
    }
}

fn run_rows(stage: Stage<'_>, look: Look<'_>, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let Some(run) = &stage.world.snapshot.run else { return rows };
    field(&mut rows, "goal", &run.goal, look, columns);
    field(&mut rows, "run", run.id.as_str(), look, columns);
    field(&mut rows, "merges to", &run.integration, look, columns);
    for problem in &run.plan_problems {
        field(&mut rows, "problem", problem, look, columns);
    }
    for (at, reason) in run.refusals.values().enumerate() {
        field(&mut rows, if at == 0 { "not now" } else { "" }, reason, look, columns);
    }
    rows
}
