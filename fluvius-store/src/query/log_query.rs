//! Queries over a log.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::record::{ContextRecord, ResumeToken};

/// A query over the rows of a log.
///
/// # Shape
/// A row is returned if all conditions hold. The rows between `after` and `before` are scanned in
/// position order, until `limit` rows are found, `scan_limit` rows are scanned, or the range ends.
/// A store that finds the rows of an aggregate by an index scans only these. All numbers are valid:
/// a `limit` of 0 returns no rows, and `usize::MAX` in both limits returns all. A `scan_limit` of 0
/// counts as 1.
///
/// A `descending` query scans the same range from its upper end: from below `before`, or from the
/// newest row, down to above `after`.
///
/// | condition | command | event | message | activity |
/// |---|---|---|---|---|
/// | `domain` | its own | its own | that of its command | that of its context |
/// | `keys` | its key | its key | its key | its `code` |
/// | `realm`, `actor` | its context | its command's context | its command's context | its context |
///
/// An activity may have no command, so its own context determines its domain. An activity without a
/// `code` has none of the `keys`.
///
/// # Examples
/// The last ten deposits and withdrawals of a domain, the newest first:
///
/// ```
/// use fluvius_store::LogQuery;
///
/// let query = LogQuery::all()
///     .domain("banking".to_owned())
///     .keys(["money-deposited", "money-withdrawn"])
///     .descending(true)
///     .limit(10);
/// assert_eq!(query.keys.unwrap().len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogQuery {
    /// The aggregate whose rows are returned; `None` for all.
    pub aggregate_id: Option<AggregateId>,
    /// The realms whose rows are returned.
    pub realm: RealmFilter,
    /// The namespace of the domain whose rows are returned; `None` for all.
    pub domain: Option<String>,
    /// The keys of the returned rows; `None` for all. An empty set returns no rows.
    pub keys: Option<BTreeSet<String>>,
    /// The user whose rows are returned, by the user id of their contexts; `None` for all.
    pub actor: Option<Uuid>,
    /// The token after which rows are returned. The store checks it with [`ResumeToken::check`].
    pub after: ResumeToken,
    /// The token before which rows are returned, exclusive; `None` for no upper bound. The store
    /// checks it with [`ResumeToken::check_upper`].
    pub before: Option<ResumeToken>,
    /// Set for falling positions.
    pub descending: bool,
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
            domain: None,
            keys: None,
            actor: None,
            after: ResumeToken::START,
            before: None,
            descending: false,
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

    /// Sets the namespace of the domain whose rows are returned; `None` for all.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<Option<String>>) -> Self {
        self.domain = domain.into();
        self
    }

    /// Sets the keys of the returned rows.
    #[must_use]
    pub fn keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.keys = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the user whose rows are returned; `None` for all.
    #[must_use]
    pub fn actor(mut self, user_id: impl Into<Option<Uuid>>) -> Self {
        self.actor = user_id.into();
        self
    }

    /// Sets the token after which rows are returned.
    #[must_use]
    pub fn after(mut self, after: impl Into<ResumeToken>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the token before which rows are returned.
    #[must_use]
    pub fn before(mut self, before: impl Into<ResumeToken>) -> Self {
        self.before = Some(before.into());
        self
    }

    /// Sets the order: falling positions if true.
    #[must_use]
    pub const fn descending(mut self, descending: bool) -> Self {
        self.descending = descending;
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

    /// Returns the query for the rows that follow a page which ended at `scanned_to`: after it, or
    /// before it if the query is descending.
    #[must_use]
    pub fn resume(mut self, scanned_to: ResumeToken) -> Self {
        match self.descending {
            true => self.before = Some(scanned_to),
            false => self.after = scanned_to,
        }
        self
    }

    /// Returns the place from which the query scans: its `after`, or that of a descending query
    /// `before` or the position after `newest`.
    pub fn start(&self, newest: u64) -> ResumeToken {
        match (self.descending, self.before) {
            (false, _) => self.after,
            (true, Some(before)) => before,
            (true, None) => newest.saturating_add(1).into(),
        }
    }

    /// Returns true if every row of the range is returned.
    pub fn is_unconditional(&self) -> bool {
        self.aggregate_id.is_none() && !self.has_conditions()
    }

    /// Returns true if some rows of an aggregate may not be returned.
    pub fn has_conditions(&self) -> bool {
        self.realm != RealmFilter::All
            || self.domain.is_some()
            || self.keys.is_some()
            || self.actor.is_some()
    }

    /// Returns true if the range of the query has the position.
    pub fn has_position(&self, position: u64) -> bool {
        position > self.after.position()
            && self.before.is_none_or(|before| position < before.position())
    }

    /// Returns true if a row meets all conditions except those on its position.
    ///
    /// `key` is [`LogRecord::row_key`](crate::LogRecord::row_key). The table above defines `domain`
    /// and `context`.
    pub fn admits(
        &self,
        aggregate_id: &AggregateId,
        domain: Option<&str>,
        key: Option<&str>,
        context: Option<&ContextRecord>,
    ) -> bool {
        let user_id = context.and_then(|context| context.actor.user_id);
        self.aggregate_id.as_ref().is_none_or(|wanted| wanted == aggregate_id)
            && self.realm.admits(context.and_then(|context| context.realm.as_deref()))
            && self.domain.as_ref().is_none_or(|wanted| domain == Some(wanted))
            && self.keys.as_ref().is_none_or(|keys| key.is_some_and(|key| keys.contains(key)))
            && self.actor.is_none_or(|actor| user_id == Some(actor))
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
