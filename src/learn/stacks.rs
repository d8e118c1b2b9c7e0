//! A repository's build tools and the gates that they offer.
//!
//! Not for running or judging them. Invariant: only files are read; commands are fixed texts and names of known
//! scripts, never text out of the repository.

mod native;
mod node;
mod python;

use std::path::Path;

use super::{Found, FoundGate};
use crate::model::is_name;

/// A folder being looked at.
pub(super) struct Folder<'a> {
    path: &'a Path,
    /// Its name relative to the top: "." for the top.
    name: &'a str,
    found: &'a mut Found,
}

/// Folders that hold other people's code, or no code.
const SKIPPED: [&str; 9] =
    ["node_modules", "vendor", "third_party", "target", "build", "dist", "examples", "fixtures", "docs"];
const FILE_LIMIT: u64 = 1 << 20;
const SUBFOLDER_LIMIT: usize = 50;

/// Looks at the top and, if it shows nothing, at the folders right below it.
pub(super) fn look(root: &Path) -> Found {
    let mut found = Found { repositories: repositories_below(root), ..Found::default() };
    if !found.repositories.is_empty() {
        for name in found.repositories.clone() {
            look_into(&root.join(&name), &name, &mut found);
            found.copy.extend(environment_in(root, &format!("{name}/")));
        }
        return found;
    }
    look_into(root, ".", &mut found);
    if found.gates.is_empty() {
        for name in subfolders(root) {
            look_into(&root.join(&name), &name, &mut found);
        }
    }
    found.copy.extend(environment_in(root, ""));
    found
}

/// The repositories right below a folder that is none itself.
pub fn repositories_below(root: &Path) -> Vec<String> {
    if root.join(".git").exists() {
        return Vec::new();
    }
    let is_repository = |name: &String| root.join(name).join(".git").exists();
    subfolders(root).into_iter().filter(|name| is_name(name) && is_repository(name)).collect()
}

/// Files of settings that git is not given, as a rule.
fn environment_in(root: &Path, below: &str) -> Vec<String> {
    let names = [".env", ".env.local"].map(|name| format!("{below}{name}"));
    names.into_iter().filter(|name| root.join(name).is_file()).collect()
}

fn look_into(path: &Path, name: &str, found: &mut Found) {
    let mut folder = Folder { path, name, found };
    let before = folder.found.gates.len();
    native::rust(&mut folder);
    node::look(&mut folder);
    python::look(&mut folder);
    native::go(&mut folder);
    native::others(&mut folder);
    let new = folder.found.gates.iter().skip(before);
    if !new.into_iter().any(|gate| is_test(&gate.name)) {
        native::runners(&mut folder);
    }
    // A formatter says no in a second, a linter in ten, tests in minutes: the cheap ones go first.
    folder.found.gates.sort_by_key(|gate| cost(&gate.name));
}

fn subfolders(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| !name.starts_with('.') && !SKIPPED.contains(&name.as_str()))
        .filter(|name| !name.contains(char::is_control))
        .collect();
    names.sort();
    names.truncate(SUBFOLDER_LIMIT);
    names
}

fn base_name(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn is_test(name: &str) -> bool {
    matches!(base_name(name), "test" | "check" | "verify")
}

fn cost(name: &str) -> u8 {
    match base_name(name) {
        "format" => 0,
        "lint" | "vet" => 1,
        "types" => 2,
        "build" => 3,
        _ => 4,
    }
}

impl Folder<'_> {
    fn has(&self, file: &str) -> bool {
        self.path.join(file).is_file()
    }

    fn has_any(&self, files: &[&str]) -> bool {
        files.iter().any(|file| self.has(file))
    }

    /// The text of a file; none if it isn't there. One that can't be read is noted.
    fn read(&mut self, file: &str) -> Option<String> {
        let path = self.path.join(file);
        let meta = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) if meta.len() <= FILE_LIMIT => return Some(text),
            Ok(_) => "is larger than 1 MiB".to_owned(),
            Err(error) => error.to_string(),
        };
        self.note(file, &text);
        None
    }

    fn note(&mut self, file: &str, what: &str) {
        let prefix = if self.name == "." { String::new() } else { format!("{}/", self.name) };
        self.found.notes.push(format!("{prefix}{file}: {what}"));
    }

    fn stack(&mut self, stack: &str, file: &str) {
        let place = if self.name == "." { file.to_owned() } else { format!("{}/{file}", self.name) };
        self.found.stacks.push(format!("{stack} ({place})"));
    }

    /// Adds a gate, unless one of this name is there: the first that is found is the most telling.
    fn gate(&mut self, name: &str, command: &str, because: &str) {
        let name = if self.name == "." { name.to_owned() } else { format!("{}:{name}", self.name) };
        if self.found.gates.iter().any(|gate| gate.name == name) {
            return;
        }
        let (command, because) = (command.to_owned(), because.to_owned());
        self.found.gates.push(FoundGate { name, command, cwd: self.name.to_owned(), because });
    }

    /// Adds a command that makes a fresh worktree usable.
    fn setup(&mut self, command: &str) {
        let line = match self.name {
            "." => command.to_owned(),
            name => format!("cd {} && {command}", quoted(name)),
        };
        self.found.setup.push(line);
    }
}

/// A name as one word of a shell line.
fn quoted(name: &str) -> String {
    format!("'{}'", name.replace('\'', r"'\''"))
}
