//! Any command as an agent: a template of arguments, the prompt by one of four ways, the result as a file or as the
//! last JSON object of the output.

mod reader;

use crate::model::AgentProfile;
use crate::model::agent::{AgentMode, PromptBy};

use super::event::{AgentEvent, ExitInfo};
use super::launch::{ARGUMENT_LIMIT, Launch, LaunchError, LaunchRequest, without_nul};
use super::{environment, template, text};

pub(super) use reader::CommandReader;

/// Where the prompt stands in a command.
const PROMPT: &str = "{prompt}";

/// The launch of a command.
pub(super) fn launch(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let profile = request.profile;
    if profile.command.first().is_none_or(|program| program.trim().is_empty()) {
        return Err(LaunchError::NoCommand { agent: profile.name.clone() });
    }
    check_prompt(request)?;
    let resumed = request.resume.map(|_| &profile.resume_args);
    let mut parts: Vec<&String> =
        profile.command.iter().chain(&profile.extra_args).chain(resumed.into_iter().flatten()).collect();
    let prompt = PROMPT.to_owned();
    if profile.prompt == PromptBy::Argument && !parts.iter().any(|part| part.contains(PROMPT)) {
        parts.push(&prompt);
    }
    let argv = template::fill(request, parts)?;
    let stdin_file = (profile.prompt == PromptBy::Stdin).then(|| request.prompt_file.to_owned());
    let paste = (profile.prompt == PromptBy::Paste).then(|| text::plain(request.prompt_text));
    let env = environment::build(request);
    without_nul(
        request.agent(),
        Launch {
            argv,
            env,
            stdin_file,
            stdin_open: false,
            mode: profile.mode,
            paste,
            files: Vec::new(),
            settings: None,
        },
    )
}

fn check_prompt(request: &LaunchRequest<'_>) -> Result<(), LaunchError> {
    let profile = request.profile;
    let agent = profile.name.clone();
    let unreachable = |by, problem| Err(LaunchError::PromptUnreachable { agent: agent.clone(), by, problem });
    match (profile.prompt, profile.mode) {
        (PromptBy::Stdin, AgentMode::Interactive) => unreachable(
            "on standard input",
            "an interactive agent reads its terminal there; use \"paste\" or \"file\"",
        ),
        (PromptBy::Paste, AgentMode::Headless) => unreachable(
            "by pasting",
            "a headless agent has no terminal; use \"stdin\", \"file\" or mode = \"interactive\"",
        ),
        (PromptBy::Argument, _) if request.prompt_text.len() > ARGUMENT_LIMIT => {
            Err(LaunchError::PromptTooLong { agent: profile.name.clone(), bytes: request.prompt_text.len() })
        }
        _ => Ok(()),
    }
}

/// What is known of its session after it ended: one that ended well can be resumed by the id that `{session_id}` gave
/// it, if the profile says how; one that was resumed in vain is begun anew.
pub(super) fn session_after(
    profile: &AgentProfile,
    exit: ExitInfo,
    session: &str,
    resume: Option<&str>,
) -> Option<AgentEvent> {
    if profile.resume_args.is_empty() {
        return None;
    }
    match (exit.code, resume) {
        (Some(0), resume) => Some(AgentEvent::SessionSeen(resume.unwrap_or(session).to_owned())),
        (Some(_), Some(_)) => Some(AgentEvent::SessionGone),
        // One that was ended by a signal may still be there.
        (Some(_), None) | (None, _) => None,
    }
}

#[cfg(test)]
mod tests;
