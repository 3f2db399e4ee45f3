//! Leases on aggregates, among the processes over one schema. Each is an advisory lock of a
//! session, so the server releases it when the session of its holder ends.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluvius_store::uuid::Uuid;
use fluvius_store::{AggregateId, Lease};
use metrics::Counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use crate::connection::Connector;
use crate::error::Fault;

/// The largest number of leases that a store holds or waits for. Above it, no lease is acquired.
const MAX_LEASES: usize = 16;

/// The longest wait for a lease.
const WAIT_TIMEOUT: Duration = Duration::from_secs(1);

const ANNOUNCE: &str = "SELECT announce_lease($1, $2, $3)";
const ACQUIRE: &str = "SELECT acquire_lease($1, $2)";
const RELEASE: &str = "SELECT release_lease($1, $2, $3)";

/// The leases of one store.
pub(crate) struct Leases {
    connector: Connector,
    /// The number of this store among the holders of leases. Its commits do not report its own
    /// leases.
    process: i64,
    permits: Arc<Semaphore>,
    granted: Counter,
    /// The open connections without a lease. With those that have one they are as many as leases.
    idle: Mutex<Vec<LeaseConnection>>,
}

/// A connection with its prepared statements.
struct LeaseConnection {
    client: Client,
    announce: Statement,
    acquire: Statement,
    release: Statement,
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leases").field("process", &self.process).finish_non_exhaustive()
    }
}

/// A lease, which is released when it is dropped.
struct HeldLease {
    leases: Arc<Leases>,
    connection: Option<LeaseConnection>,
    aggregate_id: (String, Uuid),
    permit: Option<OwnedSemaphorePermit>,
}

impl Leases {
    pub(crate) fn new(connector: Connector) -> Self {
        Self {
            connector,
            // A random number, so that no other store has it.
            process: i64::from_be_bytes(RandomState::new().hash_one("process").to_be_bytes()),
            permits: Arc::new(Semaphore::new(MAX_LEASES)),
            granted: metrics::counter!("fluvius_postgres_leases_total"),
            idle: Mutex::default(),
        }
    }

    pub(crate) fn process(&self) -> i64 {
        self.process
    }

    /// Acquires the lease of an aggregate. Returns `None` if it is not acquired in time.
    pub(crate) async fn acquire(self: &Arc<Self>, aggregate_id: &AggregateId) -> Option<Lease> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        let aggregate_id = (aggregate_id.resource.to_string(), aggregate_id.id);
        let leases = Arc::clone(self);
        let acquire = async move {
            let acquired = tokio::time::timeout(WAIT_TIMEOUT * 2, leases.lock(&aggregate_id)).await;
            let connection = match acquired {
                Ok(Ok(connection)) => connection?,
                Ok(Err(fault)) => {
                    tracing::debug!(error = %fault, "no lease was acquired");
                    return None;
                }
                Err(_) => return None,
            };
            Some(Lease::new(HeldLease {
                leases,
                connection: Some(connection),
                aggregate_id,
                permit: Some(permit),
            }))
        };
        self.connector.runtime.run_while_awaited(acquire).await.ok().flatten()
    }

    /// Returns a connection that holds the lease.
    async fn lock(&self, aggregate_id: &(String, Uuid)) -> Result<Option<LeaseConnection>, Fault> {
        let connection = self.connection().await?;
        let LeaseConnection { client, announce, acquire, .. } = &connection;
        let (resource, identifier) = aggregate_id;
        // Both are sent together, and the server runs them one after the other.
        let announce_params: [&(dyn ToSql + Sync); 3] = [resource, identifier, &self.process];
        let acquire_params: [&(dyn ToSql + Sync); 2] = [resource, identifier];
        let announced = client.query(announce, &announce_params);
        let acquired = client.query(acquire, &acquire_params);
        let (announced, acquired) = tokio::join!(announced, acquired);
        announced?;
        match acquired {
            Ok(_) => {
                self.granted.increment(1);
                Ok(Some(connection))
            }
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                self.release(connection, aggregate_id).await;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn connection(&self) -> Result<LeaseConnection, Fault> {
        loop {
            let Some(connection) = self.idle().pop() else { break };
            if !connection.client.is_closed() {
                return Ok(connection);
            }
        }
        let wait = WAIT_TIMEOUT.as_millis();
        let endpoint = &self.connector.endpoint;
        let setup = endpoint.setup(endpoint.options.statement_timeout);
        let client = self.connector.connect(format!("{setup}; SET lock_timeout = {wait}")).await?;
        let (announce, acquire, release) = tokio::try_join!(
            client.prepare(ANNOUNCE),
            client.prepare(ACQUIRE),
            client.prepare(RELEASE),
        )?;
        Ok(LeaseConnection { client, announce, acquire, release })
    }

    /// Releases a lease, and keeps the connection for the next one.
    async fn release(&self, connection: LeaseConnection, aggregate_id: &(String, Uuid)) {
        let LeaseConnection { client, release, .. } = &connection;
        let (resource, identifier) = aggregate_id;
        // After a failure the connection is dropped, which releases the lock as well.
        if client.query(release, &[resource, identifier, &self.process]).await.is_ok() {
            self.idle().push(connection);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<LeaseConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let (leases, permit) = (Arc::clone(&self.leases), self.permit.take());
        let aggregate_id = std::mem::take(&mut self.aggregate_id);
        let runtime = leases.connector.runtime.clone();
        runtime.spawn(async move {
            leases.release(connection, &aggregate_id).await;
            drop(permit);
        });
    }
}
