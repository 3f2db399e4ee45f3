//! Opening a store with its options.

use std::path::Path;
use std::sync::Arc;

use fluvius_store::StoreError;

use super::SqliteStore;
use crate::database_path::DatabasePath;
use crate::options::{Durability, SqliteOptions};

impl SqliteOptions {
    /// Opens the store in a file, which is created if it does not exist; its folder must exist.
    /// While the store is open, there are two more files, with `-wal` and `-shm` appended to the
    /// name. All three must stay in place until the store is closed; see [`SqliteStore`].
    ///
    /// # Errors
    /// A permanent [`StoreError`] if an option is out of range, or if the file is not a store of
    /// fluvius, is damaged or is read-only. Also if it was written by a newer release, or before
    /// the first one. The file is left untouched. A retryable error if another program has locked
    /// it.
    ///
    /// # Cancellation
    /// Nothing stays open. A created file may remain.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        self.validate()?;
        let path = path.as_ref();
        if path.as_os_str().is_empty() || path == Path::new(":memory:") {
            return Err(StoreError::permanent(format!(
                "`{}` names no file: `SqliteStore::in_memory` opens a store in memory",
                path.display()
            )));
        }
        let is_url = path.to_str().is_some_and(|path| {
            path.starts_with("file:") || path.starts_with("sqlite:") || path.contains("://")
        });
        if is_url {
            return Err(StoreError::permanent(
                "the path of the store is a URL: write the path of the file alone, such as \
                `bank.db`",
            ));
        }
        let path = std::path::absolute(path).map_err(|error| {
            StoreError::permanent(format!("cannot resolve the path `{}`", path.display()))
                .with_source(error)
        })?;
        if self.durability == Durability::Normal {
            tracing::warn!(
                path = %path.display(),
                "opened with Durability::Normal: after a crash of the machine, or a loss of \
                 power, the last commands may be missing although they were answered"
            );
        }
        SqliteStore::start(Arc::new(DatabasePath::new(Some(path), self))).await
    }

    /// Opens an empty store in memory, which is lost with its last clone.
    ///
    /// # Errors
    /// As [`open`](Self::open) for the options. A retryable [`StoreError`] if memory is exhausted.
    ///
    /// # Cancellation
    /// Nothing stays open.
    pub async fn open_in_memory(self) -> Result<SqliteStore, StoreError> {
        self.validate()?;
        SqliteStore::start(Arc::new(DatabasePath::new(None, self))).await
    }
}
