//! A project whose only agent is a real one, with a mock as its API.
#![allow(clippy::unwrap_used, reason = "these are tests and what they share")]

use crate::installed::{KEY, installed, mock_environment, settle_in};
use crate::support::real::Bench;

/// The project; `keys` are further ones of the agent. None if the agent is not installed.
pub fn project_of(agent: &str, url: &str, keys: &str) -> Option<Bench> {
    let program = installed(agent)?;
    let bench = Bench::new();
    settle_in(agent, &bench.machine.path("home"), url);
    let key = match agent {
        "claude" => ("ANTHROPIC_API_KEY", KEY),
        "codex" => ("OPENAI_API_KEY", KEY),
        "gemini" => ("GEMINI_API_KEY", KEY),
        _ => ("MOCK_KEY", KEY),
    };
    let set = mock_environment(agent, url);
    let set =
        set.iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(|(name, _)| *name != key.0);
    let set: String = set.chain([key]).map(|(name, value)| format!("{name} = {value:?}\n")).collect();
    let model = if agent == "gemini" { "model = \"gemini-2.5-pro\"\n" } else { "" };
    let config = format!(
        "[run]\nbackoff_seconds = 0.05\nbackoff_cap_seconds = 0.2\nattempts = 3\n\
         [defaults]\nimplementer = {agent:?}\nplanner = {agent:?}\n[review]\nagents = [{agent:?}]\n\
         [[gates]]\nname = \"test\"\ncommand = \"grep -q hello greeting.txt\"\n\
         [agents.{agent}]\ncommand = [{program:?}]\n{model}{keys}[agents.{agent}.set]\n{set}"
    );
    std::fs::write(bench.project().join("loopmon.toml"), config).unwrap();
    Some(bench)
}
