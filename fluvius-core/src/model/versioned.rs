//! A decoded state with its row.

use std::ops::Deref;
use std::sync::Arc;

use fluvius_store::json::JsonError;
use fluvius_store::{AggregateId, ETag, StateRecord};

use super::Aggregate;
use crate::error::Error;

/// Checks that the resource of the aggregate belongs to the aggregate type `A`.
pub(crate) fn check_resource<A: Aggregate>(aggregate_id: &AggregateId) -> Result<(), Error> {
    if A::RESOURCES.contains(&aggregate_id.resource.as_ref()) {
        return Ok(());
    }
    Err(Error::ResourceNotAllowed {
        command: "fetch".to_owned(),
        resource: aggregate_id.resource.clone().into_owned(),
        allowed: A::RESOURCES,
    })
}

pub(crate) fn invalid_state(record: &StateRecord, error: &JsonError) -> Error {
    Error::InvalidState {
        aggregate_id: record.aggregate_id.clone(),
        revision: record.revision,
        path: error.path().to_owned(),
        message: error.message().to_owned(),
    }
}

/// A stored state with its version and audit fields. It dereferences to the state. Its own
/// functions are associated functions, like those of `Arc`, so that they hide no method of an
/// aggregate.
///
/// # Examples
///
/// ```
/// use fluvius_core::{Error, StateManager, Versioned};
/// # use fluvius_core::{Aggregate, uuid::Uuid};
///
/// # async fn run<Account: Aggregate>(states: StateManager, id: Uuid) -> Result<(), Error> {
/// let account = states.fetch::<Account>(id).await?;
/// assert!(Versioned::version(&account) > 0);
/// let (state, record) = Versioned::into_parts(account);
/// # drop((state, record));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Versioned<A> {
    state: Arc<A>,
    record: StateRecord,
}

impl<A> Versioned<A> {
    pub(crate) fn new(state: Arc<A>, record: StateRecord) -> Self {
        Self { state, record }
    }

    /// Returns the version.
    pub fn version(this: &Self) -> u64 {
        this.record.version
    }

    /// Returns the etag of this version.
    pub fn etag(this: &Self) -> ETag {
        this.record.etag
    }

    /// Returns the stored row with its audit fields. Its data has the shape of the revision that
    /// wrote it.
    pub fn record(this: &Self) -> &StateRecord {
        &this.record
    }

    /// Returns the state and the stored row.
    pub fn into_parts(this: Self) -> (A, StateRecord)
    where
        A: Clone,
    {
        (Arc::unwrap_or_clone(this.state), this.record)
    }
}

impl<A> Deref for Versioned<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.state
    }
}
