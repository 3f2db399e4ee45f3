//! A handle to the store under test, whatever its type.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use fluvius_store::__private::DynStore;
use fluvius_store::ActivityRecord;
use fluvius_store::AggregateId;
use fluvius_store::CommandRecord;
use fluvius_store::ContextRecord;
use fluvius_store::EventRecord;
use fluvius_store::LogEntry;
use fluvius_store::MessageRecord;
use fluvius_store::StateQuery;
use fluvius_store::StateRecord;
use fluvius_store::UnitOfWork;
use fluvius_store::query::Field;
use fluvius_store::{CommitOutcome, Lease, LogPage, LogQuery, Store, StoreError};

/// A store that was opened; clones are the same handle, so a runtime that gives up its clone does
/// not give up the store.
#[derive(Clone)]
pub(super) struct Handle {
    store: Arc<dyn DynStore>,
}

impl Handle {
    pub(super) fn new(store: impl Store) -> Self {
        Self { store: Arc::new(store) }
    }
}

/// All rows behind a position, of all aggregates and realms, and at the most so many.
pub(super) fn behind(after: u64, limit: usize) -> LogQuery {
    LogQuery { after: after.into(), limit, ..LogQuery::all() }
}

/// All rows of a log.
pub(super) fn all() -> LogQuery {
    LogQuery::all()
}

impl Store for Handle {
    async fn register_domain(
        &self,
        domain: &str,
        resources: &[&'static str],
    ) -> Result<(), StoreError> {
        self.store.register_domain(domain, resources).await
    }

    async fn declare_indexes(&self, resource: &str, fields: &[Field]) -> Result<(), StoreError> {
        self.store.declare_indexes(resource, fields).await
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        Arc::clone(&self.store).commit(batch).await
    }

    async fn acquire_lease(&self, aggregate_id: &AggregateId) -> Option<Lease> {
        self.store.acquire_lease(aggregate_id).await
    }

    async fn load(&self, aggregate_id: &AggregateId) -> Result<Option<StateRecord>, StoreError> {
        self.store.load(aggregate_id).await
    }

    async fn snapshot(
        &self,
        aggregate_ids: &[AggregateId],
    ) -> Result<Vec<Option<StateRecord>>, StoreError> {
        self.store.snapshot(aggregate_ids).await
    }

    async fn query(&self, query: &StateQuery) -> Result<Vec<StateRecord>, StoreError> {
        self.store.query(query).await
    }

    async fn command(
        &self,
        id: Uuid,
    ) -> Result<Option<(LogEntry<CommandRecord>, Arc<ContextRecord>)>, StoreError> {
        self.store.command(id).await
    }

    async fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Result<Vec<LogEntry<EventRecord>>, StoreError> {
        self.store.history(aggregate_id, first, last).await
    }

    async fn commands(&self, query: &LogQuery) -> Result<LogPage<CommandRecord>, StoreError> {
        self.store.commands(query).await
    }

    async fn events(&self, query: &LogQuery) -> Result<LogPage<EventRecord>, StoreError> {
        self.store.events(query).await
    }

    async fn messages(&self, query: &LogQuery) -> Result<LogPage<MessageRecord>, StoreError> {
        self.store.messages(query).await
    }

    async fn activities(&self, query: &LogQuery) -> Result<LogPage<ActivityRecord>, StoreError> {
        self.store.activities(query).await
    }

    async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, StoreError> {
        self.store.context(id).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.store.close().await
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
