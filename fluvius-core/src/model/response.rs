//! The response to an applied command.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use fluvius_store::AggregateId;
use fluvius_store::{ETag, Json};

use super::{Aggregate, Command, SharedState};
use crate::error::Error;
use crate::unwind;

/// The response to an applied command: the data that the action returned, or the new state.
///
/// For a command by key, `data` is JSON. For a typed command, it is the command's
/// [`Output`](crate::Command::Output).
///
/// A replay is equal to the first response: `==` and serialization omit `replayed`.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Response<T = Json> {
    /// The command's id.
    pub command_id: Uuid,
    /// The command's key.
    pub command: &'static str,
    /// The aggregate.
    pub aggregate_id: AggregateId,
    /// The version of the aggregate after the command.
    pub version: u64,
    /// The etag of this version.
    pub etag: ETag,
    /// The key of the recorded event; `None` if the action is read-only.
    pub event: Option<&'static str>,
    /// The time of the event; for a read-only action, the time of receipt.
    pub occurred_at: DateTime<Utc>,
    /// The position of the last row of the command's unit of work: a reader of the logs that has
    /// reached it has seen all changes of the command. It is the same for all commands of an atomic
    /// group. If one of them is sent again without its group, it is the position of the last row
    /// that certainly belongs to its unit. It is 0 in a dry run.
    pub position: u64,
    /// True if the response was read back from the log, since the command id was known. A caller
    /// that joins a command in flight gets the response of that command.
    #[serde(skip)]
    pub replayed: bool,
    /// The data that the action returned, or the state if it returned `()` or `Self`.
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
            occurred_at: self.occurred_at,
            position: self.position,
            replayed: self.replayed,
            data,
        }
    }
}

impl<T: PartialEq> PartialEq for Response<T> {
    /// Compares all fields except `replayed`: an answer and its replay are equal.
    fn eq(&self, other: &Self) -> bool {
        let Self {
            command_id,
            command,
            aggregate_id,
            version,
            etag,
            event,
            occurred_at,
            position,
            replayed: _,
            data,
        } = self;
        *command_id == other.command_id
            && *command == other.command
            && *aggregate_id == other.aggregate_id
            && *version == other.version
            && *etag == other.etag
            && *event == other.event
            && *occurred_at == other.occurred_at
            && *position == other.position
            && *data == other.data
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

/// A response with its data as JSON, and the decoded state if the state is the data.
#[derive(Debug, Clone)]
pub(crate) struct ErasedResponse {
    pub(crate) response: Response,
    pub(crate) state: Option<SharedState>,
}

impl ErasedResponse {
    /// Returns the response with the command's output as data, or `None` if the author's code
    /// panics on it.
    pub(crate) fn typed<C>(self) -> Option<Result<Response<C::Output>, Error>>
    where
        C: Command,
        C::Output: serde::de::DeserializeOwned + 'static,
    {
        let Self { response, state } = self;
        let state = state.and_then(|state| state.downcast::<C::Aggregate>().ok());
        let output = unwind::catch(|| match state.and_then(shared::<C>) {
            Some(output) => Ok(output),
            None => response.data.decode::<C::Output>(),
        });
        Some(match output? {
            Ok(output) => Ok(response.with_data(output)),
            Err(error) => Err(Error::InvalidState {
                aggregate_id: response.aggregate_id,
                revision: C::Aggregate::DESCRIPTOR.revision,
                path: error.path().to_owned(),
                message: error.message().to_owned(),
            }),
        })
    }
}

/// Returns the state if it is the output, which saves decoding it.
fn shared<C>(state: Arc<C::Aggregate>) -> Option<C::Output>
where
    C: Command,
    C::Output: 'static,
{
    let state: &mut dyn Any = &mut Some(state);
    state.downcast_mut::<Option<C::Output>>().and_then(Option::take)
}
