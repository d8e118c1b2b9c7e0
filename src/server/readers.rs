//! The threads that parse what sessions print in masses.
//!
//! They are not those of clients and engine, and give way to them: a key on its way to an agent, its echo and the next
//! frame come before a flood. While somebody types, floods leave a processor to that. Invariant: nothing here waits for
//! these threads when the server ends.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, setpriority_process};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;

/// More would only take turns: parsing is all that they do.
const THREADS: usize = 2;
/// How much they give way.
const NICE: i32 = 5;
/// Somebody types as long after a key.
const TYPING: Duration = Duration::from_millis(200);

/// The threads; there are none while there is nothing to do.
#[derive(Debug)]
pub struct Readers {
    threads: Option<Runtime>,
    /// What may be done at a time while somebody types.
    few: Semaphore,
    began: Instant,
    /// Until when somebody types, in milliseconds since `began`.
    typing: AtomicU64,
}

impl Readers {
    /// Starts them; without any, the work is done beside everything else.
    pub fn start() -> Readers {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Readers::with(processors.saturating_sub(1).clamp(1, THREADS))
    }

    /// The same where so much may be done at a time while somebody types.
    fn with(few: usize) -> Readers {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(THREADS)
            .thread_name("sessions")
            .on_thread_start(give_way)
            .build();
        Readers {
            threads: runtime.inspect_err(|error| tracing::warn!(%error, "no threads for sessions")).ok(),
            few: Semaphore::new(few),
            began: Instant::now(),
            typing: AtomicU64::new(0),
        }
    }

    /// Somebody has typed something.
    pub fn note_key(&self) {
        self.typing.store(self.millis() + millis(TYPING), Ordering::Relaxed);
    }

    /// Does this on one of them, after what others asked for before.
    pub async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let is_typing = self.millis() < self.typing.load(Ordering::Relaxed);
        let _turn = if is_typing { self.few.acquire().await.ok() } else { None };
        let tasks = Handle::current();
        let threads = self.threads.as_ref().map_or(&tasks, Runtime::handle);
        let home = tasks.clone();
        let done = threads.spawn_blocking(move || {
            // Tasks that come of it run where its own does.
            let _home = home.enter();
            work()
        });
        match done.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(done) => done,
            Err(Ok(panic)) => resume_unwind(panic),
            // The server ends.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    fn millis(&self) -> u64 {
        millis(self.began.elapsed())
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The thread that asks for it gives way to others from now on.
fn give_way() {
    let thread = Pid::from_raw(rustix::thread::gettid().as_raw_nonzero().get());
    let _as_important_as_before = setpriority_process(thread, NICE);
}

impl Drop for Readers {
    fn drop(&mut self) {
        // Tasks may drop this, and a task may not wait for threads.
        if let Some(runtime) = self.threads.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn work_is_done_elsewhere_and_its_panics_come_back() {
        let readers = Readers::start();
        let here = std::thread::current().id();
        assert_ne!(readers.work(|| std::thread::current().id()).await, here);
        let answer = readers.work(|| tokio::spawn(async { 42 })).await;
        assert_eq!(answer.await.unwrap(), 42, "tasks that it starts run");
        let broken = tokio::spawn(async move { readers.work(|| panic!("broken")).await });
        assert!(broken.await.unwrap_err().is_panic());
    }

    #[tokio::test]
    async fn who_types_has_a_processor_left() {
        let readers = Arc::new(Readers::with(1));
        let (begun, mut first) = tokio::sync::mpsc::unbounded_channel();
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        readers.note_key();
        let work = |name: &'static str| {
            let (readers, begun) = (Arc::clone(&readers), begun.clone());
            move |end: Option<std::sync::mpsc::Receiver<()>>| {
                tokio::spawn(async move {
                    let work = move || (begun.send(name).unwrap(), end.map(|end| end.recv()));
                    readers.work(work).await;
                })
            }
        };
        let long = work("long")(Some(wait));
        assert_eq!(first.recv().await, Some("long"));
        let short = work("short")(None);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(first.try_recv().is_err(), "it waits for its turn");
        go_on.send(()).unwrap();
        long.await.unwrap();
        short.await.unwrap();
        assert_eq!(first.recv().await, Some("short"));
    }
}
