//! Work that a store does outside of the caller's tokio runtime, beside a paused clock.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;

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
    if !is_paused(&handle) {
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
