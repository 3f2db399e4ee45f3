//! Sessions: the commands of one sender.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{CommandProcessor, LogReader, PreparedCommand};
use crate::collections::OneVec;
use crate::error::Error;
use crate::model::IntoAggregateId;
use crate::model::Response;
use crate::model::{Command, CommandBundle};
use crate::processor::{PermitMode, Processor, Sender, Task, decode};
use crate::states::StateManager;
use crate::unwind;
use fluvius_store::__private::excerpt;
use fluvius_store::AggregateId;
use fluvius_store::Json;
use fluvius_store::RealmFilter;
use fluvius_store::json::JsonError;

/// The commands of one sender. Cheap to clone; clones send under the same context, also at the
/// same time.
///
/// # Examples
///
/// ```
/// # use fluvius_core::{AggregateId, DomainContext, DomainRuntime, Error};
/// # async fn run(domain: DomainRuntime, id: uuid::Uuid) -> Result<(), Error> {
/// let mut session = domain.session(DomainContext::create("front desk"));
/// session.set_aggroot("bank-account", id);
/// let deposit = session.create_command("deposit-money", r#"{ "amount": "10.00" }"#)?;
/// let response = session.process_command(deposit).await?;
/// println!("{response}");
///
/// // A view with an aggregate of its own.
/// let other = session.on(AggregateId::new("bank-account", uuid::Uuid::nil()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Session {
    pub(super) processor: Arc<Processor>,
    pub(super) sender: Arc<Sender>,
    aggroot: Option<AggregateId>,
    waits: bool,
}

impl Session {
    pub(super) fn new(processor: Arc<Processor>, sender: Sender) -> Self {
        Self { processor, sender: Arc::new(sender), aggroot: None, waits: true }
    }

    /// Sets the aggregate that [`create_command`](Self::create_command) makes commands for.
    pub fn set_aggroot(
        &mut self,
        resource: impl Into<std::borrow::Cow<'static, str>>,
        identifier: Uuid,
    ) {
        self.aggroot = Some(AggregateId::new(resource, identifier));
    }

    /// A view of this session with an aggregate of its own.
    #[must_use]
    pub fn on(&self, aggregate_id: AggregateId) -> Self {
        Self { aggroot: Some(aggregate_id), ..self.clone() }
    }

    /// A view of this session whose commands do not wait for a place when too many are in work:
    /// they end in `overloaded`.
    #[must_use]
    pub fn without_waiting(&self) -> Self {
        Self { waits: false, ..self.clone() }
    }

    pub(super) fn place(&self) -> PermitMode {
        if self.waits { PermitMode::Wait } else { PermitMode::Now }
    }

    /// The aggregate that [`create_command`](Self::create_command) makes commands for.
    pub fn aggroot(&self) -> Option<&AggregateId> {
        self.aggroot.as_ref()
    }

    /// A command by key for the session's aggregate, under a fresh identifier.
    ///
    /// The payload is a `serde_json::Value`, or JSON text. The key and the fields are checked
    /// when the command is processed.
    ///
    /// # Errors
    /// `no-aggregate-root` where the session has none yet; `invalid-payload` where the payload
    /// is no JSON that can be stored.
    pub fn create_command<P>(&self, key: &str, payload: P) -> Result<CommandBundle, Error>
    where
        P: TryInto<Json>,
        JsonError: From<P::Error>,
    {
        let aggregate_id = self.aggroot.clone().ok_or_else(|| Error::NoAggregateRoot {
            command: excerpt(key, fluvius_store::__private::NAME).into_owned(),
        })?;
        let payload = payload
            .try_into()
            .map_err(|error| self.invalid_payload(key, JsonError::from(error)))?;
        let ids = &self.processor.services.ids;
        let known = self.processor.services.registry.find(key);
        let command = known.map_or("(unknown)", |action| action.key);
        Ok(CommandBundle {
            id: unwind::catch(|| ids.generate()).ok_or(Error::Panicked { command })?,
            command: key.to_owned(),
            aggregate_id,
            payload,
            if_match: None,
        })
    }

    /// Processes a command by key.
    ///
    /// # Errors
    /// Every [`Error`]; the aggregates are then as they were, but for
    /// [`Error::OutcomeUnknown`].
    ///
    /// # Cancellation
    /// Dropping the future leaves either nothing of the command or the whole of it. The same
    /// command sent again, under the same identifier, tells which.
    pub async fn process_command(&self, command: CommandBundle) -> Result<Response, Error> {
        let task = self.decode(command)?;
        let answer = self.processor.run(&self.sender, task, self.place()).await?;
        Ok(answer.response)
    }

    /// Sends a typed command to an aggregate: a UUID of the aggregate type's main resource, or an
    /// [`AggregateId`].
    ///
    /// # Errors
    /// As [`process_command`](Self::process_command).
    ///
    /// # Cancellation
    /// As [`process_command`](Self::process_command).
    pub fn send<C, O>(
        &self,
        target: impl IntoAggregateId,
        command: C,
    ) -> BoxFuture<'_, Result<Response<O>, Error>>
    where
        C: Command<Output = O>,
        O: DeserializeOwned + 'static,
    {
        // An `async fn` would repeat an unmet bound at the call and at the `.await`.
        Box::pin(self.prepare(target, command).send())
    }

    /// A typed command that can be given an identifier or a precondition before it is sent.
    pub fn prepare<C, O>(&self, target: impl IntoAggregateId, command: C) -> PreparedCommand<'_, O>
    where
        C: Command<Output = O>,
        O: DeserializeOwned + 'static,
    {
        PreparedCommand::new(self, target.into_aggregate_id::<C::Aggregate>(), command)
    }

    /// Processes commands as one unit of work: each is decided on the result of those before
    /// it, and all are applied or none. Preconditions are compared with what stood before the
    /// group.
    ///
    /// # Errors
    /// `group-rejected` where one of them is refused, with the reason as source; every other
    /// [`Error`] as it hit one of them.
    ///
    /// # Cancellation
    /// As [`process_command`](Self::process_command), for all of them together.
    pub async fn process_atomic(
        &self,
        commands: impl IntoIterator<Item = CommandBundle>,
    ) -> Result<Vec<Response>, Error> {
        let tasks: Result<OneVec<Task>, Error> =
            commands.into_iter().map(|command| self.decode(command)).collect();
        let tasks = tasks?;
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.processor.run_group(&self.sender, tasks, self.place()).await?;
        Ok(answers.into_iter().map(|answer| answer.response).collect())
    }

    /// What processes many commands one after the other.
    pub fn command_processor(&self) -> CommandProcessor {
        CommandProcessor::new(self.clone())
    }

    /// The stored state, as far as the session's realm goes.
    pub fn statemgr(&self) -> StateManager {
        let store = Arc::clone(&self.processor.services.store);
        StateManager::new(store, self.realm())
    }

    /// The logs, as far as the session's realm goes.
    pub fn log(&self) -> LogReader {
        LogReader::new(&self.processor.services, self.realm())
    }

    /// The identifier of the session's row in the context log.
    pub fn context_id(&self) -> Uuid {
        self.sender.record.id
    }

    fn realm(&self) -> RealmFilter {
        RealmFilter::Only(self.sender.record.realm.clone())
    }

    fn invalid_payload(&self, key: &str, error: JsonError) -> Error {
        match self.processor.services.registry.find(key) {
            Some(action) => decode::invalid_payload(key, &decode::without_values(action, error)),
            None => decode::invalid_payload(key, &error),
        }
    }

    pub(super) fn decode(&self, command: CommandBundle) -> Result<Task, Error> {
        let services = &self.processor.services;
        decode::by_key(services, command)
    }
}
