//! One row of the command log.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::json::{Json, PayloadHash};

/// A command that was applied or refused. Never changed after it is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CommandRecord {
    /// The command's identifier.
    pub id: Uuid,
    /// The command whose rule sent this one with `invoke`.
    pub parent: Option<Uuid>,
    /// The domain's namespace.
    pub domain: Cow<'static, str>,
    /// The domain's revision.
    pub revision: u32,
    /// The command's key.
    pub command: Cow<'static, str>,
    /// The aggregate it was meant for.
    #[serde(flatten)]
    pub aggregate_id: AggregateId,
    /// The payload as received, keys sorted, without secrets.
    pub payload: Json,
    /// BLAKE3 of `payload`.
    pub payload_hash: PayloadHash,
    /// The session's context.
    pub context_id: Uuid,
    /// How it ended.
    pub status: CommandStatus,
    /// Why it was refused: the rule's code, or the code of the `Error`.
    pub code: Option<Cow<'static, str>>,
    /// What the rule returned; for a refusal, what is needed to give the same answer again.
    pub response: Option<Json>,
    /// When it was received: UTC with microseconds.
    pub received_at: DateTime<Utc>,
}

impl CommandRecord {
    /// Returns the row of an applied command without a parent and a response, at revision 1 of its domain.
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

    /// The command's key.
    pub fn key(&self) -> &str {
        &self.command
    }
}

/// How a recorded command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandStatus {
    /// It was applied.
    Applied,
    /// It was refused; nothing else of it is stored.
    Rejected,
}
