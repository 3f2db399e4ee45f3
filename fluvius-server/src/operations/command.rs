//! Commands.

use fluvius_core::uuid::Uuid;
use fluvius_core::{
    ActionDescriptor, AggregateId, CommandBundle, DryRun, Error, Precondition, Response, Session,
    idempotency,
};

use super::Caller;
use crate::problem::{CommandScope, Problem, Scope, from_error};

/// A command that a sender wants to be run.
#[derive(Debug)]
pub(crate) struct CommandRequest {
    pub(crate) resource: &'static str,
    pub(crate) action: &'static ActionDescriptor,
    /// `None` for a creating command whose aggregate gets a new id.
    pub(crate) identifier: Option<Uuid>,
    /// The payload as JSON text.
    pub(crate) payload: String,
    pub(crate) if_match: Option<Precondition>,
    /// The id of the command, by [`command_id`].
    pub(crate) id: Uuid,
    /// Set if the id is derived from an idempotency key.
    pub(crate) has_key: bool,
}

impl CommandRequest {
    /// Runs the command.
    ///
    /// # Errors
    /// The problem of each error of a command.
    pub(crate) async fn send(self, caller: &Caller) -> Result<Response, Problem> {
        let problem = self.problem(caller);
        let (session, bundle) = self.bundle(caller).map_err(&problem)?;
        within(caller, bundle.id, session.process_command(bundle)).await.map_err(problem)
    }

    /// Decides the command and discards the result.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(crate) async fn dry_run(self, caller: &Caller) -> Result<DryRun, Problem> {
        let problem = self.problem(caller);
        let (session, bundle) = self.bundle(caller).map_err(&problem)?;
        within(caller, bundle.id, session.dry_run([bundle])).await.map_err(problem)
    }

    fn bundle(self, caller: &Caller) -> Result<(Session, CommandBundle), Error> {
        let identifier = self.identifier;
        let identifier = identifier.unwrap_or_else(|| idempotency::created_aggregate_id(self.id));
        let session = caller.session().aggregate(AggregateId::new(self.resource, identifier));
        let bundle = bundle(&session, self.action.key, self.payload, self.id, self.if_match)?;
        Ok((session, bundle))
    }

    fn problem<'a>(&self, caller: &'a Caller) -> impl Fn(Error) -> Problem + use<'a> {
        let (id, action, has_key) = (self.id, Some(self.action.key), self.has_key);
        let command = Some(CommandScope { id, action, has_key });
        move |error| from_error(&error, Scope { domain: &caller.domain, command })
    }
}

/// Returns the id of a command: derived from the key, or drawn.
pub(crate) fn command_id(caller: &Caller, key: Option<&str>) -> Uuid {
    match key {
        Some(key) => idempotency::command_id(caller.domain.namespace(), caller.context(), key),
        None => caller.domain.runtime.generate_id(),
    }
}

/// Creates the bundle of a command from the text of its payload.
pub(crate) fn bundle(
    session: &Session,
    key: &str,
    payload: String,
    id: Uuid,
    if_match: Option<Precondition>,
) -> Result<CommandBundle, Error> {
    let mut bundle = session.create_command(key, payload.as_str())?.with_id(id);
    bundle.if_match = if_match;
    Ok(bundle)
}

/// Waits for the answer of a command. The command continues after the timeout.
pub(crate) async fn within<T>(
    caller: &Caller,
    id: Uuid,
    processing: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let answered = tokio::time::timeout(caller.request_timeout, processing).await;
    answered.unwrap_or(Err(Error::OutcomeUnknown { id }))
}
