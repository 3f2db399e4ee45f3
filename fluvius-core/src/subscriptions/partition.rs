//! The work on one partition that this process owns: plain state without I/O, tasks or clocks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::hold::Hold;
use super::item::{Answer, Ended, Item, ItemState, row_bytes};
use super::rows::{ParkedData, PartitionData, Trouble, TroubleKind};
use crate::collections::FastMap;
use crate::sync::Instant;
use fluvius_store::{AggregateId, EventRecord, LogEntry, ResumeToken};

/// Maximum number of rows that are read ahead for a partition.
const MAX_ROWS: usize = 512;
/// Maximum estimated size of these rows, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// Maximum time that a planned move of the partition waits for answers.
pub(super) const MAX_RELEASE_TIME: Duration = Duration::from_secs(5);

/// The settings of a subscription that its partitions need.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartitionSettings {
    /// Maximum number of deliveries in flight.
    pub(super) max_in_flight: usize,
    /// Set if later deliveries of an aggregate do not wait for a parked one.
    pub(super) parks_alone: bool,
    /// Set if a delivery that cannot be decoded is parked.
    pub(super) parks_undecodable: bool,
}

/// The flag that tells a delivery that this process has lost its partition.
pub(super) type Lost = Arc<AtomicBool>;

/// A partition that this process owns.
#[derive(Debug)]
pub(super) struct Partition {
    settings: PartitionSettings,
    /// The newest token of its row.
    pub(super) token: u64,
    pub(super) lost: Lost,
    /// The end of the unbroken run of deliveries that are done.
    pub(super) checkpoint: ResumeToken,
    /// The place up to which the log was read for it.
    pub(super) read_to: ResumeToken,
    /// The deliveries after the checkpoint, in position order.
    pub(super) items: VecDeque<Item>,
    bytes: usize,
    /// Number of deliveries in flight, repeated ones included.
    in_flight: usize,
    /// Number of deliveries that wait for their next attempt, repeated ones included.
    back_off_count: usize,
    /// By the position of the first parked delivery.
    pub(super) holds: BTreeMap<u64, Hold>,
    /// The positions of the deliveries that an operator has skipped, with the tokens of their rows.
    pub(super) skipped: BTreeMap<u64, u64>,
    pub(super) trouble: Option<Trouble>,
    /// Set once no further delivery may begin, except those before an event that the program does
    /// not know.
    pub(super) is_halted: bool,
    /// The event that the program does not know.
    pub(super) unknown: Option<Trouble>,
    /// Set if the partition is to be given up: the time until which it waits for answers.
    pub(super) release_by: Option<Instant>,
    /// The stored content, to detect changes.
    pub(super) stored: PartitionData,
    /// Number of deliveries done since the last write.
    pub(super) done_count: usize,
}

/// A delivery to be handed out.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) row: Arc<LogEntry<EventRecord>>,
    pub(super) attempt: u32,
}

impl Due {
    /// Begins an attempt of an item.
    fn begin(item: &mut Item, back_off_count: &mut usize, now: Instant) -> Self {
        *back_off_count -= usize::from(matches!(item.state, ItemState::BackOff { .. }));
        item.begin(now);
        Self { row: Arc::clone(&item.row), attempt: item.attempts }
    }
}

impl Partition {
    /// Creates the partition from its row.
    pub(super) fn new(settings: PartitionSettings, token: u64, stored: PartitionData) -> Self {
        Self {
            settings,
            token,
            lost: Lost::default(),
            checkpoint: stored.checkpoint,
            read_to: stored.checkpoint,
            items: VecDeque::new(),
            bytes: 0,
            in_flight: 0,
            back_off_count: 0,
            holds: BTreeMap::new(),
            skipped: BTreeMap::new(),
            // This program may decode an event that has stopped another one.
            is_halted: false,
            trouble: stored.trouble.clone().filter(|trouble| {
                matches!(trouble.kind, TroubleKind::Stopped | TroubleKind::Retrying)
            }),
            unknown: None,
            release_by: None,
            stored,
            done_count: 0,
        }
    }

    /// Adds a parked delivery from its row.
    pub(super) fn add_hold(&mut self, key: u64, data: ParkedData, token: u64) {
        let hold = Hold::stored(data, Some(token), self.checkpoint.position());
        self.holds.insert(key, hold);
    }

    /// Returns true if a row may be added.
    pub(super) fn has_room(&self) -> bool {
        self.reads() && self.items.len() < MAX_ROWS && self.bytes < MAX_BYTES
    }

    /// Returns true if the partition has nothing to do, and may be given rows.
    pub(super) fn is_idle(&self) -> bool {
        self.reads() && self.items.is_empty()
    }

    /// Returns true if the log should be read for the partition.
    pub(super) fn wants_rows(&self) -> bool {
        self.reads() && self.items.len() <= MAX_ROWS / 2 && self.bytes <= MAX_BYTES / 2
    }

    pub(super) fn reads(&self) -> bool {
        !self.is_halted && self.unknown.is_none() && self.release_by.is_none()
    }

    /// Adds a row of the log.
    pub(super) fn push(&mut self, row: LogEntry<EventRecord>) {
        debug_assert!(row.position > self.read_to.position(), "rows come in position order");
        self.read_to = row.resume_token();
        self.bytes += row_bytes(&row.record);
        let mut item = Item::new(Arc::new(row));
        if let Some(trouble) = &self.trouble
            && trouble.position == item.position()
        {
            // The attempts of the owner before count too.
            item.attempts = trouble.attempts;
        }
        self.items.push_back(item);
    }

    /// Sets the place up to which the log has no further row for the partition.
    pub(super) fn scanned(&mut self, scanned_to: ResumeToken) {
        if scanned_to.position() > self.read_to.position() {
            self.read_to = scanned_to;
        }
        self.advance();
    }

    /// Returns the deliveries to be handed out, which are then in flight.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Due> {
        let mut due = Vec::new();
        if self.is_halted || self.release_by.is_some() {
            return due;
        }
        if !self.holds.is_empty() {
            self.due_again(now, &mut due);
        }
        let max_in_flight = self.settings.max_in_flight;
        let mut window = 0;
        // The aggregates of earlier deliveries that are not done, by their UUIDs.
        let mut busy: FastMap<u128, ()> = FastMap::default();
        for index in 0..self.items.len() {
            if window >= max_in_flight || self.in_flight >= max_in_flight {
                break;
            }
            let item = &self.items[index];
            let state = item.state;
            if state == ItemState::Done {
                continue;
            }
            if !item.is_in_flight() && self.is_left_out(index) {
                self.items[index].state = ItemState::Done;
                continue;
            }
            let item = &self.items[index];
            let id = item.aggregate_id().id.as_u128();
            // The next delivery of an aggregate begins after the end of the one before.
            let is_busy = busy.insert(id, ()).is_some();
            if !is_busy && item.is_due(now) && !self.is_repeated(item.aggregate_id()) {
                due.push(self.begin(index, now));
            }
            window += usize::from(self.items[index].state != ItemState::Waiting);
        }
        self.advance();
        due
    }

    /// Adds the deliveries of holds to be handed out.
    fn due_again(&mut self, now: Instant, due: &mut Vec<Due>) {
        let keys: Vec<u64> = self.holds.keys().copied().collect();
        for key in keys {
            if self.in_flight >= self.settings.max_in_flight {
                return;
            }
            let Some(item) = self.holds[&key].items.front() else { continue };
            if !item.is_due(now) || self.is_in_flight(item.aggregate_id()) {
                continue;
            }
            if let Some(item) = self.holds.get_mut(&key).and_then(|hold| hold.items.front_mut()) {
                self.in_flight += 1;
                due.push(Due::begin(item, &mut self.back_off_count, now));
            }
        }
    }

    fn begin(&mut self, index: usize, now: Instant) -> Due {
        self.in_flight += 1;
        Due::begin(&mut self.items[index], &mut self.back_off_count, now)
    }

    /// Returns true if a delivery of an aggregate is in flight.
    fn is_in_flight(&self, aggregate_id: &AggregateId) -> bool {
        let is_own = |item: &Item| item.is_in_flight() && item.aggregate_id() == aggregate_id;
        self.items.iter().any(is_own) || self.is_repeated(aggregate_id)
    }

    /// Returns true if a parked delivery of an aggregate is in flight.
    fn is_repeated(&self, aggregate_id: &AggregateId) -> bool {
        let mut repeated = self.holds.values().filter_map(|hold| hold.items.front());
        repeated.any(|item| item.is_in_flight() && item.aggregate_id() == aggregate_id)
    }

    /// Returns true if the delivery at an index is skipped, or waits for a parked one.
    fn is_left_out(&mut self, index: usize) -> bool {
        let row = &self.items[index].row;
        if self.skipped.contains_key(&row.position) {
            return true;
        }
        let holding = self.holds.values_mut().find(|hold| hold.holds(row));
        let Some(hold) = holding else { return false };
        hold.held_to = hold.held_to.max(row.position);
        true
    }

    /// Processes the answer to a delivery. Returns true if the delivery was in flight.
    pub(super) fn answer(
        &mut self,
        position: u64,
        answer: Answer,
        now: Instant,
        time: DateTime<Utc>,
    ) -> bool {
        let repeated = self.holds.values_mut().find(|hold| {
            hold.items
                .front()
                .is_some_and(|item| item.position() == position && item.is_in_flight())
        });
        if let Some(hold) = repeated {
            self.in_flight -= 1;
            let is_repeated = Self::answer_repeated(hold, answer, now, time);
            self.back_off_count += usize::from(is_repeated);
            return true;
        }
        let Ok(index) = self.items.binary_search_by_key(&position, Item::position) else {
            return false;
        };
        if !self.items[index].is_in_flight() {
            return false;
        }
        if matches!(answer, Answer::AckThrough) {
            let before = self.items.iter_mut().take(index).filter(|item| item.is_in_flight());
            for item in before {
                item.state = ItemState::Done;
                self.in_flight -= 1;
                self.done_count += 1;
            }
        }
        self.in_flight -= 1;
        let item = &mut self.items[index];
        let ended = item.end(answer, now);
        let attempts = item.attempts;
        match ended {
            None => self.done_count += 1,
            Some(Ended::Repeated { error }) => {
                self.back_off_count += 1;
                self.set_trouble(TroubleKind::Retrying, position, error, attempts, time);
            }
            Some(Ended::Stopped { error }) if !self.settings.parks_undecodable => {
                self.set_trouble(TroubleKind::Stopped, position, error, attempts, time);
                self.is_halted = true;
            }
            Some(Ended::Parked { error } | Ended::Stopped { error }) => {
                self.park(index, error, time);
            }
        }
        self.advance();
        self.end_trouble();
        true
    }

    /// Processes the answer to a repeated delivery. Returns true if it comes again.
    fn answer_repeated(hold: &mut Hold, answer: Answer, now: Instant, time: DateTime<Utc>) -> bool {
        let Some(item) = hold.items.front_mut() else { return false };
        match item.end(answer, now) {
            None => hold.first_is_done(),
            Some(Ended::Repeated { .. }) => return true,
            Some(Ended::Parked { error } | Ended::Stopped { error }) => {
                hold.park_again(error, time)
            }
        }
        false
    }

    fn park(&mut self, index: usize, error: String, time: DateTime<Utc>) {
        let item = &mut self.items[index];
        item.state = ItemState::Done;
        let data = ParkedData {
            aggregate_id: item.row.record.aggregate_id.clone(),
            position: item.position(),
            error,
            attempts: item.attempts,
            parked_at: time,
            done: item.position().saturating_sub(1),
            is_alone: self.settings.parks_alone,
            is_retried: false,
        };
        self.holds.insert(data.position, Hold::new(data));
    }

    /// Moves the checkpoint to the end of the unbroken run of deliveries that are done.
    fn advance(&mut self) {
        while self.items.front().is_some_and(|item| item.state == ItemState::Done) {
            if let Some(item) = self.items.pop_front() {
                self.bytes = self.bytes.saturating_sub(item.bytes());
                self.checkpoint = item.row.resume_token();
            }
        }
        if self.items.is_empty() && self.read_to.position() > self.checkpoint.position() {
            self.checkpoint = self.read_to;
            self.end_trouble();
        }
    }

    /// Adds the rows of a hold that were read up to a position.
    pub(super) fn add_held(&mut self, key: u64, rows: Vec<LogEntry<EventRecord>>, read_to: u64) {
        if let Some(hold) = self.holds.get_mut(&key) {
            hold.add(rows.into_iter().map(Arc::new).collect(), read_to);
        }
    }

    /// Returns true if the partition can be given up now.
    pub(super) fn is_released(&self, now: Instant) -> bool {
        self.release_by.is_some_and(|by| self.in_flight == 0 || by <= now)
    }

    /// Returns the next time at which a delivery is repeated, or at which the wait for answers
    /// ends.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        if self.back_off_count == 0 || self.is_halted {
            return self.release_by;
        }
        let repeated = self.holds.values().filter_map(|hold| hold.items.front());
        let back_off = self.items.iter().chain(repeated).filter_map(|item| match item.state {
            ItemState::BackOff { until } => Some(until),
            _ => None,
        });
        back_off.chain(self.release_by).min()
    }

    /// Ends the ownership: deliveries in flight are told, and their answers are ignored.
    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }
}
