//! The content of the naive store: one vector of rows for all logs.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use fluvius_core::{
    AggregateId, AnyRecord, CommandRecord, ContextRecord, LogEntry, LogKind, ResumeToken,
    StateRecord,
};
use uuid::Uuid;

#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) position: u64,
    pub(super) owners: BTreeMap<String, String>,
    pub(super) states: BTreeMap<AggregateId, StateRecord>,
    pub(super) contexts: BTreeMap<Uuid, Arc<ContextRecord>>,
    pub(super) rows: Vec<LogEntry<AnyRecord>>,
    pub(super) taken: HashSet<Uuid>,
}

impl Content {
    pub(super) fn command(
        &self,
        id: Uuid,
    ) -> Option<(LogEntry<CommandRecord>, Arc<ContextRecord>)> {
        self.rows.iter().find_map(|row| match &row.record {
            AnyRecord::Command(record) if record.id == id => {
                let context = Arc::clone(self.contexts.get(&record.context_id)?);
                Some((LogEntry { position: row.position, record: record.clone() }, context))
            }
            _ => None,
        })
    }

    pub(super) fn count(&self, kind: LogKind) -> u64 {
        self.rows.iter().filter(|row| row.record.kind() == kind).count() as u64
    }

    pub(super) fn realm_of(&self, row: &AnyRecord) -> Option<String> {
        match row {
            AnyRecord::Command(row) => self.realm_of_context(row.context_id),
            AnyRecord::Event(row) => self.realm_of_command(row.command_id),
            AnyRecord::Message(row) => self.realm_of_command(row.command_id),
            AnyRecord::Activity(row) => self.realm_of_context(row.context_id),
        }
    }

    fn realm_of_context(&self, id: Uuid) -> Option<String> {
        self.contexts.get(&id).and_then(|context| context.realm.clone())
    }

    fn realm_of_command(&self, id: Uuid) -> Option<String> {
        let command = self.rows.iter().find_map(|row| match &row.record {
            AnyRecord::Command(record) if record.id == id => Some(record.context_id),
            _ => None,
        });
        command.and_then(|context| self.realm_of_context(context))
    }
}

/// Returns the resume token of a row.
pub(super) fn place(row: &LogEntry<AnyRecord>) -> ResumeToken {
    ResumeToken::new(row.position, row.record.row_id())
}
