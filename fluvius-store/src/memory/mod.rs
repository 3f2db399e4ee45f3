//! The memory store: the reference for every other store.
//!
//! It keeps everything behind one mutex. The content is lost with the last clone.

mod leases;
mod logs;
mod tables;
mod work;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::outcome::CommitOutcome;
use crate::query::{LogQuery, StateQuery};
use crate::record::{
    AnyRecord, ContextRecord, EventRecord, LogEntry, LogKind, LogPage, StateRecord, StoredCommand,
};
use crate::store::Store;
use crate::unit_of_work::UnitOfWork;
use crate::work::{
    Announcement, Capabilities, Incarnation, WorkOutcome, WorkPage, WorkQuery, WorkUnit,
};
use leases::MemoryLease;
use tables::Tables;

/// A hash map whose hash is faster than the standard one on keys of a few bytes. It is seeded per
/// process, since clients choose ids.
type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// A store that keeps states and logs in memory.
///
/// Clones share one content, so a runtime can be restarted on the data of an earlier one. The store
/// holds no external resources: [`Store::close`] and [`Store::release`] do nothing, and every clone
/// keeps working.
///
/// A query scans every aggregate of its resource: the memory store ignores the declared indexes of
/// aggregate types.
///
/// # Examples
///
/// ```
/// use fluvius_store::MemoryStore;
///
/// let store = MemoryStore::new();
/// let same_content = store.clone();
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    tables: Arc<Mutex<Tables>>,
}

impl MemoryStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Locks the tables. They are consistent even if a thread panicked while it held the lock: a
    /// unit is checked before its first row is written, and writing rows cannot fail.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    async fn register_domain(
        &self,
        domain: &str,
        resources: &[&'static str],
    ) -> Result<(), StoreError> {
        self.tables().register_domain(domain, resources)
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        self.tables().commit(&batch)
    }

    async fn acquire_lease(&self, aggregate_id: &AggregateId) -> Option<Lease> {
        MemoryLease::take(&self.tables, aggregate_id).await.map(Lease::new)
    }

    async fn load(&self, aggregate_id: &AggregateId) -> Result<Option<StateRecord>, StoreError> {
        Ok(self.tables().state(aggregate_id).cloned())
    }

    async fn snapshot(
        &self,
        aggregate_ids: &[AggregateId],
    ) -> Result<Vec<Option<StateRecord>>, StoreError> {
        let tables = self.tables();
        Ok(aggregate_ids.iter().map(|aggregate_id| tables.state(aggregate_id).cloned()).collect())
    }

    async fn query(&self, query: &StateQuery) -> Result<Vec<StateRecord>, StoreError> {
        query.check()?;
        // Rows are cheap to clone; they are compared after the lock is released.
        let rows = self.tables().states(query);
        Ok(query.select(rows))
    }

    async fn command(&self, id: Uuid) -> Result<Option<StoredCommand>, StoreError> {
        Ok(self.tables().command(id))
    }

    async fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Result<Vec<LogEntry<EventRecord>>, StoreError> {
        Ok(self.tables().history(aggregate_id, first, last))
    }

    async fn log(&self, kind: LogKind, query: &LogQuery) -> Result<LogPage<AnyRecord>, StoreError> {
        self.tables().log(kind, query)
    }

    async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, StoreError> {
        Ok(self.tables().context(id))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        Ok(self.tables().work.incarnation())
    }

    async fn work(&self, query: &WorkQuery) -> Result<WorkPage, StoreError> {
        Ok(self.tables().work_page(query))
    }

    async fn write_work(&self, units: Arc<[WorkUnit]>, now: DateTime<Utc>) -> Vec<WorkOutcome> {
        self.tables().write_work(&units, now)
    }

    async fn announce(&self, process: Uuid) -> Option<Announcement> {
        Some(self.tables().work.announce(process))
    }

    async fn ended(&self, processes: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        Ok(self.tables().work.ended(processes))
    }
}
