//! `loopmon validate`: the settings, checked, every mistake with its place.

use std::path::Path;

use super::args::ValidateArgs;
use super::out::say;
use super::project::{self, Project};
use super::{Failure, Outcome};
use crate::config::{Problem, Problems};
use crate::model::counted;
use crate::server::{project as server_project, settings};

/// Checks the project's settings as a whole, or one file.
pub fn validate(dir: &Path, args: &ValidateArgs) -> Outcome {
    if let Some(file) = &args.file {
        // Mistakes name the file as it was named here.
        let path = if dir == Path::new(".") { file.clone() } else { dir.join(file) };
        let checked = settings::of_file(&path).map_err(wrong)?;
        refuse_spare(&checked.spare)?;
        say!("{}: right", file.display());
        return Ok(0);
    }
    let Project { repository, places } = project::open(dir)?;
    let loaded = server_project::Project::load(&places, &repository).map_err(wrong)?;
    refuse_spare(&loaded.spare)?;
    let policy = &loaded.policy;
    if !places.config().exists() {
        say!("there is no loopmon.toml here: the defaults hold (`loopmon init` writes one)");
    }
    say!(
        "right: {}, {}, {}, {} at once",
        counted(policy.team.known.len(), "agent"),
        counted(policy.team.reviewers.len(), "reviewer"),
        counted(policy.gates.len(), "gate"),
        counted(policy.parallel, "task")
    );
    if policy.gates.is_empty() {
        say!("note: no gate is configured, so nothing but reviewers stands before a merge");
    }
    if policy.team.known.is_empty() {
        say!("note: no agent was found on this machine; name one under [agents]");
    }
    Ok(0)
}

fn wrong(problems: Problems) -> Failure {
    Failure::usage(problems.to_string())
}

/// A run starts with a wrong theme lying about; whoever asks whether all is right is told of it.
fn refuse_spare(spare: &[Problem]) -> Result<(), Failure> {
    if spare.is_empty() { Ok(()) } else { Err(wrong(Problems { list: spare.to_vec() })) }
}
