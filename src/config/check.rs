//! Checks that need the whole configuration, after the last file.
//!
//! Not for single values. Invariant: each mistake is told at the place that a person would change.

use super::agent::{Agent, AgentKind, Mode, PromptDelivery};
use super::apply::Draft;
use super::apply::agents::usual_delivery;
use super::problem::{Problem, nearest};
use super::reader::{Place, quoted};
use super::settings::Quorum;

/// Arguments by which a known program drops all its guards.
const UNSAFE_ARGUMENTS: [&str; 8] = [
    "--dangerously-skip-permissions",
    "--allow-dangerously-skip-permissions",
    "--dangerously-bypass-approvals-and-sandbox",
    "--dangerously-bypass-hook-trust",
    "--yolo",
    "=yolo",
    "bypassPermissions",
    "danger-full-access",
];

/// Adds to the draft's problems what is wrong with the whole.
pub(super) fn check(draft: &mut Draft) {
    let mut found = Vec::new();
    unknown_agents(draft, &mut found);
    quorum(draft, &mut found);
    unknown_repositories(draft, &mut found);
    for agent in &draft.config.agents {
        if let Some(place) = draft.agent_places.get(&agent.name) {
            found.extend(agent_problems(agent, place));
        }
    }
    draft.problems.extend(found);
}

fn unknown_agents(draft: &Draft, found: &mut Vec<Problem>) {
    let names: Vec<&str> = draft.config.agents.iter().map(|agent| agent.name.as_str()).collect();
    for reference in draft.references.values() {
        if !names.contains(&reference.value.as_str()) {
            let hint = nearest(&reference.value, names.iter().copied());
            let hint = hint.unwrap_or_else(|| format!("there are {}", quoted(&names)));
            found.push(
                reference.place.problem(format!("there is no agent {:?}", reference.value), Some(hint)),
            );
        }
    }
}

fn unknown_repositories(draft: &Draft, found: &mut Vec<Problem>) {
    let names: Vec<&str> = draft.config.repositories.keys().map(String::as_str).collect();
    for named in draft.gate_repositories.iter().filter(|named| !names.contains(&named.value.as_str())) {
        let hint = match &names[..] {
            [] => "name it under [repositories], with its path".to_owned(),
            names => {
                let nearest = nearest(&named.value, names.iter().copied());
                nearest.unwrap_or_else(|| format!("there are {}", quoted(names)))
            }
        };
        found.push(named.place.problem(format!("there is no repository {:?}", named.value), Some(hint)));
    }
}

fn quorum(draft: &Draft, found: &mut Vec<Problem>) {
    let reviewers = match draft.config.review.agents.len() {
        0 => 2,
        count => count,
    };
    if let (Quorum::AtLeast(wanted), Some(place)) = (draft.config.review.quorum, &draft.quorum_place)
        && wanted as usize > reviewers
    {
        found.push(place.problem(format!("{wanted} approvals are wanted of {reviewers} reviewers"), None));
    }
}

fn agent_problems(agent: &Agent, place: &Place) -> Vec<Problem> {
    let problem = |message: &str, hint: &str| place.problem(message, Some(hint.to_owned()));
    let mut found = Vec::new();
    if agent.command.is_empty() {
        found.push(problem("this agent has no `command`", "command = [\"program\", \"argument\", …]"));
    }
    let usual = usual_delivery(agent.mode);
    if agent.kind != AgentKind::Command && agent.prompt != usual {
        found.push(problem("agents of this kind get their prompt as they want it", "leave `prompt` out"));
    }
    match (agent.prompt, agent.mode) {
        (PromptDelivery::Paste, Mode::Headless) => {
            found.push(problem("a headless agent has no terminal to paste into", "mode = \"interactive\""));
        }
        (PromptDelivery::Stdin, Mode::Interactive) => {
            found.push(problem("an interactive agent's stdin is its terminal", "prompt = \"paste\""));
        }
        _ => {}
    }
    if let Some(why) = unused_resume_args(agent) {
        found.push(problem(&format!("{why}, so `resume_args` does nothing"), "leave `resume_args` out"));
    }
    if let Some(argument) = unsafe_setting(agent).filter(|_| !agent.unsafe_allowed) {
        let message = format!("{argument} lets the agent do anything that you can do");
        found.push(problem(&message, "if that is what you want, say `unsafe = true` here"));
    }
    found
}

/// Why a known program is not told by arguments of these which session to go on with, if it is not.
fn unused_resume_args(agent: &Agent) -> Option<&'static str> {
    if agent.resume_args.is_empty() {
        return None;
    }
    match (agent.kind, agent.mode) {
        (AgentKind::Command, _) => None,
        (_, Mode::Interactive) => {
            Some("an agent of this kind finds its session by itself in its own terminal")
        }
        (AgentKind::Claude, Mode::Headless) => None,
        (AgentKind::Codex | AgentKind::Gemini | AgentKind::Opencode, Mode::Headless) => {
            agent.asks.then_some("with `asks` an agent of this kind is told its session while it runs")
        }
    }
}

/// What lets the agent do anything, if something does.
pub(super) fn unsafe_setting(agent: &Agent) -> Option<String> {
    let permission = agent.permission.as_deref().unwrap_or_default();
    if agent.kind.permissions().contains(&(permission, true)) {
        return Some(format!("permission = {permission:?}"));
    }
    let parts = agent.command.iter().chain(&agent.extra_args).chain(&agent.resume_args);
    let words = parts.map(|part| part.render(|_| ""));
    words.into_iter().find(|word| UNSAFE_ARGUMENTS.iter().any(|known| word.contains(known)))
}
