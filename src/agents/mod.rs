//! Adapters: how a step becomes a command line and an environment, and how an agent's bytes become events.
//!
//! One folder per provider; the loop around it knows none of them. Nothing is spawned, read or timed here: text and
//! bytes in, checked values out. Invariant: whatever an agent prints, a reader neither fails nor guesses; an answer
//! that is not clear becomes `Invalid` with what to correct.

mod acp;
pub mod answer;
mod claude;
mod codex;
mod command;
mod environment;
mod event;
mod failure;
mod gemini;
pub mod hooks;
pub mod interactive;
mod launch;
mod limit;
mod lines;
mod login;
mod mcp;
mod opencode;
mod prices;
mod resume;
pub mod role;
mod rpc;
mod status;
mod stream;
mod template;
mod text;
mod transcript;

use crate::model::agent::{AgentKind, AgentMode};
use crate::model::{AgentProfile, StepKind, Usage};

use mcp::{BackChannel, back_channel};
use stream::StreamReader;

pub use environment::{gate_environment, reaches};
pub use event::{AgentEvent, ExitInfo, Reader};
pub use launch::{ARGUMENT_LIMIT, Launch, LaunchError, LaunchRequest, lay_over};
pub use limit::{Limit, reset_in};
pub use login::{Login, Need, how_to_install, how_to_log_in, logins, made_for};
pub use prices::{price_date, priced, tells_tokens_only};
pub use status::{ReportedKind, ReportedState, TerminalReport, from_terminal};
pub use text::plain as plain_text;

/// The command line and environment of a step.
///
/// # Errors
/// If the profile contradicts itself or the step cannot be asked of it; each error says what to change.
pub fn launch(request: &LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    let has_terminal = mode(request.profile, request.step) == AgentMode::Interactive;
    let mut launch = match (request.profile.kind, has_terminal) {
        (AgentKind::Command, _) => command::launch(request),
        (AgentKind::Claude, false) => claude::launch(request),
        (AgentKind::Claude, true) => claude::launch_terminal(request),
        (AgentKind::Codex, false) => codex::launch(request),
        (AgentKind::Codex, true) => codex::launch_terminal(request),
        (AgentKind::Gemini, false) => gemini::launch(request),
        (AgentKind::Gemini, true) => gemini::launch_terminal(request),
        (AgentKind::Opencode, false) => opencode::launch(request),
        (AgentKind::Opencode, true) => opencode::launch_terminal(request),
    }?;
    role::add(request, &mut launch);
    Ok(with_back_channel(request, launch))
}

/// Lets who works call back, and tell of itself in a terminal: by arguments, or by settings laid over its own.
fn with_back_channel(request: &LaunchRequest<'_>, mut launch: Launch) -> Launch {
    if !calls_back(request.profile, request.step)
        || request.socket.as_os_str().is_empty()
        || request.program.as_os_str().is_empty()
    {
        return launch;
    }
    let BackChannel { arguments, settings } = back_channel(request.profile.kind, request.program);
    launch.add_arguments(request, arguments);
    match (request.profile.kind, settings) {
        (AgentKind::Opencode, Some(settings)) => opencode::add_configuration(&mut launch.env, settings),
        (_, Some(settings)) => launch.lay_over(settings),
        (_, None) => {}
    }
    if launch.mode == AgentMode::Interactive {
        hooks::add(request, &mut launch);
    }
    launch
}

/// Whether an agent is given tools to call back with in this step.
pub fn calls_back(profile: &AgentProfile, step: StepKind) -> bool {
    profile.kind != AgentKind::Command && matches!(step, StepKind::Implement | StepKind::Fix)
}

/// How an agent is run in a step. Who plans or judges hands in an answer of a form, and a program that is known does that
/// best without its screen.
pub fn mode(profile: &AgentProfile, step: StepKind) -> AgentMode {
    match (profile.kind, step) {
        (AgentKind::Command, _) | (_, StepKind::Implement | StepKind::Fix) => profile.mode,
        (_, StepKind::Plan | StepKind::Review) => AgentMode::Headless,
    }
}

/// Whether a headless agent can be answered and spoken to while it works in this step.
pub fn talks(profile: &AgentProfile, step: StepKind) -> bool {
    let asks = profile.asks && matches!(step, StepKind::Implement | StepKind::Fix);
    asks && profile.kind != AgentKind::Command && mode(profile, step) == AgentMode::Headless
}

/// Whether it ends when its standard input does. Gemini CLI lives on as long as a server of tools that it started.
pub fn ends_with_its_input(profile: &AgentProfile) -> bool {
    profile.kind != AgentKind::Gemini
}

/// The id of the provider's session that a launch in a terminal begins, where it is ours to choose.
pub fn chosen_session(profile: &AgentProfile, session: &str) -> Option<String> {
    matches!(profile.kind, AgentKind::Claude | AgentKind::Gemini).then(|| resume::chosen(session))
}

/// A reader for the output of one session.
///
/// `resumed` is what the resumed provider session had used before, as summed from its earlier events: some command
/// lines report totals of the whole session. It is zero for a new session.
pub fn reader(profile: &AgentProfile, step: StepKind, resumed: Usage) -> Box<dyn Reader + Send> {
    let (mode, talks) = (mode(profile, step), talks(profile, step));
    match profile.kind {
        // What is on a screen is no stream.
        _ if mode == AgentMode::Interactive => Box::new(command::CommandReader::new(mode, step)),
        AgentKind::Command => Box::new(command::CommandReader::new(mode, step)),
        AgentKind::Claude => {
            Box::new(StreamReader::new(claude::Claude::new(step, resumed, talks)).with_result(step))
        }
        AgentKind::Codex if talks => {
            Box::new(StreamReader::new(codex::Server::new(step, resumed)).with_result(step))
        }
        AgentKind::Codex => Box::new(StreamReader::new(codex::Codex::new(step, resumed)).with_result(step)),
        AgentKind::Gemini | AgentKind::Opencode if talks => {
            Box::new(StreamReader::new(acp::Acp::new(profile.kind, step)).with_result(step))
        }
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
