//! `loopmon init`: a first loopmon.toml from what is found here.

use std::path::Path;

use super::args::InitArgs;
use super::out::{say, say_words};
use super::project::{self, Project};
use super::{Failure, Outcome};
use crate::learn;
use crate::server::places::Places;

/// Writes it, or prints it.
pub fn init(dir: &Path, args: &InitArgs) -> Outcome {
    let places = match project::open(dir) {
        Ok(Project { places, .. }) => places,
        // A folder of repositories becomes a project by the file that is written here.
        Err(_) if !learn::repositories_below(dir).is_empty() => Places::of(dir)?,
        Err(error) => return Err(error),
    };
    let found = learn::look(&places.root, &learn::Machine::current());
    let text = learn::render_config(&found);
    if args.print {
        say_words!("{text}");
        return Ok(0);
    }
    let path = places.config();
    if path.exists() && !args.force {
        return Err(Failure::new(format!(
            "{} is there already: edit it, or replace it with --force",
            path.display()
        )));
    }
    std::fs::write(&path, text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    say!("wrote {}", path.display());
    for name in &found.repositories {
        say!("  repository {name}");
    }
    for gate in &found.gates {
        say!("  gate  {}", gate.name);
    }
    for agent in &found.agents {
        say!("  agent {} {}", agent.name, agent.version.as_deref().unwrap_or(""));
    }
    if found.gates.is_empty() {
        say!("  no gate was found: add the command that tests this project under [[gates]]");
    }
    if found.agents.is_empty() {
        say!("  no agent was found on the PATH: name one under [agents]");
    }
    say!("next: loopmon run \"<goal>\"");
    Ok(0)
}
