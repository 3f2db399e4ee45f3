//! A typed command as a bundle, for functions of the test kit that accept commands of any type.

use uuid::Uuid;

use fluvius_core::__private::kit::without_values;
use fluvius_core::{Command, CommandBundle, IntoAggregateId};
use fluvius_store::json;

/// Returns a command for an aggregate. The target is a UUID of the aggregate's main resource, or an
/// [`AggregateId`](fluvius_core::AggregateId).
///
/// # Shape
/// The command id is nil, and the kit assigns a sequential one when the command is sent. To set an
/// id, use [`with_id`](CommandBundle::with_id). To require an expected etag, use
/// [`if_match`](CommandBundle::if_match).
///
/// # Panics
/// If a field cannot be stored as JSON.
///
/// # Examples
///
/// ```
/// # use std::convert::Infallible;
/// # use serde::{Deserialize, Serialize};
/// # use fluvius_core::aggregate;
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Lamp { lit: bool }
/// # #[aggregate(resource = "lamp")]
/// # impl Lamp {
/// #     #[action(evt_key = "lamp-dimmed")]
/// #     pub fn dim_lamp(&mut self, percent: u8) -> Result<(), Infallible> { Ok(()) }
/// # }
/// use fluvius_testing::command;
/// use uuid::Uuid;
///
/// let dim = command(Uuid::from_u128(7), DimLamp { percent: 40 });
/// assert_eq!((dim.command.as_str(), dim.payload.as_str()), ("dim-lamp", r#"{"percent":40}"#));
/// ```
#[track_caller]
pub fn command<C: Command>(target: impl IntoAggregateId, command: C) -> CommandBundle {
    match json::encode(&command) {
        Ok(payload) => CommandBundle {
            id: Uuid::nil(),
            command: C::ACTION.key.to_owned(),
            aggregate_id: target.into_aggregate_id::<C::Aggregate>(),
            payload,
            if_match: None,
        },
        Err(error) => {
            let error = without_values(C::ACTION, error);
            panic!("`{}` cannot be stored: {error}", C::ACTION.key)
        }
    }
}
