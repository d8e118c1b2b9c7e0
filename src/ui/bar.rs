//! What the hint bar says: the mode, what is on its way or was just said, and the keys that are valid now.
//!
//! Not for drawing it. Invariant: a key that is shown does something when it is pressed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::contract::World;
use super::look::Look;
use super::state::Tab;
use super::views::hints::{Hint, Hints};
use super::views::strip;
use super::{Ui, enabled};
use crate::keymap::{Action, App, Context, Show};

/// Where the words that are searched for begin: behind ` SEARCH `, two blanks and a sign.
pub(super) const SEARCH_COLUMN: usize = 11;
/// Columns of them that are shown.
pub(super) const SEARCH_COLUMNS: usize = 40;

impl Ui {
    /// What the hint bar shows now.
    pub(super) fn hints<'a>(&'a self, world: &'a World<'a>, look: Look<'_>) -> HintBar<'a> {
        let context =
            self.popups.last().map_or_else(|| self.view.context(world.snapshot), |popup| popup.context());
        let mut bar = HintBar {
            mode: self.mode(context, world),
            said: None,
            lead: String::new(),
            keys: Vec::new(),
            fixed: Vec::new(),
        };
        bar.said = self.said(world, look);
        if self.popups.is_empty() {
            bar.lead = self.lead(context, world);
            if self.view.reading.asking.is_some() {
                bar.said = None;
            }
            self.fill(&mut bar, context, world);
        }
        bar
    }

    fn said(&self, world: &World<'_>, look: Look<'_>) -> Option<(String, bool)> {
        if let Some(pending) = self.pending.first() {
            let frame = usize::try_from(world.now.since(pending.since) / 120).unwrap_or(0);
            let spinner = look.glyphs.spinner;
            let frame = spinner.get(frame % spinner.len().max(1)).copied().unwrap_or("");
            return Some((
                format!("{frame} {} {}", super::update::asking(pending.verb), pending.target),
                false,
            ));
        }
        let said = self.said.as_ref().filter(|said| world.now < said.until)?;
        Some((said.text.clone(), said.bad))
    }

    fn mode(&self, context: Context, world: &World<'_>) -> &'static str {
        if let Some(popup) = self.popups.last() {
            return popup.mode();
        }
        match (context, self.view.tab) {
            _ if self.view.filtering => "FILTER",
            (Context::Welcome, _) => "START",
            (Context::Terminal, _) => "AGENT",
            (Context::Scroll, _) if self.view.reading.asking.is_some() => "SEARCH",
            (Context::Scroll, _) if self.view.reading.selection.is_some() => "SELECT",
            (Context::Scroll, _) if self.view.reading.past.is_some() => "PAST",
            (Context::Scroll, _) => "SCROLL",
            (Context::View, Tab::Diff) => "DIFF",
            (Context::View, Tab::Evidence) => "EVIDENCE",
            (Context::View, Tab::Log) => "LOG",
            _ if world.snapshot.run.as_ref().is_some_and(|run| run.paused) => "PAUSED",
            _ => "BOARD",
        }
    }

    fn lead(&self, context: Context, world: &World<'_>) -> String {
        if self.view.filtering {
            return "type to filter, enter keeps it, esc shows all".to_owned();
        }
        if let Some(asking) = &self.view.reading.asking {
            let sign = if self.view.reading.upwards { '?' } else { '/' };
            let words = super::text::fit(asking.editor.text(), SEARCH_COLUMNS, "");
            let standing =
                asking.problem.clone().or_else(|| self.view.reading.standing()).unwrap_or_default();
            return format!("{sign}{words}   {standing}");
        }
        if let Some(lead) = self.past_lead(world.now) {
            return lead;
        }
        if context != Context::Terminal {
            return String::new();
        }
        match self.view.shown(world.snapshot) {
            Some(session) if session.is_live() => format!("keys go to {}", session.name),
            _ => "the session has ended".to_owned(),
        }
    }

    /// The keys that are valid now, in the table's order; those that answer the current row come first.
    fn fill(&self, bar: &mut HintBar<'_>, context: Context, world: &World<'_>) {
        let keymap = &self.settings.keymap;
        let ends = [Action::Show(Show::Palette), Action::Show(Show::Help), Action::App(App::Detach)];
        let current = self.view.row(world.snapshot);
        if self.view.filtering || self.view.reading.asking.is_some() {
            return;
        }
        let pressed = context;
        for context in context.chain() {
            for binding in keymap.of(*context).filter(|binding| !binding.entry.hint.is_empty()) {
                let action = binding.entry.action;
                let mut inner = pressed.chain().iter().take_while(|inner| *inner != context);
                if inner.any(|inner| keymap.of(*inner).any(|binding| binding.entry.action == action)) {
                    continue;
                }
                let Some(key) = keymap.reachable(pressed, binding) else { continue };
                let known = bar.keys.iter().chain(&bar.fixed).any(|hint| hint.action == action);
                if known || enabled::enabled(action, &self.view, world).is_err() {
                    continue;
                }
                let kind = current.map(|row| row.kind);
                let word = strip::word_for(action, kind).unwrap_or(&binding.entry.hint);
                // Without a run nothing goes on that one could come back to.
                let leaves = action == Action::App(App::Detach) && world.snapshot.run.is_none();
                let word = if leaves { "quit" } else { word };
                let hint = Hint { key: key.to_string(), word: word.to_owned(), action };
                if ends.contains(&action) { bar.fixed.push(hint) } else { bar.keys.push(hint) }
            }
        }
    }
}

/// What the hint bar shows.
pub(super) struct HintBar<'a> {
    mode: &'a str,
    said: Option<(String, bool)>,
    lead: String,
    keys: Vec<Hint>,
    fixed: Vec<Hint>,
}

impl HintBar<'_> {
    /// Draws it and answers where each hint stands.
    pub(super) fn draw(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) -> Vec<(Rect, Action)> {
        let said = self.said.as_ref().map(|(text, bad)| (text.as_str(), *bad));
        Hints { mode: self.mode, said, lead: &self.lead, keys: &self.keys, fixed: &self.fixed, look }
            .draw(area, buf)
    }
}
