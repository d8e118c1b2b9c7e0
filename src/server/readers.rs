//! The threads that read and parse what sessions print.
//!
//! They are not those of clients and engine: a flood that fills these is scheduled by the kernel beside a key on its way
//! to an agent, not before it. Invariant: nothing here waits for them when the server ends.

use std::future::Future;

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

impl Drop for Readers {
    fn drop(&mut self) {
        // Tasks may drop this, and a task may not wait for threads.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
