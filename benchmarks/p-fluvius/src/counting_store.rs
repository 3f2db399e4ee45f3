//! A store that counts what goes through it, and may take its time over each commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fluvius_core::{
    AggregateId, CommitOutcome, EventRecord, LogEntry, Store, StoreError, UnitOfWork, delegate_store,
};

/// Another store, with counts, and with a thread's sleep in each commit. Clones share the counts.
#[derive(Clone)]
pub(crate) struct CountingStore<S> {
    inner: S,
    commit_time: Duration,
    counts: Arc<Counts>,
}

/// What went through so far.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) batches: AtomicUsize,
    pub(crate) units: AtomicUsize,
    /// The most events of an aggregate that were read at once.
    pub(crate) history_length: AtomicUsize,
}

impl<S: Store> CountingStore<S> {
    pub(crate) fn over(inner: S, commit_time: Duration) -> Self {
        Self { inner, commit_time, counts: Arc::default() }
    }

    /// What went through so far; it outlives the store.
    pub(crate) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }
}

impl<S: Store> Store for CountingStore<S> {
    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        if !self.commit_time.is_zero() {
            // It holds its worker, as a store on a file does that writes where it is called.
            std::thread::sleep(self.commit_time);
        }
        self.counts.batches.fetch_add(1, Ordering::Relaxed);
        self.counts.units.fetch_add(batch.len(), Ordering::Relaxed);
        self.inner.commit(batch).await
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
