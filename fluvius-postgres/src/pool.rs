//! Pools of connections that read. Each read is one statement.
//!
//! A read runs on the store's runtime. If its caller is dropped while the read waits for a
//! connection, the read is not sent. If it already runs, it is cancelled on the server.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluvius_store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{CancelToken, Client, Row, Statement};

use crate::connection::Connector;
use crate::error::Fault;
use crate::statement_params::{Param, as_sql};

/// The largest number of attempts of a read on lost connections: a restart of the server ends all
/// connections.
const MAX_ATTEMPTS: usize = 3;

/// The largest number of connections for the reads of commands.
const MAX_COMMAND_READERS: usize = 6;

/// Attempts to cancel a statement, and the pause between them: the server may not have begun it.
const MAX_CANCELS: usize = 10;
const CANCEL_PAUSE: Duration = Duration::from_millis(100);
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// The purpose of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Queries, logs and histories, of any number and duration.
    Queries,
    /// The reads of commands, which never wait for a query.
    Commands,
}

/// A pool of connections that read. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct ReadPool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    connector: Connector,
    purpose: Purpose,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    /// The longest time of a statement, and of a wait for a connection.
    timeout: Duration,
}

#[derive(Debug)]
struct Connection {
    client: Client,
    /// The statements that are prepared on this connection.
    statements: HashMap<String, Statement>,
}

/// A connection in use.
struct Checkout {
    connection: Connection,
    _permit: OwnedSemaphorePermit,
}

/// The failure of a call that writes.
#[derive(Debug)]
pub(crate) struct CallFault {
    pub(crate) fault: Fault,
    /// Set if the call may have succeeded.
    pub(crate) is_in_doubt: bool,
}

/// Converts a failure before the call was sent.
impl From<Fault> for CallFault {
    fn from(fault: Fault) -> Self {
        Self { fault, is_in_doubt: false }
    }
}

/// Completes when the caller no longer waits.
type Gone = oneshot::Receiver<Infallible>;

impl ReadPool {
    pub(crate) fn for_queries(connector: Connector) -> Self {
        let options = &connector.endpoint.options;
        let (count, timeout) = (options.max_readers, options.read_timeout);
        Self::new(connector, Purpose::Queries, count, timeout)
    }

    pub(crate) fn for_commands(connector: Connector) -> Self {
        let timeout = connector.endpoint.options.statement_timeout;
        Self::new(connector, Purpose::Commands, MAX_COMMAND_READERS, timeout)
    }

    fn new(connector: Connector, purpose: Purpose, count: usize, timeout: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        let inner = Inner { connector, purpose, permits, idle: Mutex::default(), timeout };
        Self { inner: Arc::new(inner) }
    }

    /// Runs a statement with a fixed text, which is prepared once per connection.
    pub(crate) async fn query_prepared(
        &self,
        sql: impl Into<String>,
        params: Vec<Param<'static>>,
    ) -> Result<Vec<Row>, Fault> {
        self.read(sql.into(), params, true).await
    }

    /// Runs a statement whose text was built for this call.
    pub(crate) async fn query_once(
        &self,
        sql: impl Into<String>,
        params: Vec<Param<'static>>,
    ) -> Result<Vec<Row>, Fault> {
        self.read(sql.into(), params, false).await
    }

    /// Runs a statement with a fixed text, and returns its first row.
    pub(crate) async fn query_optional(
        &self,
        sql: impl Into<String>,
        params: Vec<Param<'static>>,
    ) -> Result<Option<Row>, Fault> {
        Ok(self.query_prepared(sql, params).await?.into_iter().next())
    }

    /// Runs a statement with a fixed text that writes. It is sent once.
    pub(crate) async fn call(
        &self,
        sql: &'static str,
        params: Vec<Param<'static>>,
    ) -> Result<Vec<Row>, CallFault> {
        let (caller, gone) = oneshot::channel::<Infallible>();
        let call = Arc::clone(&self.inner).call(sql, params, gone);
        let rows = self.inner.connector.runtime.run(call).await;
        drop(caller);
        // The end of the runtime may interrupt the call.
        rows.map_err(|error| CallFault { fault: error.into(), is_in_doubt: true })?
    }

    /// Sleeps on the store's runtime, independent of the caller's runtime.
    pub(crate) async fn pause(&self, time: Duration) -> Result<(), Fault> {
        let slept = async move { tokio::time::sleep(time).await };
        Ok(self.inner.connector.runtime.run_while_awaited(slept).await?)
    }

    async fn read(
        &self,
        sql: String,
        params: Vec<Param<'static>>,
        is_prepared: bool,
    ) -> Result<Vec<Row>, Fault> {
        let (caller, gone) = oneshot::channel::<Infallible>();
        let read = Arc::clone(&self.inner).read(sql, params, is_prepared, gone);
        let rows = self.inner.connector.runtime.run(read).await;
        // The sender lives until here: dropping this future drops it.
        drop(caller);
        rows?
    }
}

impl Inner {
    /// Reads, and retries on a lost connection.
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
            let checkout = tokio::select! {
                biased;
                _ = &mut gone => return Err(caller_gone()),
                checkout = self.checkout() => checkout?,
            };
            match self.read_over(checkout, &sql, &params, is_prepared, &mut gone).await {
                Err(fault) if fault.is_connection_lost() && count < MAX_ATTEMPTS => {}
                Err(fault) if fault.is_cancelled() && self.purpose == Purpose::Queries => {
                    return Err(took_too_long());
                }
                rows => return rows,
            }
        }
    }

    /// Sends a statement once.
    async fn call(
        self: Arc<Self>,
        sql: &'static str,
        params: Vec<Param<'static>>,
        mut gone: Gone,
    ) -> Result<Vec<Row>, CallFault> {
        let checkout = tokio::select! {
            biased;
            _ = &mut gone => return Err(caller_gone().into()),
            checkout = self.checkout() => checkout?,
        };
        let rows = self.read_over(checkout, sql, &params, true, &mut gone).await;
        rows.map_err(|fault| {
            let is_rolled_back = matches!(fault, Fault::Postgres(_)) && fault.is_rolled_back();
            CallFault { fault, is_in_doubt: !is_rolled_back }
        })
    }

    async fn read_over(
        &self,
        mut checkout: Checkout,
        sql: &str,
        params: &[Param<'static>],
        is_prepared: bool,
        gone: &mut Gone,
    ) -> Result<Vec<Row>, Fault> {
        let cancel = checkout.connection.client.cancel_token();
        let (answer, is_sound) = {
            let mut rows = pin!(checkout.connection.rows(sql, params, is_prepared));
            // The server ends a statement earlier, unless it is silent.
            let answer_timeout = self.timeout * 2;
            tokio::select! {
                biased;
                rows = &mut rows => (rows.map_err(Fault::from), true),
                _ = gone => {
                    let is_sound = self.cancel(&cancel, &mut rows).await;
                    (Err(caller_gone()), is_sound)
                }
                () = tokio::time::sleep(answer_timeout) => (Err(Fault::no_answer()), false),
            }
        };
        // The next read on an unsound connection would wait for this one, or receive its
        // cancellation.
        if is_sound && !checkout.connection.client.is_closed() {
            self.idle().push(checkout.connection);
        }
        answer
    }

    /// Cancels a statement. Returns true if certainly no cancellation is still in flight.
    async fn cancel(
        &self,
        token: &CancelToken,
        rows: &mut (impl Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Unpin),
    ) -> bool {
        for _ in 0..MAX_CANCELS {
            let cancelled = token.cancel_query(self.connector.endpoint.tls.clone());
            if tokio::time::timeout(CANCEL_TIMEOUT, cancelled).await.is_err() {
                return false;
            }
            if let Ok(rows) = tokio::time::timeout(CANCEL_PAUSE, &mut *rows).await {
                return rows.is_err_and(|error| error.code() == Some(&SqlState::QUERY_CANCELED));
            }
        }
        false
    }

    async fn checkout(&self) -> Result<Checkout, Fault> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = match tokio::time::timeout(self.timeout, permit).await {
            Ok(Ok(permit)) => permit,
            // The semaphore is never closed.
            Ok(Err(_)) => return Err(StoreError::unavailable("the store is closed").into()),
            Err(_) => return Err(self.all_taken()),
        };
        loop {
            let Some(connection) = self.idle().pop() else { break };
            if !connection.client.is_closed() {
                return Ok(Checkout { connection, _permit: permit });
            }
        }
        let setup = self.connector.endpoint.setup(self.timeout);
        let client = Box::pin(self.connector.connect(setup)).await?;
        let connection = Connection { client, statements: HashMap::new() };
        Ok(Checkout { connection, _permit: permit })
    }

    fn all_taken(&self) -> Fault {
        let why = match self.purpose {
            Purpose::Queries => {
                "all connections that read are taken: raise `max_readers`, or read less at once"
            }
            Purpose::Commands => "all connections that read for commands are taken: try again",
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
        let (values, types) = (as_sql(params), params.iter().map(Param::sql_type));
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

/// The error of a statement whose caller was dropped.
fn caller_gone() -> Fault {
    StoreError::unavailable("the statement was cancelled").into()
}

fn took_too_long() -> Fault {
    StoreError::unavailable(
        "the read took longer than `read_timeout`, or was cancelled: ask for less, declare an \
        index, or raise it",
    )
    .into()
}
