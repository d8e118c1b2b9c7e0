//! The plan that waits: its tasks with what they need, who does them and what must be true; changed, taken or given back.
//!
//! Invariant: what is accepted is exactly what is shown.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::words::{Words, WordsFor};
use super::{Listed, Outcome, Popup, Stage, hints, step};
use crate::keymap::{Action, Context, List, Motion, PlanAct, Show};
use crate::model::{Command, Plan, PlanTask, Timestamp, counted};
use crate::theme::Role;
use crate::ui::contract::{Purpose, Request};
use crate::ui::look::Look;
use crate::ui::text;
use crate::ui::views::board::first_row;
use crate::ui::widgets::popup::PopupBox;
use crate::ui::widgets::row::{Row, Rows};

/// A key that was on its way when the plan appeared must not accept it.
const SETTLE_MS: u64 = 600;

/// The review of a plan.
#[derive(Debug)]
pub struct PlanReview {
    plan: Plan,
    /// The plan as it was proposed; a newer proposal replaces everything here.
    proposed: Plan,
    at: usize,
    skip: usize,
    page: usize,
    note: Option<String>,
    deaf_until: Timestamp,
    listed: Listed,
}

impl PlanReview {
    /// Of a plan that a person asked to see.
    pub fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            proposed: plan.clone(),
            at: 0,
            skip: 0,
            page: 10,
            note: None,
            deaf_until: Timestamp(0),
            listed: Listed::default(),
        }
    }

    /// Of a plan that appears by itself at `now`.
    pub fn unasked(plan: &Plan, now: Timestamp) -> Self {
        Self { deaf_until: now.plus(SETTLE_MS), ..Self::new(plan) }
    }

    /// The button went down on it: a row is selected; nothing is accepted by a click.
    pub fn click(&mut self, at: Position) -> Outcome {
        if let Some(row) = self.listed.row(at).filter(|row| *row < self.plan.tasks.len()) {
            (self.at, self.skip) = (row, 0);
        }
        Outcome::Stay
    }

    /// Takes what the person's editor or the planner made of it.
    pub fn renew(&mut self, proposal: &Plan) {
        if self.proposed != *proposal {
            *self = Self::new(proposal);
            self.note = Some("the planner has made a new plan".to_owned());
        }
    }

    /// Takes the plan as edited.
    pub fn edited(&mut self, plan: Result<Box<Plan>, String>) {
        match plan {
            Ok(plan) => {
                self.note = Some("edited; nothing is kept until you say go".to_owned());
                self.plan = *plan;
                self.at = self.at.min(self.plan.tasks.len().saturating_sub(1));
            }
            Err(problem) => self.note = Some(format!("not taken over, e goes on with it: {problem}")),
        }
    }

    /// Takes an action.
    pub fn key(&mut self, action: Option<Action>, stage: Stage<'_>) -> Outcome {
        match action {
            Some(Action::Move(motion @ (Motion::PageUp | Motion::PageDown))) => {
                self.skip = step(self.skip, motion, usize::MAX, self.page);
                Outcome::Stay
            }
            Some(Action::Move(motion)) => {
                self.at = step(self.at, motion, self.plan.tasks.len(), self.page);
                self.skip = 0;
                Outcome::Stay
            }
            Some(Action::Plan(act)) => self.act(act, stage),
            Some(Action::Show(Show::Help)) => Outcome::Open(Popup::Help(super::help::Help::default())),
            Some(Action::List(List::Close)) => Outcome::Close,
            _ => Outcome::Stay,
        }
    }

    fn act(&mut self, act: PlanAct, stage: Stage<'_>) -> Outcome {
        match act {
            PlanAct::Accept if stage.world.now < self.deaf_until => Outcome::Stay,
            PlanAct::Accept if self.plan.tasks.is_empty() => {
                Outcome::Say("the plan has no task left".to_owned())
            }
            PlanAct::Accept => Outcome::Send(vec![Request::Command(Command::AcceptPlan(self.plan.clone()))]),
            PlanAct::Reject => {
                Outcome::Become(Popup::Words(Box::new(Words::new(WordsFor::RejectPlan, &self.plan.goal))))
            }
            PlanAct::Edit => Outcome::Ask(vec![Request::EditText {
                text: String::new(),
                suffix: ".toml",
                purpose: Purpose::Plan(Box::new(self.plan.clone())),
            }]),
            PlanAct::Remove => {
                self.remove();
                Outcome::Stay
            }
        }
    }

    /// Those that waited for the removed task wait for what it waited for.
    fn remove(&mut self) {
        if self.at >= self.plan.tasks.len() {
            return;
        }
        let gone = self.plan.tasks.remove(self.at);
        for task in &mut self.plan.tasks {
            if let Some(at) = task.depends_on.iter().position(|id| *id == gone.id) {
                task.depends_on.remove(at);
                for inherited in &gone.depends_on {
                    if !task.depends_on.contains(inherited) {
                        task.depends_on.push(inherited.clone());
                    }
                }
            }
        }
        self.at = self.at.min(self.plan.tasks.len().saturating_sub(1));
        self.note = Some(format!("{} taken out; nothing is kept until you say go", gone.id));
    }

    fn list_row(&self, at: usize, task: &PlanTask, look: Look<'_>) -> Row {
        let after: Vec<&str> = task.depends_on.iter().map(|id| id.as_str()).collect();
        let after = if after.is_empty() { String::new() } else { format!("after {}  ", after.join(" ")) };
        let name = |task: &PlanTask| task.agent.as_ref().map_or(0, |agent| text::width(agent.as_str()));
        let names = self.plan.tasks.iter().map(name).max().unwrap_or(0);
        let agent = task.agent.as_ref().map_or("", |agent| agent.as_str());
        let row = Row::of(&format!(" {:<4} ", task.id), look.style(Role::Accent))
            .left(&task.title, look.style(Role::Text))
            .right(&after, look.style(Role::Dim))
            .right(&format!("{agent:<names$} "), look.style(Role::Agent1))
            .right(if task.human { "you " } else { "    " }, look.style(Role::Key));
        if at == self.at { row.ground(look.style(Role::Selection)) } else { row }
    }

    /// Rows for the whole list and the longest text, so that moving through the tasks changes no size.
    fn wanted_rows(&self, columns: u16, look: Look<'_>) -> u16 {
        let inside = Rect { width: columns.saturating_sub(4), height: 400, ..Rect::default() };
        let (list, text) = split(inside, self.plan.tasks.len());
        let columns = usize::from(text.width);
        let longest =
            self.plan.tasks.iter().map(|task| task_rows(task, look, columns).len()).max().unwrap_or(0);
        let tasks = self.plan.tasks.len();
        let rows = if text.x > list.x { tasks.max(longest) } else { tasks + 1 + longest };
        u16::try_from(rows + 4).unwrap_or(u16::MAX)
    }

    /// Draws it.
    pub fn draw(
        &mut self,
        screen: Rect,
        buf: &mut Buffer,
        stage: Stage<'_>,
        look: Look<'_>,
    ) -> Option<Position> {
        let title = format!("Plan: {}", counted(self.plan.tasks.len(), "task"));
        let hints = hints(stage.keymap, Context::Plan, look);
        let columns = screen.width.saturating_sub(4).clamp(20, 132);
        let height = self.wanted_rows(columns, look).clamp(8, screen.height.saturating_sub(2).max(8));
        let inner = PopupBox { title: &title, hints, columns, rows: height }.draw(screen, buf, look);
        if inner.height < 4 {
            return None;
        }
        let mark = look.glyphs.ellipsis;
        let line = |y: u16| Rect { y, height: 1, ..inner };
        Row::of("goal  ", look.style(Role::Dim)).left(&self.plan.goal, look.style(Role::Title)).draw(
            line(inner.y),
            buf,
            mark,
        );
        let problems = stage.world.snapshot.run.as_ref().and_then(|run| run.plan_problems.first());
        let note = self.note.as_ref().or(problems).map_or("", String::as_str);
        Row::of(note, look.style(Role::Accent)).draw(line(inner.y + 1), buf, mark);
        let body = Rect { y: inner.y + 2, height: inner.height - 2, ..inner };
        let (list, text) = split(body, self.plan.tasks.len());
        let first = first_row(Some(self.at), self.plan.tasks.len(), usize::from(list.height));
        self.listed = Listed { area: list, first };
        for ((at, task), y) in self.plan.tasks.iter().enumerate().skip(first).zip(list.y..list.bottom()) {
            self.list_row(at, task, look).draw(Rect { y, height: 1, ..list }, buf, mark);
        }
        let task = self.plan.tasks.get(self.at);
        let rows = task.map(|task| task_rows(task, look, usize::from(text.width))).unwrap_or_default();
        self.page = usize::from(text.height);
        self.skip = self.skip.min(rows.len().saturating_sub(self.page));
        Rows { rows: &rows, skip: self.skip, mark }.render(text, buf);
        None
    }
}

/// What a plan says of a task.
fn task_rows(task: &PlanTask, look: Look<'_>, columns: usize) -> Vec<Row> {
    let mut rows = vec![
        Row::of(&format!("{} ", task.id), look.style(Role::Accent))
            .left(&task.title, look.style(Role::Title)),
    ];
    let role = task.role.as_deref().unwrap_or("engineer");
    let agent = task.agent.as_ref().map_or("the usual implementer", |agent| agent.as_str());
    let gate = if task.human { ", merged only with your word" } else { "" };
    rows.push(Row::of(&format!("{role}, by {agent}{gate}"), look.style(Role::Dim)));
    rows.push(Row::new());
    rows.extend(
        text::wrap(&task.description, columns).iter().map(|line| Row::of(line, look.style(Role::Text))),
    );
    if !task.acceptance.is_empty() {
        rows.push(Row::new());
        rows.push(Row::of("done when", look.style(Role::Dim)));
    }
    for wish in &task.acceptance {
        for (at, line) in text::wrap(wish, columns.saturating_sub(2)).iter().enumerate() {
            let mark = if at == 0 { look.glyphs.dot } else { " " };
            rows.push(Row::of(&format!("{mark} "), look.style(Role::Dim)).left(line, look.style(Role::Text)));
        }
    }
    if !task.files.is_empty() {
        rows.push(Row::new());
        let files = format!("files {}", task.files.join(" "));
        rows.extend(text::wrap(&files, columns).iter().map(|line| Row::of(line, look.style(Role::Dim))));
    }
    rows
}

/// List and text beside each other where there is room, else below each other.
fn split(body: Rect, tasks: usize) -> (Rect, Rect) {
    if body.width >= 100 {
        let left = body.width * 11 / 20;
        let right = Rect { x: body.x + left + 2, width: body.width - left - 2, ..body };
        return (Rect { width: left, ..body }, right);
    }
    let wanted = u16::try_from(tasks).unwrap_or(u16::MAX);
    let list = wanted.min(body.height * 3 / 5).max(1).min(body.height);
    let text = Rect { y: (body.y + list + 1).min(body.bottom()), ..body };
    (Rect { height: list, ..body }, Rect { height: body.bottom() - text.y, ..text })
}
