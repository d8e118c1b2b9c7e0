//! The configured agents as this machine has them: program, version, logins.
//!
//! Invariant: a program is asked for its version only if its kind is known to answer that; what a plain command does with
//! an argument of ours nobody knows.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::agents;
use crate::cli::args::JsonArgs;
use crate::cli::out::say;
use crate::cli::{Outcome, shown};
use crate::config::{self, AgentKind, Config, Mode};
use crate::learn::{FoundLogin, Machine, Surroundings};
use crate::model::AgentProfile;
use crate::server::{own_settings, project};

/// A configured agent on this machine.
pub struct Member {
    /// What the configuration says.
    pub agent: config::Agent,
    /// The same as adapters take it.
    pub profile: AgentProfile,
    /// Its program, if it is there.
    pub program: Option<PathBuf>,
    /// What that says to `--version`.
    pub version: Option<String>,
    /// The ways to log in that there are, the one it takes first.
    pub logins: Vec<FoundLogin>,
}

/// Prints the agents that there are: for a program as `as_json` has each, for a person by its lines.
pub fn tell(
    dir: &Path,
    args: &JsonArgs,
    as_json: impl Fn(&Member) -> Value,
    lines: impl Fn(&Member) -> Vec<String>,
) -> Outcome {
    let members = roster(&crate::cli::project::settings(dir)?.config);
    if args.json {
        let list: Vec<Value> = members.iter().map(as_json).collect();
        say!("{}", serde_json::to_string_pretty(&json!({ "agents": list }))?);
        return Ok(0);
    }
    let width = members.iter().map(|member| member.agent.name.chars().count()).max().unwrap_or(0);
    for member in &members {
        let mut lines = lines(member).into_iter();
        say!("{:<width$}  {}", shown(&member.agent.name), lines.next().unwrap_or_default());
        for line in lines {
            say!("{:<width$}  {line}", "");
        }
    }
    Ok(0)
}

/// Every configured agent, in order of preference.
pub fn roster(config: &Config) -> Vec<Member> {
    let (machine, surroundings) = (Machine::current(), Surroundings::current());
    let mut members: Vec<Member> = config
        .agents
        .iter()
        .map(|agent| {
            let profile = project::profile(agent);
            Member {
                program: profile.command.first().and_then(|program| machine.locate(program)),
                logins: surroundings.logins(&profile),
                agent: agent.clone(),
                profile,
                version: None,
            }
        })
        .collect();
    let commands: Vec<Vec<String>> = members.iter().filter_map(version_of).collect();
    let asked = members.iter_mut().filter(|member| version_of(member).is_some());
    for (member, version) in asked.zip(machine.versions(&commands)) {
        member.version = version.map(|text| shown(&text));
    }
    members
}

/// The command that tells its version, without `--version`.
fn version_of(member: &Member) -> Option<Vec<String>> {
    let program = member.program.as_ref().filter(|_| member.agent.kind != AgentKind::Command)?;
    let rest = member.profile.command.iter().skip(1).cloned();
    Some(std::iter::once(program.to_string_lossy().into_owned()).chain(rest).collect())
}

impl Member {
    /// Its kind in a word.
    pub fn kind(&self) -> &'static str {
        let word = AgentKind::ALL.iter().find(|(_, kind)| *kind == self.agent.kind);
        word.map_or("command", |(word, _)| word)
    }

    /// The way in which it will log in, if there is one.
    pub fn login(&self) -> Option<&FoundLogin> {
        self.logins.iter().find(|login| login.is_ready())
    }

    /// Why its own terminal has no hooks of ours in it: a person's settings that can't be read.
    pub fn settings_problem(&self) -> Option<String> {
        if self.agent.kind != AgentKind::Claude || self.agent.mode != Mode::Interactive {
            return None;
        }
        let argv: Vec<String> =
            self.profile.command.iter().chain(&self.profile.extra_args).cloned().collect();
        // Where the worktree is that they lie in is known only then.
        let known = !argv.iter().any(|word| word.contains("{worktree}"));
        known.then(|| own_settings::read(&argv, Path::new(".")).err()).flatten()
    }

    /// That in words.
    pub fn login_words(&self) -> String {
        if self.agent.kind == AgentKind::Command {
            return "logs in as its program does".to_owned();
        }
        let withheld = || self.logins.iter().flat_map(|login| &login.withheld).copied().collect::<Vec<_>>();
        match self.login() {
            Some(login) => format!("logs in by {} ({})", login.mode, shown(&login.by().join(", "))),
            None if !withheld().is_empty() => {
                format!(
                    "no login: set, but kept from it: {}; see `loopmon auth configure`",
                    withheld().join(", ")
                )
            }
            None => format!("no login: {}", agents::how_to_log_in(self.profile.kind)),
        }
    }

    /// What to do about a program that isn't there.
    pub fn how_to_install(&self) -> String {
        let program = self.profile.command.first().map(String::as_str).unwrap_or_default();
        match agents::how_to_install(self.profile.kind) {
            Some(command) if !program.contains('/') => format!("not installed: {command}"),
            _ => format!("not found: {}", shown(program)),
        }
    }
}
