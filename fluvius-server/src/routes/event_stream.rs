//! A stream of events (Server-Sent Events).
//!
//! A stream begins with pages of the log, and joins a tail at its end. Tails are shared: all
//! streams of one domain, realm and actor filter read from one follower of the log, and filter its
//! rows in memory. A stream that is too slow for its tail reads pages again until it has caught up,
//! so it never holds more than the buffer of the tail.
//!
//! # Source
//! WHATWG HTML, section 9.2 (Server-sent events).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use fluvius_core::{Error, LogReader, ReadKind, ReadRequest, ResumeToken, Session};
use futures_util::stream;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::events::{EventFilter, shown};
use crate::app::App;
use crate::mounted::Mounted;
use crate::output;
use crate::streams::{Item, StreamPermit, Tail, TailKey};

/// Time between two comments that keep the connection open.
const COMMENT_INTERVAL: Duration = Duration::from_secs(15);
/// Time after which a stream without events reports its progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);
/// Time between two questions to the policy.
const POLICY_INTERVAL: Duration = Duration::from_secs(60);
/// The pause of a client before it connects again.
const RETRY: Duration = Duration::from_millis(2_000);
/// Number of rows of a page.
const PAGE_ROWS: usize = 256;
/// Number of events that wait for the connection.
const BUFFER: usize = 16;

/// The start of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start {
    /// After a token.
    After(ResumeToken),
    /// At the end of the log.
    Latest,
    /// At the end of the log, with an event that says so: the client's token does not fit.
    Reset,
}

/// The input of a stream.
pub(crate) struct Input {
    pub(crate) app: Arc<App>,
    pub(crate) domain: Arc<Mounted>,
    pub(crate) filter: EventFilter,
    /// The reader with all conditions of the stream, for its pages.
    pub(crate) pages: LogReader,
    /// The reader with the conditions that its tail shares.
    pub(crate) shared: LogReader,
    pub(crate) key: TailKey,
    /// The session of the sender, which the policy is asked about.
    pub(crate) session: Session,
    pub(crate) start: Start,
    /// The end of the sender's credentials.
    pub(crate) expires_at: Option<Instant>,
    pub(crate) _permit: StreamPermit,
}

/// The reason for the end of a stream.
enum End {
    /// The client has gone, the server ends, the log failed, or the policy denies the stream: the
    /// client connects again, and gets the reason.
    Closed,
    /// The sender's credentials have expired.
    Expired,
}

/// Answers with a stream.
pub(crate) fn run(input: Input) -> Response {
    let (sender, receiver) = mpsc::channel(BUFFER);
    let ending = input.app.ending();
    tokio::spawn(async move {
        let session = input.session.clone();
        let mut stream = Stream { input, sender, ending, at: ResumeToken::START };
        let ended = tokio::select! {
            ended = stream.run() => ended,
            () = denied(&session) => Err(End::Closed),
        };
        if matches!(ended, Err(End::Expired)) {
            let event = Event::default().event("expired").data("{}");
            let _ = stream.sender.send(event).await;
        }
    });
    let events = stream::unfold(receiver, |mut receiver| async move {
        let event = receiver.recv().await?;
        Some((Ok::<_, Infallible>(event), receiver))
    });
    let keep_alive = KeepAlive::new().interval(COMMENT_INTERVAL).text("");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that buffers would hold events back.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

struct Stream {
    input: Input,
    sender: mpsc::Sender<Event>,
    /// Set once the server ends.
    ending: watch::Receiver<bool>,
    /// The place up to which the client has all events.
    at: ResumeToken,
}

impl Stream {
    async fn run(&mut self) -> Result<(), End> {
        self.begin().await?;
        loop {
            let (tail, receiver) = self.catch_up().await?;
            // A stream that was too slow for the tail begins again with pages.
            self.follow(tail, receiver).await?;
        }
    }

    /// Determines the start, and sends the first event.
    async fn begin(&mut self) -> Result<(), End> {
        let first = Event::default().retry(RETRY);
        match self.input.start {
            Start::After(token) => {
                self.at = token;
                self.send(first.comment("")).await
            }
            Start::Latest => {
                self.at = self.newest().await?;
                self.send(first.id(self.at.to_string())).await
            }
            Start::Reset => {
                self.at = self.newest().await?;
                self.send(reset(self.at).retry(RETRY)).await
            }
        }
    }

    /// Sends pages until the end of the log, and joins the tail there. No event is missed or sent
    /// twice: the stream has joined the tail before it reads the last page.
    async fn catch_up(&mut self) -> Result<(Arc<Tail>, Receiver<Item>), End> {
        let mut joined = None;
        loop {
            let pages = self.input.pages.clone().after(self.at).limit(PAGE_ROWS);
            let page = match self.unless_ended(pages.events()).await? {
                Ok(page) => page,
                Err(Error::InvalidPosition { newest, .. }) => {
                    self.at = ResumeToken::from(newest);
                    self.send(reset(self.at)).await?;
                    continue;
                }
                Err(_) => return Err(End::Closed),
            };
            for row in page.rows {
                self.at = row.resume_token();
                self.send_row(&row).await?;
            }
            self.at = page.scanned_to;
            if page.next.is_some() {
                continue;
            }
            match joined.take() {
                Some(joined) => return Ok(joined),
                None => {
                    let Input { app, key, shared, .. } = &self.input;
                    joined = Some(app.tails.join(key, shared, self.at));
                }
            }
        }
    }

    /// Sends the events of the tail. Returns if the stream was too slow for it.
    async fn follow(&mut self, _tail: Arc<Tail>, mut items: Receiver<Item>) -> Result<(), End> {
        let mut reported = (self.at, Instant::now());
        loop {
            let due = reported.1 + PROGRESS_INTERVAL;
            let item = tokio::time::timeout_at(due, items.recv());
            match self.unless_ended(item).await? {
                Ok(Ok(Item::Event(row))) if row.position <= self.at.position() => {}
                Ok(Ok(Item::Event(row))) => {
                    self.at = row.resume_token();
                    if self.input.filter.selects(&row.record) {
                        self.send_row(&row).await?;
                        reported = (self.at, Instant::now());
                    }
                }
                Ok(Ok(Item::Progress(token))) => {
                    if token.position() > self.at.position() {
                        self.at = token;
                    }
                }
                Ok(Err(RecvError::Lagged(_))) => return Ok(()),
                Ok(Err(RecvError::Closed)) => return Err(End::Closed),
                Err(_) => {
                    // The filter has hidden all rows for a while: the client resumes after them.
                    if reported.0 != self.at {
                        let token = shown(self.at, None);
                        self.send(Event::default().id(token.to_string())).await?;
                    }
                    reported = (self.at, Instant::now());
                }
            }
        }
    }

    async fn send_row(
        &mut self,
        row: &fluvius_core::LogEntry<fluvius_core::EventRecord>,
    ) -> Result<(), End> {
        let resource = &row.record.aggregate_id.resource;
        let Some(aggregate) = self.input.domain.descriptor(resource) else { return Ok(()) };
        if !self.input.filter.admits(&row.record.aggregate_id) {
            return Ok(());
        }
        let body = output::Event::of(row.clone(), aggregate, false).map_err(|error| {
            tracing::error!(code = error.code(), "an event of the log cannot be shown");
            End::Closed
        })?;
        let text = serde_json::to_string(&body).unwrap_or_default();
        self.send(Event::default().id(self.at.to_string()).data(text)).await
    }

    async fn send(&mut self, event: Event) -> Result<(), End> {
        let sender = self.sender.clone();
        self.unless_ended(sender.send(event)).await?.map_err(|_| End::Closed)
    }

    /// Returns the token of the end of the log.
    async fn newest(&mut self) -> Result<ResumeToken, End> {
        let last = self.input.shared.clone().descending().limit(1).scan_limit(1);
        let page = self.unless_ended(last.events()).await?.map_err(|_| End::Closed)?;
        Ok(ResumeToken::from(page.newest))
    }

    /// Waits for a future, unless the stream ends first.
    async fn unless_ended<T>(&mut self, future: impl Future<Output = T>) -> Result<T, End> {
        let expires_at = self.input.expires_at;
        let expired = async {
            match expires_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.ending.wait_for(|is_ending| *is_ending) => Err(End::Closed),
            () = self.sender.closed() => Err(End::Closed),
            () = expired => Err(End::Expired),
            value = future => Ok(value),
        }
    }
}

/// Returns once the policy no longer allows the sender to read events. A policy that fails does not
/// allow it either.
async fn denied(session: &Session) {
    loop {
        tokio::time::sleep(POLICY_INTERVAL).await;
        if session.may_read(&ReadRequest::new(ReadKind::Events)).await.is_err() {
            return;
        }
    }
}

/// Returns the event that tells a client to forget what it has derived from the log.
fn reset(newest: ResumeToken) -> Event {
    let data = json!({ "newest": newest.to_string() }).to_string();
    Event::default().event("reset").id(newest.to_string()).data(data)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use fluvius_core::{
        Authorization, Domain, DomainContext, MemoryStore, Policy, PolicyRequest, SimpleRejection,
        aggregate,
    };

    use super::*;

    #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
    struct Lamp {}

    #[aggregate(resource = "lamp")]
    impl Lamp {
        /// Light a lamp.
        #[action(evt_key = "lamp-lit")]
        fn light_lamp() -> Result<Self, SimpleRejection> {
            Ok(Self {})
        }
    }

    #[derive(Domain)]
    #[domain(aggregates(Lamp))]
    struct LampDomain;

    /// Allows this many reads.
    struct Reads(AtomicU32);

    impl Policy for Reads {
        async fn authorize(&self, _: &PolicyRequest<'_>) -> Authorization {
            Authorization::Allow
        }

        async fn may_read(&self, request: &ReadRequest<'_>, _: &DomainContext) -> Authorization {
            assert_eq!(request.kind, ReadKind::Events);
            match self.0.fetch_sub(1, Ordering::Relaxed) {
                1.. => Authorization::Allow,
                0 => Authorization::deny("no longer"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn policy_is_asked_each_minute_until_it_denies() {
        let builder = LampDomain::builder(MemoryStore::new()).policy(Reads(AtomicU32::new(2)));
        let session = builder.build().await.unwrap().session(DomainContext::create("client"));
        let begun = Instant::now();
        denied(&session).await;
        assert_eq!(begun.elapsed().as_secs(), 180);
    }
}
