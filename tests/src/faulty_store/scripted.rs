//! A memory store that fails by script.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fluvius_core::query::Field;
use fluvius_core::{
    AggregateId, AnyRecord, CommitOutcome, LogKind, LogPage, LogQuery, MemoryStore, StateRecord,
    Store, StoreError, UnitOfWork, delegate_store,
};
use futures_util::future::BoxFuture;

/// Behaviour of a scripted store at one commit.
pub enum CommitStep {
    /// Runs a future, then commits.
    RunFirst(BoxFuture<'static, ()>),
    /// Reports a version conflict on the first expected aggregate, and commits nothing.
    Conflict,
    /// Returns this outcome, and commits nothing.
    Return(CommitOutcome),
    /// Reports `InDoubt`, and fails all later reads.
    LoseStore { has_committed: bool },
    /// Returns no outcomes, against the contract of a store.
    ReturnNothing,
    /// Panics.
    Panic { has_committed: bool },
}

/// A resource and its declared index fields.
pub type Indexes = (String, Vec<Field>);

/// A memory store that fails by script. A commit without a step succeeds.
#[derive(Clone, Default)]
pub struct ScriptedStore {
    pub inner: MemoryStore,
    steps: Arc<Mutex<VecDeque<CommitStep>>>,
    units: Arc<Mutex<Vec<UnitOfWork>>>,
    fault: Arc<Mutex<Option<StoreError>>>,
    yields: Arc<AtomicBool>,
    indexes: Arc<Mutex<Vec<Indexes>>>,
    event_reads: Arc<Mutex<Vec<(u64, u64)>>>,
    read_count: Arc<AtomicUsize>,
}

impl ScriptedStore {
    pub fn script(&self, steps: impl IntoIterator<Item = CommitStep>) {
        self.steps.lock().unwrap().extend(steps);
    }

    /// Fails all later reads with this error; `None` ends that.
    pub fn fail_reads(&self, fault: Option<StoreError>) {
        *self.fault.lock().unwrap() = fault;
    }

    /// From now on, loads and commits yield to other tasks before and after they act.
    pub fn yield_in_calls(&self) {
        self.yields.store(true, Ordering::Relaxed);
    }

    async fn maybe_yield(&self) {
        if self.yields.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
    }

    /// Takes the units that were committed since the last call.
    pub fn units(&self) -> Vec<UnitOfWork> {
        std::mem::take(&mut self.units.lock().unwrap())
    }

    /// Returns the declared index fields by resource.
    pub fn indexes(&self) -> Vec<Indexes> {
        self.indexes.lock().unwrap().clone()
    }

    /// Takes, for each page of events read since the last call, the position after which it begins
    /// and the newest position.
    pub fn event_reads(&self) -> Vec<(u64, u64)> {
        std::mem::take(&mut self.event_reads.lock().unwrap())
    }

    /// Returns the number of reads since the last call, failed ones included.
    pub fn read_count(&self) -> usize {
        self.read_count.swap(0, Ordering::Relaxed)
    }

    fn reads(&self) -> Result<&MemoryStore, StoreError> {
        self.read_count.fetch_add(1, Ordering::Relaxed);
        match &*self.fault.lock().unwrap() {
            Some(fault) => Err(fault.clone()),
            None => Ok(&self.inner),
        }
    }
}

impl Store for ScriptedStore {
    async fn declare_indexes(&self, resource: &str, fields: &[Field]) -> Result<(), StoreError> {
        self.indexes.lock().unwrap().push((resource.to_owned(), fields.to_vec()));
        self.reads()?.declare_indexes(resource, fields).await
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        self.maybe_yield().await;
        self.units.lock().unwrap().extend(batch.iter().cloned());
        let step = self.steps.lock().unwrap().pop_front();
        match step {
            None => {
                let outcomes = self.inner.commit(batch).await;
                self.maybe_yield().await;
                outcomes
            }
            Some(CommitStep::RunFirst(other)) => {
                other.await;
                self.inner.commit(batch).await
            }
            Some(CommitStep::Conflict) => {
                let aggregate_id = batch[0].expected[0].aggregate_id.clone();
                let stored = self.inner.load(&aggregate_id).await.unwrap().map(Box::new);
                vec![CommitOutcome::VersionConflict { aggregate_id, stored }]
            }
            Some(CommitStep::Return(outcome)) => vec![outcome],
            Some(CommitStep::LoseStore { has_committed }) => {
                if has_committed {
                    self.inner.commit(batch).await;
                }
                self.fail_reads(Some(StoreError::unavailable("gone")));
                vec![CommitOutcome::InDoubt]
            }
            Some(CommitStep::ReturnNothing) => Vec::new(),
            Some(CommitStep::Panic { has_committed }) => {
                if has_committed {
                    self.inner.commit(batch).await;
                }
                panic!("panic of the scripted store")
            }
        }
    }

    async fn load(&self, aggregate_id: &AggregateId) -> Result<Option<StateRecord>, StoreError> {
        self.maybe_yield().await;
        let row = self.reads()?.load(aggregate_id).await;
        self.maybe_yield().await;
        row
    }

    async fn log(&self, kind: LogKind, query: &LogQuery) -> Result<LogPage<AnyRecord>, StoreError> {
        let page = self.reads()?.log(kind, query).await?;
        if kind == LogKind::Events {
            self.event_reads.lock().unwrap().push((query.after.position(), page.newest));
        }
        Ok(page)
    }

    delegate_store! {
        self => *self.reads()?;
        only snapshot, query, scan, command, history, context
    }
    delegate_store! {
        self => self.inner;
        except declare_indexes, commit, load, snapshot, query, scan, command, history, log, context
    }
}
