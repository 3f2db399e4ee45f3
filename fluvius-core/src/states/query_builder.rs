//! Query builder over stored states, with cursor pagination.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::bounded_page::{Bounds, bounded_page, truncated};
use crate::error::Error;
use crate::model::{Aggregate, Versioned};
use fluvius_store::query::{Cursor, FieldIndex, Filter, QueryError, SortKey};
use fluvius_store::{DynStore, RealmFilter, StateQuery, StateRecord, Store};

/// Default number of rows of a page.
const PAGE_ROW_COUNT: usize = 1_000;
/// Maximum number of rows of a page.
const MAX_PAGE_ROWS: usize = 10_000;

/// A query of the stored aggregates of one resource.
///
/// Created by [`StateManager::query`](crate::StateManager::query), whose rows are [`Versioned`]
/// states, or by [`StateManager::query_rows`](crate::StateManager::query_rows), whose rows are
/// stored rows. A query is cheap to clone. Each method that narrows it returns the narrowed query.
///
/// Each page is a consistent snapshot. Between pages other commands may write; see [`Cursor`].
/// Closed aggregates and those of other realms are excluded.
///
/// # Examples
///
/// ```
/// use fluvius_core::Versioned;
/// use fluvius_core::query::Field;
/// # use fluvius_core::{Aggregate, DomainRuntime, Error};
/// # async fn run<Account: Aggregate>(domain: DomainRuntime) -> Result<(), Error> {
/// let mut reader = domain
///     .statemgr()
///     .query::<Account>()
///     .filter(Field::number("balance").ge(1_000) & Field::text("owner_name").starts_with("Ada"))
///     .sort(Field::number("balance").descending())
///     .limit(50);
/// loop {
///     let page = reader.page().await?;
///     for account in &page.rows {
///         let record = Versioned::record(account);
///         println!("{} is at version {}", record.aggregate_id, record.version);
///     }
///     match page.next {
///         Some(cursor) => reader = reader.after(cursor),
///         None => break,
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct StateQueryBuilder<T> {
    store: DynStore,
    query: StateQuery,
    /// The resources of the aggregate type of the rows; `None` if the rows may have any.
    allowed: Option<&'static [&'static str]>,
    /// The declared indexes of the aggregate type.
    indexes: &'static [FieldIndex],
    /// The bounds of a page; `None` for a complete page in one snapshot.
    bounds: Option<Bounds>,
    read: fn(StateRecord) -> Result<T, Error>,
}

/// A page of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct StatePage<T> {
    /// The aggregates, in the order of the query.
    pub rows: Vec<T>,
    /// The cursor of the next page, for [`StateQueryBuilder::after`]; `None` if there were no more
    /// aggregates at the time of the read. A page with a
    /// [`scan_limit`](StateQueryBuilder::scan_limit) may be short or empty, and have a next page.
    pub next: Option<Cursor>,
}

impl<A: Aggregate> StateQueryBuilder<Versioned<A>> {
    pub(super) fn of_aggregate(store: DynStore, realm: RealmFilter) -> Self {
        let query = StateQuery::for_resource(A::RESOURCE, PAGE_ROW_COUNT).realm(realm);
        let (allowed, indexes) = (Some(A::RESOURCES), A::INDEXES);
        Self { store, query, allowed, indexes, bounds: None, read: A::decode }
    }

    /// Sets the resource, if it is not the main one of the aggregate type.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<Cow<'static, str>>) -> Self {
        self.query.resource = Some(resource.into());
        self
    }
}

impl StateQueryBuilder<StateRecord> {
    pub(super) fn of_rows(
        store: DynStore,
        realm: RealmFilter,
        resource: Cow<'static, str>,
        indexes: &'static [FieldIndex],
    ) -> Self {
        let query = StateQuery::for_resource(resource, PAGE_ROW_COUNT).realm(realm);
        Self { store, query, allowed: None, indexes, bounds: None, read: Ok }
    }
}

impl<T> StateQueryBuilder<T> {
    /// Adds a filter. An aggregate must match all filters.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.query.filter = std::mem::take(&mut self.query.filter) & filter;
        self
    }

    /// Adds a sort key. A later key orders the aggregates that are equal by the earlier keys.
    /// Aggregates that are equal by all keys are ordered by id.
    #[must_use]
    pub fn sort(mut self, key: SortKey) -> Self {
        self.query.sort.push(key);
        self
    }

    /// Sets the maximum number of aggregates of a page. Default: 1,000; at least 1, at most 10,000.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.query.limit = rows.max(1);
        self
    }

    /// Limits the query to the aggregates after a cursor, in the same order.
    #[must_use]
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.query.after = Some(cursor);
        self
    }

    /// Includes closed aggregates, which have a
    /// [`Column::ClosedAt`](fluvius_store::query::Column::ClosedAt).
    #[must_use]
    pub fn with_closed(mut self) -> Self {
        self.query.with_closed = true;
        self
    }

    /// Sets the maximum number of aggregates that [`page`](Self::page) scans, including those that
    /// do not match. Default: no limit; at least 1.
    ///
    /// A page may then have fewer aggregates than its limit, or none, and still have a next page.
    /// Only a page without `next` is the last one. Its cursor is the location of the last scanned
    /// aggregate. Closed aggregates are scanned too, and those of other realms are not.
    ///
    /// - If a condition has a declared index that leaves at most 10,000 aggregates, these are read,
    ///   and the page is complete.
    /// - Else the aggregates are scanned in the order of the query: that of the ids, or of a sort
    ///   key with a declared index.
    /// - Without an index for the first sort key, all aggregates that may match are scanned and
    ///   sorted. If the limit does not suffice, the page fails with `invalid-query`.
    ///
    /// A page is read in parts of up to 2,000 aggregates. Each part is a consistent snapshot.
    #[must_use]
    pub fn scan_limit(mut self, rows: usize) -> Self {
        self.bounds.get_or_insert(Bounds::NONE).rows = rows;
        self
    }

    /// Sets the maximum time of [`page`](Self::page), after which no further part of the page is
    /// read. It ends a page as [`scan_limit`](Self::scan_limit) does. Default: no limit. A page
    /// that has to sort has no such limit.
    #[must_use]
    pub fn scan_time(mut self, time: Duration) -> Self {
        self.bounds.get_or_insert(Bounds::NONE).time = time;
        self
    }

    /// Reads one page.
    ///
    /// # Errors
    /// `invalid-query` if [`StateQuery::check`] fails, the limit is too large, or the scan limit
    /// does not suffice to sort; `resource-not-allowed` if the resource does not belong to the
    /// aggregate type; `invalid-state` if a state does not decode; `store-unavailable`,
    /// `store-error`.
    pub async fn page(&self) -> Result<StatePage<T>, Error> {
        let (limit, query) = (self.query.limit, &self.query);
        if limit > MAX_PAGE_ROWS {
            let message =
                format!("a page of {limit} aggregates, and at most {MAX_PAGE_ROWS} are allowed");
            return Err(QueryError::new(message).into());
        }
        self.check()?;
        let (rows, next) = match self.bounds {
            Some(bounds) if query.realm.is_storable() => {
                bounded_page(&self.store, query, bounds, self.indexes).await?
            }
            // One more row than the page holds, to detect a next page.
            _ => truncated(query, self.rows(&query.clone().limit(limit + 1)).await?),
        };
        let rows: Result<Vec<T>, Error> = rows.into_iter().map(self.read).collect();
        Ok(StatePage { rows: rows?, next })
    }

    /// Reads all aggregates, page by page. All of them are in memory at once. No bound of a page
    /// applies.
    ///
    /// # Errors
    /// As [`page`](Self::page).
    pub async fn all(&self) -> Result<Vec<T>, Error> {
        let mut query = self.query.clone();
        self.check()?;
        let mut all = Vec::new();
        loop {
            let rows = self.rows(&query).await?;
            let last = rows.last().filter(|_| rows.len() >= query.limit);
            query.after = last.map(|row| Cursor::of(&query, row));
            for row in rows {
                all.push((self.read)(row)?);
            }
            if query.after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Reads the only aggregate that matches, or returns `None` if there is none.
    ///
    /// # Errors
    /// `multiple-results` if more than one matches; else as [`page`](Self::page).
    pub async fn one(&self) -> Result<Option<T>, Error> {
        self.check()?;
        let mut rows = self.rows(&self.query.clone().limit(2)).await?;
        let row = rows.pop();
        if !rows.is_empty() {
            let resource = self.query.resource.clone().unwrap_or_default().into_owned();
            return Err(Error::MultipleResults { resource });
        }
        row.map(self.read).transpose()
    }

    /// Returns the rows of the store; empty if no store can hold the realm.
    async fn rows(&self, query: &StateQuery) -> Result<Vec<StateRecord>, Error> {
        if query.realm.is_storable() {
            return Ok(self.store.query(query).await?);
        }
        let none = query.clone().realm(RealmFilter::All).limit(0);
        self.store.query(&none).await?;
        Ok(Vec::new())
    }

    fn check(&self) -> Result<(), Error> {
        if let (Some(allowed), Some(resource)) = (self.allowed, &self.query.resource)
            && !allowed.contains(&resource.as_ref())
        {
            return Err(Error::ResourceNotAllowed {
                command: "query".to_owned(),
                resource: resource.clone().into_owned(),
                allowed,
            });
        }
        Ok(self.query.check()?)
    }
}

impl<T> Clone for StateQueryBuilder<T> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            query: self.query.clone(),
            allowed: self.allowed,
            indexes: self.indexes,
            bounds: self.bounds,
            read: self.read,
        }
    }
}

impl<T> fmt::Debug for StateQueryBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateQueryBuilder").field("query", &self.query).finish_non_exhaustive()
    }
}
