//! A store that counts what goes through it, and may take its time over each commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bench_common::Uuid;
use fluvius_core::{
    ActivityRecord, AggregateId, CommandRecord, ContextRecord, EventRecord, CommitOutcome, LogPage, LogQuery,
    LogEntry, MessageRecord, StateQuery, StateRecord, Store, StoreError, Lease, UnitOfWork,
};

type Found<T> = Result<T, StoreError>;

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
    async fn register_domain(&self, domain: &str, resources: &[&'static str]) -> Found<()> {
        self.inner.register_domain(domain, resources).await
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        if !self.commit_time.is_zero() {
            // It holds its worker, as a store on a file does that writes where it is called.
            std::thread::sleep(self.commit_time);
        }
        self.counts.batches.fetch_add(1, Ordering::Relaxed);
        self.counts.units.fetch_add(batch.len(), Ordering::Relaxed);
        self.inner.commit(batch).await
    }

    async fn acquire_lease(&self, aggregate_id: &AggregateId) -> Option<Lease> {
        self.inner.acquire_lease(aggregate_id).await
    }

    async fn load(&self, aggregate_id: &AggregateId) -> Found<Option<StateRecord>> {
        self.inner.load(aggregate_id).await
    }

    async fn snapshot(&self, aggregate_ids: &[AggregateId]) -> Found<Vec<Option<StateRecord>>> {
        self.inner.snapshot(aggregate_ids).await
    }

    async fn query(&self, query: &StateQuery) -> Found<Vec<StateRecord>> {
        self.inner.query(query).await
    }

    async fn command(
        &self,
        id: Uuid,
    ) -> Found<Option<(LogEntry<CommandRecord>, Arc<ContextRecord>)>> {
        self.inner.command(id).await
    }

    async fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Found<Vec<LogEntry<EventRecord>>> {
        let events = self.inner.history(aggregate_id, first, last).await?;
        self.counts.history_length.fetch_max(events.len(), Ordering::Relaxed);
        Ok(events)
    }

    async fn commands(&self, query: &LogQuery) -> Found<LogPage<CommandRecord>> {
        self.inner.commands(query).await
    }

    async fn events(&self, query: &LogQuery) -> Found<LogPage<EventRecord>> {
        self.inner.events(query).await
    }

    async fn messages(&self, query: &LogQuery) -> Found<LogPage<MessageRecord>> {
        self.inner.messages(query).await
    }

    async fn activities(&self, query: &LogQuery) -> Found<LogPage<ActivityRecord>> {
        self.inner.activities(query).await
    }

    async fn context(&self, id: Uuid) -> Found<Option<Arc<ContextRecord>>> {
        self.inner.context(id).await
    }
}
