//! Agents as the engine and the screen see them: a name, a status with its source, what was used.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of an agent in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AgentName(pub String);

impl AgentName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for AgentName {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What an agent is doing, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// The state.
    pub state: AgentState,
    /// What it is about, in the agent's words, cleaned of control characters; may be empty.
    pub message: String,
    /// Where this comes from.
    pub source: StatusSource,
}

/// States an agent can be in. `Unknown` is an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentState {
    /// Nothing has told.
    #[default]
    Unknown,
    /// Between turns.
    Idle,
    /// In a turn.
    Working,
    /// Waits for an answer.
    Blocked(BlockedKind),
    /// The turn has ended.
    Done,
    /// The turn has ended with an error.
    Error,
}

/// What a blocked agent waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockedKind {
    /// Leave to do something.
    Permission,
    /// An answer in words or a choice.
    Question,
    /// A login.
    Auth,
}

/// Sources of a status, the most trusted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusSource {
    /// The process itself: it started, it exited.
    Process,
    /// A structured event of the CLI's stream.
    Stream,
    /// The status protocol in the terminal's bytes (OSC 7501).
    Terminal,
    /// A hook that the CLI ran.
    Hook,
    /// A notification in the terminal's bytes (OSC 9, 99 and 777).
    Notification,
    /// What the screen shows.
    Screen,
}

/// Tokens and money that were used. All values are sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Micro-dollars, as the provider reported them, or as they were estimated.
    pub cost_micros: u64,
    /// How much of that was estimated from tokens.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub estimated_micros: u64,
    /// Tokens in, cache reads included.
    pub input_tokens: u64,
    /// How many of those were read from a cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached_tokens: u64,
    /// Tokens out.
    pub output_tokens: u64,
}

impl Usage {
    /// What this has more than the other, in each of its parts.
    pub fn minus(self, other: Usage) -> Usage {
        Usage {
            cost_micros: self.cost_micros.saturating_sub(other.cost_micros),
            estimated_micros: self.estimated_micros.saturating_sub(other.estimated_micros),
            input_tokens: self.input_tokens.saturating_sub(other.input_tokens),
            cached_tokens: self.cached_tokens.saturating_sub(other.cached_tokens),
            output_tokens: self.output_tokens.saturating_sub(other.output_tokens),
        }
    }

    /// The sum of both.
    pub fn plus(self, other: Usage) -> Usage {
        Usage {
            cost_micros: self.cost_micros.saturating_add(other.cost_micros),
            estimated_micros: self.estimated_micros.saturating_add(other.estimated_micros),
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            cached_tokens: self.cached_tokens.saturating_add(other.cached_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
        }
    }

    /// Dollars with cents, as people read them; `~` before what is an estimate, in part or as a whole.
    pub fn dollars(self) -> String {
        let about = if self.estimated_micros > 0 { "~" } else { "" };
        format!("{about}${}.{:02}", self.cost_micros / 1_000_000, self.cost_micros % 1_000_000 / 10_000)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What a model's tokens cost: US dollars for a million.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Tokens in.
    pub input: f64,
    /// Tokens in that were read from a cache.
    pub cached: f64,
    /// Tokens out.
    pub output: f64,
}

/// How to run an agent: what the configuration says of it, checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentProfile {
    /// Its name.
    pub name: AgentName,
    /// Which adapter drives it.
    pub kind: AgentKind,
    /// Program and arguments. A command's may hold placeholders in braces.
    pub command: Vec<String>,
    /// How the prompt reaches it.
    pub prompt: PromptBy,
    /// In a terminal of its own, or on pipes.
    pub mode: AgentMode,
    /// The model to ask for; the CLI's own default if unset.
    pub model: Option<String>,
    /// How hard the model is to think, in the CLI's own words.
    #[serde(default)]
    pub effort: Option<String>,
    /// What it may do without asking, in the CLI's own words.
    pub permission: Option<String>,
    /// Headless: what it may not do by itself is asked of a person, where its program can ask.
    #[serde(default)]
    pub asks: bool,
    /// Has no tools at all when it reviews: it judges what its prompt shows.
    #[serde(default)]
    pub reviews_blind: bool,
    /// Further arguments; they may hold placeholders too.
    pub extra_args: Vec<String>,
    /// Arguments for going on with an earlier session; empty: as the adapter does it, and a command not at all.
    #[serde(default)]
    pub resume_args: Vec<String>,
    /// Names of variables that it may see of the user's environment, besides the usual ones.
    pub env_allow: Vec<String>,
    /// Variables set for it.
    pub env_set: Vec<(String, String)>,
    /// What is typed to allow what it asks.
    pub approve_keys: String,
    /// What is typed to deny it.
    pub deny_keys: String,
    /// What is typed to interrupt its turn.
    pub interrupt_keys: String,
}

/// Adapters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentKind {
    /// Any command.
    #[default]
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

/// Ways of a prompt to an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromptBy {
    /// On standard input (headless only).
    #[default]
    Stdin,
    /// As an argument, where `{prompt}` stands.
    Argument,
    /// In a file, whose path stands at `{prompt_file}` and in `LOOPMON_PROMPT_FILE`.
    File,
    /// Pasted into its terminal once it is up (interactive only).
    Paste,
}

/// Ways to run an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentMode {
    /// On pipes, its output a stream.
    #[default]
    Headless,
    /// In a terminal of its own.
    Interactive,
}
