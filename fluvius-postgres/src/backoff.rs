//! Exponential back-off of attempts to reach a server. During an outage, one attempt runs at a
//! time, after a growing pause. All waiting callers share its result.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluvius_store::StoreError;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::error::Fault;
use crate::runtime::StoreRuntime;

/// The pause after the first failure, and the longest pause. Each is shortened at random, by up to
/// half, so that processes do not all reconnect at the same time after an outage.
const INITIAL_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// Runs attempts, one at a time during an outage. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    runtime: StoreRuntime,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Set if outages are logged and counted.
    is_reported: bool,
    outage: Mutex<Outage>,
    permit: Arc<tokio::sync::Mutex<()>>,
}

/// The current outage; the default means none.
#[derive(Debug, Default)]
struct Outage {
    failure_count: u32,
    begun: Option<Instant>,
    /// End and error of the last attempt that failed.
    last: Option<(Instant, StoreError)>,
    /// The earliest time of the next attempt.
    next: Option<Instant>,
}

impl Backoff {
    pub(crate) fn new(runtime: StoreRuntime, is_reported: bool) -> Self {
        let (outage, permit) = (Mutex::default(), Arc::default());
        Self { runtime, shared: Arc::new(Shared { is_reported, outage, permit }) }
    }

    /// Makes an attempt, which runs to its end even if the caller is dropped. If another attempt
    /// fails before this one starts, returns that error.
    ///
    /// The attempt is boxed, since it is large and rare.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        attempt: Pin<Box<dyn Future<Output = Result<T, Fault>> + Send>>,
    ) -> Result<T, Fault> {
        if self.shared.outage().failure_count == 0 {
            return self.attempt(attempt, None).await;
        }
        let asked = Instant::now();
        let permit = Arc::clone(&self.shared.permit).lock_owned().await;
        let next = {
            let outage = self.shared.outage();
            match &outage.last {
                Some((ended, error)) if *ended >= asked => return Err(error.clone().into()),
                _ => outage.next,
            }
        };
        let Some(next) = next else {
            return self.attempt(attempt, None).await;
        };
        tokio::time::sleep_until(next).await;
        self.attempt(attempt, Some(permit)).await
    }

    async fn attempt<T: Send + 'static>(
        &self,
        attempt: Pin<Box<dyn Future<Output = Result<T, Fault>> + Send>>,
        permit: Option<OwnedMutexGuard<()>>,
    ) -> Result<T, Fault> {
        let shared = Arc::clone(&self.shared);
        let recorded = async move {
            let begun = Instant::now();
            let found = attempt.await.map_err(StoreError::from);
            match &found {
                Ok(_) => shared.succeeded(),
                Err(error) => shared.failed(begun, error),
            }
            drop(permit);
            found.map_err(Fault::from)
        };
        self.runtime.run(recorded).await?
    }
}

impl Shared {
    fn succeeded(&self) {
        let outage = std::mem::take(&mut *self.outage());
        if let Some(begun) = outage.begun.filter(|_| self.is_reported) {
            tracing::info!(
                failed_attempts = outage.failure_count,
                after = ?begun.elapsed(),
                "PostgreSQL accepts connections again"
            );
        }
    }

    fn failed(&self, attempt_begun: Instant, error: &StoreError) {
        let mut outage = self.outage();
        let now = Instant::now();
        if self.is_reported {
            metrics::counter!("fluvius_postgres_connect_failures_total").increment(1);
        }
        // Concurrent attempts count as one failure.
        let is_counted = outage.last.as_ref().is_some_and(|(ended, _)| *ended >= attempt_begun);
        if outage.failure_count == 0 {
            outage.begun = Some(now);
            if self.is_reported {
                metrics::counter!("fluvius_postgres_outages_total").increment(1);
                tracing::warn!(
                    %error,
                    source = std::error::Error::source(error),
                    "PostgreSQL accepts no connection: further attempts are spaced out, and are \
                    not logged"
                );
            }
        }
        outage.last = Some((now, error.clone()));
        if !is_counted || outage.failure_count == 0 {
            outage.failure_count = outage.failure_count.saturating_add(1);
            outage.next = Some(now + pause(outage.failure_count));
        }
    }

    fn outage(&self) -> std::sync::MutexGuard<'_, Outage> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the pause after this number of failures.
fn pause(failure_count: u32) -> Duration {
    let doublings = failure_count.saturating_sub(1).min(16);
    let whole = INITIAL_BACKOFF.saturating_mul(1 << doublings).min(MAX_BACKOFF);
    let random = u32::try_from(RandomState::new().hash_one(failure_count) % 1_000).unwrap_or(0);
    whole / 2 + whole / 2 * random / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        for (failures, most) in [(1, 50), (2, 100), (3, 200), (7, 2_000), (u32::MAX, 2_000)] {
            let most = Duration::from_millis(most);
            let pauses: Vec<Duration> = (0..50).map(|_| pause(failures)).collect();
            assert!(pauses.iter().all(|pause| (most / 2..=most).contains(pause)), "{pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }

    #[tokio::test]
    async fn attempts_of_an_outage_are_few_and_shared() {
        let runtime = StoreRuntime::start(false).unwrap();
        let backoff = Backoff::new(runtime, false);
        let count = Arc::new(Mutex::new(0));
        let ask = |backoff: Backoff, count: Arc<Mutex<u32>>| async move {
            let attempt = async move {
                *count.lock().unwrap() += 1;
                Err::<(), Fault>(Fault::no_answer())
            };
            backoff.run(Box::pin(attempt)).await.unwrap_err()
        };
        ask(backoff.clone(), Arc::clone(&count)).await;
        for _ in 0..3 {
            let callers = (0..50).map(|_| ask(backoff.clone(), Arc::clone(&count)));
            futures_util::future::join_all(callers).await;
        }
        // One attempt per round of callers, and the first one.
        assert_eq!(*count.lock().unwrap(), 4);
        assert!(backoff.run(Box::pin(async { Ok(()) })).await.is_ok());
        assert_eq!(backoff.shared.outage().failure_count, 0);
    }
}
