//! How each program is given the back channel (`loopmon mcp`) for one process: arguments, or settings to be laid over its
//! own. As Claude Code 2.1.329, Codex 0.169.0, Gemini CLI 0.61.0 and opencode 1.18.33 take it.
//!
//! Invariant: no file of the user's is changed, and nothing secret stands in arguments.

use std::path::Path;

use serde_json::{Value, json};

use crate::model::agent::AgentKind;

/// Its name among a program's servers.
const NAME: &str = "loopmon";
/// Seconds that a call may take: a little more than a person is waited for.
const CALL_LIMIT: u64 = 3_700;
/// What it needs of the session's environment, where a program passes nothing on by itself.
const VARIABLES: [&str; 3] = ["LOOPMON_SESSION", "LOOPMON_SOCKET", "LOOPMON_STEP"];

/// What gives a program the back channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct BackChannel {
    /// Arguments for its command line.
    pub(super) arguments: Vec<String>,
    /// Settings to be laid over its own: of Gemini CLI in the `settings.json` of its home, of opencode in
    /// `OPENCODE_CONFIG_CONTENT`.
    pub(super) settings: Option<Value>,
}

/// The back channel of a kind; `program` is this one. A plain command starts it by itself.
pub(super) fn back_channel(kind: AgentKind, program: &Path) -> BackChannel {
    let program = program.to_string_lossy();
    let arguments = |arguments: Vec<String>| BackChannel { arguments, settings: None };
    let settings = |settings| BackChannel { arguments: Vec::new(), settings: Some(settings) };
    match kind {
        AgentKind::Command => BackChannel::default(),
        AgentKind::Claude => {
            // Else its tools would have to be searched for before they can be called.
            let server = json!({ "type": "stdio", "command": program, "args": ["mcp"], "alwaysLoad": true });
            let config = json!({ "mcpServers": { NAME: server } });
            arguments(vec![format!("--mcp-config={config}"), format!("--allowedTools=mcp__{NAME}")])
        }
        AgentKind::Codex => {
            let program = toml_edit::Value::from(program.as_ref());
            let variables: toml_edit::Array = VARIABLES.into_iter().collect();
            arguments(vec![format!(
                "-c=mcp_servers.{NAME}={{command={program},args=[\"mcp\"],env_vars={variables},\
                 default_tools_approval_mode=\"approve\",tool_timeout_sec={CALL_LIMIT}}}"
            )])
        }
        AgentKind::Gemini => settings(json!({ "mcpServers": { NAME: {
            "command": program, "args": ["mcp"], "trust": true, "timeout": CALL_LIMIT * 1000,
        } } })),
        AgentKind::Opencode => settings(json!({ "mcp": { NAME: {
            "type": "local", "enabled": true, "command": [program, "mcp"], "timeout": CALL_LIMIT * 1000,
        } } })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = "/opt/it's \"here\"/loopmon";

    fn of(kind: AgentKind) -> BackChannel {
        back_channel(kind, Path::new(PROGRAM))
    }

    #[test]
    fn claude_gets_a_server_whose_tools_it_has_at_once_and_may_call() {
        let BackChannel { arguments, settings } = of(AgentKind::Claude);
        let config: Value =
            serde_json::from_str(arguments[0].strip_prefix("--mcp-config=").unwrap()).unwrap();
        let server = &config["mcpServers"]["loopmon"];
        assert_eq!((server["command"].as_str(), &server["alwaysLoad"]), (Some(PROGRAM), &json!(true)));
        assert_eq!((arguments[1].as_str(), settings), ("--allowedTools=mcp__loopmon", None));
    }

    #[test]
    fn codex_passes_the_session_on_and_asks_nobody() {
        let argument = of(AgentKind::Codex).arguments.remove(0);
        let table: toml::Table = argument.strip_prefix("-c=").unwrap().parse().unwrap();
        let server = &table["mcp_servers"]["loopmon"];
        assert_eq!(server["command"].as_str(), Some(PROGRAM));
        assert_eq!(server["env_vars"].as_array().unwrap().len(), 3);
        assert_eq!(server["default_tools_approval_mode"].as_str(), Some("approve"));
        assert!(server["tool_timeout_sec"].as_integer().unwrap() > 3600);
    }

    #[test]
    fn gemini_and_opencode_get_settings_and_a_command_nothing() {
        let gemini = of(AgentKind::Gemini).settings.unwrap();
        assert_eq!(gemini["mcpServers"]["loopmon"]["trust"], true);
        let opencode = of(AgentKind::Opencode).settings.unwrap();
        assert_eq!(opencode["mcp"]["loopmon"]["command"], json!([PROGRAM, "mcp"]));
        assert_eq!(of(AgentKind::Command), BackChannel::default());
    }
}
