//! The store: what the core asks for, handed to the writer or to a reader.

use std::sync::Arc;

use fluvius_core::query::Field;
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    ActivityRecord, AggregateRoot, CommandRecord, ContextRecord, EventRecord, Fate, KnownCommand,
    LogPage, LogQuery, Logged, MessageRecord, StateQuery, StateRecord, Store, StoreError,
    StoreTurn, UnitOfWork,
};

use crate::connect::Place;
use crate::hints::Hints;
use crate::indexes::Indexes;
use crate::loads::Loads;
use crate::options::PostgresOptions;
use crate::read;
use crate::readers::Readers;
use crate::turns::Turns;
use crate::writer::Writer;

/// Keeps states and logs in a PostgreSQL database. Clones share its connections, which are closed with the last of
/// them; [`Store::close`] and [`Store::release`] do nothing.
///
/// Any number of stores, in this process and in others, may be open over one schema. A store belongs to the tokio
/// runtime in which it was opened: its connections end with that.
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
    writer: Writer,
    readers: Readers,
    loads: Arc<Loads>,
    hints: Hints,
    turns: Arc<Turns>,
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
        let readers = Readers::new(&place)?;
        let turns = Arc::new(Turns::new(place.clone()));
        let hints = Hints::new(place.clone());
        let writer = Writer::open(place, turns.process()).await?;
        Ok(Self {
            connections: Arc::new(Connections {
                writer,
                readers,
                loads: Arc::default(),
                hints,
                turns,
                indexes: Indexes::default(),
            }),
        })
    }

    fn readers(&self) -> &Readers {
        &self.connections.readers
    }
}

impl Store for PostgresStore {
    async fn claim(&self, domain: &str, resources: &[&'static str]) -> Result<(), StoreError> {
        Ok(read::claim(self.readers(), domain, resources).await?)
    }

    async fn index(&self, resource: &str, fields: &[Field]) -> Result<(), StoreError> {
        Ok(self.connections.indexes.declare(self.readers(), resource, fields).await?)
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<Fate> {
        if batch.is_empty() {
            return Vec::new();
        }
        let fates = self.connections.writer.commit(self.readers(), &batch).await;
        if fates.iter().any(|fate| matches!(fate, Fate::Committed { .. })) {
            self.connections.hints.give();
        }
        fates
    }

    fn stored(&self) -> impl Future<Output = ()> + Send {
        self.connections.hints.take()
    }

    async fn turn(&self, root: &AggregateRoot) -> Option<StoreTurn> {
        self.connections.turns.take(root).await
    }

    async fn load(&self, root: &AggregateRoot) -> Result<Option<StateRecord>, StoreError> {
        self.connections.loads.load(self.readers(), root).await
    }

    async fn snapshot(
        &self,
        roots: &[AggregateRoot],
    ) -> Result<Vec<Option<StateRecord>>, StoreError> {
        Ok(read::snapshot(self.readers(), roots).await?)
    }

    async fn query(&self, query: &StateQuery) -> Result<Vec<StateRecord>, StoreError> {
        query.check()?;
        Ok(read::query(self.readers(), &self.connections.indexes, query).await?)
    }

    async fn command(&self, id: Uuid) -> Result<Option<KnownCommand>, StoreError> {
        self.connections.writer.settle(self.readers()).await?;
        Ok(read::command(self.readers(), id).await?)
    }

    async fn history(
        &self,
        root: &AggregateRoot,
        first: u64,
        last: u64,
    ) -> Result<Vec<Logged<EventRecord>>, StoreError> {
        Ok(read::history(self.readers(), root, first, last).await?)
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
        Ok(read::context(self.readers(), id).await?)
    }
}
