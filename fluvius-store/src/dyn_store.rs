//! The private twin of `Store` that a runtime can hold without knowing the type.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::outcome::CommitOutcome;
use crate::query::LogQuery;
use crate::query::{Field, StateQuery};
use crate::record::ActivityRecord;
use crate::record::CommandRecord;
use crate::record::ContextRecord;
use crate::record::EventRecord;
use crate::record::LogEntry;
use crate::record::MessageRecord;
use crate::record::StateRecord;
use crate::record::{LogPage, StoredCommand};
use crate::store::Store;
use crate::unit_of_work::UnitOfWork;

type Reading<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

#[expect(missing_docs, reason = "the methods are those of `Store`")]
pub trait DynStore: Send + Sync {
    fn register_domain<'a>(
        &'a self,
        domain: &'a str,
        resources: &'a [&'static str],
    ) -> Reading<'a, ()>;
    fn declare_indexes<'a>(&'a self, resource: &'a str, fields: &'a [Field]) -> Reading<'a, ()>;
    /// The future has the store in it, so that it can be moved into a task.
    fn commit(self: Arc<Self>, batch: Arc<[UnitOfWork]>) -> BoxFuture<'static, Vec<CommitOutcome>>;
    fn acquire_lease<'a>(&'a self, aggregate_id: &'a AggregateId) -> BoxFuture<'a, Option<Lease>>;
    fn load<'a>(&'a self, aggregate_id: &'a AggregateId) -> Reading<'a, Option<StateRecord>>;
    fn snapshot<'a>(
        &'a self,
        aggregate_ids: &'a [AggregateId],
    ) -> Reading<'a, Vec<Option<StateRecord>>>;
    fn query<'a>(&'a self, query: &'a StateQuery) -> Reading<'a, Vec<StateRecord>>;
    fn command(&self, id: Uuid) -> Reading<'_, Option<StoredCommand>>;
    fn history<'a>(
        &'a self,
        aggregate_id: &'a AggregateId,
        first: u64,
        last: u64,
    ) -> Reading<'a, Vec<LogEntry<EventRecord>>>;
    fn commands<'a>(&'a self, query: &'a LogQuery) -> Reading<'a, LogPage<CommandRecord>>;
    fn events<'a>(&'a self, query: &'a LogQuery) -> Reading<'a, LogPage<EventRecord>>;
    fn messages<'a>(&'a self, query: &'a LogQuery) -> Reading<'a, LogPage<MessageRecord>>;
    fn activities<'a>(&'a self, query: &'a LogQuery) -> Reading<'a, LogPage<ActivityRecord>>;
    fn changed(&self) -> BoxFuture<'_, ()>;
    fn context(&self, id: Uuid) -> Reading<'_, Option<Arc<ContextRecord>>>;
    /// The runtime only releases its handle; the conformance suite closes.
    fn close(&self) -> Reading<'_, ()>;
    fn release(&self) -> BoxFuture<'_, ()>;
}

impl<S: Store> DynStore for S {
    fn register_domain<'a>(
        &'a self,
        domain: &'a str,
        resources: &'a [&'static str],
    ) -> Reading<'a, ()> {
        Box::pin(Store::register_domain(self, domain, resources))
    }

    fn declare_indexes<'a>(&'a self, resource: &'a str, fields: &'a [Field]) -> Reading<'a, ()> {
        Box::pin(Store::declare_indexes(self, resource, fields))
    }

    fn commit(self: Arc<Self>, batch: Arc<[UnitOfWork]>) -> BoxFuture<'static, Vec<CommitOutcome>> {
        Box::pin(async move { Store::commit(&*self, batch).await })
    }

    fn acquire_lease<'a>(&'a self, aggregate_id: &'a AggregateId) -> BoxFuture<'a, Option<Lease>> {
        Box::pin(Store::acquire_lease(self, aggregate_id))
    }

    fn load<'a>(&'a self, aggregate_id: &'a AggregateId) -> Reading<'a, Option<StateRecord>> {
        Box::pin(Store::load(self, aggregate_id))
    }

    fn snapshot<'a>(
        &'a self,
        aggregate_ids: &'a [AggregateId],
    ) -> Reading<'a, Vec<Option<StateRecord>>> {
        Box::pin(Store::snapshot(self, aggregate_ids))
    }

    fn query<'a>(&'a self, query: &'a StateQuery) -> Reading<'a, Vec<StateRecord>> {
        Box::pin(Store::query(self, query))
    }

    fn command(&self, id: Uuid) -> Reading<'_, Option<StoredCommand>> {
        Box::pin(Store::command(self, id))
    }

    fn history<'a>(
        &'a self,
        aggregate_id: &'a AggregateId,
        first: u64,
        last: u64,
    ) -> Reading<'a, Vec<LogEntry<EventRecord>>> {
        Box::pin(Store::history(self, aggregate_id, first, last))
    }

    fn commands<'a>(&'a self, query: &'a LogQuery) -> Reading<'a, LogPage<CommandRecord>> {
        Box::pin(Store::commands(self, query))
    }

    fn events<'a>(&'a self, query: &'a LogQuery) -> Reading<'a, LogPage<EventRecord>> {
        Box::pin(Store::events(self, query))
    }

    fn messages<'a>(&'a self, query: &'a LogQuery) -> Reading<'a, LogPage<MessageRecord>> {
        Box::pin(Store::messages(self, query))
    }

    fn activities<'a>(&'a self, query: &'a LogQuery) -> Reading<'a, LogPage<ActivityRecord>> {
        Box::pin(Store::activities(self, query))
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(Store::changed(self))
    }

    fn context(&self, id: Uuid) -> Reading<'_, Option<Arc<ContextRecord>>> {
        Box::pin(Store::context(self, id))
    }

    fn close(&self) -> Reading<'_, ()> {
        Box::pin(Store::close(self))
    }

    fn release(&self) -> BoxFuture<'_, ()> {
        Box::pin(Store::release(self))
    }
}
