//! From an action to what it does: to the view state, to the popups, and to the requests that leave.
//!
//! Invariant: an action that is not possible says why and changes nothing.

use super::super::contract::{Purpose, Request, World};
use super::super::enabled::{enabled, pause_verb, plan_is_meant};
use super::super::popups::Popup;
use super::super::popups::confirm::Confirm;
use super::super::popups::explain::Explain;
use super::super::popups::form::{Form, next_id};
use super::super::popups::help::Help;
use super::super::popups::links::Links;
use super::super::popups::notices::Notices;
use super::super::popups::palette::Palette;
use super::super::popups::plan::PlanReview;
use super::super::popups::spend::Spend;
use super::super::popups::words::{Words, WordsFor};
use super::super::state::{Focus, PAGES, RowKey, Tab, numbered};
use super::super::{Ui, layout};
use crate::keymap::{Action, App, Motion, RunAct, SessionAct, Show, TaskAct};
use crate::model::snapshot::{AttentionKind, AttentionRow, SessionView};
use crate::model::{Command, PlanTask, Usage, Verb};

impl Ui {
    /// Does an action, or says why it can't be done. `nth` is the place of the key among the action's.
    pub(super) fn perform(&mut self, action: Action, nth: usize, world: &World<'_>) -> Vec<Request> {
        if let Err(reason) = enabled(action, &self.view, world) {
            self.say(reason, false, world.now);
            return Vec::new();
        }
        match action {
            Action::Move(motion) => self.go(motion, nth, world),
            Action::Show(show) => return self.show_what(show, world),
            Action::Task(act) => return self.task_act(act, world),
            Action::Session(act) => return self.session_act(act, world),
            Action::Run(act) => return self.run_act(act, world),
            Action::Scroll(act) => return self.scroll_act(act, world),
            Action::App(App::Back) => self.back(),
            Action::App(App::Redraw) => return vec![Request::Redraw],
            Action::App(App::Clipboard) => self.show_clip(),
            Action::App(App::Detach) if world.snapshot.run.is_none() && world.clients <= 1 => {
                return vec![Request::QuitServer];
            }
            Action::App(App::Detach) => return vec![Request::Detach],
            // These have a meaning within a popup only.
            Action::Plan(_) | Action::List(_) | Action::Compose(_) => {}
        }
        Vec::new()
    }

    fn go(&mut self, motion: Motion, nth: usize, world: &World<'_>) {
        match motion {
            Motion::Jump => self.jump(nth, world),
            Motion::NextAttention => self.next_attention(world),
            Motion::NextSession => self.next_session(1, world),
            Motion::PreviousSession => self.next_session(-1, world),
            Motion::PreviousPart | Motion::NextPart if self.view.tab == Tab::Terminal => {
                self.next_prompt(motion == Motion::NextPart, world);
            }
            Motion::PreviousPart | Motion::NextPart => {
                if let (Tab::Diff, Some(diff)) = (self.view.tab, self.loaded.diff(self.view.task.as_ref())) {
                    self.view.scroll = diff.part(self.view.scroll, motion == Motion::NextPart);
                }
            }
            Motion::PageUp | Motion::PageDown | Motion::HalfUp | Motion::HalfDown => {
                self.scroll_by(motion, world);
            }
            Motion::Up | Motion::Down | Motion::Top | Motion::Bottom => match self.view.focus {
                Focus::View => self.scroll_by(motion, world),
                Focus::Board | Focus::Terminal => self.select_by(motion, world),
            },
        }
    }

    /// Moves the board's selection.
    pub(super) fn select_by(&mut self, motion: Motion, world: &World<'_>) {
        let tasks = self.view.tasks(world.snapshot);
        let at = tasks.iter().position(|task| Some(&task.id) == self.view.task.as_ref());
        let last = tasks.len().saturating_sub(1);
        let to = match (motion, at) {
            (Motion::Up, Some(at)) => at.saturating_sub(1),
            (Motion::Down, Some(at)) => (at + 1).min(last),
            (Motion::Bottom, _) => last,
            _ => 0,
        };
        let next = tasks.get(to).map(|task| task.id.clone());
        self.view.select(next);
    }

    fn narrow(&self) -> bool {
        self.drawn.screen.shape == layout::Shape::Narrow
    }

    /// A number goes to a page of the narrow screen, else to the board (1) or a live session.
    fn jump(&mut self, nth: usize, world: &World<'_>) {
        if self.narrow() {
            if let Some(page) = PAGES.get(nth) {
                self.page(*page);
            }
            return;
        }
        if nth == 0 {
            self.view.focus = Focus::Board;
            self.view.zoom = false;
            return;
        }
        match numbered(world.snapshot).get(nth - 1) {
            Some(session) => self.look_at(session),
            None => self.say(format!("no agent has the number {}", nth + 1), false, world.now),
        }
    }

    /// Goes to a page of the narrow screen; what is read there has the keys at once.
    pub(super) fn page(&mut self, page: Option<Tab>) {
        self.view.focus = if matches!(page, None | Some(Tab::Terminal)) { Focus::Board } else { Focus::View };
        match page {
            Some(tab) => self.show(tab),
            None => self.view.page = false,
        }
    }

    /// Shows a session's terminal and selects its task.
    pub(super) fn look_at(&mut self, session: &SessionView) {
        self.view.filter.set("");
        self.view.select(session.task.clone());
        self.choose(Some(session.id.clone()));
        self.view.focus = Focus::Board;
        self.show(Tab::Terminal);
    }

    fn next_session(&mut self, by: isize, world: &World<'_>) {
        let sessions = self.view.sessions(world.snapshot);
        let shown = self.view.shown(world.snapshot).map(|session| &session.id);
        let at = sessions.iter().position(|session| Some(&session.id) == shown).unwrap_or(0);
        let count = isize::try_from(sessions.len()).unwrap_or(1).max(1);
        let to = (isize::try_from(at).unwrap_or(0) + by).rem_euclid(count);
        let next = usize::try_from(to).ok().and_then(|to| sessions.get(to));
        let next = next.map(|session| session.id.clone());
        self.choose(next);
        self.view.back = 0;
        if self.view.tab != Tab::Terminal {
            self.show(Tab::Terminal);
        }
    }

    fn next_attention(&mut self, world: &World<'_>) {
        let rows: Vec<&AttentionRow> = world.snapshot.rows().collect();
        let current = self.view.row(world.snapshot).map(RowKey::from);
        let at = rows.iter().position(|row| Some(RowKey::from(*row)) == current);
        // From a task that needs nobody the most urgent comes first; else the one after this.
        let next = at.map_or(0, |at| (at + 1) % rows.len().max(1));
        if let Some(row) = rows.get(next) {
            self.visit(row, world);
        }
    }

    /// Goes to a row of the strip: its task, and the view that shows what is asked.
    pub(super) fn visit(&mut self, row: &AttentionRow, world: &World<'_>) {
        self.view.focus = Focus::Board;
        self.view.filter.set("");
        self.view.select(row.task.clone().or_else(|| self.view.task.clone()));
        self.choose(row.session.clone());
        self.view.visited = Some(RowKey::from(row));
        let page = self.view.page;
        match row.kind {
            _ if row.session.is_some() => self.show(Tab::Terminal),
            AttentionKind::Review => self.show(Tab::Diff),
            _ if row.task.is_some() => self.show(Tab::Evidence),
            _ => {}
        }
        // On the narrow screen the strip itself says what is asked; the page is not changed under a person's hands.
        self.view.page = page;
        if row.task.is_none() && plan_is_meant(&self.view, world) {
            self.open_plan(world);
        }
    }

    fn open_plan(&mut self, world: &World<'_>) {
        if let Some(plan) = world.snapshot.run.as_ref().and_then(|run| run.proposal.as_ref()) {
            self.popups.push(Popup::Plan(Box::new(PlanReview::new(plan))));
        }
    }

    fn show_what(&mut self, show: Show, world: &World<'_>) -> Vec<Request> {
        match show {
            Show::NextView => self.turn(1),
            Show::PreviousView => self.turn(-1),
            Show::Diff => {
                self.show(Tab::Diff);
                self.view.focus = Focus::View;
            }
            Show::Zoom => {
                self.view.zoom = !self.view.zoom;
                self.view.page = self.view.zoom || self.view.page;
            }
            Show::Scroll => self.scroll_mode(world),
            Show::Filter => {
                self.view.focus = Focus::Board;
                (self.view.page, self.view.zoom, self.view.filtering) = (false, false, true);
            }
            Show::Palette => self.popups.push(Popup::Palette(Palette::default())),
            Show::Help => self.popups.push(Popup::Help(Help::default())),
            Show::Explain => self.popups.push(Popup::Explain(Explain::new(self.view.task.clone()))),
            Show::Spend => self.popups.push(Popup::Spend(Spend::default())),
            Show::Themes => return vec![Request::ListThemes],
            Show::Links => self.show_links(world),
            Show::Notices => self.popups.push(Popup::Notices(Notices::default())),
            Show::Plan => self.open_plan(world),
        }
        Vec::new()
    }

    fn show_links(&mut self, world: &World<'_>) {
        let links = self.sight(world, |sight| sight.links()).unwrap_or_default();
        match self.view.shown(world.snapshot).map(|session| session.id.clone()) {
            Some(session) if !links.is_empty() => {
                self.popups.push(Popup::Links(Box::new(Links::new(session, links))));
            }
            _ => self.say("no link is in sight", false, world.now),
        }
    }

    /// The next view, or page.
    fn turn(&mut self, by: isize) {
        let next = |at: Option<usize>, count: usize| {
            let at = isize::try_from(at.unwrap_or(0)).unwrap_or(0);
            let count = isize::try_from(count).unwrap_or(1).max(1);
            usize::try_from((at + by).rem_euclid(count)).unwrap_or(0)
        };
        if self.narrow() {
            let here = self.view.page.then_some(self.view.tab);
            let at = next(PAGES.iter().position(|page| *page == here), PAGES.len());
            if let Some(page) = PAGES.get(at) {
                self.page(*page);
            }
            return;
        }
        let at = next(Tab::ALL.iter().position(|tab| *tab == self.view.tab), Tab::ALL.len());
        if let Some(tab) = Tab::ALL.get(at) {
            self.show(*tab);
        }
    }

    /// Leaves one thing at a time: what is read, a filter, the zoom, a page, a view.
    pub(super) fn back(&mut self) {
        let reads = self.view.focus == Focus::View && self.view.tab == Tab::Terminal;
        if reads && self.leave_marks() {
            return;
        }
        if self.view.focus != Focus::Board {
            self.view.focus = Focus::Board;
            self.view.back = 0;
            self.unpin();
            self.view.reading.leave();
            if self.narrow() {
                self.view.page = false;
            }
        } else if !self.view.filter.text().is_empty() {
            self.view.filter.set("");
        } else if self.view.zoom {
            self.view.zoom = false;
        } else if self.narrow() && self.view.page {
            self.view.page = false;
        } else {
            self.show(Tab::Terminal);
            self.view.page = false;
        }
    }

    fn task_act(&mut self, act: TaskAct, world: &World<'_>) -> Vec<Request> {
        let plan = plan_is_meant(&self.view, world);
        match act {
            TaskAct::Approve | TaskAct::Reject if plan => {
                self.open_plan(world);
                return Vec::new();
            }
            TaskAct::New => {
                self.popups.push(Popup::Form(Box::new(Form::new(next_id(world.snapshot)))));
                return Vec::new();
            }
            TaskAct::NewPrompt => return self.ask_words(WordsFor::NewTask(next_id(world.snapshot)), ""),
            _ => {}
        }
        let Some(task) = self.view.selected(world.snapshot) else { return Vec::new() };
        let id = task.id.clone();
        let row = self.view.row(world.snapshot);
        let asked = row.map_or("", |row| row.text.as_str()).to_owned();
        let asks =
            row.is_some_and(|row| matches!(row.kind, AttentionKind::Approval | AttentionKind::Question));
        let command = match act {
            TaskAct::Approve => Command::Approve(id),
            TaskAct::Retry => Command::Retry(id),
            TaskAct::Pause if pause_verb(task) == Verb::Resume => Command::Resume(id),
            TaskAct::Pause => Command::Pause(id),
            TaskAct::Reject if asks => return self.ask_words(WordsFor::Deny(id), &asked),
            TaskAct::Reject => return self.ask_words(WordsFor::Reject(id), &asked),
            TaskAct::Edit => {
                let (purpose, text) = (Purpose::Task(Box::new(task.spec())), String::new());
                return vec![Request::EditText { text, suffix: ".toml", purpose }];
            }
            TaskAct::Prompt => return self.ask_words(WordsFor::Prompt(id), &task.title),
            TaskAct::Cancel => return self.ask_to_cancel(task, world),
            TaskAct::Comment => return self.ask_for_comment(task),
            TaskAct::Findings => return self.list_findings(task),
            TaskAct::Split => {
                let spec = task.spec();
                let part = spec.part(1, |id| world.snapshot.task(id).is_some());
                let part = PlanTask { title: "the rest".to_owned(), ..part };
                let purpose = Purpose::Split(Box::new((spec, part)));
                return vec![Request::EditText { text: String::new(), suffix: ".toml", purpose }];
            }
            TaskAct::Join => return self.list_partners(task, world),
            TaskAct::Rewind => return self.list_rounds(task),
            TaskAct::New | TaskAct::NewPrompt => return Vec::new(),
        };
        self.send(vec![Request::Command(command)], world)
    }

    fn ask_words(&mut self, purpose: WordsFor, context: &str) -> Vec<Request> {
        self.popups.push(Popup::Words(Box::new(Words::new(purpose, context))));
        Vec::new()
    }

    fn session_act(&mut self, act: SessionAct, world: &World<'_>) -> Vec<Request> {
        let effect = self.view.shown(world.snapshot).map(|session| session.effect);
        match act {
            SessionAct::Enter => self.enter(world),
            SessionAct::Leave => {
                self.view.focus = Focus::Board;
                self.view.back = 0;
            }
            SessionAct::Dismiss => {
                let session = self.view.said(world.snapshot).and_then(|row| row.session.clone());
                return session.map(Request::Dismiss).into_iter().collect();
            }
            SessionAct::Interrupt => {
                let command = effect.map(|effect| Request::Command(Command::Interrupt(effect)));
                return self.send(command.into_iter().collect(), world);
            }
            SessionAct::Restart => {
                self.view.restarted = self.view.session.clone();
                let command = effect.map(|effect| Request::Command(Command::Restart(effect)));
                return self.send(command.into_iter().collect(), world);
            }
        }
        Vec::new()
    }

    /// Goes into the terminal, or into the view that is read. On the narrow screen's task page, into the terminal.
    pub(super) fn enter(&mut self, world: &World<'_>) {
        if self.narrow() && !self.view.page {
            self.view.tab = Tab::Terminal;
        }
        self.view.page = true;
        if self.view.tab != Tab::Terminal {
            self.view.focus = Focus::View;
            return;
        }
        match self.view.shown(world.snapshot).filter(|session| session.is_live()) {
            Some(session) => {
                self.view.session = Some(session.id.clone());
                self.view.focus = Focus::Terminal;
                self.view.back = 0;
                self.view.reading.leave();
            }
            None => self.say("no agent is at work on it", false, world.now),
        }
    }

    fn run_act(&mut self, act: RunAct, world: &World<'_>) -> Vec<Request> {
        let run = world.snapshot.run.as_ref();
        let paused = run.is_some_and(|run| run.paused);
        match act {
            RunAct::Land => self.send(vec![Request::Command(Command::Land)], world),
            RunAct::UndoLand => self.send(vec![Request::Command(Command::UndoLand)], world),
            RunAct::Pause if paused => self.send(vec![Request::Command(Command::ResumeRun)], world),
            RunAct::Pause => self.send(vec![Request::Command(Command::PauseRun)], world),
            RunAct::Budget => {
                let Some(run) = run else { return Vec::new() };
                let now = Usage { cost_micros: run.budget_micros, ..Usage::default() };
                let context = format!("{} spent so far", run.usage.dollars());
                let words =
                    Words::new(WordsFor::Budget, &context).with(now.dollars().trim_start_matches(['~', '$']));
                self.popups.push(Popup::Words(Box::new(words)));
                Vec::new()
            }
            RunAct::Stop => {
                let live = world.snapshot.sessions.iter().filter(|session| session.is_live()).count();
                let goal = run.map(|run| run.goal.clone()).unwrap_or_default();
                self.popups.push(Popup::Confirm(Confirm {
                    question: format!("Stop the run “{goal}”?"),
                    consequence: format!(
                        "{live} agent{} ended now. What was merged stays; every branch is kept. To leave and let \
                         them work, use q instead.",
                        if live == 1 { " is" } else { "s are" }
                    ),
                    requests: vec![Request::Command(Command::Stop)],
                }));
                Vec::new()
            }
            RunAct::Goal => self.ask_words(WordsFor::Goal, ""),
            RunAct::Import => self.ask_words(WordsFor::Import, ""),
            RunAct::Demo => vec![Request::StartDemo],
        }
    }
}
