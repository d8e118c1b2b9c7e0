//! The project: its settings, and the room for what it makes.

use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use super::finding::Finding;
use super::machine::existing;
use crate::config::{Config, Problems};
use crate::git::Repository;
use crate::server::ground;
use crate::server::places::{PlaceError, Places};
use crate::server::settings::{self, Checked};
use crate::server::start::customs_told;

const SETTINGS: &str = "settings";
const ROOM: &str = "room";
/// Bytes below which room is short, and below which nothing works.
const SHORT: u64 = 2 << 30;
const NONE: u64 = 100 << 20;
/// Files of a folder that are counted at most.
const COUNTED: usize = 200_000;

/// What is known of the project that holds a folder.
pub struct Known {
    /// Its repository, if there is one that can be worked in.
    pub repository: Option<Repository>,
    /// Where its things lie.
    pub places: Option<Result<Places, PlaceError>>,
    checked: Result<Checked, Problems>,
}

impl Known {
    /// Looks.
    pub fn open(dir: &Path) -> Known {
        let repository = ground::open(dir).ok();
        let mut places = repository.as_ref().map(|repository| Places::of(repository.root()));
        let checked = match &places {
            Some(Ok(places)) => settings::of_project(places),
            _ => settings::of_user(),
        };
        if let (Ok(checked), Some(Ok(places))) = (&checked, &mut places)
            && let Some(dir) = &checked.config.worktrees.dir
        {
            places.set_worktrees(Path::new(dir));
        }
        Known { repository, places, checked }
    }

    /// Where its things lie, if they can.
    pub fn lies(&self) -> Option<&Places> {
        self.places.as_ref()?.as_ref().ok()
    }

    /// The settings, if they are right.
    pub fn config(&self) -> Option<&Config> {
        self.checked.as_ref().ok().map(|checked| &checked.config)
    }

    /// Whether the settings are right, and whether they make sense.
    pub fn settings(&self) -> Vec<Finding> {
        let right = "`loopmon validate` says it again once it is put right";
        let checked = match &self.checked {
            Ok(checked) => checked,
            Err(problems) => {
                return problems
                    .list
                    .iter()
                    .map(|one| Finding::bad(SETTINGS, one.to_string(), right))
                    .collect();
            }
        };
        let mut found = Vec::new();
        let spare = checked.spare.iter();
        found.extend(spare.map(|one| Finding::warn(SETTINGS, one.to_string(), "this theme is not in use")));
        if let Some(places) = self.lies() {
            found.push(match places.config().exists() {
                true => Finding::ok(SETTINGS, "loopmon.toml is right"),
                false => {
                    Finding::warn(SETTINGS, "there is no loopmon.toml: the defaults hold", "loopmon init")
                }
            });
            if checked.config.gates.is_empty() {
                let text = "no gate: nothing but reviewers stands before a merge";
                found.push(Finding::warn(
                    SETTINGS,
                    text,
                    "name the command that tests this project under [[gates]]",
                ));
            }
        }
        found
    }

    /// What the repository has that runs do without.
    pub fn customs(&self) -> Vec<Finding> {
        let Some(repository) = &self.repository else { return Vec::new() };
        let fills = self
            .config()
            .is_some_and(|config| config.worktrees.setup.iter().any(|line| line.contains("submodule")));
        let told =
            repository.customs("HEAD").map(|customs| customs_told(&customs, fills)).unwrap_or_default();
        told.into_iter()
            .map(|text| Finding::warn("git", text, "see [[gates]] and [worktrees] in loopmon.toml"))
            .collect()
    }

    /// The disk, and the length of sockets' paths.
    pub fn room(&self) -> Vec<Finding> {
        let places = match &self.places {
            Some(Ok(places)) => places,
            Some(Err(error)) => {
                return vec![Finding::bad(
                    ROOM,
                    error.to_string(),
                    "set XDG_RUNTIME_DIR to a shorter directory",
                )];
            }
            None => return Vec::new(),
        };
        let mut found =
            vec![disk("worktrees", places.worktrees()), disk("state and recordings", &places.home())];
        let length = places.socket().as_os_str().len();
        found.push(Finding::ok(ROOM, format!("the socket's path has {length} of 107 bytes")));
        found
    }
}

fn disk(what: &str, path: &Path) -> Finding {
    let found = match statvfs(existing(path)) {
        Ok(found) => found,
        Err(error) => {
            return Finding::warn(ROOM, format!("{what}: {}: {error}", path.display()), "look at that disk");
        }
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let used = size_of(path);
    let text = format!("{what}: {} free, {} used in {}", bytes(free), bytes(used), path.display());
    match free {
        _ if found.f_files > 0 && found.f_favail < 1000 => Finding::bad(
            ROOM,
            format!("{what}: no more files fit on the disk of {}", path.display()),
            "remove some",
        ),
        0..NONE => Finding::bad(ROOM, text, "free some room: without it nothing is started"),
        NONE..SHORT => Finding::warn(ROOM, text, "free some room before a long run"),
        _ => Finding::ok(ROOM, text),
    }
}

/// Bytes of all files below, up to a number of them.
fn size_of(path: &Path) -> u64 {
    let (mut sum, mut open, mut count) = (0, vec![PathBuf::from(path)], 0);
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            count += 1;
            match entry.metadata() {
                Ok(found) if found.is_dir() && count < COUNTED => open.push(entry.path()),
                Ok(found) => sum += found.len(),
                Err(_) => {}
            }
        }
    }
    sum
}

fn bytes(count: u64) -> String {
    match count >> 20 {
        0 => format!("{} KiB", count >> 10),
        mib @ 1..1024 => format!("{mib} MiB"),
        mib => format!("{} GiB", mib >> 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_at_a_glance() {
        assert_eq!([10 << 10, 5 << 20, 3 << 30].map(bytes), ["10 KiB", "5 MiB", "3 GiB"]);
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a/b"), [0; 300]).unwrap();
        std::fs::write(dir.path().join("c"), [0; 200]).unwrap();
        assert_eq!(size_of(dir.path()), 500);
    }
}
