//! A store that counts commits and reads, and can delay each commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fluvius_core::{
    AggregateId, CommitOutcome, EventRecord, LogEntry, Store, StoreError, UnitOfWork,
    delegate_store,
};

/// A wrapper of a store that counts, and blocks the thread in each commit for a set time. Clones
/// share the counts.
#[derive(Clone)]
pub(crate) struct CountingStore<S> {
    inner: S,
    commit_time: Duration,
    counts: Arc<Counts>,
}

/// The counts so far.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) batches: AtomicUsize,
    pub(crate) units: AtomicUsize,
    /// The units that ended with a version conflict.
    pub(crate) stale: AtomicUsize,
    /// The largest number of events of an aggregate in one read.
    pub(crate) history_length: AtomicUsize,
}

impl<S: Store> CountingStore<S> {
    pub(crate) fn over(inner: S, commit_time: Duration) -> Self {
        Self { inner, commit_time, counts: Arc::default() }
    }

    /// Returns the counts so far. They outlive the store.
    pub(crate) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }
}

impl<S: Store> Store for CountingStore<S> {
    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        if !self.commit_time.is_zero() {
            // This blocks the worker, like a file store that writes on the calling thread.
            std::thread::sleep(self.commit_time);
        }
        self.counts.batches.fetch_add(1, Ordering::Relaxed);
        self.counts.units.fetch_add(batch.len(), Ordering::Relaxed);
        let outcomes = self.inner.commit(batch).await;
        let is_stale =
            |outcome: &&CommitOutcome| matches!(outcome, CommitOutcome::VersionConflict { .. });
        self.counts.stale.fetch_add(outcomes.iter().filter(is_stale).count(), Ordering::Relaxed);
        outcomes
    }

    async fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Result<Vec<LogEntry<EventRecord>>, StoreError> {
        let events = self.inner.history(aggregate_id, first, last).await?;
        self.counts.history_length.fetch_max(events.len(), Ordering::Relaxed);
        Ok(events)
    }

    delegate_store! { self => self.inner; except commit, history }
}
