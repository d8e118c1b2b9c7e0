//! The first screen, before there is a run: what this is, what is missing here, and the next key.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::keymap::{Action, App, Context, Keymap, RunAct};
use crate::theme::Role;
use crate::ui::contract::{AgentFound, Welcome};
use crate::ui::look::Look;
use crate::ui::text;
use crate::ui::widgets::row::{Row, Rows};

/// The first screen.
pub struct WelcomeView<'a> {
    /// What is known of this place.
    pub welcome: &'a Welcome,
    /// Why a run can't be started, if so.
    pub refusal: Option<&'a str>,
    /// The keys.
    pub keymap: &'a Keymap,
    /// How to draw.
    pub look: Look<'a>,
}

const WORDS: &str = "Mission control for AI coding agents: a real terminal for every agent beside a board of \
                     tasks, and a loop that implements, validates, reviews, fixes and merges what was proven.";

impl WelcomeView<'_> {
    fn rows(&self, columns: usize) -> Vec<Row> {
        let look = self.look;
        let mut rows = vec![Row::of("loopmon", look.style(Role::Title)), Row::new()];
        rows.extend(text::wrap(WORDS, columns).iter().map(|line| Row::of(line, look.style(Role::Dim))));
        rows.push(Row::new());
        rows.extend(self.keys());
        rows.push(Row::new());
        rows.extend(self.place(columns));
        rows.push(Row::new());
        rows.extend(self.agents(columns));
        rows
    }

    fn keys(&self) -> Vec<Row> {
        let goal = "say what should be done, and see the plan before it runs";
        let import = "work on a plan that you bring, in TOML or JSON";
        let demo = "the whole loop with simulated agents, offline, in a minute";
        let lines = [
            (Action::Run(RunAct::Demo), "demo", demo),
            (Action::Run(RunAct::Goal), "goal", goal),
            (Action::Run(RunAct::Import), "import", import),
            (Action::App(App::Detach), "quit", "leave; nothing was started"),
        ];
        let row = |(action, name, words): (Action, &str, &str)| {
            let needs_place = matches!(action, Action::Run(RunAct::Goal | RunAct::Import));
            let off = needs_place && self.refusal.is_some();
            let look = self.look;
            let binding = self.keymap.binding(Context::Welcome, action);
            let key = binding.and_then(|binding| binding.keys.first());
            let sign = key.map(ToString::to_string).unwrap_or_default();
            let mut row =
                Row::of(&format!("  {sign:<4}"), look.style(if off { Role::Dim } else { Role::Key }))
                    .left(&format!("{name:<9}"), look.style(if off { Role::Dim } else { Role::Text }))
                    .left(words, look.style(Role::Dim));
            if let Some(key) = key {
                row.press_left(*key, row.left_width());
            }
            row
        };
        lines.into_iter().map(row).collect()
    }

    fn fact(&self, good: bool, name: &str, words: &str, columns: usize) -> Vec<Row> {
        let look = self.look;
        let (glyph, role) = if good { (look.glyphs.ok, Role::Ok) } else { (look.glyphs.wait, Role::Accent) };
        let mut rows = Vec::new();
        for (at, line) in text::wrap(words, columns.saturating_sub(19)).iter().enumerate() {
            let (glyph, name) = if at == 0 { (glyph, name) } else { (" ", "") };
            rows.push(
                Row::of(&format!("  {glyph} "), look.style(role))
                    .left(&format!("{name:<15}"), look.style(Role::Text))
                    .left(line, look.style(if good { Role::Dim } else { Role::Text })),
            );
        }
        rows
    }

    fn place(&self, columns: usize) -> Vec<Row> {
        let welcome = self.welcome;
        let mut rows = match &welcome.repository {
            Some(path) => self.fact(true, "repository", path, columns),
            None => self.fact(
                false,
                "repository",
                "none here: change into one, or make one with `git init` and a first commit. There `loopmon init` \
                 writes a configuration and `loopmon run \"<goal>\"` starts a run. The demo brings its own.",
                columns,
            ),
        };
        if welcome.repository.is_some() {
            rows.extend(match &welcome.config {
                Some(path) => self.fact(true, "configuration", path, columns),
                None => self.fact(
                    false,
                    "configuration",
                    "none: the defaults hold and no gate runs. `loopmon init` writes one with the gates it finds.",
                    columns,
                ),
            });
        }
        if let Some(problem) = &welcome.problem {
            rows.extend(self.fact(false, "problem", problem, columns));
        }
        rows
    }

    fn agents(&self, columns: usize) -> Vec<Row> {
        if self.welcome.agents.is_empty() {
            let words = "none found: install one (claude, codex, gemini …) or name any command in `loopmon.toml`. \
                         The demo needs none.";
            return self.fact(false, "agents", words, columns);
        }
        let mut rows = Vec::new();
        for (at, agent) in self.welcome.agents.iter().enumerate() {
            let name = if at == 0 { "agents" } else { "" };
            rows.extend(self.fact(true, name, &agent_words(agent), columns));
        }
        rows
    }
}

fn agent_words(agent: &AgentFound) -> String {
    let unknown = if agent.note.is_empty() { "version unknown" } else { "" };
    let known = [agent.version.as_deref().unwrap_or(unknown), agent.note.as_str()];
    let words: Vec<&str> = known.into_iter().filter(|words| !words.is_empty()).collect();
    format!("{:<9} {}", agent.name, words.join("  "))
}

impl Widget for WelcomeView<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let columns = area.width.saturating_sub(4).min(84);
        let rows = self.rows(usize::from(columns));
        let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).min(area.height);
        let place = Rect {
            x: area.x + (area.width - columns) / 2,
            y: area.y + (area.height - height) / 3,
            width: columns,
            height,
        };
        for (row, y) in rows.iter().zip(place.y..place.bottom()) {
            self.look.presses.add(row.presses(Rect { y, height: 1, ..place }));
        }
        Rows { rows: &rows, skip: 0, mark: self.look.glyphs.ellipsis }.render(place, buf);
    }
}
