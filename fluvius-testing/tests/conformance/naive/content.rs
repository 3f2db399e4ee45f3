//! The content of the naive store: one vector of rows for all logs.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use fluvius_core::{
    AggregateId, AnyRecord, CommandRecord, ContextRecord, LogEntry, LogKind, ResumeToken,
    StateRecord,
};
use uuid::Uuid;

use super::work::Work;

#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) position: u64,
    pub(super) owners: BTreeMap<String, String>,
    pub(super) states: BTreeMap<AggregateId, StateRecord>,
    pub(super) contexts: BTreeMap<Uuid, Arc<ContextRecord>>,
    pub(super) rows: Vec<LogEntry<AnyRecord>>,
    pub(super) taken: HashSet<Uuid>,
    pub(super) work: Work,
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

    /// Returns the context of a row, or that of its command.
    pub(super) fn context_of(&self, row: &AnyRecord) -> Option<&ContextRecord> {
        let id = match row {
            AnyRecord::Command(row) => row.context_id,
            AnyRecord::Event(row) => self.command_row(row.command_id)?.context_id,
            AnyRecord::Message(row) => self.command_row(row.command_id)?.context_id,
            AnyRecord::Activity(row) => row.context_id,
        };
        self.contexts.get(&id).map(Arc::as_ref)
    }

    /// Returns the domain of a row.
    pub(super) fn domain_of<'a>(&'a self, row: &'a AnyRecord) -> Option<&'a str> {
        match row {
            AnyRecord::Command(row) => Some(&row.domain),
            AnyRecord::Event(row) => Some(&row.domain),
            AnyRecord::Message(row) => Some(&self.command_row(row.command_id)?.domain),
            AnyRecord::Activity(_) => Some(&self.context_of(row)?.domain),
        }
    }

    fn command_row(&self, id: Uuid) -> Option<&CommandRecord> {
        self.rows.iter().find_map(|row| match &row.record {
            AnyRecord::Command(record) if record.id == id => Some(record),
            _ => None,
        })
    }
}

/// Returns the resume token of a row.
pub(super) fn place(row: &LogEntry<AnyRecord>) -> ResumeToken {
    ResumeToken::new(row.position, row.record.row_id())
}
