//! Upcasts: the conversion of stored states and events from older revisions of an aggregate type to
//! the current one.
//!
//! This module calls the author's function once per revision, on the JSON of one state or event. It
//! is independent of rows, stores and versions.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use fluvius_store::json::JsonError;

/// The function that converts a state or an event from one revision to the next.
///
/// Set by `upcast = ..` of [`#[aggregate]`](macro@crate::aggregate). Its arguments are the revision
/// of the JSON, the kind of the JSON, and the JSON itself, which it converts in place to the next
/// revision. It is called once per step: from 1 and then from 2, if revision 1 wrote the JSON and
/// the aggregate type has revision 3.
///
/// Its result must depend only on its arguments. The result is not stored, so the function runs at
/// every read.
///
/// # Errors
/// The read fails with `invalid-state` and the error's message. If the error is a [`JsonError`],
/// its path is reported too.
///
/// # Panics
/// The read fails with `invalid-state`.
///
/// # Examples
///
/// ```
/// use fluvius_core::{UpcastError, UpcastInput};
/// use serde_json::Value;
///
/// /// Revision 2 calls `owner` of the state `owner_name`.
/// fn upcast(from: u32, written: UpcastInput<'_>, json: &mut Value) -> Result<(), UpcastError> {
///     match (from, written) {
///         (1, UpcastInput::State) => json["owner_name"] = json["owner"].take(),
///         _ => {}
///     }
///     Ok(())
/// }
///
/// let mut state = serde_json::json!({ "owner": "Ada" });
/// upcast(1, UpcastInput::State, &mut state).unwrap();
/// assert_eq!(state["owner_name"], "Ada");
/// ```
pub type Upcast = fn(u32, UpcastInput<'_>, &mut Value) -> Result<(), UpcastError>;

/// The error of an [`Upcast`]: any error, or a text, by `?` or `into()`.
pub type UpcastError = Box<dyn Error + Send + Sync>;

/// The kind of JSON that an [`Upcast`] converts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpcastInput<'a> {
    /// A state.
    State,
    /// An event with this key: a JSON object with the fields of its struct, including the data that
    /// the action returned as `data`.
    Event(&'a str),
}

/// Upcasts JSON from the revision that wrote it to that of the aggregate type. The two differ.
///
/// # Errors
/// An error if the aggregate type has an older revision than the JSON or no upcast, or if the
/// upcast fails.
#[cold]
pub(crate) fn upcast_json(
    upcast: Option<Upcast>,
    (from, to): (u32, u32),
    written: UpcastInput<'_>,
    mut json: Value,
) -> Result<Value, JsonError> {
    if from > to {
        return Err(JsonError::whole(format!(
            "revision {from} wrote it, and this program has revision {to} of the aggregate: run \
            one that has revision {from} or a later one"
        )));
    }
    let Some(upcast) = upcast else {
        return Err(JsonError::whole(format!(
            "revision {from} wrote it, and no upcast to revision {to} is named: name one, \
             `#[aggregate(revision = {to}, upcast = ..)]`"
        )));
    };
    for step in from..to {
        let next = step + 1;
        match catch_unwind(AssertUnwindSafe(|| upcast(step, written, &mut json))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let upcasting = format!("upcast from revision {step} to {next}");
                return Err(match error.downcast::<JsonError>() {
                    Ok(error) => error.during(&upcasting),
                    Err(error) => JsonError::of_author(error.as_ref()).during(&upcasting),
                });
            }
            // The message of the panic is omitted, as everywhere.
            Err(_) => {
                return Err(JsonError::whole(format!(
                    "the upcast from revision {step} to {next} panicked"
                )));
            }
        }
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Appends each call to the JSON, and fails from revision 4 on.
    fn trace(from: u32, written: UpcastInput<'_>, json: &mut Value) -> Result<(), UpcastError> {
        if from == 4 {
            return Err("no further".into());
        }
        json.as_array_mut().ok_or("no list")?.push(json!(format!("{from} {written:?}")));
        Ok(())
    }

    fn message(upcasted: Result<Value, JsonError>) -> String {
        upcasted.unwrap_err().to_string()
    }

    #[test]
    fn each_revision_is_upcast_once_and_in_order() {
        let upcasted = upcast_json(Some(trace), (1, 4), UpcastInput::State, json!([])).unwrap();
        assert_eq!(upcasted, json!(["1 State", "2 State", "3 State"]));
        let upcasted =
            upcast_json(Some(trace), (3, 4), UpcastInput::Event("opened"), json!([])).unwrap();
        assert_eq!(upcasted, json!([r#"3 Event("opened")"#]));
    }

    #[test]
    fn failed_upcast_names_its_revisions() {
        let upcasted = upcast_json(Some(trace), (3, 6), UpcastInput::State, json!([]));
        assert_eq!(message(upcasted), "upcast from revision 4 to 5: no further");
    }

    #[test]
    fn downcast_and_missing_upcast_are_errors() {
        let down = message(upcast_json(Some(trace), (3, 2), UpcastInput::State, json!([])));
        assert!(down.contains("revision 3 wrote it"), "{down}");
        let without = message(upcast_json(None, (1, 2), UpcastInput::State, json!([])));
        assert!(without.contains("`#[aggregate(revision = 2, upcast = ..)]`"), "{without}");
    }
}
