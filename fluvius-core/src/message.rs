//! One row of the message log: what a rule asks to be told to the outside.

use std::borrow::Cow;

use serde::Serialize;
use uuid::Uuid;

use crate::json::Json;
use crate::root::AggregateRoot;

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
    pub src_cmd: Uuid,
    /// The root whose rule sent it.
    #[serde(flatten)]
    pub root: AggregateRoot,
}
