//! The memory store, with a change to the rows that are read.

use std::sync::Arc;

use fluvius_core::{
    ActivityRecord, AggregateId, CommandRecord, CommitOutcome, ContextRecord, EventRecord,
    LogEntry, LogPage, LogQuery, MemoryStore, MessageRecord, StateQuery, StateRecord, Store,
    StoreError, UnitOfWork,
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

    fn commands_of(
        &self,
        rows: Vec<LogEntry<CommandRecord>>,
        is_log: bool,
    ) -> Vec<LogEntry<CommandRecord>> {
        match self.fault {
            RowFault::Command(fault) => kept(rows, fault),
            RowFault::LoggedCommand(fault) if is_log => kept(rows, fault),
            _ => rows,
        }
    }

    fn events_of(
        &self,
        rows: Vec<LogEntry<EventRecord>>,
        is_log: bool,
    ) -> Vec<LogEntry<EventRecord>> {
        match self.fault {
            RowFault::Event(fault) => kept(rows, fault),
            RowFault::LoggedEvent(fault) if is_log => kept(rows, fault),
            _ => rows,
        }
    }
}

fn kept<T>(rows: Vec<T>, fault: fn(&mut T) -> Keep) -> Vec<T> {
    rows.into_iter().filter_map(|mut row| fault(&mut row).then_some(row)).collect()
}

type Read<T> = Result<T, StoreError>;

impl Store for AlteredRows {
    async fn register_domain(&self, domain: &str, resources: &[&'static str]) -> Read<()> {
        self.inner.register_domain(domain, resources).await
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        self.inner.commit(batch).await
    }

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

    async fn command(
        &self,
        id: Uuid,
    ) -> Read<Option<(LogEntry<CommandRecord>, Arc<ContextRecord>)>> {
        let Some((row, context)) = self.inner.command(id).await? else { return Ok(None) };
        Ok(self.commands_of(vec![row], false).pop().map(|row| (row, context)))
    }

    async fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Read<Vec<LogEntry<EventRecord>>> {
        Ok(self.events_of(self.inner.history(aggregate_id, first, last).await?, false))
    }

    async fn commands(&self, query: &LogQuery) -> Read<LogPage<CommandRecord>> {
        let mut page = self.inner.commands(query).await?;
        page.rows = self.commands_of(page.rows, true);
        Ok(page)
    }

    async fn events(&self, query: &LogQuery) -> Read<LogPage<EventRecord>> {
        let mut page = self.inner.events(query).await?;
        page.rows = self.events_of(page.rows, true);
        Ok(page)
    }

    async fn messages(&self, query: &LogQuery) -> Read<LogPage<MessageRecord>> {
        let mut page = self.inner.messages(query).await?;
        if let RowFault::Message(fault) = self.fault {
            page.rows = kept(page.rows, fault);
        }
        Ok(page)
    }

    async fn activities(&self, query: &LogQuery) -> Read<LogPage<ActivityRecord>> {
        let mut page = self.inner.activities(query).await?;
        if let RowFault::Activity(fault) = self.fault {
            page.rows = kept(page.rows, fault);
        }
        Ok(page)
    }

    async fn context(&self, id: Uuid) -> Read<Option<Arc<ContextRecord>>> {
        if let RowFault::Contexts = self.fault {
            return Ok(None);
        }
        self.inner.context(id).await
    }
}
