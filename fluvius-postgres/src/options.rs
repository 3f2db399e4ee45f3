//! The options of a store: its schema, its durability, and its limits.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fluvius_store::StoreError;

/// The crashes that the stored commands survive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// A crash of the program or the server, and a loss of power: each commit waits until the
    /// server has flushed its rows to disk (`synchronous_commit = on`, or more if the server is set
    /// so).
    #[default]
    Full,
    /// A crash of the program (`synchronous_commit = off`). A crash of the server, or a loss of
    /// power, may lose the last commands although they were answered. The database stays
    /// consistent, and an open store whose acknowledged commits are lost rejects further commits.
    /// Opening a store logs a warning.
    Normal,
}

/// The options of a store.
///
/// # Examples
///
/// ```no_run
/// use fluvius_postgres::PostgresStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::options()
///     .schema("ledger")
///     .max_readers(16)
///     .open("postgres://bank@db.example/bank?sslmode=verify-full")
///     .await?;
/// # let _ = store;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `open` or `open_from_env`"]
pub struct PostgresOptions {
    pub(crate) durability: Durability,
    pub(crate) schema: String,
    pub(crate) max_readers: usize,
    pub(crate) statement_timeout: Duration,
    pub(crate) read_timeout: Duration,
    pub(crate) has_own_thread: bool,
    pub(crate) accepts_fsync_off: bool,
    pub(crate) root_certificates: Option<PathBuf>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Full,
            schema: "fluvius".to_owned(),
            max_readers: 8,
            statement_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(30),
            has_own_thread: false,
            accepts_fsync_off: false,
            root_certificates: None,
        }
    }
}

impl PostgresOptions {
    /// Sets the crashes that an answered command survives. The default is [`Durability::Full`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets the schema of the database that contains the tables. The default is `fluvius`. Stores
    /// over different schemas are independent.
    ///
    /// # Shape
    /// Up to 63 lower-case letters, digits and `_`, not beginning with a digit or with `pg_`; else
    /// [`open`](Self::open) fails.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// Sets the largest number of connections for queries, logs and histories, at least one. The
    /// default is 8. In addition a store has one connection for commits and up to six for the reads
    /// of commands.
    pub fn max_readers(mut self, count: usize) -> Self {
        self.max_readers = count;
        self
    }

    /// Sets the longest time of a statement of a command, including a commit that waits for others.
    /// The default is 30 seconds.
    ///
    /// After that the statement fails with a retryable error. A silent server is detected after
    /// twice that time.
    ///
    /// # Units
    /// Milliseconds, more than 0, up to 24 days.
    pub fn statement_timeout(mut self, time: Duration) -> Self {
        self.statement_timeout = time;
        self
    }

    /// Sets the longest time of a query, a page of a log, a history or a snapshot, and of its wait
    /// for a connection. The default is 30 seconds.
    ///
    /// After that the read fails with a retryable error that names this option. A read whose future
    /// is dropped is cancelled at once.
    ///
    /// # Units
    /// Milliseconds, more than 0, up to 24 days.
    pub fn read_timeout(mut self, time: Duration) -> Self {
        self.read_timeout = time;
        self
    }

    /// Makes the store run on its own thread, even if it is opened in a multi-thread tokio runtime.
    /// The default is `false`. A store that is opened elsewhere always has its own thread.
    ///
    /// Set it if tasks of the runtime may block a worker thread, or if the store has to outlive the
    /// runtime. Trade-off: each commit and each read has two more wake-ups between threads, some 60
    /// µs on a small virtual machine.
    pub fn own_thread(mut self, has_own_thread: bool) -> Self {
        self.has_own_thread = has_own_thread;
        self
    }

    /// Accepts a server that runs with `fsync = off`. The default is `false`. A crash of such a
    /// server may damage the database, so this is for tests.
    pub fn accept_fsync_off(mut self, is_accepted: bool) -> Self {
        self.accepts_fsync_off = is_accepted;
        self
    }

    /// Sets a file with the certificates (PEM) of authorities that are trusted in addition to those
    /// of the system or of `sslrootcert`. It may also contain the self-signed certificate of a
    /// server.
    pub fn root_certificates(mut self, file: impl AsRef<Path>) -> Self {
        self.root_certificates = Some(file.as_ref().to_owned());
        self
    }
}

/// Returns a timeout in the range of PostgreSQL, which counts milliseconds. There 0 would mean no
/// limit.
pub(crate) fn timeout_in_range(option: &str, timeout: Duration) -> Result<Duration, StoreError> {
    if timeout.is_zero() {
        return Err(StoreError::permanent(format!(
            "an option of the store is out of range: `{option}` is 0: expected more, since every \
            statement would time out"
        )));
    }
    Ok(timeout
        .clamp(Duration::from_millis(1), Duration::from_millis(i32::MAX.unsigned_abs().into())))
}
