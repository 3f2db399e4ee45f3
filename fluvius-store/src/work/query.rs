//! Queries over work rows.

use chrono::{DateTime, Utc};

use super::row::{WorkKey, WorkRow};

/// A query over work rows, in the order of their keys.
///
/// # Examples
/// The partitions of a subscription, with those that own them:
///
/// ```
/// use chrono::Utc;
/// use fluvius_store::work::WorkQuery;
///
/// let query = WorkQuery::new(Utc::now(), ["partition", "process"]);
/// assert_eq!((query.name, query.limit), (None, usize::MAX));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct WorkQuery {
    /// The kinds of the returned rows.
    pub kinds: Vec<String>,
    /// The name of the returned rows; `None` for all.
    pub name: Option<String>,
    /// The key after which rows are returned; `None` for the first.
    pub after: Option<WorkKey>,
    /// Maximum number of returned rows.
    pub limit: usize,
    /// The time of the caller, for a store without a clock of its own.
    pub now: DateTime<Utc>,
}

impl WorkQuery {
    /// Returns a query for all rows of some kinds, at a time of the caller.
    pub fn new<K: Into<String>>(now: DateTime<Utc>, kinds: impl IntoIterator<Item = K>) -> Self {
        let kinds = kinds.into_iter().map(Into::into).collect();
        Self { kinds, name: None, after: None, limit: usize::MAX, now }
    }

    /// Sets the name of the returned rows.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the key after which rows are returned.
    #[must_use]
    pub fn after(mut self, after: WorkKey) -> Self {
        self.after = Some(after);
        self
    }

    /// Sets the maximum number of returned rows.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Returns true if a row meets the query, apart from its `limit`.
    pub fn admits(&self, key: &WorkKey) -> bool {
        self.kinds.contains(&key.kind)
            && self.name.as_ref().is_none_or(|name| *name == key.name)
            && self.after.as_ref().is_none_or(|after| key > after)
    }
}

/// Work rows, in one snapshot.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct WorkPage {
    /// The rows, in the order of their keys.
    pub rows: Vec<WorkRow>,
    /// The time of the read, by the store's clock, or the caller's time if the store has none. So
    /// the age of a row is `now - written_at`.
    pub now: DateTime<Utc>,
    /// The position of the newest row of all logs, in the same snapshot; 0 if there is none.
    pub newest: u64,
}

impl WorkPage {
    /// Creates a page, as a store has read it.
    pub const fn new(rows: Vec<WorkRow>, now: DateTime<Utc>, newest: u64) -> Self {
        Self { rows, now, newest }
    }
}
