//! The response to an applied command.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
