//! The stores under test behind one type.

use std::cell::Cell;
use std::sync::Arc;

use fluvius_core::{DynStore, MemoryStore, Store, delegate_store};
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
pub(crate) struct AnyStore {
    store: DynStore,
    _folder: Option<Arc<TempDir>>,
    _schema: Option<Arc<TestSchema>>,
}

impl AnyStore {
    fn new(store: impl Store) -> Self {
        Self { store: DynStore::new(store), _folder: None, _schema: None }
    }

    /// Returns a new store of each kind; the slower ones only for some cases.
    pub(crate) async fn all() -> Vec<Self> {
        let count = COUNT.replace(COUNT.get() + 1);
        let sqlite = if count.is_multiple_of(IN_A_FILE_EVERY) {
            let folder = TempDir::new().unwrap();
            // The case does not test crashes, so commits need not wait for the disk.
            let options = SqliteStore::options().durability(Durability::Normal);
            let store = options.open(folder.path().join("bank.db")).await.unwrap();
            Self { _folder: Some(Arc::new(folder)), ..Self::new(store) }
        } else {
            Self::new(SqliteStore::in_memory().await.unwrap())
        };
        let mut all = vec![Self::new(MemoryStore::new()), sqlite];
        if count.is_multiple_of(ON_A_SERVER_EVERY)
            && let Some(server) = TestServer::get()
        {
            let schema = server.schema();
            let options = PostgresStore::options().schema(schema.name()).max_readers(4);
            let options = options.durability(fluvius_postgres::Durability::Normal);
            let store = options.open(schema.url()).await.unwrap();
            all.push(Self { _schema: Some(Arc::new(schema)), ..Self::new(store) });
        }
        all
    }
}

/// Reads the content of a store, and checks that each command is found by its id.
pub(crate) async fn content(store: &AnyStore) -> StoreSnapshot {
    let content = StoreSnapshot::of(store).await;
    for row in &content.commands {
        let (found, context) = store.command(row.record.id).await.unwrap().unwrap();
        assert_eq!((&found, &context), (row, &content.contexts[&row.record.context_id]));
    }
    content
}

impl Store for AnyStore {
    delegate_store! { self => self.store }
}
