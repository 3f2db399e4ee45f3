//! The contract of a store, on a file and in memory.

use std::sync::Arc;

use fluvius_sqlite::SqliteStore;
use fluvius_testing::store_conformance;
use tempfile::TempDir;

mod in_a_file {
    use super::*;
    store_conformance! {
        fresh: async { TempDir::new().unwrap() },
        open: |folder: Arc<TempDir>| async move {
            SqliteStore::open(folder.path().join("store.db")).await.unwrap()
        },
    }
}

mod in_memory {
    use super::*;
    store_conformance!(async { SqliteStore::in_memory().await.unwrap() });
}
