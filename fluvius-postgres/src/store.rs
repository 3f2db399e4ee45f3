//! The store. Commits go to the writer, reads to the pools.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fluvius_store::chrono::{DateTime, Utc};
use fluvius_store::off_runtime;
use fluvius_store::query::{Field, StateScan};
use fluvius_store::uuid::Uuid;
use fluvius_store::work::{
    Announcement, Capabilities, Incarnation, WorkOutcome, WorkPage, WorkQuery, WorkUnit,
};
use fluvius_store::{
    AggregateId, AnyRecord, CommitOutcome, ContextRecord, EventRecord, Lease, LogEntry, LogKind,
    LogPage, LogQuery, StateQuery, StateRecord, Store, StoreError, StoredCommand, UnitOfWork,
};

use crate::commit::{SingleUpdate, Writer};
use crate::connection::{Connector, Endpoint};
use crate::detached::{CommitCaller, DetachedCommits, InlineCommit};
use crate::indexes::Indexes;
use crate::leases::Leases;
use crate::load_batcher::LoadBatcher;
use crate::notifications::Notifications;
use crate::options::{Durability, PostgresOptions, timeout_in_range};
use crate::pool::ReadPool;
use crate::runtime::StoreRuntime;
use crate::{announcements, read, work};

/// The environment variable that [`PostgresOptions::open_from_env`] reads.
const URL_VARIABLE: &str = "DATABASE_URL";

/// A store in a PostgreSQL database.
///
/// Clones share its connections, which are closed with the last clone; [`Store::close`] and
/// [`Store::release`] do nothing. Any number of stores, in this process and in others, may be open
/// over one schema.
///
/// # Runtimes
/// A store runs on the multi-thread tokio runtime in which it was opened, with its connections,
/// commits and reads. If it is opened elsewhere, or with
/// [`own_thread`](PostgresOptions::own_thread), it has its own thread, which ends with the last
/// clone. Callers may use any tokio runtime, or none. A caller may be dropped, and its runtime may
/// end, at any time: a commit completes once its future was polled. After the end of the runtime
/// that the store runs on, every call fails with a permanent [`StoreError`] that says so.
///
/// # Examples
///
/// ```no_run
/// use fluvius_postgres::PostgresStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::open("postgres://bank@localhost/bank").await?;
/// let same_content = store.clone();
/// # let _ = same_content;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PostgresStore {
    connections: Arc<Connections>,
}

#[derive(Debug)]
struct Connections {
    runtime: StoreRuntime,
    /// Opens the sessions of announced processes.
    connector: Connector,
    writer: Writer,
    /// The commits whose callers were dropped.
    detached: DetachedCommits,
    /// The pool for queries, logs and histories.
    query_pool: ReadPool,
    /// The pool for the reads of commands.
    command_pool: ReadPool,
    load_batcher: Arc<LoadBatcher>,
    notifications: Notifications,
    leases: Arc<Leases>,
    indexes: Indexes,
}

impl PostgresStore {
    /// Opens a store with the default options: [`PostgresOptions::open`].
    ///
    /// # Errors
    /// As [`PostgresOptions::open`].
    ///
    /// # Cancellation
    /// As [`PostgresOptions::open`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::options().open(url).await
    }

    /// Returns the default options.
    pub fn options() -> PostgresOptions {
        PostgresOptions::default()
    }

    async fn start(endpoint: Endpoint) -> Result<Self, StoreError> {
        let runtime = StoreRuntime::start(endpoint.options.has_own_thread)?;
        let connector = Connector::new(endpoint, runtime.clone());
        let start = async move {
            let query_pool = ReadPool::for_queries(connector.clone());
            let command_pool = ReadPool::for_commands(connector.clone());
            let load_batcher =
                Arc::new(LoadBatcher::new(connector.runtime.clone(), command_pool.clone()));
            let leases = Arc::new(Leases::new(connector.clone()));
            let notifications = Notifications::new(connector.clone());
            let runtime = connector.runtime.clone();
            let writer =
                Writer::open(connector.clone(), command_pool.clone(), leases.process()).await?;
            let indexes = Indexes::default();
            let connections = Connections {
                runtime,
                connector,
                writer,
                detached: DetachedCommits::default(),
                query_pool,
                command_pool,
                load_batcher,
                notifications,
                leases,
                indexes,
            };
            Ok(Self { connections: Arc::new(connections) })
        };
        runtime.run_while_awaited(Box::pin(start)).await?
    }

    fn query_pool(&self) -> &ReadPool {
        &self.connections.query_pool
    }
}

impl PostgresOptions {
    /// Opens a store in the database at an address.
    ///
    /// # Shape
    /// `url` is an address of libpq,
    /// `postgres://user:password@host:port/database?sslmode=verify-full` or `host=.. user=..`, with
    /// libpq's settings. `sslmode` is one of:
    ///
    /// | `sslmode` | TLS | certificate of the server |
    /// |---|---|---|
    /// | `disable` | no | |
    /// | `allow` | if the server demands it | not verified |
    /// | `prefer` | if the server offers it and the handshake succeeds | not verified |
    /// | `require` | yes | not verified; with `sslrootcert` or `root_certificates` as `verify-ca` |
    /// | `verify-ca` | yes | signed by a trusted authority |
    /// | `verify-full` | yes | signed by a trusted authority for the host of the address |
    ///
    /// The default is `prefer` if all hosts are this machine (`localhost` or a loopback address)
    /// and no authorities are given, else `verify-full`. Unix sockets use no TLS. The trusted
    /// authorities are those of the file `sslrootcert`, or of the system (also
    /// `sslrootcert=system`); those of [`root_certificates`](Self::root_certificates) are added.
    ///
    /// # Errors
    /// A permanent [`StoreError`] if:
    ///
    /// - the address (the text names the part), an option or the name of the schema is not valid;
    /// - the certificate of the server is not accepted, or the server rejects the login;
    /// - the user lacks privileges (the text contains the `GRANT`);
    /// - a pooler assigns a session per transaction;
    /// - the server runs with `fsync = off`, is older than 14, or does not store UTF-8;
    /// - the schema contains something other than a store, or its version is from before the first
    ///   release or from a newer release; it is left untouched.
    ///
    /// A retryable one if the server cannot be reached, or is a standby.
    ///
    /// # Cancellation
    /// No connection stays open. A schema that was created may stay.
    pub async fn open(mut self, url: &str) -> Result<PostgresStore, StoreError> {
        self.statement_timeout = timeout_in_range("statement_timeout", self.statement_timeout)?;
        self.read_timeout = timeout_in_range("read_timeout", self.read_timeout)?;
        if self.max_readers == 0 {
            return Err(StoreError::permanent(
                "an option of the store is out of range: `max_readers` is 0: expected more, since \
                no query could run",
            ));
        }
        if self.durability == Durability::Normal {
            tracing::warn!(
                schema = self.schema,
                "opened with Durability::Normal: after a crash of the server, or a loss of power, \
                the last commands may be missing although they were answered"
            );
        }
        PostgresStore::start(Endpoint::new(url, self)?).await
    }

    /// Opens a store in the database at the address in the environment variable `DATABASE_URL`.
    ///
    /// # Errors
    /// As [`open`](Self::open); a permanent [`StoreError`] if the variable is not set.
    ///
    /// # Cancellation
    /// As [`open`](Self::open).
    pub async fn open_from_env(self) -> Result<PostgresStore, StoreError> {
        match std::env::var(URL_VARIABLE) {
            Ok(url) => self.open(&url).await,
            Err(error) => Err(StoreError::permanent(format!(
                "the environment variable {URL_VARIABLE} must contain the address of the database: \
                 postgres://user@host/database"
            ))
            .with_source(error)),
        }
    }
}

impl Connections {
    /// Commits a batch in a task of the store: all commits share one connection, so no caller may
    /// hold its lock, and a dropped commit would lose it for the others.
    async fn commit_in_task(
        self: &Arc<Self>,
        batch: Arc<[UnitOfWork]>,
        path: FirstPath,
    ) -> Vec<CommitOutcome> {
        let (caller, running) = CommitCaller::new(&self.detached, &batch);
        let has_begun = Arc::new(AtomicBool::new(false));
        let commit = {
            let (connections, batch) = (Arc::clone(self), Arc::clone(&batch));
            let has_begun = Arc::clone(&has_begun);
            async move {
                has_begun.store(true, Ordering::SeqCst);
                let outcomes = match path {
                    FirstPath::Any => connections.writer.commit(&batch).await,
                    FirstPath::Function => connections.writer.commit_by_function(&batch).await,
                };
                connections.notify_of(&outcomes);
                drop(running);
                outcomes
            }
        };
        let committed = self.runtime.run(commit).await;
        caller.answered();
        match committed {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let outcome = || match has_begun.load(Ordering::SeqCst) {
                    true => CommitOutcome::InDoubt,
                    false => CommitOutcome::Failed(error.clone()),
                };
                batch.iter().map(|_| outcome()).collect()
            }
        }
    }

    /// Commits an update, which holds no lock while it waits for its answer.
    async fn commit_single(
        self: Arc<Self>,
        update: SingleUpdate,
        batch: Arc<[UnitOfWork]>,
    ) -> Vec<CommitOutcome> {
        match self.writer.commit_single(&update, &batch[0]).await {
            Some(outcome) => {
                let outcomes = vec![outcome];
                self.notify_of(&outcomes);
                outcomes
            }
            None => self.commit_in_task(batch, FirstPath::Function).await,
        }
    }

    fn notify_of(&self, outcomes: &[CommitOutcome]) {
        if outcomes.iter().any(|outcome| matches!(outcome, CommitOutcome::Committed { .. })) {
            self.notifications.notify();
        }
    }
}

/// The method that a commit in a task tries first.
#[derive(Debug, Clone, Copy)]
enum FirstPath {
    Any,
    /// `commit_batch`, after an update that has stored nothing.
    Function,
}

impl Store for PostgresStore {
    async fn register_domain(
        &self,
        domain: &str,
        resources: &[&'static str],
    ) -> Result<(), StoreError> {
        Ok(read::register_domain(&self.connections.command_pool, domain, resources).await?)
    }

    async fn declare_indexes(&self, resource: &str, fields: &[Field]) -> Result<(), StoreError> {
        let connections = &self.connections;
        Ok(connections.indexes.declare(&connections.command_pool, resource, fields).await?)
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        if batch.is_empty() {
            return Vec::new();
        }
        let connections = &self.connections;
        match SingleUpdate::new(&connections.writer, &batch) {
            Some(update) => {
                let work = Arc::clone(connections).commit_single(update, Arc::clone(&batch));
                let Connections { detached, runtime, .. } = &**connections;
                off_runtime(InlineCommit::new(detached, runtime, batch, work)).await
            }
            None => connections.commit_in_task(batch, FirstPath::Any).await,
        }
    }

    fn changed(&self) -> impl Future<Output = ()> + Send {
        self.connections.notifications.changed()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        Ok(work::incarnation(&self.connections.command_pool).await?)
    }

    async fn work(&self, query: &WorkQuery) -> Result<WorkPage, StoreError> {
        Ok(work::read(&self.connections.command_pool, query).await?)
    }

    async fn write_work(&self, units: Arc<[WorkUnit]>, _now: DateTime<Utc>) -> Vec<WorkOutcome> {
        let connections = &self.connections;
        let outcomes = work::write(&connections.command_pool, &units).await;
        if units.iter().any(|unit| !unit.activities.is_empty()) {
            connections.notifications.notify();
        }
        outcomes
    }

    async fn announce(&self, process: Uuid) -> Option<Announcement> {
        announcements::announce(&self.connections.connector, process).await
    }

    async fn ended(&self, processes: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        Ok(work::ended(&self.connections.command_pool, processes).await?)
    }

    async fn acquire_lease(&self, aggregate_id: &AggregateId) -> Option<Lease> {
        self.connections.leases.acquire(aggregate_id).await
    }

    async fn load(&self, aggregate_id: &AggregateId) -> Result<Option<StateRecord>, StoreError> {
        self.connections.load_batcher.load(aggregate_id).await
    }

    async fn snapshot(
        &self,
        aggregate_ids: &[AggregateId],
    ) -> Result<Vec<Option<StateRecord>>, StoreError> {
        Ok(read::snapshot(self.query_pool(), aggregate_ids).await?)
    }

    async fn query(&self, query: &StateQuery) -> Result<Vec<StateRecord>, StoreError> {
        query.check()?;
        Ok(read::query(self.query_pool(), &self.connections.indexes, query).await?)
    }

    async fn scan(&self, query: &StateQuery, scan_limit: usize) -> Result<StateScan, StoreError> {
        query.check()?;
        Ok(read::scan(self.query_pool(), &self.connections.indexes, query, scan_limit).await?)
    }

    async fn command(&self, id: Uuid) -> Result<Option<StoredCommand>, StoreError> {
        let connections = &self.connections;
        off_runtime(connections.detached.wait_for(id)).await;
        connections.writer.terminate_lost().await?;
        Ok(read::command(&connections.command_pool, id).await?)
    }

    async fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Result<Vec<LogEntry<EventRecord>>, StoreError> {
        Ok(read::history(self.query_pool(), aggregate_id, first, last).await?)
    }

    async fn log(&self, kind: LogKind, query: &LogQuery) -> Result<LogPage<AnyRecord>, StoreError> {
        Ok(read::log(self.query_pool(), kind, query).await?)
    }

    async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, StoreError> {
        Ok(read::context(&self.connections.command_pool, id).await?)
    }
}
