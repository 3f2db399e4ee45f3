//! The harness of a case: opens stores over one content, and records the committed units to compare
//! the content.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_core::future::BoxFuture;
use uuid::Uuid;

use super::case_failure::{CaseFailure, CaseResult};
use super::draft::Draft;
use super::handle::Handle;
use super::store_dump::{Content, Watched};
use fluvius_store::{
    Actor, AggregateId, CommitOutcome, ContextRecord, Store, Transport, UnitOfWork,
};

/// An empty place, and a function that opens a store over it.
///
/// # Examples
///
/// ```
/// use fluvius_core::MemoryStore;
/// use fluvius_testing::conformance::Harness;
///
/// let one_content = Harness::of_clones(MemoryStore::new());
/// let same = Harness::new(MemoryStore::new(), |place| async move { (*place).clone() });
/// # let _ = (one_content, same);
/// ```
pub struct Harness {
    open: Box<dyn Fn() -> BoxFuture<'static, Handle> + Send + Sync>,
    next: AtomicU64,
    made: Mutex<Made>,
}

#[derive(Debug, Default)]
struct Made {
    watched: Watched,
    /// The committed units, with the positions of their first rows.
    committed: Vec<(u64, UnitOfWork)>,
}

impl Harness {
    /// Creates a harness for an empty place, which is kept until the case ends. `open` opens a
    /// store over it, and is called several times, also while other handles are open.
    pub fn new<P, S, F>(place: P, open: impl Fn(Arc<P>) -> F + Send + Sync + 'static) -> Self
    where
        P: Send + Sync + 'static,
        S: Store,
        F: Future<Output = S> + Send + 'static,
    {
        let place = Arc::new(place);
        let open = move || -> BoxFuture<'static, Handle> {
            let store = open(Arc::clone(&place));
            Box::pin(async move { Handle::new(store.await) })
        };
        Self { open: Box::new(open), next: AtomicU64::new(1), made: Mutex::default() }
    }

    /// Creates a harness for an empty store whose clones share one content. Each handle is a clone.
    pub fn of_clones<S: Store + Clone>(store: S) -> Self {
        Self::new(store, |store| std::future::ready(S::clone(&store)))
    }

    /// Opens a handle to the content.
    pub(super) async fn open(&self) -> Handle {
        (self.open)().await
    }

    /// Returns the next number.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Returns a new id. Ids are in an arbitrary order.
    pub(super) fn id(&self) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &self.number().to_be_bytes())
    }

    /// Returns the id of a new aggregate.
    pub(super) fn aggregate_id(&self) -> AggregateId {
        AggregateId::new("conformance", self.id())
    }

    /// Returns a new context without a realm.
    pub(super) fn context(&self) -> Arc<ContextRecord> {
        self.context_of(None)
    }

    /// Returns a new context of a realm, or without one.
    pub(super) fn context_of(&self, realm: Option<&str>) -> Arc<ContextRecord> {
        Arc::new({
            let mut record =
                ContextRecord::new(self.id(), "conformance", "the conformance suite".to_owned());
            record.transport = Transport::Http;
            record.headers = BTreeMap::from([("x-request-id".to_owned(), "17".to_owned())]);
            record.actor =
                Actor { user_id: Some(self.id()), profile_id: None, organization_id: None };
            record.roles = vec!["teller".to_owned()];
            record.realm = realm.map(str::to_owned);
            record.correlation = Some(self.id());
            record
        })
    }

    /// Starts a unit of work with one command on an aggregate.
    pub(super) fn draft<'a>(
        &'a self,
        context: &Arc<ContextRecord>,
        aggregate_id: &AggregateId,
    ) -> Draft<'a> {
        Draft::new(self, context, aggregate_id)
    }

    /// Commits a batch, and records the committed units. The commit runs in its own task, so that
    /// concurrent ones use several threads.
    pub(super) async fn commit(
        &self,
        store: &Handle,
        batch: impl Into<Vec<UnitOfWork>>,
    ) -> Result<Vec<CommitOutcome>, CaseFailure> {
        let batch: Arc<[UnitOfWork]> = batch.into().into();
        self.watch(&batch);
        let task = tokio::spawn({
            let (store, batch) = (store.clone(), Arc::clone(&batch));
            async move { store.commit(batch).await }
        });
        let outcomes = task.await?;
        if outcomes.len() != batch.len() {
            return Err(CaseFailure::new(format!(
                "{} units of work returned {} outcomes",
                batch.len(),
                outcomes.len()
            )));
        }
        for (unit, outcome) in batch.iter().zip(&outcomes) {
            if let CommitOutcome::Committed { first, .. } = outcome {
                self.remember(unit, *first);
            }
        }
        Ok(outcomes)
    }

    /// Commits a single unit.
    pub(super) async fn commit_one(
        &self,
        store: &Handle,
        unit: UnitOfWork,
    ) -> Result<CommitOutcome, CaseFailure> {
        let mut outcomes = self.commit(store, [unit]).await?;
        outcomes.pop().ok_or_else(|| CaseFailure::new("a unit of work returned no outcome"))
    }

    /// Commits units that must succeed, each in its own batch.
    pub(super) async fn commit_all(
        &self,
        store: &Handle,
        units: impl IntoIterator<Item = UnitOfWork>,
    ) -> CaseResult {
        for unit in units {
            match self.commit_one(store, unit).await? {
                CommitOutcome::Committed { .. } => {}
                outcome => {
                    return Err(CaseFailure::new(format!("expected a commit, found {outcome:?}")));
                }
            }
        }
        Ok(())
    }

    /// Adds the ids of these units to the ones that `content` looks up.
    pub(super) fn watch(&self, batch: &[UnitOfWork]) {
        self.with(|made| batch.iter().for_each(|unit| made.watched.add(unit)));
    }

    /// Records a unit as committed.
    pub(super) fn remember(&self, unit: &UnitOfWork, first: u64) {
        self.with(|made| made.committed.push((first, unit.clone())));
    }

    /// Returns the complete content that a handle shows.
    pub(super) async fn content(&self, store: &Handle) -> Result<Content, CaseFailure> {
        let watched = self.with(|made| made.watched.clone());
        Content::read(store, &watched).await
    }

    /// Checks that the content is exactly that of the committed units.
    pub(super) async fn holds(&self, store: &Handle) -> CaseResult {
        let found = self.content(store).await?;
        let expected = self.with(|made| Content::of(&mut made.committed));
        expected.compare(&found)
    }

    /// Returns the aggregates of all units so far.
    pub(super) fn aggregate_ids(&self) -> BTreeSet<AggregateId> {
        self.with(|made| made.watched.aggregate_ids.clone())
    }

    fn with<T>(&self, change: impl FnOnce(&mut Made) -> T) -> T {
        change(&mut self.made.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Harness").finish_non_exhaustive()
    }
}
