//! The tables of the memory store, and the commit as a plain function of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use uuid::Uuid;

use super::FastMap;
use super::leases::HeldLeases;
use super::work::Work;
use crate::aggregate_id::AggregateId;
use crate::error::StoreError;
use crate::outcome::CommitOutcome;
use crate::query::{Filter, StateQuery};
use crate::record::{
    ActivityRecord, CommandRecord, ContextRecord, EventRecord, LogEntry, MessageRecord,
    StateRecord, StoredCommand,
};
use crate::unit_of_work::UnitOfWork;

/// The content of the store. Logs are vectors in position order.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) position: u64,
    owners: BTreeMap<&'static str, String>,
    aggregates: FastMap<AggregateId, Aggregate>,
    /// The same aggregates in the order of queries.
    in_order: BTreeSet<AggregateId>,
    pub(super) contexts: FastMap<Uuid, Arc<ContextRecord>>,
    pub(super) commands: Vec<LogEntry<Arc<CommandRecord>>>,
    pub(super) events: Vec<LogEntry<Arc<EventRecord>>>,
    pub(super) messages: Vec<LogEntry<Arc<MessageRecord>>>,
    pub(super) activities: Vec<LogEntry<Arc<ActivityRecord>>>,
    pub(super) command_index: FastMap<Uuid, usize>,
    pub(super) leases: HeldLeases,
    pub(super) work: Work,
}

/// The stored data of one aggregate.
#[derive(Debug)]
struct Aggregate {
    state: Arc<StateRecord>,
    /// The indexes of its events in the event log: version v is at v - 1.
    events: Vec<usize>,
}

impl Tables {
    pub(super) fn register_domain(
        &mut self,
        domain: &str,
        resources: &[&'static str],
    ) -> Result<(), StoreError> {
        for resource in resources {
            if let Some(owner) = self.owners.get(resource).filter(|owner| *owner != domain) {
                return Err(StoreError::resource_taken(resource, owner));
            }
        }
        for resource in resources {
            self.owners.insert(resource, domain.to_owned());
        }
        Ok(())
    }

    pub(super) fn commit(&mut self, batch: &[UnitOfWork]) -> Vec<CommitOutcome> {
        let mut outcomes: Vec<CommitOutcome> = Vec::with_capacity(batch.len());
        for (index, unit) in batch.iter().enumerate() {
            let outcome = match unit.validate(index) {
                Ok(()) => self.failure_of(unit, &outcomes).unwrap_or_else(|| self.write(unit)),
                Err(fault) => CommitOutcome::Failed(fault),
            };
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Returns the outcome of a unit that cannot be stored, or `None`. The unit is written only
    /// after this check.
    fn failure_of(&self, unit: &UnitOfWork, outcomes: &[CommitOutcome]) -> Option<CommitOutcome> {
        let aborted = unit
            .depends_on
            .iter()
            .find(|on| !matches!(outcomes.get(**on), Some(CommitOutcome::Committed { .. })));
        if let Some(on) = aborted {
            return Some(CommitOutcome::DependencyAborted { on: *on });
        }
        let duplicate = unit.commands.iter().find_map(|command| self.command(command.id));
        if let Some((command, context)) = duplicate {
            return Some(CommitOutcome::DuplicateCommand { command: Box::new(command), context });
        }
        let conflict = unit.expected.iter().find(|expected| {
            let version = self.state(&expected.aggregate_id).map_or(0, |row| row.version);
            version != expected.version
        });
        conflict.map(|expected| CommitOutcome::VersionConflict {
            aggregate_id: expected.aggregate_id.clone(),
            stored: self.state(&expected.aggregate_id).cloned().map(Box::new),
        })
    }

    fn write(&mut self, unit: &UnitOfWork) -> CommitOutcome {
        let first = self.position + 1;
        if unit.row_count() == 0 {
            return CommitOutcome::Committed { first, contended: Vec::new() };
        }
        self.contexts.entry(unit.context.id).or_insert_with(|| Arc::clone(&unit.context));
        for command in &unit.commands {
            self.command_index.insert(command.id, self.commands.len());
            append(&mut self.position, &mut self.commands, command);
        }
        let first_event = self.events.len();
        for event in &unit.events {
            append(&mut self.position, &mut self.events, event);
        }
        for state in &unit.states {
            let aggregate = match self.aggregates.get_mut(&state.aggregate_id) {
                Some(aggregate) => aggregate,
                None => {
                    self.in_order.insert(state.aggregate_id.clone());
                    let aggregate = Aggregate { state: Arc::clone(state), events: Vec::new() };
                    self.aggregates.entry(state.aggregate_id.clone()).or_insert(aggregate)
                }
            };
            aggregate.state = Arc::clone(state);
        }
        // A valid unit has a state for each aggregate that has an event.
        for (event, index) in unit.events.iter().zip(first_event..) {
            if let Some(aggregate) = self.aggregates.get_mut(&event.aggregate_id) {
                aggregate.events.push(index);
            }
        }
        for message in &unit.messages {
            append(&mut self.position, &mut self.messages, message);
        }
        for activity in &unit.activities {
            append(&mut self.position, &mut self.activities, activity);
        }
        let written = unit.states.iter().map(|state| &state.aggregate_id);
        let contended = match self.leases.is_empty() {
            true => Vec::new(),
            false => written
                .filter(|aggregate_id| self.leases.contains_key(aggregate_id))
                .cloned()
                .collect(),
        };
        CommitOutcome::Committed { first, contended }
    }

    pub(super) fn state(&self, aggregate_id: &AggregateId) -> Option<&StateRecord> {
        self.aggregates.get(aggregate_id).map(|aggregate| aggregate.state.as_ref())
    }

    /// Returns the candidate rows of a query, narrowed as far as possible without reading states.
    pub(super) fn states(&self, query: &StateQuery) -> Vec<StateRecord> {
        let wanted = query.resource.as_ref();
        let is_by_aggregate = query.sort.is_empty();
        let after = query.after.as_ref().filter(|_| is_by_aggregate);
        let first = wanted.map(|wanted| AggregateId::new(wanted.clone(), Uuid::nil()));
        let start = match (after, &first) {
            (Some(after), _) => Bound::Excluded(after.aggregate_id()),
            (None, Some(first)) => Bound::Included(first),
            (None, None) => Bound::Unbounded,
        };
        let aggregate_ids = self.in_order.range::<AggregateId, _>((start, Bound::Unbounded));
        let aggregate_ids = aggregate_ids.take_while(|aggregate_id| {
            wanted.is_none_or(|wanted| *wanted == aggregate_id.resource)
        });
        let rows =
            aggregate_ids.filter_map(|aggregate_id| self.state(aggregate_id)).filter(|row| {
                (query.with_closed || row.closed_at.is_none())
                    && query.realm.admits(row.realm.as_deref())
            });
        // Without a filter, no more rows are needed than are returned.
        let is_all = is_by_aggregate && query.filter == Filter::default();
        let count = if is_all { query.limit } else { usize::MAX };
        rows.take(count).cloned().collect()
    }

    pub(super) fn command(&self, id: Uuid) -> Option<StoredCommand> {
        let row = self.commands.get(*self.command_index.get(&id)?)?;
        Some((copy(row), self.context(row.record.context_id)?))
    }

    pub(super) fn context(&self, id: Uuid) -> Option<Arc<ContextRecord>> {
        self.contexts.get(&id).cloned()
    }

    /// Returns the indexes of an aggregate's events in the event log.
    pub(super) fn events_of(&self, aggregate_id: &AggregateId) -> &[usize] {
        self.aggregates.get(aggregate_id).map_or(&[], |aggregate| &aggregate.events)
    }

    pub(super) fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Vec<LogEntry<EventRecord>> {
        let of_aggregate = self.events_of(aggregate_id);
        // Version v is at v - 1, so no event before the first is visited.
        let start = usize::try_from(first.saturating_sub(1)).unwrap_or(usize::MAX);
        let of_aggregate = of_aggregate.get(start..).unwrap_or_default();
        of_aggregate
            .iter()
            .filter_map(|index| self.events.get(*index))
            .take_while(|event| event.record.version <= last)
            .map(copy)
            .collect()
    }
}

pub(super) fn append<T>(position: &mut u64, log: &mut Vec<LogEntry<Arc<T>>>, record: &Arc<T>) {
    *position += 1;
    log.push(LogEntry { position: *position, record: Arc::clone(record) });
}

fn copy<T: Clone>(row: &LogEntry<Arc<T>>) -> LogEntry<T> {
    LogEntry { position: row.position, record: T::clone(&row.record) }
}
