//! The environment of a benchmark: folders for file stores, the server's address, the runtime.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// A fresh folder, removed on drop. It lies under `BENCH_DIR`, or under the system's temporary
/// folder if the variable is not set.
#[derive(Debug)]
pub struct TempDir(pub PathBuf);

impl TempDir {
    /// Creates a folder with `tag` in its name.
    ///
    /// # Panics
    /// If it cannot be created.
    #[expect(clippy::expect_used, reason = "without its folder a store cannot be measured")]
    pub fn new(tag: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = Self::base().join(format!("{tag}-{}-{count}", std::process::id()));
        // An earlier process with the same id may have left a folder.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder under BENCH_DIR can be made");
        Self(path)
    }

    /// Returns the parent of these folders. It is not removed.
    pub fn base() -> PathBuf {
        let base = std::env::var("BENCH_DIR").map(PathBuf::from);
        base.unwrap_or_else(|_| std::env::temp_dir().join("bench-data"))
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // `BENCH_KEEP` preserves the files for inspection.
        if std::env::var("BENCH_KEEP").is_ok() {
            return;
        }
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Returns the URL of the PostgreSQL server, from `BENCH_PG_URL`.
pub fn pg_url() -> Option<String> {
    std::env::var("BENCH_PG_URL").ok()
}

/// Creates the runtime on which every system is measured: tokio's multi-thread runtime with one
/// worker per core.
///
/// # Panics
/// If it cannot be created.
#[expect(clippy::expect_used, reason = "without a runtime nothing can be measured")]
pub fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().expect("a runtime can be made")
}
