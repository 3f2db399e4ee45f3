//! The state manager: reads what is stored, and nothing that is not.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::aggregate::Aggregate;
use crate::error::Error;
use crate::etag::ETag;
use crate::json::JsonError;
use crate::root::{AggregateRoot, Target};
use crate::state::StateRecord;
use crate::store::{ErasedStore, RealmFilter};

/// Reads the stored state: durable, and never half of a unit of work.
///
/// That of a session sees the roots of the session's realm; that of a domain sees all.
#[derive(Clone)]
pub struct StateManager {
    store: Arc<dyn ErasedStore>,
    realm: RealmFilter,
}

impl fmt::Debug for StateManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateManager").field("realm", &self.realm).finish_non_exhaustive()
    }
}

impl StateManager {
    pub(crate) fn new(store: Arc<dyn ErasedStore>, realm: RealmFilter) -> Self {
        Self { store, realm }
    }

    /// The state of a root.
    ///
    /// # Errors
    /// `not-found` where the root does not exist, is closed, or belongs to another realm;
    /// `forbidden-resource` where `A` is not the state of the target's resource;
    /// `invalid-state` where the stored state does not decode; `store-unavailable`, `store`.
    pub async fn fetch<A: Aggregate>(&self, target: impl Target) -> Result<Stored<A>, Error> {
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
    ) -> Result<Option<Stored<A>>, Error> {
        let root = target.root_of::<A>();
        if !A::RESOURCES.contains(&root.resource.as_ref()) {
            return Err(Error::ForbiddenResource {
                command: "fetch".to_owned(),
                resource: root.resource.into_owned(),
                allowed: A::RESOURCES,
            });
        }
        let Some(record) = self.find_root(&root).await? else {
            return Ok(None);
        };
        match record.data.decode::<A>() {
            Ok(state) => Ok(Some(Stored::new(Arc::new(state), record))),
            Err(error) => Err(invalid_state(&record, &error)),
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
    /// `store-unavailable`, `store`.
    pub async fn find_root(&self, root: &AggregateRoot) -> Result<Option<StateRecord>, Error> {
        let record = self.store.load(root).await?;
        Ok(record.filter(|record| {
            record.deleted.is_none() && self.realm.admits(record.realm.as_deref())
        }))
    }
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
pub struct Stored<A> {
    state: Arc<A>,
    record: StateRecord,
}

impl<A> Stored<A> {
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

    /// The row, with its audit fields.
    pub fn record(&self) -> &StateRecord {
        &self.record
    }
}

impl<A: Clone> Stored<A> {
    /// The state alone.
    pub fn into_state(self) -> A {
        Arc::unwrap_or_clone(self.state)
    }
}

impl<A> Deref for Stored<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.state
    }
}
