//! Turns across processes: a lock of a session each, so that one whose holder is gone is free.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluvius_core::uuid::Uuid;
use fluvius_core::{AggregateId, Lease};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::connect::Connector;
use crate::error::Fault;

/// How many turns one store has, or waits for, at the most. For further aggregates it goes on without.
const TURN_COUNT_MAX: usize = 16;

/// How many connections are kept that have no turn.
const IDLE_COUNT_MAX: usize = 2;

/// How long a turn is waited for.
const WAIT_TIME_MAX: Duration = Duration::from_secs(1);

const ANNOUNCE: &str = "SELECT announce_lease($1, $2, $3)";
const TAKE: &str = "SELECT acquire_lease($1, $2)";
const GIVE_BACK: &str = "SELECT release_lease($1, $2, $3)";

/// The turns of one store.
#[derive(Debug)]
pub(crate) struct Leases {
    connector: Connector,
    /// What this store is known by, so that its commits are not told of its own turns.
    process: i64,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Client>>,
}

/// A turn, until it is dropped.
struct Turn {
    leases: Arc<Leases>,
    client: Option<Client>,
    aggregate_id: (String, Uuid),
    permit: Option<OwnedSemaphorePermit>,
}

impl Leases {
    pub(crate) fn new(connector: Connector) -> Self {
        Self {
            connector,
            // Drawn at random: nobody else has it.
            process: i64::from_be_bytes(RandomState::new().hash_one("process").to_be_bytes()),
            permits: Arc::new(Semaphore::new(TURN_COUNT_MAX)),
            idle: Mutex::default(),
        }
    }

    pub(crate) fn process(&self) -> i64 {
        self.process
    }

    /// The turn of an aggregate, or none where it is not to be had in time.
    pub(crate) async fn take(self: &Arc<Self>, aggregate_id: &AggregateId) -> Option<Lease> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        let aggregate_id = (aggregate_id.resource.to_string(), aggregate_id.id);
        let leases = Arc::clone(self);
        let take = async move {
            let taken = tokio::time::timeout(WAIT_TIME_MAX * 2, leases.lock(&aggregate_id)).await;
            let client = match taken {
                Ok(Ok(client)) => client?,
                Ok(Err(fault)) => {
                    tracing::debug!(error = %fault, "no turn across processes");
                    return None;
                }
                Err(_) => return None,
            };
            Some(Lease::new(Turn {
                leases,
                client: Some(client),
                aggregate_id,
                permit: Some(permit),
            }))
        };
        self.connector.home.run_while_awaited(take).await.ok().flatten()
    }

    /// A connection that has the turn.
    async fn lock(&self, aggregate_id: &(String, Uuid)) -> Result<Option<Client>, Fault> {
        let client = self.client().await?;
        let (resource, identifier) = aggregate_id;
        client.query(ANNOUNCE, &[resource, identifier, &self.process]).await?;
        match client.query(TAKE, &[resource, identifier]).await {
            Ok(_) => Ok(Some(client)),
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                self.give_back(client, aggregate_id).await;
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
        let wait = WAIT_TIME_MAX.as_millis();
        let place = &self.connector.place;
        let setup = place.setup(place.options.statement_timeout);
        self.connector.connect(format!("{setup}; SET lock_timeout = {wait}")).await
    }

    /// Frees the lock, and keeps the connection for the next turn.
    async fn give_back(&self, client: Client, aggregate_id: &(String, Uuid)) {
        let (resource, identifier) = aggregate_id;
        // Where it fails the connection is dropped, and the lock with it.
        if client.query(GIVE_BACK, &[resource, identifier, &self.process]).await.is_err() {
            return;
        }
        let mut idle = self.idle();
        if idle.len() < IDLE_COUNT_MAX {
            idle.push(client);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        let (leases, permit) = (Arc::clone(&self.leases), self.permit.take());
        let aggregate_id = std::mem::take(&mut self.aggregate_id);
        let home = leases.connector.home.clone();
        home.spawn(async move {
            leases.give_back(client, &aggregate_id).await;
            drop(permit);
        });
    }
}
