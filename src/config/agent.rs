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
    /// How much it may do without asking; for kinds that know such a setting.
    pub permission: Permission,
    /// Settings that let it do anything are allowed.
    pub unsafe_allowed: bool,
    /// Further arguments.
    pub extra_args: Vec<Template>,
    /// Arguments for a session that is resumed.
    pub resume_args: Vec<Template>,
    /// Names of environment variables that it gets; a name may end in `*`.
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

/// The adapter that drives an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentKind {
    /// Any program.
    Command,
    /// Claude Code.
    Claude,
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

/// How much an agent may do without asking, in Claude Code's words (2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Edits yes, commands no.
    AcceptEdits,
    /// What its own classifier lets pass.
    Auto,
    /// What its settings allow; all else is denied.
    DontAsk,
    /// Everything is asked for.
    Manual,
    /// Reading and planning only.
    Plan,
    /// Anything.
    BypassPermissions,
}

impl Permission {
    /// All of them with the words that Claude Code has for them.
    pub const ALL: [(&'static str, Self); 6] = [
        ("acceptEdits", Self::AcceptEdits),
        ("auto", Self::Auto),
        ("dontAsk", Self::DontAsk),
        ("manual", Self::Manual),
        ("plan", Self::Plan),
        ("bypassPermissions", Self::BypassPermissions),
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, permission)| *permission == self).map_or("manual", |(word, _)| word)
    }
}

impl Agent {
    /// Whether an environment variable of this name is passed on.
    pub fn passes_env(&self, name: &str) -> bool {
        self.env.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => allowed == name,
        })
    }
}
