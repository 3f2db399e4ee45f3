//! Following a log: reads page after page, and waits for rows that are not stored yet.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::future::select;
use futures_util::{StreamExt, stream};

use super::log_reader::Page;
use crate::error::Error;
use crate::observability::{Outage, Outages};
use crate::sync::{self, Notify};
use fluvius_store::{DynStore, LogEntry, LogQuery, LogRecord, ResumeToken, Store};

/// Minimum time between two reads, so that many small commits are read together.
const PAUSE_MIN: Duration = Duration::from_millis(5);

/// Maximum time between two reads without a notification. Commits of other processes are read after
/// this time at the latest.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// A stream of the rows of a log. It ends with an error, or when a shutdown has closed the store.
///
/// Created by [`LogReader::follow_events`](crate::LogReader::follow_events) and its siblings, which
/// document its waits and errors.
pub struct LogStream<T> {
    rows: BoxStream<'static, Result<LogEntry<T>, Error>>,
    at: At,
}

impl<T> LogStream<T> {
    /// Returns the token of the progress of the stream. All rows that it has not yielded yet come
    /// after this token.
    ///
    /// It is the token of the row yielded last. If the log was scanned further without a row to
    /// yield, it is the token of the last row scanned. So it advances even for a stream that yields
    /// few rows. Persist it once every yielded row is processed.
    pub fn resume_token(&self) -> ResumeToken {
        self.at.get()
    }
}

impl<T> Stream for LogStream<T> {
    type Item = Result<LogEntry<T>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.rows.poll_next_unpin(cx)
    }
}

impl<T> fmt::Debug for LogStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.resume_token();
        f.debug_struct("LogStream").field("resume_token", &token).finish_non_exhaustive()
    }
}

/// The progress of a stream. Only one task at a time uses it.
#[derive(Clone)]
struct At(Arc<Mutex<ResumeToken>>);

impl At {
    fn get(&self) -> ResumeToken {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, token: ResumeToken) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

/// The log of a follower, and its wake-ups.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) store: DynStore,
    /// Notified of each commit of this runtime.
    pub(super) committed: Arc<Notify>,
    pub(super) outages: Arc<Outages>,
}

struct Follower<T> {
    query: LogQuery,
    rows: std::vec::IntoIter<LogEntry<T>>,
    at: At,
    /// Set if the log has more rows to scan.
    is_behind: bool,
    pause: Duration,
    outage: Option<Outage>,
    /// Set once a permanent error was yielded.
    is_over: bool,
}

/// Returns an endless stream of the rows that match a query.
pub(super) fn follow<T, F>(
    source: Source,
    query: LogQuery,
    read: impl Fn(Source, LogQuery) -> F + Send + Sync + 'static,
) -> LogStream<T>
where
    T: LogRecord + Send + 'static,
    F: Future<Output = Result<Page<T>, Error>> + Send,
{
    let at = At(Arc::new(Mutex::new(query.after)));
    let follower = Follower {
        query,
        rows: Vec::new().into_iter(),
        at: at.clone(),
        is_behind: true,
        pause: PAUSE_MIN,
        outage: None,
        is_over: false,
    };
    let parts = Arc::new((source, read));
    let rows = stream::unfold(follower, move |mut follower| {
        let parts = Arc::clone(&parts);
        async move {
            let (source, read) = &*parts;
            let inputs = follower.next(source, read).await?;
            Some((inputs, follower))
        }
    });
    LogStream { rows: rows.fuse().boxed(), at }
}

impl<T: LogRecord> Follower<T> {
    async fn next<F>(
        &mut self,
        source: &Source,
        read: &impl Fn(Source, LogQuery) -> F,
    ) -> Option<Result<LogEntry<T>, Error>>
    where
        F: Future<Output = Result<Page<T>, Error>>,
    {
        loop {
            if let Some(row) = self.rows.next() {
                self.at.set(row.resume_token());
                return Some(Ok(row));
            }
            if self.is_over {
                return None;
            }
            // All rows of the page were yielded, so the stream has processed the log up to here.
            self.at.set(self.query.after);
            if !self.is_behind {
                sync::sleep(PAUSE_MIN).await;
            }
            // Created before the read, so that they report every row stored during or after it.
            let committed = pin!(source.committed.notified());
            let stored = source.store.changed();
            match read(source.clone(), self.query.clone()).await {
                Ok(page) => {
                    if let Some(outage) = self.outage.take() {
                        outage.end();
                    }
                    self.query.after = page.scanned_to;
                    self.is_behind = page.next.is_some();
                    self.rows = page.rows.into_iter();
                    if self.rows.len() > 0 || self.is_behind {
                        self.pause = PAUSE_MIN;
                        continue;
                    }
                    self.at.set(self.query.after);
                    let notified = select(committed, stored);
                    select(notified, pin!(sync::sleep(self.pause))).await;
                    self.pause = (self.pause * 2).min(MAX_PAUSE);
                }
                Err(Error::StoreUnavailable { .. }) if source.outages.is_shut_down() => {
                    self.is_over = true;
                    return None;
                }
                Err(error @ Error::StoreUnavailable { .. }) => {
                    let outage =
                        self.outage.get_or_insert_with(|| Outage::begin(&source.outages, &error));
                    sync::sleep(outage.next_pause()).await;
                    // The pause has already elapsed by then.
                    self.is_behind = true;
                }
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
            }
        }
    }
}
