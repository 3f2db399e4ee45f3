//! The lock, the wake-ups, the tasks and the timers of [`crate::sync`] as a test schedules them.
//!
//! A point comes before each step that another task can see. What lies between two points is one
//! step: the tasks of a scheduled run are all on one thread, and no other one is in between.
//! Where no test has set a scheduler, these are what they are made of.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::sync::{LockResult, MutexGuard, TryLockError};
use std::task::Poll;
use std::time::Duration;

use futures_core::future::BoxFuture;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::futures::Notified;

/// Decides in place of tokio and of the machine which task goes on; for tests of interleavings.
///
/// # Shape
/// All tasks of a run are on the thread on which [`run`](Self::run) has set it, each with a stack
/// of its own.
pub trait Scheduler: Sync {
    /// Another task may go on here.
    fn point(&self);

    /// This task cannot go on until others have.
    fn wait(&self);

    /// Runs a task beside those that are there.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Whether the time is up of something that has to wait.
    fn is_time_up(&self) -> bool;

    /// Set if a step that has just ended is taken to have run for long.
    fn is_slow(&self) -> bool {
        false
    }

    /// Runs something that is scheduled by this one, on this thread.
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

/// The scheduler that is set again at the end, also where that is a panic.
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
                // Its holder is at a point, and on this thread: to block would be for ever.
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

/// Gives a place back to those who wait for one.
pub(crate) fn give_back(permit: OwnedSemaphorePermit) {
    point();
    drop(permit);
}

/// Returns whether a step took longer than a limit. If a test schedules the tasks, the test
/// decides.
pub(crate) fn is_longer(took: Duration, limit: Duration) -> bool {
    match CURRENT.get() {
        Some(scheduler) => scheduler.is_slow(),
        None => took > limit,
    }
}

/// Returns whether a test schedules the tasks of this thread.
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

/// What is over after a time: the scheduler is asked for it each time that somebody waits.
pub(crate) fn timer(after: Duration) -> BoxFuture<'static, ()> {
    match CURRENT.get() {
        Some(scheduler) => Box::pin(poll_fn(move |_| match scheduler.is_time_up() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })),
        None => Box::pin(tokio::time::sleep(after)),
    }
}
