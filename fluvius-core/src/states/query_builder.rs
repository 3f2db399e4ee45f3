//! Asking for aggregates by what they are like: the query in the making, and its pages.

use std::borrow::Cow;
use std::fmt;

use crate::error::Error;
use crate::model::{Aggregate, Versioned};
use fluvius_store::query::{Cursor, Filter, QueryError, SortKey};
use fluvius_store::{DynStore, RealmFilter, StateQuery, StateRecord, Store};

/// How many rows a page has unless it is told.
const PAGE_ROW_COUNT: usize = 1_000;
/// How many rows a page may have.
const MAX_PAGE_ROWS: usize = 10_000;

/// Reads the stored aggregates of one resource by what they are like.
///
/// Made by [`StateManager::query`](crate::StateManager::query), which gives [`Versioned`] aggregate types,
/// and [`StateManager::query_rows`](crate::StateManager::query_rows), which gives rows. Readers are
/// cheap to clone; each function that narrows one gives a new one.
///
/// Every page is read at one moment; between pages others may write, see [`Cursor`]. Closed aggregates
/// are left out, and so are those of other realms.
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
///         println!("{} is at version {}", Versioned::record(account).aggregate_id, Versioned::version(account));
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
    /// The resources that may be asked for, where the type of the rows says so.
    allowed: Option<&'static [&'static str]>,
    read: fn(StateRecord) -> Result<T, Error>,
}

/// Some of the aggregates that a query asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct StatePage<T> {
    /// The aggregates, in the order of the query.
    pub rows: Vec<T>,
    /// Where the next page begins: pass it to [`StateQueryBuilder::after`]. `None`: there were no more
    /// aggregates when this page was read.
    pub next: Option<Cursor>,
}

impl<A: Aggregate> StateQueryBuilder<Versioned<A>> {
    pub(super) fn of_aggregate(store: DynStore, realm: RealmFilter) -> Self {
        let query = StateQuery::for_resource(A::RESOURCE, PAGE_ROW_COUNT).realm(realm);
        Self { store, query, allowed: Some(A::RESOURCES), read: A::decode }
    }

    /// Another resource of the aggregate type than its main one.
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
    ) -> Self {
        let query = StateQuery::for_resource(resource, PAGE_ROW_COUNT).realm(realm);
        Self { store, query, allowed: None, read: Ok }
    }
}

impl<T> StateQueryBuilder<T> {
    /// Only aggregates of which this is true; given several times, of which all are.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.query.filter = std::mem::take(&mut self.query.filter) & filter;
        self
    }

    /// The order; given several times, a later key orders what is equal by those before it. What
    /// is equal by all of them is ordered by identifier.
    #[must_use]
    pub fn sort(mut self, key: SortKey) -> Self {
        self.query.sort.push(key);
        self
    }

    /// How many aggregates a page has at the most: 1,000 unless set, at least 1, and not more than
    /// 10,000.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.query.limit = rows.max(1);
        self
    }

    /// Only aggregates behind a page, in the same order.
    #[must_use]
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.query.after = Some(cursor);
        self
    }

    /// Closed aggregates too: [`Column::ClosedAt`](fluvius_store::query::Column::ClosedAt) tells which they are.
    #[must_use]
    pub fn with_closed(mut self) -> Self {
        self.query.with_closed = true;
        self
    }

    /// One page.
    ///
    /// # Errors
    /// `invalid-query` where [`StateQuery::check`] refuses the query, or a page would be too
    /// large; `resource-not-allowed` where the aggregate type is not the state of the resource;
    /// `invalid-state` where a state does not decode; `store-unavailable`, `store-error`.
    pub async fn page(&self) -> Result<StatePage<T>, Error> {
        let (limit, query) = (self.query.limit, &self.query);
        if limit > MAX_PAGE_ROWS {
            let asked =
                format!("a page of {limit} aggregates, and at most {MAX_PAGE_ROWS} are allowed");
            return Err(QueryError::new(asked).into());
        }
        self.check()?;
        // One row more than the page holds tells whether there is a next one.
        let one_more = query.clone().limit(limit + 1);
        let mut rows = self.rows(&one_more).await?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| has_more);
        let next = last.map(|row| Cursor::of(query, row));
        let rows: Result<Vec<T>, Error> = rows.into_iter().map(self.read).collect();
        Ok(StatePage { rows: rows?, next })
    }

    /// All aggregates, however many: they are read a page at a time, and kept in memory together.
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

    /// The one aggregate, or `None` where there is none.
    ///
    /// # Errors
    /// `multiple-results` where there are several; as [`page`](Self::page).
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

    /// Returns the rows of the store; none if the realm cannot be stored.
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
            read: self.read,
        }
    }
}

impl<T> fmt::Debug for StateQueryBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateReader").field("query", &self.query).finish_non_exhaustive()
    }
}
