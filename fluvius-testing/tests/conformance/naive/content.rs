//! The content of the naive store: one vector of rows for all logs.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use fluvius_core::{
    ActivityRecord, AggregateId, CommandRecord, ContextRecord, EventRecord, LogEntry,
    MessageRecord, ResumeToken, StateRecord,
};
use uuid::Uuid;

#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) position: u64,
    pub(super) owners: BTreeMap<String, String>,
    pub(super) states: BTreeMap<AggregateId, StateRecord>,
    pub(super) contexts: BTreeMap<Uuid, Arc<ContextRecord>>,
    pub(super) rows: Vec<LogEntry<Row>>,
    pub(super) taken: HashSet<Uuid>,
}

#[derive(Debug, Clone)]
pub(super) enum Row {
    Command(CommandRecord),
    Event(EventRecord),
    Message(MessageRecord),
    Activity(ActivityRecord),
}

impl Content {
    pub(super) fn command(
        &self,
        id: Uuid,
    ) -> Option<(LogEntry<CommandRecord>, Arc<ContextRecord>)> {
        self.rows.iter().find_map(|row| match &row.record {
            Row::Command(record) if record.id == id => {
                let context = Arc::clone(self.contexts.get(&record.context_id)?);
                Some((LogEntry { position: row.position, record: record.clone() }, context))
            }
            _ => None,
        })
    }

    pub(super) fn count(&self, like: &Row) -> u64 {
        let kind = std::mem::discriminant(like);
        let rows = self.rows.iter();
        rows.filter(|row| std::mem::discriminant(&row.record) == kind).count() as u64
    }

    fn realm_of_context(&self, id: Uuid) -> Option<String> {
        self.contexts.get(&id).and_then(|context| context.realm.clone())
    }

    fn realm_of_command(&self, id: Uuid) -> Option<String> {
        let command = self.rows.iter().find_map(|row| match &row.record {
            Row::Command(record) if record.id == id => Some(record.context_id),
            _ => None,
        });
        command.and_then(|context| self.realm_of_context(context))
    }
}

impl Row {
    pub(super) fn aggregate_id(&self) -> &AggregateId {
        match self {
            Self::Command(row) => &row.aggregate_id,
            Self::Event(row) => &row.aggregate_id,
            Self::Message(row) => &row.aggregate_id,
            Self::Activity(row) => &row.aggregate_id,
        }
    }

    /// The place of a row.
    pub(super) fn place(row: &LogEntry<Self>) -> ResumeToken {
        let id = match &row.record {
            Self::Command(record) => record.id,
            Self::Event(record) => record.id,
            Self::Message(record) => record.id,
            Self::Activity(record) => record.id,
        };
        ResumeToken::new(row.position, id)
    }

    pub(super) fn realm(&self, content: &Content) -> Option<String> {
        match self {
            Self::Command(row) => content.realm_of_context(row.context_id),
            Self::Event(row) => content.realm_of_command(row.command_id),
            Self::Message(row) => content.realm_of_command(row.command_id),
            Self::Activity(row) => content.realm_of_context(row.context_id),
        }
    }
}
