//! The reads and writes of a command so far, as plain data.

use std::collections::HashSet;
use std::sync::Arc;

use crate::collections::FastMap;
use crate::collections::OneVec;
use crate::scheduler::{CachedVersion, Decision};
use fluvius_store::{
    ActivityRecord, AggregateId, CommandRecord, ContextRecord, EventRecord, ExpectedVersion,
    MessageRecord, SmallList, UnitOfWork,
};

/// The reads and writes of a command or of an atomic group so far.
#[derive(Debug, Default)]
pub(crate) struct WriteSet {
    /// The versions as first read, in reading order. The commit expects them.
    reads: OneVec<Arc<CachedVersion>>,
    /// New versions in writing order. The last one of an aggregate counts.
    writes: OneVec<Arc<CachedVersion>>,
    index: Option<Box<Index>>,
    /// Number of versions whose aggregate was compared with another.
    #[cfg(test)]
    compared: std::sync::atomic::AtomicUsize,
    pub(crate) commands: SmallList<Arc<CommandRecord>>,
    pub(crate) events: SmallList<Arc<EventRecord>>,
    pub(crate) messages: Vec<Arc<MessageRecord>>,
    pub(crate) activities: Vec<Arc<ActivityRecord>>,
}

/// A state of the write set to which it can be rolled back. Reads are never rolled back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Savepoint {
    writes: usize,
    commands: usize,
    events: usize,
    messages: usize,
    activities: usize,
}

/// Maximum number of reads and writes that are searched linearly.
const FEW_VERSIONS: usize = 8;

/// Indexes of versions by aggregate, built once there are more than a few.
#[derive(Debug, Default)]
struct Index {
    places: FastMap<AggregateId, Places>,
    /// For each write, the previous write of the same aggregate.
    written_before: Vec<Option<usize>>,
}

/// The indexes of the versions of one aggregate.
#[derive(Debug, Clone, Copy, Default)]
struct Places {
    read: Option<usize>,
    write: Option<usize>,
}

impl Index {
    fn read(&mut self, aggregate_id: &AggregateId, at: usize) {
        self.places.entry(aggregate_id.clone()).or_default().read = Some(at);
    }

    fn write(&mut self, aggregate_id: &AggregateId, at: usize) {
        let places = self.places.entry(aggregate_id.clone()).or_default();
        self.written_before.push(places.write.replace(at));
    }

    /// Removes the last write.
    fn unwrite(&mut self, aggregate_id: &AggregateId) {
        let before = self.written_before.pop().flatten();
        if let Some(places) = self.places.get_mut(aggregate_id) {
            places.write = before;
        }
    }
}

impl WriteSet {
    /// Returns the newest version of an aggregate: the one that the command has written, else the
    /// one first read.
    pub(crate) fn cached(&self, aggregate_id: &AggregateId) -> Option<&Arc<CachedVersion>> {
        let written = match &self.index {
            Some(index) => {
                let place = index.places.get(aggregate_id).and_then(|places| places.write);
                place.and_then(|place| self.writes.get(place))
            }
            None => self.writes.iter().rev().find(|cached| self.is_of(cached, aggregate_id)),
        };
        written.or_else(|| self.first_read(aggregate_id))
    }

    /// Returns the version of an aggregate before the command.
    pub(crate) fn first_read(&self, aggregate_id: &AggregateId) -> Option<&Arc<CachedVersion>> {
        match &self.index {
            Some(index) => self.reads.get(index.places.get(aggregate_id)?.read?),
            None => self.reads.iter().find(|cached| self.is_of(cached, aggregate_id)),
        }
    }

    fn is_of(&self, cached: &CachedVersion, aggregate_id: &AggregateId) -> bool {
        #[cfg(test)]
        self.compared.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        cached.aggregate_id == *aggregate_id
    }

    /// Adds a version that was read.
    pub(crate) fn read(&mut self, cached: Arc<CachedVersion>) {
        if self.first_read(&cached.aggregate_id).is_some() {
            return;
        }
        if let Some(index) = &mut self.index {
            index.read(&cached.aggregate_id, self.reads.len());
        }
        self.reads.push(cached);
        self.index_many();
    }

    /// Adds a version that an action has written.
    pub(crate) fn write(&mut self, cached: Arc<CachedVersion>) {
        if let Some(index) = &mut self.index {
            index.write(&cached.aggregate_id, self.writes.len());
        }
        self.writes.push(cached);
        self.index_many();
    }

    /// Builds the index once there are more than a few versions.
    fn index_many(&mut self) {
        if self.index.is_some() || self.reads.len() + self.writes.len() <= FEW_VERSIONS {
            return;
        }
        let mut index = Index::default();
        for (at, cached) in self.reads.iter().enumerate() {
            index.read(&cached.aggregate_id, at);
        }
        for (at, cached) in self.writes.iter().enumerate() {
            index.write(&cached.aggregate_id, at);
        }
        self.index = Some(Box::new(index));
    }

    /// Returns the number of log rows so far.
    pub(crate) fn row_count(&self) -> usize {
        self.commands.len() + self.events.len() + self.messages.len() + self.activities.len()
    }

    pub(crate) fn savepoint(&self) -> Savepoint {
        Savepoint {
            writes: self.writes.len(),
            commands: self.commands.len(),
            events: self.events.len(),
            messages: self.messages.len(),
            activities: self.activities.len(),
        }
    }

    /// Removes all writes since the savepoint. The reads remain, since the action may have reacted
    /// to them.
    pub(crate) fn roll_back(&mut self, to: Savepoint) {
        if let Some(index) = &mut self.index {
            for cached in self.writes.drain(to.writes.min(self.writes.len())..).rev() {
                index.unwrite(&cached.aggregate_id);
            }
        }
        self.writes.truncate(to.writes);
        self.commands.truncate(to.commands);
        self.events.truncate(to.events);
        self.messages.truncate(to.messages);
        self.activities.truncate(to.activities);
    }

    /// Inserts a command's row before the rows of the commands that it has invoked.
    pub(crate) fn record_command(&mut self, since: Savepoint, command: CommandRecord) {
        self.commands.insert(since.commands, Arc::new(command));
    }

    /// Inserts a command's event before the events of the commands that it has invoked.
    pub(crate) fn record_event(&mut self, since: Savepoint, event: EventRecord) {
        self.events.insert(since.events, Arc::new(event));
    }

    /// Returns the reads and writes as a decision.
    pub(crate) fn into_decision(mut self, context: Arc<ContextRecord>) -> Decision {
        let writes = self.last_writes();
        self.sort_reads();
        let mut unit = UnitOfWork::new(context);
        unit.expected = self.expected();
        unit.states = writes.iter().filter_map(|cached| cached.record.clone()).collect();
        unit.commands = self.commands;
        unit.events = self.events;
        unit.messages = self.messages;
        unit.activities = self.activities;
        Decision { reads: self.reads, writes, unit }
    }

    /// Returns only the reads as a decision, for a command that was not applied.
    pub(crate) fn into_rejection(mut self, context: Arc<ContextRecord>) -> Decision {
        self.sort_reads();
        let mut unit = UnitOfWork::new(context);
        unit.expected = self.expected();
        Decision { reads: self.reads, writes: OneVec::new(), unit }
    }

    /// Sorts the reads by aggregate, as required in a unit of work. Each aggregate was read once.
    fn sort_reads(&mut self) {
        self.reads.sort_unstable_by(|one, other| one.aggregate_id.cmp(&other.aggregate_id));
        self.index = None;
    }

    fn expected(&self) -> SmallList<ExpectedVersion> {
        let reads = self.reads.iter();
        reads
            .map(|cached| ExpectedVersion {
                aggregate_id: cached.aggregate_id.clone(),
                version: cached.version(),
            })
            .collect()
    }

    /// Returns the new versions, one per aggregate.
    fn last_writes(&mut self) -> OneVec<Arc<CachedVersion>> {
        if self.writes.len() < 2 {
            return std::mem::take(&mut self.writes);
        }
        let mut last: OneVec<Arc<CachedVersion>> = OneVec::with_capacity(self.writes.len());
        let mut seen = HashSet::new();
        for cached in self.writes.iter().rev() {
            if seen.insert(&cached.aggregate_id) {
                last.push(Arc::clone(cached));
            }
        }
        last.sort_unstable_by(|one, other| one.aggregate_id.cmp(&other.aggregate_id));
        last
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn aggregate_id(number: u128) -> AggregateId {
        AggregateId::new("line", Uuid::from_u128(number))
    }

    fn cached(number: u128) -> Arc<CachedVersion> {
        Arc::new(CachedVersion::loaded(aggregate_id(number), None))
    }

    /// Reads and writes many aggregates, and returns the number of compared versions.
    fn compared(count: u128) -> usize {
        let mut write_set = WriteSet::default();
        for number in (0..count).rev() {
            assert!(write_set.cached(&aggregate_id(number)).is_none());
            write_set.read(cached(number));
            write_set.write(cached(number));
        }
        assert!((0..count).all(|number| write_set.cached(&aggregate_id(number)).is_some()));
        write_set.sort_reads();
        assert!(write_set.reads.is_sorted_by(|one, other| one.aggregate_id < other.aggregate_id));
        assert_eq!(write_set.reads.len(), write_set.writes.len());
        write_set.compared.into_inner()
    }

    #[test]
    fn number_of_compared_versions_is_bounded() {
        assert_eq!(compared(16_000), compared(100));
    }

    #[test]
    fn rolled_back_write_uncovers_the_previous_write() {
        for many in [0, 100] {
            let mut write_set = WriteSet::default();
            for number in 10..10 + many {
                write_set.read(cached(number));
            }
            let (read, first, second) = (cached(1), cached(1), cached(1));
            write_set.read(Arc::clone(&read));
            let none = write_set.savepoint();
            write_set.write(Arc::clone(&first));
            let one = write_set.savepoint();
            write_set.write(Arc::clone(&second));
            write_set.write(cached(2));
            let newest = |write_set: &WriteSet, expected: &Arc<CachedVersion>| {
                assert!(
                    write_set
                        .cached(&aggregate_id(1))
                        .is_some_and(|cached| Arc::ptr_eq(cached, expected))
                );
            };
            newest(&write_set, &second);
            write_set.roll_back(one);
            newest(&write_set, &first);
            assert!(write_set.cached(&aggregate_id(2)).is_none());
            write_set.roll_back(none);
            newest(&write_set, &read);
            write_set.write(Arc::clone(&second));
            newest(&write_set, &second);
        }
    }
}
