//! The store: what the core asks for, handed to the writer or to a reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fluvius_core::off_runtime;
use fluvius_core::query::Field;
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    ActivityRecord, AggregateId, CommandRecord, CommitOutcome, ContextRecord, EventRecord, Lease,
    LogEntry, LogPage, LogQuery, MessageRecord, StateQuery, StateRecord, Store, StoreError,
    StoredCommand, UnitOfWork,
};

use crate::abandoned::{Abandoned, Caller};
use crate::connect::{Connector, Place};
use crate::home::Home;
use crate::indexes::Indexes;
use crate::leases::Leases;
use crate::load_batcher::Loads;
use crate::notifications::Hints;
use crate::options::PostgresOptions;
use crate::read;
use crate::readers::Readers;
use crate::writer::Writer;

/// Keeps states and logs in a PostgreSQL database. Clones share its connections, which are closed with the last of
/// them; [`Store::close`] and [`Store::release`] do nothing.
///
/// Any number of stores, in this process and in others, may be open over one schema.
///
/// # Runtimes
/// A store works in the multi-thread tokio runtime in which it was opened: its connections live there, and commits and
/// reads run there. If it is opened elsewhere, or with [`own_thread`](PostgresOptions::own_thread), it has a thread of
/// its own, which ends with the last clone. It may be used in any tokio runtime, and in none; a caller may be dropped,
/// and its runtime may end, at any time. A commit runs to its end once its future was polled. After the end of the
/// runtime in which the store works, every call fails with a permanent [`StoreError`] that says so.
///
/// # Examples
///
/// ```no_run
/// use fluvius_postgres::PostgresStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::open("postgres://bank@localhost/bank").await?;
/// let same_content = store.clone();
/// # let _ = same_content;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PostgresStore {
    connections: Arc<Connections>,
}

#[derive(Debug)]
struct Connections {
    home: Home,
    writer: Writer,
    /// Commits whose callers no longer wait.
    abandoned: Abandoned,
    /// The pool for queries, logs and histories.
    readers: Readers,
    /// The pool for the reads of commands.
    command_readers: Readers,
    loads: Arc<Loads>,
    hints: Hints,
    leases: Arc<Leases>,
    indexes: Indexes,
}

impl PostgresStore {
    /// Opens the store in a database with the usual options: [`PostgresOptions::open`].
    ///
    /// # Errors
    /// As [`PostgresOptions::open`].
    ///
    /// # Cancellation
    /// As [`PostgresOptions::open`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::options().open(url).await
    }

    /// The options, to be set before a store is opened.
    pub fn options() -> PostgresOptions {
        PostgresOptions::default()
    }

    pub(crate) async fn start(place: Place) -> Result<Self, StoreError> {
        let home = Home::open(place.options.has_own_thread)?;
        let connector = Connector::new(place, home.clone());
        let start = async move {
            let readers = Readers::of_queries(connector.clone());
            let command_readers = Readers::of_commands(connector.clone());
            let loads = Arc::new(Loads::new(connector.home.clone(), command_readers.clone()));
            let leases = Arc::new(Leases::new(connector.clone()));
            let hints = Hints::new(connector.clone());
            let home = connector.home.clone();
            let writer = Writer::open(connector, command_readers.clone(), leases.process()).await?;
            let indexes = Indexes::default();
            let connections = Connections {
                home,
                writer,
                abandoned: Abandoned::default(),
                readers,
                command_readers,
                loads,
                hints,
                leases,
                indexes,
            };
            Ok(Self { connections: Arc::new(connections) })
        };
        home.run_while_awaited(Box::pin(start)).await?
    }

    fn readers(&self) -> &Readers {
        &self.connections.readers
    }
}

impl Connections {
    async fn commit(&self, batch: &[UnitOfWork]) -> Vec<CommitOutcome> {
        let outcomes = self.writer.commit(batch).await;
        if outcomes.iter().any(|outcome| matches!(outcome, CommitOutcome::Committed { .. })) {
            self.hints.give();
        }
        outcomes
    }
}

impl Store for PostgresStore {
    async fn register_domain(
        &self,
        domain: &str,
        resources: &[&'static str],
    ) -> Result<(), StoreError> {
        Ok(read::register_domain(&self.connections.command_readers, domain, resources).await?)
    }

    async fn declare_indexes(&self, resource: &str, fields: &[Field]) -> Result<(), StoreError> {
        let connections = &self.connections;
        Ok(connections.indexes.declare(&connections.command_readers, resource, fields).await?)
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        if batch.is_empty() {
            return Vec::new();
        }
        let (caller, running) = Caller::of(&self.connections.abandoned, &batch);
        let has_begun = Arc::new(AtomicBool::new(false));
        let commit = {
            let (connections, batch) = (Arc::clone(&self.connections), Arc::clone(&batch));
            let has_begun = Arc::clone(&has_begun);
            // A task of the store: all commits share one connection, and a commit that is given up in the middle would
            // take it from the others.
            async move {
                has_begun.store(true, Ordering::SeqCst);
                let outcomes = connections.commit(&batch).await;
                drop(running);
                outcomes
            }
        };
        let committed = self.connections.home.run(commit).await;
        caller.answered();
        match committed {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let outcome = || match has_begun.load(Ordering::SeqCst) {
                    true => CommitOutcome::InDoubt,
                    false => CommitOutcome::Failed(error.clone()),
                };
                batch.iter().map(|_| outcome()).collect()
            }
        }
    }

    fn changed(&self) -> impl Future<Output = ()> + Send {
        self.connections.hints.take()
    }

    async fn acquire_lease(&self, aggregate_id: &AggregateId) -> Option<Lease> {
        self.connections.leases.take(aggregate_id).await
    }

    async fn load(&self, aggregate_id: &AggregateId) -> Result<Option<StateRecord>, StoreError> {
        self.connections.loads.load(aggregate_id).await
    }

    async fn snapshot(
        &self,
        aggregate_ids: &[AggregateId],
    ) -> Result<Vec<Option<StateRecord>>, StoreError> {
        Ok(read::snapshot(self.readers(), aggregate_ids).await?)
    }

    async fn query(&self, query: &StateQuery) -> Result<Vec<StateRecord>, StoreError> {
        query.check()?;
        Ok(read::query(self.readers(), &self.connections.indexes, query).await?)
    }

    async fn command(&self, id: Uuid) -> Result<Option<StoredCommand>, StoreError> {
        let connections = &self.connections;
        off_runtime(connections.abandoned.wait_for(id)).await;
        connections.writer.settle().await?;
        Ok(read::command(&connections.command_readers, id).await?)
    }

    async fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Result<Vec<LogEntry<EventRecord>>, StoreError> {
        Ok(read::history(self.readers(), aggregate_id, first, last).await?)
    }

    async fn commands(&self, query: &LogQuery) -> Result<LogPage<CommandRecord>, StoreError> {
        Ok(read::page(self.readers(), &read::COMMANDS, query).await?)
    }

    async fn events(&self, query: &LogQuery) -> Result<LogPage<EventRecord>, StoreError> {
        Ok(read::page(self.readers(), &read::EVENTS, query).await?)
    }

    async fn messages(&self, query: &LogQuery) -> Result<LogPage<MessageRecord>, StoreError> {
        Ok(read::page(self.readers(), &read::MESSAGES, query).await?)
    }

    async fn activities(&self, query: &LogQuery) -> Result<LogPage<ActivityRecord>, StoreError> {
        Ok(read::page(self.readers(), &read::ACTIVITIES, query).await?)
    }

    async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, StoreError> {
        Ok(read::context(&self.connections.command_readers, id).await?)
    }
}
