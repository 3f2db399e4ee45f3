//! A store that is slow, fails units, goes away and loses answers, by a seed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::rng::SeededRng;
use fluvius_core::__private::kit::sleep;
use fluvius_store::{
    AggregateId, CommitOutcome, Lease, Store, StoreError, UnitOfWork, delegate_store,
};

/// How often what goes wrong, in a thousand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Units that fail, each alone, with all that depend on them.
    pub failed_units: u64,
    /// Commits before which the store goes away: nothing of the batch is stored, and nobody is
    /// told.
    pub lost_before: u64,
    /// Commits after which the store goes away: all of the batch is stored, and nobody is told.
    pub lost_after: u64,
    /// Reads that fail, and turns that are not given.
    pub failed_reads: u64,
    /// How long a call takes at the most; each takes a random part of it.
    pub max_delay: Duration,
}

/// A store around another one that does what [`Faults`] say, the same for the same seed.
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
    turn_count: u64,
}

impl<S: Store> FaultyStore<S> {
    /// A store with these faults.
    pub fn new(inner: S, seed: u64, faults: Faults) -> Self {
        let state = State { rng: SeededRng::new(seed), faults, batches: Vec::new(), turn_count: 0 };
        Self { inner, state: Arc::new(Mutex::new(state)) }
    }

    /// Sets other faults, from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.with(|state| state.faults = faults);
    }

    /// The sizes of the batches that were committed so far.
    pub fn batch_sizes(&self) -> Vec<usize> {
        self.with(|state| state.batches.clone())
    }

    /// How many turns it has given so far.
    pub fn turn_count(&self) -> u64 {
        self.with(|state| state.turn_count)
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

    /// Delays a read, and returns the store to read from or a planted error.
    async fn read(&self) -> Result<&S, StoreError> {
        self.delay().await;
        if self.with(|state| state.rng.happens(state.faults.failed_reads)) {
            return Err(StoreError::unavailable("a planted fault: the read failed"));
        }
        Ok(&self.inner)
    }

    /// Commits the units that do not fail; those that depend on one that does fall with it.
    async fn commit_some(&self, batch: &[UnitOfWork], failed: &[bool]) -> Vec<CommitOutcome> {
        let mut outcomes: Vec<Option<CommitOutcome>> = Vec::with_capacity(batch.len());
        let mut kept: Vec<UnitOfWork> = Vec::new();
        let mut index_of: Vec<Option<usize>> = Vec::with_capacity(batch.len());
        for (unit, failed) in batch.iter().zip(failed) {
            let fallen = unit.depends_on.iter().find(|on| index_of[**on].is_none());
            if *failed || fallen.is_some() {
                index_of.push(None);
                outcomes.push(Some(match fallen {
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
        let stands: Vec<usize> =
            (0..batch.len()).filter(|index| index_of[*index].is_some()).collect();
        let mut inner = self.inner.commit(kept.into()).await.into_iter();
        let mut stored = || match inner.next() {
            Some(CommitOutcome::DependencyAborted { on }) => {
                CommitOutcome::DependencyAborted { on: stands[on] }
            }
            Some(outcome) => outcome,
            None => CommitOutcome::Failed(StoreError::permanent("the inner store gave no fate")),
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
        self.with(|state| state.turn_count += 1);
        Some(lease)
    }

    delegate_store! {
        self => *self.read().await?;
        only load, snapshot, query, command, history, log, context
    }
    delegate_store! {
        self => self.inner;
        except commit, acquire_lease, load, snapshot, query, command, history, log, context
    }
}
