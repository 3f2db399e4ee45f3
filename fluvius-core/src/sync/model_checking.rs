//! The locks, notifications, tasks and timers of [`crate::sync`] under a test's scheduler.
//!
//! A scheduling point precedes each operation that another task can see. The code between two
//! points is one step: all tasks of a scheduled run are on one thread, and no other task runs
//! within a step. If no test has set a scheduler, the operations behave as those of std and tokio.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::sync::{LockResult, MutexGuard, TryLockError};
use std::task::Poll;
use std::time::Duration;

use futures_core::future::BoxFuture;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::futures::Notified;

/// A scheduler that replaces tokio's and the operating system's, for tests of interleavings.
///
/// # Shape
/// All tasks of a run are on the thread that has called [`run`](Self::run), each with its own
/// stack.
pub trait Scheduler: Sync {
    /// Lets another task continue here.
    fn point(&self);

    /// Waits: this task cannot continue until others have.
    fn wait(&self);

    /// Spawns a task.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Returns true if a waiting operation has timed out.
    fn is_time_up(&self) -> bool;

    /// Returns true if the step that has just ended counts as slow.
    fn is_slow(&self) -> bool {
        false
    }

    /// Runs a closure under this scheduler, on this thread.
    fn run<T>(&'static self, scheduled: impl FnOnce() -> T) -> T
    where
        Self: Sized,
    {
        let _before = Before(CURRENT.replace(Some(self)));
        scheduled()
    }
}

thread_local! {
    static CURRENT: Cell<Option<&'static dyn Scheduler>> = const { Cell::new(None) };
}

/// A guard that restores the previous scheduler when dropped, also after a panic.
struct Before(Option<&'static dyn Scheduler>);

impl Drop for Before {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

fn point() {
    if let Some(scheduler) = CURRENT.get() {
        scheduler.point();
    }
}

#[derive(Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let Some(scheduler) = CURRENT.get() else { return self.0.lock() };
        scheduler.point();
        loop {
            match self.0.try_lock() {
                Ok(guard) => return Ok(guard),
                Err(TryLockError::Poisoned(error)) => return Err(error),
                // The lock's holder is suspended at a point on this same thread: blocking would
                // deadlock.
                Err(TryLockError::WouldBlock) => scheduler.wait(),
            }
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug)]
pub(crate) struct Notify(tokio::sync::Notify);

impl Notify {
    pub(crate) fn new() -> Self {
        Self(tokio::sync::Notify::new())
    }

    pub(crate) fn notify_waiters(&self) {
        point();
        self.0.notify_waiters();
    }

    pub(crate) fn notified(&self) -> Notified<'_> {
        point();
        self.0.notified()
    }
}

pub(crate) mod oneshot {
    pub(crate) use tokio::sync::oneshot::Receiver;

    pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        (Sender(sender), receiver)
    }

    #[derive(Debug)]
    pub(crate) struct Sender<T>(tokio::sync::oneshot::Sender<T>);

    impl<T> Sender<T> {
        pub(crate) fn send(self, value: T) -> Result<(), T> {
            super::point();
            self.0.send(value)
        }
    }
}

/// Returns a permit to the semaphore.
pub(crate) fn give_back(permit: OwnedSemaphorePermit) {
    point();
    drop(permit);
}

/// Returns true if a step took longer than a limit. If a test schedules the tasks, the test
/// decides.
pub(crate) fn is_longer(took: Duration, limit: Duration) -> bool {
    match CURRENT.get() {
        Some(scheduler) => scheduler.is_slow(),
        None => took > limit,
    }
}

/// Returns true if a test schedules the tasks of this thread.
pub(crate) fn is_scheduled() -> bool {
    CURRENT.get().is_some()
}

pub(crate) fn spawn_scheduled(task: impl Future<Output = ()> + Send + 'static) {
    if let Some(scheduler) = CURRENT.get() {
        scheduler.spawn(Box::pin(task));
    }
}

pub(crate) async fn sleep(duration: Duration) {
    let Some(scheduler) = CURRENT.get() else { return tokio::time::sleep(duration).await };
    let mut is_over = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        scheduler.wait();
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Returns a future that completes after a duration. If a test schedules the tasks, the scheduler
/// decides at each poll.
pub(crate) fn timer(after: Duration) -> BoxFuture<'static, ()> {
    match CURRENT.get() {
        Some(scheduler) => Box::pin(poll_fn(move |_| match scheduler.is_time_up() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })),
        None => Box::pin(tokio::time::sleep(after)),
    }
}
