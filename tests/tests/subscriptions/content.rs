//! The stores under test. Several processes are several runtimes over one content.

use std::path::Path;

use fluvius_core::{DynStore, MemoryStore};
use fluvius_postgres::PostgresStore;
use fluvius_sqlite::SqliteStore;
use fluvius_testing::servers::{TestSchema, TestServer};
use futures_util::future::join_all;
use tempfile::TempDir;

/// A content that outlives the stores over it.
pub enum Content {
    Memory(MemoryStore),
    Sqlite(TempDir),
    Postgres(TestSchema),
}

impl Content {
    /// Returns an empty content of each store that is available.
    pub fn each() -> Vec<Self> {
        let mut all = vec![Self::Memory(MemoryStore::new()), Self::Sqlite(TempDir::new().unwrap())];
        all.extend(TestServer::get().map(|server| Self::Postgres(server.schema())));
        all
    }

    /// Runs a test over each store, all at the same time.
    pub async fn on_each(test: impl AsyncFn(Self)) {
        join_all(Self::each().into_iter().map(|content| test(content))).await;
    }

    /// Opens a store over the content, as a further process does.
    pub async fn open(&self) -> DynStore {
        match self {
            Self::Memory(store) => DynStore::new(store.clone()),
            Self::Sqlite(folder) => DynStore::new(sqlite(&folder.path().join("counters.db")).await),
            Self::Postgres(schema) => {
                let options = PostgresStore::options().schema(schema.name()).max_readers(2);
                DynStore::new(options.open(schema.url()).await.unwrap())
            }
        }
    }
}

/// Opens an SQLite store.
pub async fn sqlite(path: &Path) -> SqliteStore {
    SqliteStore::open(path).await.unwrap()
}
