//! The tokio runtime of a store, which runs its connections, commits, reads and timers.
//!
//! Callers only wait for its tasks, or poll a commit of one command, which moves to a task if they
//! are dropped. So a caller may use any runtime, or none, and may be dropped at any time. The
//! runtime is the multi-thread runtime in which the store was opened, or a dedicated thread.

use std::future::Future;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use fluvius_store::StoreError;
use fluvius_store::off_runtime;
use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Timeout;

/// The longest time for closing connections with the store.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
const CLOSE_POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The runtime of a store.
#[derive(Debug, Clone)]
pub(crate) struct StoreRuntime {
    handle: Handle,
    /// Ends the store's own thread, if it has one, with the last clone.
    _stop: Option<Arc<oneshot::Sender<()>>>,
}

impl StoreRuntime {
    /// Uses the multi-thread runtime of the caller, unless `has_own_thread` is set. Otherwise it
    /// starts a thread, since a current-thread runtime stops when its `block_on` returns.
    pub(crate) fn start(has_own_thread: bool) -> Result<Self, StoreError> {
        match Handle::try_current() {
            Ok(handle)
                if !has_own_thread && handle.runtime_flavor() != RuntimeFlavor::CurrentThread =>
            {
                Ok(Self { handle, _stop: None })
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
                // An error means that the sender was dropped.
                let _ = stopped.await;
                let (begun, metrics) = (Instant::now(), Handle::current().metrics());
                while metrics.num_alive_tasks() > 0 && begun.elapsed() < CLOSE_TIMEOUT {
                    tokio::time::sleep(CLOSE_POLL_INTERVAL).await;
                }
            });
        };
        thread::Builder::new().name("fluvius-postgres".to_owned()).spawn(work).map_err(failed)?;
        Ok(Self { handle, _stop: Some(Arc::new(stop)) })
    }

    /// Runs a future to its end, even if the caller is dropped.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StoreError> {
        answer(off_runtime(self.spawn(work)).await)
    }

    /// Runs a future while the caller waits for it.
    pub(crate) async fn run_while_awaited<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut task = Awaited(self.spawn(work));
        answer(off_runtime(&mut task.0).await)
    }

    /// Bounds a future by a timer of this runtime, which the caller need not be in.
    pub(crate) fn timeout<F: Future>(&self, after: Duration, work: F) -> Timeout<F> {
        let _entered = self.handle.enter();
        tokio::time::timeout(after, work)
    }

    /// Spawns a future. If the runtime has ended, the future is dropped.
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

/// Returns the error of a store whose runtime, with its connections, has ended.
pub(crate) fn ended() -> StoreError {
    StoreError::permanent(
        "the tokio runtime in which the PostgreSQL store was opened has ended: open the store in \
        one that lives as long as the program, or with `own_thread(true)`",
    )
}

/// A task that is aborted if the waiting future is dropped.
struct Awaited<T>(JoinHandle<T>);

impl<T> Drop for Awaited<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_ends_with_the_last_clone() {
        let runtime = StoreRuntime::start(false).unwrap();
        let (handle, clone) = (runtime.handle.clone(), runtime.clone());
        let (sender, receiver) = std::sync::mpsc::channel();
        runtime.spawn(async move { sender.send(1).unwrap() });
        assert_eq!(receiver.recv_timeout(Duration::from_secs(20)), Ok(1));
        drop(runtime);
        clone.spawn(async {});
        drop(clone);
        let begun = Instant::now();
        let is_over = || {
            let runtime = Builder::new_current_thread().build().unwrap();
            runtime.block_on(handle.spawn(async {})).is_err()
        };
        while !is_over() {
            assert!(begun.elapsed() < Duration::from_secs(20));
        }
    }
}
