//! Which rows of a log a reader asks for.

use crate::aggregate_id::AggregateId;
use crate::record::ResumeToken;

/// Which rows of a log, and how many at the most.
///
/// # Shape
/// A row is given if all conditions hold. The rows of the log behind `after` are looked at in
/// position order, until `limit` of them are given, `scan_limit` of them are looked at, or the log
/// ends. A store that finds the rows of an aggregate by an index looks at these alone. All numbers are
/// valid: with a `limit` of 0 there are no rows, with `usize::MAX` in both limits all of them. A
/// `scan_limit` of 0 counts as 1.
///
/// A command and an activity come from the realm of their own context, an event and a message
/// from that of the command that gave them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogQuery {
    /// Only rows of this aggregate.
    pub aggregate_id: Option<AggregateId>,
    /// Only rows whose command came from these realms.
    pub realm: RealmFilter,
    /// Only rows behind this place. The store checks it: [`ResumeToken::check`].
    pub after: ResumeToken,
    /// How many rows at the most.
    pub limit: usize,
    /// Maximum number of rows of the log that are looked at, whether they are given or not. So a
    /// condition that few rows meet does not make one call read the whole log.
    pub scan_limit: usize,
}

impl LogQuery {
    /// The default `scan_limit` of a `LogReader`.
    pub const SCAN_LIMIT: usize = 10_000;

    /// All rows, in one page.
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

    /// Sets the place after which rows are returned.
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

/// Which realms a reader sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RealmFilter {
    /// All of them: the program's own view.
    All,
    /// Only this one; `None` is what has no realm.
    Only(Option<String>),
}

impl RealmFilter {
    /// Whether a row whose command came from this realm is seen.
    pub fn admits(&self, realm: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => only.as_deref() == realm,
        }
    }
}
