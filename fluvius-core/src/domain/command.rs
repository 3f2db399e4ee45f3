//! A typed command before it is sent.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::Session;
use crate::error::Error;
use crate::model::Command;
use crate::model::ErasedResponse;
use crate::model::Response;
use crate::model::{ActionDescriptor, SharedCommand};
use crate::processor::decode;
use crate::unwind;
use fluvius_store::AggregateId;
use fluvius_store::Precondition;

/// A typed command that is ready to be sent. `O` is what its success is answered with.
///
/// It does not name the type of the command, so that a type that is none gives one error, where it is passed.
#[must_use = "call `send`"]
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

    /// Sends it under an identifier of the caller's choice, so that sending it again gives the
    /// first answer.
    pub fn with_id(mut self, id: Uuid) -> Self {
        self.id = Some(id);
        self
    }

    /// Runs it only where the aggregate is still what the caller saw.
    pub fn if_match(mut self, expected: impl Into<Precondition>) -> Self {
        self.if_match = Some(expected.into());
        self
    }

    /// Sends it.
    ///
    /// # Errors
    /// As [`Session::process_command`].
    ///
    /// # Cancellation
    /// As [`Session::process_command`].
    pub async fn send(self) -> Result<Response<O>, Error> {
        let session = self.session;
        let services = &session.processor.services;
        let Self { aggregate_id, action, command, read, id, if_match, .. } = self;
        let panicked = Error::Panicked { command: action.key };
        let id = match id {
            Some(id) => id,
            None => unwind::catch(|| services.ids.generate()).ok_or(panicked)?,
        };
        let task = decode::typed(services, id, aggregate_id, action, command, if_match)?;
        let answer = session.processor.run(&session.sender, task, session.place()).await?;
        // The command is applied: if an author's code panics on the answer, no other error is true.
        read(answer).unwrap_or(Err(Error::OutcomeUnknown { id }))
    }
}

impl<O> fmt::Debug for PreparedCommand<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedCommand")
            .field("command", &self.action.key)
            .field("root", &self.aggregate_id)
            .field("id", &self.id)
            .field("if_match", &self.if_match)
            .finish_non_exhaustive()
    }
}
