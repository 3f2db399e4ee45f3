//! Where a benchmark runs: folders for file stores, the server's address, the runtime.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// A fresh folder under `BENCH_DIR` (else the system's folder for such), removed when dropped.
#[derive(Debug)]
pub struct TempDir(pub PathBuf);

impl TempDir {
    /// A folder with this word in its name.
    ///
    /// # Panics
    /// When it cannot be made.
    #[expect(clippy::expect_used, reason = "without its folder a store cannot be measured")]
    pub fn new(tag: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = Self::base().join(format!("{tag}-{}-{count}", std::process::id()));
        // One of an earlier run with the same process number may be left.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder under BENCH_DIR can be made");
        Self(path)
    }

    /// The folder in which these folders are made; it is not removed.
    pub fn base() -> PathBuf {
        let base = std::env::var("BENCH_DIR").map(PathBuf::from);
        base.unwrap_or_else(|_| std::env::temp_dir().join("bench-data"))
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // Whoever wants to look at what a program has left.
        if std::env::var("BENCH_KEEP").is_ok() {
            return;
        }
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The address of the PostgreSQL server, `BENCH_PG_URL`.
pub fn pg_url() -> Option<String> {
    std::env::var("BENCH_PG_URL").ok()
}

/// The runtime that every system is measured on: tokio's, with one worker a core.
///
/// # Panics
/// When it cannot be made.
#[expect(clippy::expect_used, reason = "without a runtime nothing can be measured")]
pub fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().expect("a runtime can be made")
}
