//! What a command has read and written so far, as plain data.

use std::collections::HashSet;
use std::sync::Arc;

use super::head::Head;
use crate::activity::ActivityRecord;
use crate::command::CommandRecord;
use crate::context::ContextRecord;
use crate::event::EventRecord;
use crate::few::Few;
use crate::message::MessageRecord;
use crate::root::AggregateRoot;
use crate::sequencer::Decision;
use crate::unit_of_work::{ExpectedVersion, UnitOfWork};

/// What a command, or the commands of a group, have read and written so far.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// The heads as first read, sorted by root: their versions are expected at the commit.
    reads: Few<Arc<Head>>,
    /// New heads in the order of their making; the last of a root counts.
    writes: Few<Arc<Head>>,
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

impl Work {
    /// The newest head of a root: what the command has made of it, else as first read.
    pub(crate) fn head(&self, root: &AggregateRoot) -> Option<&Arc<Head>> {
        self.writes.iter().rev().find(|head| head.root == *root).or_else(|| self.first_read(root))
    }

    /// The head of a root as it was before the command.
    pub(crate) fn first_read(&self, root: &AggregateRoot) -> Option<&Arc<Head>> {
        let index = self.reads.binary_search_by(|head| head.root.cmp(root)).ok()?;
        self.reads.get(index)
    }

    /// Adds a head that was read.
    pub(crate) fn read(&mut self, head: Arc<Head>) {
        if let Err(index) = self.reads.binary_search_by(|read| read.root.cmp(&head.root)) {
            self.reads.insert(index, head);
        }
    }

    /// Adds a head that a rule has made.
    pub(crate) fn write(&mut self, head: Arc<Head>) {
        self.writes.push(head);
    }

    /// How many rows of the logs there are so far.
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
    pub(crate) fn into_refusal(self, context: Arc<ContextRecord>) -> Decision {
        let unit = UnitOfWork { expected: self.expected(), ..UnitOfWork::empty(context) };
        Decision { reads: self.reads, writes: Few::new(), unit }
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
