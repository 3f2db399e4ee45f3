//! Where a bank is kept: the table of the stores that are checked.
//!
//! A further store is one more [`Backend`], one more line in [`crate::child_process::run`], and one more
//! module in [`crate::table`].

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use fluvius_core::{MemoryStore, Store};
use fluvius_sqlite::SqliteStore;
use fluvius_testing::SeededRng;
use tempfile::TempDir;

use crate::history::InjectedFault;

/// A content that stays when the stores over it are gone. Clones name the same one.
pub trait Backend: Clone + Send + Sync + 'static {
    type Store: Store + Clone;

    /// What may happen to what stands between a process and the content.
    const FAULTS: &[InjectedFault] = &[];

    /// Whether one can be made here; where it cannot, that has been said.
    fn is_available() -> bool {
        true
    }

    /// An empty one.
    fn create() -> Self;

    /// One more store over it.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// How another process names it; `None` where none can reach it.
    fn address(&self) -> Option<String>;

    /// Does one of [`FAULTS`](Self::STRIKES), while processes are at work.
    fn inject(&self, inject: InjectedFault, _rng: &mut SeededRng) {
        unreachable!("{inject:?} does not happen to this place");
    }

    /// Sees to it that nothing more happens that was to come.
    fn heal(&self) {}

    /// Waits until nothing is done any more for processes that are gone.
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

/// So short a write-ahead log is copied into the file all the time, also when a process is killed.
const CHECKPOINT_BYTES: u64 = 64 * 1024;
const MAX_LOG_BYTES: u64 = 512 * 1024;

#[derive(Clone)]
pub struct SqliteBackend {
    path: PathBuf,
    /// Removed with the last clone; another process has none.
    _folder: Option<Arc<TempDir>>,
}

impl SqliteBackend {
    pub const SCHEME: &str = "sqlite";

    /// The file that another process has made.
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
