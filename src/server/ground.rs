//! What a project works on: the repository around a folder, or the several that a `loopmon.toml` names.
//!
//! Not for the settings beyond that. Invariant: a folder belongs to the nearest one above it that is the top of a repository
//! or has a `loopmon.toml` which names several.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::settings::{self, Checked};
use crate::config;
use crate::git::{Git, Member, OpenError, Repository};

/// The file that names them.
const FILE: &str = "loopmon.toml";
/// Where the store of a workspace is, below its folder.
const STORE: &str = ".loopmon/workspace.git";

/// Opens what `dir` belongs to.
pub fn open(dir: &Path) -> Result<Repository, OpenError> {
    match workspace_above(dir) {
        Some((root, named)) => open_workspace(&root, &named),
        None => Repository::discover(dir),
    }
}

/// The folder of the project that holds `dir`, without asking git.
pub fn folder_above(dir: &Path) -> Option<PathBuf> {
    let dir = dir.canonicalize().ok()?;
    dir.ancestors().find(|dir| dir.join(".git").exists() || dir.join(STORE).exists()).map(Path::to_owned)
}

/// The nearest folder at which several repositories are named, with their paths as they are written.
fn workspace_above(dir: &Path) -> Option<(PathBuf, BTreeMap<String, String>)> {
    let dir = dir.canonicalize().ok()?;
    for folder in dir.ancestors() {
        let named =
            std::fs::read_to_string(folder.join(FILE)).ok().map(|text| config::repositories(&text, FILE));
        if let Some(named) = named.filter(|named| !named.is_empty()) {
            return Some((folder.to_owned(), named));
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

fn open_workspace(root: &Path, named: &BTreeMap<String, String>) -> Result<Repository, OpenError> {
    // A name or a path that is wrong is told with its line, before a repository is blamed.
    let checked = settings::of_file(&root.join(FILE));
    if let Err(problems) = checked {
        return Err(OpenError::Settings { problems: problems.to_string() });
    }
    let mut members = Vec::new();
    for (name, path) in named {
        members.push(Member::open(Git::default(), name, &root.join(path))?);
    }
    Repository::workspace(Git::default(), root, &root.join(STORE), members)
}

/// Globs that hold at the top of a repository, as they hold in the worktree of a workspace: at the top of each member.
pub fn in_each_member(repository: &Repository, globs: &[String]) -> Vec<String> {
    let mut all = globs.to_vec();
    for member in repository.members() {
        let anchored = globs.iter().filter(|glob| !glob.starts_with("**/"));
        all.extend(anchored.map(|glob| format!("{}/{glob}", member.name)));
    }
    all
}

/// Whether the settings name other repositories than those that are open.
pub fn differs(repository: &Repository, checked: &Checked) -> bool {
    let named = checked.config.repositories.keys();
    !named.eq(repository.members().iter().map(|member| &member.name))
}
