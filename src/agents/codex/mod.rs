//! Codex: headless as `codex exec --json`, or as `codex app-server` where a person is asked, and in its own screen. Flags,
//! lines and outcomes are those of 0.169.0.
//!
//! Invariants: without a screen, the prompt goes in on standard input; a step that judges can change nothing; a lost
//! network ends the turn after some tries and not never.

mod ask;
mod items;
mod protocol;
mod server;

use std::path::PathBuf;

use crate::model::{AgentProfile, StepKind};

use super::launch::{Launch, LaunchError, LaunchRequest, without_nul};
use super::{environment, resume, template};

pub(super) use protocol::Codex;
pub(super) use server::Server;

/// Otherwise a turn without a network waits for it without end.
const NETWORK: &str = "--disable=unbounded_connection_retries";

/// What leaves no tool but one that can change nothing where only reading is allowed.
const WITHOUT_TOOLS: [&str; 8] = [
    "--disable=shell_tool",
    "--disable=unified_exec",
    "--disable=goals",
    "--disable=view_image",
    "--disable=apps",
    "--disable=plugins",
    "--disable=multi_agent",
    "-c=web_search=\"disabled\"",
];

/// The launch of a turn.
pub(super) fn launch(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let profile = request.profile;
    if super::talks(profile, request.step) {
        return launch_server(request);
    }
    let unsupported =
        |problem: &str| LaunchError::Unsupported { agent: profile.name.clone(), problem: problem.to_owned() };
    let mut argv = program(profile);
    argv.extend(["exec", "--json", "--skip-git-repo-check"].map(str::to_owned));
    argv.push(NETWORK.to_owned());
    argv.extend(usual(profile));
    argv.push(format!("--sandbox={}", sandbox(request.step, profile.permission.as_deref())));
    if request.step == StepKind::Review && profile.reviews_blind {
        argv.extend(WITHOUT_TOOLS.map(str::to_owned));
    }
    let mut files = Vec::new();
    if let Some(schema) = request.schema.filter(|_| takes_schema(request.step)) {
        let path = schema_file(request);
        argv.push(format!("--output-schema={}", path.display()));
        files.push((path, strict(schema).ok_or_else(|| unsupported("its schema is no JSON"))?));
    }
    argv.extend(template::fill(request, &profile.extra_args)?);
    argv.extend(resume::arguments(request, |id| vec!["resume".to_owned(), id.to_owned()])?);
    argv.push("-".to_owned());
    let launch = Launch { files, ..Launch::headless(request, argv, environment::build(request)) };
    without_nul(request.agent(), launch)
}

/// The launch of a turn that a person can be asked in.
fn launch_server(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let profile = request.profile;
    let mut argv = program(profile);
    argv.extend(["app-server", NETWORK].map(str::to_owned));
    argv.extend(settings(profile));
    argv.extend(template::fill(request, &profile.extra_args)?);
    let sandbox = sandbox(request.step, profile.permission.as_deref());
    let opening = server::opening(resume::id(request)?, sandbox, profile.model.as_deref());
    let launch = Launch::dialogue(request, argv, environment::build(request), opening);
    without_nul(request.agent(), launch)
}

/// The launch of its own screen; the prompt is pasted into it.
pub(super) fn launch_terminal(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let profile = request.profile;
    let mut argv = program(profile);
    argv.extend(usual(profile));
    argv.push(format!("--sandbox={}", sandbox(request.step, profile.permission.as_deref())));
    argv.push("--ask-for-approval=on-request".to_owned());
    // The worktree is a folder of the repository that the person gave to us: they are not asked for it again.
    let folder = toml::Value::from(request.worktree.to_string_lossy().into_owned());
    argv.push(format!("-c=projects={{{folder}={{trust_level=\"trusted\"}}}}"));
    argv.extend(template::fill(request, &profile.extra_args)?);
    if let Some(id) = resume::id(request)? {
        argv.extend(["resume".to_owned(), id.to_owned()]);
    }
    without_nul(request.agent(), Launch::terminal(request, argv, environment::build(request)))
}

fn program(profile: &AgentProfile) -> Vec<String> {
    if profile.command.is_empty() { vec!["codex".to_owned()] } else { profile.command.clone() }
}

fn usual(profile: &AgentProfile) -> Vec<String> {
    let model = profile.model.iter().map(|model| format!("--model={model}"));
    settings(profile).into_iter().chain(model).collect()
}

fn settings(profile: &AgentProfile) -> Vec<String> {
    let mut arguments = vec!["-c=check_for_update_on_startup=false".to_owned()];
    arguments.extend(profile.effort.iter().map(|effort| format!("-c=model_reasoning_effort={effort:?}")));
    arguments
}

/// Steps whose answer has a form that the command line can hold it to.
pub(super) fn takes_schema(step: StepKind) -> bool {
    matches!(step, StepKind::Plan | StepKind::Review)
}

/// Who judges or plans only reads, whatever the profile allows to those who work.
fn sandbox(step: StepKind, permission: Option<&str>) -> &str {
    match step {
        StepKind::Plan | StepKind::Review => "read-only",
        StepKind::Implement | StepKind::Fix => permission.unwrap_or("workspace-write"),
    }
}

fn schema_file(request: &LaunchRequest<'_>) -> PathBuf {
    request.prompt_file.with_file_name("schema.json")
}

/// The schema as the API's strict mode wants it: each object closed, and each of its keys required; those that were
/// not required may be null.
fn strict(schema: &str) -> Option<String> {
    let mut schema: serde_json::Value = serde_json::from_str(schema).ok()?;
    super::answer::make_strict(&mut schema);
    Some(schema.to_string())
}
