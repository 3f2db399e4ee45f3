//! Snapshots of a store, to compare its rows before and after a command.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fluvius_core::{
    ActivityRecord, AggregateId, CommandBundle, CommandRecord, CommandStatus, ContextRecord, Error,
    EventRecord, LogEntry, LogQuery, MessageRecord, Session, StateRecord, Store,
};
use uuid::Uuid;

/// The logs of a store, with the states and contexts that they refer to.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreSnapshot {
    pub states: BTreeMap<AggregateId, StateRecord>,
    pub contexts: BTreeMap<Uuid, Arc<ContextRecord>>,
    pub commands: Vec<LogEntry<CommandRecord>>,
    pub events: Vec<LogEntry<EventRecord>>,
    pub messages: Vec<LogEntry<MessageRecord>>,
    pub activities: Vec<LogEntry<ActivityRecord>>,
}

impl StoreSnapshot {
    /// Reads all logs of a store.
    pub async fn of(store: &impl Store) -> Self {
        let all = LogQuery::all();
        let commands = store.read_log::<CommandRecord>(&all).await.unwrap().rows;
        let events = store.read_log::<EventRecord>(&all).await.unwrap().rows;
        let messages = store.read_log::<MessageRecord>(&all).await.unwrap().rows;
        let activities = store.read_log::<ActivityRecord>(&all).await.unwrap().rows;
        let mut states = BTreeMap::new();
        let aggregate_ids = commands
            .iter()
            .map(|row| &row.record.aggregate_id)
            .chain(events.iter().map(|row| &row.record.aggregate_id));
        for aggregate_id in aggregate_ids.collect::<BTreeSet<_>>() {
            if let Some(row) = store.load(aggregate_id).await.unwrap() {
                states.insert(aggregate_id.clone(), row);
            }
        }
        let mut contexts = BTreeMap::new();
        let ids = commands.iter().map(|row| row.record.context_id);
        for id in ids.chain(activities.iter().map(|row| row.record.context_id)) {
            let context = store.context(id).await.unwrap();
            contexts.insert(id, context.expect("a row's context is stored"));
        }
        Self { states, contexts, commands, events, messages, activities }
    }

    pub fn version(&self, aggregate_id: &AggregateId) -> u64 {
        self.states.get(aggregate_id).map_or(0, |row| row.version)
    }

    /// Returns all rows as JSON and as `Debug` text.
    pub fn text(&self) -> String {
        let mut text = format!("{self:?}");
        for row in self.states.values() {
            text += &serde_json::to_string(row).unwrap();
        }
        for row in self.contexts.values() {
            text += &serde_json::to_string(row).unwrap();
        }
        text += &serde_json::to_string(&self.commands).unwrap();
        text += &serde_json::to_string(&self.events).unwrap();
        text += &serde_json::to_string(&self.messages).unwrap();
        text += &serde_json::to_string(&self.activities).unwrap();
        text
    }
}

/// The rows that an unsuccessful command leaves in the store.
#[derive(Debug, Clone, Copy)]
pub enum Trail<'a> {
    Nothing,
    /// A rejection: one command row with this code, and its context.
    Command(&'a str),
    /// A denial: one activity, and its context.
    Activity,
}

impl Trail<'_> {
    pub fn check(self, before: &StoreSnapshot, mut after: StoreSnapshot, command: &CommandBundle) {
        let context_id = match self {
            Self::Nothing => None,
            Self::Command(code) => {
                let row = after.commands.pop().unwrap();
                assert_eq!(
                    (row.record.id, &row.record.aggregate_id, row.record.parent),
                    (command.id, &command.aggregate_id, None)
                );
                assert_eq!(row.record.key(), command.command);
                assert_eq!(row.record.status, CommandStatus::Rejected);
                assert_eq!(row.record.code.as_deref(), Some(code));
                Some(row.record.context_id)
            }
            Self::Activity => {
                let row = after.activities.pop().unwrap();
                assert_eq!(
                    (row.record.command_id, &row.record.aggregate_id),
                    (command.id, &command.aggregate_id)
                );
                assert_eq!(row.record.code.as_deref(), Some("permission-denied"));
                Some(row.record.context_id)
            }
        };
        if let Some(id) = context_id.filter(|id| !before.contexts.contains_key(id)) {
            assert!(after.contexts.remove(&id).is_some());
        }
        assert_eq!(*before, after, "an unsuccessful command leaves other rows as they were");
    }
}

/// Sends a command that ends in an error, and checks the rows that it leaves.
pub async fn check_rejected(
    store: &impl Store,
    session: &Session,
    command: CommandBundle,
    trail: Trail<'_>,
) -> Error {
    let before = StoreSnapshot::of(store).await;
    let error = session.process_command(command.clone()).await.unwrap_err();
    trail.check(&before, StoreSnapshot::of(store).await, &command);
    error
}
