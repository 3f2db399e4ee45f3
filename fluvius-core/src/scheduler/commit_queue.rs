//! The queue of admitted units of work: those that wait for the store, and the batch in flight.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::cached_version::CachedVersion;
use super::{CommandSeq, UnitNumber};
use crate::collections::{FastMap, OneVec};
use fluvius_store::UnitOfWork;

/// Units that are committed together (group commit: DeWitt et al. 1984).
pub(crate) type Batch = Arc<[UnitOfWork]>;

/// Admitted units in the order of admission.
#[derive(Debug)]
pub(crate) struct CommitQueue {
    waiting: VecDeque<(AdmittedUnit, UnitOfWork)>,
    /// Set while a batch is in flight.
    has_batch_in_flight: bool,
    in_flight: OneVec<AdmittedUnit>,
    max_units: usize,
    max_bytes: usize,
}

/// The scheduler's data of an admitted unit.
#[derive(Debug, Clone)]
pub(crate) struct AdmittedUnit {
    pub(crate) number: UnitNumber,
    pub(crate) seq: CommandSeq,
    /// The units that this one depends on: they wrote versions of its decision, and were not
    /// durable at its admission.
    pub(crate) depends_on: Vec<UnitNumber>,
    /// The versions that it writes, one per aggregate.
    pub(crate) writes: OneVec<Arc<CachedVersion>>,
}

impl CommitQueue {
    pub(crate) fn new(max_units: usize, max_bytes: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            has_batch_in_flight: false,
            in_flight: OneVec::new(),
            max_units,
            max_bytes,
        }
    }

    pub(crate) fn push(&mut self, admitted: AdmittedUnit, unit: UnitOfWork) {
        self.waiting.push_back((admitted, unit));
    }

    /// Returns true if units wait and no batch is in flight.
    pub(crate) fn has_next_batch(&self) -> bool {
        !self.has_batch_in_flight && !self.waiting.is_empty()
    }

    /// Returns the next batch, or `None` if one is in flight or no unit waits. A batch is bounded
    /// by the number of its units and their bytes.
    pub(crate) fn next_batch(&mut self) -> Option<Batch> {
        if !self.has_next_batch() {
            return None;
        }
        assert!(self.in_flight.is_empty(), "one batch is in flight at a time");
        self.has_batch_in_flight = true;
        if self.waiting.len() == 1 {
            let (admitted, unit) = self.waiting.pop_front()?;
            self.in_flight.push(admitted);
            return Some(Arc::from([unit]));
        }
        let mut units = Vec::with_capacity(self.waiting.len().min(self.max_units));
        let mut bytes = 0;
        while let Some((admitted, mut unit)) = self.waiting.pop_front() {
            // A unit that is not in this batch was in an earlier one and is committed. Unit numbers
            // rise.
            let index_of = |on: &UnitNumber| {
                self.in_flight.binary_search_by_key(on, |before| before.number).ok()
            };
            unit.depends_on = admitted.depends_on.iter().filter_map(index_of).collect();
            bytes += unit.estimated_bytes();
            self.in_flight.push(admitted);
            units.push(unit);
            if units.len() >= self.max_units || bytes >= self.max_bytes {
                break;
            }
        }
        Some(units.into())
    }

    /// Returns the batch in flight. After that the next batch may be committed.
    pub(crate) fn take_in_flight(&mut self) -> OneVec<AdmittedUnit> {
        self.has_batch_in_flight = false;
        std::mem::take(&mut self.in_flight)
    }

    /// Discards the waiting units. Returns the commands whose units are in the batch in flight.
    pub(crate) fn abandon(&mut self) -> BTreeSet<CommandSeq> {
        self.waiting.clear();
        self.in_flight.iter().map(|unit| unit.seq).collect()
    }

    /// Removes and returns every waiting unit that depends, directly or indirectly, on an aborted
    /// one.
    pub(crate) fn cascade_abort(
        &mut self,
        aborted: &mut FastMap<UnitNumber, CommandSeq>,
    ) -> Vec<AdmittedUnit> {
        let mut removed = Vec::new();
        if aborted.is_empty() {
            return removed;
        }
        self.waiting.retain(|(admitted, _)| {
            let is_aborted = admitted.depends_on.iter().any(|on| aborted.contains_key(on));
            if is_aborted {
                aborted.insert(admitted.number, admitted.seq);
                removed.push(admitted.clone());
            }
            !is_aborted
        });
        removed
    }

    /// Returns the number of units that wait for the store.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::super::fixtures::{aggregate_id, json, unit};
    use super::*;
    use fluvius_store::{CommandRecord, EventRecord, MessageRecord, StateDelta};

    fn command(payload: usize, response: Option<usize>) -> Arc<CommandRecord> {
        let payload = json(payload);
        let payload_hash = fluvius_store::__private::hash(&payload);
        let mut record = CommandRecord::new(
            Uuid::nil(),
            "queue",
            "make",
            aggregate_id(1),
            payload,
            payload_hash,
            Uuid::nil(),
            DateTime::UNIX_EPOCH,
        );
        record.response = response.map(json);
        Arc::new(record)
    }

    fn event(args: usize, data: Option<usize>, delta: StateDelta) -> Arc<EventRecord> {
        let mut record = EventRecord::new(
            Uuid::nil(),
            "queue",
            "made",
            aggregate_id(1),
            1,
            Uuid::nil(),
            delta,
            DateTime::UNIX_EPOCH,
        );
        record.args = json(args);
        record.data = data.map(json);
        Arc::new(record)
    }

    fn message(data: usize) -> Arc<MessageRecord> {
        Arc::new(MessageRecord::new(
            Uuid::nil(),
            "notify",
            json(data),
            Uuid::nil(),
            aggregate_id(1),
        ))
    }

    fn queue(
        max_units: usize,
        max_bytes: usize,
        units: Vec<(UnitOfWork, &[UnitNumber])>,
    ) -> CommitQueue {
        let mut queue = CommitQueue::new(max_units, max_bytes);
        for (number, (unit, depends_on)) in (10..).zip(units) {
            let depends_on = depends_on.to_vec();
            queue.push(
                AdmittedUnit { number, seq: number, depends_on, writes: OneVec::new() },
                unit,
            );
        }
        queue
    }

    #[test]
    fn unit_size_counts_its_texts_and_an_overhead_per_row() {
        let mut unit = unit();
        assert_eq!(unit.estimated_bytes(), 256);
        unit.commands = vec![command(10, Some(200)), command(20, None)].into();
        assert_eq!(unit.estimated_bytes(), 3 * 256 + 230);
        unit.events = vec![
            event(3, Some(1_000), StateDelta::Snapshot(json(5))),
            event(7, None, StateDelta::Patch(json(11))),
        ]
        .into();
        assert_eq!(unit.estimated_bytes(), 5 * 256 + 230 + 1_026);
        unit.messages = vec![message(13)];
        assert_eq!(unit.estimated_bytes(), 6 * 256 + 230 + 1_026 + 13);
    }

    #[test]
    fn batch_ends_at_its_count_or_with_the_unit_that_fills_it() {
        let units = || (0..7).map(|_| (unit(), &[][..])).collect();
        let mut by_count = queue(3, usize::MAX, units());
        let mut by_bytes = queue(usize::MAX, 2 * 256 + 1, units());
        for queue in [&mut by_count, &mut by_bytes] {
            for (removed, left) in [(3, 4), (3, 1), (1, 0)] {
                assert_eq!(queue.next_batch().unwrap().len(), removed);
                assert_eq!(queue.len(), left);
                assert!(queue.next_batch().is_none(), "a batch is in flight");
                assert_eq!(queue.take_in_flight().len(), removed);
            }
            assert!(!queue.has_next_batch());
        }
        let mut exact = queue(usize::MAX, 2 * 256, units());
        assert_eq!(exact.next_batch().unwrap().len(), 2);
    }

    #[test]
    fn dependencies_are_indexes_into_the_batch() {
        let units = [&[][..], &[10], &[9], &[10, 12]];
        let units = units.into_iter().map(|on| (unit(), on)).collect();
        let batch = queue(10, usize::MAX, units).next_batch().unwrap();
        let depends: Vec<_> = batch.iter().map(|unit| unit.depends_on.clone()).collect();
        assert_eq!(depends, [vec![], vec![0], vec![], vec![0, 2]]);
    }

    #[test]
    fn indirect_dependents_of_an_aborted_unit_abort() {
        let units: [&[UnitNumber]; 5] = [&[3], &[4], &[10], &[11, 12], &[11]];
        let units = units.into_iter().map(|on| (unit(), on)).collect();
        let mut queue = queue(10, usize::MAX, units);
        let mut aborted = FastMap::default();
        assert!(queue.cascade_abort(&mut aborted).is_empty());
        aborted.insert(3, 3);
        let removed: Vec<UnitNumber> =
            queue.cascade_abort(&mut aborted).iter().map(|unit| unit.number).collect();
        assert_eq!(removed, [10, 12, 13]);
        assert_eq!(queue.len(), 2);
        let mut numbers: Vec<UnitNumber> = aborted.keys().copied().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [3, 10, 12, 13]);
    }
}
