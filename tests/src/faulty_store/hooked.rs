//! The memory store, with a hook that runs before each call and after each read of a log.

use std::sync::Arc;

use fluvius_core::{
    ActivityRecord, AggregateId, CommandRecord, CommitOutcome, ContextRecord, EventRecord,
    LogEntry, LogPage, LogQuery, MemoryStore, MessageRecord, StateQuery, StateRecord, Store,
    StoreError, UnitOfWork,
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

    fn page<T>(&self, page: LogPage<T>) -> LogPage<T> {
        (self.hook)(StoreCall::Rows(page.rows.len()));
        page
    }

    fn rows<T>(&self, rows: Vec<T>) -> Vec<T> {
        (self.hook)(StoreCall::Rows(rows.len()));
        rows
    }
}

impl Store for HookedStore {
    async fn register_domain(
        &self,
        domain: &str,
        resources: &[&'static str],
    ) -> Result<(), StoreError> {
        self.inner.register_domain(domain, resources).await
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        (self.hook)(StoreCall::Commit);
        self.inner.commit(batch).await
    }

    async fn load(&self, aggregate_id: &AggregateId) -> Result<Option<StateRecord>, StoreError> {
        (self.hook)(StoreCall::Load);
        self.inner.load(aggregate_id).await
    }

    async fn snapshot(
        &self,
        aggregate_ids: &[AggregateId],
    ) -> Result<Vec<Option<StateRecord>>, StoreError> {
        self.inner.snapshot(aggregate_ids).await
    }

    async fn query(&self, query: &StateQuery) -> Result<Vec<StateRecord>, StoreError> {
        self.inner.query(query).await
    }

    async fn command(
        &self,
        id: Uuid,
    ) -> Result<Option<(LogEntry<CommandRecord>, Arc<ContextRecord>)>, StoreError> {
        (self.hook)(StoreCall::Command);
        self.inner.command(id).await
    }

    async fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Result<Vec<LogEntry<EventRecord>>, StoreError> {
        Ok(self.rows(self.inner.history(aggregate_id, first, last).await?))
    }

    async fn commands(&self, query: &LogQuery) -> Result<LogPage<CommandRecord>, StoreError> {
        Ok(self.page(self.inner.commands(query).await?))
    }

    async fn events(&self, query: &LogQuery) -> Result<LogPage<EventRecord>, StoreError> {
        Ok(self.page(self.inner.events(query).await?))
    }

    async fn messages(&self, query: &LogQuery) -> Result<LogPage<MessageRecord>, StoreError> {
        Ok(self.page(self.inner.messages(query).await?))
    }

    async fn activities(&self, query: &LogQuery) -> Result<LogPage<ActivityRecord>, StoreError> {
        Ok(self.page(self.inner.activities(query).await?))
    }

    async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, StoreError> {
        self.inner.context(id).await
    }
}
