//! The memory store, with a change to the rows that are read.

use std::sync::Arc;

use fluvius_core::{
    ActivityRecord, AggregateId, AnyRecord, CommandRecord, ContextRecord, EventRecord, LogEntry,
    LogKind, LogPage, LogQuery, LogRecord, MemoryStore, MessageRecord, StateQuery, StateRecord,
    Store, StoreError, StoredCommand, delegate_store,
};
use uuid::Uuid;

/// A change to the rows that are read.
#[derive(Clone, Copy)]
pub enum RowFault {
    State(fn(&mut StateRecord) -> Keep),
    Event(fn(&mut LogEntry<EventRecord>) -> Keep),
    /// Only in the event log, not in the history of an aggregate.
    LoggedEvent(fn(&mut LogEntry<EventRecord>) -> Keep),
    Command(fn(&mut LogEntry<CommandRecord>) -> Keep),
    LoggedCommand(fn(&mut LogEntry<CommandRecord>) -> Keep),
    Message(fn(&mut LogEntry<MessageRecord>) -> Keep),
    Activity(fn(&mut LogEntry<ActivityRecord>) -> Keep),
    /// Contexts are missing.
    Contexts,
}

/// `false` hides the row.
pub type Keep = bool;

/// The memory store, with a change to the rows that are read.
pub struct AlteredRows {
    pub inner: MemoryStore,
    pub fault: RowFault,
}

impl AlteredRows {
    fn states(&self, rows: Vec<StateRecord>) -> Vec<StateRecord> {
        let RowFault::State(fault) = self.fault else { return rows };
        rows.into_iter().filter_map(|mut row| fault(&mut row).then_some(row)).collect()
    }

    /// Returns the altered row, or `None` if it is hidden.
    fn row(&self, row: LogEntry<AnyRecord>, is_log: bool) -> Option<LogEntry<AnyRecord>> {
        match self.fault {
            RowFault::Command(fault) => altered(row, fault),
            RowFault::LoggedCommand(fault) if is_log => altered(row, fault),
            RowFault::Event(fault) => altered(row, fault),
            RowFault::LoggedEvent(fault) if is_log => altered(row, fault),
            RowFault::Message(fault) => altered(row, fault),
            RowFault::Activity(fault) => altered(row, fault),
            _ => Some(row),
        }
    }
}

/// Alters a row of the log with the fault.
fn altered<T: LogRecord>(
    row: LogEntry<AnyRecord>,
    fault: fn(&mut LogEntry<T>) -> Keep,
) -> Option<LogEntry<AnyRecord>> {
    if row.record.kind() != T::KIND {
        return Some(row);
    }
    let mut row = typed(row);
    fault(&mut row).then(|| untyped(row))
}

/// Converts a row to its own type.
fn typed<T: LogRecord>(row: LogEntry<AnyRecord>) -> LogEntry<T> {
    let record = T::from_any(row.record).expect("a row of this log");
    LogEntry { position: row.position, record }
}

fn untyped<T: LogRecord>(row: LogEntry<T>) -> LogEntry<AnyRecord> {
    LogEntry { position: row.position, record: row.record.into() }
}

type Read<T> = Result<T, StoreError>;

impl Store for AlteredRows {
    async fn load(&self, aggregate_id: &AggregateId) -> Read<Option<StateRecord>> {
        Ok(self.states(self.inner.load(aggregate_id).await?.into_iter().collect()).pop())
    }

    async fn snapshot(&self, aggregate_ids: &[AggregateId]) -> Read<Vec<Option<StateRecord>>> {
        let rows = self.inner.snapshot(aggregate_ids).await?;
        Ok(rows.into_iter().map(|row| self.states(row.into_iter().collect()).pop()).collect())
    }

    async fn query(&self, query: &StateQuery) -> Read<Vec<StateRecord>> {
        Ok(self.states(self.inner.query(query).await?))
    }

    async fn command(&self, id: Uuid) -> Read<Option<StoredCommand>> {
        let Some((row, context)) = self.inner.command(id).await? else { return Ok(None) };
        Ok(self.row(untyped(row), false).map(|row| (typed(row), context)))
    }

    async fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Read<Vec<LogEntry<EventRecord>>> {
        let rows = self.inner.history(aggregate_id, first, last).await?.into_iter();
        Ok(rows.filter_map(|row| self.row(untyped(row), false)).map(typed).collect())
    }

    async fn log(&self, kind: LogKind, query: &LogQuery) -> Read<LogPage<AnyRecord>> {
        let mut page = self.inner.log(kind, query).await?;
        page.rows = page.rows.into_iter().filter_map(|row| self.row(row, true)).collect();
        Ok(page)
    }

    async fn context(&self, id: Uuid) -> Read<Option<Arc<ContextRecord>>> {
        if let RowFault::Contexts = self.fault {
            return Ok(None);
        }
        self.inner.context(id).await
    }

    delegate_store! {
        self => self.inner;
        except load, snapshot, query, scan, command, history, log, context
    }
}
