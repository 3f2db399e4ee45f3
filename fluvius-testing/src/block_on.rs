//! Running a future to its end from a plain function, whether or not that is called from async code.

use std::cell::Cell;
use std::future::Future;
use std::panic::{resume_unwind, set_hook, take_hook};
use std::sync::Once;
use std::thread;

use tokio::runtime::Builder;

/// How time passes for what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// As on the clock of the machine.
    Real,
    /// Only when nothing else is left to do, and then at once.
    Paused,
}

/// Runs a future on a runtime and a thread of its own, and waits for it.
///
/// A thread, since a runtime cannot wait inside another one, and an async test may call this.
///
/// # Panics
/// As the future does, and where there is no thread or no runtime to be had.
#[expect(clippy::expect_used, reason = "a test without a thread cannot go on")]
pub(super) fn run<T, F>(time: Time, make: impl FnOnce() -> F + Send) -> T
where
    T: Send,
    F: Future<Output = T>,
{
    // What the caller traces on its own thread, it sees from here as well.
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

/// Whatever panics on this thread from now on prints nothing. For what runs again and again, and
/// has printed its panic the first time.
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
