//! Watching files for change, by their folders: editors replace files rather than write into them.
//!
//! Not for: reading them. Invariant: a burst of changes is told once, after it has settled.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
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
    /// Watches these files. A file's name may be `*.toml`, which stands for every such file of its folder; folders
    /// that don't exist are left out.
    pub fn new(files: &[PathBuf]) -> notify::Result<Watcher> {
        let (tell, changes) = mpsc::unbounded_channel();
        let wanted = files.to_vec();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let matters = event.is_ok_and(|event| {
                !event.kind.is_access()
                    && event.paths.iter().any(|path| wanted.iter().any(|file| matches(file, path)))
            });
            if matters {
                let _gone = tell.send(());
            }
        })?;
        let mut folders: Vec<&Path> = files.iter().filter_map(|file| file.parent()).collect();
        folders.sort();
        folders.dedup();
        for folder in folders.into_iter().filter(|folder| folder.is_dir()) {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
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

fn matches(file: &Path, path: &Path) -> bool {
    let any = file.file_name().is_some_and(|name| name == "*.toml");
    if any {
        path.parent() == file.parent() && path.extension().is_some_and(|end| end == "toml")
    } else {
        path == file
    }
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
}
