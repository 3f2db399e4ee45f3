//! What one event did to the state of its aggregate, so that any version can be folded from the log.
//!
//! When the whole state must be stored, though a patch would be smaller, is decided by the caller
//! ([`StateDelta::snapshot`]); which event it belongs to is not known here.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::diff;
use super::error::JsonError;
use super::text::Json;
use super::tokenizer::{Kind, kind, sorted_members};

/// What one event did to a state: a patch of the state before it, or the whole state after it.
///
/// # Shape
/// As JSON a patch is the bare array of its operations, and a whole state is `{"snapshot": ..}`, so that a state which is
/// itself an array is not taken for a patch.
///
/// # Source
/// JSON Patch, RFC 6902; of its operations `add`, `remove` and `replace` are made, and all are applied.
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
    /// The array of operations that make the state after the event of that before it.
    Patch(Json),
}

/// Why a change could not be applied to a state, or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateDeltaError {
    /// There is a patch, and no state before it.
    #[error("a patch needs the state before it")]
    NoState,
    /// It is neither a whole state nor a JSON Patch.
    #[error("not a change: neither `{{\"snapshot\": ..}}` nor a JSON Patch")]
    Malformed(#[source] JsonError),
    /// The patch is that of another state.
    #[error("operation {operation} of the patch does not fit the state at `{pointer}`")]
    Mismatch {
        /// Index of the operation.
        operation: usize,
        /// JSON Pointer of the place.
        pointer: String,
    },
}

/// Largest number of versions from one snapshot in the log to the next.
///
/// So reading any version back reads at most this many deltas.
pub const SNAPSHOT_INTERVAL: u64 = 64;

const SNAPSHOT_PREFIX: &str = r#"{"snapshot":"#;

impl StateDelta {
    /// What makes `new` of `old`: the patch, or the whole state where that is not larger. Without an `old` it is whole,
    /// and the patch of equal states is empty.
    pub fn between(old: Option<&Json>, new: &Json) -> Self {
        let Some(old) = old else {
            return Self::snapshot(new);
        };
        let patch = diff::patch(old.as_str(), new.as_str());
        let snapshot_length = SNAPSHOT_PREFIX.len() + new.len() + "}".len();
        if snapshot_length <= patch.len() { Self::snapshot(new) } else { Self::Patch(patch) }
    }

    /// The whole state, whatever was before.
    pub fn snapshot(new: &Json) -> Self {
        Self::Snapshot(new.clone())
    }

    /// Whether it stands for itself, without the state before it.
    pub fn is_snapshot(&self) -> bool {
        matches!(self, Self::Snapshot(_))
    }

    /// The state after the event, made of that before it.
    ///
    /// # Errors
    /// When it is a patch, and there is no state or not the one that it was made for.
    pub fn apply(&self, state: Option<Value>) -> Result<Value, StateDeltaError> {
        let patch = match self {
            Self::Snapshot(state) => {
                return state.try_to_value().map_err(|error| malformed(&error));
            }
            Self::Patch(patch) => patch,
        };
        let patch: json_patch::Patch = patch.decode().map_err(StateDeltaError::Malformed)?;
        let mut state = state.ok_or(StateDeltaError::NoState)?;
        // "Unsafe" means that a patch which fails leaves the state half changed, which here is dropped.
        match json_patch::patch_unsafe(&mut state, &patch) {
            Ok(()) => Ok(state),
            Err(error) => Err(StateDeltaError::Mismatch {
                operation: error.operation,
                pointer: error.path.to_string(),
            }),
        }
    }

    /// As it is stored.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Snapshot(state) => Json::from_trusted(format!("{SNAPSHOT_PREFIX}{state}}}")),
            Self::Patch(patch) => patch.clone(),
        }
    }

    /// Reads what [`to_json`](Self::to_json) wrote. The operations of a patch are looked at when it is applied.
    ///
    /// # Errors
    /// When it is neither an array nor an object with the one member `whole`.
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
        "expected an array or an object with the one member `whole`",
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
