//! A store decorator that injects delays, failed units, unavailability and lost replies from a
//! seed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::rng::SeededRng;
use fluvius_core::__private::kit::sleep;
use fluvius_store::{
    AggregateId, CommitOutcome, Lease, Store, StoreError, UnitOfWork, delegate_store,
};

/// The injected faults: rates per 1000, and a maximum delay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Units that fail, independently of each other. Their dependents abort.
    pub failed_units: u64,
    /// Commits before which the store is lost: nothing of the batch is stored, and all outcomes are
    /// in doubt.
    pub lost_before: u64,
    /// Commits after which the store is lost: the batch is stored, and all outcomes are in doubt.
    pub lost_after: u64,
    /// Reads that fail and leases that are not granted.
    pub failed_reads: u64,
    /// The upper bound of the delay of a call. Each call takes a random part of it.
    pub max_delay: Duration,
}

/// A store that wraps another one and injects [`Faults`]. The same seed injects the same faults.
#[derive(Debug, Clone)]
pub struct FaultyStore<S> {
    inner: S,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    rng: SeededRng,
    faults: Faults,
    batches: Vec<usize>,
    lease_count: u64,
}

impl<S: Store> FaultyStore<S> {
    /// Wraps `inner` with these faults.
    pub fn new(inner: S, seed: u64, faults: Faults) -> Self {
        let state =
            State { rng: SeededRng::new(seed), faults, batches: Vec::new(), lease_count: 0 };
        Self { inner, state: Arc::new(Mutex::new(state)) }
    }

    /// Replaces the faults from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.with(|state| state.faults = faults);
    }

    /// Returns the sizes of all batches so far.
    pub fn batch_sizes(&self) -> Vec<usize> {
        self.with(|state| state.batches.clone())
    }

    /// Returns the number of leases granted so far.
    pub fn lease_count(&self) -> u64 {
        self.with(|state| state.lease_count)
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn delay(&self) {
        let delay = self.with(|state| {
            let micros = u64::try_from(state.faults.max_delay.as_micros()).unwrap_or(u64::MAX);
            (micros > 0).then(|| Duration::from_micros(state.rng.below(micros)))
        });
        if let Some(delay) = delay {
            sleep(delay).await;
        }
    }

    /// Delays a read. Returns the store to read from, or an injected error.
    async fn read(&self) -> Result<&S, StoreError> {
        self.delay().await;
        if self.with(|state| state.rng.happens(state.faults.failed_reads)) {
            return Err(StoreError::unavailable("a planted fault: the read failed"));
        }
        Ok(&self.inner)
    }

    /// Commits the units that do not fail. The dependents of a failed unit abort.
    async fn commit_some(&self, batch: &[UnitOfWork], failed: &[bool]) -> Vec<CommitOutcome> {
        let mut outcomes: Vec<Option<CommitOutcome>> = Vec::with_capacity(batch.len());
        let mut kept: Vec<UnitOfWork> = Vec::new();
        let mut index_of: Vec<Option<usize>> = Vec::with_capacity(batch.len());
        for (unit, failed) in batch.iter().zip(failed) {
            let failed_dependency = unit.depends_on.iter().find(|on| index_of[**on].is_none());
            if *failed || failed_dependency.is_some() {
                index_of.push(None);
                outcomes.push(Some(match failed_dependency {
                    Some(on) => CommitOutcome::DependencyAborted { on: *on },
                    None => CommitOutcome::Failed(StoreError::permanent(
                        "a planted fault: the unit failed",
                    )),
                }));
            } else {
                let mut unit = unit.clone();
                unit.depends_on = unit.depends_on.iter().filter_map(|on| index_of[*on]).collect();
                index_of.push(Some(kept.len()));
                outcomes.push(None);
                kept.push(unit);
            }
        }
        let kept_indexes: Vec<usize> =
            (0..batch.len()).filter(|index| index_of[*index].is_some()).collect();
        let mut inner = self.inner.commit(kept.into()).await.into_iter();
        let mut stored = || match inner.next() {
            Some(CommitOutcome::DependencyAborted { on }) => {
                CommitOutcome::DependencyAborted { on: kept_indexes[on] }
            }
            Some(outcome) => outcome,
            None => {
                CommitOutcome::Failed(StoreError::permanent("the inner store returned no outcome"))
            }
        };
        outcomes.into_iter().map(|mutant| mutant.unwrap_or_else(&mut stored)).collect()
    }
}

impl<S: Store> Store for FaultyStore<S> {
    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        self.delay().await;
        let (lost_before, lost_after, failed) = self.with(|state| {
            state.batches.push(batch.len());
            let lost_before = state.rng.happens(state.faults.lost_before);
            let lost_after = state.rng.happens(state.faults.lost_after);
            let failed: Vec<bool> =
                batch.iter().map(|_| state.rng.happens(state.faults.failed_units)).collect();
            (lost_before, lost_after, failed)
        });
        let unknown = || batch.iter().map(|_| CommitOutcome::InDoubt).collect();
        if lost_before {
            return unknown();
        }
        let outcomes = self.commit_some(&batch, &failed).await;
        self.delay().await;
        if lost_after { unknown() } else { outcomes }
    }

    async fn acquire_lease(&self, aggregate_id: &AggregateId) -> Option<Lease> {
        self.read().await.ok()?;
        let lease = self.inner.acquire_lease(aggregate_id).await?;
        self.with(|state| state.lease_count += 1);
        Some(lease)
    }

    delegate_store! {
        self => *self.read().await?;
        only load, snapshot, query, scan, command, history, log, context
    }
    delegate_store! {
        self => self.inner;
        except commit, acquire_lease, load, snapshot, query, scan, command, history, log, context
    }
}
