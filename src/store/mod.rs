//! The event log in SQLite: the one thing that must survive everything.
//!
//! Write-ahead log with `synchronous=FULL`: an event that was accepted is on the disk. One writer at a time, fenced by a
//! lease: whoever opened the log last owns it, and writes of an earlier owner are refused. Reading needs no lease.
//! Not for: recordings, or anything that can be derived.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use crate::model::{Record, RunId, Timestamp};

/// Version of the schema that this program writes.
const VERSION: i64 = 1;

/// Why the log can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused.
    #[error("the log {path} can't be used: {source}{}", hint(.source))]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Written by a newer version.
    #[error(
        "the log {path} has format {found}; this program knows formats up to {VERSION}: use a newer loopmon"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// Another server has taken the log over.
    #[error("another server (pid {pid}) has taken over the log")]
    Fenced {
        /// The new owner.
        pid: i64,
    },
    /// An event that this program can't read.
    #[error("event {seq} of run {run} can't be read: {source}")]
    Event {
        /// Its run.
        run: RunId,
        /// Its position.
        seq: u64,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The directory can't be made.
    #[error("{path} can't be made: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

fn hint(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => {
            ": free some room on the disk; nothing is started without the log"
        }
        Some(rusqlite::ErrorCode::SystemIoFailure) => {
            ": the disk refuses it; see whether there is room on it; nothing is started without the log"
        }
        Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::CannotOpen) => {
            ": it must be writable; nothing is started without the log"
        }
        Some(rusqlite::ErrorCode::DatabaseBusy) => {
            ": another program holds it, a server that was stopped (`kill -CONT` wakes it) or a tool that reads it; \
             nothing is started without the log"
        }
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            ": move the file away to start afresh, and keep it for a repair"
        }
        _ => "",
    }
}

/// A run in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// When it started.
    pub started: Timestamp,
    /// Its goal.
    pub goal: String,
}

/// The log. A reader has no epoch and can't write.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    epoch: Option<i64>,
}

impl Store {
    /// Opens the log for writing, making it if need be, and takes the lease.
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)
                .map_err(|source| StoreError::Directory { path: parent.to_owned(), source })?;
        }
        let connection = Connection::open(path).map_err(|source| failed(path, source))?;
        let mut store = Store { connection, path: path.to_owned(), epoch: None };
        store.prepare().map_err(|source| failed(path, source))?;
        store.migrate()?;
        store.take_lease()?;
        Ok(store)
    }

    /// Opens the log for reading; `None` if there is none yet.
    pub fn open_reader(path: &Path) -> Result<Option<Store>, StoreError> {
        if !path.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|source| failed(path, source))?;
        let store = Store { connection, path: path.to_owned(), epoch: None };
        match store.version()? {
            0 => Ok(None),
            VERSION => Ok(Some(store)),
            found => Err(StoreError::Newer { path: store.path, found }),
        }
    }

    /// Adds a run with its first events: both are on the disk when this returns, or neither.
    pub fn add_run(
        &mut self,
        run: &RunId,
        started: Timestamp,
        goal: &str,
        first: &[Record],
    ) -> Result<(), StoreError> {
        let bodies = bodies(run, first)?;
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO run (id, started, goal) VALUES (?1, ?2, ?3)",
                params![run.as_str(), started.0, goal],
            )?;
            insert(transaction, run, &bodies)
        })
    }

    /// Adds events: all of them are on the disk when this returns, or none.
    pub fn append(&mut self, run: &RunId, records: &[Record]) -> Result<(), StoreError> {
        let bodies = bodies(run, records)?;
        self.write(|transaction| insert(transaction, run, &bodies))
    }

    /// The runs, oldest first.
    pub fn runs(&self) -> Result<Vec<RunRow>, StoreError> {
        let read = || {
            let mut select =
                self.connection.prepare("SELECT id, started, goal FROM run ORDER BY started, rowid")?;
            let rows = select.query_map([], |row| {
                Ok(RunRow { id: RunId(row.get(0)?), started: Timestamp(row.get(1)?), goal: row.get(2)? })
            })?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(|source| failed(&self.path, source))
    }

    /// The events of a run after position `after`.
    pub fn events(&self, run: &RunId, after: u64) -> Result<Vec<Record>, StoreError> {
        let read = || {
            let mut select = self
                .connection
                .prepare_cached("SELECT seq, at, body FROM event WHERE run = ?1 AND seq > ?2 ORDER BY seq")?;
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let rows = select.query_map(params![run.as_str(), after], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
            })?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        let rows = read().map_err(|source| failed(&self.path, source))?;
        let mut records = Vec::with_capacity(rows.len());
        for (seq, at, body) in rows {
            let seq = u64::try_from(seq).unwrap_or(0);
            let event = serde_json::from_str(&body).map_err(|source| StoreError::Event {
                run: run.clone(),
                seq,
                source,
            })?;
            records.push(Record { seq, at: Timestamp(at), event });
        }
        Ok(records)
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        self.connection.busy_timeout(std::time::Duration::from_secs(5))?;
        self.connection.pragma_update(None, "journal_mode", "WAL")?;
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        self.connection.pragma_update(None, "foreign_keys", true)
    }

    fn version(&self) -> Result<i64, StoreError> {
        self.connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|source| failed(&self.path, source))
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        match self.version()? {
            VERSION => return Ok(()),
            0 => {}
            found => return Err(StoreError::Newer { path: self.path.clone(), found }),
        }
        let path = self.path.clone();
        let create = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            // Another process may have made it between the look and the lock.
            if transaction.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? == 0 {
                transaction.execute_batch(include_str!("schema.sql"))?;
                transaction.pragma_update(None, "user_version", VERSION)?;
            }
            transaction.commit()
        };
        create(&mut self.connection).map_err(|source| failed(&path, source))
    }

    fn take_lease(&mut self) -> Result<(), StoreError> {
        let path = self.path.clone();
        let take = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction
                .execute("UPDATE lease SET epoch = epoch + 1, pid = ?1", params![std::process::id()])?;
            let epoch = transaction.query_row("SELECT epoch FROM lease", [], |row| row.get(0))?;
            transaction.commit()?;
            Ok(epoch)
        };
        self.epoch = Some(take(&mut self.connection).map_err(|source| failed(&path, source))?);
        Ok(())
    }

    /// Writes in one transaction, if this is still the owner.
    fn write(
        &mut self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let (path, epoch) = (self.path.clone(), self.epoch);
        let fail = |source| failed(&path, source);
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        let owner: Option<(i64, i64)> = transaction
            .query_row("SELECT epoch, pid FROM lease", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(fail)?;
        match owner {
            Some((current, _)) if Some(current) == epoch => {}
            Some((_, pid)) => return Err(StoreError::Fenced { pid }),
            None => return Err(StoreError::Fenced { pid: 0 }),
        }
        work(&transaction).map_err(fail)?;
        transaction.commit().map_err(fail)
    }
}

/// An event as a row: position, time, JSON.
type Row = (u64, i64, String);

fn bodies(run: &RunId, records: &[Record]) -> Result<Vec<Row>, StoreError> {
    let body = |record: &Record| match serde_json::to_string(&record.event) {
        Ok(body) => Ok((record.seq, record.at.0, body)),
        Err(source) => Err(StoreError::Event { run: run.clone(), seq: record.seq, source }),
    };
    records.iter().map(body).collect()
}

fn insert(transaction: &rusqlite::Transaction<'_>, run: &RunId, rows: &[Row]) -> rusqlite::Result<()> {
    let mut insert =
        transaction.prepare_cached("INSERT INTO event (run, seq, at, body) VALUES (?1, ?2, ?3, ?4)")?;
    for (seq, at, body) in rows {
        insert.execute(params![run.as_str(), i64::try_from(*seq).unwrap_or(i64::MAX), at, body])?;
    }
    Ok(())
}

fn failed(path: &Path, source: rusqlite::Error) -> StoreError {
    StoreError::Database { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::PersonEvent;
    use crate::model::{EffectId, Event};

    fn records(from: u64, to: u64) -> Vec<Record> {
        (from..=to)
            .map(|seq| Record { seq, at: Timestamp(1_000), event: Event::Timer(EffectId(seq)) })
            .collect()
    }

    fn open(dir: &tempfile::TempDir) -> Store {
        Store::open(&dir.path().join("state/loopmon.db")).unwrap()
    }

    #[test]
    fn what_was_appended_is_read_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(&dir);
        let run = RunId::from("r1");
        store.add_run(&run, Timestamp(5), "goal", &[]).unwrap();
        store.append(&run, &records(1, 3)).unwrap();
        let paused = Event::Person(PersonEvent::Paused { task: "T1".into() });
        store.append(&run, &[Record { seq: 4, at: Timestamp(2), event: paused.clone() }]).unwrap();
        let reader = Store::open_reader(&dir.path().join("state/loopmon.db")).unwrap().unwrap();
        let events = reader.events(&run, 2).unwrap();
        assert_eq!(events.iter().map(|record| record.seq).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(events[1].event, paused);
        assert_eq!(reader.runs().unwrap().len(), 1);
    }

    #[test]
    fn an_earlier_owner_is_fenced_off() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunId::from("r1");
        let mut first = open(&dir);
        first.add_run(&run, Timestamp(5), "goal", &[]).unwrap();
        let mut second = open(&dir);
        assert!(matches!(first.append(&run, &records(1, 1)), Err(StoreError::Fenced { .. })));
        second.append(&run, &records(1, 1)).unwrap();
        assert_eq!(second.events(&run, 0).unwrap().len(), 1);
    }

    #[test]
    fn a_batch_is_all_or_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunId::from("r1");
        let mut store = open(&dir);
        store.add_run(&run, Timestamp(5), "goal", &[]).unwrap();
        let mut batch = records(1, 2);
        batch.extend(records(2, 2));
        assert!(store.append(&run, &batch).is_err());
        assert!(store.events(&run, 0).unwrap().is_empty());
    }

    #[test]
    fn a_run_without_its_first_event_does_not_exist() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunId::from("r1");
        let mut store = open(&dir);
        let mut twice = records(1, 1);
        twice.extend(records(1, 1));
        assert!(store.add_run(&run, Timestamp(5), "goal", &twice).is_err());
        assert!(store.runs().unwrap().is_empty());
        store.add_run(&run, Timestamp(5), "goal", &records(1, 1)).unwrap();
        assert_eq!((store.runs().unwrap().len(), store.events(&run, 0).unwrap().len()), (1, 1));
    }

    #[test]
    fn a_newer_log_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("loopmon.db");
        drop(Store::open(&path).unwrap());
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let error = Store::open(&path).unwrap_err().to_string();
        assert!(error.contains("format 99") && error.contains("newer loopmon"), "{error}");
    }

    #[test]
    fn a_directory_that_is_no_place_for_a_log_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("state"), "a file").unwrap();
        let error = Store::open(&dir.path().join("state/loopmon.db")).unwrap_err().to_string();
        assert!(error.contains("state"), "{error}");
    }

    #[test]
    fn there_is_no_log_before_the_first_run() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Store::open_reader(&dir.path().join("loopmon.db")).unwrap().is_none());
    }
}
