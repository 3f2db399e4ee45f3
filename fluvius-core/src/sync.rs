//! The lock, the wake-ups, the tasks and the timers of the processor and of the memory store.
//!
//! They are those of std and of tokio. With the feature `testing` each of them first asks whether
//! the thread it is on is scheduled by a test (`testing/scheduled.rs`), which then decides
//! what goes on next: whatever one task of the processor can see of another goes through here.

pub(crate) use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
pub(crate) use tokio::time::Instant;

#[cfg(not(feature = "testing"))]
use self::unscheduled::spawn_scheduled;
#[cfg(not(feature = "testing"))]
pub(crate) use self::unscheduled::{give_back, is_longer, is_scheduled, timer};
#[cfg(feature = "testing")]
use crate::testing::scheduled::spawn_scheduled;
#[cfg(feature = "testing")]
pub(crate) use crate::testing::scheduled::{
    Mutex, Notify, give_back, is_longer, is_scheduled, oneshot, sleep, timer,
};
#[cfg(not(feature = "testing"))]
pub(crate) use {
    std::sync::Mutex,
    tokio::sync::{Notify, oneshot},
    tokio::time::sleep,
};

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{EnterGuard, Handle, RuntimeFlavor};
use tokio::task::AbortHandle;

/// The tokio runtime on which a domain does the work that its callers share.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    /// `None`: a test schedules the tasks.
    handle: Option<Handle>,
    has_workers: bool,
}

/// Ends the watch over a runtime when it is dropped.
#[derive(Debug)]
pub(crate) struct Watch(Option<AbortHandle>);

impl Home {
    /// Returns the runtime that this thread is in, or `None` outside of a runtime.
    pub(crate) fn current() -> Option<Self> {
        if is_scheduled() {
            return Some(Self { handle: None, has_workers: false });
        }
        let handle = Handle::try_current().ok()?;
        let has_workers = handle.runtime_flavor() == RuntimeFlavor::MultiThread;
        Some(Self { handle: Some(handle), has_workers })
    }

    /// Returns whether this thread is in a runtime, of any domain.
    pub(crate) fn is_any() -> bool {
        is_scheduled() || Handle::try_current().is_ok()
    }

    /// Makes this runtime the one of timers and tasks made on this thread.
    pub(crate) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.handle.as_ref().map(Handle::enter)
    }

    /// Runs a task. If the runtime has ended, the task is dropped.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.handle {
            Some(handle) => drop(handle.spawn(task)),
            None => spawn_scheduled(task),
        }
    }

    /// Lets other workers take the task that this one has spawned or woken last.
    ///
    /// A worker of tokio keeps that task for itself, and no other worker steals it. If this worker
    /// then runs an author's code, or its caller's, for long, the task would have to wait. One more
    /// task moves it to the queue from which others steal.
    pub(crate) fn hand_over(&self) {
        if let Some(handle) = self.handle.as_ref().filter(|_| self.has_workers) {
            drop(handle.spawn(std::future::ready(())));
        }
    }

    /// Calls `ended` when the runtime ends, unless the watch is dropped before.
    pub(crate) fn watch(&self, ended: impl FnOnce() + Send + 'static) -> Watch {
        let Some(handle) = &self.handle else { return Watch(None) };
        let mut call = OnDrop(Some(ended));
        let task = handle.spawn(async move {
            // A runtime drops its tasks when it ends, and an aborted task is dropped as well.
            let _call = &mut call;
            pending::<()>().await;
        });
        Watch(Some(task.abort_handle()))
    }
}

/// Awaits work that another thread or a server does, for a [`Store`](crate::Store).
///
/// A paused clock of tokio (`start_paused`, in tests) moves to the next timer whenever its runtime is idle, as it is while
/// the work is done elsewhere. Then every command over the store would be out of time. With this the clock stands still
/// until the work is done. So the work must not depend on timers or tasks of this runtime. Without a paused clock this
/// only awaits.
///
/// # Cancellation
/// As the work.
pub async fn off_runtime<F: Future>(work: F) -> F::Output {
    let mut work = pin!(work);
    let first = poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    });
    if let Some(output) = first.await {
        return output;
    }
    let _still = still_clock();
    work.await
}

/// Keeps a paused clock from moving until the value is dropped: tokio leaves it alone while a blocking task runs.
fn still_clock() -> Option<mpsc::Sender<()>> {
    let handle = Handle::try_current().ok()?;
    if is_scheduled() || !is_paused(&handle) {
        return None;
    }
    let (still, over) = mpsc::channel::<()>();
    // An error: the sender is gone.
    drop(handle.spawn_blocking(move || over.recv()));
    Some(still)
}

/// Returns whether a runtime's clock is paused, which only one with a single thread may have. Tokio does not tell, so
/// its clock is compared with the system's for a microsecond.
fn is_paused(handle: &Handle) -> bool {
    if handle.runtime_flavor() != RuntimeFlavor::CurrentThread {
        return false;
    }
    let (begun, begun_here) = (std::time::Instant::now(), Instant::now());
    while begun.elapsed() < Duration::from_micros(1) {
        std::hint::spin_loop();
    }
    begun_here.elapsed().is_zero()
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call();
        }
    }
}

#[cfg(not(feature = "testing"))]
mod unscheduled {
    use std::time::Duration;

    use futures_core::future::BoxFuture;

    /// Gives a place back to those who wait for one.
    pub(crate) fn give_back(permit: super::OwnedSemaphorePermit) {
        drop(permit);
    }

    /// Returns whether a step took longer than a limit.
    pub(crate) fn is_longer(took: Duration, limit: Duration) -> bool {
        took > limit
    }

    /// Returns whether a test schedules the tasks of this thread.
    pub(crate) const fn is_scheduled() -> bool {
        false
    }

    /// No test schedules tasks.
    pub(crate) fn spawn_scheduled(task: impl Future<Output = ()> + Send + 'static) {
        drop(task);
    }

    /// Returns a future that ends after a time.
    pub(crate) fn timer(after: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether an hour of the paused clock passes while a thread works for a moment.
    async fn passes_an_hour(is_held: bool) -> bool {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            // An error: the hour has passed.
            let _ = answer.send(());
        });
        let work = async {
            match is_held {
                true => off_runtime(answered).await,
                false => answered.await,
            }
        };
        let passes = tokio::time::timeout(Duration::from_secs(3_600), work).await.is_err();
        thread.join().unwrap();
        passes
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_stands_still_while_work_is_done_elsewhere() {
        assert!(passes_an_hour(false).await);
        assert!(!passes_an_hour(true).await);
        // And it moves again.
        assert!(passes_an_hour(false).await);
    }

    #[tokio::test]
    async fn a_clock_that_runs_is_not_held() {
        assert!(still_clock().is_none());
        assert!(!passes_an_hour(true).await);
    }
}
