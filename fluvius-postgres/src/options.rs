//! The options of a store: its schema, the crashes that it survives, and its limits.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fluvius_core::StoreError;

use crate::PostgresStore;
use crate::connect::Place;

/// The environment variable that names the database where no address is given.
const URL_VARIABLE: &str = "DATABASE_URL";

/// The crashes that an answered command survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// A crash of the program and of the server, and a loss of power: each commit waits until the server's disk says
    /// that it has the rows (`synchronous_commit = on`, or what the server is set to beyond that).
    #[default]
    Full,
    /// A crash of the program. A crash of the server, or a loss of power, may take the last commands with it although
    /// they were answered, and a store that was told of them commits nothing more; the database stays whole
    /// (`synchronous_commit = off`). Opening a store so warns.
    Normal,
}

/// The options of a store. Each setting tells what holds unless it is set.
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
#[must_use = "nothing is opened before `open` or `open_from_env`"]
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
    /// Sets what an answered command survives; [`Durability::Full`] unless set.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The schema of the database in which the tables lie; `fluvius` unless set. Stores over different schemas of one
    /// database have nothing to do with each other.
    ///
    /// # Shape
    /// Lower-case letters, digits and `_`, not beginning with a digit or with `pg_`, at most 63; anything else is
    /// refused by [`open`](Self::open).
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// The largest number of connections for queries, logs and histories; 8 unless set, and at least one. Beside them
    /// there are one for commits and up to six for the reads of commands.
    pub fn max_readers(mut self, count: usize) -> Self {
        self.max_readers = count;
        self
    }

    /// The longest time of a statement of a command, including a commit that waits for others; 30 seconds unless set, more
    /// than 0, and counted in milliseconds up to 24 days.
    /// After that it fails with a retryable error. If the server is silent, this is noticed after twice that time.
    pub fn statement_timeout(mut self, time: Duration) -> Self {
        self.statement_timeout = time;
        self
    }

    /// The longest time of a query, a page of a log, a history or a snapshot, and of its wait for a connection before;
    /// 30 seconds unless set, more than 0, and counted in milliseconds up to 24 days. After that the server ends it, and it fails with a retryable error that names this
    /// option. A read whose future is dropped is cancelled at once.
    pub fn read_timeout(mut self, time: Duration) -> Self {
        self.read_timeout = time;
        self
    }

    /// Sets whether the store works on a thread of its own even if it is opened in a multi-thread tokio runtime;
    /// `false` unless set. If it is opened elsewhere, it always has one.
    ///
    /// Set it if tasks of that runtime may block a worker thread, or if the store is to outlive the runtime. Trade-off:
    /// a commit and a read take two more wake-ups between threads, some 60 µs on a small virtual machine.
    pub fn own_thread(mut self, has_own_thread: bool) -> Self {
        self.has_own_thread = has_own_thread;
        self
    }

    /// Sets whether a server that runs with `fsync = off` is accepted; it is not unless set. A crash of such a server may
    /// leave the database damaged: it is for tests.
    pub fn accept_fsync_off(mut self, is_accepted: bool) -> Self {
        self.accepts_fsync_off = is_accepted;
        self
    }

    /// A file with certificates (PEM) of authorities that are trusted beside those of the system, or beside those of
    /// `sslrootcert`. A self-signed certificate of a server may be in it too.
    pub fn root_certificates(mut self, file: impl AsRef<Path>) -> Self {
        self.root_certificates = Some(file.as_ref().to_owned());
        self
    }

    /// Opens the store in the database at an address.
    ///
    /// # Shape
    /// `url` is an address as libpq has it, `postgres://user:password@host:port/database?sslmode=verify-full` or
    /// `host=.. user=..`, with libpq's settings. `sslmode` is one of:
    ///
    /// | `sslmode` | TLS | certificate of the server |
    /// |---|---|---|
    /// | `disable` | no | |
    /// | `allow` | if the server demands it | not verified |
    /// | `prefer` | if the server offers it and it comes about | not verified |
    /// | `require` | yes | not verified; with named authorities as `verify-ca` |
    /// | `verify-ca` | yes | signed by a trusted authority |
    /// | `verify-full` | yes | signed by a trusted authority for the host of the address |
    ///
    /// Without `sslmode` it is `prefer` if all hosts are this machine (`localhost` or a loopback address), and
    /// `verify-full` otherwise or if authorities are named. Unix sockets use no TLS. The trusted authorities are those of
    /// the file `sslrootcert`, or of the system (also `sslrootcert=system`); those of
    /// [`root_certificates`](Self::root_certificates) are added.
    ///
    /// # Errors
    /// A permanent [`StoreError`] where the address (the text names the part), an option or the name of the schema is not
    /// valid, the certificate of the server is not accepted, the server refuses the user, the user lacks rights (the
    /// text has the `GRANT`), a pooler gives each transaction another session, or where the server runs with `fsync = off`, is older than 14 or does not store UTF-8, or where the schema holds something
    /// else or was written by a newer release; what is there is left as it was. One that may pass where the server
    /// cannot be reached or is a standby.
    ///
    /// # Cancellation
    /// Nothing stays open. A schema that was made may stay.
    pub async fn open(mut self, url: &str) -> Result<PostgresStore, StoreError> {
        self.statement_timeout = within_bounds("statement_timeout", self.statement_timeout)?;
        self.read_timeout = within_bounds("read_timeout", self.read_timeout)?;
        if self.max_readers == 0 {
            return Err(StoreError::permanent(
                "an option of the store is out of range: `max_readers` is 0: expected more, since no query could be run",
            ));
        }
        if self.durability == Durability::Normal {
            tracing::warn!(
                schema = self.schema,
                "opened with Durability::Normal: after a crash of the server, or a loss of power, the last commands \
                 may be missing although they were answered"
            );
        }
        PostgresStore::start(Place::new(url, self)?).await
    }

    /// Opens the store in the database that the environment variable `DATABASE_URL` names.
    ///
    /// # Errors
    /// As [`open`](Self::open); a permanent [`StoreError`] where the variable is not set.
    ///
    /// # Cancellation
    /// As [`open`](Self::open).
    pub async fn open_from_env(self) -> Result<PostgresStore, StoreError> {
        match std::env::var(URL_VARIABLE) {
            Ok(url) => self.open(&url).await,
            Err(error) => Err(StoreError::permanent(format!(
                "the environment variable {URL_VARIABLE} must name the database: \
                 postgres://user@host/database"
            ))
            .with_source(error)),
        }
    }
}

/// Returns a time as PostgreSQL can count it, in milliseconds up to a bound. There 0 means no limit.
fn within_bounds(option: &str, time: Duration) -> Result<Duration, StoreError> {
    if time.is_zero() {
        return Err(StoreError::permanent(format!(
            "an option of the store is out of range: `{option}` is 0: expected more, since every statement would be out of \
             time"
        )));
    }
    Ok(time.clamp(Duration::from_millis(1), Duration::from_millis(i32::MAX.unsigned_abs().into())))
}
