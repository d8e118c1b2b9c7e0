//! The ways by which each program logs in, in the order in which it tries them itself; how to install it, and how a person
//! logs in.
//!
//! Names of variables and paths of files only: whether one is there is looked up elsewhere (`learn`), and no value or
//! content is ever wanted. Seen with Claude Code 2.1.329, Codex 0.169.0, Gemini CLI 0.61.0 and opencode 1.18.33.

use crate::model::agent::AgentKind;

/// One way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login {
    /// Its name: "API key", "account".
    pub mode: &'static str,
    /// What has to be there, all of it.
    pub needs: &'static [Need],
}

/// Something that a login needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A variable that is set and not empty.
    Variable(&'static str),
    /// A file.
    File {
        /// The variable that names the folder, if it is set.
        base: &'static str,
        /// The folder below the home directory otherwise.
        home: &'static str,
        /// The file below that folder.
        path: &'static str,
    },
}

/// Every way of a kind, the one that its program prefers first; none is known of a command.
pub fn logins(kind: AgentKind) -> &'static [Login] {
    match kind {
        AgentKind::Command => &[],
        AgentKind::Claude => CLAUDE,
        AgentKind::Codex => CODEX,
        AgentKind::Gemini => GEMINI,
        AgentKind::Opencode => OPENCODE,
    }
}

/// What a person does to log in.
pub fn how_to_log_in(kind: AgentKind) -> &'static str {
    match kind {
        AgentKind::Command => "as its own documentation says",
        AgentKind::Claude => "run `claude` and then `/login`, or set ANTHROPIC_API_KEY",
        AgentKind::Codex => "run `codex login`, or set CODEX_API_KEY",
        AgentKind::Gemini => "run `gemini` and choose a login, or set GEMINI_API_KEY",
        AgentKind::Opencode => "run `opencode auth login`, or set the variable with your provider's key",
    }
}

/// The command that installs a kind's program; none is known for a command.
pub fn how_to_install(kind: AgentKind) -> Option<&'static str> {
    match kind {
        AgentKind::Command => None,
        AgentKind::Claude => Some("npm install -g @anthropic-ai/claude-code"),
        AgentKind::Codex => Some("npm install -g @openai/codex"),
        AgentKind::Gemini => Some("npm install -g @google/gemini-cli"),
        AgentKind::Opencode => Some("npm install -g opencode-ai"),
    }
}

/// The version of a kind's program that its adapter was made for.
pub fn made_for(kind: AgentKind) -> Option<&'static str> {
    match kind {
        AgentKind::Command => None,
        AgentKind::Claude => Some("2.1.329"),
        AgentKind::Codex => Some("0.169.0"),
        AgentKind::Gemini => Some("0.61.0"),
        AgentKind::Opencode => Some("1.18.33"),
    }
}

const fn by(mode: &'static str, needs: &'static [Need]) -> Login {
    Login { mode, needs }
}

const CLAUDE: &[Login] = &[
    by("Amazon Bedrock", &[Need::Variable("CLAUDE_CODE_USE_BEDROCK")]),
    by("Google Vertex AI", &[Need::Variable("CLAUDE_CODE_USE_VERTEX")]),
    by("Microsoft Foundry", &[Need::Variable("CLAUDE_CODE_USE_FOUNDRY")]),
    by("gateway token", &[Need::Variable("ANTHROPIC_AUTH_TOKEN")]),
    by("API key", &[Need::Variable("ANTHROPIC_API_KEY")]),
    by("account token", &[Need::Variable("CLAUDE_CODE_OAUTH_TOKEN")]),
    by("account", &[Need::File { base: "CLAUDE_CONFIG_DIR", home: ".claude", path: ".credentials.json" }]),
];

/// OPENAI_API_KEY alone logs nobody in: only a provider of the configuration can name it.
const CODEX: &[Login] = &[
    by("API key", &[Need::Variable("CODEX_API_KEY")]),
    by("account", &[Need::File { base: "CODEX_HOME", home: ".codex", path: "auth.json" }]),
    by(
        "provider's key",
        &[
            Need::Variable("OPENAI_API_KEY"),
            Need::File { base: "CODEX_HOME", home: ".codex", path: "config.toml" },
        ],
    ),
];

const GEMINI: &[Login] = &[
    by("Google Vertex AI", &[Need::Variable("GOOGLE_GENAI_USE_VERTEXAI")]),
    by("API key", &[Need::Variable("GEMINI_API_KEY")]),
    by("account", &[Need::File { base: "GEMINI_CLI_HOME", home: "", path: ".gemini/oauth_creds.json" }]),
];

const OPENCODE: &[Login] = &[
    by("account", &[Need::File { base: "XDG_DATA_HOME", home: ".local/share", path: "opencode/auth.json" }]),
    by("provider's key", &[Need::Variable("OPENCODE_API_KEY")]),
    by("provider's key", &[Need::Variable("ANTHROPIC_API_KEY")]),
    by("provider's key", &[Need::Variable("OPENAI_API_KEY")]),
    by("provider's key", &[Need::Variable("GEMINI_API_KEY")]),
    by("provider's key", &[Need::Variable("GOOGLE_GENERATIVE_AI_API_KEY")]),
    by("provider's key", &[Need::Variable("OPENROUTER_API_KEY")]),
    by("provider's key", &[Need::Variable("DEEPSEEK_API_KEY")]),
    by("provider's key", &[Need::Variable("GROQ_API_KEY")]),
    by("provider's key", &[Need::Variable("MISTRAL_API_KEY")]),
    by("provider's key", &[Need::Variable("XAI_API_KEY")]),
];
