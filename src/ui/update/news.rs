//! What follows from a new snapshot: the bell, the title, what has to be loaded, a plan that appears.
//!
//! Invariant: focus is never taken from a person who types; being told the same twice does nothing twice.

use super::super::contract::{Request, World};
use super::super::popups::Popup;
use super::super::popups::plan::PlanReview;
use super::super::state::{Focus, RowKey, Tab};
use super::super::{Ui, text};
use crate::model::Snapshot;

impl Ui {
    /// Takes notice of the world as it is now.
    pub(in crate::ui) fn news(&mut self, world: &World<'_>) -> Vec<Request> {
        let snapshot = world.snapshot;
        self.view.repair(snapshot);
        if let Some(new) = self.view.successor(snapshot) {
            self.choose(Some(new));
        }
        let visited = self.view.visited.as_ref();
        if visited.is_some_and(|key| !snapshot.rows().any(|row| RowKey::from(row) == *key)) {
            self.view.visited = None;
        }
        if self.said.as_ref().is_some_and(|said| world.now >= said.until) {
            self.said = None;
        }
        let mut requests: Vec<Request> = self.ring(snapshot).into_iter().collect();
        requests.extend(self.retitle(snapshot));
        requests.extend(self.load(snapshot));
        requests.extend(self.attend(snapshot));
        requests.extend(self.follow_past());
        self.tell(world);
        self.watch_plan(world);
        requests
    }

    /// Rings when something needs a person and nothing did before, unless the person looks at it already.
    fn ring(&mut self, snapshot: &Snapshot) -> Option<Request> {
        let count = snapshot.rows().count();
        let first = self.seen.attention == 0 && count > 0;
        self.seen.attention = count;
        (first && self.settings.bell && self.seen.focused != Some(true)).then_some(Request::Bell)
    }

    /// What an agent says is taken from the strip when a person is at its terminal: types into it, or has it on the
    /// whole screen.
    fn attend(&mut self, snapshot: &Snapshot) -> Option<Request> {
        let zoomed = self.view.zoom && self.view.tab == Tab::Terminal;
        if !(zoomed || self.view.focus == Focus::Terminal) || self.seen.focused == Some(false) {
            return None;
        }
        let shown = self.view.shown(snapshot)?.id.clone();
        let row = snapshot.said.iter().find(|row| row.session.as_ref() == Some(&shown))?;
        let seen = Some((shown.clone(), row.since));
        let is_new = self.seen.dismissed != seen;
        self.seen.dismissed = seen;
        is_new.then_some(Request::Dismiss(shown))
    }

    fn retitle(&mut self, snapshot: &Snapshot) -> Option<Request> {
        let project = text::clean(&snapshot.project);
        let need = match snapshot.attention.len() {
            0 => String::new(),
            1 => "! 1 needs you  ".to_owned(),
            more => format!("! {more} need you  "),
        };
        let title = format!("{need}loopmon  {project}").trim_end().to_owned();
        if title == self.seen.title {
            return None;
        }
        self.seen.title.clone_from(&title);
        Some(Request::Title(title))
    }

    /// Asks for what the view shows and is not here, or is older than the snapshot.
    fn load(&mut self, snapshot: &Snapshot) -> Option<Request> {
        let task = self.view.selected(snapshot)?;
        match self.view.tab {
            Tab::Diff if task.base.is_some() => {
                self.loaded.ask_diff(task).then(|| Request::LoadDiff(task.id.clone()))
            }
            Tab::Log => {
                let id = &task.id;
                self.loaded.ask_events(id, snapshot.seq).then(|| Request::LoadEvents(id.clone()))
            }
            Tab::Diff | Tab::Terminal | Tab::Evidence => None,
        }
    }

    /// Says what is new; what is older than this client is not.
    fn tell(&mut self, world: &World<'_>) {
        let Some(latest) = world.snapshot.notices.last() else { return };
        let seen = self.seen.notice.replace(latest.at);
        let recent = world.now.since(latest.at) < 10_000;
        if recent && seen.is_none_or(|seen| latest.at > seen) {
            self.say(latest.text.clone(), latest.bad, world.now);
        }
    }

    /// A plan that waits is shown once by itself, if nothing else has the keys.
    fn watch_plan(&mut self, world: &World<'_>) {
        let proposal = world.snapshot.run.as_ref().and_then(|run| run.proposal.as_ref());
        let Some(plan) = proposal else {
            self.popups.retain(|popup| !matches!(popup, Popup::Plan(_)));
            self.seen.plan = None;
            return;
        };
        for popup in &mut self.popups {
            if let Popup::Plan(review) = popup {
                review.renew(plan);
            }
        }
        let busy = !self.popups.is_empty() || self.view.filtering || self.view.focus == Focus::Terminal;
        if self.seen.plan.as_ref() != Some(plan) && !busy {
            self.seen.plan = Some(plan.clone());
            self.popups.push(Popup::Plan(Box::new(PlanReview::unasked(plan, world.now))));
        }
    }
}
