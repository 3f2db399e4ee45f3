//! The worker: one task of a runtime that serves all of its subscriptions.
//!
//! It owns their state, so no lock is held, and carries out what the plain state asks for: reads of
//! the log, reads and writes of work rows, deliveries. At most one read or write of work rows is
//! under way, so that no read shows a row before the worker's own last write.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

use super::delivery::{Answered, Ticket};
use super::look::{Look, OWNERSHIP_TIME};
use super::member::Member;
use super::ownership::UnitOf;
use super::partition::{MAX_RELEASE_TIME, Partition};
use super::reading::watch;
use super::rows;
use crate::error::Error;
use crate::processor::Processor;
use crate::sync::{self, Instant, Mutex, oneshot};
use chrono::{DateTime, Utc};
use fluvius_store::work::{Announcement, WorkOutcome, WorkPage, WorkQuery};
use fluvius_store::{DynStore, EventRecord, LogPage, LogQuery, ResumeToken, Store, StoreError};

/// Minimum time between two reads at the end of the log, so that many small commits are read
/// together.
pub(super) const MIN_PAUSE: Duration = Duration::from_millis(5);
/// Time between two reads of the work rows. Each is followed by a write of all that has changed.
const TICK: Duration = Duration::from_secs(1);
/// Number of deliveries after which checkpoints are written before the next tick.
const MAX_UNSTORED: usize = 1_000;

/// The handle of the worker of a runtime. The worker runs while it has a subscription.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(super) processor: Arc<Processor>,
    inbox: Mutex<Option<UnboundedSender<Input>>>,
    is_shut_down: AtomicBool,
}

/// A message to the worker.
pub(super) enum Input {
    /// Serve a subscription. The result is false if it is served already.
    Join(Box<Member>, oneshot::Sender<bool>),
    /// Stop serving a subscription.
    Leave(Arc<str>, oneshot::Sender<()>),
    /// Stop serving all subscriptions, and end.
    Stop(oneshot::Sender<()>),
    /// A delivery was answered.
    Answered(Answered),
    /// The log may have grown.
    Grown,
    /// Look at the work rows at once.
    Look,
}

/// The end of a read or a write.
pub(super) enum Done {
    Looked(Result<Look, StoreError>),
    Wrote { began: Instant, outcomes: Vec<WorkOutcome>, units: Vec<UnitOf> },
    Loaded { name: Arc<str>, numbers: Vec<u32>, rows: Result<WorkPage, StoreError> },
    Page { name: Arc<str>, page: Result<LogPage<EventRecord>, StoreError> },
    Held { name: Arc<str>, hold: HeldRead, page: Result<LogPage<EventRecord>, StoreError> },
    Watched,
}

/// A read of the deliveries that wait for a parked one.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeldRead {
    pub(super) partition: u32,
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
    inbox: UnboundedSender<Input>,
    stops: Vec<oneshot::Sender<()>>,
    is_stopping: bool,
    pub(super) has_found_rows: Arc<AtomicBool>,
}

impl Worker {
    pub(crate) fn new(processor: Arc<Processor>) -> Arc<Self> {
        Arc::new(Self { processor, inbox: Mutex::new(None), is_shut_down: AtomicBool::new(false) })
    }

    /// Adds a subscription. Returns false if this runtime serves it already.
    pub(super) async fn join(&self, member: impl Fn() -> Member) -> Result<bool, Error> {
        // The worker may end at the same time; a new one is then started.
        for _ in 0..3 {
            if self.is_shut_down.load(Ordering::Acquire) {
                return Err(Error::ShuttingDown);
            }
            let inbox = self.started();
            let (joined, result) = oneshot::channel();
            if inbox.send(Input::Join(Box::new(member()), joined)).is_ok()
                && let Ok(is_new) = result.await
            {
                return Ok(is_new);
            }
            let mut current = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            current.take_if(|current| current.same_channel(&inbox));
        }
        Err(Error::ShuttingDown)
    }

    /// Returns the sender of messages, and starts the worker if it is not running.
    fn started(&self) -> UnboundedSender<Input> {
        let mut current = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inbox) = current.as_ref().filter(|inbox| !inbox.is_closed()) {
            return inbox.clone();
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
            stops: Vec::new(),
            is_stopping: false,
            has_found_rows,
        };
        services.home.spawn(work.run(receiver));
        inbox
    }

    /// Stops serving a subscription. The receiver is notified once it has stopped.
    pub(super) fn leave(&self, name: &Arc<str>) -> Option<oneshot::Receiver<()>> {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let (stopped, result) = oneshot::channel();
        inbox.send(Input::Leave(Arc::clone(name), stopped)).ok().map(|()| result)
    }

    /// Makes the worker look at the work rows at once, if it runs.
    pub(super) fn look(&self) {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inbox) = inbox.as_ref() {
            let _ = inbox.send(Input::Look);
        }
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
        self.is_shut_down.store(true, Ordering::Release);
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(inbox) = inbox else { return };
        let (stopped, result) = oneshot::channel();
        if inbox.send(Input::Stop(stopped)).is_ok() {
            // The sender is dropped if the worker has ended.
            let _ = result.await;
        }
    }
}

impl Work {
    async fn run(mut self, mut inbox: UnboundedReceiver<Input>) {
        self.announcement = self.store.announce(self.process).await;
        let committed = Arc::clone(&self.processor.services.committed);
        let watch = watch(
            self.store.clone(),
            committed,
            self.inbox.clone(),
            Arc::clone(&self.has_found_rows),
        );
        self.pending.push(watch.boxed());
        let mut has_joined = false;
        loop {
            while let Ok(input) = inbox.try_recv() {
                has_joined |= matches!(input, Input::Join(..));
                self.input(input);
            }
            self.deliver();
            self.read();
            self.begin_store_work();
            self.end_members();
            if self.members.is_empty() && (has_joined || self.is_stopping) && !self.is_store_busy {
                break;
            }
            let now = Instant::now();
            // A time that has passed may wait for a store that fails.
            let pause = self.next_timer(now).saturating_duration_since(now).max(MIN_PAUSE);
            let timer = pin!(sync::sleep(pause));
            match select(pin!(inbox.recv()), select(self.pending.next(), timer)).await {
                Either::Left((Some(input), _)) => {
                    has_joined |= matches!(input, Input::Join(..));
                    self.input(input);
                }
                Either::Left((None, _)) => break,
                Either::Right((Either::Left((Some(done), _)), _)) => self.done(done),
                Either::Right(_) => {}
            }
        }
        inbox.close();
        self.forget_process().await;
        drop(self.announcement.take());
        for stopped in std::mem::take(&mut self.stops) {
            let _ = stopped.send(());
        }
    }

    fn input(&mut self, input: Input) {
        let now = Instant::now();
        match input {
            Input::Join(member, joined) => {
                let is_new = !self.is_stopping && !self.members.contains_key(&member.full_name);
                if is_new {
                    self.members.insert(Arc::clone(&member.full_name), *member);
                    self.next_tick = now;
                }
                let _ = joined.send(is_new);
            }
            Input::Leave(name, stopped) => {
                if let Some(member) = self.members.get_mut(&name) {
                    member.stop(now, stopped);
                    self.next_tick = now;
                }
            }
            Input::Stop(stopped) => {
                self.is_stopping = true;
                self.stops.push(stopped);
                for member in self.members.values_mut() {
                    member.stop(now, oneshot::channel().0);
                }
                self.next_tick = now;
            }
            Input::Answered(answered) => {
                let time = self.time();
                if let Some(member) = self.members.get_mut(&answered.name) {
                    member.answered(answered, now, time);
                }
            }
            Input::Look => self.next_tick = now,
            Input::Grown => {
                self.members.values_mut().for_each(|member| member.feed.may_have_grown());
            }
        }
    }

    /// Returns the time of the runtime's clock.
    pub(super) fn time(&self) -> DateTime<Utc> {
        self.processor.services.now()
    }

    /// Hands out the deliveries that can begin. None begins once the ownership has expired: this
    /// process may have been suspended, and another one may work on its partitions.
    fn deliver(&mut self) {
        let now = Instant::now();
        if self.renewed_at.is_none_or(|renewed_at| now - renewed_at > OWNERSHIP_TIME) {
            return;
        }
        for member in self.members.values_mut() {
            for (partition, lost, due) in member.due(now) {
                let ticket = Ticket {
                    row: due.row,
                    name: Arc::clone(&member.full_name),
                    partition,
                    attempt: due.attempt,
                    lost,
                    store: self.store.clone(),
                    inbox: self.inbox.clone(),
                    is_answered: AtomicBool::new(false),
                };
                (member.sink)(Arc::new(ticket));
            }
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Looked(look) => self.looked(look),
            Done::Wrote { began, outcomes, units } => self.wrote(began, outcomes, units),
            Done::Loaded { name, numbers, rows } => self.loaded(&name, &numbers, rows),
            Done::Page { name, page } => self.page(&name, page),
            Done::Held { name, hold, page } => self.held(&name, hold, page),
            Done::Watched => {}
        }
    }

    /// Removes the subscriptions that have stopped.
    fn end_members(&mut self) {
        let now = Instant::now();
        self.members.retain(|_, member| {
            // A store that fails does not delay the end for ever.
            let is_over = member
                .stop_by
                .is_some_and(|by| member.slots.is_empty() || by + MAX_RELEASE_TIME <= now);
            if is_over {
                member.partitions().for_each(Partition::lose);
                for stopped in std::mem::take(&mut member.stopped) {
                    let _ = stopped.send(());
                }
            }
            !is_over
        });
    }

    fn next_timer(&self, now: Instant) -> Instant {
        let timers = self.members.values().flat_map(|member| {
            let partitions = member.partitions().filter_map(|partition| partition.next_timer());
            partitions.chain(member.read_after.filter(|after| *after > now)).chain(member.stop_by)
        });
        timers.chain((!self.is_store_busy).then_some(self.next_tick)).min().unwrap_or(now + TICK)
    }

    /// Begins a read or a write of work rows, if one is due.
    fn begin_store_work(&mut self) {
        if self.is_store_busy || self.members.is_empty() {
            return;
        }
        let now = Instant::now();
        if self.next_tick <= now {
            self.next_tick = now + TICK;
            self.is_store_busy = true;
            let query =
                WorkQuery::new(self.time(), [rows::PARTITION, rows::PROCESS, rows::SUBSCRIPTION]);
            let look = Look::read(self.store.clone(), query, self.process, self.copy);
            self.pending.push(look.map(Done::Looked).boxed());
            return;
        }
        let partitions = || self.members.values().flat_map(Member::partitions);
        let unstored: usize = partitions().map(|partition| partition.done_count).sum();
        let has_left = || partitions().any(|partition| partition.is_released(now));
        if unstored >= MAX_UNSTORED || has_left() {
            self.begin_write(Vec::new(), Vec::new());
        }
    }
}
