//! The store: what the core asks for, handed to the writer or to a reader.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use fluvius_core::query::Field;
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    ActivityRecord, AggregateRoot, CommandRecord, ContextRecord, EventRecord, Fate, KnownCommand,
    LogPage, LogQuery, Logged, MessageRecord, StateQuery, StateRecord, Store, StoreError,
    UnitOfWork,
};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::backup::{self, Source, Target};
use crate::error::Fault;
use crate::options::{Place, SqliteOptions};
use crate::read::{self, Scan};
use crate::readers::{self, Readers};
use crate::writer::{self, Commit, Job, Writer};

/// Keeps states and logs in one SQLite file. Clones share it; with the last of them the file is
/// closed.
///
/// Any number of stores, in this process and in others, may be open over one file.
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
/// let store = SqliteStore::open(path).await?;
/// let same_content = store.clone();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SqliteStore {
    threads: Arc<Threads>,
}

#[derive(Debug)]
struct Threads {
    writer: Writer,
    /// None: in memory, where the writer's connection is the only one.
    readers: Option<Readers>,
}

impl SqliteStore {
    /// Opens the store in a file with the usual options: [`SqliteOptions::open`].
    ///
    /// # Errors
    /// As [`SqliteOptions::open`].
    ///
    /// # Cancellation
    /// As [`SqliteOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::options().open(path).await
    }

    /// Opens an empty store in memory, which is gone with its last clone.
    ///
    /// # Errors
    /// Where there is no memory.
    ///
    /// # Cancellation
    /// Nothing stays open.
    pub async fn in_memory() -> Result<Self, StoreError> {
        Self::options().open_in_memory().await
    }

    /// The options, to be set before a store is opened.
    pub fn options() -> SqliteOptions {
        SqliteOptions::default()
    }

    pub(crate) async fn start(place: Arc<Place>) -> Result<Self, StoreError> {
        let writer = Writer::start(Arc::clone(&place)).await?;
        let readers = match &place.file {
            Some(file) => {
                Some(Readers::start(file, place.options.reader_count, &writer.is_open())?)
            }
            None => None,
        };
        Ok(Self { threads: Arc::new(Threads { writer, readers }) })
    }

    /// Copies the whole store into a new file, while commands run.
    ///
    /// # Shape
    /// The copy is the store at one moment, with every command that was answered before this was
    /// called. It is a store that [`open`](Self::open) opens. When this returns it is checked
    /// (`PRAGMA quick_check`) and durable.
    ///
    /// The file gets its name once it is whole: before that it is a `.part` file with a random name
    /// in the same folder, which stays only where the process ends meanwhile. Who may not read the
    /// store may not read the copy.
    ///
    /// Commits go on, and the write-ahead log grows until all is copied. Of a store in memory,
    /// commits wait until all is copied.
    ///
    /// # Errors
    /// A permanent [`StoreError`] where the name is taken (also with `-wal`, `-shm` or `-journal`
    /// behind it), the folder is not there or cannot be written to, or the store is damaged. One
    /// that may pass where the disk is full or fails. Nothing of the copy is left.
    ///
    /// # Cancellation
    /// Dropping the future ends the copying soon. Nothing of it is left, unless it was whole
    /// already.
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
        let target = Target::new(path.as_ref())?;
        let wanted = Arc::new(());
        let is_wanted = Arc::downgrade(&wanted);
        let (answer, answered) = oneshot::channel();
        // It keeps the store open until it has let go of the file.
        let store = self.clone();
        let run = move || {
            let _ = answer.send(backup::run(store.source(), &target, &is_wanted));
        };
        thread::Builder::new().name("fluvius-sqlite-backup".to_owned()).spawn(run).map_err(
            |error| {
                StoreError::unavailable("the system has no thread for a backup").with_source(error)
            },
        )?;
        let made = answered.await.map_err(|_| writer::lost())?;
        drop(wanted);
        made
    }

    /// What a backup copies.
    fn source(&self) -> Source<'_> {
        let writer = &self.threads.writer;
        writer.file().map_or_else(|| Source::Memory(writer), Source::File)
    }

    /// The writer.
    #[cfg(test)]
    pub(crate) fn writer(&self) -> &Writer {
        &self.threads.writer
    }

    /// Runs a read on one of the connections that read.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: readers::Job = Box::new(move |connection| {
            let found = connection.and_then(|connection| Ok(read(connection)?));
            // Whoever has asked may be gone.
            let _ = answer.send(found);
        });
        match &self.threads.readers {
            Some(readers) => readers.send(job)?,
            None => self.threads.writer.send(Job::Read(job))?,
        }
        answered.await.map_err(|_| writer::lost())?
    }

    /// A page of a log, part by part.
    async fn log<T: Send + 'static>(
        &self,
        query: &LogQuery,
        read: fn(&Connection, &LogQuery) -> Result<Scan<T>, Fault>,
    ) -> Result<LogPage<T>, StoreError> {
        let mut rest = query.clone();
        rest.scan_limit = rest.scan_limit.max(1);
        let mut rows = Vec::new();
        loop {
            let part = rest.clone();
            let Scan { page, count, is_end } =
                self.read(move |connection| read(connection, &part)).await?;
            rest.after = page.scanned_to;
            rest.limit = rest.limit.saturating_sub(page.rows.len());
            rest.scan_limit = rest.scan_limit.saturating_sub(count);
            rows.extend(page.rows);
            if is_end || rest.limit == 0 || rest.scan_limit == 0 {
                return Ok(LogPage::new(rows, page.scanned_to, page.newest));
            }
        }
    }
}

impl Store for SqliteStore {
    async fn claim(&self, domain: &str, resources: &[&'static str]) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let (domain, resources) = (domain.to_owned(), resources.to_vec());
        self.threads.writer.send(Job::Claim { domain, resources, answer })?;
        answered.await.map_err(|_| writer::lost())?
    }

    async fn index(&self, resource: &str, fields: &[Field]) -> Result<(), StoreError> {
        let mut fields = Some(fields.to_vec());
        loop {
            let (answer, answered) = oneshot::channel();
            let resource = resource.to_owned();
            self.threads.writer.send(Job::Index { resource, fields: fields.take(), answer })?;
            // Commits come in between.
            if !answered.await.map_err(|_| writer::lost())?? {
                return Ok(());
            }
        }
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<Fate> {
        if batch.is_empty() {
            return Vec::new();
        }
        let (answer, answered) = oneshot::channel();
        let commit = Commit { batch: Arc::clone(&batch), answer };
        if let Err(error) = self.threads.writer.send(Job::Commit(commit)) {
            return batch.iter().map(|_| Fate::Failed(error.clone())).collect();
        }
        // Only a thread that has ended leaves it unanswered: the log must tell what it has done.
        answered.await.unwrap_or_else(|_| batch.iter().map(|_| Fate::Unknown).collect())
    }

    async fn load(&self, root: &AggregateRoot) -> Result<Option<StateRecord>, StoreError> {
        let root = root.clone();
        self.read(move |connection| read::load(connection, &root)).await
    }

    async fn snapshot(
        &self,
        roots: &[AggregateRoot],
    ) -> Result<Vec<Option<StateRecord>>, StoreError> {
        let roots = roots.to_vec();
        self.read(move |connection| read::snapshot(connection, &roots)).await
    }

    async fn query(&self, query: &StateQuery) -> Result<Vec<StateRecord>, StoreError> {
        query.check()?;
        let query = query.clone();
        self.read(move |connection| read::query(connection, &query)).await
    }

    async fn command(&self, id: Uuid) -> Result<Option<KnownCommand>, StoreError> {
        if self.threads.writer.is_unsettled() {
            let (answer, answered) = oneshot::channel();
            self.threads.writer.send(Job::Settle(answer))?;
            answered.await.map_err(|_| writer::lost())??;
        }
        self.read(move |connection| read::command(connection, id)).await
    }

    async fn history(
        &self,
        root: &AggregateRoot,
        first: u64,
        last: u64,
    ) -> Result<Vec<Logged<EventRecord>>, StoreError> {
        let mut rows = Vec::new();
        let mut next = Some(first);
        while let Some(first) = next {
            let root = root.clone();
            let part = self.read(move |connection| read::history(connection, &root, first, last));
            let part = part.await?;
            rows.extend(part.rows);
            next = part.next;
        }
        Ok(rows)
    }

    async fn commands(&self, query: &LogQuery) -> Result<LogPage<CommandRecord>, StoreError> {
        self.log(query, |connection, query| read::page(connection, &read::COMMANDS, query)).await
    }

    async fn events(&self, query: &LogQuery) -> Result<LogPage<EventRecord>, StoreError> {
        self.log(query, read::page_of_root).await
    }

    async fn messages(&self, query: &LogQuery) -> Result<LogPage<MessageRecord>, StoreError> {
        self.log(query, |connection, query| read::page(connection, &read::MESSAGES, query)).await
    }

    async fn activities(&self, query: &LogQuery) -> Result<LogPage<ActivityRecord>, StoreError> {
        self.log(query, |connection, query| read::page(connection, &read::ACTIVITIES, query)).await
    }

    async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, StoreError> {
        self.read(move |connection| read::context(connection, id)).await
    }
}
