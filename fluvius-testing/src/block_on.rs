//! Runs a future to completion from a plain function, also if async code calls that function.

use std::cell::Cell;
use std::future::Future;
use std::panic::{resume_unwind, set_hook, take_hook};
use std::sync::Once;
use std::thread;

use tokio::runtime::Builder;

/// The time of the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// Real time.
    Real,
    /// Paused time. It advances only if all tasks are idle, and then immediately.
    Paused,
}

/// Runs a future on a new thread with its own runtime, and blocks until it completes.
///
/// The thread is needed because a runtime cannot block inside another one, and an async test may
/// call this.
///
/// # Panics
/// If the future panics, or if no thread or runtime can be started.
#[expect(clippy::expect_used, reason = "a test without a thread cannot go on")]
pub(super) fn run<T, F>(time: Time, make: impl FnOnce() -> F + Send) -> T
where
    T: Send,
    F: Future<Output = T>,
{
    // The subscriber of the calling thread also receives the events of the new one.
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let work = || {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(time == Time::Paused)
            .build()
            .expect("a runtime can be started");
        tracing::dispatcher::with_default(&dispatch, || runtime.block_on(make()))
    };
    let name = thread::current().name().unwrap_or("test").to_owned();
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(name).spawn_scoped(scope, work);
        match thread.expect("a thread can be started").join() {
            Ok(value) => value,
            Err(panic) => resume_unwind(panic),
        }
    })
}

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Silences panics on the current thread from now on. Used to repeat a run that has already printed
/// its panic.
pub(super) fn quiet() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_QUIET.get() {
                usual(panic);
            }
        }));
    });
    IS_QUIET.set(true);
}
