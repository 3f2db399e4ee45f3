//! The stores under test behind one type.

use std::cell::Cell;
use std::sync::Arc;

use fluvius_core::query::Field;
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    ActivityRecord, AggregateId, CommandRecord, CommitOutcome, ContextRecord, EventRecord,
    LogEntry, MemoryStore, MessageRecord, StateQuery, StateRecord, UnitOfWork,
};
use fluvius_core::{Lease, LogPage, LogQuery, Store, StoreError, StoredCommand};
use fluvius_postgres::PostgresStore;
use fluvius_sqlite::{Durability, SqliteStore};
use fluvius_testing::servers::{TestSchema, TestServer};
use fluvius_tests::store_snapshot::StoreSnapshot;
use tempfile::TempDir;

/// One case in this many has its SQLite store in a file, which is slower.
const IN_A_FILE_EVERY: usize = 16;

/// One case in this many has a PostgreSQL store too, which is slower still.
const ON_A_SERVER_EVERY: usize = 32;

thread_local! {
    /// Number of cases of this thread's property: a repeated case has the same stores.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// A store of any kind. Its last clone removes the folder or schema.
#[derive(Debug, Clone)]
pub(crate) enum AnyStore {
    Memory(MemoryStore),
    Sqlite { store: SqliteStore, _folder: Option<Arc<TempDir>> },
    Postgres { store: PostgresStore, _schema: Arc<TestSchema> },
}

impl AnyStore {
    /// Returns a new store of each kind; the slower ones only for some cases.
    pub(crate) async fn all() -> Vec<Self> {
        let count = COUNT.replace(COUNT.get() + 1);
        let sqlite = if count.is_multiple_of(IN_A_FILE_EVERY) {
            let folder = TempDir::new().unwrap();
            // The case does not test crashes, so commits need not wait for the disk.
            let options = SqliteStore::options().durability(Durability::Normal);
            let store = options.open(folder.path().join("bank.db")).await.unwrap();
            Self::Sqlite { store, _folder: Some(Arc::new(folder)) }
        } else {
            Self::Sqlite { store: SqliteStore::in_memory().await.unwrap(), _folder: None }
        };
        let mut all = vec![Self::Memory(MemoryStore::new()), sqlite];
        if count.is_multiple_of(ON_A_SERVER_EVERY)
            && let Some(server) = TestServer::get()
        {
            let schema = server.schema();
            let options = PostgresStore::options().schema(schema.name()).max_readers(4);
            let options = options.durability(fluvius_postgres::Durability::Normal);
            let store = options.open(schema.url()).await.unwrap();
            all.push(Self::Postgres { store, _schema: Arc::new(schema) });
        }
        all
    }
}

/// Reads the content of a store, and checks that each command is found by its id.
pub(crate) async fn content(store: &AnyStore) -> StoreSnapshot {
    let content = StoreSnapshot::of(store).await;
    for row in &content.commands {
        let (found, context) = store.command(row.id).await.unwrap().unwrap();
        assert_eq!((&found, &context), (row, &content.contexts[&row.context_id]));
    }
    content
}

/// Delegates to the store inside.
macro_rules! each {
    ($any:ident, $store:ident => $call:expr) => {
        match $any {
            AnyStore::Memory($store) => $call,
            AnyStore::Sqlite { store: $store, .. } => $call,
            AnyStore::Postgres { store: $store, .. } => $call,
        }
    };
}

impl Store for AnyStore {
    async fn register_domain(
        &self,
        domain: &str,
        resources: &[&'static str],
    ) -> Result<(), StoreError> {
        each!(self, store => store.register_domain(domain, resources).await)
    }

    async fn declare_indexes(&self, resource: &str, fields: &[Field]) -> Result<(), StoreError> {
        each!(self, store => store.declare_indexes(resource, fields).await)
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        each!(self, store => store.commit(batch).await)
    }

    async fn acquire_lease(&self, aggregate_id: &AggregateId) -> Option<Lease> {
        each!(self, store => store.acquire_lease(aggregate_id).await)
    }

    async fn load(&self, aggregate_id: &AggregateId) -> Result<Option<StateRecord>, StoreError> {
        each!(self, store => store.load(aggregate_id).await)
    }

    async fn snapshot(
        &self,
        aggregate_ids: &[AggregateId],
    ) -> Result<Vec<Option<StateRecord>>, StoreError> {
        each!(self, store => store.snapshot(aggregate_ids).await)
    }

    async fn query(&self, query: &StateQuery) -> Result<Vec<StateRecord>, StoreError> {
        each!(self, store => store.query(query).await)
    }

    async fn command(&self, id: Uuid) -> Result<Option<StoredCommand>, StoreError> {
        each!(self, store => store.command(id).await)
    }

    async fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Result<Vec<LogEntry<EventRecord>>, StoreError> {
        each!(self, store => store.history(aggregate_id, first, last).await)
    }

    async fn commands(&self, query: &LogQuery) -> Result<LogPage<CommandRecord>, StoreError> {
        each!(self, store => store.commands(query).await)
    }

    async fn events(&self, query: &LogQuery) -> Result<LogPage<EventRecord>, StoreError> {
        each!(self, store => store.events(query).await)
    }

    async fn messages(&self, query: &LogQuery) -> Result<LogPage<MessageRecord>, StoreError> {
        each!(self, store => store.messages(query).await)
    }

    async fn activities(&self, query: &LogQuery) -> Result<LogPage<ActivityRecord>, StoreError> {
        each!(self, store => store.activities(query).await)
    }

    async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, StoreError> {
        each!(self, store => store.context(id).await)
    }

    async fn close(&self) -> Result<(), StoreError> {
        each!(self, store => store.close().await)
    }

    async fn release(&self) {
        each!(self, store => store.release().await);
    }
}
