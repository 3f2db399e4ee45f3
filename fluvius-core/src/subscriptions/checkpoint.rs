//! The rows that a partition writes: its checkpoint, and its parked deliveries.

use uuid::Uuid;

use super::partition::Partition;
use super::rows::{self, PartitionData};
use fluvius_store::work::{WorkUnit, WorkWrite};

/// A write of a partition that is not answered yet.
#[derive(Debug)]
pub(super) struct PartitionWrite {
    data: PartitionData,
    /// The holds that are put, by their keys.
    put: Vec<u64>,
    /// The holds whose rows are deleted.
    deleted: Vec<u64>,
    skipped: Vec<u64>,
    done_count: usize,
}

impl Partition {
    /// Returns the content of the row, with its owner after the write.
    fn data(&self, owner: Option<Uuid>) -> PartitionData {
        let unknown = self.unknown.as_ref().filter(|_| self.has_reached_unknown());
        let trouble = unknown.or(self.trouble.as_ref()).cloned();
        PartitionData { checkpoint: self.checkpoint, owner, trouble }
    }

    /// Returns true if the stored rows differ.
    pub(super) fn is_dirty(&self, owner: Option<Uuid>) -> bool {
        self.data(owner) != self.stored || self.holds.values().any(|hold| hold.is_dirty)
    }

    /// Returns the unit that stores the rows. It fails if this process has lost the partition.
    pub(super) fn write(
        &mut self,
        name: &str,
        number: u32,
        owner: Option<Uuid>,
    ) -> (WorkUnit, PartitionWrite) {
        let data = self.data(owner);
        let key = rows::partition_key(name, number);
        let mut writes = vec![WorkWrite::put(key, Some(self.token), rows::encode(&data))];
        let done_count = std::mem::take(&mut self.done_count);
        let mut write =
            PartitionWrite { data, put: vec![], deleted: vec![], skipped: vec![], done_count };
        // It was parked and done since the last write, so it has no row.
        self.holds.retain(|_, hold| !hold.is_over || hold.token.is_some());
        for (&position, hold) in self.holds.iter_mut().filter(|(_, hold)| hold.is_dirty) {
            hold.is_dirty = false;
            let key = rows::delivery_key(rows::PARKED, name, number, position);
            match hold.token.filter(|_| hold.is_over) {
                Some(token) => {
                    writes.push(WorkWrite::delete(key, token));
                    write.deleted.push(position);
                }
                None => {
                    writes.push(WorkWrite::put(key, hold.token, rows::encode(&hold.data)));
                    write.put.push(position);
                }
            }
        }
        let done = self.checkpoint.position();
        let is_covered = |position| self.holds.values().any(|hold| hold.covers(position));
        let skipped = self.skipped.range(..=done);
        for (&position, &token) in skipped.filter(|(position, _)| !is_covered(**position)) {
            let key = rows::delivery_key(rows::SKIPPED, name, number, position);
            writes.push(WorkWrite::delete(key, token));
            write.skipped.push(position);
        }
        (WorkUnit::new(writes), write)
    }

    /// Ends a write that was stored.
    pub(super) fn stored(&mut self, write: PartitionWrite, token: u64) {
        self.token = token;
        self.stored = write.data;
        for position in write.put {
            if let Some(hold) = self.holds.get_mut(&position) {
                hold.token = Some(token);
            }
        }
        for position in write.deleted {
            self.holds.remove(&position);
        }
        for position in write.skipped {
            self.skipped.remove(&position);
        }
    }

    /// Ends a write that has failed: the next one repeats it.
    pub(super) fn not_stored(&mut self, write: PartitionWrite) {
        self.done_count += write.done_count;
        for position in write.put.into_iter().chain(write.deleted) {
            if let Some(hold) = self.holds.get_mut(&position) {
                hold.is_dirty = true;
            }
        }
    }
}
