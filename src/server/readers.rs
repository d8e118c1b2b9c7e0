//! The threads that read and parse what sessions print.
//!
//! They are not those of clients and engine: a flood that fills these is scheduled by the kernel beside a key on its way
//! to an agent, not before it. Invariant: nothing here waits for them when the server ends.

use std::future::Future;
use std::task::Poll;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// More would only take turns: parsing is all that they do.
const THREADS: usize = 2;

/// The threads.
#[derive(Debug)]
pub struct Readers(Option<Runtime>);

impl Readers {
    /// Starts them; without any, sessions are read beside everything else.
    pub fn start() -> Readers {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(16)
            .thread_name("sessions")
            // Whose output has come meanwhile is seen after each turn, not after dozens of them.
            .event_interval(2)
            .global_queue_interval(4)
            .enable_all()
            .build();
        Readers(runtime.inspect_err(|error| tracing::warn!(%error, "no threads for sessions")).ok())
    }

    /// Does this on one of them.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        match &self.0 {
            Some(runtime) => runtime.spawn(work),
            None => tokio::spawn(work),
        }
    }
}

/// Lets everybody else on this thread have a turn. The runtime's own way to yield puts a task before all others again,
/// once output was looked for.
pub async fn take_turns() {
    let mut had_turn = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut had_turn, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Drop for Readers {
    fn drop(&mut self) {
        // Tasks may drop this, and a task may not wait for threads.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn who_takes_turns_has_each_of_them_after_all_others() {
        let runtime = Builder::new_multi_thread().worker_threads(1).event_interval(1).build().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let work = |name: char| {
            let log = Arc::clone(&log);
            async move {
                for _ in 0..20 {
                    log.lock().unwrap().push(name);
                    take_turns().await;
                }
            }
        };
        let (first, second) = (work('a'), work('b'));
        // Both begin on the same thread, whose they are from then on.
        let both = async { [tokio::spawn(first), tokio::spawn(second)] };
        runtime.block_on(async {
            for task in tokio::spawn(both).await.unwrap() {
                task.await.unwrap();
            }
        });
        let log = log.lock().unwrap().clone();
        assert!(!log.contains("aaa") && !log.contains("bbb"), "{log}");
    }
}
