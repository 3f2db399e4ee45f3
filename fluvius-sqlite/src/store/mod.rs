//! The store: its handles, its close, and its backups.

mod contract;
mod open;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use fluvius_store::{AnyRecord, LogKind, LogPage, LogQuery, StoreError, off_runtime};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::backup::{self, BackupTarget, CancelFlag, Source};
use crate::connection::ReadJob;
use crate::database_path::DatabasePath;
use crate::error::{Fault, thread_lost};
use crate::options::SqliteOptions;
use crate::processes::Processes;
use crate::read::{self, ReadBounds, Scan};
use crate::readers::{Lane, Readers};
use crate::writer::{Job, Writer};

/// Keeps states and logs in one SQLite file. Clones share its connections.
///
/// Any number of stores, in this process and in others, may be open over one file.
///
/// # Closing
/// While the store is open, the newest commits may be in the file beside it that ends in `-wal`.
/// After [`Store::close`](fluvius_store::Store::close), everything is in the file itself, and the
/// files beside it are removed. This requires that no other store or program has the file open.
///
/// - [`Store::close`](fluvius_store::Store::close) closes the store for all clones. Commits already
///   submitted finish first, and running reads and backups are aborted. Every later call on any
///   clone fails with a retryable error (`store-unavailable`).
/// - `DomainRuntime::shutdown` releases the clone that the runtime was built with
///   ([`Store::release`](fluvius_store::Store::release)). If that was the last one, the store is
///   closed when it returns. If other clones remain, all commits are in the file by then, unless a
///   running read needs the `-wal` file.
/// - When the last clone is dropped, a background thread closes the store. The drop does not wait
///   for it. So call `close` before the program ends, or before it copies or moves the file.
///
/// # A file that is deleted, moved or replaced
/// Before a commit is answered, and before each read, the store compares the identity of the file
/// at its path with the one it opened. The identity is the device and the inode. If the file, or
/// one beside it, is missing or replaced, commits and reads fail with retryable errors. A running
/// commit is [`CommitOutcome::InDoubt`](fluvius_store::CommitOutcome::InDoubt). No file is created
/// in its place. Once the same file is back, the store continues. This holds on Unix; Windows does
/// not release a file that is open.
///
/// # Examples
///
/// ```
/// use fluvius_sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("bank.db");
/// use fluvius_store::Store;
///
/// let store = SqliteStore::open(&path).await?;
/// let same_content = store.clone();
/// store.close().await?;
/// // The file alone is the whole store.
/// std::fs::rename(&path, folder.path().join("moved.db"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SqliteStore {
    threads: Arc<Threads>,
    /// True once this clone was released.
    is_released: AtomicBool,
}

#[derive(Debug)]
struct Threads {
    database: Arc<DatabasePath>,
    writer: Writer,
    /// `None` in memory, where the writer's connection is the only one.
    readers: Option<Readers>,
    processes: Processes,
    /// The number of clones that keep the store open.
    handle_count: AtomicUsize,
    is_closed: Arc<AtomicBool>,
}

impl Threads {
    /// Begins to close the store. It accepts no further calls.
    fn end(&self) {
        self.is_closed.store(true, Ordering::Release);
        if let Some(readers) = &self.readers {
            readers.end();
        }
        self.writer.end();
    }

    /// Closes the store, and waits until it is closed.
    async fn close(&self) -> Result<(), StoreError> {
        if !self.is_closed.load(Ordering::Acquire) {
            // A lost writer is replaced first, and then closes the file properly.
            let (answer, _) = oneshot::channel();
            let _ = self.writer.send(Job::ResolveInDoubt(answer));
        }
        self.end();
        off_runtime(self.writer.closed()).await
    }

    /// Releases one clone. Returns true if it was the last.
    fn give_up_handle(&self) -> bool {
        self.handle_count.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

impl Clone for SqliteStore {
    fn clone(&self) -> Self {
        self.threads.handle_count.fetch_add(1, Ordering::AcqRel);
        Self { threads: Arc::clone(&self.threads), is_released: AtomicBool::new(false) }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if !*self.is_released.get_mut() && self.threads.give_up_handle() {
            self.threads.end();
        }
    }
}

impl SqliteStore {
    /// Opens the store in a file with the default options: [`SqliteOptions::open`].
    ///
    /// # Errors
    /// As [`SqliteOptions::open`].
    ///
    /// # Cancellation
    /// As [`SqliteOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::options().open(path).await
    }

    /// Opens an empty store in memory, which is lost with its last clone.
    ///
    /// # Errors
    /// As [`SqliteOptions::open_in_memory`].
    ///
    /// # Cancellation
    /// Nothing stays open.
    pub async fn in_memory() -> Result<Self, StoreError> {
        Self::options().open_in_memory().await
    }

    /// Returns the default options.
    pub fn options() -> SqliteOptions {
        SqliteOptions::default()
    }

    pub(crate) async fn start(database: Arc<DatabasePath>) -> Result<Self, StoreError> {
        let writer = off_runtime(Writer::start(Arc::clone(&database))).await?;
        let readers = match &database.file {
            Some(file) => Some(Readers::start(&database, file, &writer.open_guard()?)?),
            None => None,
        };
        let (handle_count, is_closed) = (AtomicUsize::new(1), Arc::default());
        let processes = Processes::new(database.file.as_deref());
        let threads = Threads { database, writer, readers, processes, handle_count, is_closed };
        Ok(Self { threads: Arc::new(threads), is_released: AtomicBool::new(false) })
    }

    /// Copies the whole store into a new file while it accepts commits.
    ///
    /// # Shape
    /// The copy is a consistent snapshot that contains every command answered before this call.
    /// [`open`](Self::open) opens it as a store. When this returns, the copy is verified
    /// (`PRAGMA quick_check`) and durable.
    ///
    /// The file gets its name once it is complete. Before that it is a `.part` file with a random
    /// name in the same folder. It remains only if the process ends during the backup. Users
    /// without access to the store have no access to the copy.
    ///
    /// Commits continue, and the write-ahead log grows until the copy is complete. For a store in
    /// memory, commits wait until then.
    ///
    /// # Errors
    /// A permanent [`StoreError`] if the name is taken (also with `-wal`, `-shm` or `-journal`
    /// appended), the folder is missing or not writable, or the store is damaged. A retryable one
    /// if the disk is full or fails, or the store is closed. No part of the copy is left.
    ///
    /// # Cancellation
    /// Dropping the future aborts the copy soon. Nothing of it is left, unless it was already
    /// complete.
    ///
    /// # Source
    /// "SQLite Backup API", <https://sqlite.org/backup.html>.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluvius_sqlite::SqliteStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// let store = SqliteStore::open(folder.join("bank.db")).await?;
    /// store.backup_to(folder.join("bank-monday.db")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn backup_to(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let target = BackupTarget::new(path.as_ref())?;
        let wanted = Arc::new(());
        let cancel_flag = CancelFlag::new(&wanted, &self.threads.is_closed);
        let (answer, answered) = oneshot::channel();
        // The clone keeps the store open until the file is closed.
        let store = self.clone();
        let open_guard = self.threads.writer.open_guard()?;
        self.threads.database.check_file()?;
        let run = move || {
            let _ = answer.send(backup::run(store.source(), &target, &cancel_flag, open_guard));
        };
        thread::Builder::new().name("fluvius-sqlite-backup".to_owned()).spawn(run).map_err(
            |error| StoreError::unavailable("cannot start the backup thread").with_source(error),
        )?;
        let made = off_runtime(answered).await.map_err(|_| thread_lost())?;
        drop(wanted);
        made
    }

    /// Returns the source of a backup.
    fn source(&self) -> Source<'_> {
        let writer = &self.threads.writer;
        let mode = self.threads.database.options.file_mode;
        writer.file().map_or_else(|| Source::Memory(writer, mode), Source::File)
    }

    /// The writer.
    #[cfg(test)]
    pub(crate) fn writer(&self) -> &Writer {
        &self.threads.writer
    }

    /// Runs a read on a reader's connection.
    ///
    /// If its future is dropped, the read is skipped or interrupted.
    async fn read<T: Send + 'static>(
        &self,
        lane: Lane,
        read: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let Threads { database, is_closed, .. } = &*self.threads;
        let caller = Arc::new(());
        let bounds = ReadBounds::new(&caller, database.options.read_timeout, is_closed);
        let database = Arc::clone(database);
        let job: ReadJob = Box::new(move |connection| {
            let found = connection.and_then(|connection| {
                bounds.run(|| {
                    database.check_file()?;
                    read(connection)
                })
            });
            // The caller may no longer wait.
            let _ = answer.send(found);
        });
        match &self.threads.readers {
            Some(readers) => readers.send(lane, job)?,
            None => self.threads.writer.send(Job::Read(job))?,
        }
        let found = off_runtime(answered).await.map_err(|_| thread_lost())?;
        drop(caller);
        found
    }

    /// Reads a page of a log, in parts.
    async fn read_pages(
        &self,
        lane: Lane,
        kind: LogKind,
        query: &LogQuery,
    ) -> Result<LogPage<AnyRecord>, StoreError> {
        let mut rest = query.clone();
        rest.scan_limit = rest.scan_limit.max(1);
        let mut rows = Vec::new();
        let mut newest = None;
        loop {
            let part = rest.clone();
            let Scan { page, count } =
                self.read(lane, move |connection| read::log(connection, kind, &part)).await?;
            // Rows that are stored between two parts are above those of a descending page.
            let newest = match query.descending {
                true => *newest.get_or_insert(page.newest),
                false => page.newest,
            };
            let (scanned_to, is_last) = (page.scanned_to, page.is_last());
            rest = rest.resume(scanned_to);
            rest.limit = rest.limit.saturating_sub(page.rows.len());
            rest.scan_limit = rest.scan_limit.saturating_sub(count);
            rows.extend(page.rows);
            if is_last || rest.limit == 0 || rest.scan_limit == 0 {
                return Ok(LogPage::new(rows, scanned_to, newest).with_last(is_last));
            }
        }
    }
}
