//! A type-erased handle to the store under test.

use fluvius_store::{DynStore, LogQuery, Store, delegate_store};

/// An opened store. Clones share the handle, so a runtime that releases its clone does not release
/// the store.
#[derive(Debug, Clone)]
pub(super) struct Handle(DynStore);

impl Handle {
    pub(super) fn new(store: impl Store) -> Self {
        Self(DynStore::new(store))
    }
}

impl Store for Handle {
    delegate_store! { self => self.0; except release }
}

/// Returns the query for up to `limit` rows after a position, of all aggregates and realms.
pub(super) fn behind(after: u64, limit: usize) -> LogQuery {
    LogQuery::all().after(after).limit(limit)
}

/// Returns the query for all rows of a log.
pub(super) fn all() -> LogQuery {
    LogQuery::all()
}
