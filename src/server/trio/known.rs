//! Which texts of a task's files are known: those that loopmon wrote, or was about to write, and those that it has taken.
//!
//! On the disk before the files themselves, so that after a crash a text of loopmon's own is nobody's edit and an edit is
//! none of loopmon's. Not in the shared folder. Invariant: the file is whole.

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The texts, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    version: u32,
    /// Of the spec.
    pub spec: Vec<String>,
    /// Of the feedback.
    pub feedback: Vec<String>,
    /// Lines of the feedback that were taken and may still stand in the file.
    #[serde(default)]
    pub taken: String,
}

impl Known {
    /// What an earlier server knew; nothing if there was none.
    pub fn read(path: &Path) -> Known {
        let read = std::fs::read_to_string(path).ok();
        read.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Keeps it.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let Some(folder) = path.parent() else { return Ok(()) };
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(&Known { version: 1, ..self.clone() })?)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}
