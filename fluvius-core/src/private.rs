//! Everything that generated code may touch. No promise is made to anybody else.

// Names of the standard library that an author's module may have shadowed.
pub use std::borrow::ToOwned;
pub use std::boxed::Box;
// The crate itself: an author's program may have a dependency of that name.
pub use core;
pub use core::clone::Clone;
pub use core::fmt::Debug;

#[cfg(feature = "macros")]
pub use fluvius_macros::IndexedFields;
pub use futures_core::future::BoxFuture;
pub use serde::{Deserialize, Serialize};

pub use crate::__fluvius_inspect as inspect;
pub use crate::action::{
    ActionDescriptor, ActionResult, Answer, Call, EventData, FieldDescriptor, Handler, Lifecycle,
    Location, Outcome, PayloadField, Returned, Stop, changed, changed_with_data, created,
    decode_command, kept, kept_with_data, record_command,
};
pub use crate::aggregate::{
    Aggregate, AggregateDescriptor, AggregateState, OneBlockForEachType, SharedState,
};
pub use crate::command::Command;
pub use crate::context::ActionContext;
pub use crate::decode_error::DecodeError;
pub use crate::domain::{Domain, DomainMetadata};
pub use crate::event::{Event, EventDescriptor};
pub use crate::inspect::{Inspect, InspectErased, Inspected, Inspector, NotInspected};
pub use crate::location;
pub use crate::probe::{Probe, StandIn, UnfitShape};
pub use crate::registry::Registration;
pub use crate::rejection::{Refusal, Rejection};
pub use crate::upcast::Upcast;
pub use crate::{
    __fluvius_event as event, __fluvius_fields as fields, __fluvius_guard as guard,
    __fluvius_probe as probe, __fluvius_read as read, __fluvius_submit_action as submit_action,
};
pub use fluvius_store::CommandRecord;
pub use fluvius_store::EventRecord;
pub use fluvius_store::Json;
pub use fluvius_store::json::{JsonError, encode};
pub use fluvius_store::query::{FieldIndex, Kind};

/// What the test kit needs of the runtime besides.
pub mod kit {
    pub use crate::clock::to_microseconds;
    pub use crate::id_generator::invoked;
    pub use crate::processor::without_values;

    /// Waits for a time, on tokio's clock or on that of a test that schedules the tasks.
    pub async fn sleep(duration: std::time::Duration) {
        crate::sync::sleep(duration).await;
    }
}

/// What tests of the runtime replace or plant. For this workspace alone.
#[cfg(feature = "__test_seams")]
pub mod test_seams {
    pub use crate::lease_states::{LeaseState, LeaseWait, lease_cycle};
    pub use crate::mutants::Mutant;
    pub use crate::sync::Scheduler;
}

/// Puts a registration into the linked list.
#[cfg(feature = "inventory")]
pub use inventory::submit;

/// Without the linked list there is nothing to put anywhere.
#[cfg(not(feature = "inventory"))]
pub use crate::__fluvius_submit_nothing as submit;

/// serde as its derives name it, with what the bounds of generated types name besides.
pub mod serde {
    pub use ::serde::*;

    pub use crate::action::PayloadField;
}

/// Puts an action into the linked list.
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_submit_action {
    ($command:ty) => {
        $crate::__private::submit! {
            $crate::__private::Registration::action($crate::__fluvius_probe!($command, ACTION))
        }
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(not(feature = "inventory"))]
macro_rules! __fluvius_submit_nothing {
    ($($tokens:tt)*) => {};
}

/// The place where it is written, by the span of the call.
#[doc(hidden)]
#[macro_export]
macro_rules! location {
    () => {
        $crate::__private::Location {
            module: $crate::__private::core::module_path!(),
            file: $crate::__private::core::file!(),
            line: $crate::__private::core::line!(),
        }
    };
}

/// The descriptor of an aggregate type, as a function, which breaks the circle between the constants
/// of an aggregate type and of its actions.
pub fn descriptor_of<A: Aggregate>() -> &'static AggregateDescriptor {
    A::DESCRIPTOR
}

/// Reads a typed event back from its row.
pub fn decode_event<E: Event>(record: &EventRecord) -> Result<E, DecodeError> {
    crate::event::decode(record)
}

/// Reads a typed command back from its row. One with a secret that has no default cannot be.
pub fn decode_command_record<C: Command>(record: &CommandRecord) -> Result<C, DecodeError> {
    record.payload.decode().map_err(|source| DecodeError::Invalid {
        key: record.key().to_owned(),
        aggregate_id: Box::new(record.aggregate_id.clone()),
        revision: record.revision,
        source,
    })
}

/// The key of a row belongs to no event of the aggregate.
pub fn unknown_event(record: &EventRecord, aggregate: &'static str) -> DecodeError {
    DecodeError::UnknownKey {
        key: record.key().to_owned(),
        aggregate,
        aggregate_id: Box::new(record.aggregate_id.clone()),
        revision: record.revision,
    }
}

/// The key of a row belongs to no command of the aggregate.
pub fn unknown_command(record: &CommandRecord, aggregate: &'static str) -> DecodeError {
    DecodeError::UnknownKey {
        key: record.key().to_owned(),
        aggregate,
        aggregate_id: Box::new(record.aggregate_id.clone()),
        revision: record.revision,
    }
}

/// Writes a struct as its derived `Debug` would: the names come without `r#`.
///
/// # Errors
/// As the formatter's.
pub fn debug_fields(
    to: &mut core::fmt::Formatter<'_>,
    name: &str,
    fields: &[(&str, &dyn Debug)],
) -> core::fmt::Result {
    let mut shown = to.debug_struct(name);
    for (name, field) in fields {
        shown.field(name.strip_prefix("r#").unwrap_or(name), field);
    }
    shown.finish()
}

/// Asserted at the type of an aggregate.
pub const fn assert_state<T: AggregateState>() {}

/// Asserted at the type of a parameter.
pub const fn assert_payload_field<T: PayloadField>() {}

/// Asserted at the return type of an action whose event has data.
pub const fn assert_event_data<T: EventData>() {}

/// Asserted at the return type of an action that answers with data and records no event.
pub const fn assert_answer<T: Answer>() {}

/// Asserted at a return type that an alias may hide.
pub const fn assert_action_result<R: ActionResult>() {}

/// Asserted at the error type of an action.
pub const fn assert_rejection<E: Rejection>() {}

/// What a parameter that refers to a context refers to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the context of an action",
    label = "not `fluvius_core::ActionContext`",
    note = "only a reference to `fluvius_core::ActionContext` is lent to an action; every other parameter is owned"
)]
pub trait IsActionContext {
    /// Returns the context under the type that the author names.
    fn of(context: &mut ActionContext) -> &mut Self;
}

impl IsActionContext for ActionContext {
    fn of(context: &mut ActionContext) -> &mut Self {
        context
    }
}

/// Asserted at the type of a context parameter.
pub const fn assert_context_type<T: IsActionContext>() {}

/// Asserted at the name of an asynchronous action: what it holds across an `.await` is `Send`.
pub fn assert_send<F: Future + Send>(future: F) -> F {
    future
}
