//! A role's prompt as part of the system prompt, for programs that add to theirs what they are told. It is the same in
//! every round, so the provider's cache holds it, and it outlives what the program drops of a long conversation.
//!
//! Gemini CLI can only have its whole system prompt replaced: there, and with any command, it is part of the prompt.

use serde_json::json;

use crate::model::AgentProfile;
use crate::model::agent::AgentKind;

use super::launch::{ARGUMENT_LIMIT, Launch, LaunchRequest};
use super::opencode;

/// The setting of Codex for what is added.
pub const KEY: &str = "developer_instructions";
/// The argument with it.
const INSTRUCTIONS: &str = "-c=developer_instructions=";

/// Whether [`super::launch()`] passes on a role's prompt. Not where it is too long for that, nor where the profile says
/// itself what is added: a program takes one such argument.
pub fn takes(profile: &AgentProfile, text: &str) -> bool {
    let says = |words: &str| profile.command.iter().chain(&profile.extra_args).any(|one| one.contains(words));
    match profile.kind {
        AgentKind::Command | AgentKind::Gemini => false,
        AgentKind::Claude => !says("system-prompt"),
        // As JSON-like text in an argument each character may take two bytes more.
        AgentKind::Codex => !says(KEY) && text.len() < ARGUMENT_LIMIT / 4,
        AgentKind::Opencode => true,
    }
}

/// Adds the role's prompt to what the program is started with.
pub(super) fn add(request: &LaunchRequest<'_>, launch: &mut Launch) {
    let Some(text) = request.role_prompt else { return };
    let file = request.prompt_file.with_file_name("role.md");
    match request.profile.kind {
        AgentKind::Command | AgentKind::Gemini => return,
        AgentKind::Codex => {
            let text = toml_edit::Value::from(text);
            launch.add_arguments(request, vec![format!("{INSTRUCTIONS}{text}")]);
            return;
        }
        AgentKind::Claude => {
            launch.add_arguments(request, vec![format!("--append-system-prompt-file={}", file.display())]);
        }
        AgentKind::Opencode => {
            opencode::add_configuration(&mut launch.env, json!({ "instructions": [file] }));
        }
    }
    launch.files.push((file, text.to_owned()));
}

/// Joins the instructions that a person's own configuration of Codex gives to ours, which would take their place.
pub fn join_instructions(argv: &mut [String], own: &str) {
    let Some(argument) = argv.iter_mut().find(|argument| argument.starts_with(INSTRUCTIONS)) else { return };
    let table: Option<toml::Table> = argument.strip_prefix("-c=").and_then(|text| text.parse().ok());
    let ours = table.as_ref().and_then(|table| table.get(KEY)).and_then(toml::Value::as_str);
    if let Some(ours) = ours {
        *argument = format!("{INSTRUCTIONS}{}", toml_edit::Value::from(format!("{own}\n\n{ours}")));
    }
}
