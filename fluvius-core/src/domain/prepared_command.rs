//! The builder that `Session::send` returns.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::Session;
use crate::error::Error;
use crate::model::{ActionDescriptor, Command, ErasedResponse, Response, SharedCommand};
use crate::processor::decode;
use crate::unwind;
use fluvius_store::{AggregateId, Precondition};

/// A typed command with its options. Awaiting it sends the command. `O` is the data of its
/// response.
///
/// Created by [`Session::send`].
///
/// # Errors
/// As [`Session::process_command`].
///
/// # Cancellation
/// As [`Session::process_command`].
// Does not name the type of the command, so that a type without `Command` gives one error, where it
// is passed.
#[must_use = "a command is sent when it is awaited: add `.await`"]
pub struct PreparedCommand<'a, O> {
    session: &'a Session,
    aggregate_id: AggregateId,
    action: &'static ActionDescriptor,
    command: SharedCommand,
    read: fn(ErasedResponse) -> Option<Result<Response<O>, Error>>,
    id: Option<Uuid>,
    if_match: Option<Precondition>,
}

impl<'a, O> PreparedCommand<'a, O> {
    pub(super) fn new<C>(session: &'a Session, aggregate_id: AggregateId, command: C) -> Self
    where
        C: Command<Output = O>,
        O: DeserializeOwned + 'static,
    {
        Self {
            session,
            aggregate_id,
            action: C::ACTION,
            command: Arc::new(command),
            read: ErasedResponse::typed::<C>,
            id: None,
            if_match: None,
        }
    }

    /// Sets the command id, the idempotency key: a command that is sent again with the same id gets
    /// its first response. Default: a new id.
    pub fn with_id(mut self, id: Uuid) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the expected version or etag. If the aggregate differs, the command fails with
    /// `precondition-failed`.
    pub fn if_match(mut self, expected: impl Into<Precondition>) -> Self {
        self.if_match = Some(expected.into());
        self
    }

    async fn process(self) -> Result<Response<O>, Error> {
        let session = self.session;
        let services = &session.processor.services;
        let Self { aggregate_id, action, command, read, id, if_match, .. } = self;
        let panicked = || Error::Panicked { command: action.key };
        let id = match id {
            Some(id) => id,
            None => unwind::catch(|| services.ids.generate()).ok_or_else(panicked)?,
        };
        let task = decode::typed(services, id, aggregate_id, action, command, if_match)?;
        let answer = session.processor.run(&session.sender, task, session.permit_mode()).await?;
        // The command is applied, so a panic of the author's code on the response must not become
        // another error.
        read(answer).unwrap_or_else(|| Err(Error::OutcomeUnknown { id }))
    }
}

impl<'a, O: 'static> IntoFuture for PreparedCommand<'a, O> {
    type Output = Result<Response<O>, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.process())
    }
}

impl<O> fmt::Debug for PreparedCommand<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedCommand")
            .field("command", &self.action.key)
            .field("aggregate_id", &self.aggregate_id)
            .field("id", &self.id)
            .field("if_match", &self.if_match)
            .finish_non_exhaustive()
    }
}
