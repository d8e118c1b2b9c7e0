//! The ledger: for each task a Markdown file with every verdict, every finding and its state, what gates said of which
//! commit, what people said, and its merges. It lies in the run's folder, and `.loopmon/reviews` leads to the latest run's.
//!
//! Derived from the log alone: nothing reads it back, and it is made anew when a server begins. Invariant: a file is whole,
//! and says what the log said a moment ago.

mod book;
pub(in crate::server) mod page;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::places::Places;
use super::runtime::View;
use super::shared::Shared;
use crate::model::{Record, RunId};
use crate::store::Store;
use book::Book;

/// What happens at once is written at once.
const SETTLE: Duration = Duration::from_millis(150);

/// Keeps the files until the server ends.
pub async fn keep(shared: Arc<Shared>, view: View) {
    // Before the log is read, so that nothing falls between the two.
    let mut records = view.records.subscribe();
    let mut book = reread(&shared).await;
    loop {
        book = written(&shared, book).await;
        let first = records.recv().await;
        tokio::time::sleep(SETTLE).await;
        match first {
            Ok(first) if follow(&mut book, &first, &mut records) => {}
            Err(RecvError::Closed) => return,
            Ok(_) | Err(RecvError::Lagged(_)) => book = reread(&shared).await,
        }
    }
}

/// Takes in what has come; whether nothing was missed.
fn follow(
    book: &mut Option<Book>,
    first: &Arc<(RunId, Record)>,
    records: &mut Receiver<Arc<(RunId, Record)>>,
) -> bool {
    let mut whole = take(book, first);
    loop {
        match records.try_recv() {
            Ok(record) => whole &= take(book, &record),
            Err(TryRecvError::Lagged(_)) => whole = false,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return whole,
        }
    }
}

fn take(book: &mut Option<Book>, record: &(RunId, Record)) -> bool {
    let (run, record) = record;
    if record.seq == 1 {
        *book = Book::new(record);
        return book.is_some();
    }
    book.as_mut().is_some_and(|book| book.run() == run && book.take(record))
}

async fn reread(shared: &Arc<Shared>) -> Option<Book> {
    let log = shared.places.log();
    let read = tokio::task::spawn_blocking(move || of_log(&log)).await;
    let read = read.unwrap_or_else(|error| Err(error.to_string()));
    read.inspect_err(|error| tracing::warn!(%error, "the ledger can't be made from the log")).ok().flatten()
}

fn of_log(log: &Path) -> Result<Option<Book>, String> {
    let store = Store::open_reader(log).map_err(|error| error.to_string())?;
    let Some(store) = store else { return Ok(None) };
    let Some(run) = store.runs().map_err(|error| error.to_string())?.pop() else { return Ok(None) };
    let records = store.events(&run.id, 0).map_err(|error| error.to_string())?;
    let mut records = records.iter();
    let mut book = records.next().and_then(Book::new);
    if let Some(book) = &mut book {
        for record in records {
            book.take(record);
        }
    }
    Ok(book)
}

/// Writes what has changed.
async fn written(shared: &Arc<Shared>, book: Option<Book>) -> Option<Book> {
    let mut book = book?;
    let places = shared.places.clone();
    let written = tokio::task::spawn_blocking(move || {
        let result = write(&places, &mut book);
        (book, result)
    });
    let (book, result) = written.await.ok()?;
    if let Err(error) = result {
        tracing::warn!(%error, "the ledger can't be written");
    }
    Some(book)
}

fn write(places: &Places, book: &mut Book) -> io::Result<()> {
    let pages = book.changed();
    if pages.is_empty() {
        return Ok(());
    }
    let folder = places.reviews(book.run());
    std::fs::create_dir_all(&folder)?;
    lead_to(&folder, &places.latest_reviews())?;
    for (task, text) in pages {
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.persist(folder.join(format!("{task}.md"))).map_err(|error| error.error)?;
    }
    Ok(())
}

/// Makes a link lead to a folder beside it or below.
pub(in crate::server) fn lead_to(folder: &Path, link: &Path) -> io::Result<()> {
    let Some(home) = link.parent() else { return Ok(()) };
    let target = folder.strip_prefix(home).unwrap_or(folder);
    if std::fs::read_link(link).is_ok_and(|there| there == target) {
        return Ok(());
    }
    match std::fs::symlink_metadata(link) {
        // Whatever else lies there is a person's.
        Ok(there) if !there.is_symlink() => return Ok(()),
        Ok(_) => std::fs::remove_file(link)?,
        Err(_) => {}
    }
    std::os::unix::fs::symlink(target, link)
}
