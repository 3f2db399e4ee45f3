//! Following a log: page after page, and waiting for rows that are not stored yet.

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

/// The shortest time between two reads, so that many small commits are read together.
const PAUSE_MIN: Duration = Duration::from_millis(5);

/// The longest time between two reads where nothing is told: what other processes have stored is
/// seen after it, if not before.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// A log that is followed: a stream of its rows. It ends with an error, or when a shutdown has closed
/// the store.
///
/// Made by [`LogReader::follow_events`](crate::LogReader::follow_events) and its siblings, which
/// document the waits and the errors.
pub struct LogStream<T> {
    rows: BoxStream<'static, Result<LogEntry<T>, Error>>,
    at: At,
}

impl<T> LogStream<T> {
    /// The place up to which the stream has read. All rows that it has not given yet lie behind it.
    ///
    /// It is the token of the row that was given last. If the log was looked at further without a
    /// row to give, it is the token of the last row that was looked at. So the token also moves on
    /// for a stream that gives few rows. Store it when every row that was given is dealt with.
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

/// The progress of a stream; one task at a time uses it.
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

/// The log and the wake-ups of a follower.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) store: DynStore,
    /// This runtime has committed something.
    pub(super) committed: Arc<Notify>,
    pub(super) outages: Arc<Outages>,
}

struct Follower<T> {
    query: LogQuery,
    rows: std::vec::IntoIter<LogEntry<T>>,
    at: At,
    /// Set if there is more of the log to look at.
    is_behind: bool,
    pause: Duration,
    outage: Option<Outage>,
    /// Set if a permanent error was given.
    is_over: bool,
}

/// The rows that a query asks for, without end.
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
            // All rows of the page are given: the rows up to here are done with.
            self.at.set(self.query.after);
            if !self.is_behind {
                sync::sleep(PAUSE_MIN).await;
            }
            // They are notified of each row stored after this, also while the page is read.
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
                    let told = select(committed, stored);
                    select(told, pin!(sync::sleep(self.pause))).await;
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
                    // The pause between two reads is over by then.
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
