//! A cached version of an aggregate, as input of decisions.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::CommandSeq;
use crate::error::Error;
use crate::model::{AggregateDescriptor, SharedState, invalid_state};
use crate::unwind::Deferred;
use fluvius_store::{AggregateId, StateRecord};

/// The mark of a version that no admitted command has written. Command numbers begin at 0; none
/// reaches this one.
const NO_SEQ: CommandSeq = CommandSeq::MAX;

/// A version of an aggregate as seen by a decision: its row, if there is one, and the decoded
/// value.
#[derive(Debug)]
pub(crate) struct CachedVersion {
    pub(crate) aggregate_id: AggregateId,
    pub(crate) record: Option<Arc<StateRecord>>,
    /// The value that an action has returned.
    decided: Option<SharedState>,
    /// Set if the value was decoded from the row, and does not come directly from an action.
    is_read_back: bool,
    /// The value of a loaded row, decoded on first use.
    decoded: OnceLock<SharedState>,
    is_durable: AtomicBool,
    /// The admitted command that has written it; [`NO_SEQ`] if none.
    seq: AtomicU64,
}

impl Drop for CachedVersion {
    fn drop(&mut self) {
        if let Some(state) = self.decided.take() {
            Deferred::State(state).defer();
        }
        if let Some(state) = self.decoded.take() {
            Deferred::State(state).defer();
        }
    }
}

impl CachedVersion {
    /// Creates a version from a loaded row. The value is decoded on first use.
    pub(crate) fn loaded(aggregate_id: AggregateId, record: Option<StateRecord>) -> Self {
        let record = record.map(Arc::new);
        Self {
            aggregate_id,
            record,
            decided: None,
            is_read_back: true,
            decoded: OnceLock::new(),
            is_durable: AtomicBool::new(true),
            seq: AtomicU64::new(NO_SEQ),
        }
    }

    /// Creates a version that an action has left. `is_read_back` is set if the value was decoded
    /// from the row.
    pub(crate) fn decided(
        record: Arc<StateRecord>,
        value: SharedState,
        is_read_back: bool,
    ) -> Self {
        Self {
            aggregate_id: record.aggregate_id.clone(),
            record: Some(record),
            decided: Some(value),
            is_read_back,
            decoded: OnceLock::new(),
            is_durable: AtomicBool::new(false),
            seq: AtomicU64::new(NO_SEQ),
        }
    }

    /// Creates a version that is not durable yet.
    #[cfg(test)]
    pub(crate) fn pending(aggregate_id: AggregateId, record: Option<StateRecord>) -> Self {
        let mut version = Self::loaded(aggregate_id, record);
        version.is_durable = AtomicBool::new(false);
        version
    }

    /// Returns the row if the value was not decoded from it.
    pub(crate) fn not_read_back(&self) -> Option<&Arc<StateRecord>> {
        self.record.as_ref().filter(|_| !self.is_read_back)
    }

    /// Replaces the value that an action has left with the value decoded from the row.
    pub(crate) fn set_read_back(&mut self, value: SharedState) {
        if let Some(left) = self.decided.replace(value) {
            Deferred::State(left).defer();
        }
        self.is_read_back = true;
    }

    /// Returns true if the version is, or was, the stored one.
    pub(crate) fn is_durable(&self) -> bool {
        self.is_durable.load(Ordering::Relaxed)
    }

    /// Marks the version as durable. Written and read under the scheduler's lock.
    pub(crate) fn set_durable(&self) {
        self.is_durable.store(true, Ordering::Relaxed);
    }

    /// Returns the command that has written it; `None` if it was loaded or never admitted.
    pub(crate) fn seq(&self) -> Option<CommandSeq> {
        Some(self.seq.load(Ordering::Relaxed)).filter(|seq| *seq != NO_SEQ)
    }

    /// Marks the version as admitted, which happens once. Written and read under the scheduler's
    /// lock.
    pub(crate) fn set_seq(&self, seq: CommandSeq) {
        self.seq.store(seq, Ordering::Relaxed);
    }

    /// Returns the version number; 0 if the aggregate is absent.
    pub(crate) fn version(&self) -> u64 {
        self.record.as_ref().map_or(0, |record| record.version)
    }

    /// Returns true if both have the same stored row, or both have none.
    pub(crate) fn is_same_row(&self, other: &Self) -> bool {
        let of = |cached: &Self| cached.record.as_ref().map(|row| (row.version, row.etag));
        of(self) == of(other)
    }

    /// Returns the row if the aggregate is open and belongs to this realm.
    pub(crate) fn visible(&self, realm: Option<&str>) -> Option<&StateRecord> {
        self.record
            .as_deref()
            .filter(|record| record.closed_at.is_none() && record.realm.as_deref() == realm)
    }

    /// Returns the decoded value of the row.
    pub(crate) fn value(
        &self,
        record: &StateRecord,
        aggregate: &AggregateDescriptor,
    ) -> Result<SharedState, Error> {
        if let Some(value) = self.decided.as_ref().or_else(|| self.decoded.get()) {
            return Ok(Arc::clone(value));
        }
        let value = aggregate
            .decode(record.revision, &record.data)
            .map_err(|error| invalid_state(record, &error))?;
        Ok(Arc::clone(self.decoded.get_or_init(|| value)))
    }
}
