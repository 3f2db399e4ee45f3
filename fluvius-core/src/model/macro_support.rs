//! Functions that generated code calls.

use std::fmt::Debug;

use fluvius_store::{CommandRecord, EventRecord};

use super::{
    ActionContext, ActionResult, Aggregate, AggregateDescriptor, AggregateState, Answer, Command,
    Event, EventData, PayloadField, Rejection,
};
use crate::decode_error::DecodeError;

/// The descriptor of an aggregate type, as a function, which breaks the circle between the constants
/// of an aggregate type and of its actions.
pub fn descriptor_of<A: Aggregate>() -> &'static AggregateDescriptor {
    A::DESCRIPTOR
}

/// Reads a typed event back from its row.
pub fn decode_event<E: Event>(record: &EventRecord) -> Result<E, DecodeError> {
    super::event::decode(record)
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
