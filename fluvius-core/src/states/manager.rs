//! The state manager: reads stored states, and only durable ones.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::model::{Aggregate, IntoAggregateId, Registry, Versioned, check_resource};
use crate::states::StateQueryBuilder;
use fluvius_store::query::Filter;
use fluvius_store::{AggregateId, DynStore, RealmFilter, StateRecord, Store};

/// A reader of the stored states. It sees only durable states, and never part of a unit of work.
///
/// The state manager of a session sees the aggregates of the session's realm; that of a domain sees
/// all aggregates.
#[derive(Clone)]
pub struct StateManager {
    pub(super) store: DynStore,
    /// The aggregate types of the domain, with their declared indexes.
    registry: Arc<Registry>,
    pub(super) realm: RealmFilter,
}

impl fmt::Debug for StateManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateManager").field("realm", &self.realm).finish_non_exhaustive()
    }
}

impl StateManager {
    pub(crate) fn new(store: DynStore, registry: Arc<Registry>, realm: RealmFilter) -> Self {
        Self { store, registry, realm }
    }

    /// Returns the state of an aggregate.
    ///
    /// # Errors
    /// `not-found` if the aggregate does not exist, is closed, or belongs to another realm;
    /// `resource-not-allowed` if the target's resource does not belong to `A`; `invalid-state` if
    /// the stored state does not decode; `store-unavailable`, `store-error`.
    pub async fn fetch<A: Aggregate>(
        &self,
        target: impl IntoAggregateId,
    ) -> Result<Versioned<A>, Error> {
        let aggregate_id = target.into_aggregate_id::<A>();
        match self.find::<A>(&aggregate_id).await? {
            Some(stored) => Ok(stored),
            None => Err(Error::not_found(aggregate_id)),
        }
    }

    /// Returns the state of an aggregate, or `None` where [`fetch`](Self::fetch) fails with
    /// `not-found`.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch), except for `not-found`.
    pub async fn find<A: Aggregate>(
        &self,
        target: impl IntoAggregateId,
    ) -> Result<Option<Versioned<A>>, Error> {
        let aggregate_id = target.into_aggregate_id::<A>();
        check_resource::<A>(&aggregate_id)?;
        match self.find_record(&aggregate_id).await? {
            Some(record) => A::decode(record).map(Some),
            None => Ok(None),
        }
    }

    /// Returns the stored row of an aggregate of any type. The state is not decoded.
    ///
    /// # Errors
    /// `not-found` if the aggregate does not exist, is closed, or belongs to another realm;
    /// `store-unavailable`, `store-error`.
    pub async fn fetch_record(&self, aggregate_id: &AggregateId) -> Result<StateRecord, Error> {
        match self.find_record(aggregate_id).await? {
            Some(record) => Ok(record),
            None => Err(Error::not_found(aggregate_id.clone())),
        }
    }

    /// Returns the stored row of an aggregate, or `None` where [`fetch_record`](Self::fetch_record)
    /// fails with `not-found`.
    ///
    /// # Errors
    /// `store-unavailable`, `store-error`.
    pub async fn find_record(
        &self,
        aggregate_id: &AggregateId,
    ) -> Result<Option<StateRecord>, Error> {
        let record = self.store.load(&aggregate_id.storable()).await?;
        Ok(record.filter(|record| aggregate_id.is_storable() && self.shows(record)))
    }

    /// Returns the stored rows of several aggregates at one point in time. The changes of one unit
    /// of work are seen together or not at all.
    ///
    /// # Shape
    /// One entry per aggregate, in the order of `aggregate_ids`; `None` where
    /// [`find_record`](Self::find_record) returns `None`. [`Aggregate::decode`] decodes a row.
    ///
    /// # Errors
    /// `store-unavailable`, `store-error`.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluvius_core::Versioned;
    /// # use fluvius_core::{Aggregate, AggregateId, Error, StateManager};
    /// # async fn run<Account: Aggregate>(
    /// #     statemgr: StateManager, aggregate_ids: [AggregateId; 2],
    /// # ) -> Result<(), Error> {
    /// for row in statemgr.snapshot(&aggregate_ids).await?.into_iter().flatten() {
    ///     let account = Account::decode(row)?;
    ///     let record = Versioned::record(&account);
    ///     println!("{} {}", record.aggregate_id, record.version);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn snapshot(
        &self,
        aggregate_ids: &[AggregateId],
    ) -> Result<Vec<Option<StateRecord>>, Error> {
        if !aggregate_ids.iter().all(AggregateId::is_storable) {
            return self.snapshot_of_storable(aggregate_ids).await;
        }
        let rows = self.store.snapshot(aggregate_ids).await?;
        Ok(rows.into_iter().map(|row| row.filter(|record| self.shows(record))).collect())
    }

    /// Returns a query of the aggregates of an aggregate type's main resource.
    pub fn query<A: Aggregate>(&self) -> StateQueryBuilder<Versioned<A>> {
        StateQueryBuilder::of_aggregate(self.store.clone(), self.realm.clone())
    }

    /// Returns a query of the rows of a resource, of any aggregate type.
    pub fn query_rows(
        &self,
        resource: impl Into<Cow<'static, str>>,
    ) -> StateQueryBuilder<StateRecord> {
        let resource = resource.into();
        let aggregate = self.registry.aggregate(&resource);
        let indexes = aggregate.map_or(&[][..], |aggregate| aggregate.indexes);
        StateQueryBuilder::of_rows(self.store.clone(), self.realm.clone(), resource, indexes)
    }

    /// Returns the only aggregate of an aggregate type's main resource that matches a filter, or
    /// `None` if there is none.
    ///
    /// # Errors
    /// `multiple-results` if more than one matches; else as [`StateQueryBuilder::page`].
    pub async fn find_one<A: Aggregate>(
        &self,
        filter: Filter,
    ) -> Result<Option<Versioned<A>>, Error> {
        self.query::<A>().filter(filter).one().await
    }

    /// Returns all aggregates of an aggregate type's main resource that match a filter, ordered by
    /// id. Their number is unbounded: see [`StateQueryBuilder::all`].
    ///
    /// # Errors
    /// As [`StateQueryBuilder::page`].
    pub async fn find_all<A: Aggregate>(&self, filter: Filter) -> Result<Vec<Versioned<A>>, Error> {
        self.query::<A>().filter(filter).all().await
    }

    /// Returns a snapshot. Ids that no store can hold are absent aggregates.
    async fn snapshot_of_storable(
        &self,
        aggregate_ids: &[AggregateId],
    ) -> Result<Vec<Option<StateRecord>>, Error> {
        let storable: Vec<AggregateId> =
            aggregate_ids.iter().map(|aggregate_id| aggregate_id.storable().into_owned()).collect();
        let rows = self.store.snapshot(&storable).await?;
        let row = |(aggregate_id, row): (&AggregateId, Option<StateRecord>)| {
            row.filter(|record| aggregate_id.is_storable() && self.shows(record))
        };
        Ok(aggregate_ids.iter().zip(rows).map(row).collect())
    }

    fn shows(&self, record: &StateRecord) -> bool {
        record.closed_at.is_none() && self.realm.admits(record.realm.as_deref())
    }
}
