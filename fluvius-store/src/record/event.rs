//! A row of the event log.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::json::{Json, StateDelta};

/// An event of an aggregate. The row never changes after it is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EventRecord {
    /// The event's identifier, derived from that of its command, which has no other event.
    pub id: Uuid,
    /// The domain's namespace.
    pub domain: Cow<'static, str>,
    /// The revision of the aggregate type, which determines the shape of `args`, `data` and
    /// `delta`.
    pub revision: u32,
    /// The event's key.
    pub event: Cow<'static, str>,
    /// The aggregate.
    #[serde(flatten)]
    pub aggregate_id: AggregateId,
    /// The version of the aggregate after the event: 1 created it, and there are no gaps.
    pub version: u64,
    /// The command that emitted it.
    pub command_id: Uuid,
    /// The command's arguments, without secrets.
    pub args: Json,
    /// The return value of the action; `None` if that is `()` or the state.
    pub data: Option<Json>,
    /// The change of the state.
    pub delta: StateDelta,
    /// The time of the event: UTC with microseconds, never earlier than the event before it.
    pub occurred_at: DateTime<Utc>,
}

impl EventRecord {
    /// Returns the row of an event without arguments and data, at revision 1 of its aggregate type.
    #[expect(clippy::too_many_arguments, reason = "one argument for each column without a default")]
    pub fn new(
        id: Uuid,
        domain: impl Into<Cow<'static, str>>,
        event: impl Into<Cow<'static, str>>,
        aggregate_id: AggregateId,
        version: u64,
        command_id: Uuid,
        delta: StateDelta,
        occurred_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            domain: domain.into(),
            revision: 1,
            event: event.into(),
            aggregate_id,
            version,
            command_id,
            args: Json::empty_object(),
            data: None,
            delta,
            occurred_at,
        }
    }

    /// Returns the event's key.
    pub fn key(&self) -> &str {
        &self.event
    }
}
