//! Gemini CLI: headless as `gemini -o stream-json`, or as `gemini --acp` where a person is asked, and in its own screen. Flags, lines and outcomes are those of 0.61.0.
//!
//! It has no schema and no system prompt by flag: a form is asked for in the prompt and checked here. Invariant: it is
//! one process and no pair of which one ignores signals.

mod protocol;

use serde_json::json;

use crate::model::StepKind;

use super::launch::{Launch, LaunchError, LaunchRequest, without_nul};
use super::{acp, environment, resume, template};

pub(super) use protocol::{Gemini, without_end};

/// A name that no server has: a list that is empty allows all.
const NO_SERVER: &str = "none of the configured";

/// The launch of a turn.
pub(super) fn launch(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let profile = request.profile;
    let mut argv = usual(request);
    if super::talks(profile, request.step) {
        argv.push("--acp".to_owned());
        argv.extend(template::fill(request, &profile.extra_args)?);
        let opening = acp::opening(resume::id(request)?, request.worktree);
        let launch = Launch::dialogue(request, argv, environment::build(request), opening);
        return without_nul(request.agent(), launch);
    }
    argv.extend(["--output-format", "stream-json"].map(str::to_owned));
    argv.extend(template::fill(request, &profile.extra_args)?);
    argv.extend(resume::arguments(request, |id| vec![format!("--resume={id}")])?);
    let mut launch = Launch::headless(request, argv, environment::build(request));
    if request.step == StepKind::Review && profile.reviews_blind {
        launch.lay_over(json!({ "tools": { "core": [] }, "mcp": { "allowed": [NO_SERVER] } }));
    }
    without_nul(request.agent(), launch)
}

/// The launch of its own screen; the prompt is pasted into it.
pub(super) fn launch_terminal(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let mut argv = usual(request);
    argv.push(match resume::id(request)? {
        Some(id) => format!("--resume={id}"),
        None => format!("--session-id={}", resume::chosen(request.session)),
    });
    argv.extend(template::fill(request, &request.profile.extra_args)?);
    without_nul(request.agent(), Launch::terminal(request, argv, environment::build(request)))
}

fn usual(request: &LaunchRequest<'_>) -> Vec<String> {
    let profile = request.profile;
    let mut argv =
        if profile.command.is_empty() { vec!["gemini".to_owned()] } else { profile.command.clone() };
    argv.push("--skip-trust".to_owned());
    argv.extend(profile.model.iter().map(|model| format!("--model={model}")));
    argv.push(format!("--approval-mode={}", approval(request.step, profile.permission.as_deref())));
    argv
}

/// Who judges or plans only reads: in the default mode without a person, there are no tools that write.
fn approval(step: StepKind, permission: Option<&str>) -> &str {
    match step {
        StepKind::Plan | StepKind::Review => "default",
        StepKind::Implement | StepKind::Fix => permission.unwrap_or("auto_edit"),
    }
}
