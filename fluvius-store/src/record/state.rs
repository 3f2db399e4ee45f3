//! A row of stored state.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::etag::ETag;
use crate::json::Json;

/// The stored state of one aggregate, with its audit fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StateRecord {
    /// The aggregate.
    #[serde(flatten)]
    pub aggregate_id: AggregateId,
    /// The number of events of the aggregate; at least 1.
    pub version: u64,
    /// The etag of this version.
    pub etag: ETag,
    /// The revision of the aggregate type, which determines the shape of `data`.
    pub revision: u32,
    /// The state.
    pub data: Json,
    /// The time of creation: UTC with microseconds.
    pub created_at: DateTime<Utc>,
    /// The actor that created it: the profile, else the user.
    pub created_by: Option<Uuid>,
    /// The time of its last event.
    pub updated_at: DateTime<Utc>,
    /// The actor of its last event.
    pub updated_by: Option<Uuid>,
    /// The time of closing; `None` if the aggregate is open. The state of a closed aggregate is
    /// kept.
    pub closed_at: Option<DateTime<Utc>>,
    /// The realm of the context that created it.
    pub realm: Option<Arc<str>>,
}

impl StateRecord {
    /// Returns the row of an open aggregate that was created and last updated at `updated_at`. It
    /// has revision 1, no actors and no realm.
    pub fn new(
        aggregate_id: AggregateId,
        version: u64,
        etag: ETag,
        data: Json,
        updated_at: DateTime<Utc>,
    ) -> Self {
        Self {
            aggregate_id,
            version,
            etag,
            revision: 1,
            data,
            created_at: updated_at,
            created_by: None,
            updated_at,
            updated_by: None,
            closed_at: None,
            realm: None,
        }
    }
}
