//! Items for generated code and the other crates of this workspace. Not covered by semver.

// Names of the standard library that an author's module may shadow.
pub use std::borrow::ToOwned;
pub use std::boxed::Box;
pub use std::sync::Arc;
// Re-exported because an author's program may have a dependency of that name.
pub use core;
pub use core::clone::Clone;
pub use core::fmt::Debug;

#[cfg(feature = "macros")]
pub use fluvius_macros::IndexedFields;
pub use futures_core::future::BoxFuture;
pub use serde::{Deserialize, Serialize};

pub use crate::__fluvius_inspect as inspect;
pub use crate::decode_error::DecodeError;
pub use crate::domain::Domain;
pub use crate::model::{
    ActionContext, ActionDescriptor, ActionError, ActionResult, Aggregate, AggregateDescriptor,
    AggregateState, Answer, Call, CodeInfo, Command, Deprecation, DomainMetadata, Event, EventData,
    EventDescriptor, FieldDescriptor, Handler, HasSchema, Inspect, InspectErased, Inspected,
    Inspector, IsActionContext, Lifecycle, Location, NotInspected, OneBlockForEachType, Outcome,
    PayloadField, Probe, Registration, Rejection, Returned, Sealed, SharedState, StandIn, Stop,
    TypeSchema, UnfitShape, Upcast, assert_action_result, assert_answer, assert_context_type,
    assert_event_data, assert_payload_field, assert_rejection, assert_schema, assert_send,
    assert_state, created, debug_fields, decode_command, decode_command_record, decode_event,
    descriptor_of, record_command, unchanged, unchanged_with_data, unknown_command, unknown_event,
    updated, updated_with_data,
};
#[cfg(feature = "schema")]
pub use crate::model::{SchemaFunction, subschema};
pub use crate::{
    __fluvius_event as event, __fluvius_field as field, __fluvius_fields as fields,
    __fluvius_guard as guard, __fluvius_probe as probe, __fluvius_read as read,
    __fluvius_schema as schema, __fluvius_submit_action as submit_action, location,
};
pub use fluvius_store::json::{JsonError, encode};
pub use fluvius_store::query::{FieldIndex, Kind};
pub use fluvius_store::{CommandRecord, EventRecord, Json};

/// Items that the test kit needs in addition.
pub mod kit {
    pub use crate::clock::to_microseconds;
    pub use crate::id_generator::invoked;
    pub use crate::processor::without_values;
    pub use crate::sync::wait as sleep;
}

/// Items that tests of the runtime replace or plant. For this workspace only.
#[cfg(feature = "__test_seams")]
pub mod test_seams {
    pub use crate::lease_cycles::{LeaseState, LeaseWait, lease_cycle};
    pub use crate::mutants::Mutant;
    pub use crate::sync::Scheduler;
}

/// The macro that registers an entry in the linked list.
#[cfg(feature = "inventory")]
pub use inventory::submit;

/// A macro that expands to nothing, since there is no linked list.
#[cfg(not(feature = "inventory"))]
pub use crate::__fluvius_submit_nothing as submit;

/// serde under the names that its derives use, and the names that the bounds of generated types use
/// in addition.
pub mod serde {
    pub use ::serde::*;

    pub use crate::model::PayloadField;
}
