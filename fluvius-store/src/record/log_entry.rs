//! A stored log row with its position.

use serde::Serialize;

use crate::record::{LogRecord, ResumeToken};

/// A stored log row and its position.
///
/// All logs of a store share one counter. Positions rise in commit order, and gaps are allowed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogEntry<T> {
    /// The position.
    pub position: u64,
    /// The row.
    #[serde(flatten)]
    pub record: T,
}

impl<T: LogRecord> LogEntry<T> {
    /// Returns the token of this row. Pass it to `LogReader::after` to continue after the row.
    pub fn resume_token(&self) -> ResumeToken {
        ResumeToken::from(self)
    }
}
