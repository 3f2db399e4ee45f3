//! Functions that generated code calls.

use std::fmt::Debug;

use fluvius_store::{CommandRecord, EventRecord};

use super::{
    ActionContext, ActionResult, Aggregate, AggregateDescriptor, AggregateState, Answer, Command,
    Event, EventData, HasSchema, PayloadField, Rejection,
};
use crate::decode_error::DecodeError;

/// Returns the descriptor of an aggregate type. As a function it breaks the cycle between the
/// constants of the type and of its actions.
pub fn descriptor_of<A: Aggregate>() -> &'static AggregateDescriptor {
    A::DESCRIPTOR
}

/// Decodes a typed event from its row.
pub fn decode_event<E: Event>(record: &EventRecord) -> Result<E, DecodeError> {
    super::event::decode(record)
}

/// Decodes a typed command from its row. Fails if the command has a secret without a default, since
/// secrets are not stored.
pub fn decode_command_record<C: Command>(record: &CommandRecord) -> Result<C, DecodeError> {
    record.payload.decode().map_err(|source| DecodeError::Invalid {
        key: record.key().to_owned(),
        aggregate_id: Box::new(record.aggregate_id.clone()),
        revision: record.revision,
        source,
    })
}

/// Returns the error of a row whose key belongs to no event of the aggregate type.
pub fn unknown_event(record: &EventRecord, aggregate: &'static str) -> DecodeError {
    DecodeError::UnknownKey {
        key: record.key().to_owned(),
        aggregate,
        aggregate_id: Box::new(record.aggregate_id.clone()),
        revision: record.revision,
    }
}

/// Returns the error of a row whose key belongs to no command of the aggregate type.
pub fn unknown_command(record: &CommandRecord, aggregate: &'static str) -> DecodeError {
    DecodeError::UnknownKey {
        key: record.key().to_owned(),
        aggregate,
        aggregate_id: Box::new(record.aggregate_id.clone()),
        revision: record.revision,
    }
}

/// Formats a struct as a derived `Debug` would, with names that lack `r#`.
///
/// # Errors
/// The errors of the formatter.
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

/// Asserts, at the aggregate type, the bounds of a state.
pub const fn assert_state<T: AggregateState>() {}

/// Asserts, at the type of a parameter, the bounds of a command field.
pub const fn assert_payload_field<T: PayloadField>() {}

/// Asserts, at the return type of an action with an event, the bounds of event data.
pub const fn assert_event_data<T: EventData>() {}

/// Asserts, at the return type of an action without an event, that its data can be sent.
pub const fn assert_answer<T: Answer>() {}

/// Asserts, at a type of the author, that it has a JSON schema.
pub const fn assert_schema<T: HasSchema + ?Sized>() {}

/// Asserts, at a return type that may be an alias, that it is a `Result`.
pub const fn assert_action_result<R: ActionResult>() {}

/// Asserts, at the error type of an action, that it is a rejection.
pub const fn assert_rejection<E: Rejection>() {}

/// The type behind the reference of a context parameter.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the context of an action",
    label = "not `fluvius::ActionContext`",
    note = "an action borrows its `fluvius::ActionContext` and owns every other parameter"
)]
pub trait IsActionContext {
    /// Returns the context as the type that the author names.
    fn of(context: &mut ActionContext) -> &mut Self;
}

impl IsActionContext for ActionContext {
    fn of(context: &mut ActionContext) -> &mut Self {
        context
    }
}

/// Asserts, at the type of a context parameter, that it is an action context.
pub const fn assert_context_type<T: IsActionContext>() {}

/// Asserts, at the name of an `async` action, that its future is `Send`.
pub fn assert_send<F: Future + Send>(future: F) -> F {
    future
}

/// Registers an action in the linked list.
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

/// Returns the source location of the call, by its span.
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
