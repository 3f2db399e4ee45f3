//! Policies: the authorization of commands, before the aggregate is loaded and again with its
//! state.

use std::any::Any;
use std::fmt;
use std::future::Future;

use futures_core::future::BoxFuture;
use uuid::Uuid;

use crate::model::ActionDescriptor;
use crate::model::DomainContext;
use fluvius_store::{AggregateId, StateRecord};

/// The decision of a policy on a command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authorization {
    /// The command is allowed.
    Allow,
    /// The command is denied with `permission-denied`. The reason is in the error and in the
    /// activity log.
    Deny(String),
}

impl Authorization {
    /// Returns a denial with a reason.
    pub fn deny(reason: impl Into<String>) -> Self {
        Self::Deny(reason.into())
    }
}

/// An authorization policy: decides which sender may send which command.
///
/// A command must pass both methods. They run for the commands that a session sends, not for those
/// that an action invokes. Implementors write `async fn`; the futures must be `Send`. If a policy
/// panics, the command ends with `panicked`; if it exceeds the domain's timeout, with `timed-out`.
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

/// The dyn-compatible form of [`Policy`], which a runtime holds.
pub(crate) trait ErasedPolicy: Send + Sync {
    fn authorize<'a>(&'a self, request: &'a PolicyRequest<'a>) -> BoxFuture<'a, Authorization>;
    fn authorize_with_state<'a>(
        &'a self,
        request: &'a PolicyRequest<'a>,
        state: Option<&'a PolicyState<'a>>,
    ) -> BoxFuture<'a, Authorization>;
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
}
