//! The worker: one task of a runtime that serves all of its subscriptions.
//!
//! It owns their state, so no lock is held, and carries out what the plain state asks for: reads of
//! the log, reads and writes of work rows, deliveries. At most one read or write of work rows is
//! under way, so that no read shows a row before the worker's own last write.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use uuid::Uuid;

use super::delivery::Answered;
use super::member::Member;
use super::ownership::UnitOf;
use super::partition::Lost;
use super::work_view::WorkView;
use crate::error::Error;
use crate::processor::Processor;
use crate::sync::{Instant, Mutex, oneshot};
use crate::unwind::Guarded;
use fluvius_store::work::{Announcement, WorkOutcome, WorkPage};
use fluvius_store::{DynStore, EventRecord, LogPage, LogQuery, ResumeToken, Store, StoreError};

/// Minimum time between two reads at the end of the log, so that many small commits are read
/// together.
pub(super) const MIN_PAUSE: Duration = Duration::from_millis(5);

/// The handle of the worker of a runtime. The worker runs while it has a subscription.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(super) processor: Arc<Processor>,
    inbox: Mutex<Option<UnboundedSender<Input>>>,
    is_shut_down: AtomicBool,
}

/// A message to the worker.
pub(super) enum Input {
    /// Serve a subscription.
    Join(Box<Member>, oneshot::Sender<Joined>),
    /// Stop serving a subscription that has joined with this id.
    Leave(Arc<str>, u64, oneshot::Sender<()>),
    /// Stop serving all subscriptions, and end.
    Stop(oneshot::Sender<()>),
    /// A delivery was answered.
    Answered(Answered),
    /// The log may have grown.
    Grown,
    /// Read the work rows at once.
    Refresh,
}

/// A subscription that was joined. It is left again if the caller is dropped before it takes the
/// id.
pub(super) struct Membership {
    pub(super) name: Arc<str>,
    pub(super) id: u64,
    pub(super) inbox: UnboundedSender<Input>,
    pub(super) is_taken: bool,
}

impl Membership {
    /// Returns the id, with which the caller leaves.
    pub(super) fn take(mut self) -> u64 {
        self.is_taken = true;
        self.id
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if !self.is_taken {
            let left = Input::Leave(Arc::clone(&self.name), self.id, oneshot::channel().0);
            let _ = self.inbox.send(left);
        }
    }
}

/// The answer to a request to serve a subscription.
pub(super) enum Joined {
    /// It is served.
    Yes(Membership),
    /// It was served before.
    Served,
    /// The worker is stopping.
    Stopping,
}

/// The end of a read or a write.
pub(super) enum Done {
    Viewed(Result<WorkView, StoreError>),
    Wrote { began: Instant, outcomes: Vec<WorkOutcome>, units: Vec<UnitOf> },
    Loaded { name: Arc<str>, tokens: Vec<(u32, u64)>, rows: Result<WorkPage, StoreError> },
    Page { name: Arc<str>, id: u64, page: Result<LogPage<EventRecord>, StoreError> },
    Held { name: Arc<str>, hold: HeldRead, page: Result<LogPage<EventRecord>, StoreError> },
    Watched,
}

/// A read of the deliveries that wait for a parked one.
#[derive(Debug)]
pub(super) struct HeldRead {
    pub(super) partition: u32,
    /// Tells the ownership under which the read began.
    pub(super) lost: Lost,
    pub(super) key: u64,
    pub(super) before: u64,
}

/// The state of the worker's task.
pub(super) struct Work {
    pub(super) processor: Arc<Processor>,
    pub(super) store: DynStore,
    pub(super) domain: &'static str,
    /// The id of this process in the work rows.
    pub(super) process: Uuid,
    /// The copy of the store; `None` until it is known.
    pub(super) copy: Option<Uuid>,
    pub(super) members: BTreeMap<Arc<str>, Member>,
    pub(super) pending: FuturesUnordered<BoxFuture<'static, Done>>,
    /// The token of this process's row.
    pub(super) process_token: Option<u64>,
    /// The begin of the write that has renewed the ownership last.
    pub(super) renewed_at: Option<Instant>,
    /// Set while a read or write of work rows is under way.
    pub(super) is_store_busy: bool,
    pub(super) next_tick: Instant,
    /// Tells the store that this process is alive.
    pub(super) announcement: Option<Announcement>,
    pub(super) inbox: UnboundedSender<Input>,
    /// The time before which no checkpoint is written, after a write that has failed.
    pub(super) write_after: Option<Instant>,
    /// The requests that wait for a member that is stopping.
    pub(super) joining: Vec<(Box<Member>, oneshot::Sender<Joined>)>,
    pub(super) last_id: u64,
    pub(super) stops: Vec<oneshot::Sender<()>>,
    pub(super) is_stopping: bool,
    pub(super) has_found_rows: Arc<AtomicBool>,
}

impl Worker {
    pub(crate) fn new(processor: Arc<Processor>) -> Arc<Self> {
        Arc::new(Self { processor, inbox: Mutex::new(None), is_shut_down: AtomicBool::new(false) })
    }

    /// Adds a subscription.
    pub(super) async fn join(&self, member: impl Fn() -> Member) -> Result<Joined, Error> {
        // The worker may end at the same time; a new one is then started.
        for _ in 0..3 {
            let inbox = self.started().ok_or(Error::ShuttingDown)?;
            let (joined, result) = oneshot::channel();
            if inbox.send(Input::Join(Box::new(member()), joined)).is_ok()
                && let Ok(answer) = result.await
            {
                return Ok(answer);
            }
            let mut current = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            current.take_if(|current| current.same_channel(&inbox));
        }
        Err(Error::ShuttingDown)
    }

    /// Returns the sender of messages, and starts the worker if it is not running.
    /// `None` after a shutdown.
    fn started(&self) -> Option<UnboundedSender<Input>> {
        let mut current = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_shut_down.load(Ordering::Acquire) {
            return None;
        }
        if let Some(inbox) = current.as_ref().filter(|inbox| !inbox.is_closed()) {
            return Some(inbox.clone());
        }
        let (inbox, receiver) = unbounded_channel();
        *current = Some(inbox.clone());
        let services = &self.processor.services;
        let has_found_rows = Arc::new(AtomicBool::new(false));
        let work = Work {
            processor: Arc::clone(&self.processor),
            store: services.store.clone(),
            domain: services.metadata.namespace,
            process: services.ids.generate(),
            copy: None,
            members: BTreeMap::new(),
            pending: FuturesUnordered::new(),
            process_token: None,
            renewed_at: None,
            is_store_busy: false,
            next_tick: Instant::now(),
            announcement: None,
            inbox: inbox.clone(),
            write_after: None,
            joining: Vec::new(),
            last_id: 0,
            stops: Vec::new(),
            is_stopping: false,
            has_found_rows,
        };
        let domain = services.metadata.namespace;
        services.home.spawn(async move {
            if Guarded::new(work.run(receiver)).await.is_none() {
                tracing::error!(domain, "the worker of the subscriptions panicked, and has ended");
            }
        });
        Some(inbox)
    }

    /// Stops serving a subscription. The receiver is notified once it has stopped.
    pub(super) fn leave(&self, name: &Arc<str>, id: u64) -> Option<oneshot::Receiver<()>> {
        let (stopped, result) = oneshot::channel();
        self.send(Input::Leave(Arc::clone(name), id, stopped)).then_some(result)
    }

    /// Sends a message to the worker. Returns false if it does not run.
    fn send(&self, input: Input) -> bool {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        inbox.as_ref().is_some_and(|inbox| inbox.send(input).is_ok())
    }

    /// Makes the worker read the work rows at once, if it runs.
    pub(super) fn refresh(&self) {
        self.send(Input::Refresh);
    }

    /// Checks a resume token against the store.
    pub(super) async fn check(&self, token: ResumeToken) -> Result<(), Error> {
        let query = LogQuery::all().after(token).limit(0);
        let store = &self.processor.services.store;
        store.read_log::<EventRecord>(&query).await.map(drop).map_err(Error::from)
    }

    /// Stops serving all subscriptions: waits for deliveries in flight, writes the checkpoints, and
    /// gives up the partitions. No further subscription is served.
    pub(crate) async fn shut_down(&self) {
        let inbox = {
            let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            self.is_shut_down.store(true, Ordering::Release);
            inbox.clone()
        };
        let Some(inbox) = inbox else { return };
        let (stopped, result) = oneshot::channel();
        if inbox.send(Input::Stop(stopped)).is_ok() {
            // The sender is dropped if the worker has ended.
            let _ = result.await;
        }
    }
}

impl Drop for Worker {
    /// Stops the task, which holds the processor and the store.
    fn drop(&mut self) {
        self.send(Input::Stop(oneshot::channel().0));
    }
}
