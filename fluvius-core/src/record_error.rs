//! Why a log row cannot be read as a typed command or event.

use crate::json::JsonError;

/// A log row that does not decode as the command or event asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The key belongs to no command or event of the aggregate.
    #[error("`{key}` is no key of `{aggregate}`")]
    UnknownKey {
        /// The row's key.
        key: String,
        /// The aggregate's type.
        aggregate: &'static str,
    },
    /// The row's JSON does not fit the type.
    #[error("the row of `{key}` does not decode")]
    Invalid {
        /// The row's key.
        key: String,
        /// Where and why.
        source: JsonError,
    },
}
