//! A delivery of a partition, and its attempts.

use std::sync::Arc;
use std::time::Duration;

use super::rows::storable;
use crate::id_generator;
use crate::sync::Instant;
use fluvius_store::{AggregateId, EventRecord, LogEntry};

/// Pause after the first failed attempt.
const MIN_PAUSE: Duration = Duration::from_millis(100);
/// Maximum pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(5 * 60);
/// Number of attempts after which a delivery is parked.
pub(super) const MAX_ATTEMPTS: u32 = 20;

/// The answer to a delivery.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is done.
    Ack,
    /// It and all deliveries of the partition before it are done.
    AckThrough,
    /// It comes again after a pause.
    Nack(Duration),
    /// It has failed, and comes again after a back-off.
    Failed(String),
    /// It is set aside.
    Park(String),
    /// The program cannot decode the event.
    Undecodable(String),
}

/// A delivery that is not done, or waits for earlier ones to be done.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) row: Arc<LogEntry<EventRecord>>,
    /// Number of attempts, the current one included.
    pub(super) attempts: u32,
    pub(super) state: ItemState,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ItemState {
    /// To be delivered.
    Waiting,
    /// Delivered and not answered.
    InFlight {
        since: Instant,
    },
    /// Delivered again from this time on.
    BackOff {
        until: Instant,
    },
    Done,
}

/// The end of an attempt that was no success.
#[derive(Debug, PartialEq)]
pub(super) enum Ended {
    Repeated { error: String },
    Parked { error: String },
    Stopped { error: String },
}

impl Item {
    pub(super) fn new(row: Arc<LogEntry<EventRecord>>) -> Self {
        Self { row, attempts: 0, state: ItemState::Waiting }
    }

    pub(super) fn position(&self) -> u64 {
        self.row.position
    }

    pub(super) fn aggregate_id(&self) -> &AggregateId {
        &self.row.record.aggregate_id
    }

    pub(super) fn is_in_flight(&self) -> bool {
        matches!(self.state, ItemState::InFlight { .. })
    }

    /// Returns true if the item may be delivered now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        match self.state {
            ItemState::Waiting => true,
            ItemState::BackOff { until } => until <= now,
            ItemState::InFlight { .. } | ItemState::Done => false,
        }
    }

    /// Begins an attempt.
    pub(super) fn begin(&mut self, now: Instant) {
        self.attempts = self.attempts.saturating_add(1);
        self.state = ItemState::InFlight { since: now };
    }

    /// Ends an attempt; `None` if the delivery is done.
    pub(super) fn end(&mut self, answer: Answer, now: Instant) -> Option<Ended> {
        let (pause, error) = match answer {
            Answer::Ack | Answer::AckThrough => {
                self.state = ItemState::Done;
                return None;
            }
            Answer::Park(error) => return Some(Ended::Parked { error: storable(&error) }),
            Answer::Undecodable(error) => {
                self.state = ItemState::Waiting;
                return Some(Ended::Stopped { error: storable(&error) });
            }
            Answer::Nack(pause) => (pause, "the consumer wants it again later".to_owned()),
            Answer::Failed(error) => (self.back_off(), storable(&error)),
        };
        if self.attempts >= MAX_ATTEMPTS {
            return Some(Ended::Parked { error });
        }
        self.state = ItemState::BackOff { until: now + pause };
        Some(Ended::Repeated { error })
    }

    /// Returns the pause after the current attempt: between half of a bound and the bound, which
    /// doubles with each attempt. It depends on the event, so partitions do not repeat in step.
    fn back_off(&self) -> Duration {
        let doublings = self.attempts.saturating_sub(1).min(16);
        let bound = (MIN_PAUSE * (1 << doublings)).min(MAX_PAUSE);
        let jitter = *id_generator::invoked(self.row.record.id, self.attempts).as_bytes();
        // In steps of 1/1024.
        let steps = u32::from(u16::from_le_bytes([jitter[14], jitter[15]]) % 1_024);
        bound / 2 + bound / 2_048 * steps
    }

    /// Returns the estimated size of the row in bytes.
    pub(super) fn bytes(&self) -> usize {
        row_bytes(&self.row.record)
    }
}

/// Returns the estimated size of a row in bytes.
pub(super) fn row_bytes(event: &EventRecord) -> usize {
    /// The columns of a fixed size, and the texts of names.
    const FIXED: usize = 200;
    let data = event.data.as_ref().map_or(0, fluvius_store::Json::len);
    let (fluvius_store::StateDelta::Snapshot(delta) | fluvius_store::StateDelta::Patch(delta)) =
        &event.delta;
    FIXED + event.args.len() + data + delta.len()
}
