//! The memory store, with a hook that runs before each call and after each read of a log.

use std::sync::Arc;

use fluvius_core::{
    AggregateId, AnyRecord, CommitOutcome, EventRecord, LogEntry, LogKind, LogPage, LogQuery,
    MemoryStore, StateRecord, Store, StoreError, StoredCommand, UnitOfWork, delegate_store,
};
use uuid::Uuid;

/// A call of a store.
#[derive(Debug, Clone, Copy)]
pub enum StoreCall {
    Commit,
    Load,
    Command,
    /// A read of a log or of a history, with the number of rows.
    Rows(usize),
}

/// The memory store, with a hook.
pub struct HookedStore {
    inner: MemoryStore,
    hook: Box<dyn Fn(StoreCall) + Send + Sync>,
}

impl HookedStore {
    pub fn new(inner: MemoryStore, hook: impl Fn(StoreCall) + Send + Sync + 'static) -> Self {
        Self { inner, hook: Box::new(hook) }
    }

    fn rows<T>(&self, rows: &[T]) {
        (self.hook)(StoreCall::Rows(rows.len()));
    }
}

impl Store for HookedStore {
    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        (self.hook)(StoreCall::Commit);
        self.inner.commit(batch).await
    }

    async fn load(&self, aggregate_id: &AggregateId) -> Result<Option<StateRecord>, StoreError> {
        (self.hook)(StoreCall::Load);
        self.inner.load(aggregate_id).await
    }

    async fn command(&self, id: Uuid) -> Result<Option<StoredCommand>, StoreError> {
        (self.hook)(StoreCall::Command);
        self.inner.command(id).await
    }

    async fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Result<Vec<LogEntry<EventRecord>>, StoreError> {
        let rows = self.inner.history(aggregate_id, first, last).await?;
        self.rows(&rows);
        Ok(rows)
    }

    async fn log(&self, kind: LogKind, query: &LogQuery) -> Result<LogPage<AnyRecord>, StoreError> {
        let page = self.inner.log(kind, query).await?;
        self.rows(&page.rows);
        Ok(page)
    }

    delegate_store! { self => self.inner; except commit, load, command, history, log }
}
