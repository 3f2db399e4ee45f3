//! Upcasts: what an older revision of an aggregate type wrote, lifted to the shape of this one.
//!
//! The author's function is run here, one revision after the other. It is given the JSON of one state or one event,
//! and knows no row, no store and no version.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use fluvius_store::json::JsonError;

/// Lifts one state or one event by one revision.
///
/// Named by `upcast = ..` of [`#[aggregate]`](macro@crate::aggregate). It is given the revision that the JSON is in the
/// shape of, what the JSON is, and the JSON, which it brings into the shape of the next revision. It is called once for
/// each revision in between: from 1 and then from 2, where revision 1 wrote and the aggregate type is at 3.
///
/// It is a function of its arguments: what it gives is not stored, and it runs again at the next reading.
///
/// # Errors
/// Whoever reads is told `invalid-state`, with the message; the path too, where the error is a [`JsonError`].
///
/// # Panics
/// A panic is `invalid-state` too.
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

/// Why an [`Upcast`] cannot lift: any error, or a text, by `?` or `into()`.
pub type UpcastError = Box<dyn Error + Send + Sync>;

/// What the JSON is that an [`Upcast`] lifts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpcastInput<'a> {
    /// A state.
    State,
    /// An event with this key: an object of the fields of its struct, with what the rule returned as `data`.
    Event(&'a str),
}

/// Lifts JSON from the revision that wrote it to that of the aggregate type, which is another one.
///
/// # Errors
/// When the aggregate type is older than that, or has no upcast, or the upcast fails.
#[cold]
pub(crate) fn lift(
    upcast: Option<Upcast>,
    (from, to): (u32, u32),
    written: UpcastInput<'_>,
    mut json: Value,
) -> Result<Value, JsonError> {
    if from > to {
        return Err(JsonError::whole(format!(
            "revision {from} wrote it, and this program has revision {to} of the aggregate: run one that has revision \
             {from} or a later one"
        )));
    }
    let Some(upcast) = upcast else {
        return Err(JsonError::whole(format!(
            "revision {from} wrote it, and nothing lifts it to revision {to}: name a function that does, \
             `#[aggregate(revision = {to}, upcast = ..)]`"
        )));
    };
    for step in from..to {
        let next = step + 1;
        match catch_unwind(AssertUnwindSafe(|| upcast(step, written, &mut json))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let lifting = format!("lifting it from revision {step} to {next}");
                return Err(match error.downcast::<JsonError>() {
                    Ok(error) => error.during(&lifting),
                    Err(error) => JsonError::of_author(error.as_ref()).during(&lifting),
                });
            }
            // The panic's own message is left out, as everywhere.
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

    /// Writes down each call, and refuses to go on from revision 4.
    fn trace(from: u32, written: UpcastInput<'_>, json: &mut Value) -> Result<(), UpcastError> {
        if from == 4 {
            return Err("no further".into());
        }
        json.as_array_mut().ok_or("no list")?.push(json!(format!("{from} {written:?}")));
        Ok(())
    }

    fn message(lifted: Result<Value, JsonError>) -> String {
        lifted.unwrap_err().to_string()
    }

    #[test]
    fn every_step_is_taken_once_and_in_order() {
        let lifted = lift(Some(trace), (1, 4), UpcastInput::State, json!([])).unwrap();
        assert_eq!(lifted, json!(["1 State", "2 State", "3 State"]));
        let lifted = lift(Some(trace), (3, 4), UpcastInput::Event("opened"), json!([])).unwrap();
        assert_eq!(lifted, json!([r#"3 Event("opened")"#]));
    }

    #[test]
    fn a_step_that_fails_is_told_with_its_revisions() {
        let lifted = lift(Some(trace), (3, 6), UpcastInput::State, json!([]));
        assert_eq!(message(lifted), "lifting it from revision 4 to 5: no further");
    }

    #[test]
    fn nothing_is_lifted_down_or_without_an_upcast() {
        let down = message(lift(Some(trace), (3, 2), UpcastInput::State, json!([])));
        assert!(down.contains("revision 3 wrote it"), "{down}");
        let without = message(lift(None, (1, 2), UpcastInput::State, json!([])));
        assert!(without.contains("`#[aggregate(revision = 2, upcast = ..)]`"), "{without}");
    }
}
