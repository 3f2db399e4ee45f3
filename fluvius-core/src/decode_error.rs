//! The error of decoding a log row as a typed command or event.

use crate::error::Error;
use fluvius_store::json::{JsonError, JsonPath};
use fluvius_store::{AggregateId, EventRecord};

/// A log row that does not decode as the requested command or event.
///
/// As an [`Error`] it is `invalid-state`.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The key belongs to no command or event of the aggregate type.
    #[error("`{key}` is no key of `{aggregate}`")]
    UnknownKey {
        /// The row's key.
        key: String,
        /// The name of the aggregate type.
        aggregate: &'static str,
        /// The row's aggregate.
        aggregate_id: Box<AggregateId>,
        /// The row's revision: for an event that of the aggregate type, for a command that of the
        /// domain.
        revision: u32,
    },
    /// The row's JSON does not fit the type, or a newer revision wrote it.
    #[error("the row of `{key}` does not decode")]
    Invalid {
        /// The row's key.
        key: String,
        /// The row's aggregate.
        aggregate_id: Box<AggregateId>,
        /// The row's revision: for an event that of the aggregate type, for a command that of the
        /// domain.
        revision: u32,
        /// The position and reason of the failure.
        source: JsonError,
    },
}

impl DecodeError {
    #[doc(hidden)]
    pub fn of_event(record: &EventRecord, source: JsonError) -> Self {
        Self::Invalid {
            key: record.key().to_owned(),
            aggregate_id: Box::new(record.aggregate_id.clone()),
            revision: record.revision,
            source,
        }
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        let message = error.to_string();
        match error {
            DecodeError::UnknownKey { aggregate_id, revision, .. } => Self::InvalidState {
                aggregate_id: *aggregate_id,
                revision,
                path: JsonPath::root(),
                message,
            },
            DecodeError::Invalid { aggregate_id, revision, source, .. } => Self::InvalidState {
                aggregate_id: *aggregate_id,
                revision,
                path: source.path().to_owned(),
                message: format!("{message}: {}", source.message()),
            },
        }
    }
}
