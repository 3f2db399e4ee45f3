//! Leases on aggregates, among the runtimes that share one content.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::FastMap;
use super::tables::Tables;
use crate::aggregate_id::AggregateId;
use tokio::sync::oneshot;

/// The current leases, each with a FIFO queue of its waiters.
pub(super) type HeldLeases = FastMap<AggregateId, VecDeque<oneshot::Sender<MemoryLease>>>;

/// A lease, until it is dropped.
#[derive(Debug)]
pub(super) struct MemoryLease {
    tables: Arc<Mutex<Tables>>,
    aggregate_id: AggregateId,
}

impl MemoryLease {
    pub(super) async fn take(
        tables: &Arc<Mutex<Tables>>,
        aggregate_id: &AggregateId,
    ) -> Option<Self> {
        let given = {
            let mut tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
            match tables.leases.get_mut(aggregate_id) {
                Some(waiting) => {
                    let (sender, given) = oneshot::channel();
                    waiting.push_back(sender);
                    Some(given)
                }
                None => {
                    tables.leases.insert(aggregate_id.clone(), VecDeque::new());
                    None
                }
            }
        };
        match given {
            // If a waiter is cancelled after it was sent the lease, the lease is dropped and so
            // passed on.
            Some(given) => given.await.ok(),
            None => Some(Self { tables: Arc::clone(tables), aggregate_id: aggregate_id.clone() }),
        }
    }
}

impl Drop for MemoryLease {
    fn drop(&mut self) {
        let next = {
            let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
            let next = tables.leases.get_mut(&self.aggregate_id).and_then(VecDeque::pop_front);
            if next.is_none() {
                tables.leases.remove(&self.aggregate_id);
            }
            next
        };
        if let Some(next) = next {
            let lease =
                Self { tables: Arc::clone(&self.tables), aggregate_id: self.aggregate_id.clone() };
            drop(next.send(lease));
        }
    }
}
