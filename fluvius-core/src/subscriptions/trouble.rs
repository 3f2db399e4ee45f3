//! The obstacles to the work on a partition.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::item::{Item, ItemState};
use super::partition::Partition;
use super::rows::{EventShape, Trouble, TroubleKind};
use crate::sync::Instant;

/// Time after which an unanswered delivery is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);

impl Partition {
    /// Stops before an event that the program does not know.
    pub(super) fn meets_unknown(&mut self, position: u64, shape: EventShape, now: DateTime<Utc>) {
        let error = format!(
            "the event `{}` of `{}` at revision {} needs a newer program",
            shape.event, shape.resource, shape.revision
        );
        let kind = TroubleKind::ProgramTooOld;
        self.unknown =
            Some(Trouble { kind, position, error, attempts: 0, since: now, unknown: Some(shape) });
    }

    /// Stops the partition: no delivery is handed out until an operator changes it.
    pub(super) fn stop(&mut self, trouble: Trouble) {
        self.is_halted = true;
        self.trouble = Some(trouble);
    }

    /// Sets the obstacle of a delivery. The time at which it was first seen is kept.
    pub(super) fn set_trouble(
        &mut self,
        kind: TroubleKind,
        position: u64,
        error: String,
        attempts: u32,
        time: DateTime<Utc>,
    ) {
        if self.is_halted {
            // The first obstacle is the one that an operator has to remove.
            return;
        }
        let before = self.trouble.take().filter(|trouble| trouble.position == position);
        let since = before.map_or(time, |trouble| trouble.since);
        self.trouble = Some(Trouble { kind, position, error, attempts, since, unknown: None });
    }

    /// Removes an obstacle whose delivery is done.
    pub(super) fn end_trouble(&mut self) {
        let Some(Trouble { position, .. }) = self.trouble else { return };
        let found = self.items.binary_search_by_key(&position, Item::position);
        let is_done = match found {
            Ok(index) => self.items[index].state == ItemState::Done,
            Err(_) => position <= self.checkpoint.position(),
        };
        if is_done && !self.is_halted {
            self.trouble = None;
        }
    }

    /// Marks a delivery that is unanswered for a long time.
    pub(super) fn note_stuck(&mut self, now: Instant, time: DateTime<Utc>) {
        let is_stuck = |item: &&Item| match item.state {
            ItemState::InFlight { since } => now - since >= STUCK_AFTER,
            _ => false,
        };
        let stuck = self.items.iter().find(is_stuck).map(|item| (item.position(), item.attempts));
        match stuck {
            Some((position, attempts)) if !is_of_kind(&self.trouble, TroubleKind::Stuck) => {
                let error = "no answer for more than 60 s".to_owned();
                self.set_trouble(TroubleKind::Stuck, position, error, attempts, time);
            }
            _ => {}
        }
    }

    /// Returns true if all deliveries before an unknown event are done.
    pub(super) fn has_reached_unknown(&self) -> bool {
        self.unknown.is_some() && self.items.is_empty()
    }
}

/// Returns true if there is an obstacle of this kind.
pub(super) fn is_of_kind(trouble: &Option<Trouble>, kind: TroubleKind) -> bool {
    trouble.as_ref().is_some_and(|trouble| trouble.kind == kind)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;
    use crate::subscriptions::item::Answer;
    use crate::subscriptions::partition::PartitionSettings;
    use crate::subscriptions::rows::PartitionData;
    use fluvius_store::{AggregateId, EventRecord, Json, LogEntry, ResumeToken, StateDelta};

    const TIME: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

    fn row(position: u64) -> LogEntry<EventRecord> {
        let id = Uuid::from_u128(u128::from(position));
        let aggregate_id = AggregateId::new("bank-account", id);
        let delta = StateDelta::Patch(Json::null());
        let record = EventRecord::new(id, "bank", "opened", aggregate_id, 1, id, delta, TIME);
        LogEntry { position, record }
    }

    /// A partition with rows 1 to 3, all of them in flight.
    fn in_flight(now: Instant) -> Partition {
        let settings =
            PartitionSettings { max_in_flight: 3, parks_alone: false, parks_undecodable: false };
        let data = PartitionData { checkpoint: ResumeToken::START, owner: None, trouble: None };
        let mut partition = Partition::new(settings, 1, data);
        for position in 1..=3 {
            partition.push(row(position));
        }
        assert_eq!(partition.due(now).len(), 3);
        partition
    }

    fn kind(partition: &Partition) -> Option<(TroubleKind, u64)> {
        partition.trouble.as_ref().map(|trouble| (trouble.kind, trouble.position))
    }

    #[test]
    fn unanswered_delivery_is_stuck_until_its_answer() {
        let now = Instant::now();
        let mut partition = in_flight(now);
        partition.note_stuck(now + Duration::from_secs(59), TIME);
        assert_eq!(kind(&partition), None);
        let later = now + Duration::from_secs(60);
        partition.note_stuck(later, TIME);
        assert_eq!(kind(&partition), Some((TroubleKind::Stuck, 1)));
        partition.answer(3, Answer::AckThrough, later, TIME);
        assert_eq!(kind(&partition), None);
        assert_eq!(partition.checkpoint.position(), 3);
    }

    #[test]
    fn stopped_partition_shows_the_event_that_has_stopped_it() {
        let now = Instant::now();
        let mut partition = in_flight(now);
        partition.answer(2, Answer::Undecodable("not JSON".to_owned()), now, TIME);
        partition.answer(1, Answer::Failed("no".to_owned()), now, TIME);
        partition.note_stuck(now + Duration::from_secs(100), TIME);
        partition.answer(3, Answer::Ack, now, TIME);
        assert_eq!(kind(&partition), Some((TroubleKind::Stopped, 2)));
        assert!(partition.due(now + Duration::from_secs(100)).is_empty());
    }

    #[test]
    fn obstacle_keeps_the_time_at_which_it_was_first_seen() {
        let now = Instant::now();
        let mut partition = in_flight(now);
        for attempt in 1..=3 {
            let time = TIME + TimeDelta::seconds(i64::from(attempt));
            partition.answer(1, Answer::Failed("no".to_owned()), now, time);
            partition.due(now + Duration::from_secs(60));
            let trouble = partition.trouble.as_ref().unwrap();
            assert_eq!((trouble.attempts, trouble.since), (attempt, TIME + TimeDelta::seconds(1)));
        }
        partition.answer(1, Answer::Ack, now, TIME);
        assert_eq!(kind(&partition), None);
    }
}
