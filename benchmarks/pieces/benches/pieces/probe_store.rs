//! The memory store, with what the pieces need to see of its commits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use fluvius_core::{
    ActivityRecord, AggregateId, CommandRecord, ContextRecord, EventRecord, CommitOutcome, LogPage, LogQuery,
    LogEntry, MemoryStore, MessageRecord, StateQuery, StateRecord, Store, StoreError, UnitOfWork,
};
use uuid::Uuid;

type Found<T> = Result<T, StoreError>;

/// What happened in the commits.
#[derive(Default)]
pub(crate) struct Seen {
    /// When the last commit began and ended.
    pub(crate) commit: Option<(Instant, Instant)>,
    /// The units of work, where they are wanted.
    pub(crate) units: Option<Vec<UnitOfWork>>,
}

#[derive(Clone, Default)]
pub(crate) struct ProbeStore {
    inner: MemoryStore,
    seen: Arc<Mutex<Seen>>,
}

impl ProbeStore {
    /// One that keeps the units of work that it commits.
    pub(crate) fn keeping_units() -> Self {
        let probe = Self::default();
        probe.with(|seen| seen.units = Some(Vec::new()));
        probe
    }

    pub(crate) fn with<T>(&self, see: impl FnOnce(&mut Seen) -> T) -> T {
        see(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for ProbeStore {
    async fn register_domain(&self, domain: &str, resources: &[&'static str]) -> Found<()> {
        self.inner.register_domain(domain, resources).await
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        let start = Instant::now();
        let outcomes = self.inner.commit(Arc::clone(&batch)).await;
        let end = Instant::now();
        self.with(|seen| {
            seen.commit = Some((start, end));
            if let Some(units) = &mut seen.units {
                units.extend(batch.iter().cloned());
            }
        });
        outcomes
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
        self.inner.history(aggregate_id, first, last).await
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
