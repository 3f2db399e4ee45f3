//! Sessions: the commands of one sender.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::dry_run::{self, DryRun};
use super::{CommandProcessor, LogReader, PreparedCommand};
use crate::collections::OneVec;
use crate::error::Error;
use crate::model::{ActionDescriptor, Command, CommandBundle, IntoAggregateId, Response};
use crate::policy::{Operation, ReadRequest};
use crate::processor::{PermitMode, Processor, Sender, Task, decode, deduplicate};
use crate::states::StateManager;
use crate::unwind;
use fluvius_store::__private::excerpt;
use fluvius_store::json::JsonError;
use fluvius_store::{AggregateId, Json, RealmFilter};

/// The commands of one sender under one context. Cheap to clone; clones may send concurrently.
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
/// let other = session.aggregate(AggregateId::new("bank-account", uuid::Uuid::nil()));
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

    /// Sets the target aggregate of [`create_command`](Self::create_command).
    pub fn set_aggroot(
        &mut self,
        resource: impl Into<std::borrow::Cow<'static, str>>,
        identifier: Uuid,
    ) {
        self.aggroot = Some(AggregateId::new(resource, identifier));
    }

    /// Returns a clone of this session with another aggregate, for concurrent use.
    #[must_use]
    pub fn aggregate(&self, aggregate_id: AggregateId) -> Self {
        Self { aggroot: Some(aggregate_id), ..self.clone() }
    }

    /// Returns a clone of this session whose commands do not wait. They fail with `overloaded` if
    /// `max_in_flight` commands are in flight.
    #[must_use]
    pub fn fail_fast(&self) -> Self {
        Self { waits: false, ..self.clone() }
    }

    pub(super) fn permit_mode(&self) -> PermitMode {
        if self.waits { PermitMode::Wait } else { PermitMode::Now }
    }

    /// Returns the target aggregate of [`create_command`](Self::create_command).
    pub fn aggroot(&self) -> Option<&AggregateId> {
        self.aggroot.as_ref()
    }

    /// Creates a command by key for the session's aggregate, with a new id.
    ///
    /// The payload is a `serde_json::Value` or JSON text. The key and the fields are checked when
    /// the command is processed.
    ///
    /// # Errors
    /// `no-aggregate-root` if the session has no aggregate; `invalid-payload` if the payload is not
    /// JSON that can be stored.
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
        let action = self.processor.services.registry.find(key);
        let command = action.map_or("(unknown)", |action| action.key);
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
    /// Any [`Error`]. After all but [`Error::OutcomeUnknown`] the aggregates are unchanged.
    ///
    /// # Cancellation
    /// If the future is dropped, the command is applied completely or not at all. Send the same
    /// command with the same id again to get its response.
    pub async fn process_command(&self, command: CommandBundle) -> Result<Response, Error> {
        let task = self.decode(command)?;
        let answer = self.processor.run(&self.sender, task, self.permit_mode()).await?;
        Ok(answer.response)
    }

    /// Sends a typed command to an aggregate, given as a UUID of the aggregate type's main resource
    /// or as an [`AggregateId`]. The command is sent when the returned builder is awaited.
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use fluvius_core::{Error, Session, aggregate};
    /// # use uuid::Uuid;
    /// # #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
    /// # pub struct Counter {}
    /// # #[aggregate(resource = "counter")]
    /// # impl Counter {
    /// #     /// Add one.
    /// #     #[action(evt_key = "counted")]
    /// #     pub fn count_more(&mut self) -> Result<(), Infallible> {
    /// #         Ok(())
    /// #     }
    /// # }
    /// # async fn run(session: Session, id: Uuid, command_id: Uuid) -> Result<(), Error> {
    /// let response = session.send(id, CountMore {}).await?;
    /// let retried = session.send(id, CountMore {}).with_id(command_id);
    /// let again = retried.if_match(response.etag).await?;
    /// # let _ = again;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`process_command`](Self::process_command).
    ///
    /// # Cancellation
    /// As [`process_command`](Self::process_command).
    pub fn send<C, O>(&self, target: impl IntoAggregateId, command: C) -> PreparedCommand<'_, O>
    where
        C: Command<Output = O>,
        O: DeserializeOwned + 'static,
    {
        PreparedCommand::new(self, target.into_aggregate_id::<C::Aggregate>(), command)
    }

    /// Processes commands as one unit of work. Each command is decided on the result of those
    /// before it, and either all are applied or none. Preconditions refer to the state before the
    /// group.
    ///
    /// # Errors
    /// `group-rejected` if one of the commands is rejected, with the reason as source. Otherwise
    /// any [`Error`] of one of them.
    ///
    /// # Cancellation
    /// As [`process_command`](Self::process_command), for the whole group.
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
        let answers = self.processor.run_group(&self.sender, tasks, self.permit_mode()).await?;
        Ok(answers.into_iter().map(|answer| answer.response).collect())
    }

    /// Returns the answer of a command in the log, if a session with the same actor and realm has
    /// sent it; `None` if there is no such command. A command in flight has no row yet.
    ///
    /// # Errors
    /// `unknown-command` if the domain no longer has the action; `store-unavailable`,
    /// `store-error`. The inner result is the answer, as
    /// [`process_command`](Self::process_command) has given it.
    pub async fn recorded_answer(
        &self,
        command_id: Uuid,
    ) -> Result<Option<Result<Response, Error>>, Error> {
        let services = &self.processor.services;
        let answer = deduplicate::recorded_answer(services, &self.sender, command_id).await?;
        Ok(answer.map(|answer| answer.map(|answer| answer.response)))
    }

    /// Checks a command by key without sending it: its key, its payload and its precondition.
    ///
    /// # Errors
    /// `unknown-command`, `invalid-payload`, `too-large`, `invalid-command-id`,
    /// `precondition-required`.
    pub fn check_command(&self, command: &CommandBundle) -> Result<(), Error> {
        self.decode(command.clone()).map(drop)
    }

    /// Decides commands without storing them, and returns the responses and rows they would have.
    ///
    /// One command is decided as by [`process_command`](Self::process_command), several as by
    /// [`process_atomic`](Self::process_atomic): with a permit, the policy and timeouts, on the
    /// newest states. The result is returned once these states are durable and the store has found
    /// them current.
    ///
    /// The ids of the commands are ignored. So a dry run is not deduplicated, and it may precede
    /// the same command under the same id. Observers are not called, which includes their veto.
    /// Metrics do not count the commands. Only a denial leaves a row: an activity, as for every
    /// command.
    ///
    /// # Errors
    /// As of the commands themselves, except `command-id-reused` and `outcome-unknown`. A rejection
    /// is not recorded.
    ///
    /// # Cancellation
    /// If the future is dropped, nothing is left to do.
    ///
    /// # Examples
    ///
    /// ```
    /// # use fluvius_core::{CommandBundle, Error, Session};
    /// # async fn run(session: Session, transfer: CommandBundle) -> Result<(), Error> {
    /// let preview = session.dry_run([transfer.clone()]).await?;
    /// for event in &preview.events {
    ///     println!("{} on {}", event.key(), event.aggregate_id);
    /// }
    /// session.process_command(transfer).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn dry_run(
        &self,
        commands: impl IntoIterator<Item = CommandBundle>,
    ) -> Result<DryRun, Error> {
        let commands = commands.into_iter();
        let tasks: Result<OneVec<Task>, Error> =
            commands.map(|command| dry_run::decode(self, command)).collect();
        let tasks = tasks?;
        if tasks.is_empty() {
            return Ok(DryRun::default());
        }
        let decided = self.processor.dry_run(&self.sender, tasks, self.permit_mode()).await;
        decided.map(|(answers, unit)| DryRun::new(answers, unit))
    }

    /// Authorizes a read of this session's sender by [`Policy::may_read`](crate::Policy::may_read).
    /// A surface asks it before it reads on behalf of a sender. A domain without a policy allows
    /// each read.
    ///
    /// # Errors
    /// `permission-denied`; `panicked` and `timed-out` for the policy.
    ///
    /// # Examples
    ///
    /// ```
    /// # use fluvius_core::{Error, Session, uuid::Uuid};
    /// use fluvius_core::{ReadKind, ReadRequest};
    ///
    /// # async fn run(session: Session, id: Uuid) -> Result<(), Error> {
    /// session.may_read(&ReadRequest::new(ReadKind::State).resource("bank-account").id(id)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn may_read(&self, request: &ReadRequest<'_>) -> Result<(), Error> {
        self.processor.may_read(&self.sender, request).await
    }

    /// Authorizes an operation of this session's sender by
    /// [`Policy::may_operate`](crate::Policy::may_operate). A domain without a policy allows each
    /// operation.
    ///
    /// The decision leaves a row in the activity log, written like that of a denied command: with a
    /// permit, by the next commit, and durable before this returns. Its data is
    /// `{"operation": .., "allowed": ..}`, and its aggregate the namespace with the nil id.
    ///
    /// # Errors
    /// `permission-denied`; `invalid-payload` if no store can keep the context; `overloaded`,
    /// `shutting-down`; `panicked` and `timed-out` for the policy. If an allowed operation cannot
    /// be recorded, it is not allowed: `store-unavailable`, `store-error`.
    ///
    /// # Cancellation
    /// If the future is dropped, the decision may still be recorded.
    pub async fn may_operate(&self, operation: Operation) -> Result<(), Error> {
        self.processor.may_operate(&self.sender, operation, self.permit_mode()).await
    }

    /// Returns true if lists of actions show an action to this session's sender, by
    /// [`Policy::may_list`](crate::Policy::may_list). If the policy panics, the action is hidden.
    pub fn may_list(&self, action: &'static ActionDescriptor) -> bool {
        self.processor.may_list(&self.sender, action)
    }

    /// Returns a processor for a sequence of commands.
    pub fn command_processor(&self) -> CommandProcessor {
        CommandProcessor::new(self.clone())
    }

    /// Returns a reader of the stored states of the session's realm.
    pub fn statemgr(&self) -> StateManager {
        let services = &self.processor.services;
        StateManager::new(services.store.clone(), Arc::clone(&services.registry), self.realm())
    }

    /// Returns a reader of the logs, for rows of the session's realm.
    pub fn log(&self) -> LogReader {
        LogReader::new(&self.processor.services, self.realm())
    }

    /// Returns the id of the session's row in the context log.
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
