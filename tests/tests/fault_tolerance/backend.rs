//! The stores under test.
//!
//! A further store needs an implementation of [`Backend`], a line in [`crate::child_process::run`],
//! and a module in [`crate::cases`].

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use fluvius_core::{MemoryStore, Store};
use fluvius_sqlite::SqliteStore;
use fluvius_testing::SeededRng;
use tempfile::TempDir;

use crate::history::InjectedFault;

/// A content that outlives the stores over it. Clones refer to the same content.
pub trait Backend: Clone + Send + Sync + 'static {
    type Store: Store + Clone;

    /// Faults that can be injected between a process and the content.
    const FAULTS: &[InjectedFault] = &[];

    /// Returns true if the store is available on this machine; otherwise prints the reason.
    fn is_available() -> bool {
        true
    }

    /// Creates an empty content.
    fn create() -> Self;

    /// Opens one more store over the content.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// Returns the address for other processes; `None` if they cannot reach the content.
    fn address(&self) -> Option<String>;

    /// Injects one of [`FAULTS`](Self::FAULTS) while processes run.
    fn inject(&self, inject: InjectedFault, _rng: &mut SeededRng) {
        unreachable!("{inject:?} is not supported by this backend");
    }

    /// Cancels injected faults that have not happened yet.
    fn heal(&self) {}

    /// Waits until no work of killed processes is running.
    fn wait_until_idle(&self) {}
}

#[derive(Clone)]
pub struct MemoryBackend(MemoryStore);

impl Backend for MemoryBackend {
    type Store = MemoryStore;

    fn create() -> Self {
        Self(MemoryStore::new())
    }

    async fn open(&self) -> MemoryStore {
        self.0.clone()
    }

    fn address(&self) -> Option<String> {
        None
    }
}

/// Limits that force frequent checkpoints, so that kills also hit these.
const CHECKPOINT_BYTES: u64 = 64 * 1024;
const MAX_LOG_BYTES: u64 = 512 * 1024;

#[derive(Clone)]
pub struct SqliteBackend {
    path: PathBuf,
    /// Removed with the last clone; `None` in another process.
    _folder: Option<Arc<TempDir>>,
}

impl SqliteBackend {
    pub const SCHEME: &str = "sqlite";

    /// Returns the file that another process has made.
    pub fn at(path: &str) -> Self {
        Self { path: path.into(), _folder: None }
    }
}

impl Backend for SqliteBackend {
    type Store = SqliteStore;

    fn create() -> Self {
        let folder = TempDir::new().unwrap();
        Self { path: folder.path().join("bank.db"), _folder: Some(Arc::new(folder)) }
    }

    async fn open(&self) -> SqliteStore {
        let options = SqliteStore::options().wal_bytes(CHECKPOINT_BYTES, MAX_LOG_BYTES);
        options.open(&self.path).await.unwrap()
    }

    fn address(&self) -> Option<String> {
        Some(format!("{}:{}", Self::SCHEME, self.path.display()))
    }
}
