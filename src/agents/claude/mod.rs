//! Claude Code, headless: `claude -p --output-format stream-json`. Flags, lines and outcomes are those of 2.1.329.
//!
//! Not for its own screen: that is a command like any other. Invariant: no line that it prints, now or in a later
//! version, makes the reader fail; unknown lines are shown and kept.

mod outcome;
mod reader;
mod transcript;

use crate::model::StepKind;
use crate::model::agent::AgentMode;

use super::launch::{Launch, LaunchError, LaunchRequest, without_nul};
use super::stream::is_session_id;
use super::{environment, template};

pub(super) use reader::Claude;

/// The launch of a turn; the prompt goes in on standard input, where nothing in it can be read as a flag.
pub(super) fn launch(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let profile = request.profile;
    let unsupported =
        |problem: &str| LaunchError::Unsupported { agent: profile.name.clone(), problem: problem.to_owned() };
    if profile.mode == AgentMode::Interactive {
        return Err(unsupported(
            "Claude Code is driven headless; for its own screen use kind = \"command\" with command = [\"claude\"]",
        ));
    }
    let mut argv =
        if profile.command.is_empty() { vec!["claude".to_owned()] } else { profile.command.clone() };
    argv.extend(["-p", "--output-format", "stream-json", "--verbose"].map(str::to_owned));
    if let Some(model) = &profile.model {
        argv.push(format!("--model={model}"));
    }
    if let Some(effort) = &profile.effort {
        argv.push(format!("--effort={effort}"));
    }
    argv.extend(permissions(request.step, profile.permission.as_deref()));
    if let Some(schema) = request.schema.filter(|_| takes_schema(request.step)) {
        let schema: serde_json::Value = serde_json::from_str(schema)
            .map_err(|error| unsupported(&format!("its schema is no JSON: {error}")))?;
        argv.push(format!("--json-schema={schema}"));
    }
    if let Some(id) = request.resume {
        if !is_session_id(id) {
            return Err(unsupported("the stored session id is none; retry without it"));
        }
        match profile.resume_args.is_empty() {
            true => argv.push(format!("--resume={id}")),
            false => argv.extend(template::fill(request, &profile.resume_args)?),
        }
    }
    argv.extend(template::fill(request, &profile.extra_args)?);
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

/// Steps whose answer has a form that the command line can hold it to.
pub(super) fn takes_schema(step: StepKind) -> bool {
    matches!(step, StepKind::Plan | StepKind::Review)
}

/// Who judges or plans only reads, whatever the profile allows to those who work.
fn permissions(step: StepKind, permission: Option<&str>) -> Vec<String> {
    match step {
        StepKind::Plan | StepKind::Review => {
            ["--tools=Read,Grep,Glob", "--permission-mode=dontAsk", "--strict-mcp-config"]
                .map(str::to_owned)
                .to_vec()
        }
        StepKind::Implement | StepKind::Fix => {
            vec![format!("--permission-mode={}", permission.unwrap_or("acceptEdits"))]
        }
    }
}

#[cfg(test)]
mod tests;
