//! Agents as they are configured.
//!
//! Not for knowing how a provider's program behaves (the adapters do). Invariant: an [`Agent`] can be started as far
//! as its settings go: it has a program, and prompt and mode fit together.

use std::collections::BTreeMap;

use super::Template;

/// A configured agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// Which adapter drives it.
    pub kind: AgentKind,
    /// The program and its arguments; never empty.
    pub command: Vec<Template>,
    /// How the prompt gets to it.
    pub prompt: PromptDelivery,
    /// Whether it has a terminal.
    pub mode: Mode,
    /// The model, as its program calls it.
    pub model: Option<String>,
    /// How hard the model is to think, as its program calls it.
    pub effort: Option<String>,
    /// How much it may do without asking, in its program's words; for kinds that know such a setting.
    pub permission: Option<String>,
    /// Headless: what it may not do by itself is asked of a person.
    pub asks: bool,
    /// Sessions of it at once; none: no limit.
    pub parallel: Option<u32>,
    /// What it has when it reviews.
    pub review_tools: ReviewTools,
    /// Settings that let it do anything are allowed.
    pub unsafe_allowed: bool,
    /// Further arguments.
    pub extra_args: Vec<Template>,
    /// Arguments for a session that is resumed.
    pub resume_args: Vec<Template>,
    /// Names of environment variables that it gets; a name may end in `*`, and begins with `!` if it is withheld.
    pub env: Vec<String>,
    /// Environment variables that are set for it.
    pub set: BTreeMap<String, String>,
    /// What to type to approve.
    pub approve_keys: String,
    /// What to type to deny.
    pub deny_keys: String,
    /// What to type to interrupt.
    pub interrupt_keys: String,
}

/// What a reviewer has beside its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewTools {
    /// Tools that read.
    Read,
    /// Nothing.
    None,
}

/// The adapter that drives an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentKind {
    /// Any program.
    Command,
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// opencode.
    Opencode,
}

/// How the prompt gets to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptDelivery {
    /// On its standard input, which is then closed.
    Stdin,
    /// As an argument.
    Argument,
    /// In a file that its command names.
    File,
    /// Pasted into its terminal.
    Paste,
}

/// Whether an agent has a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// On pipes.
    Headless,
    /// In a terminal.
    Interactive,
}

impl AgentKind {
    /// All of them, by the words for them.
    pub const ALL: [(&'static str, Self); 5] = [
        ("command", Self::Command),
        ("claude", Self::Claude),
        ("codex", Self::Codex),
        ("gemini", Self::Gemini),
        ("opencode", Self::Opencode),
    ];

    /// The words that its program has for what it may do without asking; whether one lets it do anything.
    pub fn permissions(self) -> &'static [(&'static str, bool)] {
        match self {
            // Any program's own arguments say that.
            Self::Command => &[],
            Self::Claude => &[
                ("acceptEdits", false),
                ("auto", false),
                ("dontAsk", false),
                ("manual", false),
                ("plan", false),
                ("bypassPermissions", true),
            ],
            Self::Codex => &[("workspace-write", false), ("read-only", false), ("danger-full-access", true)],
            Self::Gemini => &[("auto_edit", false), ("default", false), ("plan", false), ("yolo", true)],
            Self::Opencode => &[("edit", false), ("allow", true)],
        }
    }
}

impl Agent {
    /// Whether it may do anything that the person can do.
    pub fn is_unguarded(&self) -> bool {
        super::check::unsafe_setting(self).is_some()
    }

    /// Whether an environment variable of this name is passed on.
    pub fn passes_env(&self, name: &str) -> bool {
        let matches = |pattern: &str| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => pattern == name,
        };
        let withheld = self.env.iter().filter_map(|entry| entry.strip_prefix('!')).any(matches);
        !withheld && self.env.iter().any(|entry| matches(entry))
    }

    /// The setting that lets it do anything that its user can do, if there is one.
    pub fn unsafe_setting(&self) -> Option<String> {
        super::check::unsafe_setting(self)
    }
}
