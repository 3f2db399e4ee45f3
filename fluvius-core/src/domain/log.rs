//! Reading the logs: of one root or of all, in position order, a page at a time.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::activity::ActivityRecord;
use crate::command::CommandRecord;
use crate::context::ContextRecord;
use crate::error::Error;
use crate::event::EventRecord;
use crate::logged::Logged;
use crate::message::MessageRecord;
use crate::root::AggregateRoot;
use crate::store::{ErasedStore, LogQuery, RealmFilter};

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
    store: Arc<dyn ErasedStore>,
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
    pub(crate) fn new(store: Arc<dyn ErasedStore>, realm: RealmFilter) -> Self {
        Self { store, query: LogQuery { root: None, realm, after: 0, limit: PAGE_ROW_COUNT } }
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
        Ok(self.page(self.store.commands(&self.one_more()).await?))
    }

    /// Events.
    ///
    /// # Errors
    /// `store-unavailable`, `store`.
    pub async fn events(&self) -> Result<Page<EventRecord>, Error> {
        Ok(self.page(self.store.events(&self.one_more()).await?))
    }

    /// Outgoing messages.
    ///
    /// # Errors
    /// `store-unavailable`, `store`.
    pub async fn messages(&self) -> Result<Page<MessageRecord>, Error> {
        Ok(self.page(self.store.messages(&self.one_more()).await?))
    }

    /// Activities.
    ///
    /// # Errors
    /// `store-unavailable`, `store`.
    pub async fn activities(&self) -> Result<Page<ActivityRecord>, Error> {
        Ok(self.page(self.store.activities(&self.one_more()).await?))
    }

    /// A context, by the `context_id` of a command or an activity; `None` where there is none,
    /// or it is of another realm.
    ///
    /// # Errors
    /// `store-unavailable`, `store`.
    pub async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, Error> {
        let context = self.store.context(id).await?;
        Ok(context.filter(|context| self.query.realm.admits(context.realm.as_deref())))
    }

    /// The query for one row more than the page holds, which tells whether there is a next one.
    fn one_more(&self) -> LogQuery {
        LogQuery { limit: self.query.limit.saturating_add(1), ..self.query.clone() }
    }

    fn page<T>(&self, mut rows: Vec<Logged<T>>) -> Page<T> {
        let more = rows.len() > self.query.limit;
        rows.truncate(self.query.limit);
        let next = rows.last().map(|row| row.position).filter(|_| more);
        Page { rows, next }
    }
}

impl fmt::Debug for LogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").field("query", &self.query).finish_non_exhaustive()
    }
}
