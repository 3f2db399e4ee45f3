//! Outages of the store, as seen by the followers of its logs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use metrics::{Counter, Gauge, counter, gauge};
use uuid::Uuid;

use crate::error::Error;
use crate::id_generator::{self as ids, IdGenerator};

/// Pause after the first failed read.
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(50);

/// Maximum pause between two failed reads.
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(2);

/// The followers of a domain that currently cannot read. The first of them reports the outage, and
/// the last one reports its end.
pub(crate) struct Outages {
    domain: &'static str,
    ids: Arc<dyn IdGenerator>,
    waiting: AtomicUsize,
    /// Set by a shutdown. A store that the shutdown has closed remains unavailable.
    is_shut_down: AtomicBool,
    failed_reads: Counter,
    waiting_followers: Gauge,
}

impl Outages {
    pub(crate) fn new(domain: &'static str, ids: Arc<dyn IdGenerator>) -> Self {
        Self {
            domain,
            ids,
            waiting: AtomicUsize::new(0),
            is_shut_down: AtomicBool::new(false),
            failed_reads: counter!("fluvius_follower_failed_reads_total", "domain" => domain),
            waiting_followers: gauge!("fluvius_followers_waiting", "domain" => domain),
        }
    }

    /// Ends the retries of all followers.
    pub(crate) fn shut_down(&self) {
        self.is_shut_down.store(true, Ordering::Release);
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.is_shut_down.load(Ordering::Acquire)
    }
}

/// The outage of one follower, from its first failed read to the next one that succeeds.
pub(crate) struct Outage {
    outages: Arc<Outages>,
    /// A seed that differs between followers, so that they do not all read at once when the store
    /// is back. It comes from the domain's id generator, so a run with sequential ids is
    /// reproducible.
    seed: Uuid,
    failed_count: u32,
}

impl Outage {
    pub(crate) fn begin(outages: &Arc<Outages>, error: &Error) -> Self {
        outages.waiting_followers.increment(1);
        if outages.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(
                domain = outages.domain,
                error = error as &dyn std::error::Error,
                "followed logs cannot be read: the reads are repeated until the store is back"
            );
        }
        Self { seed: outages.ids.generate(), outages: Arc::clone(outages), failed_count: 0 }
    }

    /// Counts a failed read, and returns the pause before the next one: between half of a bound and
    /// the bound, which doubles with each failure.
    pub(crate) fn next_pause(&mut self) -> Duration {
        self.outages.failed_reads.increment(1);
        let bound = RETRY_PAUSE_MIN * (1 << self.failed_count.min(16));
        let pause = ids::jittered(bound.min(MAX_RETRY_PAUSE), self.seed, self.failed_count);
        self.failed_count = self.failed_count.saturating_add(1);
        pause
    }

    /// Ends the outage after a successful read.
    pub(crate) fn end(self) {
        // This follower is still counted here.
        if self.outages.waiting.load(Ordering::Relaxed) == 1 {
            let failed_count = self.failed_count;
            tracing::warn!(
                domain = self.outages.domain,
                failed_count,
                "followed logs can be read again"
            );
        }
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        self.outages.waiting.fetch_sub(1, Ordering::Relaxed);
        self.outages.waiting_followers.decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use crate::id_generator::UuidV7;
    use fluvius_store::StoreError;

    use super::*;

    #[test]
    fn pause_doubles_up_to_a_bound_and_differs_by_follower() {
        let outages = Arc::new(Outages::new("test", Arc::new(UuidV7)));
        let error = Error::from(StoreError::unavailable("gone"));
        let mut pauses: Vec<Vec<Duration>> = Vec::new();
        for _ in 0..8 {
            let mut outage = Outage::begin(&outages, &error);
            pauses.push((0..12).map(|_| outage.next_pause()).collect());
        }
        for (count, bound) in [(0, 50), (1, 100), (4, 800), (6, 2_000), (11, 2_000)] {
            let bound = Duration::from_millis(bound);
            assert!(pauses.iter().all(|of_one| of_one[count] >= bound / 2), "{count}");
            assert!(pauses.iter().all(|of_one| of_one[count] <= bound), "{count}");
        }
        pauses.sort_unstable();
        pauses.dedup();
        assert_eq!(pauses.len(), 8);
        assert_eq!(outages.waiting.load(Ordering::Relaxed), 0);
    }
}
