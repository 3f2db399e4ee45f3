//! Panics and destructors of foreign code, written by an author, an integrator or a store.
//!
//! Such code runs in a step of the executor, where [`catch`] and [`Guarded`] convert a panic to a
//! value. It also runs in a destructor, where [`dispose`] catches the panic. It never runs under
//! the lock of a processor: [`Deferred`] postpones it until the lock is released.
//!
//! A second panic during unwinding aborts the process, and so does any panic under
//! `panic = "abort"`. No code in the program can catch these.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll};

use futures_core::future::BoxFuture;

use crate::sync::oneshot;

/// Runs code that may panic. Returns `None` if it panicked.
///
/// The value is copied on return; the values on the path of every command are small.
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // The payload belongs to the code that panicked, so its destructor may panic too.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(second);
            }
            None
        }
    }
}

/// Drops a value whose destructor may panic.
pub(crate) fn dispose<T>(value: T) {
    if catch(|| drop(value)).is_none() {
        tracing::error!("a destructor panicked");
    }
}

/// A future that returns `None` instead of panicking, and whose destructor does not panic.
pub(crate) struct Guarded<'a, T>(Option<BoxFuture<'a, T>>);

impl<'a, T> Guarded<'a, T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'a) -> Self {
        Self(Some(Box::pin(future)))
    }

    /// Guards the future and the call that creates it.
    pub(crate) fn of(call: impl FnOnce() -> BoxFuture<'a, T>) -> Self {
        Self(catch(call))
    }
}

impl<T> Future for Guarded<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(future) = &mut self.0 else { return Poll::Ready(None) };
        let polled = match catch(|| future.as_mut().poll(cx)) {
            Some(Poll::Pending) => return Poll::Pending,
            Some(Poll::Ready(value)) => Some(value),
            None => None,
        };
        dispose(self.0.take());
        Poll::Ready(polled)
    }
}

impl<T> Drop for Guarded<'_, T> {
    fn drop(&mut self) {
        if let Some(future) = self.0.take() {
            dispose(future);
        }
    }
}

/// The guard of a processor's lock. It runs the deferred work once the lock is released.
pub(crate) struct Locked<'a, T> {
    // Dropped first, before the deferred work runs.
    guard: MutexGuard<'a, T>,
    _released: Released,
}

/// Work that is postponed while this thread holds a lock of [`Locked`].
pub(crate) enum Deferred {
    /// A state to be dropped.
    State(Arc<dyn Any + Send + Sync>),
    /// Another value to be dropped, which contains an author's value.
    Value(Box<dyn Any + Send>),
    /// A caller's task to be woken.
    Wake(oneshot::Sender<()>),
    /// A call of the program's code, such as its tracing subscriber.
    Call(Box<dyn FnOnce() + Send>),
}

thread_local! {
    static LOCK_COUNT: Cell<u32> = const { Cell::new(0) };
    static DEFERRED: RefCell<Vec<Deferred>> = const { RefCell::new(Vec::new()) };
}

/// A guard that counts a lock of this thread.
struct Released;

impl<'a, T> Locked<'a, T> {
    pub(crate) fn new(guard: MutexGuard<'a, T>) -> Self {
        LOCK_COUNT.set(LOCK_COUNT.get() + 1);
        Self { guard, _released: Released }
    }
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Locked<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl Drop for Released {
    fn drop(&mut self) {
        let left = LOCK_COUNT.get() - 1;
        LOCK_COUNT.set(left);
        if left > 0 {
            return;
        }
        // One at a time, since a destructor may take the lock and defer more work. The list keeps
        // its capacity for the next commands.
        while let Some(deferred) = DEFERRED.with(|deferred| deferred.borrow_mut().pop()) {
            deferred.run();
        }
    }
}

impl Deferred {
    /// Does the work now, or once this thread has released its lock.
    pub(crate) fn defer(self) {
        // If the thread locals are destroyed, the thread is ending and holds no lock.
        if LOCK_COUNT.try_with(Cell::get).is_ok_and(|count| count > 0) {
            DEFERRED.with(|deferred| deferred.borrow_mut().push(self));
        } else {
            self.run();
        }
    }

    fn run(self) {
        match self {
            Self::State(state) => dispose(state),
            Self::Value(value) => dispose(value),
            Self::Wake(sender) => drop(catch(|| sender.send(()))),
            Self::Call(call) => drop(catch(call)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Mutex};
    use std::task::Waker;

    use super::*;

    struct Bomb(Arc<AtomicU32>);

    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            std::panic::panic_any("a planted panic");
        }
    }

    #[test]
    fn panics_of_a_future_and_its_destructor_become_none() {
        let dropped = Arc::new(AtomicU32::new(0));
        let bomb = Bomb(Arc::clone(&dropped));
        let mut cx = Context::from_waker(Waker::noop());
        let mut panics = Guarded::<()>::new(async { std::panic::panic_any(7) });
        assert!(matches!(Pin::new(&mut panics).poll(&mut cx), Poll::Ready(None)));
        let mut never = Guarded::new(async move {
            std::future::pending::<()>().await;
            drop(bomb);
        });
        assert!(Pin::new(&mut never).poll(&mut cx).is_pending());
        drop(never);
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn panic_of_a_dropped_payload_is_caught() {
        let dropped = Arc::new(AtomicU32::new(0));
        let bomb = Bomb(Arc::clone(&dropped));
        assert!(catch(|| std::panic::panic_any(bomb)).is_none());
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn state_is_dropped_after_the_lock_is_released() {
        struct Looks(Arc<Mutex<u32>>, Arc<AtomicU32>);
        impl Drop for Looks {
            fn drop(&mut self) {
                let is_free = self.0.try_lock().is_ok();
                self.1.store(if is_free { 1 } else { 2 }, Ordering::SeqCst);
            }
        }
        let (lock, seen) = (Arc::new(Mutex::new(0)), Arc::new(AtomicU32::new(0)));
        let state: Arc<dyn Any + Send + Sync> =
            Arc::new(Looks(Arc::clone(&lock), Arc::clone(&seen)));
        let locked = Locked::new(lock.lock().unwrap());
        Deferred::State(state).defer();
        assert_eq!(seen.load(Ordering::SeqCst), 0);
        drop(locked);
        assert_eq!(seen.load(Ordering::SeqCst), 1);
    }
}
