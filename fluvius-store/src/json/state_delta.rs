//! The change of a state by one event, so that any version can be folded from the log.
//!
//! The caller decides when to store a snapshot although a patch is smaller
//! ([`StateDelta::snapshot`]).

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::diff;
use super::error::JsonError;
use super::text::Json;
use super::tokenizer::{Kind, kind, sorted_members};

/// The change of a state by one event: a patch of the state before it, or a snapshot of the state
/// after it.
///
/// # Shape
/// In JSON, a patch is the bare array of its operations, and a snapshot is `{"snapshot": ..}`. So a
/// state that is itself an array is not mistaken for a patch.
///
/// # Source
/// JSON Patch, RFC 6902. Generated patches use `add`, `remove` and `replace`; all operations can be
/// applied.
///
/// # Examples
/// ```
/// use fluvius_store::json::{Json, StateDelta};
///
/// let old = Json::parse(r#"{"owner": "Ada Lovelace, London, Marylebone", "balance": "10.00"}"#)?;
/// let new = Json::parse(r#"{"owner": "Ada Lovelace, London, Marylebone", "balance": "7.50"}"#)?;
/// let change = StateDelta::between(Some(&old), &new);
/// assert_eq!(change.to_json().as_str(), r#"[{"op":"replace","path":"/balance","value":"7.50"}]"#);
/// assert_eq!(change.apply(Some(old.to_value()))?, new.to_value());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateDelta {
    /// The whole state after the event.
    Snapshot(Json),
    /// The array of operations that convert the state before the event to the state after it.
    Patch(Json),
}

/// An error returned when a delta cannot be read or applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateDeltaError {
    /// A patch without a state to apply it to.
    #[error("a patch needs the state before it")]
    NoState,
    /// A JSON value that is neither a snapshot nor a JSON Patch.
    #[error("not a change: neither `{{\"snapshot\": ..}}` nor a JSON Patch")]
    Malformed(#[source] JsonError),
    /// A patch of another state.
    #[error("operation {operation} of the patch does not fit the state at `{pointer}`")]
    Mismatch {
        /// The index of the operation.
        operation: usize,
        /// The JSON Pointer of the location.
        pointer: String,
    },
}

/// Maximum number of versions from one snapshot in the log to the next.
///
/// So reading any version reads at most this many deltas.
pub const SNAPSHOT_INTERVAL: u64 = 64;

const SNAPSHOT_PREFIX: &str = r#"{"snapshot":"#;

impl StateDelta {
    /// Returns the delta from `old` to `new`: the patch, or a snapshot if that is not larger.
    /// Without an `old` it is a snapshot, and for equal states it is an empty patch.
    pub fn between(old: Option<&Json>, new: &Json) -> Self {
        let Some(old) = old else {
            return Self::snapshot(new);
        };
        let patch = diff::patch(old.as_str(), new.as_str());
        let snapshot_length = SNAPSHOT_PREFIX.len() + new.len() + "}".len();
        if snapshot_length <= patch.len() { Self::snapshot(new) } else { Self::Patch(patch) }
    }

    /// Returns a snapshot, independent of the state before it.
    pub fn snapshot(new: &Json) -> Self {
        Self::Snapshot(new.clone())
    }

    /// Returns true if the delta is a snapshot, which needs no state before it.
    pub fn is_snapshot(&self) -> bool {
        matches!(self, Self::Snapshot(_))
    }

    /// Returns the state after the event, given the state before it.
    ///
    /// # Errors
    /// Returns an error if a patch has no state or does not fit it, or if the delta is malformed.
    pub fn apply(&self, state: Option<Value>) -> Result<Value, StateDeltaError> {
        let patch = match self {
            Self::Snapshot(state) => {
                return state.try_to_value().map_err(|error| malformed(&error));
            }
            Self::Patch(patch) => patch,
        };
        let patch: json_patch::Patch = patch.decode().map_err(StateDeltaError::Malformed)?;
        let mut state = state.ok_or(StateDeltaError::NoState)?;
        // "Unsafe" means that a failed patch leaves the state partly changed; that state is dropped
        // here.
        match json_patch::patch_unsafe(&mut state, &patch) {
            Ok(()) => Ok(state),
            Err(error) => Err(StateDeltaError::Mismatch {
                operation: error.operation,
                pointer: error.path.to_string(),
            }),
        }
    }

    /// Returns the stored form.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Snapshot(state) => Json::from_trusted(format!("{SNAPSHOT_PREFIX}{state}}}")),
            Self::Patch(patch) => patch.clone(),
        }
    }

    /// Reads the form that [`to_json`](Self::to_json) writes. The operations of a patch are checked
    /// when it is applied.
    ///
    /// # Errors
    /// Returns an error if the value is neither an array nor an object with the single member
    /// `snapshot`.
    pub fn from_json(json: &Json) -> Result<Self, StateDeltaError> {
        let text = json.as_str().trim_ascii();
        match kind(text) {
            Kind::Array => Ok(Self::Patch(json.clone())),
            Kind::Object => match sorted_members(text).as_slice() {
                [(key, state)] if key == "snapshot" => {
                    Ok(Self::Snapshot(Json::from_trusted(*state)))
                }
                _ => Err(neither()),
            },
            Kind::Scalar => Err(neither()),
        }
    }
}

fn neither() -> StateDeltaError {
    StateDeltaError::Malformed(JsonError::whole(
        "expected an array or an object with the one member `snapshot`",
    ))
}

fn malformed(error: &serde_json::Error) -> StateDeltaError {
    StateDeltaError::Malformed(JsonError::whole(error.to_string()))
}

impl Serialize for StateDelta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StateDelta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Self::from_json(&json).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
