//! A page of a log, with the end of its scan.

use crate::record::{AnyRecord, LogEntry, LogRecord, ResumeToken};

/// Rows of a log, and the end of the scan for them.
///
/// # Shape
/// A page is one snapshot. `rows` contains every row of the log that meets the query, after its
/// `after` and up to `scanned_to`, in position order. No such row is missing, and none can still
/// appear. So a reader continues after `scanned_to`, even if a page is empty.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogPage<T> {
    /// The rows, in position order.
    pub rows: Vec<LogEntry<T>>,
    /// The highest scanned position, with the row at it, from any log. If the page has reached the
    /// end of the log, it is the position of the newest row. If nothing was scanned, it is the
    /// query's `after`.
    pub scanned_to: ResumeToken,
    /// The position of the newest row of all logs; 0 if there is none.
    pub newest: u64,
}

impl<T> LogPage<T> {
    /// Creates a page, as a store has read it.
    pub const fn new(rows: Vec<LogEntry<T>>, scanned_to: ResumeToken, newest: u64) -> Self {
        Self { rows, scanned_to, newest }
    }

    /// Converts each row.
    ///
    /// # Errors
    /// Returns the first error of `convert`.
    pub fn try_map<U, E>(
        self,
        mut convert: impl FnMut(T) -> Result<U, E>,
    ) -> Result<LogPage<U>, E> {
        let rows = self.rows.into_iter().map(|LogEntry { position, record }| {
            Ok(LogEntry { position, record: convert(record)? })
        });
        Ok(LogPage::new(rows.collect::<Result<_, E>>()?, self.scanned_to, self.newest))
    }

    /// Returns true if the page has reached the end of the log as it was when the page was read.
    pub const fn is_last(&self) -> bool {
        self.scanned_to.position() >= self.newest
    }

    /// Keeps the first `limit` rows. If rows are removed, `scanned_to` moves back to the last row
    /// that is kept.
    #[must_use]
    pub fn truncated(mut self, limit: usize) -> Self
    where
        T: LogRecord,
    {
        if self.rows.len() > limit {
            self.rows.truncate(limit);
            self.scanned_to = self.rows.last().map_or(ResumeToken::START, ResumeToken::from);
        }
        self
    }
}

/// Erases the row type, as [`Store::log`](crate::Store::log) returns it.
impl<T: LogRecord> From<LogPage<T>> for LogPage<AnyRecord> {
    fn from(page: LogPage<T>) -> Self {
        let convert =
            |row: LogEntry<T>| LogEntry { position: row.position, record: row.record.into() };
        Self::new(page.rows.into_iter().map(convert).collect(), page.scanned_to, page.newest)
    }
}
