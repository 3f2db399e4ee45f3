//! The complete content of a store, actual and expected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::case_failure::{CaseFailure, CaseResult, same};
use super::handle::{Handle, all};
use fluvius_store::{
    ActivityRecord, AggregateId, CommandRecord, ContextRecord, EventRecord, Json, LogEntry,
    MessageRecord, StateDelta, StateRecord, Store, UnitOfWork,
};

/// The ids to look up, beside the rows of the logs.
#[derive(Debug, Clone, Default)]
pub(super) struct Watched {
    pub(super) aggregate_ids: BTreeSet<AggregateId>,
    contexts: BTreeSet<Uuid>,
    commands: BTreeSet<Uuid>,
}

impl Watched {
    pub(super) fn add(&mut self, unit: &UnitOfWork) {
        self.aggregate_ids
            .extend(unit.expected.iter().map(|expected| expected.aggregate_id.clone()));
        self.aggregate_ids.extend(unit.states.iter().map(|state| state.aggregate_id.clone()));
        self.contexts.insert(unit.context.id);
        self.commands.extend(unit.commands.iter().map(|command| command.id));
    }
}

/// The complete content of a store. JSON whose text the contract does not keep is normalized.
#[derive(Debug, PartialEq)]
pub(super) struct Content {
    pub(super) commands: Vec<LogEntry<CommandRecord>>,
    pub(super) events: Vec<LogEntry<EventRecord>>,
    pub(super) messages: Vec<LogEntry<MessageRecord>>,
    pub(super) activities: Vec<LogEntry<ActivityRecord>>,
    states: BTreeMap<AggregateId, StateRecord>,
    pub(super) histories: BTreeMap<AggregateId, Vec<LogEntry<EventRecord>>>,
    pub(super) contexts: BTreeMap<Uuid, ContextRecord>,
    pub(super) by_id: BTreeMap<Uuid, (LogEntry<CommandRecord>, ContextRecord)>,
}

impl Content {
    /// Reads the content of a store.
    pub(super) async fn read(store: &Handle, watched: &Watched) -> Result<Self, CaseFailure> {
        let mut content = Self {
            commands: store.read_log::<CommandRecord>(&all()).await?.rows,
            events: store
                .read_log::<EventRecord>(&all())
                .await?
                .rows
                .into_iter()
                .map(event)
                .collect(),
            messages: store
                .read_log::<MessageRecord>(&all())
                .await?
                .rows
                .into_iter()
                .map(message)
                .collect(),
            activities: store
                .read_log::<ActivityRecord>(&all())
                .await?
                .rows
                .into_iter()
                .map(activity)
                .collect(),
            states: BTreeMap::new(),
            histories: BTreeMap::new(),
            contexts: BTreeMap::new(),
            by_id: BTreeMap::new(),
        };
        for aggregate_id in &watched.aggregate_ids {
            if let Some(row) = store.load(aggregate_id).await? {
                content.states.insert(aggregate_id.clone(), state(row));
            }
            let history = store.history(aggregate_id, 1, u64::MAX).await?;
            if !history.is_empty() {
                let history = history.into_iter().map(event).collect();
                content.histories.insert(aggregate_id.clone(), history);
            }
        }
        for id in &watched.contexts {
            if let Some(context) = store.context(*id).await? {
                content.contexts.insert(*id, Arc::unwrap_or_clone(context));
            }
        }
        for id in &watched.commands {
            if let Some((row, context)) = store.command(*id).await? {
                content.by_id.insert(*id, (row, Arc::unwrap_or_clone(context)));
            }
        }
        Ok(content)
    }

    /// Returns the expected content of a store after these units, in order of position.
    pub(super) fn of(committed: &mut [(u64, UnitOfWork)]) -> Self {
        let mut content = Self {
            commands: Vec::new(),
            events: Vec::new(),
            messages: Vec::new(),
            activities: Vec::new(),
            states: BTreeMap::new(),
            histories: BTreeMap::new(),
            contexts: BTreeMap::new(),
            by_id: BTreeMap::new(),
        };
        committed.sort_by_key(|(first, _)| *first);
        for (first, unit) in committed {
            if unit.row_count() > 0 {
                content.add(*first, unit);
            }
        }
        content
    }

    fn add(&mut self, first: u64, unit: &UnitOfWork) {
        let mut position = first..;
        let mut next = || position.next().unwrap_or(u64::MAX);
        // The first stored context is kept.
        let context = self.contexts.entry(unit.context.id);
        let context = context.or_insert_with(|| ContextRecord::clone(&unit.context));
        for record in &unit.commands {
            let row = LogEntry { position: next(), record: record.as_ref().clone() };
            self.by_id.insert(record.id, (row.clone(), context.clone()));
            self.commands.push(row);
        }
        for record in &unit.events {
            let row = event(LogEntry { position: next(), record: record.as_ref().clone() });
            self.histories.entry(record.aggregate_id.clone()).or_default().push(row.clone());
            self.events.push(row);
        }
        for record in &unit.messages {
            self.messages
                .push(message(LogEntry { position: next(), record: record.as_ref().clone() }));
        }
        for record in &unit.activities {
            self.activities
                .push(activity(LogEntry { position: next(), record: record.as_ref().clone() }));
        }
        for row in &unit.states {
            self.states.insert(row.aggregate_id.clone(), state(row.as_ref().clone()));
        }
    }

    /// Compares the expected content with the actual one.
    pub(super) fn compare(&self, found: &Self) -> CaseResult {
        rows("the command log", &self.commands, &found.commands)?;
        rows("the event log", &self.events, &found.events)?;
        rows("the message log", &self.messages, &found.messages)?;
        rows("the activity log", &self.activities, &found.activities)?;
        entries("the row of an aggregate", &self.states, &found.states)?;
        entries("the history of an aggregate", &self.histories, &found.histories)?;
        entries("a context", &self.contexts, &found.contexts)?;
        entries("a command by its identifier", &self.by_id, &found.by_id)
    }
}

fn rows<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &[LogEntry<T>],
    found: &[LogEntry<T>],
) -> CaseResult {
    for (expected, found) in expected.iter().zip(found) {
        same(what, expected, found)?;
    }
    // The common prefix is equal. Compare the rest.
    let equal = expected.len().min(found.len());
    same(what, &expected[equal..], &found[equal..])
}

fn entries<K: Ord + std::fmt::Debug, T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &BTreeMap<K, T>,
    found: &BTreeMap<K, T>,
) -> CaseResult {
    let keys: BTreeSet<&K> = expected.keys().chain(found.keys()).collect();
    for key in keys {
        same(&format!("{what} ({key:?})"), &expected.get(key), &found.get(key))?;
    }
    Ok(())
}

/// Returns a row of the event log with normalized JSON.
pub(super) fn event(mut row: LogEntry<EventRecord>) -> LogEntry<EventRecord> {
    row.record.args = value(&row.record.args);
    row.record.data = row.record.data.as_ref().map(value);
    row.record.delta = match &row.record.delta {
        StateDelta::Snapshot(whole) => StateDelta::Snapshot(value(whole)),
        StateDelta::Patch(patch) => StateDelta::Patch(value(patch)),
    };
    row
}

fn message(mut row: LogEntry<MessageRecord>) -> LogEntry<MessageRecord> {
    row.record.data = value(&row.record.data);
    row
}

fn activity(mut row: LogEntry<ActivityRecord>) -> LogEntry<ActivityRecord> {
    row.record.data = row.record.data.as_ref().map(value);
    row
}

/// Returns the row of an aggregate with normalized JSON.
pub(super) fn state(mut row: StateRecord) -> StateRecord {
    row.data = value(&row.data);
    row
}

/// Normalizes the order of keys and the spelling of numbers.
fn value(text: &Json) -> Json {
    match Json::from_value(&text.to_value()) {
        Ok(written) => fluvius_store::__private::canonical(&written, &[]),
        Err(_) => text.clone(),
    }
}
