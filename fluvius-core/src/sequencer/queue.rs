//! Admitted units of work: those that wait for the store, and the batch that is under way.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Ticket, UnitNumber};
use crate::few::Few;
use crate::hash::Map;
use crate::processor::Head;
use crate::unit_of_work::UnitOfWork;

/// Units that are committed together.
pub(crate) type Batch = Arc<[UnitOfWork]>;

/// Admitted units in the order of admission.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: VecDeque<(Admitted, UnitOfWork)>,
    /// Whether a batch is under way.
    is_taken: bool,
    under_way: Few<Admitted>,
    unit_count_max: usize,
    bytes_max: usize,
}

/// What the sequencer must know of an admitted unit.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) number: UnitNumber,
    pub(crate) ticket: Ticket,
    /// The units whose heads it was decided on and that were not durable at its admission.
    pub(crate) depends_on: Vec<UnitNumber>,
    /// The heads that it writes, one a root.
    pub(crate) writes: Few<Arc<Head>>,
}

impl Queue {
    pub(crate) fn new(unit_count_max: usize, bytes_max: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            is_taken: false,
            under_way: Few::new(),
            unit_count_max,
            bytes_max,
        }
    }

    pub(crate) fn push(&mut self, admitted: Admitted, unit: UnitOfWork) {
        self.waiting.push_back((admitted, unit));
    }

    /// Whether units wait, and no batch is under way.
    pub(crate) fn has_next_batch(&self) -> bool {
        !self.is_taken && !self.waiting.is_empty()
    }

    /// The next batch, unless one is under way: what has come in since that, bounded by count and
    /// bytes.
    pub(crate) fn next_batch(&mut self) -> Option<Batch> {
        if !self.has_next_batch() {
            return None;
        }
        assert!(self.under_way.is_empty(), "one batch is under way at a time");
        self.is_taken = true;
        if self.waiting.len() == 1 {
            let (admitted, unit) = self.waiting.pop_front()?;
            self.under_way.push(admitted);
            return Some(Arc::from([unit]));
        }
        let mut units = Vec::with_capacity(self.waiting.len().min(self.unit_count_max));
        let mut bytes = 0;
        while let Some((admitted, mut unit)) = self.waiting.pop_front() {
            // What is not in this batch was in an earlier one, and stands. Numbers rise.
            let index_of = |on: &UnitNumber| {
                self.under_way.binary_search_by_key(on, |before| before.number).ok()
            };
            unit.depends_on = admitted.depends_on.iter().filter_map(index_of).collect();
            bytes += unit.estimated_bytes();
            self.under_way.push(admitted);
            units.push(unit);
            if units.len() >= self.unit_count_max || bytes >= self.bytes_max {
                break;
            }
        }
        Some(units.into())
    }

    /// The batch that was under way; another may go now.
    pub(crate) fn landed(&mut self) -> Few<Admitted> {
        self.is_taken = false;
        std::mem::take(&mut self.under_way)
    }

    /// Gives up the units that wait. Returns the commands whose units are in the batch under way.
    pub(crate) fn abandon(&mut self) -> BTreeSet<Ticket> {
        self.waiting.clear();
        self.under_way.iter().map(|unit| unit.ticket).collect()
    }

    /// Takes out every waiting unit that stands on a fallen one, over however many steps.
    pub(crate) fn take_back(&mut self, fallen: &mut Map<UnitNumber, Ticket>) -> Vec<Admitted> {
        let mut taken = Vec::new();
        if fallen.is_empty() {
            return taken;
        }
        self.waiting.retain(|(admitted, _)| {
            let stands = !admitted.depends_on.iter().any(|on| fallen.contains_key(on));
            if !stands {
                fallen.insert(admitted.number, admitted.ticket);
                taken.push(admitted.clone());
            }
            stands
        });
        taken
    }

    /// How many units wait for the store.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::super::fixtures::{json, root, unit};
    use super::*;
    use crate::command::{CommandRecord, CommandStatus};
    use crate::event::EventRecord;
    use crate::json::Change;
    use crate::message::MessageRecord;

    fn command(payload: usize, response: Option<usize>) -> Arc<CommandRecord> {
        let payload = json(payload);
        Arc::new(CommandRecord {
            id: Uuid::nil(),
            parent: None,
            domain: "queue".into(),
            revision: 1,
            command: "make".into(),
            root: root(1),
            payload_hash: crate::json::hash(&payload),
            payload,
            context_id: Uuid::nil(),
            status: CommandStatus::Applied,
            code: None,
            response: response.map(json),
            received: DateTime::UNIX_EPOCH,
        })
    }

    fn event(args: usize, data: Option<usize>, change: Change) -> Arc<EventRecord> {
        Arc::new(EventRecord {
            id: Uuid::nil(),
            domain: "queue".into(),
            revision: 1,
            event: "made".into(),
            root: root(1),
            version: 1,
            src_cmd: Uuid::nil(),
            args: json(args),
            data: data.map(json),
            change,
            occurred: DateTime::UNIX_EPOCH,
        })
    }

    fn message(data: usize) -> Arc<MessageRecord> {
        Arc::new(MessageRecord {
            id: Uuid::nil(),
            key: "tell".into(),
            data: json(data),
            src_cmd: Uuid::nil(),
            root: root(1),
        })
    }

    fn queue(
        unit_count_max: usize,
        bytes_max: usize,
        units: Vec<(UnitOfWork, &[UnitNumber])>,
    ) -> Queue {
        let mut queue = Queue::new(unit_count_max, bytes_max);
        for (number, (unit, depends_on)) in (10..).zip(units) {
            let depends_on = depends_on.to_vec();
            queue.push(Admitted { number, ticket: number, depends_on, writes: Few::new() }, unit);
        }
        queue
    }

    #[test]
    fn a_unit_has_the_bytes_of_its_texts_and_an_overhead_of_each_row() {
        let mut unit = unit();
        assert_eq!(unit.estimated_bytes(), 256);
        unit.commands = vec![command(10, Some(200)), command(20, None)];
        assert_eq!(unit.estimated_bytes(), 3 * 256 + 230);
        unit.events = vec![
            event(3, Some(1_000), Change::Whole(json(5))),
            event(7, None, Change::Patch(json(11))),
        ];
        assert_eq!(unit.estimated_bytes(), 5 * 256 + 230 + 1_026);
        unit.messages = vec![message(13)];
        assert_eq!(unit.estimated_bytes(), 6 * 256 + 230 + 1_026 + 13);
    }

    #[test]
    fn a_batch_ends_at_its_count_or_with_the_unit_that_fills_it() {
        let units = || (0..7).map(|_| (unit(), &[][..])).collect();
        let mut by_count = queue(3, usize::MAX, units());
        let mut by_bytes = queue(usize::MAX, 2 * 256 + 1, units());
        for queue in [&mut by_count, &mut by_bytes] {
            for (taken, left) in [(3, 4), (3, 1), (1, 0)] {
                assert_eq!(queue.next_batch().unwrap().len(), taken);
                assert_eq!(queue.len(), left);
                assert!(queue.next_batch().is_none(), "one is under way");
                assert_eq!(queue.landed().len(), taken);
            }
            assert!(!queue.has_next_batch());
        }
        let mut exact = queue(usize::MAX, 2 * 256, units());
        assert_eq!(exact.next_batch().unwrap().len(), 2);
    }

    #[test]
    fn what_a_unit_depends_on_is_told_by_its_place_in_the_batch() {
        let units = [&[][..], &[10], &[9], &[10, 12]];
        let units = units.into_iter().map(|on| (unit(), on)).collect();
        let batch = queue(10, usize::MAX, units).next_batch().unwrap();
        let depends: Vec<_> = batch.iter().map(|unit| unit.depends_on.clone()).collect();
        assert_eq!(depends, [vec![], vec![0], vec![], vec![0, 2]]);
    }

    #[test]
    fn what_stands_on_a_fallen_unit_is_taken_back_over_every_step() {
        let units: [&[UnitNumber]; 5] = [&[3], &[4], &[10], &[11, 12], &[11]];
        let units = units.into_iter().map(|on| (unit(), on)).collect();
        let mut queue = queue(10, usize::MAX, units);
        let mut fallen = Map::default();
        assert!(queue.take_back(&mut fallen).is_empty());
        fallen.insert(3, 3);
        let taken: Vec<UnitNumber> =
            queue.take_back(&mut fallen).iter().map(|unit| unit.number).collect();
        assert_eq!(taken, [10, 12, 13]);
        assert_eq!(queue.len(), 2);
        let mut numbers: Vec<UnitNumber> = fallen.keys().copied().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [3, 10, 12, 13]);
    }
}
