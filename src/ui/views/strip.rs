//! What needs a person: one row each, with the keys that answer it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::keymap::{Action, Context, Key, Keymap, RunAct, SessionAct, Show, TaskAct};
use crate::model::snapshot::{AttentionKind, AttentionRow};
use crate::model::{Snapshot, Verb, counted};
use crate::theme::Role;
use crate::ui::look::Look;
use crate::ui::state::RowKey;
use crate::ui::text;
use crate::ui::views::signs;
use crate::ui::widgets::row::Row;

/// The strip.
pub struct Strip<'a> {
    /// The run.
    pub snapshot: &'a Snapshot,
    /// The row that keys answer.
    pub current: Option<&'a AttentionRow>,
    /// The keys.
    pub keymap: &'a Keymap,
    /// How to draw.
    pub look: Look<'a>,
}

/// The first of the rows that are shown in so many, so that the current one is among them.
pub fn first_row<'a>(
    mut rows: impl Iterator<Item = &'a AttentionRow>,
    current: Option<&AttentionRow>,
    height: usize,
) -> usize {
    let current = current.map(RowKey::from);
    let at = rows.position(|row| Some(RowKey::from(row)) == current);
    (at.unwrap_or(0) + 1).saturating_sub(height.max(1))
}

/// What the strip holds: how much needs a person, and how much is only said.
pub fn title(snapshot: &Snapshot, look: Look<'_>) -> Row {
    let (need, said) = (snapshot.attention.len(), snapshot.said.len());
    let mut row = Row::new();
    if need > 0 {
        row.push(&format!(" Needs you {need} "), look.style(Role::Need));
    }
    if said > 0 {
        row.push(&format!(" {} ", counted(said, "notice")), look.style(Role::Accent));
    }
    row
}

type Answers = Vec<(Key, &'static str)>;

fn answers_width(answers: &Answers) -> usize {
    answers.iter().map(|(key, word)| text::width(&key.to_string()) + text::width(word) + 3).sum()
}

impl Strip<'_> {
    /// One row; `keys` is the room for its answers, so that those of all rows stand below each other.
    fn row(&self, row: &AttentionRow, answers: &Answers, keys: usize, narrow: bool) -> Row {
        let look = self.look;
        let current = self.current.map(RowKey::from) == Some(RowKey::from(row));
        let stuck =
            matches!(row.kind, AttentionKind::Stuck | AttentionKind::Conflict | AttentionKind::Budget);
        let (glyph, role) = match row.kind {
            AttentionKind::Said => (look.glyphs.pointer, Role::Accent),
            _ if stuck => (look.glyphs.fail, Role::Fail),
            _ => (look.glyphs.need, Role::Need),
        };
        let task = row.task.as_ref().map_or("run", |id| id.as_str());
        let mut line = Row::of(&format!(" {glyph} "), look.style(role));
        line.push(&format!("{task:<4}"), look.style(if current { Role::Focus } else { Role::Accent }));
        line.push(&format!(" {:<9}", row.source), look.style(signs::agent(&row.source, self.snapshot)));
        line.push(&row.text, look.style(Role::Text));
        if row.unblocks > 0 && !narrow {
            line = line.right(&format!("unblocks {}  ", row.unblocks), look.style(Role::Dim));
        }
        line = line.right(&format!("{:>4}   ", look.ages.since(row.since)), look.style(Role::Dim));
        let (key_role, word_role) = if current { (Role::Key, Role::Text) } else { (Role::Dim, Role::Dim) };
        for (key, word) in answers {
            let (sign, word) = (key.to_string(), format!(" {word}  "));
            line = line.right(&sign, look.style(key_role)).right(&word, look.style(word_role));
            line.press_right(*key, text::width(&sign) + text::width(&word));
        }
        line.right(&" ".repeat(keys.saturating_sub(answers_width(answers))), look.style(Role::Dim))
    }

    fn one_line(&self, area: Rect, buf: &mut Buffer) {
        let look = self.look;
        let Some(row) = self.current.or(self.snapshot.rows().next()) else { return };
        let is_said = usize::from(row.kind == AttentionKind::Said);
        let need = self.snapshot.attention.len().saturating_sub(1 - is_said);
        let said = self.snapshot.said.len().saturating_sub(is_said);
        let answers = answers(row, self.keymap);
        let line = self.row(row, &answers, 0, area.width < 100);
        let more = [(said, look.glyphs.pointer, Role::Accent), (need, look.glyphs.need, Role::Need)];
        let line =
            more.into_iter().filter(|(count, ..)| *count > 0).fold(line, |line, (count, glyph, role)| {
                line.right(&format!("+{count} {glyph} "), look.style(role))
            });
        look.presses.add(line.presses(area));
        line.draw(area, buf, look.glyphs.ellipsis);
    }
}

impl Widget for Strip<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        if area.height == 1 {
            return self.one_line(area, buf);
        }
        let rows = self.snapshot.rows();
        let first = first_row(rows.clone(), self.current, usize::from(area.height));
        let shown: Vec<(&AttentionRow, Answers)> = rows
            .skip(first)
            .take(usize::from(area.height))
            .map(|row| (row, answers(row, self.keymap)))
            .collect();
        let keys = shown.iter().map(|(_, answers)| answers_width(answers)).max().unwrap_or(0);
        for ((row, answers), y) in shown.iter().zip(area.y..area.bottom()) {
            let line = self.row(row, answers, keys, area.width < 100);
            let place = Rect { y, height: 1, ..area };
            self.look.presses.add(line.presses(place));
            line.draw(place, buf, self.look.glyphs.ellipsis);
        }
    }
}

/// The keys that answer a row, with the word that says what they mean for it.
fn answers(row: &AttentionRow, keymap: &Keymap) -> Answers {
    let mut answers = Answers::new();
    let mut add = |action, word| {
        let key = keymap.binding(Context::Main, action).and_then(|binding| binding.keys.first());
        if let Some(key) = key.filter(|_| answers.len() < 3) {
            answers.push((*key, word));
        }
    };
    for verb in &row.verbs {
        if let Some((action, word)) = answer(*verb, row.kind) {
            add(action, word);
        }
    }
    if row.kind == AttentionKind::Review {
        add(Action::Show(Show::Diff), "diff");
    }
    if row.session.is_some() {
        add(Action::Session(SessionAct::Enter), "open");
    }
    if row.kind == AttentionKind::Said {
        add(Action::Session(SessionAct::Dismiss), "dismiss");
    }
    answers
}

fn answer(verb: Verb, kind: AttentionKind) -> Option<(Action, &'static str)> {
    let asks = matches!(kind, AttentionKind::Approval | AttentionKind::Question);
    Some(match verb {
        Verb::Approve if asks => (Action::Task(TaskAct::Approve), "allow"),
        Verb::Approve if kind == AttentionKind::Stuck => (Action::Task(TaskAct::Approve), "take as is"),
        Verb::Approve => (Action::Task(TaskAct::Approve), "approve"),
        Verb::Reject if asks => (Action::Task(TaskAct::Reject), "deny"),
        Verb::Reject => (Action::Task(TaskAct::Reject), "reject"),
        Verb::Retry => (Action::Task(TaskAct::Retry), "retry"),
        Verb::Prompt => (Action::Task(TaskAct::Prompt), "prompt"),
        Verb::Resume => (Action::Task(TaskAct::Pause), "go on"),
        Verb::Cancel => (Action::Task(TaskAct::Cancel), "give up"),
        Verb::Restart => (Action::Session(SessionAct::Restart), "restart"),
        Verb::Interrupt => (Action::Session(SessionAct::Interrupt), "interrupt"),
        Verb::AcceptPlan => (Action::Show(Show::Plan), "look at it"),
        Verb::SetBudget => (Action::Run(RunAct::Budget), "budget"),
        Verb::ResumeRun => (Action::Run(RunAct::Pause), "go on"),
        Verb::Stop => (Action::Run(RunAct::Stop), "stop"),
        Verb::Land => (Action::Run(RunAct::Land), "land"),
        Verb::RejectPlan
        | Verb::Pause
        | Verb::Rewind
        | Verb::Add
        | Verb::Edit
        | Verb::Split
        | Verb::Join
        | Verb::Comment
        | Verb::Dismiss
        | Verb::PauseRun
        | Verb::UndoLand => return None,
    })
}

/// What an action means for a row of that kind, where the usual word says it badly.
pub fn word_for(action: Action, kind: Option<AttentionKind>) -> Option<&'static str> {
    let verb = match action {
        Action::Task(TaskAct::Approve) => Verb::Approve,
        Action::Task(TaskAct::Reject) => Verb::Reject,
        _ => return None,
    };
    answer(verb, kind?).map(|(_, word)| word)
}
