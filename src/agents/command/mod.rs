//! Any command as an agent: a template of arguments, the prompt by one of four ways, the result as a file or as the
//! last JSON object of the output.

mod reader;
mod template;

use crate::model::agent::{AgentMode, PromptBy};

use super::launch::{ARGUMENT_LIMIT, Launch, LaunchError, LaunchRequest, without_nul};
use super::{environment, text};

pub(super) use reader::CommandReader;

/// The launch of a command.
pub(super) fn launch(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let profile = request.profile;
    let mut argv = template::fill(request)?;
    argv.extend(profile.extra_args.iter().cloned());
    check_prompt(request)?;
    let stdin_file = (profile.prompt == PromptBy::Stdin).then(|| request.prompt_file.to_owned());
    let paste = (profile.prompt == PromptBy::Paste).then(|| text::plain(request.prompt_text));
    let env = environment::build(request);
    without_nul(request.agent(), Launch { argv, env, stdin_file, mode: profile.mode, paste })
}

fn check_prompt(request: &LaunchRequest<'_>) -> Result<(), LaunchError> {
    let profile = request.profile;
    let has = |name: &str| profile.command.iter().chain(&profile.extra_args).any(|part| part.contains(name));
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
        (PromptBy::Argument, _) if !has("{prompt}") => {
            unreachable("as an argument", "no argument of its command holds {prompt}")
        }
        (PromptBy::Argument, _) if request.prompt_text.len() > ARGUMENT_LIMIT => {
            Err(LaunchError::PromptTooLong { agent: profile.name.clone(), bytes: request.prompt_text.len() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
