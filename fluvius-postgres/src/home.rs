//! The tokio runtime on which a store works: its connections, its commits and reads, its timers.
//!
//! Callers only wait for what is done there. So a caller may use any runtime, or none, and may end at any time.

use std::future::Future;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use fluvius_core::StoreError;
use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long connections may take to say goodbye when a store of its own thread is closed.
const GOODBYE_TIME_MAX: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

/// The runtime of a store.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    handle: Handle,
    /// Ends the store's own thread with the last clone.
    _thread: Option<Arc<oneshot::Sender<()>>>,
}

impl Home {
    /// The multi-thread runtime of the caller. Elsewhere a thread of the store's own: a current-thread runtime stands
    /// still as soon as its `block_on` returns, and with it all who wait for the store.
    pub(crate) fn open() -> Result<Self, StoreError> {
        match Handle::try_current() {
            Ok(handle) if handle.runtime_flavor() != RuntimeFlavor::CurrentThread => {
                Ok(Self { handle, _thread: None })
            }
            _ => Self::on_own_thread(),
        }
    }

    fn on_own_thread() -> Result<Self, StoreError> {
        let failed = |error: std::io::Error| {
            StoreError::unavailable("no thread can be started for the store").with_source(error)
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let work = move || {
            runtime.block_on(async {
                // An error: the sender is gone.
                let _ = stopped.await;
                let begun = Instant::now();
                let metrics = Handle::current().metrics();
                while metrics.num_alive_tasks() > 0 && begun.elapsed() < GOODBYE_TIME_MAX {
                    tokio::time::sleep(PAUSE).await;
                }
            });
        };
        thread::Builder::new().name("fluvius-postgres".to_owned()).spawn(work).map_err(failed)?;
        Ok(Self { handle, _thread: Some(Arc::new(stop)) })
    }

    /// Does something to its end, whatever becomes of the caller.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StoreError> {
        answer(self.spawn(work).await)
    }

    /// Does something for as long as the caller waits for it.
    pub(crate) async fn run_while_awaited<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut task = Awaited(self.spawn(work));
        answer((&mut task.0).await)
    }

    /// Begins something. Where the runtime has ended it is dropped.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.handle.spawn(work)
    }
}

fn answer<T>(answer: Result<T, tokio::task::JoinError>) -> Result<T, StoreError> {
    answer.map_err(|error| match error.is_panic() {
        true => StoreError::permanent("a task of the store panicked").with_source(error),
        false => ended(),
    })
}

/// The runtime of the store is gone, and its connections with it.
pub(crate) fn ended() -> StoreError {
    StoreError::permanent(
        "the tokio runtime in which the PostgreSQL store was opened has ended: open the store in a runtime that lives \
         as long as the program",
    )
}

/// A task that ends with the one who waits for it.
struct Awaited<T>(JoinHandle<T>);

impl<T> Drop for Awaited<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
