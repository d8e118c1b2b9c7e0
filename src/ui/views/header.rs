//! The line at the top: where this is, how it goes, what it cost.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::model::Snapshot;
use crate::model::snapshot::{RunPhase, RunView};
use crate::model::time::human_span;
use crate::theme::Role;
use crate::ui::look::Look;
use crate::ui::widgets::row::Row;

/// The header.
pub struct Header<'a> {
    /// The run.
    pub snapshot: &'a Snapshot,
    /// Now; empty if nothing on the screen moves with time.
    pub clock: &'a str,
    /// How many look at this.
    pub clients: usize,
    /// Where the settings are wrong.
    pub mistake: Option<&'a str>,
    /// How to draw.
    pub look: Look<'a>,
}

impl Widget for Header<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let short = area.width < 100;
        let look = self.look;
        let mut row = Row::of(" loopmon", look.style(Role::Title));
        let project = if self.snapshot.project.is_empty() { "" } else { self.snapshot.project.as_str() };
        row.push(&format!("  {project}"), look.style(Role::Accent));
        let run = self.snapshot.run.as_ref();
        if let Some(branch) = run.and_then(|run| run.branch.as_deref()).filter(|_| !short) {
            row.push(&format!("  {branch}"), look.style(Role::Dim));
        }
        if let Some((word, role)) = run.and_then(|run| phase_word(run, short)) {
            row.push(&format!("  {word}"), look.style(role));
        }
        if let Some(place) = self.mistake {
            row.push(&format!("  {} {place}", look.glyphs.need), look.style(Role::Need));
        }
        if run.is_some() {
            row = self.counts(row, short);
        }
        if let Some(run) = run.filter(|run| run.usage.cost_micros > 0 || run.budget_micros > 0) {
            row = row.right(&spend(run, short), look.style(Role::Text));
        }
        if let Some(left) = run.and_then(|run| run.left_ms).filter(|_| !short) {
            row = row.right(&format!("   ~{} left", human_span(left)), look.style(Role::Dim));
        }
        if self.clients > 1 && !short {
            row = row.right(&format!("   {} look on", self.clients), look.style(Role::Dim));
        }
        let clock = if self.clock.is_empty() { " ".to_owned() } else { format!("   {} ", self.clock) };
        row.right(&clock, look.style(Role::Dim)).draw(area, buf, look.glyphs.ellipsis);
    }
}

impl Header<'_> {
    /// Zeros are left out where they say nothing.
    fn counts(&self, mut row: Row, short: bool) -> Row {
        let counts = self.snapshot.counts();
        let glyphs = self.look.glyphs;
        let all = [
            (glyphs.need, counts.need, if counts.need == 1 { "needs you" } else { "need you" }, Role::Need),
            (glyphs.run, counts.run, "run", Role::Run),
            (glyphs.wait, counts.wait, "wait", Role::Wait),
            (glyphs.stopped, counts.stopped, "stopped", Role::Dim),
            (glyphs.ok, counts.done, "done", Role::Ok),
            (glyphs.fail, counts.failed, "not done", Role::Dim),
        ];
        for (glyph, count, word, role) in all.into_iter().filter(|(_, count, ..)| *count > 0) {
            let text =
                if short { format!("{glyph} {count}  ") } else { format!("{glyph} {count} {word}   ") };
            row = row.right(&text, self.look.style(role));
        }
        row
    }
}

fn spend(run: &RunView, short: bool) -> String {
    let spent = run.usage.dollars();
    if run.budget_micros == 0 || short {
        return spent;
    }
    let budget = crate::model::Usage { cost_micros: run.budget_micros, ..Default::default() };
    format!("{spent} of {}", budget.dollars())
}

fn phase_word(run: &RunView, short: bool) -> Option<(&'static str, Role)> {
    if run.paused {
        return Some(("PAUSED", Role::Accent));
    }
    match run.phase {
        RunPhase::Planning => Some(("planning", Role::Run)),
        RunPhase::Proposed => Some(("plan ready", Role::Accent)),
        RunPhase::Working => None,
        RunPhase::Complete if run.landed => Some(("complete, landed", Role::Ok)),
        RunPhase::Complete => Some((if short { "complete" } else { "complete, not landed" }, Role::Ok)),
        RunPhase::Incomplete => Some(("over, not all done", Role::Accent)),
        RunPhase::Stopped => Some(("stopped", Role::Dim)),
    }
}
