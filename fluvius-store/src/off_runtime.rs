//! Work of a store outside of the caller's tokio runtime, whose clock may be paused.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;

/// Awaits work that another thread or a server performs, for a [`Store`](crate::Store).
///
/// A paused clock of tokio (`start_paused`, in tests) advances to the next timer whenever its
/// runtime is idle, as it is during work elsewhere. Every command on the store would then time out.
/// This function stops the clock until the work is done. So the work must not depend on timers or
/// tasks of this runtime. Without a paused clock the function only awaits.
///
/// # Cancellation
/// As the cancellation of the work.
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

/// Stops a paused clock until the value is dropped: tokio does not advance it while a blocking task
/// runs.
fn still_clock() -> Option<mpsc::Sender<()>> {
    let handle = Handle::try_current().ok()?;
    if !is_paused(&handle) {
        return None;
    }
    let (still, over) = mpsc::channel::<()>();
    // An error means that the sender was dropped.
    drop(handle.spawn_blocking(move || over.recv()));
    Some(still)
}

/// Returns true if a runtime's clock is paused, which is possible only with a single thread. Tokio
/// does not expose this, so its clock is compared with the system's for a microsecond.
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

    /// Returns true if an hour of the paused clock passes while a thread works for 50 ms.
    async fn passes_an_hour(is_held: bool) -> bool {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            // An error means that the hour has passed.
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
    async fn paused_clock_stops_during_outside_work() {
        assert!(passes_an_hour(false).await);
        assert!(!passes_an_hour(true).await);
        // The clock advances again.
        assert!(passes_an_hour(false).await);
    }

    #[tokio::test]
    async fn running_clock_is_not_stopped() {
        assert!(still_clock().is_none());
        assert!(!passes_an_hour(true).await);
    }
}
