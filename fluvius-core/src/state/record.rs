//! One row of stored state.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::manager::{Versioned, check_resource, invalid_state};
use crate::aggregate::Aggregate;
use crate::aggregate_id::AggregateId;
use crate::error::Error;
use crate::etag::ETag;
use crate::json::Json;

/// The stored state of one aggregate, with its audit fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateRecord {
    /// The aggregate.
    #[serde(flatten)]
    pub aggregate_id: AggregateId,
    /// How many events the aggregate has had; at least 1.
    pub version: u64,
    /// The tag of this version.
    pub etag: ETag,
    /// The aggregate type's revision, in whose shape `data` is written.
    pub revision: u32,
    /// The state.
    pub data: Json,
    /// When the aggregate was created: UTC with microseconds.
    pub created_at: DateTime<Utc>,
    /// Who created it: the profile, else the user.
    pub created_by: Option<Uuid>,
    /// When its last event occurred.
    pub updated_at: DateTime<Utc>,
    /// Who gave its last event.
    pub updated_by: Option<Uuid>,
    /// When it was closed; its state is kept.
    pub closed_at: Option<DateTime<Utc>>,
    /// The realm of the context that created it.
    pub realm: Option<Arc<str>>,
}

impl StateRecord {
    /// Reads the row as an aggregate type; what an older revision wrote is lifted.
    ///
    /// # Errors
    /// `resource-not-allowed` where `A` is not the state of the row's resource; `invalid-state`
    /// where the state does not decode, or a newer revision wrote it.
    pub fn read<A: Aggregate>(self) -> Result<Versioned<A>, Error> {
        check_resource::<A>(&self.aggregate_id)?;
        match A::DESCRIPTOR.read(self.revision, &self.data, Json::decode::<A>) {
            Ok(state) => Ok(Versioned::new(Arc::new(state), self)),
            Err(error) => Err(invalid_state(&self, &error)),
        }
    }
}
