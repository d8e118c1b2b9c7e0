//! `loopmon trash`: work that was kept when a worktree was thrown away, listed and brought back as a branch.

use std::path::Path;

use super::args::TrashArgs;
use super::out::{say, say_words};
use super::project::{self, Project};
use super::{Failure, Outcome};
use crate::git::{Repository, TrashEntry};

/// What every entry's ref begins with.
const PREFIX: &str = "refs/loopmon/trash/";

/// Lists it, or restores one.
pub fn trash(dir: &Path, args: &TrashArgs) -> Outcome {
    match &args.restore {
        Some(name) => restore(dir, name, args.branch.as_deref()),
        None => list(dir, args.json),
    }
}

fn list(dir: &Path, json: bool) -> Outcome {
    let Project { repository, .. } = project::open(dir)?;
    let entries = repository.trash()?;
    if json {
        let rows =
            entries.iter().map(|entry| serde_json::json!({ "name": name(entry), "commit": entry.oid }));
        say!("{}", serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?);
        return Ok(0);
    }
    if entries.is_empty() {
        say!("nothing was thrown away");
    }
    for entry in &entries {
        say_words!("{}  {}\n", entry.oid.get(..8).unwrap_or(&entry.oid), name(entry));
    }
    if !entries.is_empty() {
        say!("`loopmon trash --restore NAME` makes a branch of one");
    }
    Ok(0)
}

fn restore(dir: &Path, wanted: &str, branch: Option<&str>) -> Outcome {
    project::refuse_inside_session()?;
    let Project { repository, .. } = project::open(dir)?;
    let entry = find(&repository, wanted)?;
    let branch = branch.map_or_else(|| format!("restored/{}", name(&entry)), str::to_owned);
    repository.create_branch(&branch, &entry.oid)?;
    say!("{branch} is at {}: look with `git log -p -1 {branch}`", entry.oid.get(..8).unwrap_or(&entry.oid));
    Ok(0)
}

fn find(repository: &Repository, wanted: &str) -> Result<TrashEntry, Failure> {
    let entries = repository.trash()?;
    let known: Vec<String> = entries.iter().map(|entry| name(entry).to_owned()).collect();
    let is_it = |entry: &TrashEntry| name(entry) == wanted || entry.ref_name == wanted;
    entries.into_iter().find(is_it).ok_or_else(|| {
        let hint = if known.is_empty() {
            "nothing was thrown away".to_owned()
        } else {
            format!("there are: {}", known.join(", "))
        };
        Failure::usage(format!("nothing in the trash is called {wanted}; {hint}"))
    })
}

fn name(entry: &TrashEntry) -> &str {
    entry.ref_name.strip_prefix(PREFIX).unwrap_or(&entry.ref_name)
}
