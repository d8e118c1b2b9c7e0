//! Claude Code: headless as `claude -p --output-format stream-json`, and in its own screen. Flags, lines and outcomes are
//! those of 2.1.329.
//!
//! Invariant: no line that it prints, now or in a later
//! version, makes the reader fail; unknown lines are shown and kept.

mod outcome;
mod reader;
mod transcript;

use serde_json::{Value, json};

use crate::model::{AgentProfile, StepKind};

use super::launch::{Launch, LaunchError, LaunchRequest, without_nul};
use super::{environment, resume, template};

pub(super) use reader::Claude;

/// The launch of a turn; the prompt goes in on standard input, where nothing in it can be read as a flag.
pub(super) fn launch(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let profile = request.profile;
    let unsupported =
        |problem: &str| LaunchError::Unsupported { agent: profile.name.clone(), problem: problem.to_owned() };
    let mut argv = program(profile);
    argv.extend(["-p", "--output-format", "stream-json", "--verbose"].map(str::to_owned));
    argv.extend(model(profile));
    argv.extend(permissions(request.step, profile));
    if let Some(schema) = request.schema.filter(|_| takes_schema(request.step)) {
        let schema: Value = serde_json::from_str(schema)
            .map_err(|error| unsupported(&format!("its schema is no JSON: {error}")))?;
        argv.push(format!("--json-schema={schema}"));
    }
    argv.extend(resume::arguments(request, |id| vec![format!("--resume={id}")])?);
    argv.extend(template::fill(request, &profile.extra_args)?);
    let env = environment::build(request);
    let launch = if super::talks(profile, request.step) {
        let spoken =
            ["--input-format=stream-json", "--permission-prompt-tool=stdio", "--replay-user-messages"];
        argv.extend(spoken.map(str::to_owned));
        Launch::dialogue(request, argv, env, format!("{}\n", user_message(request.prompt_text)))
    } else {
        Launch::headless(request, argv, env)
    };
    without_nul(request.agent(), launch)
}

/// The launch of its own screen; the prompt is pasted into it.
pub(super) fn launch_terminal(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let profile = request.profile;
    let mut argv = program(profile);
    argv.extend(model(profile));
    argv.extend(permissions(request.step, profile));
    argv.push(match resume::id(request)? {
        Some(id) => format!("--resume={id}"),
        None => format!("--session-id={}", resume::chosen(request.session)),
    });
    argv.extend(template::fill(request, &profile.extra_args)?);
    let mut env = environment::build(request);
    // The worktree is a folder of the repository that the person gave to us: they are not asked for it again.
    env.push(("CLAUDE_CODE_SANDBOXED".to_owned(), "1".to_owned()));
    env.sort();
    without_nul(request.agent(), Launch::terminal(request, argv, env))
}

/// Words for it, as a line of its input.
fn user_message(words: &str) -> Value {
    json!({"type": "user", "message": {"role": "user", "content": [{"type": "text", "text": words}]}})
}

fn program(profile: &AgentProfile) -> Vec<String> {
    if profile.command.is_empty() { vec!["claude".to_owned()] } else { profile.command.clone() }
}

fn model(profile: &AgentProfile) -> Vec<String> {
    let model = profile.model.iter().map(|model| format!("--model={model}"));
    model.chain(profile.effort.iter().map(|effort| format!("--effort={effort}"))).collect()
}

/// Steps whose answer has a form that the command line can hold it to.
pub(super) fn takes_schema(step: StepKind) -> bool {
    matches!(step, StepKind::Plan | StepKind::Review)
}

/// Who judges or plans only reads, whatever the profile allows to those who work.
fn permissions(step: StepKind, profile: &AgentProfile) -> Vec<String> {
    let permission = profile.permission.as_deref();
    match step {
        StepKind::Plan | StepKind::Review => {
            let blind = step == StepKind::Review && profile.reviews_blind;
            let tools = if blind { "--tools=" } else { "--tools=Read,Grep,Glob" };
            [tools, "--permission-mode=dontAsk", "--strict-mcp-config"].map(str::to_owned).to_vec()
        }
        StepKind::Implement | StepKind::Fix => {
            vec![format!("--permission-mode={}", permission.unwrap_or("acceptEdits"))]
        }
    }
}

#[cfg(test)]
mod tests;
