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
    /// Maximum number of rows of the next page.
    limit: usize,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self { reading: None, end: None, limit: MAX_PAGE_ROWS / 4 }
    }

    /// Notes that the log may have grown.
    pub(super) fn may_have_grown(&mut self) {
        self.end = None;
    }

    /// Begins the next read, if one is due. Returns its start and its maximum number of rows.
    ///
    /// The read begins at the partition that is furthest behind and has room. Others ignore the
    /// rows that they have.
    pub(super) fn begin<'a>(
        &mut self,
        partitions: impl Iterator<Item = &'a Partition>,
    ) -> Option<(ResumeToken, usize)> {
        if self.reading.is_some() {
            return None;
        }
        let waiting = partitions.filter(|partition| partition.wants_rows());
        let after = waiting.map(|partition| partition.read_to).min_by_key(ResumeToken::position)?;
        if self.end.is_some_and(|end| after.position() >= end) {
            return None;
        }
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
        if page.is_last() {
            self.end = Some(page.scanned_to.position());
        }
        let bytes: usize = page.rows.iter().map(|row| row_bytes(&row.record)).sum();
        if let Some(mean) = bytes.checked_div(page.rows.len()) {
            self.limit = (PAGE_BYTES / mean.max(1)).clamp(1, MAX_PAGE_ROWS);
        }
        let scanned_to = page.scanned_to;
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
