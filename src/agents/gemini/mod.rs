//! Gemini CLI, headless: `gemini -o stream-json`. Flags, lines and outcomes are those of 0.61.0.
//!
//! It has no schema and no system prompt by flag: a form is asked for in the prompt and checked here. Invariant: it is
//! one process and no pair of which one ignores signals.

mod protocol;

use crate::model::StepKind;
use crate::model::agent::AgentMode;

use super::launch::{Launch, LaunchError, LaunchRequest, without_nul};
use super::stream::is_session_id;
use super::{environment, template};

pub(super) use protocol::Gemini;

/// The launch of a turn.
pub(super) fn launch(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let profile = request.profile;
    let unsupported =
        |problem: &str| LaunchError::Unsupported { agent: profile.name.clone(), problem: problem.to_owned() };
    let mut argv =
        if profile.command.is_empty() { vec!["gemini".to_owned()] } else { profile.command.clone() };
    argv.extend(["--output-format", "stream-json", "--skip-trust"].map(str::to_owned));
    if let Some(model) = &profile.model {
        argv.push(format!("--model={model}"));
    }
    argv.push(format!("--approval-mode={}", approval(request.step, profile.permission.as_deref())));
    argv.extend(template::fill(request, &profile.extra_args)?);
    match request.resume {
        Some(id) if !is_session_id(id) => {
            return Err(unsupported("the stored session id is none; retry without it"));
        }
        Some(_) if !profile.resume_args.is_empty() => {
            argv.extend(template::fill(request, &profile.resume_args)?);
        }
        Some(id) => argv.push(format!("--resume={id}")),
        None => {}
    }
    let launch = Launch {
        argv,
        env: environment::build(request),
        stdin_file: Some(request.prompt_file.to_owned()),
        mode: AgentMode::Headless,
        paste: None,
        files: Vec::new(),
    };
    without_nul(request.agent(), launch)
}

/// Who judges or plans only reads: in the default mode without a person, there are no tools that write.
fn approval(step: StepKind, permission: Option<&str>) -> &str {
    match step {
        StepKind::Plan | StepKind::Review => "default",
        StepKind::Implement | StepKind::Fix => permission.unwrap_or("auto_edit"),
    }
}
