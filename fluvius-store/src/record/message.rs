//! One row of the message log: what a rule asks to be told to the outside.

use std::borrow::Cow;

use serde::Serialize;
use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::json::Json;

/// An outgoing message, stored with the command that sent it. Never changed after it is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageRecord {
    /// The message's identifier, for receivers that must tell a repetition.
    pub id: Uuid,
    /// What kind of message it is.
    pub key: Cow<'static, str>,
    /// What it says.
    pub data: Json,
    /// The command that sent it.
    pub command_id: Uuid,
    /// The aggregate whose rule sent it.
    #[serde(flatten)]
    pub aggregate_id: AggregateId,
}
