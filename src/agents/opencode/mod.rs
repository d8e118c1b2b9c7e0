//! opencode: headless as `opencode run --format json`, or as `opencode acp` where a person is asked, and in its own
//! screen. Flags, lines and outcomes are those of 1.18.33.
//!
//! It has no flags for what is allowed: that goes into a configuration for this process alone, by its environment.

pub(super) mod lines;
mod protocol;

use serde_json::{Value, json};

use crate::model::{AgentProfile, StepKind};

use super::launch::{Launch, LaunchError, LaunchRequest, lay_over, without_nul};
use super::{acp, environment, resume, template};

pub(super) use protocol::{Opencode, without_end};

/// The variable with a configuration that is laid over the user's.
const CONFIG: &str = "OPENCODE_CONFIG_CONTENT";

/// The variable with the password of the server that `opencode acp` opens on loopback, for whoever is on the machine.
const PASSWORD: &str = "OPENCODE_SERVER_PASSWORD";

/// The launch of a turn.
pub(super) fn launch(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let profile = request.profile;
    if super::talks(profile, request.step) {
        return launch_dialogue(request);
    }
    let mut argv = program(profile);
    argv.extend(["run", "--format", "json"].map(str::to_owned));
    argv.extend(profile.model.iter().map(|model| format!("--model={model}")));
    argv.extend(template::fill(request, &profile.extra_args)?);
    argv.extend(resume::arguments(request, |id| vec![format!("--session={id}")])?);
    let mut env = environment::build(request);
    let permissions = permissions(request.step, profile.permission.as_deref());
    add_configuration(&mut env, json!({"permission": permissions, "autoupdate": false}));
    if request.step == StepKind::Review && profile.reviews_blind {
        add_configuration(&mut env, json!({"permission": "deny", "tools": {"*": false}}));
    }
    let mut launch = Launch::headless(request, argv, env);
    lines::add(request, &mut launch);
    without_nul(request.agent(), launch)
}

/// The launch of a turn that a person can be asked in. Its model is no flag there.
fn launch_dialogue(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let profile = request.profile;
    let mut argv = program(profile);
    argv.push("acp".to_owned());
    argv.extend(template::fill(request, &profile.extra_args)?);
    let mut env = environment::build(request);
    close_server(request, &mut env);
    let mut settings = asking(profile.permission.as_deref());
    if let Some(model) = &profile.model {
        settings["model"] = json!(model);
    }
    add_configuration(&mut env, settings);
    let mut launch =
        Launch::dialogue(request, argv, env, acp::opening(resume::id(request)?, request.worktree));
    lines::add(request, &mut launch);
    without_nul(request.agent(), launch)
}

/// Lets nobody drive the agent by its server who does not know a password: the person's own, if there is one.
fn close_server(request: &LaunchRequest<'_>, env: &mut Vec<(String, String)>) {
    if !env.iter().any(|(name, value)| name == PASSWORD && !value.is_empty()) && !request.secret.is_empty() {
        env.retain(|(name, _)| name != PASSWORD);
        env.push((PASSWORD.to_owned(), request.secret.to_owned()));
    }
}

/// Where a person is there to answer what it asks.
fn asking(permission: Option<&str>) -> Value {
    let permissions = match permission {
        Some("allow") => json!("allow"),
        _ => json!({"edit": "allow", "bash": "ask", "webfetch": "ask", "external_directory": "ask"}),
    };
    json!({"permission": permissions, "autoupdate": false})
}

/// The launch of its own screen; the prompt is pasted into it.
pub(super) fn launch_terminal(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let profile = request.profile;
    let mut argv = program(profile);
    argv.extend(profile.model.iter().map(|model| format!("--model={model}")));
    argv.extend(resume::id(request)?.map(|id| format!("--session={id}")));
    argv.extend(template::fill(request, &profile.extra_args)?);
    let mut env = environment::build(request);
    add_configuration(&mut env, asking(profile.permission.as_deref()));
    without_nul(request.agent(), Launch::terminal(request, argv, env))
}

fn program(profile: &AgentProfile) -> Vec<String> {
    if profile.command.is_empty() { vec!["opencode".to_owned()] } else { profile.command.clone() }
}

/// What it may do; whatever is asked about is refused, because nobody is there to answer.
fn permissions(step: StepKind, permission: Option<&str>) -> Value {
    match (step, permission) {
        (StepKind::Plan | StepKind::Review, _) => {
            json!({"edit": "deny", "bash": "deny", "webfetch": "deny", "external_directory": "deny"})
        }
        (StepKind::Implement | StepKind::Fix, Some("allow")) => json!("allow"),
        (StepKind::Implement | StepKind::Fix, _) => {
            json!({"edit": "allow", "bash": "deny", "webfetch": "deny", "external_directory": "deny"})
        }
    }
}

/// Lays settings over what the user's own configuration of this kind says.
pub(super) fn add_configuration(env: &mut Vec<(String, String)>, settings: Value) {
    let known = env.iter().position(|(name, _)| name == CONFIG).map(|at| env.remove(at).1);
    let mut config: Value =
        known.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_else(|| json!({}));
    // What is allowed is said whole.
    if let (Some(_), Some(config)) = (settings.get("permission"), config.as_object_mut()) {
        config.remove("permission");
    }
    lay_over(&mut config, settings);
    env.push((CONFIG.to_owned(), config.to_string()));
    env.sort();
}
