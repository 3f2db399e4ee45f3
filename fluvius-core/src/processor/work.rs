//! What a command has read and written so far, as plain data.

use std::collections::HashSet;
use std::sync::Arc;

use super::head::Head;
use crate::activity::ActivityRecord;
use crate::command::CommandRecord;
use crate::context::ContextRecord;
use crate::event::EventRecord;
use crate::few::Few;
use crate::hash::Map;
use crate::message::MessageRecord;
use crate::root::AggregateRoot;
use crate::sequencer::Decision;
use crate::unit_of_work::{ExpectedVersion, UnitOfWork};

/// What a command, or the commands of a group, have read and written so far.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// The heads as first read, in the order of their reading: their versions are expected at the commit.
    reads: Few<Arc<Head>>,
    /// New heads in the order of their making; the last of a root counts.
    writes: Few<Arc<Head>>,
    index: Option<Box<Index>>,
    /// Number of heads that were compared with a root.
    #[cfg(test)]
    compared: std::sync::atomic::AtomicUsize,
    pub(crate) commands: Vec<Arc<CommandRecord>>,
    pub(crate) events: Vec<Arc<EventRecord>>,
    pub(crate) messages: Vec<Arc<MessageRecord>>,
    pub(crate) activities: Vec<Arc<ActivityRecord>>,
}

/// A state of the work that it can be taken back to. What was read is never taken back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Savepoint {
    writes: usize,
    commands: usize,
    events: usize,
    messages: usize,
    activities: usize,
}

/// Up to this many reads and writes are searched one by one.
const FEW_HEADS: usize = 8;

/// The indexes of heads by root, once there are more than a few.
#[derive(Debug, Default)]
struct Index {
    places: Map<AggregateRoot, Places>,
    /// For each write, the previous write of the same root.
    written_before: Vec<Option<usize>>,
}

/// The indexes of the heads of one root.
#[derive(Debug, Clone, Copy, Default)]
struct Places {
    read: Option<usize>,
    write: Option<usize>,
}

impl Index {
    fn read(&mut self, root: &AggregateRoot, at: usize) {
        self.places.entry(root.clone()).or_default().read = Some(at);
    }

    fn write(&mut self, root: &AggregateRoot, at: usize) {
        let places = self.places.entry(root.clone()).or_default();
        self.written_before.push(places.write.replace(at));
    }

    /// Takes the last write back.
    fn unwrite(&mut self, root: &AggregateRoot) {
        let before = self.written_before.pop().flatten();
        if let Some(places) = self.places.get_mut(root) {
            places.write = before;
        }
    }
}

impl Work {
    /// The newest head of a root: what the command has made of it, else as first read.
    pub(crate) fn head(&self, root: &AggregateRoot) -> Option<&Arc<Head>> {
        let written = match &self.index {
            Some(index) => {
                let place = index.places.get(root).and_then(|places| places.write);
                place.and_then(|place| self.writes.get(place))
            }
            None => self.writes.iter().rev().find(|head| self.is_of(head, root)),
        };
        written.or_else(|| self.first_read(root))
    }

    /// The head of a root as it was before the command.
    pub(crate) fn first_read(&self, root: &AggregateRoot) -> Option<&Arc<Head>> {
        match &self.index {
            Some(index) => self.reads.get(index.places.get(root)?.read?),
            None => self.reads.iter().find(|head| self.is_of(head, root)),
        }
    }

    fn is_of(&self, head: &Head, root: &AggregateRoot) -> bool {
        #[cfg(test)]
        self.compared.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        head.root == *root
    }

    /// Adds a head that was read.
    pub(crate) fn read(&mut self, head: Arc<Head>) {
        if self.first_read(&head.root).is_some() {
            return;
        }
        if let Some(index) = &mut self.index {
            index.read(&head.root, self.reads.len());
        }
        self.reads.push(head);
        self.index_many();
    }

    /// Adds a head that a rule has made.
    pub(crate) fn write(&mut self, head: Arc<Head>) {
        if let Some(index) = &mut self.index {
            index.write(&head.root, self.writes.len());
        }
        self.writes.push(head);
        self.index_many();
    }

    /// Makes the index when there are more than a few heads.
    fn index_many(&mut self) {
        if self.index.is_some() || self.reads.len() + self.writes.len() <= FEW_HEADS {
            return;
        }
        let mut index = Index::default();
        for (at, head) in self.reads.iter().enumerate() {
            index.read(&head.root, at);
        }
        for (at, head) in self.writes.iter().enumerate() {
            index.write(&head.root, at);
        }
        self.index = Some(Box::new(index));
    }

    /// Number of log rows so far.
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

    /// Takes back all that was written since; the reads stay, since the rule may have reacted
    /// to them.
    pub(crate) fn roll_back(&mut self, to: Savepoint) {
        if let Some(index) = &mut self.index {
            for head in self.writes.drain(to.writes.min(self.writes.len())..).rev() {
                index.unwrite(&head.root);
            }
        }
        self.writes.truncate(to.writes);
        self.commands.truncate(to.commands);
        self.events.truncate(to.events);
        self.messages.truncate(to.messages);
        self.activities.truncate(to.activities);
    }

    /// Puts a command's row before those of the commands that it has invoked.
    pub(crate) fn record_command(&mut self, since: Savepoint, command: CommandRecord) {
        insert(&mut self.commands, since.commands, Arc::new(command));
    }

    /// Puts a command's event before those of the commands that it has invoked.
    pub(crate) fn record_event(&mut self, since: Savepoint, event: EventRecord) {
        insert(&mut self.events, since.events, Arc::new(event));
    }

    /// What was read and written, as the sequencer takes it.
    pub(crate) fn into_decision(mut self, context: Arc<ContextRecord>) -> Decision {
        let writes = self.last_writes();
        self.sort_reads();
        let unit = UnitOfWork {
            expected: self.expected(),
            states: writes.iter().filter_map(|head| head.record.clone()).collect(),
            commands: self.commands,
            events: self.events,
            messages: self.messages,
            activities: self.activities,
            ..UnitOfWork::empty(context)
        };
        Decision { reads: self.reads, writes, unit }
    }

    /// Only what was read: what a refusal rests on.
    pub(crate) fn into_refusal(mut self, context: Arc<ContextRecord>) -> Decision {
        self.sort_reads();
        let unit = UnitOfWork { expected: self.expected(), ..UnitOfWork::empty(context) };
        Decision { reads: self.reads, writes: Few::new(), unit }
    }

    /// Sorts the reads by root, as a unit of work lists them; each root was read once.
    fn sort_reads(&mut self) {
        self.reads.sort_unstable_by(|one, other| one.root.cmp(&other.root));
        self.index = None;
    }

    fn expected(&self) -> Vec<ExpectedVersion> {
        let reads = self.reads.iter();
        reads
            .map(|head| ExpectedVersion { root: head.root.clone(), version: head.version() })
            .collect()
    }

    /// The new heads, one a root.
    fn last_writes(&mut self) -> Few<Arc<Head>> {
        if self.writes.len() < 2 {
            return std::mem::take(&mut self.writes);
        }
        let mut last: Few<Arc<Head>> = Few::with_capacity(self.writes.len());
        let mut seen = HashSet::new();
        for head in self.writes.iter().rev() {
            if seen.insert(&head.root) {
                last.push(Arc::clone(head));
            }
        }
        last.sort_unstable_by(|one, other| one.root.cmp(&other.root));
        last
    }
}

/// Most lists of a unit have one element, and no room for more.
fn insert<T>(list: &mut Vec<T>, index: usize, element: T) {
    if list.is_empty() {
        *list = vec![element];
    } else {
        list.insert(index, element);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn root(number: u128) -> AggregateRoot {
        AggregateRoot::new("line", Uuid::from_u128(number))
    }

    fn head(number: u128) -> Arc<Head> {
        Arc::new(Head::loaded(root(number), None))
    }

    /// Reads and writes many roots, and returns the number of compared heads.
    fn compared(count: u128) -> usize {
        let mut work = Work::default();
        for number in (0..count).rev() {
            assert!(work.head(&root(number)).is_none());
            work.read(head(number));
            work.write(head(number));
        }
        assert!((0..count).all(|number| work.head(&root(number)).is_some()));
        work.sort_reads();
        assert!(work.reads.is_sorted_by(|one, other| one.root < other.root));
        assert_eq!(work.reads.len(), work.writes.len());
        work.compared.into_inner()
    }

    #[test]
    fn a_large_unit_compares_no_more_heads_than_a_small_one() {
        assert_eq!(compared(16_000), compared(100));
    }

    #[test]
    fn a_write_taken_back_uncovers_the_previous_write() {
        for many in [0, 100] {
            let mut work = Work::default();
            for number in 10..10 + many {
                work.read(head(number));
            }
            let (read, first, second) = (head(1), head(1), head(1));
            work.read(Arc::clone(&read));
            let none = work.savepoint();
            work.write(Arc::clone(&first));
            let one = work.savepoint();
            work.write(Arc::clone(&second));
            work.write(head(2));
            let newest = |work: &Work, expected: &Arc<Head>| {
                assert!(work.head(&root(1)).is_some_and(|head| Arc::ptr_eq(head, expected)));
            };
            newest(&work, &second);
            work.roll_back(one);
            newest(&work, &first);
            assert!(work.head(&root(2)).is_none());
            work.roll_back(none);
            newest(&work, &read);
            work.write(Arc::clone(&second));
            newest(&work, &second);
        }
    }
}
