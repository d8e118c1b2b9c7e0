//! The settings' files, watched: a saved configuration or theme is taken up at once.

use std::path::PathBuf;
use std::sync::Arc;

use super::project::{self, Project};
use super::runtime::Message;
use super::shared::Shared;
use crate::watch;

/// Takes up changed settings until the server ends.
pub async fn watch(shared: Arc<Shared>) {
    let files: Vec<PathBuf> = std::iter::once(shared.places.config())
        .chain(project::user_config())
        .chain(project::themes_dir().map(|dir| dir.join("*.toml")))
        .collect();
    let mut changes = match watch::Watcher::new(&files) {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(%error, "changes of the settings are not noticed");
            return;
        }
    };
    while changes.changed().await.is_some() {
        let worker = Arc::clone(&shared);
        let loaded = tokio::task::spawn_blocking(move || Project::load(&worker.places, &worker.repository));
        if let Ok(result) = loaded.await {
            shared.send(Message::Configured(result.map(Box::new)));
        }
    }
}
