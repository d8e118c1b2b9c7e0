//! What one client looks at: selection, focus, view, scroll. And what follows from it for a snapshot.
//!
//! Not for drawing nor for deciding. Invariant: everything here may point at what is gone; every reading of it goes
//! through a snapshot and answers with what is there.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex};

use super::clipboard::Offer;
use super::contract::Panes;
use super::reading::Reading;
use super::widgets::editor::Editor;
use crate::keymap::Context;
use crate::model::snapshot::{AttentionKind, AttentionRow, SessionView, TaskView};
use crate::model::{AgentState, EffectId, SessionId, Snapshot, StepKind, TaskId};
use crate::term::Emulator;

/// Who gets the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// The board.
    #[default]
    Board,
    /// The view beside it: it scrolls.
    View,
    /// An agent's terminal: it is typed into.
    Terminal,
}

/// Views of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tab {
    /// The terminal of its session.
    #[default]
    Terminal,
    /// What it changes.
    Diff,
    /// What gates and reviewers said.
    Evidence,
    /// Its events.
    Log,
}

impl Tab {
    /// In the order of the wide screen.
    pub const ALL: [Tab; 4] = [Tab::Terminal, Tab::Diff, Tab::Evidence, Tab::Log];

    /// The view's name on a title.
    pub fn name(self) -> &'static str {
        match self {
            Tab::Terminal => "Agent",
            Tab::Diff => "Diff",
            Tab::Evidence => "Evidence",
            Tab::Log => "Log",
        }
    }
}

/// Pages of the narrow screen, in the order of their numbers.
pub const PAGES: [Option<Tab>; 5] =
    [None, Some(Tab::Terminal), Some(Tab::Diff), Some(Tab::Log), Some(Tab::Evidence)];

/// What identifies a row of the attention strip from one snapshot to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowKey(AttentionKind, Option<TaskId>, Option<EffectId>);

impl From<&AttentionRow> for RowKey {
    fn from(row: &AttentionRow) -> Self {
        RowKey(row.kind, row.task.clone(), row.effect)
    }
}

/// What one client looks at.
#[derive(Debug, Default)]
pub struct ViewState {
    /// Who gets the keys.
    pub focus: Focus,
    /// The selected task.
    pub task: Option<TaskId>,
    /// The session that was chosen by hand; else the one that matters most is shown.
    pub session: Option<SessionId>,
    /// The view beside the board.
    pub tab: Tab,
    /// Whether the narrow screen shows that view instead of the tasks.
    pub page: bool,
    /// Whether the view has the whole screen.
    pub zoom: bool,
    /// Words that tasks must match.
    pub filter: Editor,
    /// Whether those are being written.
    pub filtering: bool,
    /// Lines scrolled away in a view that is read.
    pub scroll: usize,
    /// Rows scrolled back in a terminal.
    pub back: usize,
    /// What is read of it.
    pub reading: Reading,
    /// The row of the strip that was gone to last.
    pub visited: Option<RowKey>,
    /// What a program offers for the clipboard.
    pub offer: Option<Offer>,
    /// The session that was chosen and is restarted: what takes its place is shown in its place.
    pub restarted: Option<SessionId>,
}

impl ViewState {
    /// The terminal of a session as it is looked at: as it is, or as it was.
    pub fn pane(&self, panes: &dyn Panes, id: &SessionId) -> Option<Arc<Mutex<Emulator>>> {
        let past = self.reading.past_emulator().filter(|_| self.reading.session() == Some(id));
        past.or_else(|| panes.pane(id))
    }

    /// The context whose keys are asked first.
    pub fn context(&self, snapshot: &Snapshot) -> Context {
        match self.focus {
            _ if snapshot.run.is_none() => Context::Welcome,
            Focus::Board => Context::Main,
            Focus::View if self.tab == Tab::Terminal => Context::Scroll,
            Focus::View => Context::View,
            Focus::Terminal => Context::Terminal,
        }
    }

    /// Tasks that match the filter, in the board's order.
    pub fn tasks<'s>(&self, snapshot: &'s Snapshot) -> Vec<&'s TaskView> {
        if self.filter.text().trim().is_empty() {
            return snapshot.tasks.iter().collect();
        }
        let words: Vec<String> = self.filter.text().split_whitespace().map(str::to_lowercase).collect();
        let text = |task: &TaskView| {
            let role = task.role.as_deref().unwrap_or("");
            format!("{} {} {} {} {role}", task.id, task.title, task.agent, task.phase.name()).to_lowercase()
        };
        let matches = |task: &&TaskView| {
            let text = text(task);
            words.iter().all(|word| text.contains(word))
        };
        snapshot.tasks.iter().filter(matches).collect()
    }

    /// The selected task.
    pub fn selected<'s>(&self, snapshot: &'s Snapshot) -> Option<&'s TaskView> {
        self.task.as_ref().and_then(|id| snapshot.task(id))
    }

    /// The row of the strip that is meant: the one gone to last, or the selected task's first.
    pub fn row<'s>(&self, snapshot: &'s Snapshot) -> Option<&'s AttentionRow> {
        let visited = self.visited.as_ref();
        let found = snapshot.rows().find(|row| visited == Some(&RowKey::from(*row)));
        found.or_else(|| {
            let task = self.task.as_ref()?;
            snapshot.attention.iter().find(|row| row.task.as_ref() == Some(task))
        })
    }

    /// What is said by the agent of the row that was gone to, or else of the session that is shown.
    pub fn said<'s>(&self, snapshot: &'s Snapshot) -> Option<&'s AttentionRow> {
        if let Some(row) = self.row(snapshot).filter(|row| row.kind == AttentionKind::Said) {
            return Some(row);
        }
        let shown = &self.shown(snapshot)?.id;
        snapshot.said.iter().find(|row| row.session.as_ref() == Some(shown))
    }

    /// The session that is shown: the chosen one while it belongs to what is selected, else the one that matters most.
    pub fn shown<'s>(&self, snapshot: &'s Snapshot) -> Option<&'s SessionView> {
        let chosen = self.session.as_ref().and_then(|id| snapshot.session(id));
        if self.focus == Focus::Terminal {
            // Keys must never reach another agent than the one that was entered.
            return chosen;
        }
        chosen.or_else(|| {
            let asked = self.row(snapshot).and_then(|row| row.session.as_ref());
            asked.and_then(|id| snapshot.session(id)).or_else(|| {
                let mine = snapshot.sessions.iter().filter(|session| session.task == self.task);
                mine.min_by_key(|session| importance(session))
            })
        })
    }

    /// The sessions of the selected task (or of the run), live ones first.
    pub fn sessions<'s>(&self, snapshot: &'s Snapshot) -> Vec<&'s SessionView> {
        let mut mine: Vec<_> = snapshot.sessions.iter().filter(|session| session.task == self.task).collect();
        mine.sort_by_key(|session| (!session.is_live(), Reverse(session.started), session.effect));
        mine
    }

    /// Puts the selection on something that is there.
    pub fn repair(&mut self, snapshot: &Snapshot) {
        let tasks = self.tasks(snapshot);
        let gone = !self.task.as_ref().is_some_and(|id| tasks.iter().any(|task| task.id == *id));
        if gone && !self.filtering {
            let wanted = snapshot.attention.iter().filter_map(|row| row.task.as_ref());
            let urgent = wanted.clone().find(|id| tasks.iter().any(|task| task.id == **id)).cloned();
            let first = || {
                let live = tasks.iter().find(|task| task.phase.is_working());
                live.or(tasks.first()).map(|task| task.id.clone())
            };
            let next = urgent.or_else(first);
            if next != self.task {
                // Typing goes on where it was: what is typed into is held by its own id.
                self.task = next;
                self.scroll = 0;
            }
        }
        if self.session.as_ref().is_some_and(|id| snapshot.session(id).is_none())
            && self.focus != Focus::Terminal
        {
            self.session = None;
        }
    }

    /// The session that took the place of the one that was restarted, once there is one.
    pub fn successor(&self, snapshot: &Snapshot) -> Option<SessionId> {
        let old = self.restarted.as_ref().and_then(|id| snapshot.session(id))?;
        let same = |other: &&SessionView| {
            (&other.task, other.step, other.slot) == (&old.task, old.step, old.slot)
                && other.effect > old.effect
                && other.is_live()
        };
        snapshot.sessions.iter().filter(same).max_by_key(|session| session.effect).map(|new| new.id.clone())
    }

    /// Selects a task; what was chosen or scrolled for another is forgotten.
    pub fn select(&mut self, task: Option<TaskId>) {
        if self.task != task {
            self.session = None;
            self.scroll = 0;
            self.back = 0;
            self.reading.leave();
        }
        self.task = task;
        self.visited = None;
    }
}

/// The smaller, the more it matters: live before ended, blocked before working, agents before gates, then the latest.
fn importance(session: &SessionView) -> impl Ord + use<> {
    let blocked = matches!(session.status.state, AgentState::Blocked(_));
    let kind = match session.step {
        Some(StepKind::Implement | StepKind::Fix | StepKind::Plan) => 0,
        None => 1,
        Some(StepKind::Review) => 2,
    };
    let live = session.is_live();
    (!live, !(blocked && live), if live { kind } else { 0 }, Reverse(session.started), session.effect)
}

/// Live sessions, oldest first: the order of their numbers, which stay while they live.
pub fn numbered(snapshot: &Snapshot) -> Vec<&SessionView> {
    let mut live: Vec<_> = snapshot.sessions.iter().filter(|session| session.is_live()).collect();
    live.sort_by_key(|session| (session.started, session.effect));
    live
}

/// The number that a session is reached by: 2 for the first, as 1 is the board.
pub fn number_of(snapshot: &Snapshot, id: &SessionId) -> Option<usize> {
    numbered(snapshot).iter().position(|session| session.id == *id).map(|at| at + 2)
}
