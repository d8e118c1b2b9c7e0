//! Adapters: how a step becomes a command line and an environment, and how an agent's bytes become events.
//!
//! One folder per provider; the loop around it knows none of them. Nothing is spawned, read or timed here: text and
//! bytes in, checked values out. Invariant: whatever an agent prints, a reader neither fails nor guesses; an answer
//! that is not clear becomes `Invalid` with what to correct.

pub mod answer;
mod claude;
mod codex;
mod command;
mod environment;
mod event;
mod failure;
mod gemini;
pub mod interactive;
mod launch;
mod lines;
mod login;
mod mcp;
mod opencode;
mod status;
mod stream;
mod template;
mod text;
mod transcript;

use crate::model::agent::AgentKind;
use crate::model::{AgentProfile, StepKind, Usage};

use stream::StreamReader;

pub use environment::{gate_environment, reaches};
pub use event::{AgentEvent, ExitInfo, Reader};
pub use launch::{ARGUMENT_LIMIT, Launch, LaunchError, LaunchRequest};
pub use login::{Login, Need, how_to_install, how_to_log_in, logins, made_for};
pub use mcp::{BackChannel, back_channel};
pub use status::{ReportedKind, ReportedState, TerminalReport, from_terminal};
pub use text::plain as plain_text;

/// The command line and environment of a step.
///
/// # Errors
/// If the profile contradicts itself or the step cannot be asked of it; each error says what to change.
pub fn launch(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    match request.profile.kind {
        AgentKind::Command => command::launch(request),
        AgentKind::Claude => claude::launch(request),
        AgentKind::Codex => codex::launch(request),
        AgentKind::Gemini => gemini::launch(request),
        AgentKind::Opencode => opencode::launch(request),
    }
}

/// A reader for the output of one session.
///
/// `resumed` is what the resumed provider session had used before, as summed from its earlier events: some command
/// lines report totals of the whole session. It is zero for a new session.
pub fn reader(profile: &AgentProfile, step: StepKind, resumed: Usage) -> Box<dyn Reader + Send> {
    match profile.kind {
        AgentKind::Command => Box::new(command::CommandReader::new(profile.mode, step)),
        AgentKind::Claude => {
            Box::new(StreamReader::new(claude::Claude::new(step, resumed)).with_result(step))
        }
        AgentKind::Codex => Box::new(StreamReader::new(codex::Codex::new(step, resumed)).with_result(step)),
        AgentKind::Gemini => Box::new(StreamReader::new(gemini::Gemini::new(step)).with_result(step)),
        AgentKind::Opencode => Box::new(StreamReader::new(opencode::Opencode::new(step)).with_result(step)),
    }
}

/// What an ended session tells of resuming it that no reader can: of a program that says nothing of its sessions.
/// `session` is the id that its launch had, `resume` the one that it was to go on with.
pub fn session_after(
    profile: &AgentProfile,
    exit: ExitInfo,
    session: &str,
    resume: Option<&str>,
) -> Option<AgentEvent> {
    match profile.kind {
        AgentKind::Command => command::session_after(profile, exit, session, resume),
        AgentKind::Claude | AgentKind::Codex | AgentKind::Gemini | AgentKind::Opencode => None,
    }
}

/// Whether the adapter passes a JSON Schema to the command line by a flag of its own in this step.
pub fn takes_schema(profile: &AgentProfile, step: StepKind) -> bool {
    match profile.kind {
        AgentKind::Command | AgentKind::Gemini | AgentKind::Opencode => false,
        AgentKind::Claude => claude::takes_schema(step),
        AgentKind::Codex => codex::takes_schema(step),
    }
}
