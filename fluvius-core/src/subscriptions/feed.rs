//! Reading the log once for all partitions of a subscription that this process owns: the decisions,
//! without I/O.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::item::row_bytes;
use super::partition::Partition;
use super::selection::{Selected, Selection};
use fluvius_store::{EventRecord, LogPage, ResumeToken};

/// Maximum number of rows of a page.
const MAX_PAGE_ROWS: usize = 1_000;
/// Estimated size of a page, in bytes. The rows of the page before tell the number of rows.
const PAGE_BYTES: usize = 2 << 20;

/// The progress of the reads.
#[derive(Debug)]
pub(super) struct Feed {
    /// The start of the page that is being read.
    reading: Option<ResumeToken>,
    /// The end of the log, once a page has reached it. Cleared when the log may have grown.
    end: Option<u64>,
    /// Set if the log has grown since the current read began.
    has_grown: bool,
    /// Maximum number of rows of the next page.
    limit: usize,
    /// Number of positions of the page before.
    span: u64,
    /// Number of reads.
    count: usize,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            reading: None,
            end: None,
            has_grown: false,
            limit: MAX_PAGE_ROWS / 4,
            span: 0,
            count: 0,
        }
    }

    /// Notes that the log may have grown.
    pub(super) fn may_have_grown(&mut self) {
        self.end = None;
        self.has_grown = true;
    }

    /// Begins the next read, if one is due. Returns its start and its maximum number of rows.
    ///
    /// A read begins at the partition furthest behind that has room, and serves all partitions that
    /// it reaches; each ignores the rows that it has. If an idle one is beyond its reach, the two
    /// take turns, so that a partition far behind does not delay the others. If none is idle, a
    /// read is due once the one furthest behind has room: a read further on would have to be
    /// repeated.
    pub(super) fn begin<'a>(
        &mut self,
        partitions: impl Iterator<Item = &'a Partition>,
    ) -> Option<(ResumeToken, usize)> {
        if self.reading.is_some() {
            return None;
        }
        let end = self.end.unwrap_or(u64::MAX);
        let mut idle = BTreeMap::new();
        let mut wanting = BTreeMap::new();
        let mut lowest = u64::MAX;
        for partition in partitions.filter(|partition| partition.reads()) {
            let place = partition.read_to.position();
            lowest = lowest.min(place);
            if place < end && partition.wants_rows() {
                wanting.insert(place, partition.read_to);
                if partition.is_idle() {
                    idle.insert(place, partition.read_to);
                }
            }
        }
        let (first, behind) = wanting.pop_first()?;
        if idle.is_empty() && first > lowest {
            return None;
        }
        let reach = first.saturating_add(self.span);
        let beyond = idle.range(reach.saturating_add(1)..).next().map(|(_, place)| *place);
        let after = beyond.filter(|_| self.count % 2 == 1).unwrap_or(behind);
        self.count = self.count.wrapping_add(1);
        self.has_grown = false;
        self.reading = Some(after);
        Some((after, self.limit))
    }

    /// Ends a read that has failed.
    pub(super) fn failed(&mut self) -> Option<ResumeToken> {
        self.reading.take()
    }

    /// Ends a read: its rows go to the partitions. Returns the number of delivered rows.
    pub(super) fn end(
        &mut self,
        page: LogPage<EventRecord>,
        partitions: &mut BTreeMap<u32, &mut Partition>,
        selection: &Selection,
        partition_of: impl Fn(&EventRecord) -> u32,
        now: DateTime<Utc>,
    ) -> usize {
        let Some(after) = self.reading.take() else { return 0 };
        if page.is_last() && !self.has_grown {
            self.end = Some(page.scanned_to.position());
        }
        let bytes: usize = page.rows.iter().map(|row| row_bytes(&row.record)).sum();
        if let Some(mean) = bytes.checked_div(page.rows.len()) {
            self.limit = (PAGE_BYTES / mean.max(1)).clamp(1, MAX_PAGE_ROWS);
        }
        let scanned_to = page.scanned_to;
        self.span = scanned_to.position().saturating_sub(after.position());
        // The partitions that have not taken a row of this page.
        let mut full = BTreeSet::new();
        let mut count = 0;
        for row in page.rows {
            let number = partition_of(&row.record);
            let Some(partition) = partitions.get_mut(&number) else { continue };
            if row.position <= partition.read_to.position() || full.contains(&number) {
                continue;
            }
            // It was given its checkpoint while the page was read, and may lack rows before it.
            if partition.read_to.position() < after.position() || !partition.has_room() {
                full.insert(number);
                continue;
            }
            match selection.select(&row.record) {
                // An operator may skip an event that the program does not know.
                _ if partition.skipped.contains_key(&row.position) => {}
                Selected::No => {}
                Selected::Yes => {
                    partition.push(row);
                    count += 1;
                }
                Selected::Unknown(shape) => {
                    partition.meets_unknown(row.position, shape, now);
                    full.insert(number);
                }
            }
        }
        for (number, partition) in partitions {
            if partition.read_to.position() >= after.position() && !full.contains(number) {
                partition.scanned(scanned_to);
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::num::NonZeroU32;

    use chrono::{DateTime, Utc};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::partition::PartitionSettings;
    use super::super::rows::PartitionData;
    use crate::sync::Instant;
    use fluvius_store::{AggregateId, Json, LogEntry, StateDelta};

    const SETTINGS: PartitionSettings =
        PartitionSettings { max_in_flight: 1_000, parks_alone: false, parks_undecodable: false };

    fn row(position: u64) -> LogEntry<EventRecord> {
        let id = Uuid::from_u128(u128::from(position));
        let aggregate_id = AggregateId::new("bank-account", id);
        let delta = StateDelta::Patch(Json::null());
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let record = EventRecord::new(id, "bank", "opened", aggregate_id, 1, id, delta, now);
        LogEntry { position, record }
    }

    fn number(event: &EventRecord, count: u32) -> u32 {
        event.aggregate_id.partition(NonZeroU32::new(count).unwrap())
    }

    fn partition(checkpoint: u64) -> Partition {
        let checkpoint = checkpoint.into();
        Partition::new(SETTINGS, 1, PartitionData { checkpoint, owner: None, trouble: None })
    }

    /// A page as a store reads it: up to `limit` rows after a place.
    fn page(newest: u64, after: ResumeToken, limit: usize) -> LogPage<EventRecord> {
        let rows = (after.position() + 1..=newest).take(limit).map(row);
        let rows: Vec<LogEntry<EventRecord>> = rows.collect();
        let scanned_to = rows.last().map_or(after, ResumeToken::from);
        LogPage::new(rows, scanned_to, newest)
    }

    proptest! {
        /// Partitions are gained and lost while pages are read, and the log grows.
        #[test]
        fn each_partition_gets_all_of_its_rows_in_order(
            count in 1..6_u32,
            begins in prop::collection::vec(0..200_u64, 6),
            steps in prop::collection::vec((0..8_u8, any::<u32>(), 0..40_u64), 1..60),
        ) {
            let mut newest = 100;
            let mut feed = Feed::new();
            let mut owned: BTreeMap<u32, Partition> = BTreeMap::new();
            // The positions of each partition that are done.
            let mut done: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
            let mut checkpoints: BTreeMap<u32, u64> = (0..count)
                .map(|number| (number, begins[number as usize].min(newest)))
                .collect();
            let begins = checkpoints.clone();
            let mut reading: Option<LogPage<EventRecord>> = None;
            let drained = (0..2_000).map(|step| ([2, 3, 4, 0][step % 4], 0, 40));
            for (index, (step, which, amount)) in steps.iter().copied().chain(drained).enumerate() {
                match step {
                    0 | 5 => for number in 0..count {
                        if step == 0 || number == which % count {
                            let begin = checkpoints[&number];
                            owned.entry(number).or_insert_with(|| partition(begin));
                        }
                    },
                    1 if index < steps.len() => {
                        if let Some(lost) = owned.remove(&(which % count)) {
                            checkpoints.insert(which % count, lost.checkpoint.position());
                        }
                    }
                    2 => if let Some((after, _)) = feed.begin(owned.values()) {
                        let limit = usize::try_from(amount + 1).unwrap();
                        reading = Some(page(newest, after, limit));
                    },
                    3 => if let Some(page) = reading.take() {
                        let mut partitions: BTreeMap<u32, &mut Partition> =
                            owned.iter_mut().map(|(number, owned)| (*number, owned)).collect();
                        let of = |event: &EventRecord| number(event, count);
                        let now = DateTime::<Utc>::UNIX_EPOCH;
                        feed.end(page, &mut partitions, &Selection::default(), of, now);
                    },
                    4 => for (number, owned) in &mut owned {
                        let now = Instant::now();
                        for due in owned.due(now) {
                            let position = due.row.position;
                            done.entry(*number).or_default().push(position);
                            owned.answer(
                                position,
                                crate::subscriptions::item::Answer::Ack,
                                now,
                                DateTime::<Utc>::UNIX_EPOCH,
                            );
                        }
                    },
                    6 if index < steps.len() => {
                        newest += amount;
                        feed.may_have_grown();
                    }
                    _ => {}
                }
            }
            for number_ in 0..count {
                let wanted: Vec<u64> = (begins[&number_] + 1..=newest)
                    .filter(|position| number(&row(*position).record, count) == number_)
                    .collect();
                prop_assert_eq!(done.remove(&number_).unwrap_or_default(), wanted);
                prop_assert_eq!(owned[&number_].checkpoint.position(), newest);
            }
        }
    }

    #[test]
    fn partition_far_behind_does_not_delay_the_others() {
        let partitions = [partition(0), partition(90)];
        let mut feed = Feed::new();
        let mut places = BTreeSet::new();
        for _ in 0..2 {
            places.insert(feed.begin(partitions.iter()).unwrap().0.position());
            feed.failed();
        }
        assert_eq!(places, BTreeSet::from([0, 90]));
    }

    #[test]
    fn growth_during_a_read_leads_to_another_read() {
        let mut owned = partition(0);
        let mut feed = Feed::new();
        let (after, _) = feed.begin([&owned].into_iter()).unwrap();
        let read = page(1, after, 10);
        feed.may_have_grown();
        let mut partitions = BTreeMap::from([(0, &mut owned)]);
        let now = DateTime::<Utc>::UNIX_EPOCH;
        feed.end(read, &mut partitions, &Selection::default(), |_| 0, now);
        assert!(feed.begin([&owned].into_iter()).is_some());
    }
}
