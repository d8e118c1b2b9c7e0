//! The event log in SQLite.
