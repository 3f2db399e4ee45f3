//! The state manager: reads what is stored, and nothing that is not.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::aggregate::Aggregate;
use crate::error::Error;
use crate::etag::ETag;
use crate::json::JsonError;
use crate::query::Filter;
use crate::root::{AggregateRoot, Target};
use crate::state::{StateQueryBuilder, StateRecord};
use crate::store::{DynStore, RealmFilter};

/// Reads the stored state: durable, and never half of a unit of work.
///
/// That of a session sees the roots of the session's realm; that of a domain sees all.
#[derive(Clone)]
pub struct StateManager {
    pub(super) store: Arc<dyn DynStore>,
    pub(super) realm: RealmFilter,
}

impl fmt::Debug for StateManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateManager").field("realm", &self.realm).finish_non_exhaustive()
    }
}

impl StateManager {
    pub(crate) fn new(store: Arc<dyn DynStore>, realm: RealmFilter) -> Self {
        Self { store, realm }
    }

    /// The state of a root.
    ///
    /// # Errors
    /// `not-found` where the root does not exist, is closed, or belongs to another realm;
    /// `resource-not-allowed` where `A` is not the state of the target's resource;
    /// `invalid-state` where the stored state does not decode; `store-unavailable`, `store-error`.
    pub async fn fetch<A: Aggregate>(&self, target: impl Target) -> Result<Versioned<A>, Error> {
        let root = target.root_of::<A>();
        match self.find::<A>(&root).await? {
            Some(stored) => Ok(stored),
            None => Err(Error::NotFound { root }),
        }
    }

    /// The state of a root, or `None` where [`fetch`](Self::fetch) says `not-found`.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch), but for `not-found`.
    pub async fn find<A: Aggregate>(
        &self,
        target: impl Target,
    ) -> Result<Option<Versioned<A>>, Error> {
        let root = target.root_of::<A>();
        check_resource::<A>(&root)?;
        match self.find_root(&root).await? {
            Some(record) => record.read::<A>().map(Some),
            None => Ok(None),
        }
    }

    /// The stored row of a root, whatever its aggregate.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch), but that nothing is decoded.
    pub async fn fetch_root(&self, root: &AggregateRoot) -> Result<StateRecord, Error> {
        match self.find_root(root).await? {
            Some(record) => Ok(record),
            None => Err(Error::NotFound { root: root.clone() }),
        }
    }

    /// The stored row of a root, or `None` where [`fetch_root`](Self::fetch_root) says
    /// `not-found`.
    ///
    /// # Errors
    /// `store-unavailable`, `store-error`.
    pub async fn find_root(&self, root: &AggregateRoot) -> Result<Option<StateRecord>, Error> {
        let record = self.store.load(&root.storable()).await?;
        Ok(record.filter(|record| root.is_storable() && self.shows(record)))
    }

    /// The stored rows of several roots, all as they were at one moment: what one unit of work has
    /// changed together is seen changed together.
    ///
    /// # Shape
    /// One entry a root, in the order in which they are named: `None` where
    /// [`find_root`](Self::find_root) gives `None`. [`StateRecord::read`] reads one as an
    /// aggregate.
    ///
    /// # Errors
    /// `store-unavailable`, `store-error`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use fluvius_core::{Aggregate, AggregateRoot, Error, StateManager};
    /// # async fn run<Account: Aggregate>(statemgr: StateManager, roots: [AggregateRoot; 2]) -> Result<(), Error> {
    /// for row in statemgr.snapshot(&roots).await?.into_iter().flatten() {
    ///     let account = row.read::<Account>()?;
    ///     println!("{}: {}", account.record().root, account.version());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn snapshot(
        &self,
        roots: &[AggregateRoot],
    ) -> Result<Vec<Option<StateRecord>>, Error> {
        if !roots.iter().all(AggregateRoot::is_storable) {
            return self.snapshot_of_storable(roots).await;
        }
        let rows = self.store.snapshot(roots).await?;
        Ok(rows.into_iter().map(|row| row.filter(|record| self.shows(record))).collect())
    }

    /// The roots of an aggregate's main resource by what they are like: a query in the making.
    pub fn query<A: Aggregate>(&self) -> StateQueryBuilder<Versioned<A>> {
        StateQueryBuilder::of_aggregate(Arc::clone(&self.store), self.realm.clone())
    }

    /// The rows of a resource by what they are like, whatever their aggregate: a query in the
    /// making.
    pub fn query_rows(
        &self,
        resource: impl Into<Cow<'static, str>>,
    ) -> StateQueryBuilder<StateRecord> {
        StateQueryBuilder::of_rows(Arc::clone(&self.store), self.realm.clone(), resource.into())
    }

    /// The one root of an aggregate's main resource of which the filter is true, or `None` where
    /// there is none.
    ///
    /// # Errors
    /// `multiple-results` where there are several; else as [`StateQueryBuilder::page`].
    pub async fn find_one<A: Aggregate>(
        &self,
        filter: Filter,
    ) -> Result<Option<Versioned<A>>, Error> {
        self.query::<A>().filter(filter).one().await
    }

    /// All roots of an aggregate's main resource of which the filter is true, by identifier,
    /// however many: see [`StateQueryBuilder::all`].
    ///
    /// # Errors
    /// As [`StateQueryBuilder::page`].
    pub async fn find_all<A: Aggregate>(&self, filter: Filter) -> Result<Vec<Versioned<A>>, Error> {
        self.query::<A>().filter(filter).all().await
    }

    /// Returns a snapshot in which roots that no store can hold are absent.
    async fn snapshot_of_storable(
        &self,
        roots: &[AggregateRoot],
    ) -> Result<Vec<Option<StateRecord>>, Error> {
        let storable: Vec<AggregateRoot> =
            roots.iter().map(|root| root.storable().into_owned()).collect();
        let rows = self.store.snapshot(&storable).await?;
        let row = |(root, row): (&AggregateRoot, Option<StateRecord>)| {
            row.filter(|record| root.is_storable() && self.shows(record))
        };
        Ok(roots.iter().zip(rows).map(row).collect())
    }

    fn shows(&self, record: &StateRecord) -> bool {
        record.deleted.is_none() && self.realm.admits(record.realm.as_deref())
    }
}

/// Whether the aggregate is the state of this root.
pub(super) fn check_resource<A: Aggregate>(root: &AggregateRoot) -> Result<(), Error> {
    if A::RESOURCES.contains(&root.resource.as_ref()) {
        return Ok(());
    }
    Err(Error::ResourceNotAllowed {
        command: "fetch".to_owned(),
        resource: root.resource.clone().into_owned(),
        allowed: A::RESOURCES,
    })
}

pub(crate) fn invalid_state(record: &StateRecord, error: &JsonError) -> Error {
    Error::InvalidState {
        root: record.root.clone(),
        revision: record.revision,
        path: error.path().to_owned(),
        message: error.message().to_owned(),
    }
}

/// A state as it is stored, with its version and audit fields; derefs to the aggregate.
#[derive(Debug, Clone)]
pub struct Versioned<A> {
    state: Arc<A>,
    record: StateRecord,
}

impl<A> Versioned<A> {
    pub(crate) fn new(state: Arc<A>, record: StateRecord) -> Self {
        Self { state, record }
    }

    /// The version.
    pub fn version(&self) -> u64 {
        self.record.version
    }

    /// The etag of this version.
    pub fn etag(&self) -> ETag {
        self.record.etag
    }

    /// The row as it is stored, with its audit fields: its data in the shape of its own revision.
    pub fn record(&self) -> &StateRecord {
        &self.record
    }
}

impl<A: Clone> Versioned<A> {
    /// The state alone.
    pub fn into_state(self) -> A {
        Arc::unwrap_or_clone(self.state)
    }
}

impl<A> Deref for Versioned<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.state
    }
}
