//! A parked delivery, and the later ones of its aggregate that wait for it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::item::Item;
use super::rows::ParkedData;
use fluvius_store::{EventRecord, LogEntry};

/// A parked delivery with the deliveries that wait for it.
///
/// Deliveries that wait have no rows: they are the events of the aggregate between `done` and
/// `held_to`, and are read again from the log.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) data: ParkedData,
    /// The token of its row; `None` if it has none yet.
    pub(super) token: Option<u64>,
    pub(super) is_dirty: bool,
    /// Set once no delivery is left. The row is then deleted.
    pub(super) is_over: bool,
    /// The position up to which the partition leaves the deliveries of the aggregate to it.
    pub(super) held_to: u64,
    /// The deliveries that are repeated; empty unless an operator wants a further attempt.
    pub(super) items: VecDeque<Item>,
    pub(super) is_reading: bool,
    /// The position up to which the aggregate was read.
    read_to: u64,
}

impl Hold {
    /// Creates the hold of a delivery that has just been parked.
    pub(super) fn new(data: ParkedData) -> Self {
        Self { is_dirty: true, ..Self::stored(data, None, 0) }
    }

    /// Creates a hold from its row. The checkpoint of the partition was beyond it.
    pub(super) fn stored(data: ParkedData, token: Option<u64>, checkpoint: u64) -> Self {
        let held_to = checkpoint.max(data.position);
        let read_to = data.done;
        Self {
            data,
            token,
            is_dirty: false,
            is_over: false,
            held_to,
            items: VecDeque::new(),
            is_reading: false,
            read_to,
        }
    }

    /// Returns true if the partition leaves an event to it: the parked one, and later ones of its
    /// aggregate unless they do not wait.
    pub(super) fn holds(&self, row: &LogEntry<EventRecord>) -> bool {
        let is_later = || !self.data.is_alone && self.data.aggregate_id == row.record.aggregate_id;
        !self.is_over && (row.position == self.data.position || is_later())
    }

    /// Returns true if a delivery at this position may wait for it, of any aggregate.
    pub(super) fn covers(&self, position: u64) -> bool {
        !self.is_over && position > self.data.done
    }

    /// Returns the range to be read, exclusive at both ends, if any. Once all is done, the hold is
    /// over as soon as the checkpoint has passed it: until then the partition may read the same
    /// rows again.
    pub(super) fn next_read(&mut self, checkpoint: u64) -> Option<(u64, u64)> {
        if self.is_over || !self.data.is_retried || self.is_reading || !self.items.is_empty() {
            return None;
        }
        let end = if self.data.is_alone { self.data.position } else { self.held_to };
        if self.read_to >= end {
            self.is_over = checkpoint >= end;
            self.is_dirty |= self.is_over;
            return None;
        }
        self.is_reading = true;
        Some((self.read_to, end.saturating_add(1)))
    }

    /// Adds the selected events of a page that was read up to `read_to`.
    pub(super) fn add(&mut self, rows: Vec<Arc<LogEntry<EventRecord>>>, read_to: u64) {
        self.is_reading = false;
        self.read_to = self.read_to.max(read_to);
        self.items.extend(rows.into_iter().map(Item::new));
    }

    /// Ends the first item, which was delivered.
    pub(super) fn first_is_done(&mut self) {
        if let Some(item) = self.items.pop_front() {
            self.data.done = item.position();
            self.is_dirty = true;
        }
    }

    /// Parks the first item, after its last attempt.
    pub(super) fn park_again(&mut self, error: String, now: chrono::DateTime<chrono::Utc>) {
        if let Some(item) = self.items.front() {
            self.data.position = item.position();
            self.data.attempts = item.attempts;
        }
        self.data.error = error;
        self.data.parked_at = now;
        self.data.is_retried = false;
        self.items.clear();
        self.read_to = self.data.done;
        self.is_dirty = true;
    }
}
