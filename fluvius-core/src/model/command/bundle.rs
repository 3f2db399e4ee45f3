//! The command bundle: the shape in which a command by key enters the processor.
//!
//! A bundle is plain data. It never touches a store, and it does not know which aggregate type will
//! run it; the domain's registry does.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use fluvius_store::AggregateId;
use fluvius_store::{Json, Precondition};

/// A command by key: what every transport hands to a session.
///
/// Made by [`Session::create_command`](crate::Session::create_command), or read from a queue.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandBundle {
    /// The command's identifier: the same identifier is applied once.
    pub id: Uuid,
    /// The key of the command.
    pub command: String,
    /// The aggregate it is meant for.
    pub aggregate_id: AggregateId,
    /// The arguments, a JSON object.
    pub payload: Json,
    /// What the aggregate must be for the command to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<Precondition>,
}

impl CommandBundle {
    /// The same command under an identifier of the caller's choice, so that sending it again
    /// gives the first answer.
    #[must_use]
    pub fn with_id(mut self, id: Uuid) -> Self {
        self.id = id;
        self
    }

    /// The same command, run only where the aggregate is still what the caller saw.
    #[must_use]
    pub fn if_match(mut self, expected: impl Into<Precondition>) -> Self {
        self.if_match = Some(expected.into());
        self
    }
}

/// The payload is left out: it may hold secrets, and a bundle does not know which of its values
/// are.
impl fmt::Debug for CommandBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandBundle")
            .field("id", &self.id)
            .field("command", &self.command)
            .field("root", &self.aggregate_id)
            .field("payload", &format_args!("[{} bytes]", self.payload.len()))
            .field("if_match", &self.if_match)
            .finish()
    }
}
