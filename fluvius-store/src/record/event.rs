//! One row of the event log.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::json::{Json, StateDelta};

/// What happened to an aggregate. Never changed after it is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventRecord {
    /// The event's identifier: made of that of its command, which has no other event.
    pub id: Uuid,
    /// The domain's namespace.
    pub domain: Cow<'static, str>,
    /// The aggregate type's revision, in whose shape `args`, `data` and `delta` are written.
    pub revision: u32,
    /// The event's key.
    pub event: Cow<'static, str>,
    /// The aggregate that it happened to.
    #[serde(flatten)]
    pub aggregate_id: AggregateId,
    /// Which event of the aggregate it is: 1 created it, and there are no gaps.
    pub version: u64,
    /// The command that gave it.
    pub command_id: Uuid,
    /// The command's arguments, without secrets.
    pub args: Json,
    /// What the rule returned; nothing where it returned `()` or the state.
    pub data: Option<Json>,
    /// What it did to the state.
    pub delta: StateDelta,
    /// When it happened: UTC with microseconds, never earlier than the event before it.
    pub occurred_at: DateTime<Utc>,
}

impl EventRecord {
    /// The event's key.
    pub fn key(&self) -> &str {
        &self.event
    }
}
