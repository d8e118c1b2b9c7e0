//! `loopmon auth status`.

use std::path::Path;

use serde_json::{Value, json};

use crate::agents;
use crate::cli::agent::roster::{Member, tell};
use crate::cli::args::JsonArgs;
use crate::cli::{Outcome, shown};
use crate::config::AgentKind;

/// Prints the logins of each agent.
pub fn status(dir: &Path, args: &JsonArgs) -> Outcome {
    tell(dir, args, as_json, lines)
}

fn lines(member: &Member) -> Vec<String> {
    let installed = if member.program.is_some() { "" } else { " (not installed)" };
    let mut lines = vec![format!("{}{installed}", member.login_words())];
    let used = member.login();
    for login in member.logins.iter().filter(|login| Some(*login) != used) {
        let by = shown(&login.by().join(", "));
        match login.withheld.is_empty() {
            true => lines.push(format!("  there too: {} ({by})", login.mode)),
            false => lines.push(format!(
                "  kept from it: {} ({by}); `env` in [agents.{}] does not name it",
                login.mode, member.agent.name
            )),
        }
    }
    let absent = absent(member);
    if !absent.is_empty() && member.agent.kind != AgentKind::Opencode {
        lines.push(format!("  not there: {}", absent.join(", ")));
    }
    lines
}

/// Ways to log in that its program has, and this machine not.
fn absent(member: &Member) -> Vec<&'static str> {
    let modes = agents::logins(member.profile.kind).iter().map(|login| login.mode);
    let mut absent: Vec<_> =
        modes.filter(|mode| !member.logins.iter().any(|login| login.mode == *mode)).collect();
    absent.dedup();
    absent
}

fn as_json(member: &Member) -> Value {
    let logins = member.logins.iter().map(|login| {
        json!({
            "mode": login.mode,
            "variables": login.variables,
            "files": login.files,
            "ready": login.is_ready(),
            "withheld": login.withheld,
        })
    });
    json!({
        "name": member.agent.name,
        "kind": member.kind(),
        "installed": member.program.is_some(),
        "login": member.login().map(|login| login.mode),
        "login_needed": member.agent.kind != AgentKind::Command && member.login().is_none(),
        "how": agents::how_to_log_in(member.profile.kind),
        "logins": logins.collect::<Vec<_>>(),
        "absent": absent(member),
    })
}
