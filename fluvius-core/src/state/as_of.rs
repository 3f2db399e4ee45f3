//! What a root was, at a version or at a moment, and what happened to it.

use std::fmt;
use std::ops::{Bound, RangeBounds};

use chrono::{DateTime, Utc};

use super::{StateManager, StateRecord, Versioned, fold, state_at};
use crate::aggregate::Aggregate;
use crate::error::Error;
use crate::etag::ETag;
use crate::event::EventRecord;
use crate::log_entry::LogEntry;
use crate::root::{AggregateRoot, Target};

/// A point in the life of a root: a version, or a time, which stands for the last version that
/// occurred by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointInTime {
    /// This version.
    Version(u64),
    /// The last version whose event occurred at this time or before it.
    Time(DateTime<Utc>),
}

impl From<u64> for PointInTime {
    fn from(version: u64) -> Self {
        Self::Version(version)
    }
}

impl From<DateTime<Utc>> for PointInTime {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Time(time)
    }
}

impl fmt::Display for PointInTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "version {version}"),
            Self::Time(time) => write!(f, "{}", time.to_rfc3339()),
        }
    }
}

impl StateManager {
    /// The events of a root with these versions, in their order; those of a closed root too.
    ///
    /// They are kept in memory together: `1..=1_000`, then `1_001..=2_000` reads a long history in
    /// pieces. As typed events they are read with `A::Event::try_from`.
    ///
    /// # Errors
    /// `not-found` where the root does not exist or belongs to another realm;
    /// `store-unavailable`, `store-error`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use fluvius_core::{AggregateRoot, Error, StateManager};
    /// # async fn run(statemgr: StateManager, root: AggregateRoot) -> Result<(), Error> {
    /// for event in statemgr.history(&root, ..).await? {
    ///     println!("{} {} {}", event.version, event.occurred, event.key());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn history(
        &self,
        root: &AggregateRoot,
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
        if self.row(root).await?.is_none() {
            return Err(Error::NotFound { root: root.clone() });
        }
        Ok(self.store.history(root, first, last).await?)
    }

    /// The state of a root as [`fetch`](Self::fetch) would have given it then.
    ///
    /// It is made of the log: of the last whole state in it and of at most 63 changes. To find the
    /// version of a time, as many events are read as the number of versions can be halved.
    ///
    /// # Errors
    /// [`Error::NotFoundAt`] (`not-found`) if the root has no such version, did not exist at that time or was closed, or
    /// belongs to another realm; else as [`fetch`](Self::fetch).
    ///
    /// # Examples
    ///
    /// ```
    /// # use fluvius_core::{Aggregate, Error, StateManager, uuid::Uuid};
    /// # async fn run<Account: Aggregate>(
    /// #     statemgr: StateManager,
    /// #     id: Uuid,
    /// #     yesterday: fluvius_core::chrono::DateTime<fluvius_core::chrono::Utc>,
    /// # ) -> Result<(), Error> {
    /// let opened = statemgr.fetch_at::<Account>(id, 1).await?;
    /// let before = statemgr.fetch_at::<Account>(id, yesterday).await?;
    /// assert!(opened.version() <= before.version());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_at<A: Aggregate>(
        &self,
        target: impl Target,
        point: impl Into<PointInTime>,
    ) -> Result<Versioned<A>, Error> {
        let root = target.root_of::<A>();
        let point = point.into();
        if let Some(stored) = self.find_at::<A>(&root, point).await? {
            return Ok(stored);
        }
        let newest = self.row(&root).await?.map(|row| row.version);
        Err(Error::NotFoundAt { root, point, newest })
    }

    /// The state of a root as [`find`](Self::find) would have given it then.
    ///
    /// # Errors
    /// As [`fetch_at`](Self::fetch_at), but for `not-found`.
    pub async fn find_at<A: Aggregate>(
        &self,
        target: impl Target,
        point: impl Into<PointInTime>,
    ) -> Result<Option<Versioned<A>>, Error> {
        let root = target.root_of::<A>();
        super::manager::check_resource::<A>(&root)?;
        match self.find_root_at(&root, point).await? {
            Some(record) => record.read::<A>().map(Some),
            None => Ok(None),
        }
    }

    /// The row of a root as [`find_root`](Self::find_root) would have given it then.
    ///
    /// # Errors
    /// `store-error` where the log cannot be read back; `store-unavailable`.
    pub async fn find_root_at(
        &self,
        root: &AggregateRoot,
        point: impl Into<PointInTime>,
    ) -> Result<Option<StateRecord>, Error> {
        let Some(row) = self.row(root).await? else {
            return Ok(None);
        };
        let version = match point.into() {
            PointInTime::Version(version) => version,
            PointInTime::Time(time) => {
                fold::version_at(self.store.as_ref(), root, row.version, time).await?
            }
        };
        if version == row.version {
            return Ok(Some(row).filter(|row| row.deleted.is_none()));
        }
        if version == 0 || version > row.version {
            return Ok(None);
        }
        let store = self.store.as_ref();
        let (revision, data) = state_at(store, root, version).await?;
        let event = fold::event_at(store, root, version).await?;
        let context = store.command(event.src_cmd).await?.map(|(_, context)| context);
        Ok(Some(StateRecord {
            root: root.clone(),
            version,
            etag: ETag::new(version, event.src_cmd),
            revision,
            data,
            created: row.created,
            creator: row.creator,
            updated: event.occurred,
            updater: context.and_then(|context| context.actor.id()),
            deleted: None,
            realm: row.realm,
        }))
    }

    /// The row of a root of the realm, closed or not.
    async fn row(&self, root: &AggregateRoot) -> Result<Option<StateRecord>, Error> {
        let record = self.store.load(&root.storable()).await?;
        let record = record.filter(|_| root.is_storable());
        Ok(record.filter(|record| self.realm.admits(record.realm.as_deref())))
    }
}
