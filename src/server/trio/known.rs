//! Which texts of a task's files are known: those that loopmon wrote, or was about to write, and those that it has taken.
//!
//! On the disk before the files themselves, so that after a crash a text of loopmon's own is nobody's edit and an edit is
//! none of loopmon's. Not in the shared folder. Invariant: the file is whole.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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
    /// Of each file, the digests of the text that was written last and of the one that it was to replace.
    #[serde(default)]
    exchanged: BTreeMap<String, Vec<String>>,
}

impl Known {
    /// What an earlier server knew; nothing if there was none.
    pub fn read(path: &Path) -> Known {
        let read = std::fs::read_to_string(path).ok();
        read.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// One of a file's texts is about to replace another.
    pub fn exchange(&mut self, file: &str, wanted: &str, there: Option<&str>) {
        let digests = [Some(wanted), there].into_iter().flatten().map(digest).collect();
        self.exchanged.insert(file.to_owned(), digests);
    }

    /// Whether nothing is lost with a text of a file: loopmon wrote it, or has taken what is in it.
    pub fn is_own(&self, file: &str, text: &str) -> bool {
        let digest = digest(text);
        let is_exchanged = self.exchanged.get(file).is_some_and(|known| known.contains(&digest));
        is_exchanged || self.spec.iter().chain(&self.feedback).any(|known| known == text)
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

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
