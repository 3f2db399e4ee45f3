//! The writer: sends batches over one connection, and opens it again after a loss.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use fluvius_store::{CommitOutcome, StoreError};
use metrics::Counter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, Statement};

use super::conflicts;
use super::params::{BatchParams, States};
use super::reply::{self, CommitReply, UpdateReply};
use super::writer_connection::{LivenessLock, WriterConnection};
use crate::backoff::Backoff;
use crate::connection::Connector;
use crate::error::Fault;
use crate::options::Durability;
use crate::pool::ReadPool;
use crate::statement_params::{self, param};

/// The largest number of attempts of a batch that conflicts with other transactions.
const MAX_ATTEMPTS: usize = 8;

/// Commits batches, over a connection that is opened again after a loss.
///
/// A commit runs to its end even if its caller is dropped. It is a task of the store's runtime; a
/// single update becomes one when its caller is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    connector: Connector,
    /// Delays further attempts after failures to connect to a reachable server.
    backoff: Backoff,
    /// Reads the rows of duplicate commands.
    pool: ReadPool,
    /// The number of this store among the holders of leases.
    pub(super) process: i64,
    connection: tokio::sync::Mutex<Slot>,
    /// The locks of connections that were lost during a commit and may not have ended yet.
    lost: Mutex<Vec<LivenessLock>>,
    /// The newest position that the server has acknowledged.
    pub(super) newest: Arc<AtomicI64>,
    /// The calls of update statements, and those of `commit_batch`.
    pub(super) calls: [Counter; 2],
}

/// The connection, and the last failure to open one with its time.
#[derive(Debug, Default)]
struct Slot {
    connection: Option<Arc<WriterConnection>>,
    failed: Option<(Instant, StoreError)>,
}

impl Slot {
    /// Returns the connection, if it is not lost.
    fn ready(&self) -> Option<Arc<WriterConnection>> {
        let connection = self.connection.as_ref()?;
        let is_lost = connection.client.is_closed() || connection.is_lost.load(Ordering::SeqCst);
        (!is_lost).then(|| Arc::clone(connection))
    }
}

/// The method that stores a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitPath {
    /// By an update statement, if all aggregates are present.
    Update,
    /// By `commit_batch`.
    Function(States),
}

impl CommitPath {
    /// Returns the method that is tried first.
    pub(super) fn of(params: &BatchParams<'_>) -> Self {
        match params.is_update() {
            true => Self::Update,
            false => Self::Function(params.initial_states()),
        }
    }
}

/// The failure of a statement that stores units.
pub(super) enum QueryError {
    /// Nothing is stored.
    Failed(Fault),
    /// Everything is stored, or nothing.
    InDoubt(Fault),
}

impl QueryError {
    /// Returns the outcome of the only unit.
    pub(super) fn outcome(self) -> CommitOutcome {
        match self {
            Self::Failed(fault) => CommitOutcome::Failed(fault.into()),
            Self::InDoubt(fault) => {
                warn_of_doubt(&fault);
                CommitOutcome::InDoubt
            }
        }
    }
}

fn warn_of_doubt(fault: &Fault) {
    tracing::warn!(error = %fault, "the outcome of a commit is unknown");
}

/// The result of storing a batch.
pub(super) enum CallResult {
    Done(CommitReply),
    /// Nothing of the batch is stored.
    Failed(Fault),
    /// All of the batch is stored, or nothing.
    InDoubt(Fault),
    /// Nothing of the batch is stored. By unit: the outcome if it aborts, `None` if it may commit.
    Conflicts(Vec<Option<CommitOutcome>>),
}

impl Writer {
    pub(crate) async fn open(
        connector: Connector,
        pool: ReadPool,
        process: i64,
    ) -> Result<Self, StoreError> {
        let newest = Arc::new(AtomicI64::new(0));
        let connection = Some(Arc::new(WriterConnection::open(&connector, true, &newest).await?));
        Ok(Self {
            backoff: Backoff::new(connector.runtime.clone(), false),
            connector,
            pool,
            process,
            connection: tokio::sync::Mutex::new(Slot { connection, failed: None }),
            lost: Mutex::default(),
            newest,
            calls: ["update", "function"].map(
                |path| metrics::counter!("fluvius_postgres_commit_calls_total", "path" => path),
            ),
        })
    }

    pub(super) async fn outcomes(
        &self,
        params: &BatchParams<'_>,
        result: CallResult,
    ) -> Vec<CommitOutcome> {
        let in_doubt = || params.batch.iter().map(|_| CommitOutcome::InDoubt).collect();
        match result {
            CallResult::Done(reply) => {
                reply::outcomes(&self.pool, params, &reply).await.unwrap_or_else(|fault| {
                    tracing::error!(error = %fault, "cannot read the outcomes of a commit");
                    in_doubt()
                })
            }
            CallResult::Failed(fault) => {
                let error = StoreError::from(fault);
                let own = |unit| params.malformed.get(&unit).unwrap_or(&error).clone();
                (0..params.batch.len()).map(|unit| CommitOutcome::Failed(own(unit))).collect()
            }
            CallResult::InDoubt(fault) => {
                warn_of_doubt(&fault);
                in_doubt()
            }
            // Only `commit_part` lets a call return conflicts.
            CallResult::Conflicts(aborted) => aborted
                .into_iter()
                .map(|outcome| outcome.unwrap_or(CommitOutcome::InDoubt))
                .collect(),
        }
    }

    /// Stores a batch, by this method first. Retries it after a conflict with other transactions.
    /// If the update statement has stored nothing because of version conflicts, it returns the
    /// units that abort, or, unless `returns_conflicts` is set, stores the batch by `commit_batch`.
    pub(super) async fn call(
        &self,
        params: &BatchParams<'_>,
        mut path: CommitPath,
        returns_conflicts: bool,
    ) -> CallResult {
        let mut attempts = 0;
        loop {
            attempts += 1;
            path = match (self.call_once(params, path).await, path) {
                (Some(CallResult::Conflicts(_)), _) if !returns_conflicts => {
                    CommitPath::Function(params.initial_states())
                }
                (None, CommitPath::Update) => CommitPath::Function(params.initial_states()),
                (None, CommitPath::Function(_)) => CommitPath::Function(States::All),
                (Some(CallResult::Failed(fault)), _)
                    if fault.is_retryable_conflict() && attempts < MAX_ATTEMPTS =>
                {
                    tracing::debug!(error = %fault, attempts, "retrying a commit");
                    CommitPath::Function(params.initial_states())
                }
                (Some(result), _) => return result,
            }
        }
    }

    /// Returns `None` if nothing of the batch is stored and it needs another path.
    async fn call_once(&self, params: &BatchParams<'_>, path: CommitPath) -> Option<CallResult> {
        let connection = match self.connection().await {
            Ok(connection) => connection,
            Err(fault) => return Some(CallResult::Failed(fault)),
        };
        let durability = self.durability();
        self.calls[usize::from(path != CommitPath::Update)].increment(1);
        let (statement, values) = match path {
            CommitPath::Update => {
                let has_context = |id| connection.has_context(id);
                let statement = match params.is_plain(has_context) {
                    true => &connection.update_plain,
                    false => &connection.update_batch,
                };
                (statement, params.update_params(&connection, durability, self.process))
            }
            CommitPath::Function(states) => {
                let types = &connection.row_types;
                let values = params.commit_params(types, durability, self.process, states);
                (&connection.commit, values)
            }
        };
        let values = match values {
            Ok(values) => values,
            Err(fault) => return Some(CallResult::Failed(fault)),
        };
        let values = statement_params::typed(values, statement.params());
        match self.query(&connection, statement, &statement_params::as_sql(&values)).await {
            Ok(rows) => self.read_reply(params, &connection, path, &rows),
            Err(QueryError::Failed(fault)) => Some(CallResult::Failed(fault)),
            Err(QueryError::InDoubt(fault)) => Some(CallResult::InDoubt(fault)),
        }
    }

    /// Runs a statement that stores units. If it ends without a reply, or its future is dropped,
    /// the connection is lost.
    pub(super) async fn query(
        &self,
        connection: &WriterConnection,
        statement: &Statement,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, QueryError> {
        // From here to the reply the outcome is unknown.
        let open = OpenCall { writer: self, connection };
        let call = connection.client.query(statement, values);
        let timeout = self.connector.endpoint.options.statement_timeout * 2;
        let fault = match self.connector.runtime.timeout(timeout, call).await {
            Ok(Ok(rows)) => {
                open.close();
                return Ok(rows);
            }
            Ok(Err(error)) => Fault::Postgres(error),
            Err(_) => Fault::no_answer(),
        };
        if matches!(fault, Fault::Postgres(_)) && fault.is_rolled_back() {
            open.close();
            return Err(QueryError::Failed(fault));
        }
        Err(QueryError::InDoubt(fault))
    }

    pub(super) fn durability(&self) -> &'static str {
        match self.connector.endpoint.options.durability {
            Durability::Full => "on",
            Durability::Normal => "off",
        }
    }

    /// Reads the reply, and remembers the newest position and the contexts.
    fn read_reply(
        &self,
        params: &BatchParams<'_>,
        connection: &WriterConnection,
        path: CommitPath,
        rows: &[Row],
    ) -> Option<CallResult> {
        let reply = match path {
            CommitPath::Update => match CommitReply::from_update(rows, params) {
                Ok(UpdateReply::Stored(reply)) => Ok(Some(reply)),
                Ok(UpdateReply::Conflicts(stored)) => {
                    let aborted = conflicts::aborted_units(params, &stored);
                    return aborted.map(CallResult::Conflicts);
                }
                Ok(UpdateReply::None) => Ok(None),
                Err(fault) => Err(fault),
            },
            CommitPath::Function(_) => CommitReply::from_function(rows),
        };
        match reply {
            Ok(Some(reply)) => {
                if let Some(newest) = reply.newest(params) {
                    self.newest.fetch_max(newest, Ordering::SeqCst);
                }
                connection.keep_contexts(reply.committed_units(params));
                Some(CallResult::Done(reply))
            }
            Ok(None) if path == CommitPath::Function(States::All) => {
                Some(CallResult::Failed(reply::no_outcomes()))
            }
            Ok(None) => None,
            // The batch has committed, and its reply cannot be read.
            Err(fault) => Some(CallResult::InDoubt(fault)),
        }
    }

    /// Returns the connection, if it is not lost and no other call opens it.
    pub(super) fn ready_connection(&self) -> Option<Arc<WriterConnection>> {
        self.connection.try_lock().ok()?.ready()
    }

    /// Returns the connection. Opens another one if it is lost.
    async fn connection(&self) -> Result<Arc<WriterConnection>, Fault> {
        let asked = Instant::now();
        let mut slot = self.connection.lock().await;
        if let Some(connection) = slot.ready() {
            return Ok(connection);
        }
        slot.connection = None;
        // An attempt that failed while this call waited for the lock counts for this call too.
        if let Some((_, error)) = slot.failed.as_ref().filter(|(at, _)| *at >= asked) {
            return Err(error.clone().into());
        }
        let (connector, newest) = (self.connector.clone(), Arc::clone(&self.newest));
        // Bounds the time under the lock if the server is silent.
        let endpoint = &connector.endpoint;
        let timeout = endpoint.connect_timeout() + endpoint.options.statement_timeout * 2;
        let attempt = async move {
            let opened = Box::pin(WriterConnection::open(&connector, false, &newest));
            let opened = tokio::time::timeout(timeout, opened).await;
            opened.map_err(|_| Fault::no_answer())?
        };
        match Box::pin(self.backoff.run(Box::pin(attempt))).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                slot.connection = Some(Arc::clone(&connection));
                Ok(connection)
            }
            Err(fault) => {
                let error = StoreError::from(fault);
                slot.failed = Some((Instant::now(), error.clone()));
                Err(error.into())
            }
        }
    }

    /// Marks a connection as lost: it is not used any more, and its transaction must be ended.
    fn mark_lost(&self, connection: &WriterConnection) {
        if !connection.is_lost.swap(true, Ordering::SeqCst) {
            self.lost().push(connection.lock);
        }
    }

    /// Ends the transactions of lost connections. After that the log is final for their commands.
    ///
    /// A session holds its lock to its end, and ends its transaction before it releases the lock.
    pub(crate) async fn terminate_lost(&self) -> Result<(), Fault> {
        let lost = self.lost().clone();
        for LivenessLock(key) in lost {
            let params = || vec![param(key, Type::INT8)];
            let terminate = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = \
                'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = \
                current_database()) AND ((classid::bigint << 32) | objid::bigint) = $1 AND \
                objsubid = 1";
            self.pool.query_prepared(terminate, params()).await?;
            self.pool.query_prepared("SELECT pg_advisory_xact_lock($1)", params()).await?;
            self.lost().retain(|lost| lost.0 != key);
        }
        Ok(())
    }

    fn lost(&self) -> std::sync::MutexGuard<'_, Vec<LivenessLock>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call with an unknown outcome. If it ends without a reply, or its future is dropped, its
/// connection is lost.
struct OpenCall<'w> {
    writer: &'w Writer,
    connection: &'w WriterConnection,
}

impl OpenCall<'_> {
    /// Ends a call with a known outcome.
    fn close(self) {
        // It owns nothing.
        std::mem::forget(self);
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.writer.mark_lost(self.connection);
    }
}
