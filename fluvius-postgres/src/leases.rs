//! Leases on aggregates, among the processes over one schema. Each is an advisory lock of a
//! session, so the server releases it when the session of its holder ends.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluvius_store::uuid::Uuid;
use fluvius_store::{AggregateId, Lease};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::connection::Connector;
use crate::error::Fault;

/// The largest number of leases that a store holds or waits for. Above it, no lease is acquired.
const MAX_LEASES: usize = 16;

/// The largest number of open connections without a lease.
const MAX_IDLE_CONNECTIONS: usize = 2;

/// The longest wait for a lease.
const WAIT_TIMEOUT: Duration = Duration::from_secs(1);

const ANNOUNCE: &str = "SELECT announce_lease($1, $2, $3)";
const ACQUIRE: &str = "SELECT acquire_lease($1, $2)";
const RELEASE: &str = "SELECT release_lease($1, $2, $3)";

/// The leases of one store.
#[derive(Debug)]
pub(crate) struct Leases {
    connector: Connector,
    /// The number of this store among the holders of leases. Its commits do not report its own
    /// leases.
    process: i64,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Client>>,
}

/// A lease, which is released when it is dropped.
struct HeldLease {
    leases: Arc<Leases>,
    client: Option<Client>,
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
            let client = match acquired {
                Ok(Ok(client)) => client?,
                Ok(Err(fault)) => {
                    tracing::debug!(error = %fault, "no lease was acquired");
                    return None;
                }
                Err(_) => return None,
            };
            Some(Lease::new(HeldLease {
                leases,
                client: Some(client),
                aggregate_id,
                permit: Some(permit),
            }))
        };
        self.connector.runtime.run_while_awaited(acquire).await.ok().flatten()
    }

    /// Returns a connection that holds the lease.
    async fn lock(&self, aggregate_id: &(String, Uuid)) -> Result<Option<Client>, Fault> {
        let client = self.client().await?;
        let (resource, identifier) = aggregate_id;
        client.query(ANNOUNCE, &[resource, identifier, &self.process]).await?;
        match client.query(ACQUIRE, &[resource, identifier]).await {
            Ok(_) => Ok(Some(client)),
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                self.release(client, aggregate_id).await;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn client(&self) -> Result<Client, Fault> {
        loop {
            let Some(client) = self.idle().pop() else { break };
            if !client.is_closed() {
                return Ok(client);
            }
        }
        let wait = WAIT_TIMEOUT.as_millis();
        let endpoint = &self.connector.endpoint;
        let setup = endpoint.setup(endpoint.options.statement_timeout);
        self.connector.connect(format!("{setup}; SET lock_timeout = {wait}")).await
    }

    /// Releases a lease, and keeps the connection for the next one.
    async fn release(&self, client: Client, aggregate_id: &(String, Uuid)) {
        let (resource, identifier) = aggregate_id;
        // After a failure the connection is dropped, which releases the lock as well.
        if client.query(RELEASE, &[resource, identifier, &self.process]).await.is_err() {
            return;
        }
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE_CONNECTIONS {
            idle.push(client);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        let (leases, permit) = (Arc::clone(&self.leases), self.permit.take());
        let aggregate_id = std::mem::take(&mut self.aggregate_id);
        let runtime = leases.connector.runtime.clone();
        runtime.spawn(async move {
            leases.release(client, &aggregate_id).await;
            drop(permit);
        });
    }
}
