//! The options of a store: the crashes that it survives, and its limits.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fluvius_core::StoreError;

use crate::SqliteStore;
use crate::error::Fault;
use crate::file_id::FileId;

/// Each reader has two threads.
const READER_COUNT_MAX: usize = 256;

/// The crashes that an answered command survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// A crash of the program and of the machine, and a loss of power: each commit waits until the
    /// disk says that it has the rows (`synchronous = FULL`).
    #[default]
    Full,
    /// A crash of the program. A crash of the machine, or a loss of power, may take the last
    /// commands with it although they were answered; the file stays whole (`synchronous =
    /// NORMAL`). Opening a store so warns.
    Normal,
}

/// The options of a store. Each setting tells what holds unless it is set.
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
    pub(crate) wal_bytes_max: u64,
    pub(crate) unit_count_max: usize,
    pub(crate) bytes_max: usize,
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
            wal_bytes_max: 64 * 1024 * 1024,
            unit_count_max: 1024,
            bytes_max: 4 * 1024 * 1024,
            #[cfg(test)]
            failpoint: crate::failpoint::Failpoint::default(),
        }
    }
}

impl SqliteOptions {
    /// Sets what an answered command survives; [`Durability::Full`] unless set.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The number of connections that answer queries, snapshots and reads of whole logs, each on a
    /// thread of its own; 4 unless set, at least 1 and at most 256.
    ///
    /// The same number of connections answers the reads by identifier: of one aggregate, of its events,
    /// and of one command or context. Commands use only these reads, so queries do not keep them
    /// waiting.
    pub fn max_readers(mut self, count: usize) -> Self {
        self.max_readers = count;
        self
    }

    /// The longest time of a read, from its call to its end, the time in the queue included; 30
    /// seconds unless set, and more than 0. A log, and the history of an aggregate, are read in parts that
    /// each have this time.
    ///
    /// If a read takes longer, it is ended and fails with a retryable error that names this option.
    /// A read whose caller is gone is ended too, whatever time it has left.
    pub fn read_timeout(mut self, time: Duration) -> Self {
        self.read_timeout = time;
        self
    }

    /// The permissions of a file that is made, on Unix; `0o600` unless set, so that no other user
    /// may read it.
    ///
    /// An existing file keeps its own. The files beside it (`-wal`, `-shm`) and backups have those
    /// of the file. On other systems the folder decides, and this does nothing.
    pub fn file_mode(mut self, mode: u32) -> Self {
        self.file_mode = mode & 0o777;
        self
    }

    /// The largest size of the texts of one row, in bytes; 64 MiB unless set, more than 0 and at
    /// most 512 MiB. A unit of work with a longer row fails.
    pub fn max_row_bytes(mut self, bytes: usize) -> Self {
        self.max_row_bytes = bytes.min(512 * 1024 * 1024);
        self
    }

    /// The longest wait of a commit for another program to end its own; 10 seconds unless set. After
    /// that it fails, and may be tried again. With 0 it does not wait.
    pub fn busy_timeout(mut self, time: Duration) -> Self {
        self.busy_timeout = time;
        self
    }

    /// From which size on the write-ahead log is copied into the file, after which it begins anew,
    /// and from which on that is tried every tenth of a second, in bytes; 8 and 64 MiB unless set.
    /// While somebody reads for long it grows beyond this.
    pub fn wal_bytes(mut self, copied_from: u64, max: u64) -> Self {
        self.checkpoint_bytes = copied_from;
        self.wal_bytes_max = max.max(copied_from);
        self
    }

    /// Opens the store in a file, which is made where there is none; its folder must be there.
    /// Two more files lie beside it while it is open, with `-wal` and `-shm` behind its name. All
    /// three stay where they are until the store is closed; see [`SqliteStore`].
    ///
    /// # Errors
    /// A permanent [`StoreError`] where an option is out of range, or the file is no store of fluvius, is damaged, was written by
    /// a newer release or cannot be written to; it is left as it was. One that may pass where
    /// another program has locked it.
    ///
    /// # Cancellation
    /// Nothing stays open. A file that was made may stay.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        self.check()?;
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
                "the path of the store is a URL: write the path of the file alone, such as `bank.db`",
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
        SqliteStore::start(Arc::new(Place::new(Some(path), self))).await
    }

    /// Opens an empty store in memory, which is gone with its last clone.
    ///
    /// # Errors
    /// As [`open`](Self::open) for the options; one that may pass where there is no memory.
    ///
    /// # Cancellation
    /// Nothing stays open.
    pub async fn open_in_memory(self) -> Result<SqliteStore, StoreError> {
        self.check()?;
        SqliteStore::start(Arc::new(Place::new(None, self))).await
    }
}

impl SqliteOptions {
    /// Fails if an option is out of its range.
    fn check(&self) -> Result<(), StoreError> {
        let range = if !(1..=READER_COUNT_MAX).contains(&self.max_readers) {
            format!("`max_readers` is {}: expected 1 to {READER_COUNT_MAX}", self.max_readers)
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

/// The place of a store, and the options with which it is opened.
#[derive(Debug)]
pub(crate) struct Place {
    /// None: in memory.
    pub(crate) file: Option<PathBuf>,
    pub(crate) options: SqliteOptions,
    /// The file that was opened first.
    id: OnceLock<FileId>,
}

impl Place {
    pub(crate) fn new(file: Option<PathBuf>, options: SqliteOptions) -> Self {
        Self { file, options, id: OnceLock::new() }
    }

    /// Returns true once the file was opened.
    pub(crate) fn is_opened(&self) -> bool {
        self.id.get().is_some()
    }

    /// Remembers the file that has just been opened, if it is the first.
    pub(crate) fn remember(&self) -> Result<(), Fault> {
        let Some(file) = &self.file else { return Ok(()) };
        let id = FileId::of(file).map_err(|error| Fault::Told(gone(file).with_source(error)))?;
        let _ = self.id.set(id);
        self.check_file()
    }

    /// Fails if the file at the path is not the one that was opened.
    pub(crate) fn check_file(&self) -> Result<(), Fault> {
        let (Some(file), Some(id)) = (&self.file, self.id.get()) else { return Ok(()) };
        check_id(file, *id, file)
    }
}

/// Fails if the file at a path, one of the database, has another identity.
pub(crate) fn check_id(path: &Path, id: FileId, database: &Path) -> Result<(), Fault> {
    match FileId::of(path) {
        Ok(found) if found == id => Ok(()),
        Ok(_) => Err(Fault::Told(gone(database))),
        Err(error) => Err(Fault::Told(gone(database).with_source(error))),
    }
}

fn gone(file: &Path) -> StoreError {
    StoreError::unavailable(format!(
        "`{}`, or a file beside it, was deleted, moved or replaced while it was open: put it back, \
         or close the store and open it again",
        file.display()
    ))
}
