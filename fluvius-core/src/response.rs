//! The answer to a command that was applied.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use fluvius_store::AggregateId;
use fluvius_store::ETag;
use fluvius_store::Json;

/// The answer to a command that was applied: what the rule returned, or the new state.
///
/// By key, `data` is JSON; where the command is typed, it is the command's
/// [`Output`](crate::Command::Output).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Response<T = Json> {
    /// The command's identifier.
    pub command_id: Uuid,
    /// The command's key.
    pub command: &'static str,
    /// The aggregate.
    pub aggregate_id: AggregateId,
    /// The aggregate's version after the command.
    pub version: u64,
    /// The etag of that version.
    pub etag: ETag,
    /// The key of the event that the command gave; `None` for a question.
    pub event: Option<&'static str>,
    /// What the rule returned; the state where it returned `()` or `Self`.
    pub data: T,
}

impl<T> Response<T> {
    /// Returns the same response with other data.
    pub fn with_data<U>(self, data: U) -> Response<U> {
        Response {
            command_id: self.command_id,
            command: self.command,
            aggregate_id: self.aggregate_id,
            version: self.version,
            etag: self.etag,
            event: self.event,
            data,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Response<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}, version {}", self.command, self.aggregate_id, self.version)?;
        if let Some(event) = self.event {
            write!(f, ", {event}")?;
        }
        write!(f, ": {}", self.data)
    }
}
