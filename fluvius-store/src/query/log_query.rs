//! Queries over a log.

use crate::aggregate_id::AggregateId;
use crate::record::ResumeToken;

/// A query over the rows of a log.
///
/// # Shape
/// A row is returned if all conditions hold. The rows after `after` are scanned in position order,
/// until `limit` rows are found, `scan_limit` rows are scanned, or the log ends. A store that finds
/// the rows of an aggregate by an index scans only these. All numbers are valid: a `limit` of 0
/// returns no rows, and `usize::MAX` in both limits returns all. A `scan_limit` of 0 counts as 1.
///
/// The realm of a command or an activity is that of its own context. The realm of an event or a
/// message is that of its command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogQuery {
    /// The aggregate whose rows are returned; `None` for all.
    pub aggregate_id: Option<AggregateId>,
    /// The realms whose rows are returned.
    pub realm: RealmFilter,
    /// The token after which rows are returned. The store checks it with [`ResumeToken::check`].
    pub after: ResumeToken,
    /// Maximum number of returned rows.
    pub limit: usize,
    /// Maximum number of scanned rows of the log, returned or not. So a condition that few rows
    /// meet does not make one call read the whole log.
    pub scan_limit: usize,
}

impl LogQuery {
    /// The default `scan_limit` of a `LogReader`.
    pub const SCAN_LIMIT: usize = 10_000;

    /// Returns a query for all rows, in one page.
    pub const fn all() -> Self {
        Self {
            aggregate_id: None,
            realm: RealmFilter::All,
            after: ResumeToken::START,
            limit: usize::MAX,
            scan_limit: usize::MAX,
        }
    }

    /// Sets the aggregate whose rows are returned; `None` for all.
    #[must_use]
    pub fn aggregate_id(mut self, aggregate_id: impl Into<Option<AggregateId>>) -> Self {
        self.aggregate_id = aggregate_id.into();
        self
    }

    /// Sets the realms whose rows are returned.
    #[must_use]
    pub fn realm(mut self, realm: RealmFilter) -> Self {
        self.realm = realm;
        self
    }

    /// Sets the token after which rows are returned.
    #[must_use]
    pub fn after(mut self, after: impl Into<ResumeToken>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the maximum number of returned rows.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets the maximum number of scanned rows.
    #[must_use]
    pub const fn scan_limit(mut self, scan_limit: usize) -> Self {
        self.scan_limit = scan_limit;
        self
    }
}

/// A filter on the realms that a reader sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RealmFilter {
    /// All realms: the program's own view.
    All,
    /// Only this realm; `None` is the absence of a realm.
    Only(Option<String>),
}

impl RealmFilter {
    /// Returns true if rows of this realm are seen.
    pub fn admits(&self, realm: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => only.as_deref() == realm,
        }
    }
}
