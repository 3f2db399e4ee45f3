//! A decoded state with its row.

use std::ops::Deref;
use std::sync::Arc;

use fluvius_store::json::JsonError;
use fluvius_store::{AggregateId, ETag, StateRecord};

use super::Aggregate;
use crate::error::Error;

/// Whether the aggregate type is the state of this aggregate.
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
