//! Watching files for change, by their folders: editors replace files rather than write into them.
//!
//! Not for: reading them. Invariant: a burst of changes is told once, after it has settled.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::ModifyKind;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// A burst is over after this long without a further change.
const SETTLE: Duration = Duration::from_millis(80);

/// Tells when one of some files has changed.
#[derive(Debug)]
pub struct Watcher {
    _watcher: RecommendedWatcher,
    changes: mpsc::UnboundedReceiver<()>,
}

impl Watcher {
    /// Watches these files. A file's name may be `*.` and an ending, which stands for every such file of its folder. Of a folder
    /// that doesn't exist its making is told; a new watcher then sees what is in it.
    pub fn new(files: &[PathBuf]) -> notify::Result<Watcher> {
        let (tell, changes) = mpsc::unbounded_channel();
        let wanted = files.to_vec();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            let is_of = |path: &PathBuf| {
                let moves =
                    event.kind.is_create() || matches!(event.kind, EventKind::Modify(ModifyKind::Name(_)));
                wanted.iter().any(|file| is_file(file, path) || moves && leads_to(path, file))
            };
            if !event.kind.is_access() && event.paths.iter().any(is_of) {
                let _gone = tell.send(());
            }
        })?;
        let existing =
            |file: &'_ PathBuf| file.ancestors().skip(1).find(|folder| folder.is_dir()).map(Path::to_owned);
        let mut folders: Vec<PathBuf> = files.iter().filter_map(existing).collect();
        folders.sort();
        folders.dedup();
        for folder in folders {
            watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        }
        Ok(Watcher { _watcher: watcher, changes })
    }

    /// Waits for a change and for the burst it begins to settle.
    pub async fn changed(&mut self) -> Option<()> {
        self.changes.recv().await?;
        while let Ok(Some(())) = tokio::time::timeout(SETTLE, self.changes.recv()).await {}
        Some(())
    }
}

fn is_file(file: &Path, path: &Path) -> bool {
    let any = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("*."));
    if any {
        return path.parent() == file.parent() && path.extension() == file.extension();
    }
    path == file
}

/// Whether a folder that was made is one on the way to the file.
fn leads_to(path: &Path, file: &Path) -> bool {
    file.parent().is_some_and(|folder| folder.starts_with(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_replaced_is_a_change_and_its_neighbour_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("loopmon.toml");
        let mut watcher = Watcher::new(std::slice::from_ref(&file)).unwrap();
        std::fs::write(dir.path().join("other"), "x").unwrap();
        std::fs::write(dir.path().join("new"), "x").unwrap();
        std::fs::rename(dir.path().join("new"), &file).unwrap();
        watcher.changed().await.unwrap();
        assert!(watcher.changes.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_folder_that_is_made_later_is_a_change_and_a_new_watcher_sees_into_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("config/themes");
        let mut watcher = Watcher::new(&[folder.join("*.toml")]).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        watcher.changed().await.unwrap();
        let mut watcher = Watcher::new(&[folder.join("*.toml")]).unwrap();
        std::fs::write(folder.join("mine.toml"), "x").unwrap();
        watcher.changed().await.unwrap();
    }
}
