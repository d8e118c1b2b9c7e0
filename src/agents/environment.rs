//! The environment of agents: a clean one, chosen by name from the user's.
//!
//! Invariant: no variable of the user's gets through unless it is listed here or in the profile, no vendor's key gets
//! to another vendor's agent, and nothing that describes the user's own terminal or a parent agent gets through at all.

use std::collections::BTreeMap;

use crate::model::agent::AgentKind;

use super::launch::LaunchRequest;

/// The whole environment of a launch, sorted by name.
pub(super) fn build(request: &LaunchRequest<'_>) -> Vec<(String, String)> {
    let mut env: BTreeMap<String, String> = request
        .user_env
        .iter()
        .filter(|(name, _)| gets_through(name, request.profile.kind, &request.profile.env_allow))
        .cloned()
        .collect();
    terminal(&mut env);
    env.extend(switches(request.profile.kind));
    env.extend(request.profile.env_set.iter().cloned());
    env.extend(contract(request));
    env.into_iter().collect()
}

/// The environment of a gate or a setup: what every agent may see too, and no vendor's key.
pub fn gate_environment(user_env: &[(String, String)]) -> Vec<(String, String)> {
    let vendor = |name: &str| VENDORS.iter().any(|(pattern, _)| matches(pattern, name));
    let through = |name: &str| !vendor(name) && gets_through(name, AgentKind::Command, &[]);
    let passed = user_env.iter().filter(|(name, _)| through(name)).cloned();
    passed
        .map(|(name, value)| if name == "PATH" { (name, absolute(&value)) } else { (name, value) })
        .collect()
}

/// A search path without its relative parts: in a checkout they would lead to programs that an agent put there.
fn absolute(path: &str) -> String {
    path.split(':').filter(|part| part.starts_with('/')).collect::<Vec<_>>().join(":")
}

/// Whether a variable of this name gets from the user's environment to an agent with this allowlist.
pub fn reaches(name: &str, kind: AgentKind, allow: &[String]) -> bool {
    gets_through(name, kind, allow)
}

/// What every agent may see.
const USUAL: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_*",
    "TZ",
    "TMPDIR",
    "XDG_*",
    // Ways through a company's network.
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    // Where toolchains live, so that builds and tests find them.
    "CARGO_HOME",
    "RUSTUP_HOME",
    "GOPATH",
    "GOROOT",
    "JAVA_HOME",
    "NVM_DIR",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
];

/// What no agent sees: traces of a parent agent, a multiplexer or the user's own terminal.
const NEVER: &[&str] = &[
    "CLAUDECODE",
    "CLAUDE_PID",
    "CLAUDE_PROJECT_DIR",
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CODE_CHILD_SESSION",
    "CLAUDE_CODE_MESSAGING_*",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SSE_PORT",
    "CODEX_MANAGED_*",
    "GEMINI_CLI_NO_RELAUNCH",
    "GEMINI_SESSION_ID",
    "TMUX*",
    "STY",
    "ZELLIJ*",
    "KITTY_*",
    "WEZTERM_*",
    "GHOSTTY_*",
    "ITERM_*",
    "VTE_VERSION",
    "WT_SESSION",
    "TERM_PROGRAM_VERSION",
    "TERM_SESSION_ID",
    "COLUMNS",
    "LINES",
    "LOOPMON_*",
];

/// Keys and switches of vendors: only for their own agent, or where the profile names them.
const VENDORS: &[(&str, Option<AgentKind>)] = &[
    ("ANTHROPIC_*", Some(AgentKind::Claude)),
    ("CLAUDE_CONFIG_DIR", Some(AgentKind::Claude)),
    ("CLAUDE_CODE_*", Some(AgentKind::Claude)),
    ("OPENAI_*", Some(AgentKind::Codex)),
    ("CODEX_*", Some(AgentKind::Codex)),
    ("GEMINI_*", Some(AgentKind::Gemini)),
    ("GOOGLE_*", Some(AgentKind::Gemini)),
    ("OPENCODE_*", Some(AgentKind::Opencode)),
    ("AWS_*", None),
    ("AZURE_*", None),
    ("MISTRAL_*", None),
    ("DEEPSEEK_*", None),
    ("XAI_*", None),
    ("GROQ_*", None),
    ("OPENROUTER_*", None),
];

fn gets_through(name: &str, kind: AgentKind, allow: &[String]) -> bool {
    let withheld = |pattern: &String| pattern.strip_prefix('!').is_some_and(|pattern| matches(pattern, name));
    if NEVER.iter().any(|pattern| matches(pattern, name)) || allow.iter().any(withheld) {
        return false;
    }
    let vendor = VENDORS.iter().find(|(pattern, _)| matches(pattern, name));
    // A bare `*` is meant for what is harmless; a vendor's key has to be named.
    let allowed = allow.iter().any(|pattern| (vendor.is_none() || pattern != "*") && matches(pattern, name));
    allowed
        || match vendor {
            Some((_, owner)) => *owner == Some(kind),
            None => USUAL.iter().any(|pattern| matches(pattern, name)),
        }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

fn terminal(env: &mut BTreeMap<String, String>) {
    env.insert("TERM".to_owned(), "xterm-256color".to_owned());
    env.insert("COLORTERM".to_owned(), "truecolor".to_owned());
    env.insert("TERM_PROGRAM".to_owned(), "loopmon".to_owned());
    let is_utf8 = |value: &String| value.to_lowercase().replace('-', "").contains("utf8");
    env.retain(|name, value| !matches!(name.as_str(), "LC_ALL" | "LC_CTYPE") || is_utf8(value));
    if !env.get("LANG").is_some_and(is_utf8) {
        env.insert("LANG".to_owned(), "C.UTF-8".to_owned());
    }
}

fn switches(kind: AgentKind) -> Vec<(String, String)> {
    let list: &[(&str, &str)] = match kind {
        AgentKind::Command | AgentKind::Codex => &[],
        // A run updates nothing under its own feet, and is retried by the engine rather than for minutes in silence.
        AgentKind::Claude => &[
            ("DISABLE_AUTOUPDATER", "1"),
            ("DISABLE_TELEMETRY", "1"),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            ("CLAUDE_CODE_MAX_RETRIES", "3"),
        ],
        // One process: the one that it would start itself under ignores signals.
        AgentKind::Gemini => &[("GEMINI_CLI_NO_RELAUNCH", "true")],
        AgentKind::Opencode => &[("OPENCODE_DISABLE_AUTOUPDATE", "1")],
    };
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn contract(request: &LaunchRequest<'_>) -> [(String, String); 11] {
    [
        ("LOOPMON_SESSION", request.session.to_owned()),
        ("LOOPMON_SOCKET", request.socket.to_string_lossy().into_owned()),
        ("LOOPMON_AGENT", request.agent().to_string()),
        ("LOOPMON_TASK", request.task.to_owned()),
        ("LOOPMON_STEP", request.step.name().to_owned()),
        ("LOOPMON_ROUND", request.round.to_string()),
        ("LOOPMON_SLOT", request.slot.to_string()),
        ("LOOPMON_ATTEMPT", request.attempt.to_string()),
        ("LOOPMON_ROLE", request.role.unwrap_or_default().to_owned()),
        ("LOOPMON_PROMPT_FILE", request.prompt_file.to_string_lossy().into_owned()),
        ("LOOPMON_RESULT", request.result_file.to_string_lossy().into_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(name: &str, kind: AgentKind, allow: &[&str]) -> bool {
        gets_through(name, kind, &allow.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn only_what_is_listed_gets_through() {
        for name in ["PATH", "HOME", "XDG_CONFIG_HOME", "LC_TIME", "https_proxy", "CARGO_HOME"] {
            assert!(passes(name, AgentKind::Command, &[]), "{name}");
        }
        for name in ["SSH_AUTH_SOCK", "GITHUB_TOKEN", "DATABASE_URL", "LD_PRELOAD", "EDITOR", "PATHS"] {
            assert!(!passes(name, AgentKind::Command, &[]), "{name}");
        }
        assert!(passes("DATABASE_URL", AgentKind::Command, &["DATABASE_URL"]));
        assert!(passes("MY_VAR", AgentKind::Command, &["MY_*"]));
    }

    #[test]
    fn a_vendors_key_reaches_only_its_own_agent_or_whom_the_profile_names() {
        assert!(passes("ANTHROPIC_API_KEY", AgentKind::Claude, &[]));
        assert!(passes("CLAUDE_CODE_OAUTH_TOKEN", AgentKind::Claude, &[]));
        for name in [
            "ANTHROPIC_API_KEY",
            "OPENAI_API_KEY",
            "GEMINI_API_KEY",
            "GOOGLE_API_KEY",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            assert!(!passes(name, AgentKind::Command, &["*"]), "{name}");
        }
        assert!(!passes("OPENAI_API_KEY", AgentKind::Claude, &["*"]));
        assert!(passes("OPENAI_API_KEY", AgentKind::Command, &["OPENAI_API_KEY"]));
        assert!(passes("OPENAI_BASE_URL", AgentKind::Command, &["OPENAI_*"]));
    }

    #[test]
    fn what_a_profile_withholds_does_not_get_through_even_to_its_vendors_agent() {
        let allow = ["ANTHROPIC_*", "!ANTHROPIC_API_KEY", "!LC_*"];
        assert!(!passes("ANTHROPIC_API_KEY", AgentKind::Claude, &allow));
        assert!(passes("ANTHROPIC_BASE_URL", AgentKind::Claude, &allow));
        assert!(!passes("LC_TIME", AgentKind::Claude, &allow));
    }

    #[test]
    fn traces_of_parents_and_terminals_never_get_through() {
        for name in [
            "CLAUDECODE",
            "CLAUDE_CODE_SESSION_ID",
            "CLAUDE_CODE_MESSAGING_TOKEN",
            "TMUX",
            "TMUX_PANE",
            "STY",
            "ZELLIJ",
            "KITTY_WINDOW_ID",
            "GHOSTTY_BIN_DIR",
            "VTE_VERSION",
            "TERM_PROGRAM_VERSION",
            "LOOPMON_TASK",
        ] {
            assert!(!passes(name, AgentKind::Claude, &["*", name]), "{name}");
        }
    }

    #[test]
    fn the_locale_is_utf8() {
        let mut env = BTreeMap::from([
            ("LC_ALL".to_owned(), "C".to_owned()),
            ("LANG".to_owned(), "de_DE.utf8".to_owned()),
        ]);
        terminal(&mut env);
        assert_eq!(env.get("LANG").map(String::as_str), Some("de_DE.utf8"));
        assert!(!env.contains_key("LC_ALL"));
    }
}
