//! The action context: the interface of the runtime to a running action.
//!
//! The context is plain data. The processor owns the state of the decision and the access to
//! versions; it implements [`ActionBackend`].

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use fluvius_store::__private::{NAME, excerpt};
use fluvius_store::json::JsonError;
use fluvius_store::json::JsonPath;
use fluvius_store::{
    ActivityRecord, Actor, AggregateId, Json, MessageRecord, Precondition, StateRecord, json,
};
use futures_core::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{
    ActionDescriptor, Activity, Aggregate, AggregateDescriptor, Command, ContextError,
    DomainContext, ErasedResponse, IntoAggregateId, Response, SharedCommand, SharedState,
    Versioned, is_kebab,
};
use crate::collections::OneVec;
use crate::error::Error;

/// The interface of the runtime to an action. Actions receive it as a parameter of type
/// `&mut ActionContext` or `&ActionContext`.
///
/// # Cancellation
/// The futures of `fetch`, `find` and `invoke` may be dropped. If an invoked action is dropped
/// before it completes, it leaves no write, event or message in the unit of work, as if it had
/// failed.
pub struct ActionContext {
    pub(crate) now: DateTime<Utc>,
    pub(crate) attempt: u32,
    pub(crate) context: Arc<DomainContext>,
    pub(crate) context_id: Uuid,
    /// The running actions, outermost first.
    pub(crate) frames: OneVec<Frame>,
    /// The first fault. It ends the command.
    pub(crate) fault: Option<Box<Error>>,
    /// The backend's state of the decision.
    pub(crate) state: Box<dyn Any + Send + Sync>,
    pub(crate) backend: &'static dyn ActionBackend,
}

/// The part of the processor that serves an action.
///
/// It is stateless, and its methods take the context. An invoked action gets the same context.
pub(crate) trait ActionBackend: Sync {
    /// Returns a fresh id. The n-th call returns the same id in every attempt.
    fn new_id(&self, cx: &mut ActionContext) -> Uuid;

    /// Reads the newest version of an aggregate, which becomes its expected version at the commit.
    /// Returns `None` if the aggregate does not exist for this sender.
    fn load<'a>(
        &self,
        cx: &'a mut ActionContext,
        aggregate_id: &'a AggregateId,
        aggregate: &'static AggregateDescriptor,
    ) -> BoxFuture<'a, Result<Option<(SharedState, StateRecord)>, Error>>;

    /// Runs an action of another aggregate in the same unit of work.
    fn invoke<'a>(
        &self,
        cx: &'a mut ActionContext,
        invocation: Invocation,
    ) -> BoxFuture<'a, Result<ErasedResponse, Error>>;

    /// Adds a row of the message log or of the activity log.
    fn record(&self, cx: &mut ActionContext, outgoing: Outgoing);
}

/// A running action.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) aggregate_id: AggregateId,
    pub(crate) command_id: Uuid,
    pub(crate) action: &'static ActionDescriptor,
    pub(crate) invoked_count: u32,
}

/// A command that an action invokes.
pub(crate) struct Invocation {
    pub(crate) action: &'static ActionDescriptor,
    pub(crate) aggregate_id: AggregateId,
    pub(crate) command: SharedCommand,
    /// The command's fields, without secrets.
    pub(crate) args: Result<Json, JsonError>,
    pub(crate) if_match: Option<Precondition>,
}

/// A row that an action adds besides its event.
pub(crate) enum Outgoing {
    Message(MessageRecord),
    Activity(ActivityRecord),
}

impl ActionContext {
    /// Returns the time of receipt of the command: UTC with microseconds, the same in every
    /// attempt.
    ///
    /// This time may be earlier than that of the previous command on the same aggregate, since
    /// clocks of processes differ and a policy may delay a command.
    /// [`EventRecord::occurred_at`](crate::EventRecord::occurred_at) never decreases along an
    /// aggregate.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Returns a fresh id. The n-th call returns the same id in every attempt.
    pub fn new_id(&mut self) -> Uuid {
        self.backend.new_id(self)
    }

    /// Returns the actor of the sender's domain context.
    pub fn actor(&self) -> Actor {
        self.context.actor()
    }

    /// Returns the sender's domain context.
    pub fn domain_context(&self) -> &DomainContext {
        &self.context
    }

    /// Returns the id of the aggregate that this action runs on.
    ///
    /// # Panics
    /// Never inside an action.
    pub fn aggregate_id(&self) -> &AggregateId {
        &self.frame().aggregate_id
    }

    /// Returns the id of the command that this action runs for. An invoked command has an id
    /// derived from its parent's.
    ///
    /// # Panics
    /// Never inside an action.
    pub fn command_id(&self) -> Uuid {
        self.frame().command_id
    }

    /// Returns the state of another aggregate, including the changes that this command has made so
    /// far.
    ///
    /// The version read is the expected version at the commit. If another command changes the
    /// aggregate in the meantime, this command is decided again.
    ///
    /// # Errors
    /// [`ContextError::NotFound`]; [`ContextError::ResourceNotAllowed`] if the target's resource
    /// does not belong to `A`; [`ContextError::Fault`] for every error that an action cannot
    /// handle, such as reading an aggregate that is being decided further up in the same command.
    pub async fn fetch<A: Aggregate>(
        &mut self,
        target: impl IntoAggregateId,
    ) -> Result<Versioned<A>, ContextError> {
        let aggregate_id = target.into_aggregate_id::<A>();
        match self.find::<A>(&aggregate_id).await? {
            Some(versioned) => Ok(versioned),
            None => Err(ContextError::NotFound { aggregate_id }),
        }
    }

    /// Returns the state of another aggregate, or `None` where [`fetch`](Self::fetch) fails with
    /// `NotFound`. The commit then expects that the aggregate is still absent.
    ///
    /// # Errors
    /// Those of [`fetch`](Self::fetch), except for `NotFound`.
    pub async fn find<A: Aggregate>(
        &mut self,
        target: impl IntoAggregateId,
    ) -> Result<Option<Versioned<A>>, ContextError> {
        self.check_fault()?;
        let aggregate_id = target.into_aggregate_id::<A>();
        if !A::RESOURCES.contains(&aggregate_id.resource.as_ref()) {
            return Err(ContextError::ResourceNotAllowed {
                command: "fetch".to_owned(),
                resource: aggregate_id.resource.into_owned(),
            });
        }
        let loaded = self.backend.load(self, &aggregate_id, A::DESCRIPTOR).await;
        let versioned = loaded.and_then(|loaded| loaded.map(versioned::<A>).transpose());
        self.answer(versioned)
    }

    /// Runs an action of another aggregate in the same unit of work.
    ///
    /// Returns the output of the action: the `T` of its `Result<T, E>`, or the new state of the
    /// other aggregate for `()` and `Self`.
    ///
    /// The command runs when the builder is awaited. [`Invoke::if_match`] adds a precondition. If
    /// the invoked action declares a `timeout`, it applies within the timeout of the caller.
    ///
    /// # Errors
    /// [`ContextError::NotFound`], [`ContextError::AlreadyExists`], [`ContextError::Rejected`],
    /// [`ContextError::PreconditionFailed`] and [`ContextError::ResourceNotAllowed`] report why the
    /// invoked action failed. It has left no write, event or message, and the invoking action may
    /// continue.
    ///
    /// [`ContextError::Fault`] reports every error that an action cannot handle. Examples are an
    /// aggregate that is being decided further up, more than 16 levels of invocations, an expired
    /// `timeout` (`timed-out`), and a missing precondition of an action that requires one
    /// (`precondition-required`).
    pub fn invoke<C, O>(&mut self, target: impl IntoAggregateId, command: C) -> Invoke<'_, O>
    where
        C: Command<Output = O>,
        O: DeserializeOwned + 'static,
    {
        Invoke {
            aggregate_id: target.into_aggregate_id::<C::Aggregate>(),
            action: C::ACTION,
            command: Arc::new(command),
            read: ErasedResponse::typed::<C>,
            if_match: None,
            cx: self,
        }
    }

    /// Adds a message to the message log, in the same unit of work.
    ///
    /// The key is in kebab case. If the key is not, or if no store can keep the data, the command
    /// ends with `invalid-state`.
    pub fn message<T: Serialize + ?Sized>(&mut self, key: impl Into<Cow<'static, str>>, data: &T) {
        let key = key.into();
        let data = match json::encode(data) {
            Ok(data) if is_kebab(&key) => data,
            Ok(_) => {
                let key = excerpt(&key, NAME);
                let problem = format!("the key `{key}` is not kebab case, such as `order-shipped`");
                return self.cannot_keep("message", &problem);
            }
            Err(error) => return self.cannot_keep("message", error.message()),
        };
        let message = MessageRecord::new(
            self.new_id(),
            key,
            data,
            self.command_id(),
            self.aggregate_id().clone(),
        );
        self.backend.record(self, Outgoing::Message(message));
    }

    /// Adds an activity to the activity log, in the same unit of work.
    ///
    /// If no store can keep its texts or data, the command ends with `invalid-state`.
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
        let mut record = ActivityRecord::new(
            self.new_id(),
            self.aggregate_id().clone(),
            self.context_id,
            self.command_id(),
            activity.message,
        );
        record.kind = activity.kind;
        record.label = activity.label;
        record.code = activity.code;
        record.data = data;
        self.backend.record(self, Outgoing::Activity(record));
    }

    #[expect(clippy::expect_used, reason = "authors get a context inside actions only")]
    fn frame(&self) -> &Frame {
        self.frames.last().expect("an action is being decided")
    }

    /// Fails if a fault has occurred: every call after it fails with [`ContextError::Fault`].
    pub(crate) fn check_fault(&self) -> Result<(), ContextError> {
        match self.fault {
            Some(_) => Err(ContextError::Fault),
            None => Ok(()),
        }
    }

    /// Converts an error to one that the action may handle. A fault is recorded, since no action
    /// may handle it.
    fn answer<T>(&mut self, result: Result<T, Error>) -> Result<T, ContextError> {
        result.map_err(|error| {
            ContextError::of(&error).unwrap_or_else(|| {
                self.fault.get_or_insert_with(|| Box::new(error));
                ContextError::Fault
            })
        })
    }

    fn cannot_keep(&mut self, path: &str, message: &str) {
        let frame = self.frame();
        let fault = Error::InvalidState {
            aggregate_id: frame.aggregate_id.clone(),
            revision: (frame.action.aggregate)().revision,
            path: JsonPath::from_names([path]),
            message: message.to_owned(),
        };
        self.fault.get_or_insert_with(|| Box::new(fault));
    }
}

fn versioned<A: Aggregate>(
    (state, record): (SharedState, StateRecord),
) -> Result<Versioned<A>, Error> {
    match state.downcast::<A>() {
        Ok(state) => Ok(Versioned::new(state, record)),
        Err(_) => Err(Error::InvalidState {
            aggregate_id: record.aggregate_id,
            revision: record.revision,
            path: JsonPath::root(),
            message: "the resource belongs to another aggregate type".to_owned(),
        }),
    }
}

/// An invocation of a command, which runs when awaited; created by [`ActionContext::invoke`]. `O`
/// is the type of its output.
#[must_use = "an invoked command runs when it is awaited: write `.await`"]
pub struct Invoke<'a, O> {
    cx: &'a mut ActionContext,
    aggregate_id: AggregateId,
    action: &'static ActionDescriptor,
    command: SharedCommand,
    read: fn(ErasedResponse) -> Option<Result<Response<O>, Error>>,
    if_match: Option<Precondition>,
}

impl<O> Invoke<'_, O> {
    /// Sets the expected version or etag of the aggregate.
    ///
    /// It is compared with the aggregate as the invoking action sees it, including the changes that
    /// the command has made so far.
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
        let invocation = Invocation { action, aggregate_id, command, args, if_match };
        Box::pin(async move {
            cx.check_fault()?;
            let response = cx.backend.invoke(cx, invocation).await;
            let response = cx.answer(response)?;
            let panicked = || Err(Error::Panicked { command: action.key });
            let output = read(response).unwrap_or_else(panicked);
            let output = output.map(|response| response.data);
            cx.answer(output)
        })
    }
}

impl<O> fmt::Debug for Invoke<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The command may hold a secret.
        f.debug_struct("Invoke")
            .field("aggregate_id", &self.aggregate_id)
            .field("if_match", &self.if_match)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ActionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionContext")
            .field("now", &self.now)
            .field("attempt", &self.attempt)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}
