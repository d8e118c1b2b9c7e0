//! The agents: whether those that have work are there, are new enough, can log in, and what they may do.

use super::finding::Finding;
use crate::agents;
use crate::cli::agent::roster::{Member, roster};
use crate::config::{AgentKind, Config};

const AGENTS: &str = "agents";

/// One for each agent that is there or is needed.
pub fn findings(config: &Config) -> Vec<Finding> {
    let members = roster(config);
    let needed = needed(config);
    let mut found: Vec<Finding> = members.iter().flat_map(|member| of(member, &needed)).collect();
    if members.iter().all(|member| member.program.is_none()) {
        let remedy = "install one, for example: npm install -g @anthropic-ai/claude-code";
        found.push(Finding::bad(AGENTS, "no agent is installed, so no run can start", remedy));
    }
    found
}

/// Agents that the settings give work by name.
fn needed(config: &Config) -> Vec<&str> {
    let defaults = [&config.defaults.planner, &config.defaults.implementer];
    let named = defaults.into_iter().flatten().chain(&config.review.agents);
    let roles = config.roles.values().filter_map(|role| role.agent.as_ref());
    named.chain(roles).map(String::as_str).collect()
}

fn of(member: &Member, needed: &[&str]) -> Vec<Finding> {
    let name = &member.agent.name;
    let Some(program) = &member.program else {
        let is_needed = needed.contains(&name.as_str());
        let finding = is_needed.then(|| {
            let remedy = agents::how_to_install(member.profile.kind).unwrap_or("put its program on the PATH");
            Finding::bad(
                AGENTS,
                format!("{name} has work by the settings and is {}", member.how_to_install()),
                remedy,
            )
        });
        return finding.into_iter().collect();
    };
    let version = member.version.clone().unwrap_or_else(|| program.display().to_string());
    let mut found = vec![login(member, &format!("{name}: {version}"))];
    found.extend(age(member));
    if let Some(problem) = member.settings_problem() {
        let text = format!("{name} can't tell by hooks what it does: {problem}");
        found.push(Finding::warn(AGENTS, text, "have its --settings name a file of JSON that is there"));
    }
    if let Some(setting) = member.agent.unsafe_setting() {
        let text = format!("{name} is UNSAFE: {setting} lets it do anything that you can do");
        found.push(Finding::warn(AGENTS, text, "leave that out of its settings, unless it is what you want"));
    }
    found
}

fn login(member: &Member, what: &str) -> Finding {
    let text = format!("{what}, {}", member.login_words());
    if member.agent.kind == AgentKind::Command || member.login().is_some() {
        return Finding::ok(AGENTS, text);
    }
    // opencode has models that need no login.
    let how = agents::how_to_log_in(member.profile.kind);
    Finding::warn(
        AGENTS,
        format!("{what}, no login was found"),
        format!("{how}; `loopmon auth status` tells more"),
    )
}

/// A program that is older than what its adapter was made for.
fn age(member: &Member) -> Option<Finding> {
    let made_for = agents::made_for(member.profile.kind)?;
    let version = numbers(member.version.as_deref()?)?;
    if version >= numbers(made_for)? {
        return None;
    }
    let text = format!("{} is older than {made_for}, which its adapter was made for", member.agent.name);
    let remedy = agents::how_to_install(member.profile.kind).unwrap_or("update it");
    Some(Finding::warn(AGENTS, text, remedy))
}

/// The first three numbers with dots between them.
fn numbers(text: &str) -> Option<[u32; 3]> {
    let word =
        text.split(|c: char| !c.is_ascii_digit() && c != '.').find(|word| word.matches('.').count() >= 2)?;
    let mut parts = word.split('.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??])
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(numbers("2.1.329 (Claude Code)"), Some([2, 1, 329]));
        assert_eq!(numbers("codex-cli 0.169.0"), Some([0, 169, 0]));
        assert!(numbers("0.9.0") < numbers("0.61.0") && numbers("no version").is_none());
    }
}
