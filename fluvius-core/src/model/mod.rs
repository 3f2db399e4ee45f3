//! The domain model: aggregate types, actions, commands, events and rejections, their descriptors,
//! and the registry.
//!
//! The model defines how an action is called. It neither schedules nor stores: an action reaches
//! the runtime through [`ActionContext`], whose backend belongs to the processor.

mod action;
mod action_context;
mod activity;
mod aggregate;
mod command;
mod context_error;
mod current_shape;
mod domain_context;
pub(crate) mod event;
mod inspect;
mod into_aggregate_id;
mod macro_support;
mod metadata;
mod probe;
pub mod registry;
mod rejection;
mod rejection_codes;
mod response;
mod schema;
mod sealed;
mod upcast;
mod versioned;

pub use action::{
    ActionDescriptor, ActionResult, Answer, Call, Deprecation, EventData, FieldDescriptor, Handler,
    Lifecycle, Location, Outcome, PayloadField, Returned, Stop, created, decode_command,
    record_command, unchanged, unchanged_with_data, updated, updated_with_data,
};
pub use action_context::{ActionContext, Invoke};
pub use activity::Activity;
pub use aggregate::{
    Aggregate, AggregateDescriptor, AggregateState, OneBlockForEachType, SharedState,
};
pub use command::{Command, CommandBundle};
pub use context_error::ContextError;
pub use domain_context::DomainContext;
pub use event::{Event, EventDescriptor};
pub use inspect::{Inspect, InspectErased, Inspected, Inspector, NotInspected};
pub use into_aggregate_id::IntoAggregateId;
pub use macro_support::*;
pub use metadata::DomainMetadata;
pub use probe::{Probe, StandIn, UnfitShape};
pub use registry::{BuildError, Problem, Registration, Registry};
pub use rejection::{ActionError, Rejection, SimpleRejection};
pub use rejection_codes::{CodeInfo, RejectionCode, RejectionCodes};
pub use response::Response;
pub use schema::{HasSchema, TypeSchema};
#[cfg(feature = "schema")]
pub use schema::{SchemaFunction, subschema};
pub use sealed::Sealed;
pub use upcast::{Upcast, UpcastError, UpcastInput};
pub use versioned::Versioned;

pub(crate) use action::SharedCommand;
pub(crate) use action_context::{ActionBackend, Frame, Invocation, Outgoing};
pub(crate) use registry::is_kebab;
pub(crate) use rejection::storable;
pub(crate) use response::ErasedResponse;
pub(crate) use versioned::{check_resource, invalid_state};
