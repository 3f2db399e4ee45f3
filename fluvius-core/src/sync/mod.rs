//! The locks, notifications, tasks and timers of the processor and the memory store.
//!
//! They are those of std and tokio. With the feature `__test_seams`, a test may schedule the tasks
//! of its thread (`model_checking`). Each operation then first lets the test choose the task that
//! continues. All communication between tasks of the processor uses this module.

#[cfg(feature = "__test_seams")]
mod model_checking;

#[cfg(feature = "__test_seams")]
pub use self::model_checking::Scheduler;
pub(crate) use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
pub(crate) use tokio::time::Instant;

#[cfg(feature = "__test_seams")]
use self::model_checking::spawn_scheduled;
#[cfg(feature = "__test_seams")]
pub(crate) use self::model_checking::{
    Mutex, Notify, give_back, is_longer, is_scheduled, oneshot, sleep, timer,
};
#[cfg(not(feature = "__test_seams"))]
use self::unscheduled::spawn_scheduled;
#[cfg(not(feature = "__test_seams"))]
pub(crate) use self::unscheduled::{give_back, is_longer, is_scheduled, timer};
#[cfg(not(feature = "__test_seams"))]
pub(crate) use {
    std::sync::Mutex,
    tokio::sync::{Notify, oneshot},
    tokio::time::sleep,
};

use std::future::pending;

use tokio::runtime::{EnterGuard, Handle, RuntimeFlavor};
use tokio::task::AbortHandle;

/// Waits for a duration, on the clock of tokio or of the test that schedules the tasks.
pub async fn wait(duration: std::time::Duration) {
    sleep(duration).await;
}

/// The tokio runtime of a domain, for the work that its callers share.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    /// `None` if a test schedules the tasks.
    handle: Option<Handle>,
    has_workers: bool,
}

/// A watch over a runtime. Dropping it ends the watch.
#[derive(Debug)]
pub(crate) struct Watch(Option<AbortHandle>);

impl Home {
    /// Returns the current runtime of this thread, or `None` outside of a runtime.
    pub(crate) fn current() -> Option<Self> {
        if is_scheduled() {
            return Some(Self { handle: None, has_workers: false });
        }
        let handle = Handle::try_current().ok()?;
        let has_workers = handle.runtime_flavor() == RuntimeFlavor::MultiThread;
        Some(Self { handle: Some(handle), has_workers })
    }

    /// Returns true if the current runtime of this thread has timers. tokio tells it by a panic
    /// only, which is caught here.
    pub(crate) fn has_timers() -> bool {
        let sleep = || drop(tokio::time::sleep(std::time::Duration::ZERO));
        is_scheduled() || std::panic::catch_unwind(sleep).is_ok()
    }

    /// Returns true if this thread is in any runtime.
    pub(crate) fn is_any() -> bool {
        is_scheduled() || Handle::try_current().is_ok()
    }

    /// Makes this runtime the current one of the thread, for the timers and tasks created on it.
    pub(crate) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.handle.as_ref().map(Handle::enter)
    }

    /// Spawns a task. If the runtime has ended, the task is dropped.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.handle {
            Some(handle) => drop(handle.spawn(task)),
            None => spawn_scheduled(task),
        }
    }

    /// Lets other workers run the task that this one has spawned or woken last.
    ///
    /// A tokio worker keeps that task in its own slot, and other workers cannot steal it there. If
    /// this worker then runs long code of an author or a caller, the task has to wait. Spawning one
    /// more task moves it to the queue, where others can steal it.
    pub(crate) fn hand_over(&self) {
        if let Some(handle) = self.handle.as_ref().filter(|_| self.has_workers) {
            drop(handle.spawn(std::future::ready(())));
        }
    }

    /// Calls `ended` when the runtime ends, and also after the watch is dropped.
    pub(crate) fn watch(&self, ended: impl FnOnce() + Send + 'static) -> Watch {
        let Some(handle) = &self.handle else { return Watch(None) };
        let mut call = OnDrop(Some(ended));
        let task = handle.spawn(async move {
            // Dropped with the task: when the runtime ends, or when the watch aborts the task.
            let _call = &mut call;
            pending::<()>().await;
        });
        Watch(Some(task.abort_handle()))
    }
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

#[cfg(not(feature = "__test_seams"))]
mod unscheduled {
    use std::time::Duration;

    use futures_core::future::BoxFuture;

    /// Returns a permit to the semaphore.
    pub(crate) fn give_back(permit: super::OwnedSemaphorePermit) {
        drop(permit);
    }

    /// Returns true if a step took longer than a limit.
    pub(crate) fn is_longer(took: Duration, limit: Duration) -> bool {
        took > limit
    }

    /// Returns true if a test schedules the tasks of this thread.
    pub(crate) const fn is_scheduled() -> bool {
        false
    }

    /// Does nothing: no test schedules tasks.
    pub(crate) fn spawn_scheduled(task: impl Future<Output = ()> + Send + 'static) {
        drop(task);
    }

    /// Returns a future that completes after a duration.
    pub(crate) fn timer(after: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(after))
    }
}
