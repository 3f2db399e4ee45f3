//! The action context: what a rule may ask for while it runs.
//!
//! It makes it easy for an action to be a function of the state, its arguments and the context:
//! what it gives is drawn once per command, so that a rule which is run again sees the same.

use std::borrow::Cow;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_core::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{ContextError, DomainContext};
use crate::action::{ActionDescriptor, SharedCommand};
use crate::activity::Activity;
use crate::aggregate::Aggregate;
use crate::command::Command;
use crate::error::Error;
use crate::id_generator as ids;
use crate::into_aggregate_id::IntoAggregateId;
use crate::processor::{
    Answer, Processor, Sender, Services, Task, WriteSet, decide, decode, load, timeout,
};
use crate::registry::is_kebab;
use crate::response::Response;
use crate::scheduler::CachedVersion;
use crate::state::Versioned;
use fluvius_store::__private::excerpt;
use fluvius_store::ActivityRecord;
use fluvius_store::Actor;
use fluvius_store::AggregateId;
use fluvius_store::Json;
use fluvius_store::MessageRecord;
use fluvius_store::Precondition;
use fluvius_store::json::{self, JsonError};

/// What a rule may ask for while it runs; given to an action that has a parameter of type
/// `&mut ActionContext` or `&ActionContext`.
///
/// # Cancellation
/// The futures of `fetch`, `find` and `invoke` may be dropped; an invoked action that is dropped
/// half way leaves no write, event or message, as one that failed.
pub struct ActionContext {
    pub(crate) processor: Arc<Processor>,
    pub(crate) inputs: Inputs,
    pub(crate) write_set: WriteSet,
    /// The actions that are being decided, the caller's first.
    pub(crate) frames: Vec<Frame>,
    /// The first fault that no rule may answer.
    pub(crate) fault: Option<Box<Error>>,
}

/// What a command is given, the same in every attempt.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    pub(crate) sender: Arc<Sender>,
    pub(crate) now: DateTime<Utc>,
    pub(crate) attempt: u32,
    pub(crate) ids: Vec<Uuid>,
    pub(crate) ids_used: usize,
}

/// One action that is being decided.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) aggregate_id: AggregateId,
    pub(crate) command_id: Uuid,
    pub(crate) action: &'static ActionDescriptor,
    pub(crate) invoked_count: u32,
}

impl ActionContext {
    pub(crate) fn new(processor: Arc<Processor>, inputs: Inputs) -> Self {
        Self { processor, inputs, write_set: WriteSet::default(), frames: Vec::new(), fault: None }
    }

    pub(crate) fn services(&self) -> &Services {
        &self.processor.services
    }

    /// Returns the time of receipt of the command: UTC with microseconds, the same in every attempt.
    ///
    /// It may be earlier than that of the command before on the same root: clocks of processes differ, and a policy may
    /// hold a command up. [`EventRecord::occurred_at`](crate::EventRecord::occurred_at) never decreases along an aggregate.
    pub fn now(&self) -> DateTime<Utc> {
        self.inputs.now
    }

    /// A fresh identifier; the n-th call gives the same in every attempt.
    pub fn new_id(&mut self) -> Uuid {
        let inputs = &mut self.inputs;
        if inputs.ids_used == inputs.ids.len() {
            inputs.ids.push(self.processor.services.ids.generate());
        }
        let id = inputs.ids[inputs.ids_used];
        inputs.ids_used += 1;
        id
    }

    /// Who acts.
    pub fn actor(&self) -> Actor {
        self.inputs.sender.context.actor()
    }

    /// The sender's context.
    pub fn domain_context(&self) -> &DomainContext {
        &self.inputs.sender.context
    }

    /// The aggregate that this action runs on.
    ///
    /// # Panics
    /// Never inside an action.
    pub fn aggregate_id(&self) -> &AggregateId {
        &self.frame().aggregate_id
    }

    /// The identifier of the command that this action runs for; that of an invoked action is
    /// derived from its parent's.
    ///
    /// # Panics
    /// Never inside an action.
    pub fn command_id(&self) -> Uuid {
        self.frame().command_id
    }

    /// The state of another aggregate, with what this command has already written.
    ///
    /// The version that is read is expected at the commit: if somebody changes the aggregate
    /// meanwhile, the command is decided again.
    ///
    /// # Errors
    /// [`ContextError::NotFound`]; [`ContextError::ResourceNotAllowed`] where `A` is not the
    /// state of the target's resource; [`ContextError::Fault`] for everything that no rule may
    /// answer, such as asking for an aggregate that is being decided in this very command.
    pub async fn fetch<A: Aggregate>(
        &mut self,
        target: impl IntoAggregateId,
    ) -> Result<Versioned<A>, ContextError> {
        let aggregate_id = target.into_aggregate_id::<A>();
        match self.find::<A>(&aggregate_id).await? {
            Some(stored) => Ok(stored),
            None => Err(ContextError::NotFound { aggregate_id }),
        }
    }

    /// The state of another aggregate, or `None` where [`fetch`](Self::fetch) says `NotFound`. That
    /// an aggregate is absent is expected at the commit as well.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch), but for `NotFound`.
    pub async fn find<A: Aggregate>(
        &mut self,
        target: impl IntoAggregateId,
    ) -> Result<Option<Versioned<A>>, ContextError> {
        self.go_on()?;
        let aggregate_id = target.into_aggregate_id::<A>();
        if !A::RESOURCES.contains(&aggregate_id.resource.as_ref()) {
            return Err(ContextError::ResourceNotAllowed {
                command: "fetch".to_owned(),
                resource: aggregate_id.resource.into_owned(),
            });
        }
        let head = load::version(self, &aggregate_id).await;
        let head = self.answer(head)?;
        let stored = self.stored::<A>(&head);
        self.answer(stored)
    }

    /// Runs an action of another aggregate inside the same unit of work.
    ///
    /// It returns what the action returned: the `T` of its `Result<T, E>`, or, for `()` and `Self`, the new state of the
    /// other aggregate.
    ///
    /// The command runs when the builder is awaited; before that it may be given a precondition with
    /// [`Invoke::if_match`]. An action that declares a `timeout` has that long here too, within the time of the caller.
    ///
    /// # Errors
    /// [`ContextError::NotFound`], [`ContextError::AlreadyExists`],
    /// [`ContextError::Rejected`], [`ContextError::PreconditionFailed`] and
    /// [`ContextError::ResourceNotAllowed`] as the invoked action
    /// ended: it has then left no write, event or message, and the rule may go on.
    /// [`ContextError::Fault`] for everything that no rule may answer: among others an aggregate that
    /// is being decided further up, actions that invoke each other more than 16 deep, a `timeout` that is over
    /// (`timed-out`), and a missing precondition of an action that requires one (`precondition-required`).
    pub fn invoke<C, O>(&mut self, target: impl IntoAggregateId, command: C) -> Invoke<'_, O>
    where
        C: Command<Output = O>,
        O: DeserializeOwned + 'static,
    {
        Invoke {
            aggregate_id: target.into_aggregate_id::<C::Aggregate>(),
            action: C::ACTION,
            command: Arc::new(command),
            read: Answer::typed::<C>,
            if_match: None,
            cx: self,
        }
    }

    /// Sends a message to the outside when the command is stored.
    ///
    /// The key is in kebab case. Data that no store can keep end the command with
    /// `invalid-state`.
    pub fn message<T: Serialize + ?Sized>(&mut self, key: impl Into<Cow<'static, str>>, data: &T) {
        let key = key.into();
        let data = match json::encode(data) {
            Ok(data) if is_kebab(&key) => data,
            Ok(_) => {
                let key = excerpt(&key, fluvius_store::__private::NAME);
                let problem = format!("the key `{key}` is not kebab case, such as `order-shipped`");
                return self.cannot_keep("message", &problem);
            }
            Err(error) => return self.cannot_keep("message", error.message()),
        };
        let message = MessageRecord {
            id: self.new_id(),
            key,
            data,
            command_id: self.command_id(),
            aggregate_id: self.aggregate_id().clone(),
        };
        self.write_set.messages.push(message.into());
    }

    /// Writes an activity, for people who audit, when the command is stored.
    ///
    /// Text or data that no store can keep end the command with `invalid-state`.
    pub fn activity(&mut self, activity: Activity) {
        let data = activity.data.as_ref().map(Json::from_value).transpose();
        let data = match data {
            Ok(data) => data,
            Err(error) => return self.cannot_keep("activity", error.message()),
        };
        let texts = [Some(&activity.message), activity.label.as_ref(), activity.code.as_ref()];
        if texts.into_iter().flatten().any(|text| text.contains('\0')) {
            return self.cannot_keep("activity", "a text holds U+0000");
        }
        let record = ActivityRecord {
            id: self.new_id(),
            aggregate_id: self.aggregate_id().clone(),
            context_id: self.inputs.sender.record.id,
            command_id: self.command_id(),
            message: activity.message,
            kind: activity.kind,
            label: activity.label,
            code: activity.code,
            data,
        };
        self.write_set.activities.push(record.into());
    }

    #[expect(clippy::expect_used, reason = "authors are given a context inside actions only")]
    fn frame(&self) -> &Frame {
        self.frames.last().expect("an action is being decided")
    }

    fn stored<A: Aggregate>(&self, head: &CachedVersion) -> Result<Option<Versioned<A>>, Error> {
        let Some(record) = head.visible(self.inputs.sender.realm.as_deref()) else {
            return Ok(None);
        };
        let value = head.value(record, A::DESCRIPTOR)?;
        let state = value.downcast::<A>().map_err(|_| Error::InvalidState {
            aggregate_id: record.aggregate_id.clone(),
            revision: record.revision,
            path: ".".to_owned(),
            message: "the resource belongs to another aggregate".to_owned(),
        })?;
        Ok(Some(Versioned::new(state, record.clone())))
    }

    async fn run_invoked(
        &mut self,
        action: &'static ActionDescriptor,
        aggregate_id: AggregateId,
        command: SharedCommand,
        args: Result<Json, JsonError>,
        if_match: Option<Precondition>,
    ) -> Result<Answer, ContextError> {
        self.go_on()?;
        let task = self.invoked_task(action, aggregate_id, command, args, if_match);
        let task = self.answer(task)?;
        let answer = match action.timeout {
            None => decide::run(self, &task).await,
            Some(after) => {
                let decided = pin!(decide::run(self, &task));
                let timed_out = Error::TimedOut { command: action.key, after };
                timeout(after, decided).await.unwrap_or(Err(timed_out))
            }
        };
        self.answer(answer)
    }

    fn invoked_task(
        &mut self,
        action: &'static ActionDescriptor,
        aggregate_id: AggregateId,
        command: SharedCommand,
        args: Result<Json, JsonError>,
        if_match: Option<Precondition>,
    ) -> Result<Task, Error> {
        let registry = &self.services().registry;
        if registry.find(action.key).is_none_or(|known| !known.is_same(action)) {
            return Err(Error::UnknownCommand {
                key: action.key.to_owned(),
                nearest: registry.nearest(action.key),
            });
        }
        if !action.resources.contains(&aggregate_id.resource.as_ref()) {
            return Err(Error::ResourceNotAllowed {
                command: action.key.to_owned(),
                resource: aggregate_id.resource.into_owned(),
                allowed: action.resources,
            });
        }
        decode::check_required(action, &aggregate_id, if_match.as_ref())?;
        let args = args.map_err(|error| decode::invalid_payload(action.key, &error))?;
        let payload = fluvius_store::__private::canonical(&args, &[]);
        let received_at = self.inputs.now;
        let parent = self.command_id();
        #[expect(clippy::expect_used, reason = "authors are given a context inside actions only")]
        let frame = self.frames.last_mut().expect("an action is being decided");
        frame.invoked_count += 1;
        Ok(Task {
            id: ids::invoked(parent, frame.invoked_count),
            parent: Some(parent),
            action,
            aggregate_id,
            command,
            args,
            payload_hash: fluvius_store::__private::hash(&payload),
            payload,
            if_match,
            received_at,
        })
    }

    /// A rule that goes on after a fault hears of it at each further call.
    fn go_on(&self) -> Result<(), ContextError> {
        match self.fault {
            Some(_) => Err(ContextError::Fault),
            None => Ok(()),
        }
    }

    /// Tells the rule what it may react to, and remembers what it may not.
    fn answer<T>(&mut self, result: Result<T, Error>) -> Result<T, ContextError> {
        result.map_err(|error| {
            ContextError::of(&error).unwrap_or_else(|| {
                self.fault.get_or_insert_with(|| Box::new(error));
                ContextError::Fault
            })
        })
    }

    fn cannot_keep(&mut self, what: &str, message: &str) {
        let frame = self.frame();
        let fault = Error::InvalidState {
            aggregate_id: frame.aggregate_id.clone(),
            revision: (frame.action.aggregate)().revision,
            path: what.to_owned(),
            message: message.to_owned(),
        };
        self.fault.get_or_insert_with(|| Box::new(fault));
    }
}

/// A command that [`ActionContext::invoke`] runs when it is awaited. `O` is what its success is answered with.
#[must_use = "an invoked command runs when it is awaited: write `.await`"]
pub struct Invoke<'a, O> {
    cx: &'a mut ActionContext,
    aggregate_id: AggregateId,
    action: &'static ActionDescriptor,
    command: SharedCommand,
    read: fn(Answer) -> Option<Result<Response<O>, Error>>,
    if_match: Option<Precondition>,
}

impl<O> Invoke<'_, O> {
    /// Runs the command only if the aggregate is at this version, or has this etag.
    ///
    /// It is compared with the aggregate as the invoking action sees it, with all that the command has already written.
    pub fn if_match(mut self, expected: impl Into<Precondition>) -> Self {
        self.if_match = Some(expected.into());
        self
    }
}

impl<'a, O: 'static> IntoFuture for Invoke<'a, O> {
    type Output = Result<O, ContextError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cx, aggregate_id, action, command, read, if_match } = self;
        let args = (action.record)(command.as_ref());
        Box::pin(async move {
            let answer = cx.run_invoked(action, aggregate_id, command, args, if_match).await?;
            let panicked = || Err(Error::Panicked { command: action.key });
            let output = read(answer).unwrap_or_else(panicked);
            let output = output.map(|response| response.data);
            cx.answer(output)
        })
    }
}

impl<O> fmt::Debug for Invoke<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The command may hold a secret.
        f.debug_struct("Invoke")
            .field("root", &self.aggregate_id)
            .field("if_match", &self.if_match)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ActionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionContext")
            .field("now", &self.inputs.now)
            .field("attempt", &self.inputs.attempt)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}
