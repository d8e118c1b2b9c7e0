//! `loopmon keys`: every action with its keys, by the names that `[keys]` binds.

use std::path::Path;

use super::out::say;
use super::{Failure, Outcome, project};
use crate::keymap::{Context, Keymap};
use crate::server::settings;

/// Prints them, as the project's configuration has them.
pub fn keys(dir: &Path) -> Outcome {
    let keymap = match project::open(dir) {
        Ok(project) => {
            let checked = settings::of_project(&project.places);
            checked.map_err(|problems| Failure::usage(problems.to_string()))?.keymap
        }
        // Outside a project the usual keys are the answer.
        Err(_) => Keymap::default(),
    };
    for context in Context::ALL {
        say!("{}", context.heading());
        for binding in keymap.of(context) {
            say!("  {:<18} {:<18} {}", binding.entry.name, binding.keys_text(), binding.entry.text);
        }
    }
    Ok(0)
}
