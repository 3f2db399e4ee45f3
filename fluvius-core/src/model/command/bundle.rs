//! The command bundle: a command by key, as input of the processor.
//!
//! A bundle is plain data, without access to a store. The registry of the domain finds the
//! aggregate type that runs it.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use fluvius_store::AggregateId;
use fluvius_store::{Json, Precondition};

/// A command by key, as every transport passes it to a session.
///
/// Created by [`Session::create_command`](crate::Session::create_command), or read from a queue.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandBundle {
    /// The command id, which is the idempotency key: a command with a known id is not applied
    /// again.
    pub id: Uuid,
    /// The key of the command.
    pub command: String,
    /// The target aggregate.
    pub aggregate_id: AggregateId,
    /// The arguments, as a JSON object.
    pub payload: Json,
    /// The expected version or etag of the aggregate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<Precondition>,
}

impl CommandBundle {
    /// Sets the command id, the idempotency key. A command that is sent again with the same id gets
    /// its first answer.
    #[must_use]
    pub fn with_id(mut self, id: Uuid) -> Self {
        self.id = id;
        self
    }

    /// Sets the expected version or etag of the aggregate.
    #[must_use]
    pub fn if_match(mut self, expected: impl Into<Precondition>) -> Self {
        self.if_match = Some(expected.into());
        self
    }
}

/// Omits the payload, since it may hold secrets. A bundle does not distinguish secret values.
impl fmt::Debug for CommandBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandBundle")
            .field("id", &self.id)
            .field("command", &self.command)
            .field("aggregate_id", &self.aggregate_id)
            .field("payload", &format_args!("[{} bytes]", self.payload.len()))
            .field("if_match", &self.if_match)
            .finish()
    }
}
