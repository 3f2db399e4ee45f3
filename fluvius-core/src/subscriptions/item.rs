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
        id_generator::jittered(bound, self.row.record.id, self.attempts)
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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use uuid::Uuid;

    use super::*;
    use fluvius_store::{Json, StateDelta};

    fn item(id: u128) -> Item {
        let id = Uuid::from_u128(id);
        let aggregate_id = AggregateId::new("bank-account", id);
        let delta = StateDelta::Patch(Json::null());
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let record = EventRecord::new(id, "bank", "opened", aggregate_id, 1, id, delta, now);
        Item::new(Arc::new(LogEntry { position: 1, record }))
    }

    /// Fails an item until it is parked. Returns the pauses between its attempts.
    fn pauses(mut item: Item) -> Vec<Duration> {
        let mut pauses = Vec::new();
        let mut now = Instant::now();
        loop {
            item.begin(now);
            let ended = item.end(Answer::Failed("no".to_owned()), now);
            let ItemState::BackOff { until } = item.state else {
                assert_eq!(ended, Some(Ended::Parked { error: "no".to_owned() }));
                assert_eq!(item.attempts, MAX_ATTEMPTS);
                return pauses;
            };
            assert!(!item.is_due(now) && item.is_due(until));
            pauses.push(until - now);
            now = until;
        }
    }

    #[test]
    fn failed_delivery_is_parked_after_twenty_attempts() {
        let all: Vec<Vec<Duration>> = (1..30).map(|id| pauses(item(id))).collect();
        for (attempt, bound) in [(0, 100), (1, 200), (5, 3_200), (11, 204_800), (18, 300_000)] {
            let bound = Duration::from_millis(bound);
            for pauses in &all {
                assert_eq!(pauses.len(), 19);
                assert!((bound / 2..=bound).contains(&pauses[attempt]), "{attempt}: {pauses:?}");
            }
        }
        assert!(all.iter().any(|pauses| pauses != &all[0]), "the pauses differ by event");
    }

    #[test]
    fn delay_of_the_consumer_replaces_the_back_off() {
        let (mut item, now) = (item(1), Instant::now());
        item.begin(now);
        item.end(Answer::Nack(Duration::from_secs(7)), now);
        assert_eq!(item.state, ItemState::BackOff { until: now + Duration::from_secs(7) });
    }
}
