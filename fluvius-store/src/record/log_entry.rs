//! A row as a log gives it back: with its position.

use serde::Serialize;

use crate::record::{LogRecord, ResumeToken};

/// A stored log row and its position.
///
/// Positions are one counter a store for all its logs; they rise in commit order, and gaps are
/// allowed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogEntry<T> {
    /// The position.
    pub position: u64,
    /// The row.
    #[serde(flatten)]
    pub record: T,
}

impl<T: LogRecord> LogEntry<T> {
    /// The token of this row: pass it to `LogReader::after` to read on
    /// behind it.
    pub fn resume_token(&self) -> ResumeToken {
        ResumeToken::from(self)
    }
}
