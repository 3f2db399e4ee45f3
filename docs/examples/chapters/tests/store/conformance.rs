//! The conformance suite over a store in memory and over a store in a folder.

// ANCHOR: conformance
use std::sync::Arc;

use fluvius::MemoryStore;
use fluvius::sqlite::SqliteStore;
use tempfile::TempDir;

// A store whose clones share one content, such as one in memory.
mod in_memory {
    use super::*;

    fluvius::testing::store_conformance!(async { MemoryStore::new() });
}

// A store in a folder. `open` may run several times over one folder.
mod in_a_folder {
    use super::*;

    fluvius::testing::store_conformance! {
        fresh: async { TempDir::new().expect("a folder can be created") },
        open: |folder: Arc<TempDir>| async move {
            let path = folder.path().join("bank.db");
            SqliteStore::open(path).await.expect("the store can be opened")
        },
    }
}
// ANCHOR_END: conformance
