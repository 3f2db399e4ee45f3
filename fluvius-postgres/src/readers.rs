//! The connections that read: a small pool for each use. Each read is one statement.
//!
//! A read runs on the store's runtime. If its caller goes away while the read waits for a connection, it is left out.
//! If it already runs, it is cancelled on the server.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluvius_core::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{CancelToken, Client, Row, Statement};

use crate::connect::Connector;
use crate::error::Fault;
use crate::params::{self, Param};

/// The number of connections on which a read is tried if they turn out to be gone: after a restart of the server all of
/// the pool may be.
const TRY_COUNT: usize = 3;

/// The largest number of connections for the reads of commands.
const COMMAND_READER_COUNT: usize = 6;

/// A statement is cancelled several times, with a pause between, since the server may not have begun it.
const CANCEL_COUNT: usize = 10;
const CANCEL_PAUSE: Duration = Duration::from_millis(100);
const CANCEL_TIME_MAX: Duration = Duration::from_secs(5);

/// The reads that a pool is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Queries, logs and histories, as many and as long as callers ask for.
    Queries,
    /// The reads of commands: no query is in their way.
    Commands,
}

/// A pool.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    connector: Connector,
    of: Use,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    /// The longest time of a statement, and of the wait for a connection.
    time_max: Duration,
}

#[derive(Debug)]
struct Connection {
    client: Client,
    /// The statements that are prepared on this connection.
    statements: HashMap<String, Statement>,
}

/// A connection in use.
struct Lease {
    connection: Connection,
    _permit: OwnedSemaphorePermit,
}

/// Ends when the caller no longer waits for an answer.
type Gone = oneshot::Receiver<Infallible>;

impl Readers {
    pub(crate) fn of_queries(connector: Connector) -> Self {
        let options = &connector.place.options;
        let (count, time_max) = (options.max_readers, options.read_timeout);
        Self::new(connector, Use::Queries, count, time_max)
    }

    pub(crate) fn of_commands(connector: Connector) -> Self {
        let time_max = connector.place.options.statement_timeout;
        Self::new(connector, Use::Commands, COMMAND_READER_COUNT, time_max)
    }

    fn new(connector: Connector, of: Use, count: usize, time_max: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        let pool = Pool { connector, of, permits, idle: Mutex::default(), time_max };
        Self { pool: Arc::new(pool) }
    }

    /// The rows of a statement of which there are a few: it is prepared once a connection.
    pub(crate) async fn fixed(
        &self,
        sql: impl Into<String>,
        params: Vec<Param<'static>>,
    ) -> Result<Vec<Row>, Fault> {
        self.read(sql.into(), params, true).await
    }

    /// The rows of a statement that was put together for one call.
    pub(crate) async fn once(
        &self,
        sql: impl Into<String>,
        params: Vec<Param<'static>>,
    ) -> Result<Vec<Row>, Fault> {
        self.read(sql.into(), params, false).await
    }

    /// Sleeps on the store's runtime, whatever runtime the caller has.
    pub(crate) async fn pause(&self, time: Duration) -> Result<(), Fault> {
        let slept = async move { tokio::time::sleep(time).await };
        Ok(self.pool.connector.home.run_while_awaited(slept).await?)
    }

    async fn read(
        &self,
        sql: String,
        params: Vec<Param<'static>>,
        is_prepared: bool,
    ) -> Result<Vec<Row>, Fault> {
        let (caller, gone) = oneshot::channel::<Infallible>();
        let read = Arc::clone(&self.pool).read(sql, params, is_prepared, gone);
        let rows = self.pool.connector.home.run(read).await;
        // The sender lives until here: dropping this future drops it.
        drop(caller);
        rows?
    }
}

impl Pool {
    /// Reads, and tries again if the connection turns out to be gone.
    async fn read(
        self: Arc<Self>,
        sql: String,
        params: Vec<Param<'static>>,
        is_prepared: bool,
        mut gone: Gone,
    ) -> Result<Vec<Row>, Fault> {
        let mut count = 0;
        loop {
            count += 1;
            let lease = tokio::select! {
                biased;
                _ = &mut gone => return Err(abandoned()),
                lease = self.lease() => lease?,
            };
            match self.read_over(lease, &sql, &params, is_prepared, &mut gone).await {
                Err(fault) if fault.is_of_connection() && count < TRY_COUNT => {}
                Err(fault) if fault.is_cancelled() && self.of == Use::Queries => {
                    return Err(took_too_long());
                }
                rows => return rows,
            }
        }
    }

    async fn read_over(
        &self,
        mut lease: Lease,
        sql: &str,
        params: &[Param<'static>],
        is_prepared: bool,
        gone: &mut Gone,
    ) -> Result<Vec<Row>, Fault> {
        let cancel = lease.connection.client.cancel_token();
        let (answer, is_sound) = {
            let mut rows = pin!(lease.connection.rows(sql, params, is_prepared));
            // The server ends a statement before that, unless it is silent.
            let answer_time_max = self.time_max * 2;
            tokio::select! {
                biased;
                rows = &mut rows => (rows.map_err(Fault::from), true),
                _ = gone => {
                    let is_sound = self.cancel(&cancel, &mut rows).await;
                    (Err(abandoned()), is_sound)
                }
                () = tokio::time::sleep(answer_time_max) => (Err(Fault::unanswered()), false),
            }
        };
        // The next user of an unsound one would wait behind this read, or receive its cancellation.
        if is_sound && !lease.connection.client.is_closed() {
            self.idle().push(lease.connection);
        }
        answer
    }

    /// Cancels a statement whose caller is gone. Returns whether it is certain that no cancellation is still under way.
    async fn cancel(
        &self,
        token: &CancelToken,
        rows: &mut (impl Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Unpin),
    ) -> bool {
        for _ in 0..CANCEL_COUNT {
            let cancelled = token.cancel_query(self.connector.place.tls.clone());
            if tokio::time::timeout(CANCEL_TIME_MAX, cancelled).await.is_err() {
                return false;
            }
            if let Ok(rows) = tokio::time::timeout(CANCEL_PAUSE, &mut *rows).await {
                return rows.is_err_and(|error| error.code() == Some(&SqlState::QUERY_CANCELED));
            }
        }
        false
    }

    async fn lease(&self) -> Result<Lease, Fault> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = match tokio::time::timeout(self.time_max, permit).await {
            Ok(Ok(permit)) => permit,
            // The semaphore is never closed.
            Ok(Err(_)) => return Err(StoreError::unavailable("the store is closed").into()),
            Err(_) => return Err(self.all_taken()),
        };
        loop {
            let Some(connection) = self.idle().pop() else { break };
            if !connection.client.is_closed() {
                return Ok(Lease { connection, _permit: permit });
            }
        }
        let setup = self.connector.place.setup(self.time_max);
        let client = Box::pin(self.connector.connect(setup)).await?;
        let connection = Connection { client, statements: HashMap::new() };
        Ok(Lease { connection, _permit: permit })
    }

    fn all_taken(&self) -> Fault {
        let why = match self.of {
            Use::Queries => {
                "all connections that read are taken: raise `max_readers`, or read less at once"
            }
            Use::Commands => "all connections that read for commands are taken: try again",
        };
        StoreError::unavailable(why).into()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    async fn rows(
        &mut self,
        sql: &str,
        params: &[Param<'static>],
        is_prepared: bool,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let (values, types) = (params::as_sql(params), params.iter().map(Param::of));
        if !is_prepared {
            let params: Vec<(&(dyn ToSql + Sync), Type)> = values.into_iter().zip(types).collect();
            return self.client.query_typed(sql, &params).await;
        }
        let statement = match self.statements.entry(sql.to_owned()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let types: Vec<Type> = types.collect();
                entry.insert(self.client.prepare_typed(sql, &types).await?)
            }
        };
        self.client.query(&*statement, &values).await
    }
}

/// Returns the error of a read without a caller.
fn abandoned() -> Fault {
    StoreError::unavailable("the read was given up").into()
}

fn took_too_long() -> Fault {
    StoreError::unavailable(
        "the read took longer than `read_timeout`, or was cancelled: ask for less, declare an index, or raise it",
    )
    .into()
}
