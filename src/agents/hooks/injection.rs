//! How each kind of program is made to run `loopmon hook`, for one process.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::agents::launch::{Launch, LaunchRequest};
use crate::agents::opencode;
use crate::model::agent::AgentKind;

/// Seconds that a program waits for the hook, which takes some hundredths of one. Codex waits no longer when interrupted.
const LIMIT: u64 = 3;
/// What of Claude Code is told.
const CLAUDE: [&str; 8] = [
    "SessionStart",
    "UserPromptSubmit",
    "PermissionRequest",
    "PostToolUse",
    "SubagentStop",
    "Stop",
    "StopFailure",
    // Its account is whole only then.
    "SessionEnd",
];
/// What of Codex is told, and how its list of trusted hooks calls it.
const CODEX: [(&str, &str); 7] = [
    ("SessionStart", "session_start"),
    ("UserPromptSubmit", "user_prompt_submit"),
    ("PermissionRequest", "permission_request"),
    ("PostToolUse", "post_tool_use"),
    ("Stop", "stop"),
    ("Interrupt", "interrupt"),
    ("SessionEnd", "session_end"),
];
/// What of Gemini CLI is told.
const GEMINI: [&str; 6] =
    ["SessionStart", "BeforeAgent", "AfterTool", "Notification", "AfterAgent", "SessionEnd"];
/// What tells of opencode, to be filled in with this program.
const PLUGIN: &str = include_str!("../../../assets/hooks/opencode.js");
/// The place in it for this program.
const PROGRAM: &str = "\"@PROGRAM@\"";

/// Has a launch in a terminal run the hook.
pub(in crate::agents) fn add(request: &LaunchRequest<'_>, launch: &mut Launch) {
    // Whatever becomes of it, its exit code says nothing: some codes would hold the agent up.
    let command = format!("{} hook 2>/dev/null || :", quoted(request.program));
    match request.profile.kind {
        AgentKind::Command => {}
        // It takes one such argument: ours go into the person's, which says what they allow.
        AgentKind::Claude if own_settings(&launch.argv).is_some() => launch.lay_over(claude(&command)),
        AgentKind::Claude => launch.add_arguments(request, vec![format!("--settings={}", claude(&command))]),
        AgentKind::Codex => launch.add_arguments(request, codex(&command)),
        AgentKind::Gemini => launch.lay_over(gemini(&command)),
        AgentKind::Opencode => {
            let file = plugin_file(request.prompt_file);
            let url = format!("file://{}", file.display());
            opencode::add_configuration(&mut launch.env, json!({ "plugin": [url] }));
            let program = Value::from(request.program.to_string_lossy());
            launch.files.push((file, PLUGIN.replace(PROGRAM, &program.to_string())));
        }
    }
}

/// The person's own settings in the arguments of Claude Code: a file or JSON, and what of the arguments that is. The last
/// counts.
pub fn own_settings(argv: &[String]) -> Option<(&str, Range<usize>)> {
    let joined = |at: usize, one: &'_ str| one.starts_with("--settings=").then_some(at);
    let at = argv.iter().enumerate().rev().find_map(|(at, one)| {
        let apart = || (one == "--settings" && at + 1 < argv.len()).then_some(at);
        joined(at, one).or_else(apart)
    })?;
    match argv.get(at)?.split_once('=') {
        Some((_, value)) => Some((value, at..at + 1)),
        None => Some((argv.get(at + 1)?, at..at + 2)),
    }
}

/// As a shell reads it.
fn quoted(program: &Path) -> String {
    format!("'{}'", program.to_string_lossy().replace('\'', "'\\''"))
}

fn claude(command: &str) -> Value {
    let hook = json!([{ "hooks": [{ "type": "command", "command": command, "timeout": LIMIT }] }]);
    let hooks: Map<String, Value> = CLAUDE.iter().map(|event| ((*event).to_owned(), hook.clone())).collect();
    json!({ "hooks": hooks })
}

/// A hook for each event, and that each is trusted: unknown ones hold the program up in a dialog.
fn codex(command: &str) -> Vec<String> {
    let text = toml_edit::Value::from(command);
    let mut arguments: Vec<String> = CODEX
        .iter()
        .map(|(event, _)| {
            format!("-c=hooks.{event}=[{{hooks=[{{type=\"command\",command={text},timeout={LIMIT}}}]}}]")
        })
        .collect();
    let trusted: Vec<String> = CODEX
        .iter()
        .map(|(_, name)| {
            let hash = hash(name, command);
            format!("\"/<session-flags>/config.toml:{name}:0:0\"={{trusted_hash=\"sha256:{hash}\"}}")
        })
        .collect();
    arguments.push(format!("-c=hooks.state={{{}}}", trusted.join(",")));
    arguments
}

/// What Codex knows a hook by: the SHA-256 of its definition as compact JSON with sorted keys.
fn hash(event: &str, command: &str) -> String {
    let definition = json!({
        "event_name": event,
        "hooks": [{ "async": false, "command": command, "timeout": LIMIT, "type": "command" }],
    });
    let mut hex = String::new();
    for byte in Sha256::digest(definition.to_string()) {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn gemini(command: &str) -> Value {
    let hook = json!([{ "matcher": "*", "hooks": [
        { "type": "command", "name": "loopmon", "command": command, "timeout": LIMIT * 1000 },
    ] }]);
    let hooks: Map<String, Value> = GEMINI.iter().map(|event| ((*event).to_owned(), hook.clone())).collect();
    json!({ "hooks": hooks })
}

fn plugin_file(prompt_file: &Path) -> PathBuf {
    prompt_file.with_file_name("loopmon.js")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_one_word_to_a_shell() {
        assert_eq!(quoted(Path::new("/opt/it's here/loopmon")), "'/opt/it'\\''s here/loopmon'");
    }

    #[test]
    fn codex_trusts_exactly_the_hooks_that_it_is_given() {
        let arguments = codex("'/opt/l' hook");
        let tables: Vec<toml::Table> =
            arguments.iter().map(|one| one.strip_prefix("-c=").unwrap().parse().unwrap()).collect();
        let (state, hooks) = tables.split_last().unwrap();
        assert_eq!(hooks.len(), CODEX.len());
        let stop = &hooks[4]["hooks"]["Stop"][0]["hooks"][0];
        assert_eq!(stop["command"].as_str(), Some("'/opt/l' hook"));
        let state = state["hooks"]["state"].as_table().unwrap();
        assert_eq!(state.len(), CODEX.len());
        // The keys of the definition are sorted, whatever map serde uses.
        let text = "{\"event_name\":\"stop\",\"hooks\":[{\"async\":false,\"command\":\"'/opt/l' hook\",\"timeout\":3,\
            \"type\":\"command\"}]}";
        let expected: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            state["/<session-flags>/config.toml:stop:0:0"]["trusted_hash"].as_str(),
            Some(format!("sha256:{expected}").as_str())
        );
    }

    #[test]
    fn the_plugin_has_a_place_for_the_program() {
        assert_eq!(PLUGIN.matches(PROGRAM).count(), 1);
    }

    #[test]
    fn the_last_settings_of_a_person_are_found_however_they_are_given() {
        let argv = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let found = |words: &str| own_settings(&argv(words)).map(|(value, range)| (value.to_owned(), range));
        assert_eq!(found("claude --settings a.json -p"), Some(("a.json".to_owned(), 1..3)));
        assert_eq!(
            found("claude --settings a.json --settings={\"a\":\"=\"}"),
            Some(("{\"a\":\"=\"}".to_owned(), 3..4))
        );
        assert_eq!(found("claude --setting-sources user --settings"), None);
    }
}
