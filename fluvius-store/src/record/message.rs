//! A row of the message log: an outgoing message of an action.

use std::borrow::Cow;

use serde::Serialize;
use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::json::Json;

/// An outgoing message, stored with the command that sent it. The row never changes after it is
/// stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MessageRecord {
    /// The message's identifier, for receivers to detect duplicates.
    pub id: Uuid,
    /// The kind of message.
    pub key: Cow<'static, str>,
    /// The content.
    pub data: Json,
    /// The command that sent it.
    pub command_id: Uuid,
    /// The aggregate whose action sent it.
    #[serde(flatten)]
    pub aggregate_id: AggregateId,
}

impl MessageRecord {
    /// Returns the row of a message.
    pub fn new(
        id: Uuid,
        key: impl Into<Cow<'static, str>>,
        data: Json,
        command_id: Uuid,
        aggregate_id: AggregateId,
    ) -> Self {
        Self { id, key: key.into(), data, command_id, aggregate_id }
    }
}
