//! Reading the logs: of one aggregate or of all, in position order, a page at a time.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::log_stream::{LogStream, Source, follow};
use crate::error::Error;
use crate::processor::Services;
use fluvius_store::{
    ActivityRecord, AggregateId, CommandRecord, ContextRecord, EventRecord, LogEntry, LogQuery,
    LogRecord, MessageRecord, RealmFilter, ResumeToken, Store,
};

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
///         println!("{} {}", event.position, event.record.key());
///     }
///     match page.next {
///         Some(next) => log = log.after(next),
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
#[non_exhaustive]
pub struct Page<T> {
    /// The rows, in position order. There may be none although there is a next page.
    pub rows: Vec<LogEntry<T>>,
    /// The start of the next page, for [`LogReader::after`]. `None` if the page has reached the end
    /// of the log as it was when it was read.
    pub next: Option<ResumeToken>,
    /// The place up to which the page has looked, also if there is no next page yet. No row that
    /// the reader asks for is missing up to there, and none can still appear there. To read later
    /// rows, keep it and pass it to [`LogReader::after`].
    pub scanned_to: ResumeToken,
}

impl LogReader {
    pub(crate) fn new(services: &Services, realm: RealmFilter) -> Self {
        let store = services.store.clone();
        let committed = Arc::clone(&services.committed);
        let outages = Arc::clone(&services.outages);
        let query =
            LogQuery::all().realm(realm).limit(PAGE_ROW_COUNT).scan_limit(LogQuery::SCAN_LIMIT);
        Self { source: Source { store, committed, outages }, query }
    }

    /// Only the rows of one aggregate.
    #[must_use]
    pub fn for_aggregate(mut self, aggregate_id: AggregateId) -> Self {
        self.query.aggregate_id = Some(aggregate_id);
        self
    }

    /// Only the rows behind this place: the token of a page or of a row, or a bare position.
    ///
    /// Each read checks the place against the store, in the snapshot that it reads. A token fails
    /// with `invalid-position` if its row is not at its position, as in a store that was set back
    /// to a backup and has gone on since. A bare position fails only if it is ahead of the newest
    /// row.
    #[must_use]
    pub fn after(mut self, place: impl Into<ResumeToken>) -> Self {
        self.query.after = place.into();
        self
    }

    /// How many rows a page has at the most: 1,000 unless set, and at least 1.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.query.limit = rows.max(1);
        self
    }

    /// Sets the maximum number of rows of the log that are looked at for one page, whether they are
    /// in it or not: 10,000 unless set, and at least [`limit`](Self::limit). A page with fewer rows
    /// than its limit, or none, may have a next one.
    #[must_use]
    pub fn scan_limit(mut self, rows: usize) -> Self {
        self.query.scan_limit = rows;
        self
    }

    /// Reads commands, applied and rejected ones.
    ///
    /// # Errors
    /// `invalid-position`, `store-unavailable`, `store-error`.
    pub async fn commands(&self) -> Result<Page<CommandRecord>, Error> {
        self.page().await
    }

    /// Reads events.
    ///
    /// # Errors
    /// `invalid-position`, `store-unavailable`, `store-error`.
    pub async fn events(&self) -> Result<Page<EventRecord>, Error> {
        self.page().await
    }

    /// Reads outgoing messages.
    ///
    /// # Errors
    /// `invalid-position`, `store-unavailable`, `store-error`.
    pub async fn messages(&self) -> Result<Page<MessageRecord>, Error> {
        self.page().await
    }

    /// Reads activities.
    ///
    /// # Errors
    /// `invalid-position`, `store-unavailable`, `store-error`.
    pub async fn activities(&self) -> Result<Page<ActivityRecord>, Error> {
        self.page().await
    }

    /// The events from here on, without end: those that are there, and each one that is stored
    /// later, once and in position order.
    ///
    /// Pages are read one at a time, each behind the place up to which the previous one has looked,
    /// also if that gave no row. At the end of the log the stream waits. Commits of this runtime
    /// are read within some 5 ms. Commits of other processes are read as soon as the store
    /// [announces](crate::Store::changed) them, and after a second in any case. To go on after a
    /// restart, keep the token of the last row that was dealt with, or that of the
    /// [stream](LogStream::resume_token), and pass it to [`after`](Self::after).
    ///
    /// While the store cannot be reached (`store-unavailable`) the stream gives nothing and tries
    /// again, after a pause that doubles from 50 ms to 2 s, with jitter. It goes on by itself where
    /// it was. Each outage of a domain's followers is reported by one warning, and its end by
    /// another; the metrics `fluvius_followers_waiting` and `fluvius_follower_failed_reads_total`
    /// count them.
    ///
    /// # Errors
    /// `invalid-position`, `store-error`: another try would not help. The stream gives the error and
    /// ends.
    ///
    /// # Cancellation
    /// Dropping the stream gives up the rows that it has read and not given.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::StreamExt;
    ///
    /// # use fluvius_core::{DomainRuntime, Error, ResumeToken};
    /// # async fn run(domain: DomainRuntime, done: ResumeToken) -> Result<(), Error> {
    /// let mut events = domain.log().after(done).follow_events();
    /// while let Some(event) = events.next().await {
    ///     let event = event?;
    ///     println!("{} {}", event.position, event.record.key());
    ///     // .. deal with it, and keep `event.resume_token()` ..
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn follow_events(&self) -> LogStream<EventRecord> {
        self.follow()
    }

    /// The commands from here on, as [`follow_events`](Self::follow_events) has the events.
    pub fn follow_commands(&self) -> LogStream<CommandRecord> {
        self.follow()
    }

    /// The messages from here on, as [`follow_events`](Self::follow_events) has the events.
    pub fn follow_messages(&self) -> LogStream<MessageRecord> {
        self.follow()
    }

    /// The activities from here on, as [`follow_events`](Self::follow_events) has the events.
    pub fn follow_activities(&self) -> LogStream<ActivityRecord> {
        self.follow()
    }

    async fn page<T: LogRecord>(&self) -> Result<Page<T>, Error> {
        page(&self.source, &self.query).await
    }

    fn follow<T: LogRecord>(&self) -> LogStream<T> {
        follow(self.source.clone(), self.query.clone(), |source, query| async move {
            page(&source, &query).await
        })
    }

    /// A context, by the `context_id` of a command or an activity; `None` where there is none,
    /// or it is of another realm.
    ///
    /// # Errors
    /// `store-unavailable`, `store-error`.
    pub async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, Error> {
        let context = self.source.store.context(id).await?;
        Ok(context.filter(|context| self.query.realm.admits(context.realm.as_deref())))
    }
}

/// The query for one row more than the page holds, which tells whether there is a next one.
fn one_more(query: &LogQuery) -> LogQuery {
    let limit = query.limit.saturating_add(1);
    let scan_limit = query.scan_limit.max(limit);
    query.storable().into_owned().limit(limit).scan_limit(scan_limit)
}

async fn page<T: LogRecord>(source: &Source, query: &LogQuery) -> Result<Page<T>, Error> {
    let page = source.store.read_log::<T>(&one_more(query)).await?.truncated(query.limit);
    let next = Some(page.scanned_to).filter(|_| !page.is_last());
    Ok(Page { rows: page.rows, next, scanned_to: page.scanned_to })
}

impl fmt::Debug for LogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").field("query", &self.query).finish_non_exhaustive()
    }
}
