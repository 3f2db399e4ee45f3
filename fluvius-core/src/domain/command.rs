//! A typed command before it is sent.

use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::Session;
use crate::command::Command;
use crate::error::Error;
use crate::etag::Precondition;
use crate::processor::decode;
use crate::response::Response;
use crate::root::AggregateRoot;
use crate::unwind;

/// A typed command that is ready to be sent.
#[derive(Debug)]
#[must_use = "call `send`"]
pub struct PreparedCommand<'a, C> {
    session: &'a Session,
    root: AggregateRoot,
    command: C,
    id: Option<Uuid>,
    if_match: Option<Precondition>,
}

impl<'a, C: Command> PreparedCommand<'a, C> {
    pub(super) fn new(session: &'a Session, root: AggregateRoot, command: C) -> Self {
        Self { session, root, command, id: None, if_match: None }
    }

    /// Sends it under an identifier of the caller's choice, so that sending it again gives the
    /// first answer.
    pub fn with_id(mut self, id: Uuid) -> Self {
        self.id = Some(id);
        self
    }

    /// Runs it only where the root is still what the caller saw.
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
    pub async fn send(self) -> Result<Response<C::Output>, Error>
    where
        C::Output: DeserializeOwned + 'static,
    {
        let session = self.session;
        let services = &session.processor.services;
        let Self { root, command, id, if_match, .. } = self;
        let panicked = Error::Panicked { command: C::ACTION.key };
        let id = match id {
            Some(id) => id,
            None => unwind::catch(|| services.ids.next()).ok_or(panicked)?,
        };
        let task = decode::typed(services, id, root, command, if_match)?;
        let answer = session.processor.run(&session.sender, task, session.place()).await?;
        // The command is applied: if an author's code panics on the answer, no other error is true.
        answer.typed::<C>().unwrap_or(Err(Error::OutcomeUnknown { id }))
    }
}
