//! Policies: who may send which command, asked before the aggregate is loaded and again with its
//! state.

use std::any::Any;
use std::fmt;
use std::future::Future;

use futures_core::future::BoxFuture;
use uuid::Uuid;

use crate::model::ActionDescriptor;
use crate::model::DomainContext;
use fluvius_store::{AggregateId, StateRecord};

/// What a policy says of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authorization {
    /// The command may go on.
    Allow,
    /// The command is denied with `permission-denied`; the reason goes to the caller and into the
    /// activity log.
    Deny(String),
}

impl Authorization {
    /// Returns a denial with a reason.
    pub fn deny(reason: impl Into<String>) -> Self {
        Self::Deny(reason.into())
    }
}

/// Decides who may send which command.
///
/// A command needs both answers. A policy is asked about the commands that a session sends; what
/// a rule then invokes is the rule's own doing. Implementors write `async fn`; the futures must
/// be `Send`. A policy that panics refuses.
pub trait Policy: Send + Sync + 'static {
    /// Asked before anything is loaded.
    fn authorize(&self, request: &PolicyRequest<'_>) -> impl Future<Output = Authorization> + Send;

    /// Asked again when the aggregate is loaded, in every attempt. The default allows.
    ///
    /// For a command that is in the log already, it is asked before the first answer is given
    /// again, with the aggregate as it is then. The state of a closed aggregate is given too.
    fn authorize_with_state(
        &self,
        request: &PolicyRequest<'_>,
        state: Option<&PolicyState<'_>>,
    ) -> impl Future<Output = Authorization> + Send {
        let _ = (request, state);
        async { Authorization::Allow }
    }
}

/// What a policy is asked about.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PolicyRequest<'a> {
    /// The action.
    pub action: &'static ActionDescriptor,
    /// The aggregate.
    pub aggregate_id: &'a AggregateId,
    /// The command's identifier.
    pub command_id: Uuid,
    /// Who sends it.
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

    /// The command, where it is a `C`.
    pub fn command<C: crate::model::Command>(&self) -> Option<&'a C> {
        self.command.downcast_ref()
    }
}

/// The state of the aggregate that a command is for.
#[derive(Clone, Copy)]
pub struct PolicyState<'a> {
    record: &'a StateRecord,
    state: &'a (dyn Any + Send + Sync),
}

impl<'a> PolicyState<'a> {
    pub(crate) fn new(record: &'a StateRecord, state: &'a (dyn Any + Send + Sync)) -> Self {
        Self { record, state }
    }

    /// The row as it is stored, with its audit fields: its data in the shape of its own revision.
    pub fn record(&self) -> &'a StateRecord {
        self.record
    }

    /// The state, where it is an `A`.
    pub fn state<A: crate::model::Aggregate>(&self) -> Option<&'a A> {
        self.state.downcast_ref()
    }
}

impl fmt::Debug for PolicyState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyState")
            .field("root", &self.record.aggregate_id)
            .field("version", &self.record.version)
            .finish_non_exhaustive()
    }
}

/// The private twin of [`Policy`] that a runtime can hold.
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
