//! The lock, the wake-ups, the tasks and the timers of the processor and of the memory store.
//!
//! They are those of std and of tokio. With the feature `testing` each of them first asks whether
//! the thread it is on is scheduled by a test (`testing/scheduled.rs`), which then decides
//! what goes on next: whatever one task of the processor can see of another goes through here.

pub(crate) use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
pub(crate) use tokio::time::Instant;

#[cfg(not(feature = "testing"))]
pub(crate) use self::unscheduled::{give_back, timer};
#[cfg(feature = "testing")]
pub(crate) use crate::testing::scheduled::{
    Mutex, Notify, give_back, oneshot, sleep, spawn, timer,
};
#[cfg(not(feature = "testing"))]
pub(crate) use {
    std::sync::Mutex,
    tokio::spawn,
    tokio::sync::{Notify, oneshot},
    tokio::time::sleep,
};

#[cfg(not(feature = "testing"))]
mod unscheduled {
    use std::time::Duration;

    use futures_core::future::BoxFuture;

    /// Gives a place back to those who wait for one.
    pub(crate) fn give_back(permit: super::OwnedSemaphorePermit) {
        drop(permit);
    }

    /// What is over after a time.
    pub(crate) fn timer(after: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(after))
    }
}
