//! A wrapper around a store, with an optional mutant that a checker must find.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fluvius_core::{
    AggregateId, CommitOutcome, StateRecord, Store, StoreError, UnitOfWork, delegate_store,
};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use uuid::Uuid;

/// A planted fault of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreMutant {
    /// Reports a commit shortly before it happens.
    AnswerBeforeCommit,
    /// Stores only the first part of a unit over two aggregates.
    DropEvent,
    /// Stores a unit over two aggregates in two transactions.
    SplitTransaction,
    /// Stores a duplicate command again, under another id.
    ApplyTwice,
    /// Stores a unit without a check of its expected versions.
    SkipVersionCheck,
    /// Stores a writing unit without a check of the versions that it has only read.
    SkipReadCheck,
    /// Serves a row from a cache until this store writes it.
    CacheReads,
    /// Reads the aggregates of a snapshot one after the other.
    SplitSnapshot,
}

/// Delay of a commit that was reported early, and of the second transaction of a split one.
const LATE: Duration = Duration::from_millis(5);

pub struct MutatedStore<S> {
    inner: Arc<S>,
    mutant: Option<StoreMutant>,
    /// Channel to the task that commits late.
    late: Option<mpsc::UnboundedSender<Arc<[UnitOfWork]>>>,
    position: AtomicU64,
    cache: Mutex<HashMap<AggregateId, Option<StateRecord>>>,
}

impl<S: Store> MutatedStore<S> {
    pub fn new(inner: S, mutant: Option<StoreMutant>) -> Self {
        let inner = Arc::new(inner);
        let late = (mutant == Some(StoreMutant::AnswerBeforeCommit)).then(|| {
            let (sender, mut batches) = mpsc::unbounded_channel();
            let inner = Arc::clone(&inner);
            tokio::spawn(async move {
                while let Some(batch) = batches.recv().await {
                    tokio::time::sleep(LATE).await;
                    inner.commit(batch).await;
                }
            });
            sender
        });
        Self { inner, mutant, late, position: AtomicU64::new(1), cache: Mutex::default() }
    }

    async fn commit_one(&self, unit: UnitOfWork) -> CommitOutcome {
        self.inner.commit(Arc::from([unit])).await.remove(0)
    }

    async fn commit_altered(&self, unit: UnitOfWork, mutant: StoreMutant) -> CommitOutcome {
        match mutant {
            StoreMutant::DropEvent => self.commit_one(in_two(unit).0).await,
            StoreMutant::SplitTransaction => {
                let (first, second) = in_two(unit);
                let outcome = self.commit_one(first).await;
                if let (CommitOutcome::Committed { .. }, Some(second)) = (&outcome, second) {
                    tokio::time::sleep(LATE).await;
                    self.commit_one(second).await;
                }
                outcome
            }
            StoreMutant::ApplyTwice => match self.commit_one(unit.clone()).await {
                CommitOutcome::DuplicateCommand { .. } => self.commit_one(renamed(unit)).await,
                outcome => outcome,
            },
            _ => loop {
                let unit = self.rebased(&unit, mutant == StoreMutant::SkipReadCheck).await;
                match self.commit_one(unit).await {
                    CommitOutcome::VersionConflict { .. }
                        if mutant == StoreMutant::SkipVersionCheck => {}
                    outcome => return outcome,
                }
            },
        }
    }

    /// Returns the unit as if it had been decided on the stored versions.
    async fn rebased(&self, unit: &UnitOfWork, only_read: bool) -> UnitOfWork {
        let mut unit = unit.clone();
        let written: HashSet<AggregateId> =
            unit.states.iter().map(|state| state.aggregate_id.clone()).collect();
        for expected in &mut unit.expected {
            if only_read && (written.is_empty() || written.contains(&expected.aggregate_id)) {
                continue;
            }
            let Ok(stored) = self.inner.load(&expected.aggregate_id).await else { continue };
            let stored = stored.map_or(0, |row| row.version);
            let moved = |version: u64| version - expected.version + stored;
            for event in
                unit.events.iter_mut().filter(|event| event.aggregate_id == expected.aggregate_id)
            {
                let version = moved(event.version);
                Arc::make_mut(event).version = version;
            }
            for state in
                unit.states.iter_mut().filter(|state| state.aggregate_id == expected.aggregate_id)
            {
                let version = moved(state.version);
                Arc::make_mut(state).version = version;
            }
            expected.version = stored;
        }
        unit
    }

    fn forget(&self, aggregate_ids: impl Iterator<Item = AggregateId>) {
        let mut cache = self.cache.lock().unwrap();
        aggregate_ids.for_each(|aggregate_id| drop(cache.remove(&aggregate_id)));
    }
}

/// Splits a unit into the part of its own command and the part of the invoked ones.
fn in_two(unit: UnitOfWork) -> (UnitOfWork, Option<UnitOfWork>) {
    if unit.states.len() < 2 {
        return (unit, None);
    }
    let part = |is_of: &dyn Fn(Uuid) -> bool| {
        let mut part = unit.clone();
        part.commands.retain(|command| is_of(command.id));
        part.events.retain(|event| is_of(event.command_id));
        part.states.retain(|state| {
            part.events.iter().any(|event| event.aggregate_id == state.aggregate_id)
        });
        part.expected.retain(|expected| {
            part.states.iter().any(|state| state.aggregate_id == expected.aggregate_id)
        });
        part
    };
    let own = unit.commands[0].id;
    (part(&|id| id == own), Some(part(&|id| id != own)))
}

/// Returns the unit with other command ids.
fn renamed(mut unit: UnitOfWork) -> UnitOfWork {
    let names: HashMap<Uuid, Uuid> =
        unit.commands.iter().map(|command| (command.id, Uuid::new_v4())).collect();
    for command in &mut unit.commands {
        let command = Arc::make_mut(command);
        command.id = names[&command.id];
        command.parent = command.parent.map(|parent| names[&parent]);
    }
    for event in &mut unit.events {
        let event = Arc::make_mut(event);
        event.id = Uuid::new_v4();
        event.command_id = names[&event.command_id];
    }
    unit
}

impl<S: Store> Store for MutatedStore<S> {
    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        match self.mutant {
            None | Some(StoreMutant::SplitSnapshot) => self.inner.commit(batch).await,
            Some(StoreMutant::AnswerBeforeCommit) => {
                let count = batch.len();
                let late = self.late.as_ref().expect("the late task runs");
                late.send(batch).unwrap();
                let first = || self.position.fetch_add(1, Ordering::Relaxed);
                (0..count)
                    .map(|_| CommitOutcome::Committed { first: first(), contended: Vec::new() })
                    .collect()
            }
            Some(StoreMutant::CacheReads) => {
                let outcomes = self.inner.commit(Arc::clone(&batch)).await;
                for (unit, outcome) in batch.iter().zip(&outcomes) {
                    if matches!(outcome, CommitOutcome::Committed { .. }) {
                        self.forget(unit.states.iter().map(|state| state.aggregate_id.clone()));
                    }
                }
                outcomes
            }
            Some(mutant) => {
                let mut outcomes: Vec<CommitOutcome> = Vec::new();
                for unit in batch.iter() {
                    let committed =
                        |on: usize| matches!(outcomes[on], CommitOutcome::Committed { .. });
                    let aborted = unit.depends_on.iter().find(|on| !committed(**on));
                    outcomes.push(match aborted {
                        Some(on) => CommitOutcome::DependencyAborted { on: *on },
                        None => {
                            let mut unit = unit.clone();
                            unit.depends_on.clear();
                            self.commit_altered(unit, mutant).await
                        }
                    });
                }
                outcomes
            }
        }
    }

    async fn load(&self, aggregate_id: &AggregateId) -> Result<Option<StateRecord>, StoreError> {
        if self.mutant != Some(StoreMutant::CacheReads) {
            return self.inner.load(aggregate_id).await;
        }
        if let Some(row) = self.cache.lock().unwrap().get(aggregate_id) {
            return Ok(row.clone());
        }
        let row = self.inner.load(aggregate_id).await?;
        self.cache.lock().unwrap().insert(aggregate_id.clone(), row.clone());
        Ok(row)
    }

    async fn snapshot(
        &self,
        aggregate_ids: &[AggregateId],
    ) -> Result<Vec<Option<StateRecord>>, StoreError> {
        if !matches!(self.mutant, Some(StoreMutant::CacheReads | StoreMutant::SplitSnapshot)) {
            return self.inner.snapshot(aggregate_ids).await;
        }
        let mut rows = Vec::new();
        for aggregate_id in aggregate_ids {
            rows.push(self.load(aggregate_id).await?);
        }
        Ok(rows)
    }

    delegate_store! { self => *self.inner; except commit, load, snapshot }
}
