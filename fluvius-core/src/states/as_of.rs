//! The history of an aggregate, and its state at an earlier version or time.

use std::ops::{Bound, RangeBounds};

use crate::point_in_time::PointInTime;

use super::{StateManager, fold, state_at};
use crate::error::Error;
use crate::model::{Aggregate, IntoAggregateId, Versioned, check_resource};
use fluvius_store::{AggregateId, ETag, EventRecord, LogEntry, StateRecord, Store};

impl StateManager {
    /// Returns the events of an aggregate in a range of versions, in order. Closed aggregates are
    /// included.
    ///
    /// All of them are in memory at once: read a long history in pieces, `1..=1_000`, then
    /// `1_001..=2_000`. `A::Event::try_from` converts one to a typed event.
    ///
    /// # Errors
    /// `not-found` if the aggregate does not exist or belongs to another realm;
    /// `store-unavailable`, `store-error`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use fluvius_core::{AggregateId, Error, StateManager};
    /// # async fn run(statemgr: StateManager, aggregate_id: AggregateId) -> Result<(), Error> {
    /// for entry in statemgr.history(&aggregate_id, ..).await? {
    ///     let event = &entry.record;
    ///     println!("{} {} {}", event.version, event.occurred_at, event.key());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn history(
        &self,
        aggregate_id: &AggregateId,
        versions: impl RangeBounds<u64>,
    ) -> Result<Vec<LogEntry<EventRecord>>, Error> {
        let first = match versions.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 1,
        };
        let last = match versions.end_bound() {
            Bound::Included(last) => *last,
            Bound::Excluded(behind) => behind.saturating_sub(1),
            Bound::Unbounded => u64::MAX,
        };
        if self.find_record_with_closed(aggregate_id).await?.is_none() {
            return Err(Error::not_found(aggregate_id.clone()));
        }
        Ok(self.store.history(aggregate_id, first, last).await?)
    }

    /// Returns the state of an aggregate at an earlier point, as [`fetch`](Self::fetch) would have
    /// returned it then.
    ///
    /// The state is folded from the log: from the last snapshot before the point and at most 63
    /// patches after it. A time is resolved to a version by a binary search over the events of the
    /// aggregate.
    ///
    /// # Errors
    /// [`Error::NotFoundAt`] (`not-found`) if the aggregate has no such version, did not exist at
    /// that time, was closed, or belongs to another realm; else as [`fetch`](Self::fetch).
    ///
    /// # Examples
    ///
    /// ```
    /// use fluvius_core::Versioned;
    /// # use fluvius_core::{Aggregate, Error, StateManager, uuid::Uuid};
    /// # async fn run<Account: Aggregate>(
    /// #     statemgr: StateManager,
    /// #     id: Uuid,
    /// #     yesterday: fluvius_core::chrono::DateTime<fluvius_core::chrono::Utc>,
    /// # ) -> Result<(), Error> {
    /// let opened = statemgr.fetch_at::<Account>(id, 1).await?;
    /// let before = statemgr.fetch_at::<Account>(id, yesterday).await?;
    /// assert!(Versioned::version(&opened) <= Versioned::version(&before));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_at<A: Aggregate>(
        &self,
        target: impl IntoAggregateId,
        point: impl Into<PointInTime>,
    ) -> Result<Versioned<A>, Error> {
        let aggregate_id = target.into_aggregate_id::<A>();
        let point = point.into();
        if let Some(stored) = self.find_at::<A>(&aggregate_id, point).await? {
            return Ok(stored);
        }
        let newest = self.find_record_with_closed(&aggregate_id).await?.map(|row| row.version);
        Err(Error::NotFoundAt { aggregate_id, point, newest })
    }

    /// Returns the state of an aggregate at an earlier point, as [`find`](Self::find) would have
    /// returned it then.
    ///
    /// # Errors
    /// As [`fetch_at`](Self::fetch_at), except for `not-found`.
    pub async fn find_at<A: Aggregate>(
        &self,
        target: impl IntoAggregateId,
        point: impl Into<PointInTime>,
    ) -> Result<Option<Versioned<A>>, Error> {
        let aggregate_id = target.into_aggregate_id::<A>();
        check_resource::<A>(&aggregate_id)?;
        match self.find_record_at(&aggregate_id, point).await? {
            Some(record) => A::decode(record).map(Some),
            None => Ok(None),
        }
    }

    /// Returns the row of an aggregate at an earlier point, as [`find_record`](Self::find_record)
    /// would have returned it then.
    ///
    /// # Errors
    /// `store-error` if the log cannot be read back; `store-unavailable`.
    pub async fn find_record_at(
        &self,
        aggregate_id: &AggregateId,
        point: impl Into<PointInTime>,
    ) -> Result<Option<StateRecord>, Error> {
        let Some(row) = self.find_record_with_closed(aggregate_id).await? else {
            return Ok(None);
        };
        let version = match point.into() {
            PointInTime::Version(version) => version,
            PointInTime::Time(time) => {
                fold::version_at(&self.store, aggregate_id, row.version, time).await?
            }
        };
        if version == row.version {
            return Ok(Some(row).filter(|row| row.closed_at.is_none()));
        }
        if version == 0 || version > row.version {
            return Ok(None);
        }
        let store = &self.store;
        let (revision, data) = state_at(store, aggregate_id, version).await?;
        let event = fold::event_at(store, aggregate_id, version).await?;
        let context = store.command(event.record.command_id).await?.map(|(_, context)| context);
        Ok(Some({
            let mut record = StateRecord::new(
                aggregate_id.clone(),
                version,
                ETag::new(version, event.record.command_id),
                data,
                event.record.occurred_at,
            );
            record.revision = revision;
            record.created_at = row.created_at;
            record.created_by = row.created_by;
            record.updated_by = context.and_then(|context| context.actor.id());
            record.realm = row.realm;
            record
        }))
    }

    /// Returns the stored row of an aggregate, open or closed.
    ///
    /// # Errors
    /// `store-unavailable`, `store-error`.
    pub async fn find_record_with_closed(
        &self,
        aggregate_id: &AggregateId,
    ) -> Result<Option<StateRecord>, Error> {
        let record = self.store.load(&aggregate_id.storable()).await?;
        let record = record.filter(|_| aggregate_id.is_storable());
        Ok(record.filter(|record| self.realm.admits(record.realm.as_deref())))
    }
}
