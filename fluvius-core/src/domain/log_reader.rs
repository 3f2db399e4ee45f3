//! Reading logs page by page in position order, rising or falling, with conditions on the rows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::log_stream::{LogStream, Source, follow};
use crate::error::Error;
use crate::processor::Services;
use crate::sync::Instant;
use fluvius_store::{
    ActivityRecord, AggregateId, CommandRecord, ContextRecord, EventRecord, LogEntry, LogPage,
    LogQuery, LogRecord, MessageRecord, RealmFilter, ResumeToken, Store,
};

/// Default number of rows of a page.
const PAGE_ROW_COUNT: usize = 1_000;
/// Maximum number of scanned rows of a part of a page with a time limit.
const PART_ROW_COUNT: usize = 2_000;

/// A reader of the logs, in position order.
///
/// The reader of a session sees the rows of the session's realm; that of a domain sees all rows. A
/// reader is cheap to clone. Each method that narrows it returns the narrowed reader. The
/// conditions are those of a [`LogQuery`]; a row is on a page if all of them hold.
///
/// # Examples
/// All events, page by page:
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
///
/// The last 20 transfers, applied or rejected, the newest first, and those before them:
///
/// ```
/// # async fn run(domain: fluvius_core::DomainRuntime) -> Result<(), fluvius_core::Error> {
/// let transfers = domain.log().keys(["transfer-money"]).descending().limit(20);
/// let page = transfers.commands().await?;
/// if let Some(next) = page.next {
///     let older = transfers.before(next).commands().await?;
///     assert!(older.rows.iter().all(|row| row.position < next.position()));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LogReader {
    source: Source,
    query: LogQuery,
    /// Maximum time of a page; `None` for no limit.
    scan_time: Option<Duration>,
}

/// A page of a log.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows, in position order; in falling order if the reader is descending. May be empty even
    /// if there is a next page.
    pub rows: Vec<LogEntry<T>>,
    /// The start of the next page, for [`LogReader::after`], or for [`LogReader::before`] if the
    /// reader is descending. `None` if the page reached the end of the reader's range at the time
    /// of the read.
    pub next: Option<ResumeToken>,
    /// The position up to which the page has scanned the log, also if there is no next page yet.
    /// The reader has seen every matching row up to there, and no further one can appear there. To
    /// read later rows, persist it and pass it to [`LogReader::after`].
    ///
    /// For a descending reader, it is the position down to which the page has scanned.
    pub scanned_to: ResumeToken,
    /// The position of the newest row of all logs at the time of the read; 0 if there is none.
    pub newest: u64,
}

impl LogReader {
    pub(crate) fn new(services: &Services, realm: RealmFilter) -> Self {
        let store = services.store.clone();
        let committed = Arc::clone(&services.committed);
        let outages = Arc::clone(&services.outages);
        let query =
            LogQuery::all().realm(realm).limit(PAGE_ROW_COUNT).scan_limit(LogQuery::SCAN_LIMIT);
        Self { source: Source { store, committed, outages }, query, scan_time: None }
    }

    /// Limits the reader to the rows of one aggregate.
    #[must_use]
    pub fn for_aggregate(mut self, aggregate_id: AggregateId) -> Self {
        self.query.aggregate_id = Some(aggregate_id);
        self
    }

    /// Limits the reader to the rows of one domain, by its namespace. An activity belongs to the
    /// domain of its context.
    #[must_use]
    pub fn domain(mut self, namespace: impl Into<String>) -> Self {
        self.query.domain = Some(namespace.into());
        self
    }

    /// Limits the reader to rows with one of these keys: the keys of commands, events or messages,
    /// or the codes of activities. Without any key, the reader finds no rows.
    #[must_use]
    pub fn keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.query = self.query.keys(keys);
        self
    }

    /// Limits the reader to the rows of one user, by the user id of their contexts.
    #[must_use]
    pub fn actor(mut self, user_id: Uuid) -> Self {
        self.query.actor = Some(user_id);
        self
    }

    /// Limits the reader to the rows after a resume token, of a page or a row, or after a bare
    /// position.
    ///
    /// Each read checks the token against the store, in the snapshot that it reads. A token fails
    /// with `invalid-position` if its row is not at its position. This happens if the store was
    /// restored from a backup and has been written since. A bare position fails only if it is ahead
    /// of the newest row.
    #[must_use]
    pub fn after(mut self, place: impl Into<ResumeToken>) -> Self {
        self.query.after = place.into();
        self
    }

    /// Limits the reader to the rows before a resume token or a bare position, both exclusive.
    ///
    /// Each read checks the token as [`after`](Self::after) does. A bare position is always valid.
    #[must_use]
    pub fn before(mut self, place: impl Into<ResumeToken>) -> Self {
        self.query.before = Some(place.into());
        self
    }

    /// Reads in falling position order: from below [`before`](Self::before), or from the end of the
    /// log, down to above [`after`](Self::after). Pass [`Page::next`] to `before`.
    ///
    /// Rows that are stored between two pages are not on later pages: they are above the first row
    /// of the first page.
    #[must_use]
    pub fn descending(mut self) -> Self {
        self.query.descending = true;
        self
    }

    /// Sets the maximum number of rows of a page. Default: 1,000; at least 1.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.query.limit = rows.max(1);
        self
    }

    /// Sets the maximum number of log rows that are scanned for a page, including rows that are not
    /// on the page. Default: 10,000; at least [`limit`](Self::limit). A page with fewer rows than
    /// its limit, or none, may have a next page.
    #[must_use]
    pub fn scan_limit(mut self, rows: usize) -> Self {
        self.query.scan_limit = rows;
        self
    }

    /// Sets the maximum time of a page, as a further [`scan_limit`](Self::scan_limit). Default: no
    /// limit.
    ///
    /// The page is then read in parts of up to 2,000 scanned rows, each of them one snapshot, and
    /// later no further part is read. Streams have no such limit.
    #[must_use]
    pub fn scan_time(mut self, time: Duration) -> Self {
        self.scan_time = Some(time);
        self
    }

    /// Reads commands, both applied and rejected.
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

    /// Follows the events without end: those already stored, and each later one, once and in
    /// position order.
    ///
    /// The stream reads one page at a time. Each begins where the scan of the previous one ended,
    /// even if that had no rows. At the end of the log the stream waits. It reads commits of this
    /// runtime within about 5 ms. It reads commits of other processes as soon as the store
    /// [announces](crate::Store::changed) them, and after at most a second. To resume after a
    /// restart, persist the token of the last processed row, or that of the
    /// [stream](LogStream::resume_token), and pass it to [`after`](Self::after).
    ///
    /// While the store is unreachable (`store-unavailable`), the stream yields nothing. It retries
    /// after a pause that doubles from 50 ms to 2 s, with jitter, and resumes at the same position.
    /// The followers of a domain log one warning per outage, and another one at its end. The
    /// metrics `fluvius_followers_waiting` and `fluvius_follower_failed_reads_total` count the
    /// affected followers and their failed reads.
    ///
    /// # Errors
    /// `invalid-position`, `store-error`: a retry does not help. The stream yields the error and
    /// ends. So does `invalid-query`, if the reader is [descending](Self::descending) or has an
    /// upper bound ([`before`](Self::before)): a stream has no end.
    ///
    /// # Cancellation
    /// Dropping the stream discards the rows that it has read and not yet yielded.
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

    /// Follows the commands; see [`follow_events`](Self::follow_events).
    pub fn follow_commands(&self) -> LogStream<CommandRecord> {
        self.follow()
    }

    /// Follows the messages; see [`follow_events`](Self::follow_events).
    pub fn follow_messages(&self) -> LogStream<MessageRecord> {
        self.follow()
    }

    /// Follows the activities; see [`follow_events`](Self::follow_events).
    pub fn follow_activities(&self) -> LogStream<ActivityRecord> {
        self.follow()
    }

    async fn page<T: LogRecord>(&self) -> Result<Page<T>, Error> {
        match self.scan_time {
            None => page(&self.source, &self.query).await,
            Some(time) => page_in_parts(&self.source, &self.query, time).await,
        }
    }

    fn follow<T: LogRecord>(&self) -> LogStream<T> {
        follow(self.source.clone(), self.query.clone(), |source, query| async move {
            match query.descending || query.before.is_some() {
                true => Err(endless()),
                false => page(&source, &query).await,
            }
        })
    }

    /// Returns a context by the `context_id` of a command or an activity. Returns `None` if it does
    /// not exist or belongs to another realm.
    ///
    /// # Errors
    /// `store-unavailable`, `store-error`.
    pub async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, Error> {
        let context = self.source.store.context(id).await?;
        Ok(context.filter(|context| self.query.realm.admits(context.realm.as_deref())))
    }
}

/// Returns the error of a stream with an end.
fn endless() -> Error {
    let message = "a log is followed in rising order and without an upper bound: leave out \
        `descending` and `before`, or read pages";
    Error::InvalidQuery { message: message.to_owned() }
}

/// Returns the query with a limit of one more row, to detect a next page.
fn one_more(query: &LogQuery) -> LogQuery {
    let limit = query.limit.saturating_add(1);
    let scan_limit = query.scan_limit.max(limit);
    query.storable().into_owned().limit(limit).scan_limit(scan_limit)
}

async fn page<T: LogRecord>(source: &Source, query: &LogQuery) -> Result<Page<T>, Error> {
    Ok(shown(query, source.store.read_log(&one_more(query)).await?))
}

/// Reads a page in parts, until it is complete or the time has elapsed.
async fn page_in_parts<T: LogRecord>(
    source: &Source,
    query: &LogQuery,
    time: Duration,
) -> Result<Page<T>, Error> {
    let begun = Instant::now();
    let mut rest = one_more(query);
    let mut rows_left = rest.scan_limit;
    let mut rows = Vec::new();
    let mut newest = None;
    loop {
        rest.scan_limit = rows_left.min(PART_ROW_COUNT);
        let part = source.store.read_log::<T>(&rest).await?;
        // Rows that are stored between two parts are above those of a descending page.
        let newest = match query.descending {
            true => *newest.get_or_insert(part.newest),
            false => part.newest,
        };
        let (scanned_to, is_last) = (part.scanned_to, part.is_last());
        rest.limit -= part.rows.len().min(rest.limit);
        rows_left -= rest.scan_limit;
        rows.extend(part.rows);
        let is_over = rest.limit == 0 || rows_left == 0 || begun.elapsed() >= time;
        if is_last || is_over {
            return Ok(shown(query, LogPage::new(rows, scanned_to, newest).with_last(is_last)));
        }
        rest = rest.resume(scanned_to);
    }
}

/// Returns the page of a reader, from one that may have one more row.
fn shown<T: LogRecord>(query: &LogQuery, page: LogPage<T>) -> Page<T> {
    let page = page.truncated(query.limit);
    let next = Some(page.scanned_to).filter(|_| !page.is_last());
    let (scanned_to, newest) = (page.scanned_to, page.newest);
    Page { rows: page.rows, next, scanned_to, newest }
}

impl fmt::Debug for LogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").field("query", &self.query).finish_non_exhaustive()
    }
}
