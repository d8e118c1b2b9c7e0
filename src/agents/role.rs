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
    let arguments = || profile.command.iter().chain(&profile.extra_args);
    let says = |words: &str| arguments().any(|one| one.contains(words));
    let picks_profile = || arguments().any(|one| one == "-p" || one.starts_with("--profile"));
    // Written in an argument each character may take some bytes more.
    let is_short = text.len() < ARGUMENT_LIMIT / 8;
    match profile.kind {
        AgentKind::Command | AgentKind::Gemini => false,
        AgentKind::Claude => !says("system-prompt") && is_short,
        // Which profile's instructions it would take the place of is not known here.
        AgentKind::Codex => !says(KEY) && !picks_profile() && is_short,
        AgentKind::Opencode => true,
    }
}

/// Adds the role's prompt to what the program is started with.
pub(super) fn add(request: &LaunchRequest<'_>, launch: &mut Launch) {
    let Some(text) = request.role_prompt else { return };
    match request.profile.kind {
        AgentKind::Command | AgentKind::Gemini => {}
        AgentKind::Claude => launch.add_arguments(request, vec![format!("--append-system-prompt={text}")]),
        AgentKind::Codex => {
            let text = toml_edit::Value::from(text);
            launch.add_arguments(request, vec![format!("{INSTRUCTIONS}{text}")]);
        }
        AgentKind::Opencode => {
            let file = request.prompt_file.with_file_name("role.md");
            opencode::add_configuration(&mut launch.env, json!({ "instructions": [file] }));
            launch.files.push((file, text.to_owned()));
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_person_has_codex_told_stands_before_the_role() {
        let mut argv = vec!["codex".to_owned(), format!("{INSTRUCTIONS}\"A \\\"role\\\".\"")];
        join_instructions(&mut argv, "Mine\nfirst.");
        let table: toml::Table = argv[1].strip_prefix("-c=").unwrap().parse().unwrap();
        assert_eq!(table[KEY].as_str(), Some("Mine\nfirst.\n\nA \"role\"."));
        let mut without = vec!["codex".to_owned(), "exec".to_owned()];
        join_instructions(&mut without, "mine");
        assert_eq!(without, ["codex", "exec"]);
    }

    #[test]
    fn opencode_keeps_the_instructions_of_its_environment() {
        let mut env =
            vec![("OPENCODE_CONFIG_CONTENT".to_owned(), "{\"instructions\": [\"mine.md\"]}".to_owned())];
        opencode::add_configuration(&mut env, json!({ "instructions": ["role.md"] }));
        let config: serde_json::Value = serde_json::from_str(&env[0].1).unwrap();
        assert_eq!(config["instructions"], json!(["mine.md", "role.md"]));
    }
}
