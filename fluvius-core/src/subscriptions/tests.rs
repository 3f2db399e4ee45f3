//! A partition under random answers, crashes and acts of operators, against a model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use proptest::prelude::*;
use uuid::Uuid;

use super::item::Answer;
use super::partition::{Partition, PartitionSettings};
use super::rows::{self, ParkedData, PartitionData};
use crate::sync::Instant;
use fluvius_store::work::{WorkOutcome, WorkQuery, WorkUnit, WorkWrite};
use fluvius_store::{
    AggregateId, EventRecord, Json, LogEntry, MemoryStore, ResumeToken, StateDelta, Store,
};

const NAME: &str = "bank/mailer";

#[derive(Debug, Clone)]
enum Step {
    /// The log is read, with this number of further rows at most.
    Read(usize),
    Deliver,
    /// The answer to one of the deliveries in flight.
    Answer(usize, Reply),
    Wait,
    Write,
    /// The process ends; the partition is loaded again.
    Crash,
    /// An operator retries or discards one of the parked deliveries, or skips an event.
    Retry(usize),
    Discard(usize),
    Skip(usize),
}

#[derive(Debug, Clone, Copy)]
enum Reply {
    Ack,
    AckThrough,
    Fail,
    Nack,
    Park,
    Undecodable,
}

/// The faults that the model must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The log is read without regard to room, and rows are lost.
    LostRow,
    /// A write ignores its token, so a former owner moves the checkpoint.
    LateWrite,
    /// An answer counts for all deliveries before it.
    CumulativeAck,
    /// A parked delivery does not hold the later ones.
    ParkedDoesNotHold,
    /// The checkpoint is written without the rows of parked deliveries.
    CheckpointWithoutParked,
}

struct World {
    store: MemoryStore,
    log: Vec<LogEntry<EventRecord>>,
    settings: PartitionSettings,
    partition: Partition,
    in_flight: BTreeSet<u64>,
    now: Instant,
    time: DateTime<Utc>,
    /// Positions that are acknowledged, in the order of their first acknowledgement.
    acked: Vec<u64>,
    /// Positions that an operator has discarded or skipped.
    dropped: BTreeSet<u64>,
    /// Acknowledged since the last stored checkpoint.
    unstored: BTreeSet<u64>,
    /// Not acknowledged by the last answer.
    open: BTreeSet<u64>,
    fault: Option<Fault>,
}

fn event(position: u64, aggregate: u128) -> LogEntry<EventRecord> {
    let record = EventRecord::new(
        Uuid::from_u128(u128::from(position)),
        "bank",
        "money-deposited",
        AggregateId::new("bank-account", Uuid::from_u128(aggregate)),
        position,
        Uuid::from_u128(u128::from(position)),
        StateDelta::Patch(Json::parse("[]").unwrap()),
        DateTime::<Utc>::UNIX_EPOCH,
    );
    LogEntry { position, record }
}

impl World {
    fn new(aggregates: &[u8], settings: PartitionSettings, fault: Option<Fault>) -> Self {
        let log = aggregates.iter().zip((0..).map(|index| 3 * index + 2));
        let log =
            log.map(|(aggregate, position)| event(position, u128::from(*aggregate))).collect();
        let data = PartitionData { checkpoint: ResumeToken::START, owner: None, trouble: None };
        let store = MemoryStore::new();
        let key = rows::partition_key(NAME, 0);
        let unit = WorkUnit::new([WorkWrite::put(key, None, rows::encode(&data))]);
        let token = write(&store, unit).unwrap();
        let partition = Partition::new(settings, token, data);
        Self {
            store,
            log,
            settings,
            partition,
            in_flight: BTreeSet::new(),
            now: Instant::now(),
            time: DateTime::<Utc>::UNIX_EPOCH,
            acked: Vec::new(),
            dropped: BTreeSet::new(),
            unstored: BTreeSet::new(),
            open: BTreeSet::new(),
            fault,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Read(count) => self.read(*count),
            Step::Deliver => self.deliver(),
            Step::Answer(index, reply) => {
                let position = nth(&self.in_flight, *index);
                if let Some(position) = position {
                    self.answer(position, *reply);
                }
            }
            Step::Wait => self.now += Duration::from_secs(600),
            Step::Write => self.write(),
            Step::Crash => self.load(),
            Step::Retry(index) => self.operate(*index, false),
            Step::Discard(index) => self.operate(*index, true),
            Step::Skip(index) => self.skip(*index),
        }
        self.read_held();
        self.check_checkpoint();
    }

    fn read(&mut self, count: usize) {
        let after = self.partition.read_to.position();
        let lost = self.fault == Some(Fault::LostRow) && self.log.len() > 3;
        let rows = self.log.iter().filter(|row| row.position > after);
        for row in rows.skip(usize::from(lost)).take(count).cloned().collect::<Vec<_>>() {
            if !self.partition.has_room() {
                return;
            }
            self.partition.push(row);
        }
    }

    fn read_held(&mut self) {
        let checkpoint = self.partition.checkpoint.position();
        let holds = self.partition.holds.iter_mut();
        let reads: Vec<(u64, AggregateId, (u64, u64))> = holds
            .filter_map(|(key, hold)| {
                Some((*key, hold.data.aggregate_id.clone(), hold.next_read(checkpoint)?))
            })
            .collect();
        for (key, aggregate_id, (after, before)) in reads {
            let is_in = |row: &&LogEntry<EventRecord>| {
                row.record.aggregate_id == aggregate_id
                    && (after + 1..before).contains(&row.position)
            };
            // One row at a time, as a small page.
            let rows: Vec<_> = self.log.iter().filter(is_in).take(1).cloned().collect();
            let read_to = rows.first().map_or(before - 1, |row| row.position);
            let skipped = &self.partition.skipped;
            let rows =
                rows.into_iter().filter(|row| !skipped.contains_key(&row.position)).collect();
            self.partition.add_held(key, rows, read_to);
        }
    }

    fn deliver(&mut self) {
        for due in self.partition.due(self.now) {
            let position = due.row.position;
            assert!(self.in_flight.insert(position), "{position} is delivered twice at once");
            assert!(!self.dropped.contains(&position), "{position} was discarded or skipped");
            let aggregate_id = &due.row.record.aggregate_id;
            let twins = self.in_flight.iter().filter(|other| {
                self.log
                    .iter()
                    .any(|row| row.position == **other && row.record.aggregate_id == *aggregate_id)
            });
            assert_eq!(twins.count(), 1, "two deliveries of one aggregate are in flight");
            assert!(self.in_flight.len() <= self.settings.max_in_flight);
            let is_below = position <= self.partition.stored.checkpoint.position();
            let is_done = self.acked.contains(&position) && !self.open.contains(&position);
            let is_stored = is_below && is_done && !self.unstored.contains(&position);
            assert!(!is_stored, "{position} was stored as done, and comes again");
        }
    }

    fn answer(&mut self, position: u64, reply: Reply) {
        self.in_flight.remove(&position);
        let mut done = vec![position];
        let answer = match reply {
            Reply::Ack if self.fault == Some(Fault::CumulativeAck) => Answer::AckThrough,
            Reply::Ack => Answer::Ack,
            Reply::AckThrough => {
                // Deliveries that wait for a parked one are in no order with those of the
                // partition.
                let held = self.partition.holds.values().flat_map(|hold| &hold.items);
                let held: BTreeSet<u64> = held.map(super::item::Item::position).collect();
                if !held.contains(&position) {
                    done.extend(
                        self.in_flight
                            .iter()
                            .filter(|other| **other < position && !held.contains(other)),
                    );
                }
                Answer::AckThrough
            }
            Reply::Fail => Answer::Failed("no".to_owned()),
            Reply::Nack => Answer::Nack(Duration::from_secs(1)),
            Reply::Park => Answer::Park("never".to_owned()),
            Reply::Undecodable => Answer::Undecodable("not JSON".to_owned()),
        };
        if self.fault == Some(Fault::CumulativeAck) {
            self.in_flight.retain(|other| *other > position);
        }
        assert!(self.partition.answer(position, answer, self.now, self.time));
        if matches!(reply, Reply::Ack | Reply::AckThrough) {
            for position in done {
                self.in_flight.remove(&position);
                self.unstored.insert(position);
                self.open.remove(&position);
                if !self.acked.contains(&position) {
                    self.acked.push(position);
                }
            }
        }
        if !matches!(reply, Reply::Ack | Reply::AckThrough) {
            self.open.insert(position);
        }
        if self.fault == Some(Fault::ParkedDoesNotHold) {
            self.partition.holds.values_mut().for_each(|hold| hold.data.is_alone = true);
        }
    }

    fn write(&mut self) {
        if self.fault == Some(Fault::CheckpointWithoutParked) {
            self.partition.holds.values_mut().for_each(|hold| hold.is_dirty = false);
        }
        let (unit, written) = self.partition.write(NAME, 0, None);
        match write(&self.store, unit) {
            Some(token) => {
                self.partition.stored(written, token);
                self.unstored.clear();
            }
            None => self.load(),
        }
    }

    /// Loads the partition from its rows, as after a crash or an act of an operator.
    fn load(&mut self) {
        let late =
            (self.fault == Some(Fault::LateWrite)).then(|| self.partition.write(NAME, 0, None));
        let rows = self.rows();
        let row = rows.iter().find(|row| row.key.kind == rows::PARTITION).unwrap();
        let token = row.token;
        self.partition = Partition::new(self.settings, token, rows::decode(row).unwrap());
        for row in &rows {
            let Some(position) = rows::position_of(&row.key) else { continue };
            if row.key.kind == rows::SKIPPED {
                self.partition.skipped.insert(position, row.token);
            } else {
                self.partition.add_hold(position, rows::decode(row).unwrap(), row.token);
            }
        }
        self.in_flight.clear();
        // Deliveries whose end was not stored may come again.
        self.open.append(&mut self.unstored);
        let checkpoint = self.partition.checkpoint.position();
        self.open.extend(self.acked.iter().filter(|position| **position > checkpoint));
        if late.is_some() {
            // The former owner's memory is taken for the truth.
            let newest = self.log.last().map_or(0, |row| row.position);
            self.partition.scanned(newest.into());
        }
    }

    fn rows(&self) -> Vec<fluvius_store::work::WorkRow> {
        let query = WorkQuery::new(self.time, [rows::PARTITION, rows::PARKED, rows::SKIPPED]);
        self.store.work(&query).now_or_never().unwrap().unwrap().rows
    }

    /// Retries or discards a parked delivery, in the store.
    fn operate(&mut self, index: usize, discards: bool) {
        let rows = self.rows();
        let parked: Vec<_> = rows.iter().filter(|row| row.key.kind == rows::PARKED).collect();
        let Some(row) = parked.get(index % parked.len().max(1)) else { return };
        let mut data: ParkedData = rows::decode(row).unwrap();
        if data.is_retried {
            return;
        }
        data.is_retried = true;
        if discards {
            data.done = data.position;
            self.dropped.insert(data.position);
        }
        let partition = rows.iter().find(|row| row.key.kind == rows::PARTITION).unwrap();
        let touched =
            WorkWrite::put(partition.key.clone(), Some(partition.token), partition.data.clone());
        let put = WorkWrite::put(row.key.clone(), Some(row.token), rows::encode(&data));
        write(&self.store, WorkUnit::new([touched, put])).unwrap();
        self.load();
    }

    fn skip(&mut self, index: usize) {
        let rows = self.rows();
        let partition = rows.iter().find(|row| row.key.kind == rows::PARTITION).unwrap();
        let data: PartitionData = rows::decode(partition).unwrap();
        let position = self.log[index % self.log.len()].position;
        let key = rows::delivery_key(rows::SKIPPED, NAME, 0, position);
        if position <= data.checkpoint.position() || rows.iter().any(|row| row.key == key) {
            return;
        }
        let trouble = data.trouble.filter(|trouble| trouble.position != position);
        let data = rows::encode(&PartitionData { trouble, ..data });
        let put = WorkWrite::put(partition.key.clone(), Some(partition.token), data);
        let skipped = WorkWrite::put(key, None, Json::empty_object());
        write(&self.store, WorkUnit::new([put, skipped])).unwrap();
        self.dropped.insert(position);
        self.load();
    }

    /// Checks that everything up to the checkpoint is done, or is left to a parked delivery.
    fn check_checkpoint(&self) {
        let checkpoint = self.partition.checkpoint.position();
        for row in self.log.iter().filter(|row| row.position <= checkpoint) {
            let is_held = self.partition.holds.values().any(|hold| hold.holds(row));
            let is_done =
                self.acked.contains(&row.position) || self.dropped.contains(&row.position);
            assert!(is_done || is_held, "{} is lost below {checkpoint}", row.position);
        }
    }

    /// Works until nothing is left, with answers that succeed.
    fn drain(&mut self) {
        for _ in 0..10 * self.log.len() + 20 {
            for index in 0..3 {
                self.operate(index, false);
            }
            // An operator starts a stopped partition again.
            let rows = self.rows();
            let row = rows.iter().find(|row| row.key.kind == rows::PARTITION).unwrap();
            let data: PartitionData = rows::decode(row).unwrap();
            if data.trouble.is_some() {
                let data = rows::encode(&PartitionData { trouble: None, ..data });
                let put = WorkWrite::put(row.key.clone(), Some(row.token), data);
                write(&self.store, WorkUnit::new([put])).unwrap();
                self.load();
            }
            for step in [Step::Read(10), Step::Wait, Step::Deliver] {
                self.step(&step);
            }
            while let Some(position) = self.in_flight.first().copied() {
                self.answer(position, Reply::Ack);
                self.read_held();
            }
            self.step(&Step::Write);
        }
    }

    /// Checks the result of a drained partition.
    fn check_end(&self) {
        let wanted: BTreeSet<u64> = self.log.iter().map(|row| row.position).collect();
        let done: BTreeSet<u64> = self.acked.iter().copied().chain(self.dropped.clone()).collect();
        assert_eq!(done, wanted, "an event is lost");
        assert!(self.partition.holds.is_empty() && self.partition.skipped.is_empty());
        if self.settings.parks_alone {
            return;
        }
        let mut last: BTreeMap<Uuid, u64> = BTreeMap::new();
        for position in &self.acked {
            // An event that was discarded or skipped may have been acknowledged before.
            if self.dropped.contains(position) {
                continue;
            }
            let row = self.log.iter().find(|row| row.position == *position).unwrap();
            let before = last.insert(row.record.aggregate_id.id, *position);
            assert!(before < Some(*position), "an aggregate is out of order");
        }
    }
}

fn nth(positions: &BTreeSet<u64>, index: usize) -> Option<u64> {
    positions.iter().nth(index % positions.len().max(1)).copied()
}

/// Writes a unit. Returns the new token, or `None` if a row is not as expected.
fn write(store: &MemoryStore, unit: WorkUnit) -> Option<u64> {
    let units: Arc<[WorkUnit]> = [unit].into();
    let written = store.write_work(units, DateTime::<Utc>::UNIX_EPOCH);
    match written.now_or_never().unwrap().pop().unwrap() {
        WorkOutcome::Stored { token } => Some(token),
        WorkOutcome::Stale { .. } => None,
        other => panic!("{other:?}"),
    }
}

fn settings() -> impl Strategy<Value = PartitionSettings> {
    (1..5_usize, any::<bool>(), any::<bool>()).prop_map(|(max_in_flight, alone, undecodable)| {
        PartitionSettings { max_in_flight, parks_alone: alone, parks_undecodable: undecodable }
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let reply = prop_oneof![
        6 => Just(Reply::Ack),
        1 => Just(Reply::AckThrough),
        2 => Just(Reply::Fail),
        1 => Just(Reply::Nack),
        2 => Just(Reply::Park),
        1 => Just(Reply::Undecodable),
    ];
    let step = prop_oneof![
        4 => (1..8_usize).prop_map(Step::Read),
        6 => Just(Step::Deliver),
        8 => (any::<usize>(), reply).prop_map(|(index, reply)| Step::Answer(index, reply)),
        2 => Just(Step::Wait),
        3 => Just(Step::Write),
        1 => Just(Step::Crash),
        1 => any::<usize>().prop_map(Step::Retry),
        1 => any::<usize>().prop_map(Step::Discard),
        1 => any::<usize>().prop_map(Step::Skip),
    ];
    prop::collection::vec(step, 0..80)
}

fn run(aggregates: &[u8], settings: PartitionSettings, steps: &[Step], fault: Option<Fault>) {
    let mut world = World::new(aggregates, settings, fault);
    for step in steps {
        world.step(step);
    }
    world.drain();
    world.check_end();
}

proptest! {
    #[test]
    fn every_event_is_done_in_order(
        aggregates in prop::collection::vec(0..4_u8, 1..30),
        settings in settings(),
        steps in steps(),
    ) {
        run(&aggregates, settings, &steps, None);
    }
}

#[test]
fn model_finds_planted_faults() {
    use proptest::test_runner::{Config, TestError, TestRunner};
    let faults = [
        Fault::LostRow,
        Fault::LateWrite,
        Fault::CumulativeAck,
        Fault::ParkedDoesNotHold,
        Fault::CheckpointWithoutParked,
    ];
    let found = faults.map(|fault| {
        let config = Config {
            cases: 2_000,
            max_shrink_iters: 0,
            failure_persistence: None,
            ..Config::default()
        };
        let inputs = (prop::collection::vec(0..4_u8, 1..30), settings(), steps());
        let result = TestRunner::new(config).run(&inputs, |(aggregates, settings, steps)| {
            run(&aggregates, settings, &steps, Some(fault));
            Ok(())
        });
        matches!(result, Err(TestError::Fail(..)))
    });
    assert_eq!(found, [true; 5], "{faults:?}");
}
