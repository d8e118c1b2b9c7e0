//! Watching files for change.
