//! A page of a log, with the end of its scan.

use crate::record::{AnyRecord, LogEntry, LogRecord, ResumeToken};

/// Rows of a log, and the end of the scan for them.
///
/// # Shape
/// A page is one snapshot. `rows` contains every row of the log that meets the query, from the
/// start of its range up to `scanned_to`, in the order of the query. No such row is missing. So a
/// reader continues at `scanned_to`, even if a page is empty
/// ([`LogQuery::resume`](crate::LogQuery::resume)).
///
/// No row can appear later at or below `newest`, nor at or below `scanned_to`. So ascending pages
/// return each matching row once, those included that are stored while the pages are read.
/// Descending pages return the rows up to the `newest` of the first page, each once. Rows that are
/// stored later are above that position; an ascending query after it returns them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogPage<T> {
    /// The rows, in the order of the query.
    pub rows: Vec<LogEntry<T>>,
    /// The last scanned position, with the row at it, from any log: the highest one, or the lowest
    /// one of a descending query.
    ///
    /// If the page has reached the end of the range, it is the position of the newest row below
    /// `before`, or the query's `after` if there is none. For a descending query it is then always
    /// `after`. If nothing was scanned because `limit` is 0, it is the start of the range: the
    /// query's `after`, or that of a descending query `before` or the position after the newest
    /// row.
    pub scanned_to: ResumeToken,
    /// The position of the newest row of all logs; 0 if there is none.
    pub newest: u64,
    is_last: bool,
}

impl<T> LogPage<T> {
    /// Creates a page, as a store has read it. It is the last one if `scanned_to` is the newest
    /// position.
    pub const fn new(rows: Vec<LogEntry<T>>, scanned_to: ResumeToken, newest: u64) -> Self {
        Self { rows, scanned_to, newest, is_last: scanned_to.position() >= newest }
    }

    /// Sets whether the page has reached the end of its range. A store calls it for a query that is
    /// descending or has an upper bound.
    #[must_use]
    pub const fn with_last(mut self, is_last: bool) -> Self {
        self.is_last = is_last;
        self
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
        let page = LogPage::new(rows.collect::<Result<_, E>>()?, self.scanned_to, self.newest);
        Ok(page.with_last(self.is_last))
    }

    /// Returns true if the page has reached the end of its range, as it was when the page was read.
    pub const fn is_last(&self) -> bool {
        self.is_last
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
            self.is_last = false;
        }
        self
    }
}

/// Erases the row type, as [`Store::log`](crate::Store::log) returns it.
impl<T: LogRecord> From<LogPage<T>> for LogPage<AnyRecord> {
    fn from(page: LogPage<T>) -> Self {
        let convert =
            |row: LogEntry<T>| LogEntry { position: row.position, record: row.record.into() };
        let rows = page.rows.into_iter().map(convert).collect();
        Self::new(rows, page.scanned_to, page.newest).with_last(page.is_last)
    }
}
