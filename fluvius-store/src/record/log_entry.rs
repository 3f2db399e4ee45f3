//! A row as a log gives it back: with its position.

use std::ops::Deref;

use serde::Serialize;
use uuid::Uuid;

use crate::record::ActivityRecord;
use crate::record::CommandRecord;
use crate::record::EventRecord;
use crate::record::MessageRecord;
use crate::record::ResumeToken;

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

impl<T> Deref for LogEntry<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.record
    }
}

/// A row of one of the four logs.
pub trait LogRecord {
    /// The identifier of the row, which no other row of any log has at the same position.
    fn row_id(&self) -> Uuid;
}

impl LogRecord for CommandRecord {
    fn row_id(&self) -> Uuid {
        self.id
    }
}

impl LogRecord for EventRecord {
    fn row_id(&self) -> Uuid {
        self.id
    }
}

impl LogRecord for MessageRecord {
    fn row_id(&self) -> Uuid {
        self.id
    }
}

impl LogRecord for ActivityRecord {
    fn row_id(&self) -> Uuid {
        self.id
    }
}
