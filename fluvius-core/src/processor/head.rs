//! The head of a root: the value that decisions are made on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::aggregate::{AggregateDescriptor, SharedState};
use crate::error::Error;
use crate::root::AggregateRoot;
use crate::sequencer::Ticket;
use crate::state::{StateRecord, invalid_state};
use crate::unwind::Deferred;

/// Tickets are counted from 0: no runtime comes this far.
const NO_TICKET: Ticket = Ticket::MAX;

/// A root as a decision sees it: its row, if there is one, and the decoded value.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) root: AggregateRoot,
    pub(crate) record: Option<Arc<StateRecord>>,
    /// The value that a rule has left.
    decided: Option<SharedState>,
    /// Set if the value is as it is read from the row, and not only as a rule has left it.
    is_read_back: bool,
    /// The value of a row that was loaded, once somebody has asked for it.
    decoded: OnceLock<SharedState>,
    is_durable: AtomicBool,
    /// The command that has made it, once that is admitted; until then [`NO_TICKET`].
    ticket: AtomicU64,
}

impl Drop for Head {
    fn drop(&mut self) {
        if let Some(state) = self.decided.take() {
            Deferred::State(state).defer();
        }
        if let Some(state) = self.decoded.take() {
            Deferred::State(state).defer();
        }
    }
}

impl Head {
    /// A head as it was loaded; the value is decoded when it is first asked for.
    pub(crate) fn loaded(root: AggregateRoot, record: Option<StateRecord>) -> Self {
        let record = record.map(Arc::new);
        Self {
            root,
            record,
            decided: None,
            is_read_back: true,
            decoded: OnceLock::new(),
            is_durable: AtomicBool::new(true),
            ticket: AtomicU64::new(NO_TICKET),
        }
    }

    /// A head as a rule has left it; `is_read_back`: the value is as it is read from the row.
    pub(crate) fn decided(
        record: Arc<StateRecord>,
        value: SharedState,
        is_read_back: bool,
    ) -> Self {
        Self {
            root: record.root.clone(),
            record: Some(record),
            decided: Some(value),
            is_read_back,
            decoded: OnceLock::new(),
            is_durable: AtomicBool::new(false),
            ticket: AtomicU64::new(NO_TICKET),
        }
    }

    /// A head that is not stored yet.
    #[cfg(test)]
    pub(crate) fn in_work(root: AggregateRoot, record: Option<StateRecord>) -> Self {
        let mut head = Self::loaded(root, record);
        head.is_durable = AtomicBool::new(false);
        head
    }

    /// The row whose value is only as a rule has left it.
    pub(crate) fn not_read_back(&self) -> Option<&Arc<StateRecord>> {
        self.record.as_ref().filter(|_| !self.is_read_back)
    }

    /// Whether the store has, or had, this head.
    pub(crate) fn is_durable(&self) -> bool {
        self.is_durable.load(Ordering::Relaxed)
    }

    /// The store has this head now. Set under the sequencer's lock, and read under it.
    pub(crate) fn set_durable(&self) {
        self.is_durable.store(true, Ordering::Relaxed);
    }

    /// The command that has made it; `None`: it was loaded, or never admitted.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        Some(self.ticket.load(Ordering::Relaxed)).filter(|ticket| *ticket != NO_TICKET)
    }

    /// It is admitted. A head is admitted once; set and read under the sequencer's lock.
    pub(crate) fn set_ticket(&self, ticket: Ticket) {
        self.ticket.store(ticket, Ordering::Relaxed);
    }

    /// The version that the store must have for this head to be true.
    pub(crate) fn version(&self) -> u64 {
        self.record.as_ref().map_or(0, |record| record.version)
    }

    /// Whether both are the same row of a store, or both none.
    pub(crate) fn is_same_row(&self, other: &Self) -> bool {
        let of = |head: &Self| head.record.as_ref().map(|row| (row.version, row.etag));
        of(self) == of(other)
    }

    /// The row, where the root is open and of this realm.
    pub(crate) fn visible(&self, realm: Option<&str>) -> Option<&StateRecord> {
        self.record
            .as_deref()
            .filter(|record| record.deleted.is_none() && record.realm.as_deref() == realm)
    }

    /// The decoded value of the row.
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
