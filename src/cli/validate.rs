//! `loopmon validate`: the configuration, checked, every mistake with its place.

use std::path::Path;

use super::args::ValidateArgs;
use super::project::{self, Project};
use super::{Failure, Outcome};
use crate::{config, server};

/// Checks the project's settings as a whole, or one file.
pub fn validate(dir: &Path, args: &ValidateArgs) -> Outcome {
    if let Some(file) = &args.file {
        config::load(&dir.join(file)).map_err(|problems| Failure::usage(problems.to_string()))?;
        println!("{}: right", file.display());
        return Ok(0);
    }
    let Project { repository, places } = project::open(dir)?;
    let loaded = server::project::Project::load(&places, &repository).map_err(Failure::usage)?;
    let policy = &loaded.policy;
    if !places.config().exists() {
        println!("there is no loopmon.toml here: the defaults hold (`loopmon init` writes one)");
    }
    println!(
        "right: {} agents, {} reviewers, {} gates, {} tasks at once",
        policy.team.known.len(),
        policy.team.reviewers.len(),
        policy.gates.len(),
        policy.parallel
    );
    if policy.gates.is_empty() {
        println!("note: no gate is configured, so nothing but reviewers stands before a merge");
    }
    if policy.team.known.is_empty() {
        println!("note: no agent was found on this machine; name one under [agents]");
    }
    Ok(0)
}
