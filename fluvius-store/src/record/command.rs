//! A row of the command log.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::json::{Json, PayloadHash};

/// A command that was applied or rejected. The row never changes after it is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CommandRecord {
    /// The command's identifier.
    pub id: Uuid,
    /// The command whose action sent this one with `invoke`.
    pub parent: Option<Uuid>,
    /// The domain's namespace.
    pub domain: Cow<'static, str>,
    /// The domain's revision.
    pub revision: u32,
    /// The command's key.
    pub command: Cow<'static, str>,
    /// The target aggregate.
    #[serde(flatten)]
    pub aggregate_id: AggregateId,
    /// The payload as received, with sorted keys and without secrets.
    pub payload: Json,
    /// The BLAKE3 hash of `payload`.
    pub payload_hash: PayloadHash,
    /// The session's context.
    pub context_id: Uuid,
    /// The recorded result.
    pub status: CommandStatus,
    /// The code of the rejection, or that of the `Error`.
    pub code: Option<Cow<'static, str>>,
    /// The return value of the action; for a rejection, the data needed to replay the answer.
    pub response: Option<Json>,
    /// The time of receipt, UTC with microseconds.
    pub received_at: DateTime<Utc>,
}

impl CommandRecord {
    /// Returns the row of an applied command without a parent and a response, at revision 1 of its
    /// domain.
    #[expect(clippy::too_many_arguments, reason = "one argument for each column without a default")]
    pub fn new(
        id: Uuid,
        domain: impl Into<Cow<'static, str>>,
        command: impl Into<Cow<'static, str>>,
        aggregate_id: AggregateId,
        payload: Json,
        payload_hash: PayloadHash,
        context_id: Uuid,
        received_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            parent: None,
            domain: domain.into(),
            revision: 1,
            command: command.into(),
            aggregate_id,
            payload,
            payload_hash,
            context_id,
            status: CommandStatus::Applied,
            code: None,
            response: None,
            received_at,
        }
    }

    /// Returns the command's key.
    pub fn key(&self) -> &str {
        &self.command
    }
}

/// The result of a recorded command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandStatus {
    /// An applied command.
    Applied,
    /// A rejected command; nothing else of it is stored.
    Rejected,
}
