//! The settings' files, watched: a saved configuration or theme is taken up at once.

use std::path::PathBuf;
use std::sync::Arc;

use super::project::Project;
use super::runtime::Message;
use super::settings;
use super::shared::Shared;
use crate::watch;

/// Takes up changed settings until the server ends.
pub async fn watch(shared: Arc<Shared>) {
    let files: Vec<PathBuf> = std::iter::once(shared.places.config())
        .chain(settings::user_config())
        .chain(settings::themes_dir().map(|dir| dir.join("*.toml")))
        .collect();
    let begin = || {
        let watcher = watch::Watcher::new(&files);
        watcher.inspect_err(|error| tracing::warn!(%error, "changes of the settings are not noticed")).ok()
    };
    let mut watcher = begin();
    while let Some(changes) = &mut watcher
        && changes.changed().await.is_some()
    {
        // Anew, before anything is read: a folder may have been made that was not there to be watched.
        watcher = begin();
        let worker = Arc::clone(&shared);
        let loaded = tokio::task::spawn_blocking(move || Project::load(&worker.places, &worker.repository));
        if let Ok(result) = loaded.await {
            shared.send(Message::Configured(result.map(Box::new)));
        }
    }
}
