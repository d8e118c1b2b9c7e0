//! `loopmon agents list`.

use std::path::Path;

use serde_json::{Value, json};

use super::roster::{Member, tell};
use crate::agents;
use crate::cli::args::JsonArgs;
use crate::cli::{Outcome, shown};
use crate::config::{AgentKind, Mode};

/// Prints them, in order of preference.
pub fn list(dir: &Path, args: &JsonArgs) -> Outcome {
    tell(dir, args, as_json, lines)
}

fn lines(member: &Member) -> Vec<String> {
    let Some(program) = &member.program else { return vec![member.how_to_install()] };
    let version = match (&member.version, member.agent.kind) {
        (Some(version), _) => version.clone(),
        (None, AgentKind::Command) => "command".to_owned(),
        (None, _) => format!("{} (told no version)", member.kind()),
    };
    let setting = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
    let permission = member.agent.permission.clone().map(|word| format!("permission {word}"));
    let facts = [
        Some(mode(member).to_owned()),
        setting("model", &member.agent.model),
        setting("effort", &member.agent.effort),
        permission,
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    let mut lines = vec![
        shown(&format!("{version} · {}", program.display())),
        shown(&facts.join(" · ")),
        member.login_words(),
    ];
    if let Some(problem) = member.settings_problem() {
        lines.push(shown(&format!("no hooks: {problem}")));
    }
    if let Some(setting) = member.agent.unsafe_setting() {
        lines.push(shown(&format!("UNSAFE: {setting} lets it do anything that you can do")));
    }
    lines
}

fn mode(member: &Member) -> &'static str {
    match member.agent.mode {
        Mode::Headless => "headless",
        Mode::Interactive => "interactive",
    }
}

fn as_json(member: &Member) -> Value {
    let login = member.login();
    json!({
        "name": member.agent.name,
        "kind": member.kind(),
        "command": member.profile.command,
        "installed": member.program.is_some(),
        "program": member.program,
        "version": member.version,
        "install": agents::how_to_install(member.profile.kind),
        "login": login.map(|login| json!({ "mode": login.mode, "variables": login.variables, "files": login.files })),
        "model": member.agent.model,
        "effort": member.agent.effort,
        "permission": member.agent.permission,
        "unsafe": member.agent.unsafe_setting(),
        "mode": mode(member),
    })
}
