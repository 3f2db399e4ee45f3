//! Policies: the authorization of commands, before the aggregate is loaded and again with its
//! state, and of reads and operations.

use std::any::Any;
use std::fmt;
use std::future::Future;

use futures_core::future::BoxFuture;
use uuid::Uuid;

use crate::model::ActionDescriptor;
use crate::model::DomainContext;
use fluvius_store::{AggregateId, StateRecord};

/// The decision of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authorization {
    /// The request is allowed.
    Allow,
    /// The request is allowed, for a reason. That of an applied command is an activity of its unit
    /// of work, that of an operation is in the operation's activity, and that of a read is not
    /// recorded.
    AllowBecause(String),
    /// The request is denied with `permission-denied`. The reason is in the error and, unless the
    /// request is a read, in the activity log.
    Deny(String),
}

impl Authorization {
    /// Returns an allowance with a reason, such as the rule that matched.
    pub fn allow_because(reason: impl Into<String>) -> Self {
        Self::AllowBecause(reason.into())
    }

    /// Returns a denial with a reason.
    pub fn deny(reason: impl Into<String>) -> Self {
        Self::Deny(reason.into())
    }
}

/// An authorization policy: decides which sender may send which command, read what, and operate
/// what.
///
/// A command must pass [`authorize`](Self::authorize) and
/// [`authorize_with_state`](Self::authorize_with_state). They run for the commands that a session
/// sends, not for those that an action invokes. [`may_read`](Self::may_read) and
/// [`may_operate`](Self::may_operate) are called by a surface such as the HTTP server, through the
/// session. Both deny by default. The readers of the Rust API are the program's own and never ask.
///
/// Implementors write `async fn`; the futures must be `Send`. If a policy panics, the request ends
/// with `panicked`; if it exceeds the domain's timeout, with `timed-out`.
///
/// # Examples
///
/// Readers of one realm, and operators:
///
/// ```
/// use fluvius_core::{
///     Authorization, DomainContext, Operation, Policy, PolicyRequest, ReadRequest,
/// };
///
/// struct Desk;
///
/// impl Policy for Desk {
///     async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
///         match request.context.realm() {
///             Some(_) => Authorization::Allow,
///             None => Authorization::deny("a realm is required"),
///         }
///     }
///
///     async fn may_read(&self, _: &ReadRequest<'_>, context: &DomainContext) -> Authorization {
///         match context.realm() {
///             Some(_) => Authorization::Allow,
///             None => Authorization::deny("a realm is required"),
///         }
///     }
///
///     async fn may_operate(
///         &self,
///         operation: Operation,
///         context: &DomainContext,
///     ) -> Authorization {
///         match operation {
///             Operation::Metrics => Authorization::Allow,
///             _ if context.roles().iter().any(|role| role == "operator") => Authorization::Allow,
///             _ => Authorization::deny("operators only"),
///         }
///     }
/// }
/// ```
pub trait Policy: Send + Sync + 'static {
    /// Authorizes a command before anything is loaded.
    fn authorize(&self, request: &PolicyRequest<'_>) -> impl Future<Output = Authorization> + Send;

    /// Authorizes a command with the loaded state of its aggregate, in every attempt. The default
    /// allows.
    ///
    /// For a command that is already in the log, it runs before the first answer is replayed, with
    /// the current state of the aggregate. This includes the state of a closed aggregate.
    fn authorize_with_state(
        &self,
        request: &PolicyRequest<'_>,
        state: Option<&PolicyState<'_>>,
    ) -> impl Future<Output = Authorization> + Send {
        let _ = (request, state);
        async { Authorization::Allow }
    }

    /// Authorizes a read by [`Session::may_read`](crate::Session::may_read). The default denies.
    fn may_read(
        &self,
        request: &ReadRequest<'_>,
        context: &DomainContext,
    ) -> impl Future<Output = Authorization> + Send {
        let _ = (request, context);
        async { Authorization::deny("the policy has no rule for reads") }
    }

    /// Authorizes an operation by [`Session::may_operate`](crate::Session::may_operate). The
    /// default denies.
    fn may_operate(
        &self,
        operation: Operation,
        context: &DomainContext,
    ) -> impl Future<Output = Authorization> + Send {
        let _ = (operation, context);
        async { Authorization::deny("the policy has no rule for operations") }
    }

    /// Returns true if lists of actions show an action to a sender. It only hides: a hidden action
    /// is authorized like any other. The default shows all.
    fn may_list(&self, action: &'static ActionDescriptor, context: &DomainContext) -> bool {
        let _ = (action, context);
        true
    }
}

/// The command that a policy decides on.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PolicyRequest<'a> {
    /// The action.
    pub action: &'static ActionDescriptor,
    /// The aggregate.
    pub aggregate_id: &'a AggregateId,
    /// The command's id.
    pub command_id: Uuid,
    /// The sender's context.
    pub context: &'a DomainContext,
    command: &'a (dyn Any + Send + Sync),
}

impl<'a> PolicyRequest<'a> {
    pub(crate) fn new(
        action: &'static ActionDescriptor,
        aggregate_id: &'a AggregateId,
        command_id: Uuid,
        context: &'a DomainContext,
        command: &'a (dyn Any + Send + Sync),
    ) -> Self {
        Self { action, aggregate_id, command_id, context, command }
    }

    /// Returns the command if it is a `C`.
    pub fn command<C: crate::model::Command>(&self) -> Option<&'a C> {
        self.command.downcast_ref()
    }
}

/// The state of a command's aggregate.
#[derive(Clone, Copy)]
pub struct PolicyState<'a> {
    record: &'a StateRecord,
    state: &'a (dyn Any + Send + Sync),
}

impl<'a> PolicyState<'a> {
    pub(crate) fn new(record: &'a StateRecord, state: &'a (dyn Any + Send + Sync)) -> Self {
        Self { record, state }
    }

    /// Returns the stored row with its audit fields. Its data has the shape of the revision that
    /// wrote it.
    pub fn record(&self) -> &'a StateRecord {
        self.record
    }

    /// Returns the state if it is an `A`.
    pub fn state<A: crate::model::Aggregate>(&self) -> Option<&'a A> {
        self.state.downcast_ref()
    }
}

impl fmt::Debug for PolicyState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyState")
            .field("aggregate_id", &self.record.aggregate_id)
            .field("version", &self.record.version)
            .finish_non_exhaustive()
    }
}

/// A read that a policy decides on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadRequest<'a> {
    /// The kind of the read.
    pub kind: ReadKind,
    /// The resource, if the read is about one.
    pub resource: Option<&'a str>,
    /// The id of the aggregate, or of the command.
    pub id: Option<Uuid>,
}

/// The kind of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadKind {
    /// The state of an aggregate, now or earlier.
    State,
    /// The aggregates of a resource that match a filter.
    Query,
    /// The events of an aggregate.
    History,
    /// The events of the domain.
    Events,
    /// The status and the answer of a command of the sender.
    Command,
    /// The description of the domain.
    Description,
}

/// An operation that a policy decides on. It concerns the domain as a whole, and includes other
/// realms where it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Reads the command log.
    CommandLog,
    /// Reads the context log.
    Contexts,
    /// Reads the rows of all realms.
    AllRealms,
    /// Exports the logs.
    Export,
    /// Verifies the logs against the states.
    Verify,
    /// Reads or changes the outbox.
    Outbox,
    /// Reads or changes subscriptions.
    Subscriptions,
    /// Reads or changes projections.
    Projections,
    /// Reads metrics and the details of health.
    Metrics,
}

impl<'a> ReadRequest<'a> {
    /// Creates the request of a read of a kind.
    pub fn new(kind: ReadKind) -> Self {
        Self { kind, resource: None, id: None }
    }

    /// Sets the resource.
    #[must_use]
    pub fn resource(mut self, resource: &'a str) -> Self {
        self.resource = Some(resource);
        self
    }

    /// Sets the id of the aggregate, or of the command.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Self {
        self.id = Some(id);
        self
    }
}

impl fmt::Display for ReadRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read `{}`", self.kind.as_str())?;
        match (self.resource, self.id) {
            (Some(resource), Some(id)) => write!(f, " on {resource}/{id}"),
            (Some(resource), None) => write!(f, " on {resource}"),
            (None, Some(id)) => write!(f, " on {id}"),
            (None, None) => Ok(()),
        }
    }
}

impl ReadKind {
    /// Returns the name in kebab case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Query => "query",
            Self::History => "history",
            Self::Events => "events",
            Self::Command => "command",
            Self::Description => "description",
        }
    }
}

impl Operation {
    /// Returns the name in kebab case, as in the activity log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CommandLog => "command-log",
            Self::Contexts => "contexts",
            Self::AllRealms => "all-realms",
            Self::Export => "export",
            Self::Verify => "verify",
            Self::Outbox => "outbox",
            Self::Subscriptions => "subscriptions",
            Self::Projections => "projections",
            Self::Metrics => "metrics",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operation `{}`", self.as_str())
    }
}

/// The dyn-compatible form of [`Policy`], which a runtime holds.
pub(crate) trait ErasedPolicy: Send + Sync {
    fn authorize<'a>(&'a self, request: &'a PolicyRequest<'a>) -> BoxFuture<'a, Authorization>;
    fn authorize_with_state<'a>(
        &'a self,
        request: &'a PolicyRequest<'a>,
        state: Option<&'a PolicyState<'a>>,
    ) -> BoxFuture<'a, Authorization>;
    fn may_read<'a>(
        &'a self,
        request: &'a ReadRequest<'a>,
        context: &'a DomainContext,
    ) -> BoxFuture<'a, Authorization>;
    fn may_operate<'a>(
        &'a self,
        operation: Operation,
        context: &'a DomainContext,
    ) -> BoxFuture<'a, Authorization>;
    fn may_list(&self, action: &'static ActionDescriptor, context: &DomainContext) -> bool;
}

impl<P: Policy> ErasedPolicy for P {
    fn authorize<'a>(&'a self, request: &'a PolicyRequest<'a>) -> BoxFuture<'a, Authorization> {
        Box::pin(Policy::authorize(self, request))
    }

    fn authorize_with_state<'a>(
        &'a self,
        request: &'a PolicyRequest<'a>,
        state: Option<&'a PolicyState<'a>>,
    ) -> BoxFuture<'a, Authorization> {
        Box::pin(Policy::authorize_with_state(self, request, state))
    }

    fn may_read<'a>(
        &'a self,
        request: &'a ReadRequest<'a>,
        context: &'a DomainContext,
    ) -> BoxFuture<'a, Authorization> {
        Box::pin(Policy::may_read(self, request, context))
    }

    fn may_operate<'a>(
        &'a self,
        operation: Operation,
        context: &'a DomainContext,
    ) -> BoxFuture<'a, Authorization> {
        Box::pin(Policy::may_operate(self, operation, context))
    }

    fn may_list(&self, action: &'static ActionDescriptor, context: &DomainContext) -> bool {
        Policy::may_list(self, action, context)
    }
}
