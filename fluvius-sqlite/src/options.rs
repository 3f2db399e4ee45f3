//! The options of a store: the crashes that it survives, and its limits.

use std::time::Duration;

use fluvius_store::StoreError;

/// Each reader has two threads.
const MAX_READERS: usize = 256;

/// The crashes that an answered command survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// A crash of the program and of the machine, and a loss of power: each commit waits until the
    /// disk confirms its rows (`synchronous = FULL`).
    #[default]
    Full,
    /// A crash of the program. A crash of the machine, or a loss of power, may lose the last
    /// answered commands; the file stays consistent (`synchronous = NORMAL`). Opening such a store
    /// logs a warning.
    Normal,
}

/// The options of a store. Each setter names its default.
///
/// # Examples
///
/// ```
/// use fluvius_sqlite::{Durability, SqliteStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("bank.db");
/// let store = SqliteStore::options()
///     .durability(Durability::Normal)
///     .max_row_bytes(1024 * 1024)
///     .open(path)
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open` or `open_in_memory`"]
pub struct SqliteOptions {
    pub(crate) durability: Durability,
    pub(crate) max_readers: usize,
    pub(crate) read_timeout: Duration,
    pub(crate) file_mode: u32,
    pub(crate) max_row_bytes: usize,
    pub(crate) busy_timeout: Duration,
    pub(crate) checkpoint_bytes: u64,
    pub(crate) max_wal_bytes: u64,
    pub(crate) max_batch_units: usize,
    pub(crate) max_batch_bytes: usize,
    #[cfg(test)]
    pub(crate) failpoint: crate::failpoint::Failpoint,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Full,
            max_readers: 4,
            read_timeout: Duration::from_secs(30),
            file_mode: 0o600,
            max_row_bytes: 64 * 1024 * 1024,
            busy_timeout: Duration::from_secs(10),
            checkpoint_bytes: 8 * 1024 * 1024,
            max_wal_bytes: 64 * 1024 * 1024,
            max_batch_units: 1024,
            max_batch_bytes: 4 * 1024 * 1024,
            #[cfg(test)]
            failpoint: crate::failpoint::Failpoint::default(),
        }
    }
}

impl SqliteOptions {
    /// Sets the crashes that an answered command survives; [`Durability::Full`] by default.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets the number of connections for queries, snapshots and reads of whole logs, each on a
    /// thread of its own; 4 by default, from 1 to 256.
    ///
    /// The same number of further connections serve reads by id: of one aggregate, of its events,
    /// and of one command or context. Commands use only these, so queries do not delay them.
    pub fn max_readers(mut self, count: usize) -> Self {
        self.max_readers = count;
        self
    }

    /// Sets the longest time of a read from its call to its end, queueing included; 30 seconds by
    /// default, and more than 0. Logs and histories are read in parts, each with this limit.
    ///
    /// After that the read is interrupted, and fails with a retryable error that names this option.
    /// A read is also interrupted if its future is dropped.
    pub fn read_timeout(mut self, time: Duration) -> Self {
        self.read_timeout = time;
        self
    }

    /// Sets the permissions of a new file on Unix; `0o600` by default, so that no other user may
    /// read it.
    ///
    /// An existing file keeps its permissions. The files beside it (`-wal`, `-shm`) and backups get
    /// those of the file. On other systems this has no effect.
    pub fn file_mode(mut self, mode: u32) -> Self {
        self.file_mode = mode & 0o777;
        self
    }

    /// Sets the largest size of the texts of one row in bytes; 64 MiB by default, more than 0 and
    /// at most 512 MiB. A unit of work with a longer row fails.
    pub fn max_row_bytes(mut self, bytes: usize) -> Self {
        self.max_row_bytes = bytes.min(512 * 1024 * 1024);
        self
    }

    /// Sets the longest wait of a commit for another program's commit; 10 seconds by default. After
    /// that it fails with a retryable error. With 0 it does not wait.
    pub fn busy_timeout(mut self, time: Duration) -> Self {
        self.busy_timeout = time;
        self
    }

    /// Sets two sizes of the write-ahead log in bytes; 8 and 64 MiB by default. A log above the
    /// first size is copied into the file and restarted. Above the second size, this is retried
    /// every 100 ms. While a read transaction stays open, the log grows beyond both.
    pub fn wal_bytes(mut self, copied_from: u64, max: u64) -> Self {
        self.checkpoint_bytes = copied_from;
        self.max_wal_bytes = max.max(copied_from);
        self
    }
}

impl SqliteOptions {
    /// Fails if an option is out of range.
    pub(crate) fn validate(&self) -> Result<(), StoreError> {
        let range = if !(1..=MAX_READERS).contains(&self.max_readers) {
            format!("`max_readers` is {}: expected 1 to {MAX_READERS}", self.max_readers)
        } else if self.read_timeout.is_zero() {
            "`read_timeout` is 0: expected more, since every read would be out of time".to_owned()
        } else if self.max_row_bytes == 0 {
            "`max_row_bytes` is 0: expected more, since every row would be too long".to_owned()
        } else {
            return Ok(());
        };
        Err(StoreError::permanent(format!("an option of the store is out of range: {range}")))
    }
}
