//! Reading the logs: of one root or of all, in position order, a page at a time.

use std::fmt;
use std::sync::Arc;

use futures_core::Stream;
use uuid::Uuid;

use super::follow::{Source, follow};
use crate::activity::ActivityRecord;
use crate::command::CommandRecord;
use crate::context::ContextRecord;
use crate::error::Error;
use crate::event::EventRecord;
use crate::logged::Logged;
use crate::message::MessageRecord;
use crate::processor::Environment;
use crate::root::AggregateRoot;
use crate::store::{LogQuery, RealmFilter};

/// How many rows a page has unless it is told.
const PAGE_ROW_COUNT: usize = 1_000;

/// Reads the logs, in position order.
///
/// That of a session sees the rows that come from the session's realm; that of a domain sees
/// all. Readers are cheap to clone; each function that narrows one gives a new one.
///
/// # Examples
///
/// ```
/// # async fn run(domain: fluvius_core::DomainRuntime) -> Result<(), fluvius_core::Error> {
/// let mut log = domain.log().limit(100);
/// loop {
///     let page = log.events().await?;
///     for event in &page.rows {
///         println!("{} {}", event.position, event.key());
///     }
///     match page.next {
///         Some(position) => log = log.after(position),
///         None => break,
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LogReader {
    source: Source,
    query: LogQuery,
}

/// Some rows of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows, in position order.
    pub rows: Vec<Logged<T>>,
    /// Where the next page begins: pass it to [`LogReader::after`]. `None`: there were no more
    /// rows when this page was read.
    pub next: Option<u64>,
}

impl LogReader {
    pub(crate) fn new(environment: &Environment, realm: RealmFilter) -> Self {
        let store = Arc::clone(&environment.store);
        let committed = Arc::clone(&environment.committed);
        let query = LogQuery { root: None, realm, after: 0, limit: PAGE_ROW_COUNT };
        Self { source: Source { store, committed }, query }
    }

    /// Only the rows of one root.
    #[must_use]
    pub fn of(mut self, root: AggregateRoot) -> Self {
        self.query.root = Some(root);
        self
    }

    /// Only the rows behind this position.
    #[must_use]
    pub fn after(mut self, position: u64) -> Self {
        self.query.after = position;
        self
    }

    /// How many rows a page has at the most: 1,000 unless set, and at least 1.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.query.limit = rows.max(1);
        self
    }

    /// Commands, applied and refused.
    ///
    /// # Errors
    /// `store-unavailable`, `store`.
    pub async fn commands(&self) -> Result<Page<CommandRecord>, Error> {
        Ok(page(&self.query, self.source.store.commands(&one_more(&self.query)).await?))
    }

    /// Events.
    ///
    /// # Errors
    /// `store-unavailable`, `store`.
    pub async fn events(&self) -> Result<Page<EventRecord>, Error> {
        Ok(page(&self.query, self.source.store.events(&one_more(&self.query)).await?))
    }

    /// Outgoing messages.
    ///
    /// # Errors
    /// `store-unavailable`, `store`.
    pub async fn messages(&self) -> Result<Page<MessageRecord>, Error> {
        Ok(page(&self.query, self.source.store.messages(&one_more(&self.query)).await?))
    }

    /// Activities.
    ///
    /// # Errors
    /// `store-unavailable`, `store`.
    pub async fn activities(&self) -> Result<Page<ActivityRecord>, Error> {
        Ok(page(&self.query, self.source.store.activities(&one_more(&self.query)).await?))
    }

    /// The events from here on, without end: those that are there, and each one that is stored
    /// later, once and in position order.
    ///
    /// A page is read at a time. Where there is no row, it waits: what this runtime commits is
    /// read within some 5 ms, what other processes do as soon as the store
    /// [tells](crate::Store::stored) of it, and after a second in any case. Whoever keeps the
    /// position of the last row that he has dealt with goes on there with
    /// [`after`](Self::after).
    ///
    /// # Errors
    /// `store-unavailable`, `store`: the stream is not over by that. It reads again from the same
    /// position when it is polled again.
    ///
    /// # Cancellation
    /// Dropping the stream gives up the rows that it has read and not given.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::StreamExt;
    ///
    /// # async fn run(domain: fluvius_core::DomainRuntime, done: u64) -> Result<(), fluvius_core::Error> {
    /// let mut events = std::pin::pin!(domain.log().after(done).follow_events());
    /// while let Some(event) = events.next().await {
    ///     let event = event?;
    ///     println!("{} {}", event.position, event.key());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn follow_events(
        &self,
    ) -> impl Stream<Item = Result<Logged<EventRecord>, Error>> + Send + use<> {
        follow(self.source.clone(), self.query.clone(), |source, query| async move {
            Ok(page(&query, source.store.events(&one_more(&query)).await?))
        })
    }

    /// The commands from here on, as [`follow_events`](Self::follow_events) has the events.
    pub fn follow_commands(
        &self,
    ) -> impl Stream<Item = Result<Logged<CommandRecord>, Error>> + Send + use<> {
        follow(self.source.clone(), self.query.clone(), |source, query| async move {
            Ok(page(&query, source.store.commands(&one_more(&query)).await?))
        })
    }

    /// The messages from here on, as [`follow_events`](Self::follow_events) has the events.
    pub fn follow_messages(
        &self,
    ) -> impl Stream<Item = Result<Logged<MessageRecord>, Error>> + Send + use<> {
        follow(self.source.clone(), self.query.clone(), |source, query| async move {
            Ok(page(&query, source.store.messages(&one_more(&query)).await?))
        })
    }

    /// The activities from here on, as [`follow_events`](Self::follow_events) has the events.
    pub fn follow_activities(
        &self,
    ) -> impl Stream<Item = Result<Logged<ActivityRecord>, Error>> + Send + use<> {
        follow(self.source.clone(), self.query.clone(), |source, query| async move {
            Ok(page(&query, source.store.activities(&one_more(&query)).await?))
        })
    }

    /// A context, by the `context_id` of a command or an activity; `None` where there is none,
    /// or it is of another realm.
    ///
    /// # Errors
    /// `store-unavailable`, `store`.
    pub async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, Error> {
        let context = self.source.store.context(id).await?;
        Ok(context.filter(|context| self.query.realm.admits(context.realm.as_deref())))
    }
}

/// The query for one row more than the page holds, which tells whether there is a next one.
fn one_more(query: &LogQuery) -> LogQuery {
    LogQuery { limit: query.limit.saturating_add(1), ..query.storable().into_owned() }
}

fn page<T>(query: &LogQuery, mut rows: Vec<Logged<T>>) -> Page<T> {
    let more = rows.len() > query.limit;
    rows.truncate(query.limit);
    let next = rows.last().map(|row| row.position).filter(|_| more);
    Page { rows, next }
}

impl fmt::Debug for LogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").field("query", &self.query).finish_non_exhaustive()
    }
}
